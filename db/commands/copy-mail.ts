import { randomUUID } from 'node:crypto';
import { effectiveStatus } from '../../domain/invitation';
import { addressKey } from '../../domain/email-address';
import { notFound, Problem } from '../../domain/problem';
import { type Database, inOrganization, readClock, type Transaction } from '../database';
import { AccountMail, type AccountMailType } from '../models/account-mail';
import { AuditEvent } from '../models/audit-event';
import { Email } from '../models/email';
import { Invitation } from '../models/invitation';
import { addressSuppressed, findSuppression } from '../queries/find-suppression';
import { type Manager, meet } from './command';
import { type AccountMailClaim, notNow, refusedBy } from './mail-claim';
import { newLease } from './record-delivery';
import { recordEvents } from './record-event';
import { markUndelivered } from './record-report';
import { lockInvitation, saveInvitation } from './save-invitation';
import { remindersAfter } from './start-term';

/** The process that commits has this long to tell Temporal itself before the relay does it. */
const ownLeaseMs = 8_000;

/**
 * The same mail once more, from the log: same content, same link, same address; a new Message-ID that refers to the first.
 * Neither term nor generation changes. A copy of a copy is one of the first mail. // E6
 * @param id of a mail in the log
 * @returns the id of the copy, whose workflow must hear of it after the commit
 * @throws Problem NOT_FOUND, MAIL_NOT_COPYABLE, MAIL_QUEUED, DEADLINE_PASSED, INVITATION_CLOSED, MAIL_SUPERSEDED, ADDRESS_SUPPRESSED
 */
export async function copyMail(
  trx: Transaction,
  organizationId: string,
  id: string,
  manager: Manager,
): Promise<string> {
  const original = await findOriginal(trx, organizationId, id);
  const { invitation, now, expired } = await meet(trx, organizationId, original.invitationId, manager);
  const refusal = await refusalOf(trx, expired?.invitation ?? invitation, original, original.createdAt, now);
  if (refusal) throw refusal;
  // Read again under the lock: a try may have come to its end meanwhile.
  const email = await Email.query(trx).findOne({ id: original.id, organizationId }).throwIfNotFound();
  if (email.status === 'queued')
    throw new Problem('MAIL_QUEUED', 'This mail has not gone out yet; it is tried again by itself.');
  const underWay = await AccountMail.query(trx).findOne({ copyOf: email.id, status: 'queued' });
  if (underWay)
    throw new Problem('MAIL_QUEUED', 'A copy of this mail has not gone out yet; it is tried again by itself.');
  if (email.contentsRemovedAt)
    throw new Problem('MAIL_NOT_COPYABLE', 'What this mail said is not kept any more: resend the invitation.');
  const copyId = randomUUID();
  const { type, recipient, generation, locale, sender, subject, html, text, replyTo, template } = email;
  await AccountMail.query(trx)
    .insert({
      ...{ recipient, generation, locale, sender, subject, html, text, replyTo, template, organizationId },
      id: copyId,
      type: type as AccountMailType,
      accountId: invitation.accountId,
      invitationId: invitation.id,
      copyOf: email.id,
      messageId: email.messageId.replace(/^<[^@]*/, `<${copyId}`),
      deadline: invitation.expiresAt ?? now,
      status: 'queued',
      dueAt: now,
      createdAt: now,
      tellAt: new Date(now.getTime() + ownLeaseMs),
    })
    .returning('id');
  await recordEvents(trx, {
    organizationId,
    type: 'email.copied',
    actor: manager.actor,
    at: now,
    invitationId: invitation.id,
    accountId: invitation.accountId,
    data: { generation, emailId: email.id, copyId },
  });
  return copyId;
}

async function findOriginal(trx: Transaction, organizationId: string, id: string): Promise<Email> {
  const email = await Email.query(trx).findOne({ id, organizationId });
  if (email) return email;
  const other = await AccountMail.query(trx).findOne({ id, organizationId });
  if (!other) throw notFound('mail');
  const first = other.copyOf && (await Email.query(trx).findOne({ id: other.copyOf, organizationId }));
  if (first) return first;
  throw new Problem('MAIL_NOT_COPYABLE', 'Only invitations and their reminders can be sent again from the log.');
}

/**
 * Why a mail is not to go out once more, or null. Asked by the command and again before every try.
 * @param writtenAt since when the mail says what it says
 */
