import type { InactiveReason } from '../../domain/account';
import type { Transaction } from '../database';
import { Account } from '../models/account';
import type { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';
import { hasOtherOpenInvitation } from '../system/account-ties';

/**
 * What an ended invitation leaves behind: the organization sees the person as inactive, and the account becomes
 * inactive if nobody ever set a password and no other invitation waits for an answer. // E7
 */
export async function closeInvitee(
  trx: Transaction,
  invitation: Invitation,
  reason: InactiveReason,
  now: Date,
): Promise<void> {
  const account = await Account.query(trx).findById(invitation.accountId).forUpdate();
  await Membership.query(trx)
    .patch({ status: 'inactive', inactiveReason: reason, updatedAt: now })
    .where({ organizationId: invitation.organizationId, accountId: invitation.accountId, status: 'invited' })
    .where('invitationId', invitation.id);
  if (!account || account.activatedAt || account.status !== 'invited') return;
  if (await hasOtherOpenInvitation(trx, account.id, invitation.id)) return;
  await account
    .$query(trx)
    .patch({ status: 'inactive', inactiveReason: reason, version: account.version + 1, updatedAt: now });
}

/** The other way round: an invitation that is open again. */
export async function reopenInvitee(trx: Transaction, invitation: Invitation, now: Date): Promise<void> {
  await Membership.query(trx)
    .patch({ status: 'invited', inactiveReason: null, invitationId: invitation.id, updatedAt: now })
    .where({ organizationId: invitation.organizationId, accountId: invitation.accountId })
    .whereIn('status', ['inactive', 'invited']);
  await Account.query(trx)
    .patch({ status: 'invited', inactiveReason: null, updatedAt: now })
    .where({ id: invitation.accountId, status: 'inactive' })
    .whereNull('activatedAt');
}
