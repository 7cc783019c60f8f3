import type { Actor } from '../../domain/actor';
import type { Transaction } from '../database';
import type { Account } from '../models/account';
import { Email } from '../models/email';
import { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';
import { belongsElsewhere } from '../system/account-ties';
import { recordEvents } from './record-event';

/**
 * Erases what this organization holds of a person who is not active here: membership, groups, names and addresses in
 * its invitations and mail log. The account itself goes too, unless another organization knows it; then username and
 * e-mail are free again. Audit events keep the ids. // E10
 */
export async function eraseInvitee(
  trx: Transaction,
  organizationId: string,
  account: Account,
  actor: Actor,
  now: Date,
): Promise<{ accountErased: boolean }> {
  const invitations = await Invitation.query(trx).where({ organizationId, accountId: account.id }).select('id');
  const ids = invitations.map((invitation) => invitation.id);
  await Email.query(trx).delete().where({ organizationId }).whereIn('invitationId', ids);
  await Invitation.query(trx)
    .patch({
      email: null,
      username: null,
      firstName: null,
      lastName: null,
      message: null,
      metadata: null,
      declineReason: null,
    })
    .where({ organizationId, accountId: account.id });
  await Membership.query(trx).delete().where({ organizationId, accountId: account.id });
  const accountErased = !account.activatedAt && !(await belongsElsewhere(trx, account.id, organizationId));
  if (accountErased) await eraseAccount(trx, account, now);
  await recordEvents(trx, { organizationId, type: 'user.erased', actor, at: now, accountId: account.id });
  return { accountErased };
}

export async function eraseAccount(trx: Transaction, account: Account, now: Date): Promise<void> {
  await account.$query(trx).patch({
    status: 'erased',
    email: null,
    username: null,
    firstName: null,
    lastName: null,
    locale: null,
    passwordHash: null,
    inactiveReason: null,
    homeOrganizationId: null,
    version: account.version + 1,
    updatedAt: now,
  });
}
