import { deadline } from '../../domain/calendar-time';
import { Problem } from '../../domain/problem';
import { reminderInstants } from '../../domain/reminders';
import { mailReason } from '../../domain/mail-reason';
import type { Transaction } from '../database';
import { Email } from '../models/email';
import type { Invitation } from '../models/invitation';
import type { Organization } from '../models/organization';

export type Generation = Pick<
  Invitation,
  'generation' | 'byHand' | 'deliveryStatus' | 'deliveryDetail' | 'deliveryDueAt' | 'unwanted'
>;
export type Term = Generation &
  Pick<Invitation, 'status' | 'sentAt' | 'expiresAt' | 'answeredAt' | 'reminderAt' | 'remindersSent'>;

/**
 * A new generation of the link with a full term: the older link is dead, the mail is due at once. The deadline is an
 * instant, fixed here, so that a later change of the policy leaves it alone. // B5, C7
 */
export function newTerm(
  organization: Organization,
  invitation: Pick<Invitation, 'generation' | 'email' | 'requestedExpiresAt' | 'accessEndsAt'>,
  now: Date,
  { byMail = true, asRequested = true } = {},
): Term {
  const requested = asRequested ? invitation.requestedExpiresAt : null;
  if (requested && requested <= now)
    throw new Problem('DEADLINE_PASSED', 'The deadline that was set for this invitation has passed: set a later one.');
  const { accessEndsAt } = invitation;
  if (accessEndsAt && accessEndsAt <= now)
    throw new Problem('DEADLINE_PASSED', 'The access that this invitation would give has ended already.');
  const term = requested ?? deadline(now, organization.policy.invitationLifetime, organization.timeZone);
  const generation = newGeneration(invitation, now, byMail);
  const dates = { sentAt: now, expiresAt: withinAccess(term, accessEndsAt) };
  return {
    status: 'pending',
    ...generation,
    ...dates,
    answeredAt: null,
    reminderAt: remindersOf(organization, { ...generation, ...dates }, now),
    remindersSent: 0,
  };
}

/** When the holder of the present link is reminded in the rest of its term; never of a link that was handed over. // F3 */
export function remindersOf(
  { policy, timeZone }: Organization,
  {
    sentAt,
    expiresAt,
    byHand,
    parentId,
  }: Pick<Invitation, 'sentAt' | 'expiresAt' | 'byHand'> & { parentId?: string | null },
  now: Date,
): Date[] {
  if (byHand || parentId || !sentAt || !expiresAt) return [];
  const { reminders, quietHours } = policy;
  return reminderInstants({ after: now, sentAt, expiresAt, reminders, quietHours, timeZone });
}

/**
 * The same for a term whose deadline or policy has changed. A reminder that waits for its next try names the old deadline, so
 * it is given up, and its number with it. // F7
 */
export async function replanReminders(
  trx: Transaction,
  organization: Organization,
  invitation: Pick<Invitation, 'id' | 'generation' | 'sentAt' | 'expiresAt' | 'byHand' | 'parentId' | 'remindersSent'>,
  now: Date,
): Promise<Pick<Invitation, 'reminderAt' | 'remindersSent'>> {
  const { id: invitationId, generation, remindersSent } = invitation;
  const givenUp = await Email.query(trx)
    .patch({ status: 'failed', detail: mailReason('term-changed'), nextTryAt: null })
    .where({ invitationId, generation, type: 'invitation-reminder', status: 'queued' });
  return { reminderAt: remindersOf(organization, invitation, now), remindersSent: remindersSent + givenUp };
}

/** Those that are still to come: nobody is reminded of a mail by what was due before it went out. */
export const remindersAfter = ({ reminderAt }: Pick<Invitation, 'reminderAt'>, now: Date): Date[] =>
  reminderAt.filter((at) => at > now);

/** A link does not outlive the access it gives. // D11 */
export const withinAccess = (expiresAt: Date, accessEndsAt: Date | null): Date =>
  accessEndsAt && accessEndsAt < expiresAt ? accessEndsAt : expiresAt;

/** A new link in place of the old one, within the present term. */
export function newGeneration(
  invitation: Pick<Invitation, 'generation' | 'email'>,
  now: Date,
  byMail: boolean,
): Generation {
  const mailed = byMail && invitation.email !== null;
  return {
    generation: invitation.generation + 1,
    byHand: !mailed,
    deliveryStatus: mailed ? 'queued' : 'none',
    deliveryDetail: null,
    deliveryDueAt: mailed ? now : null,
    unwanted: false,
  };
}
