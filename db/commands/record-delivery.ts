import { randomUUID } from 'node:crypto';
import type { PartialModelObject } from 'objection';
import { systemActor } from '../../domain/actor';
import { mailBackoff } from '../../domain/mail-backoff';
import { mailReason, wasNotTaken } from '../../domain/mail-reason';
import { type NextStep, nextStep } from '../../domain/next-step';
import { type Database, readClock, type Transaction } from '../database';
import { type DeliveryAttempt, Email } from '../models/email';
import { Invitation } from '../models/invitation';
import type { Organization } from '../models/organization';
import { findInviter } from '../queries/find-inviter';
import { findOrganizationAndClock } from '../queries/find-organization';
import { findOtherOrganizations } from '../queries/find-other-organizations';
import { type Suppressed, suppressedWords, suppressionOf } from '../queries/find-suppression';
import { expireIfOverdue } from './expire-invitation';
import { noticeInviter } from './notice-inviter';
import { recordEvents, writingEvents } from './record-event';
import { lockInvitation } from './save-invitation';
import { nameSuppressed, suppressRefused } from './suppress-address';
import { remindersAfter } from './start-term';

/** What to do next about an invitation, by the database's clock; the answer of every activity. */
export interface Plan {
  status: Invitation['status'];
  expiresAt: Date | null;
  step: NextStep | null;
  now: Date;
}

export interface RenderedMail {
  type: string;
  locale: string;
  sender: string;
  /** Domain of the Message-ID. */
  host: string;
  subject: string;
  html: string;
  text: string;
  /** What it was made from. */
  template?: Email['template'];
}

/** What the log has of a mail that is to go out now. */
export type ClaimedMail = Pick<
  Email,
  | 'id'
  | 'invitationId'
  | 'generation'
  | 'messageId'
  | 'sender'
  | 'recipient'
  | 'subject'
  | 'html'
  | 'text'
  | 'createdAt'
  | 'replyTo'
  | 'leaseOwner'
>;

export type Claim =
  /** Nothing to send: not due, or no longer wanted; null: there is no such row any more. */
  | { claimed: false; plan: Plan | null }
  /** Somebody else is sending it, or died doing so: look again in so many milliseconds. */
  | { claimed: false; busyMs: number }
  /** first: it has never been tried. */
  | { claimed: true; email: ClaimedMail; first: boolean };

export const planOf = (
  invitation: Pick<Invitation, 'status' | 'expiresAt'> & Parameters<typeof nextStep>[0],
  now: Date,
): Plan => ({
  status: invitation.status,
  expiresAt: invitation.expiresAt,
  step: nextStep(invitation, now),
  now,
});

/**
 * Takes the mail of the invitation's present generation for sending, if it is due. The first time, it is written to the mail
 * log. Later tries have the same Message-ID, and the same bytes as soon as one may have arrived; until then it is written
 * anew where what it says has changed. // E6, F7
 * @param leaseMs nobody else sends it for so long; longer than the sender's own time limit
 */
export async function claimInvitationMail(
  trx: Transaction,
  organizationId: string,
  invitationId: string,
  leaseMs: number,
  render: RenderInvitation,
): Promise<Claim> {
  const found = await lockForMailing(trx, organizationId, invitationId);
  if (!found) return { claimed: false, plan: null };
  const { invitation, suppressed } = found;
  const { organization, now } = await findOrganizationAndClock(trx, organizationId);
  const plan = planOf(invitation, now);
  if (plan.step?.action !== 'send' || plan.step.at > now || !invitation.email) return { claimed: false, plan };
  const mail = await render(invitation, organization, await findOtherOrganizations(trx, invitation));
  return takeMail(trx, invitation, { ...mail, ordinal: 0 }, suppressed, { now, leaseMs });
}

export type RenderInvitation = (
  invitation: Invitation,
  organization: Organization,
  others: Organization[],
) => RenderedMail | Promise<RenderedMail>;

/** An invitation that is about to be mailed, locked, and whether its address is mailed at all; null: there is no such row. */
export async function lockForMailing(
  trx: Transaction,
  organizationId: string,
  invitationId: string,
): Promise<{ invitation: Invitation; suppressed: Suppressed | null } | null> {
  const found = await Invitation.query(trx)
    .findOne({ id: invitationId, organizationId })
    .select(
      'invitations.*',
      trx.raw(`${suppressionOf('invitations.organization_id', 'invitations.email')} as suppressed`),
    )
    .forUpdate();
  if (!found) return null;
  const { suppressed, ...row } = found as Invitation & { suppressed: Suppressed | null };
  return { invitation: row as unknown as Invitation, suppressed };
}

