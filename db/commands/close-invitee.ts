import type { InactiveReason } from '../../domain/account';
import type { Transaction } from '../database';
import { Account } from '../models/account';
import type { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';

/**
 * What an ended invitation leaves behind: the organization sees the person as inactive, and so is the account that was
 * made for them, unless a later invitation has taken them over. // E7
 */
export async function closeInvitee(
  trx: Transaction,
  invitation: Invitation,
  reason: InactiveReason,
  now: Date,
): Promise<void> {
  const account = await Account.query(trx).findById(invitation.accountId).forUpdate();
  const closed = await Membership.query(trx)
    .patch({ status: 'inactive', inactiveReason: reason, updatedAt: now })
    .where({ organizationId: invitation.organizationId, accountId: invitation.accountId, status: 'invited' })
    .where('invitationId', invitation.id);
  if (closed === 0 || !account || account.activatedAt) return;
  await account
    .$query(trx)
    .patch({ status: 'inactive', inactiveReason: reason, version: account.version + 1, updatedAt: now });
}

/**
 * The other way round: an invitation that is open again. Who was reactivated by hand meanwhile and has not come in is
 * invited again, too, with all the time of the invitation. // E9
 */
export async function reopenInvitee(trx: Transaction, invitation: Invitation, now: Date): Promise<void> {
  await Account.query(trx)
    .patch({
      status: 'invited',
      inactiveReason: null,
      reactivationDeadline: null,
      reactivationResetAt: null,
      updatedAt: now,
    })
    .where({ id: invitation.accountId })
    .whereIn('status', ['inactive', 'active'])
    .whereNull('activatedAt');
  await Membership.query(trx)
    .patch({ status: 'invited', inactiveReason: null, invitationId: invitation.id, updatedAt: now })
    .where({ organizationId: invitation.organizationId, accountId: invitation.accountId })
    .whereIn('status', ['inactive', 'invited']);
}