async function refusalOf(
  trx: Transaction,
  invitation: Invitation,
  mail: { generation: number | null; recipient: string },
  writtenAt: Date,
  now: Date,
): Promise<Problem | null> {
  const status = effectiveStatus(invitation, now);
  if (status === 'expired')
    return new Problem(
      'DEADLINE_PASSED',
      'The deadline of this invitation has passed: its link opens nothing any more.',
    );
  if (status !== 'pending') return new Problem('INVITATION_CLOSED', `This invitation is ${status}.`);
  if (addressKey(invitation.email ?? '') !== addressKey(mail.recipient))
    return new Problem('MAIL_SUPERSEDED', 'The invitation has another address by now, and this link is dead.');
  if (invitation.generation !== mail.generation)
    return new Problem('MAIL_SUPERSEDED', 'The invitation has a newer link, and this one is dead.');
  const moved = await AuditEvent.query(trx)
    .where({ organizationId: invitation.organizationId, invitationId: invitation.id, type: 'invitation.edited' })
    .where('at', '>', writtenAt)
    .whereRaw(`data -> 'fields' \\? 'expiresAt'`)
    .select('id')
    .first();
  if (moved)
    return new Problem('MAIL_SUPERSEDED', 'The deadline of this invitation has changed, and this mail names another.');
  const suppressed = await findSuppression(trx, invitation.organizationId, mail.recipient);
  return suppressed ? addressSuppressed(suppressed) : null;
}

/** Takes a copy for sending, if it is due and still wanted: the invitation is locked first, as in every command. */
export function claimCopy(database: Database, known: AccountMail, leaseMs: number): Promise<AccountMailClaim> {
  const { id, organizationId, invitationId, copyOf } = known;
  if (!organizationId || !invitationId || !copyOf) return Promise.resolve({ claimed: false, status: 'dropped' });
  return inOrganization(database, organizationId, async (trx) => {
    const invitation = await Invitation.query(trx).findOne({ id: invitationId, organizationId }).forUpdate();
    const mail = await AccountMail.query(trx).findById(id).forUpdate();
    const first = await Email.query(trx).findOne({ id: copyOf, organizationId });
    if (!invitation || !mail || !first) return { claimed: false, status: 'dropped' };
    const now = await readClock(trx);
    const pause = notNow(mail, now);
    if (pause) return pause;
    const refusal = await refusalOf(trx, invitation, mail, first.createdAt, now);
    if (refusal) {
      await mail.$query(trx).patch(refusedBy(mail, `Not sent: ${refusal.message}`, now));
      return { claimed: false, status: 'failed' };
    }
    const lease = newLease(now, leaseMs);
    await mail.$query(trx).patch(lease);
    return { claimed: true, mail: Object.assign(mail, lease), account: null, threadOf: first.messageId };
  });
}

/** An invitation whose first mail was refused or came back has one that arrived: its delivery says so. The relay tells its workflow. // F4 */
export async function copyAccepted(trx: Transaction, id: string, response: string): Promise<void> {
  const copy = await AccountMail.query(trx).findById(id);
  if (!copy?.organizationId || !copy.invitationId) return;
  const invitation = await lockInvitation(trx, copy.organizationId, copy.invitationId);
  const undelivered = ['failed', 'bounced'].includes(invitation.deliveryStatus) && copy.status !== 'bounced';
  if (!undelivered || invitation.generation !== copy.generation) return;
  const now = await readClock(trx);
  // What was due while nothing had arrived reminds of nothing. // F3
  const reminderAt = remindersAfter(invitation, now);
  await saveInvitation(trx, invitation, { deliveryStatus: 'sent', deliveryDetail: response, reminderAt }, now);
}

/** The invitation of a copy, locked as it is before every mail of it; null: there is none. */
export async function lockCopied(trx: Transaction, id: string): Promise<Invitation | null> {
  const copy = await AccountMail.query(trx).findById(id);
  if (!copy?.organizationId || !copy.invitationId) return null;
  return lockInvitation(trx, copy.organizationId, copy.invitationId);
}

/** A copy that is refused for good says of an open invitation what one that comes back would say later. The relay tells its workflow. // F4 */
export async function copyRefused(
  trx: Transaction,
  invitation: Invitation,
  copy: AccountMail,
  response: string,
  now: Date,
): Promise<void> {
  if (effectiveStatus(invitation, now) !== 'pending') return;
  await markUndelivered(trx, invitation, copy, { status: 'failed', words: response }, now);
}
