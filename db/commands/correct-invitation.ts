import type { PartialModelObject } from 'objection';
import type { Actor } from '../../domain/actor';
import { addressKey } from '../../domain/email-address';
import { transition } from '../../domain/invitation';
import { badInput, Problem } from '../../domain/problem';
import type { Transaction } from '../database';
import { Account } from '../models/account';
import type { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';
import type { Organization } from '../models/organization';
import { belongsElsewhere } from '../system/account-ties';
import { checkDomain, checkGroups, makeRoom } from './create-invitation';
import { eraseAccount } from './erase-invitee';
import { findAccountByEmail, findOrCreateAccount, usernameTaken } from './find-or-create-account';
import { type Change, saveInvitation } from './save-invitation';
import { closed, type Commanded, commanded, meet } from './command';
import { newGeneration } from './start-term';

export interface Correction {
  email?: string;
  firstName?: string | null;
  lastName?: string | null;
  groupIds?: string[];
  message?: string | null;
}

/**
 * Changes an open invitation. A new address gets a new link by mail at once, within the present term, and the old link
 * is dead; names, groups and the personal text change without a mail. // E11
 * @param check called with the locked row, before anything is decided: If-Match
 */
export async function correctInvitation(
  trx: Transaction,
  organizationId: string,
  id: string,
  correction: Correction,
  actor: Actor,
  check: (invitation: Invitation) => void = () => {},
): Promise<Commanded> {
  const { invitation, organization, now, expired } = await meet(trx, organizationId, id);
  check(invitation);
  if (expired || !transition(invitation.status, 'correct')) throw closed(expired?.invitation ?? invitation);
  const { email, groupIds, ...names } = correction;
  const errors = [
    ...(groupIds ? await checkGroups(trx, organizationId, groupIds) : []),
    ...(email === undefined ? [] : checkDomain(organization.policy.allowedEmailDomains, email)),
    ...(['firstName', 'lastName'] as const)
      .filter((field) => correction[field] === null && organization.policy.requiredFields.includes(field))
      .map((field) => ({ pointer: `/${field}`, message: `${field} is mandatory in this organization.` })),
  ];
  if (errors.length > 0) throw badInput(...errors);
  const patch: PartialModelObject<Invitation> = { ...names, ...(groupIds && { groupIds: [...new Set(groupIds)] }) };
  const changes: Change[] = [];
  const readdressed = email !== undefined && email !== invitation.email;
  if (readdressed) {
    const room = await makeRoom(trx, organization, email, now, invitation.id);
    if (room) changes.push(room.change);
    patch.email = email;
    patch.accountId = await readdress(trx, organization, { ...invitation, ...names } as Invitation, email, now);
    if (invitation.status === 'pending') Object.assign(patch, newGeneration({ ...invitation, email }, now, true));
  }
  const saved = await saveInvitation(trx, invitation, patch, now);
  await renameInvitee(trx, saved.invitation, names, now);
  const done = await commanded(saved, trx, readdressed ? 'corrected' : 'edited', actor, now);
  return { ...done, changes: [...changes, ...done.changes] };
}

/**
 * The account behind the new address. One that only this organization knows and that was never active simply gets the
 * address; otherwise the invitation and its membership move to the account of the new address.
 * @returns its id
 */
async function readdress(
  trx: Transaction,
  organization: Organization,
  invitation: Invitation,
  email: string,
  now: Date,
): Promise<string> {
  const organizationId = organization.id;
  const account = await Account.query(trx).findById(invitation.accountId).forUpdate().throwIfNotFound();
  const ours = !account.activatedAt && !(await belongsElsewhere(trx, account.id, organizationId));
  const sameMailbox = account.email !== null && addressKey(account.email) === addressKey(email);
  const known = await findAccountByEmail(trx, email);
  if (ours && (!known || sameMailbox)) {
    await account.$query(trx).patch({ email, version: account.version + 1, updatedAt: now });
    return account.id;
  }
  if (sameMailbox) return account.id;
  if (known) await assertUnknownHere(trx, organizationId, known);
  const username = ours || !account.activatedAt ? invitation.username : null;
  if (ours) await account.$query(trx).patch({ username: null });
  const target = await findOrCreateAccount(
    trx,
    organizationId,
    invitation.kind,
    { ...invitation, email, username: known ? null : username },
    now,
    known,
  );
  if (!target) throw usernameTaken();
  await Membership.query(trx)
    .patch({ accountId: target.id, updatedAt: now })
    .where({ organizationId, accountId: account.id });
  if (ours) await eraseAccount(trx, account, now);
  return target.id;
}

async function assertUnknownHere(trx: Transaction, organizationId: string, account: Account): Promise<void> {
  const membership = await Membership.query(trx).findById([organizationId, account.id]).forUpdate();
  if (!membership) return;
  if (membership.status === 'inactive' || membership.status === 'invited') {
    throw new Problem('ACCOUNT_INACTIVE', 'This address belongs to a user of this organization who is not active.', {
      errors: [{ pointer: '/email', message: 'This address belongs to an inactive account.' }],
    });
  }
  throw new Problem('ALREADY_MEMBER', `This person is a ${membership.kind} of the organization already.`, {
    errors: [{ pointer: '/email', message: 'This person belongs to the organization already.' }],
  });
}

/** An invitee who has never been here is called what the invitation calls them. */
async function renameInvitee(
  trx: Transaction,
  invitation: Invitation,
  names: Pick<Correction, 'firstName' | 'lastName'>,
  now: Date,
): Promise<void> {
  const patch = {
    ...(names.firstName !== undefined && { firstName: names.firstName }),
    ...(names.lastName !== undefined && { lastName: names.lastName }),
  };
  if (Object.keys(patch).length === 0) return;
  await Account.query(trx)
    .patch({ ...patch, updatedAt: now })
    .where({ id: invitation.accountId })
    .whereNull('activatedAt')
    .where((query) => query.where('homeOrganizationId', invitation.organizationId).orWhereNull('homeOrganizationId'));
}