/**
 * Leases a mail of an invitation: written to the log now, or as it was written there before.
 * @param mail its ordinal is 0 for the invitation's own mail, from 1 on for its reminders
 */
export async function takeMail(
  trx: Transaction,
  invitation: Invitation,
  { host, ...mail }: RenderedMail & { ordinal: number },
  suppressed: Suppressed | null,
  { now, leaseMs }: { now: Date; leaseMs: number },
): Promise<Claim> {
  const { organizationId, id: invitationId, generation } = invitation;
  const id = randomUUID();
  const lease = newLease(now, leaseMs);
  const email = {
    id,
    organizationId,
    invitationId,
    template: 'built-in' as const,
    ...mail,
    generation,
    recipient: invitation.email ?? '',
    messageId: `<${id}@${host}>`,
    status: 'queued' as const,
    ...lease,
    createdAt: now,
    replyTo: await inviterAddress(trx, invitation),
  };
  if (suppressed) return refuseSuppressed(trx, invitation, email, suppressedWords(suppressed), now);
  const written = await trx('emails')
    .insert(email)
    .onConflict(['invitation_id', 'type', 'generation', 'ordinal'])
    .ignore();
  if ((written as unknown as { rowCount: number }).rowCount === 1) return { claimed: true, email, first: true };
  const known = await Email.query(trx)
    .findOne({ organizationId, invitationId, type: mail.type, generation, ordinal: mail.ordinal })
    .forUpdate()
    .throwIfNotFound();
  if (known.leaseUntil && known.leaseUntil > now)
    return { claimed: false, busyMs: known.leaseUntil.getTime() - now.getTime() };
  const taken = {
    ...lease,
    ...(mayHaveArrived(known) ? { detail: mailReason('unheard') } : writtenAnew(known, email)),
  };
  await known.$query(trx).patch(taken);
  return { claimed: true, email: Object.assign(known, taken), first: false };
}

/**
 * Whether the server may have taken a mail without being heard: what it has stays as it is, byte for byte. Whoever died with
 * the mail in hand has left their name; that is remembered, as is a doubt that many later tries have pushed out of the list.
 */
const mayHaveArrived = ({ leaseOwner, detail, attempts }: Email): boolean =>
  leaseOwner !== null || detail === mailReason('unheard') || !attempts.every(({ response }) => wasNotTaken(response));

/** A mail that has not left says what holds now: deadline, names and text may have changed since, or its template. // F7 */
function writtenAnew(known: Email, fresh: Pick<Email, (typeof contents)[number] | 'createdAt'>): Partial<Email> {
  if (contents.every((part) => known[part] === fresh[part])) return {};
  const { locale, template, sender, subject, html, text, replyTo, createdAt } = fresh;
  const anew = { locale, sender, subject, html, text, replyTo, createdAt, contentsRemovedAt: null };
  return { ...anew, ...(template && { template }) };
}

const contents = ['locale', 'template', 'sender', 'subject', 'html', 'text', 'replyTo'] as const;

/** Where an answer goes: to the person who invites, while they are here, at an address that they have proved to be theirs. */
async function inviterAddress(trx: Transaction, invitation: Invitation): Promise<string | null> {
  if (invitation.invitedByType !== 'user' || !invitation.invitedById) return null;
  return (await findInviter(trx, invitation.organizationId, invitation.invitedById))?.email ?? null;
}

