import { systemActor } from '../../domain/actor';
import { effectiveStatus } from '../../domain/invitation';
import { staleMs } from '../../domain/inviter-notice';
import { mailReason } from '../../domain/mail-reason';
import type { Transaction } from '../database';
import type { Invitation } from '../models/invitation';
import { Organization } from '../models/organization';
import { closeInvitee } from './close-invitee';
import { requestAccountMail } from './account-mail';
import { recordEvents } from './record-event';
import { noticeInviter } from './notice-inviter';
import { type Saved, saveInvitation } from './save-invitation';

/**
 * Writes down that the deadline has passed; what becomes of the account is the policy's `onExpiry`. Nothing happens to
 * an invitation that is not overdue, so it may be called by whoever meets the row, as often as they like. // E7, C5
 * @param invitation the locked row
 */
export async function expireIfOverdue(trx: Transaction, invitation: Invitation, now: Date): Promise<Saved | null> {
  if (invitation.status !== 'pending' || effectiveStatus(invitation, now) !== 'expired') return null;
  const organization = await Organization.query(trx).findById(invitation.organizationId).throwIfNotFound();
  const saved = await saveInvitation(
    trx,
    invitation,
    {
      status: 'expired',
      ...(invitation.deliveryStatus === 'queued' && {
        deliveryStatus: 'failed',
        deliveryDetail: invitation.deliveryDetail ?? mailReason('deadline'),
        deliveryDueAt: null,
      }),
    },
    now,
  );
  if (organization.policy.onExpiry === 'inactive') {
    await closeInvitee(trx, saved.invitation, 'expired', now);
    if (organization.policy.notifyInactive) await tellInactive(trx, saved.invitation, now);
  }
  await noticeInviter(trx, saved.invitation, 'expired', now);
  await recordEvents(trx, {
    organizationId: invitation.organizationId,
    type: 'invitation.expired',
    actor: systemActor,
    at: now,
    invitationId: invitation.id,
    accountId: invitation.accountId,
    data: { generation: invitation.generation },
  });
  return saved;
}

/** Whether they can come back, and the mail is still theirs, is looked up when it goes out. // E7, E8 */
async function tellInactive(
  trx: Transaction,
  { organizationId, accountId, email, byHand, parentId }: Invitation,
  now: Date,
) {
  // An address that no link was mailed to is not theirs for all we know.
  if (email === null || byHand || parentId !== null) return;
  await requestAccountMail(
    trx,
    {
      type: 'account-inactive',
      recipient: email,
      accountId,
      aboutOrganizationId: organizationId,
      deadline: new Date(now.getTime() + staleMs),
    },
    now,
    0,
  );
}
