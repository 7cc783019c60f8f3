import type { PartialModelObject } from 'objection';
import type { Actor } from '../../domain/actor';
import { transition } from '../../domain/invitation';
import { badInput } from '../../domain/problem';
import type { Transaction } from '../database';
import { Account } from '../models/account';
import type { Invitation } from '../models/invitation';
import { findSuppression, suppressedWords } from '../queries/find-suppression';
import { judgeGroups } from './change-group-members';
import { closed, type Commanded, commanded, type Manager, meet } from './command';
import { makeRoom, noGroup } from './create-invitation';
import { eraseInvitee } from './erase-invitee';
import { assertWhole } from './invitation-parts';
import { accountInactive, alreadyMember, checkDomain, findPerson } from './invitee';
import { assertMayRedirect, type Standings } from './redirect-invitation';
import { type Change, saveInvitation } from './save-invitation';
import { nameSuppressed } from './suppress-address';
import { takeChangedSeat } from './take-seat';
import { newGeneration, remindersAfter, remindersOf } from './start-term';

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
 * @param person who corrects: needed where groups are chosen, each of which has to be theirs to invite into // D4
 * @param standingIn what they are elsewhere: needed where the address of an invitation into several organizations changes // C3
 */
export async function correctInvitation(
  trx: Transaction,
  organizationId: string,
  id: string,
  correction: Correction,
  manager: Manager,
  check: (invitation: Invitation) => void = () => {},
  standingIn: Standings = () => undefined,
): Promise<Commanded> {
  const { invitation, organization, now, expired } = await meet(trx, organizationId, id, manager);
  check(invitation);
  assertWhole(invitation);
  if (expired || !transition(invitation.status, 'correct')) throw closed(expired?.invitation ?? invitation);
  const { email, groupIds: wished, ...names } = correction;
  const { groupIds: present, kind } = invitation;
  const action = kind === 'guest' ? 'guests.invite' : 'members.invite';
  const groups = wished && (await judgeGroups(trx, organization, wished, { person: manager.person, action, present }));
  const errors = [
    ...(groups?.errors ?? []),
    ...(kind === 'guest' && groups?.groupIds.length === 0 ? [noGroup] : []),
    ...(email === undefined ? [] : checkDomain(organization.policy.allowedEmailDomains, email)),
    ...(['firstName', 'lastName'] as const)
      .filter((field) => correction[field] === null && organization.policy.requiredFields.includes(field))
      .map((field) => ({ pointer: `/${field}`, message: `${field} is mandatory in this organization.` })),
  ];
  if (errors.length > 0) throw badInput(...errors);
  const patch: PartialModelObject<Invitation> = { ...names, ...(groups && { groupIds: groups.groupIds }) };
  const changes: Change[] = [];
  const readdressed = email !== undefined && email !== invitation.email;
  if (readdressed) {
    await assertMayRedirect(trx, organization, invitation, manager, standingIn);
    const room = await makeRoom(trx, organization, email, now, invitation.id);
    if (room) changes.push(room.change);
    patch.email = email;
    await readdress(trx, invitation, email, manager.actor, now);
    if (invitation.status === 'pending')
      Object.assign(patch, newGeneration({ ...invitation, email }, now, true), {
        // A link that was handed over had none.
        reminderAt: invitation.byHand
          ? remindersOf(organization, { ...invitation, byHand: false }, now)
          : remindersAfter(invitation, now),
      });
    const suppressed = await findSuppression(trx, organizationId, email);
    if (suppressed) {
      await nameSuppressed(trx, organizationId, email);
      if (invitation.status === 'pending') patch.deliveryDetail = suppressedWords(suppressed);
    }
  }
  const saved = await saveInvitation(trx, invitation, patch, now);
  await renameInvitee(trx, saved.invitation, names, now);
  const done = await commanded(saved, trx, readdressed ? 'corrected' : 'edited', manager.actor, now);
  if (groups && invitation.status === 'pending') {
    const count = { before: invitation.groupIds.length, after: saved.invitation.groupIds.length };
    await takeChangedSeat(trx, organizationId, invitation.kind, count);
  }
  return { ...done, changes: [...changes, ...done.changes] };
}

/** The account that was made for the invited person gets the new address, unless this organization knows it already. */
async function readdress(
  trx: Transaction,
  invitation: Invitation,
  email: string,
  actor: Actor,
  now: Date,
): Promise<void> {
  const person = await findPerson(trx, invitation.organizationId, email);
  if (person && person.account.id !== invitation.accountId) {
    const { account, membership } = person;
    if (['active', 'suspended'].includes(membership.status)) throw alreadyMember(membership);
    if (membership.status === 'invited' || membership.inactiveReason === 'expired') throw accountInactive('');
    await eraseInvitee(trx, invitation.organizationId, account, actor, now);
  }
  await Account.query(trx).findById(invitation.accountId).patch({ invitedEmail: email, updatedAt: now });
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
    .whereNull('activatedAt');
}
