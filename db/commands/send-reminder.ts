import { systemActor } from '../../domain/actor';
import { nextStep } from '../../domain/next-step';
import { afterNight } from '../../domain/reminders';
import { mailReason } from '../../domain/mail-reason';
import { readClock, type Transaction } from '../database';
import { Email } from '../models/email';
import { Invitation } from '../models/invitation';
import { findOrganizationAndClock } from '../queries/find-organization';
import { findOtherOrganizations } from '../queries/find-other-organizations';
import type { MailCount } from './count-mail';
import { noticeInviter } from './notice-inviter';
import {
  type Claim,
  type ClaimedMail,
  type DeliveryOutcome,
  lockForMailing,
  loggingTry,
  noLease,
  type Plan,
  planOf,
  type RenderInvitation,
  takeMail,
  withAttempt,
} from './record-delivery';
import { writingEvents } from './record-event';
import { lockInvitation } from './save-invitation';
import { remindersAfter } from './start-term';
import { suppressRefused } from './suppress-address';

/**
 * Takes the reminder that is due, by the rules of the invitation's own mail. One that comes late, as after an outage, stands
 * for all that were missed, and waits for the end of the organization's night. // F3
 */
export async function claimReminder(
  trx: Transaction,
  organizationId: string,
  invitationId: string,
  leaseMs: number,
  render: RenderInvitation,
  countMail: MailCount,
): Promise<Claim> {
  const found = await lockForMailing(trx, organizationId, invitationId);
  if (!found) return { claimed: false, plan: null };
  const { invitation, suppressed } = found;
  const { organization, now } = await findOrganizationAndClock(trx, organizationId);
  const plan = planOf(invitation, now);
  if (plan.step?.action !== 'remind' || plan.step.at > now || !invitation.email) return { claimed: false, plan };
  const at = afterNight(now, organization.policy.quietHours, organization.timeZone);
  if (at > now) return { claimed: false, plan: await postpone(trx, invitation, at, now) };
  const mail = await render(invitation, organization, await findOtherOrganizations(trx, invitation));
  const ordinal = invitation.remindersSent + 1;
  const claim = await takeMail(trx, invitation, { ...mail, ordinal }, suppressed, { now, leaseMs });
  if (!claim.claimed || !claim.first || (await countMail(trx, claim.email.recipient)) === null) return claim;
  return { claimed: false, plan: await skip(trx, invitation, claim.email, ordinal, now) };
}

/** Its recipient has had enough for now: the reminder is in the log, and the next one takes its turn. // F3 */
async function skip(
  trx: Transaction,
  invitation: Invitation,
  { id }: Pick<ClaimedMail, 'id'>,
  ordinal: number,
  now: Date,
): Promise<Plan> {
  const { organizationId } = invitation;
  const words = mailReason('too-many-mails');
  const skipped = { status: 'failed', detail: words, attempts: withAttempt([], now, words), ...noLease } as const;
  await Email.query(trx).where({ id, organizationId }).patch(skipped);
  return save(trx, invitation, { reminderAt: remindersAfter(invitation, now), remindersSent: ordinal }, now);
}

/**
 * Writes down what came of a try. Refused for good, it tells of the address what the invitation's own mail would have told, and
 * none follows. // F3, F4
 * @returns the plan, and when a deferred one is tried again (milliseconds from now)
 */
export async function recordReminder(
  trx: Transaction,
  organizationId: string,
  { id: emailId, invitationId, leaseOwner }: Pick<ClaimedMail, 'id' | 'invitationId' | 'leaseOwner'>,
  { result, response }: DeliveryOutcome,
): Promise<{ plan: Plan; retryInMs: number | null }> {
  const invitation = await lockInvitation(trx, organizationId, invitationId);
  const now = await readClock(trx);
  const email = await Email.query(trx).findOne({ id: emailId, organizationId }).throwIfNotFound();
  const { logged, wanted, wait, othersMs } = loggingTry(trx, email, leaseOwner, { result, response }, now);
  await logged;
  await suppressRefused(trx, email, { result, response }, now);
  const current =
    wanted &&
    invitation.status === 'pending' &&
    email.generation === invitation.generation &&
    email.ordinal === invitation.remindersSent + 1;
  if (!current) return { plan: planOf(invitation, now), retryInMs: othersMs };
  if (result === 'deferred') {
    const plan = await postpone(trx, invitation, new Date(now.getTime() + wait), now);
    return { plan, retryInMs: plan.step ? Math.max(plan.step.at.getTime() - now.getTime(), 0) : null };
  }
  const accepted = result === 'accepted';
  const patch = accepted
    ? { reminderAt: remindersAfter(invitation, now), remindersSent: email.ordinal }
    : { reminderAt: [], deliveryStatus: 'failed' as const, deliveryDetail: response };
  const plan = await save(trx, invitation, patch, now);
  await writingEvents(trx, {
    organizationId,
    type: accepted ? 'invitation.reminded' : 'invitation.refused',
    actor: systemActor,
    at: now,
    invitationId,
    accountId: invitation.accountId,
    data: { generation: email.generation, emailId, reminder: email.ordinal },
  });
  if (!accepted) await noticeInviter(trx, invitation, 'undeliverable', now, { detail: response });
  return { plan, retryInMs: null };
}

/** Until the given instant, or the end of the night that it lies in; what that overtakes is not sent any more. */
async function postpone(trx: Transaction, invitation: Invitation, to: Date, now: Date): Promise<Plan> {
  const { policy, timeZone } = (await findOrganizationAndClock(trx, invitation.organizationId)).organization;
  const at = afterNight(to, policy.quietHours, timeZone);
  return save(trx, invitation, { reminderAt: [at, ...remindersAfter(invitation, at)] }, now);
}

/** The workflow is the one that calls, and hears the plan as the answer: no mark in the outbox. */
async function save(
  trx: Transaction,
  invitation: Invitation,
  patch: Partial<Pick<Invitation, 'reminderAt' | 'remindersSent' | 'deliveryStatus' | 'deliveryDetail'>>,
  now: Date,
): Promise<Plan> {
  const changed = { ...invitation, ...patch };
  await Invitation.query(trx)
    .patch({ ...patch, nextAt: nextStep(changed, now)?.at ?? null, updatedAt: now })
    .where({ id: invitation.id, organizationId: invitation.organizationId });
  return planOf(changed, now);
}