/** A mail to an address that is not mailed any more is in the log, and refused by ourselves. The invitation stays open. // F4 */
async function refuseSuppressed(
  trx: Transaction,
  invitation: Invitation,
  row: Omit<PartialModelObject<Email>, 'status'> & { id: string },
  words: string,
  now: Date,
): Promise<Claim> {
  const { organizationId, id: invitationId, generation } = invitation;
  const { type, ordinal } = row;
  const known = await Email.query(trx).findOne({ organizationId, invitationId, type, generation, ordinal });
  const refused = {
    ...row,
    status: 'failed' as const,
    ...noLease,
    attempts: withAttempt(known?.attempts ?? [], now, words),
    nextTryAt: null,
    detail: words,
  };
  const { id: emailId } = await Email.query(trx)
    .insert(refused)
    .onConflict(['invitationId', 'type', 'generation', 'ordinal'])
    .merge(['status', 'attempts', 'detail', 'leaseUntil', 'leaseOwner', 'nextTryAt'])
    .returning('id');
  const delivery = { deliveryStatus: 'failed', deliveryDetail: words, deliveryDueAt: null } as const;
  const changed = { ...invitation, ...delivery };
  await Invitation.query(trx)
    .patch({ ...delivery, nextAt: nextStep(changed, now)?.at ?? null, updatedAt: now })
    .where({ id: invitationId, organizationId });
  await recordEvents(trx, {
    organizationId,
    type: 'invitation.refused',
    actor: systemActor,
    at: now,
    invitationId,
    accountId: invitation.accountId,
    data: { generation, emailId, suppressed: true },
  });
  await noticeInviter(trx, invitation, 'undeliverable', now, { detail: words, aboutMailId: emailId });
  if (invitation.email) await nameSuppressed(trx, organizationId, invitation.email);
  return { claimed: false, plan: planOf(changed, now) };
}

/** Nobody else sends a mail that somebody has taken so; whoever takes it after them is told apart by a name of their own. */
export const newLease = (now: Date, leaseMs: number) => ({
  leaseUntil: new Date(now.getTime() + leaseMs),
  leaseOwner: randomUUID(),
});

export const noLease = { leaseUntil: null, leaseOwner: null } as const;

/** Who has a mail for sending. */
type Held = Pick<Email, 'id' | 'leaseOwner'>;

/**
 * A server that has the mail has not answered yet: the mail stays with its sender for so long from now.
 * @returns false: it has left them already
 */
export async function keepMail(
  trx: Transaction,
  organizationId: string,
  { id, leaseOwner }: Held,
  leaseMs: number,
): Promise<boolean> {
  const kept = await trx('emails')
    .where({ id, organizationId, leaseOwner })
    .update({ leaseUntil: leaseEnd(trx, leaseMs) });
  return kept === 1;
}

export const leaseEnd = (trx: Database, leaseMs: number) =>
  trx.raw<never>(`usher_now() + ? * interval '1 millisecond'`, [leaseMs]);

/** A step that waits for a connection is in good hands: the watchdog, which goes by its time, is to tell nobody. */
export async function stillWaiting(trx: Transaction, organizationId: string, invitationId: string): Promise<void> {
  await trx('invitations')
    .where({ id: invitationId, organizationId })
    .whereRaw('next_at < usher_now()')
    .update({ nextAt: trx.raw('usher_now()') });
}

export interface DeliveryOutcome {
  /** accepted: 2xx · refused: 5xx, for good · deferred: 4xx or no connection, to be tried again */
  result: 'accepted' | 'refused' | 'deferred';
  /** The server's words, or what happened to the connection. */
  response: string;
}

/**
 * Writes down what came of a try. A mail of an older generation changes its own row only. Whoever has lost the mail to another
 * only puts on record what the server has said to them, unless it has the mail now: that is so, whoever has heard it. // F4, E12
 * @returns the plan, and when a deferred mail is tried again (milliseconds from now)
 */
