import { systemActor } from '../../domain/actor';
import { effectiveStatus } from '../../domain/invitation';
import { staleMs } from '../../domain/inviter-notice';
import { addressKey } from '../../domain/email-address';
import { mailReason } from '../../domain/mail-reason';
import type { Transaction } from '../database';
import { AccountMail } from '../models/account-mail';
import { Email } from '../models/email';
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
  const unsent = invitation.deliveryStatus === 'queued';
  const detail = unsent ? (invitation.deliveryDetail ?? mailReason('deadline')) : null;
  const saved = await saveInvitation(
    trx,
    invitation,
    {
      status: 'expired',
      ...(unsent && { deliveryStatus: 'failed', deliveryDetail: detail, deliveryDueAt: null }),
    },
    now,
  );
  if (organization.policy.onExpiry === 'inactive') {
    await closeInvitee(trx, saved.invitation, 'expired', now);
    if (organization.policy.notifyInactive) await tellInactive(trx, saved.invitation, now);
  }
  // Who never got the link has not left it unanswered: the inviter hears why. // F11
  await noticeInviter(trx, saved.invitation, 'expired', now, { detail });
  const { organizationId, id: invitationId, accountId, generation } = invitation;
  const event = { organizationId, actor: systemActor, at: now, invitationId, accountId };
  await recordEvents(
    trx,
    ...(unsent ? [{ ...event, type: 'invitation.refused', data: { generation, deadline: true } }] : []),
    { ...event, type: 'invitation.expired', data: { generation } },
  );
  return saved;
}

/** Whether they can come back, and the mail is still theirs, is looked up when it goes out. // E7, E8 */
async function tellInactive(
  trx: Transaction,
  { id, organizationId, accountId, email, byHand, parentId }: Invitation,
  now: Date,
) {
  // An address that no link was mailed to is not theirs for all we know.
  if (email === null || byHand || parentId !== null || !(await wasMailed(trx, { id, organizationId, email }))) return;
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

/** A mail of the invitation went out to the address that it has now, by itself or as a copy. */
async function wasMailed(
  trx: Transaction,
  { id: invitationId, organizationId, email }: { id: string; organizationId: string; email: string },
): Promise<boolean> {
  const mails = [
    await Email.query(trx).where({ organizationId, invitationId }).whereNotNull('sentAt').select('recipient'),
    await AccountMail.query(trx)
      .where({ organizationId, invitationId })
      .whereNotNull('copyOf')
      .whereNotNull('sentAt')
      .select('recipient'),
  ].flat();
  return mails.some(({ recipient }) => addressKey(recipient) === addressKey(email));
}