export async function recordDelivery(
  trx: Transaction,
  organizationId: string,
  { id: emailId, invitationId, leaseOwner }: Held & Pick<Email, 'invitationId'>,
  { result, response }: DeliveryOutcome,
): Promise<{ plan: Plan; retryInMs: number | null }> {
  const invitation = await lockInvitation(trx, organizationId, invitationId);
  const found = await Email.query(trx)
    .findOne({ id: emailId, organizationId })
    .select('emails.*', trx.raw('usher_now() as now'))
    .throwIfNotFound();
  const { now, ...email } = found as Email & { now: Date };
  const deferred = result === 'deferred';
  const { logged, wanted, mailStatus, wait, othersMs } = loggingTry(trx, email, leaseOwner, { result, response }, now);
  await suppressRefused(trx, email, { result, response }, now);
  const current = email.generation === invitation.generation && invitation.deliveryStatus === 'queued';
  if (!wanted || !current) {
    await logged;
    return { plan: planOf(invitation, now), retryInMs: othersMs };
  }
  const delivery = {
    deliveryStatus: mailStatus,
    deliveryDetail: response,
    deliveryDueAt: deferred ? new Date(now.getTime() + wait) : null,
    // What was due while it waited reminds of nothing. // F3
    ...(result === 'accepted' && { reminderAt: remindersAfter(invitation, now) }),
  } as const;
  const changed = { ...invitation, ...delivery };
  // The workflow is the one that calls, and hears the plan as the answer: no mark in the outbox. All in one trip.
  const saved = Invitation.query(trx)
    .with('logged', logged)
    .patch({ ...delivery, nextAt: nextStep(changed, now)?.at ?? null, updatedAt: now })
    .where({ id: invitationId, organizationId });
  const plan = planOf(changed, now);
  if (deferred) {
    await saved;
    const untilDeadline = (invitation.expiresAt?.getTime() ?? Infinity) - now.getTime();
    return { plan, retryInMs: Math.max(Math.min(wait, untilDeadline), 0) };
  }
  const told = writingEvents(trx, {
    organizationId,
    type: result === 'accepted' ? 'invitation.delivered' : 'invitation.refused',
    actor: systemActor,
    at: now,
    invitationId,
    accountId: invitation.accountId,
    data: { generation: email.generation, emailId },
  });
  await saved.with('told', told);
  if (result === 'refused')
    await noticeInviter(trx, invitation, 'undeliverable', now, { detail: response, aboutMailId: emailId });
  return { plan, retryInMs: null };
}

/** What the log has of a try, as a statement that goes along with another. */
export function loggingTry(
  trx: Transaction,
  email: Pick<
    Email,
    'id' | 'organizationId' | 'status' | 'attempts' | 'sentAt' | 'nextTryAt' | 'leaseUntil' | 'leaseOwner'
  >,
  leaseOwner: string | null,
  { result, response }: DeliveryOutcome,
  now: Date,
) {
  const { id, organizationId } = email;
  const attempts = withAttempt(email.attempts, now, response);
  const mailStatus = ({ accepted: 'sent', refused: 'failed', deferred: 'queued' } as const)[result];
  const wait = mailBackoff(attempts.length);
  const lost = email.leaseOwner !== leaseOwner;
  const othersMs = lost && email.status === 'queued' ? (email.leaseUntil?.getTime() ?? 0) - now.getTime() : 0;
  const wanted = email.status === 'queued' && (!lost || result === 'accepted');
  // What has bounced meanwhile stays so; what was not wanted any more when it went out has gone out.
  const status = wanted || (email.status === 'failed' && result === 'accepted') ? mailStatus : email.status;
  const logged = Email.query(trx)
    .where({ id, organizationId })
    .patch({
      ...{ attempts, status, sentAt: result === 'accepted' ? now : email.sentAt },
      ...(!lost && noLease),
      ...((!lost || wanted) && {
        nextTryAt: wanted && result === 'deferred' ? new Date(now.getTime() + wait) : null,
      }),
      ...(status === 'sent' && { detail: null }),
    });
  return { logged, wanted, mailStatus, wait, othersMs: othersMs > 0 ? othersMs : null };
}

/** A mail that is tried every hour for a year stays readable: the newest tries are kept. */
const maximumRecordedAttempts = 100;

export const withAttempt = (attempts: DeliveryAttempt[], at: Date, response: string): DeliveryAttempt[] =>
  [...attempts, { at: at.toISOString(), response }].slice(-maximumRecordedAttempts);

/** What the workflow asks first: the next step of an invitation; null: there is no such row. */
export async function planInvitation(trx: Transaction, organizationId: string, id: string): Promise<Plan | null> {
  const found = await Invitation.query(trx)
    .findOne({ id, organizationId })
    .select('invitations.*', trx.raw('usher_now() as now'));
  return found ? planOf(found, (found as Invitation & { now: Date }).now) : null;
}

/** The step at the deadline. Not overdue (a longer term, an answer in the last second): nothing happens. */
export async function expireInvitation(trx: Transaction, organizationId: string, id: string): Promise<Plan | null> {
  const invitation = await Invitation.query(trx).findOne({ id, organizationId }).forUpdate();
  if (!invitation) return null;
  const now = await readClock(trx);
  const saved = await expireIfOverdue(trx, invitation, now);
  return planOf(saved?.invitation ?? invitation, now);
}
