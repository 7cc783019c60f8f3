import { systemActor } from '../../domain/actor';
import { readBounceAddress } from '../../domain/bounce-address';
import type { DeliveryReport, ReportedRecipient } from '../../domain/delivery-report';
import { isDeadAddress, statusIn } from '../../domain/dead-address';
import { addressKey } from '../../domain/email-address';
import { knownReason, mailReason } from '../../domain/mail-reason';
import type { KeyRing } from '../../domain/token';
import { type Database, inOrganizations, readClock, type Transaction } from '../database';
import { AccountMail } from '../models/account-mail';
import { Email } from '../models/email';
import type { Invitation } from '../models/invitation';
import { findEmailOrganization } from '../system/find-owner';
import { keptOf } from './mail-claim';
import { noticeInviter } from './notice-inviter';
import { withAttempt } from './record-delivery';
import { recordEvents } from './record-event';
import { type Change, lockInvitation, saveInvitation } from './save-invitation';
import { suppressAddress } from './suppress-address';

/** forged, unknown, foreign: nothing has changed; unchanged: it was known already, or is no bad news. */
export type ReportResult = 'bounced' | 'delayed' | 'complaint' | 'unchanged' | 'forged' | 'unknown' | 'foreign';

export interface Recorded {
  result: ReportResult;
  /** Null where no mail was found. */
  mailId: string | null;
  changes: Change[];
}

/** Which mail a report is about. */
interface Subject {
  mailId: string;
  /** Named by a bounce address that only we can make; else by its Message-ID, which many have seen. */
  proven: boolean;
}

const nothing = (result: ReportResult, mailId: string | null = null): Recorded => ({ result, mailId, changes: [] });

/**
 * Writes down what has come back about a mail, once however often it comes. A bounce address proves which mail it is about;
 * without one, the Message-ID must be that of a mail of ours and the report must name its recipient. // E12, F4, decision 22
 * @param mailId known from the bounce address that the report was delivered to
 */
export async function recordReport(
  database: Database,
  keys: KeyRing,
  report: DeliveryReport,
  mailId?: string,
): Promise<Recorded> {
  const subject = mailId ? { mailId, proven: true } : subjectOf(keys, report);
  if (subject === 'forged') return nothing('forged');
  if (!subject) return nothing('unknown');
  const account = await AccountMail.query(database).findById(subject.mailId);
  const organizationId = account?.organizationId ?? (await findEmailOrganization(database, subject.mailId));
  if (!account && !organizationId) return nothing('unknown');
  return inOrganizations(database, organizationId ? [organizationId] : [], (trx) =>
    recordBounce(trx, organizationId, subject, report),
  );
}

function subjectOf(keys: KeyRing, report: DeliveryReport): Subject | 'forged' | null {
  const claims = report.addresses.map((address) => readBounceAddress(keys, address));
  const ours = claims.find(({ kind }) => kind === 'mail');
  if (ours?.kind === 'mail') return { mailId: ours.mailId, proven: true };
  if (claims.some(({ kind }) => kind === 'forged')) return 'forged';
  const id = /^<([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@[^@\s]+>$/.exec(report.messageId ?? '')?.[1];
  return id ? { mailId: id, proven: false } : null;
}

/** The row of either kind of mail, locked after the invitation that hangs on it. */
interface Locked {
  mail: Email | AccountMail;
  /** Where the mail is one of an invitation: its fate is the invitation's delivery. */
  invitation: Invitation | null;
}

async function lockMail(trx: Transaction, organizationId: string | null, id: string): Promise<Locked | null> {
  const plain = organizationId === null ? undefined : await Email.query(trx).findOne({ id, organizationId });
  if (plain && organizationId !== null) {
    const invitation = await lockInvitation(trx, organizationId, plain.invitationId);
    const mail = await Email.query(trx).findOne({ id, organizationId }).forUpdate();
    return mail ? { mail, invitation } : null;
  }
  const known = await AccountMail.query(trx).findById(id);
  if (!known) return null;
  const isCopy = known.copyOf !== null && known.invitationId !== null && organizationId !== null;
  const invitation = isCopy ? await lockInvitation(trx, organizationId, known.invitationId ?? '') : null;
  const mail = await AccountMail.query(trx).findById(id).forUpdate();
  return mail ? { mail, invitation } : null;
}

/** The one place where a mail becomes `bounced`, by whatever way the news has come. */
async function recordBounce(
  trx: Transaction,
  organizationId: string | null,
  { mailId, proven }: Subject,
  report: DeliveryReport,
): Promise<Recorded> {
  const locked = await lockMail(trx, organizationId, mailId);
  if (!locked) return nothing('unknown');
  const { mail, invitation } = locked;
  const about = aboutRecipient(mail.recipient, report.recipients);
  if (!proven && (mail.messageId !== report.messageId || (report.recipients.length > 0 && !about)))
    return nothing('foreign', mailId);
  const now = await readClock(trx);
  const suppress = async (reason: 'bounce' | 'complaint', detail: string | null) => {
    if (organizationId === null) return;
    const { recipient, invitationId } = mail;
    await suppressAddress(trx, { organizationId, recipient, reason, detail, mailId, invitationId }, now);
  };
  if (report.kind === 'complaint') {
    if (mail.detail === complaintWords) return nothing('unchanged', mailId);
    await patchMail(trx, mail, { detail: complaintWords });
    await suppress('complaint', null);
    const changes = invitation ? await markUnwanted(trx, invitation, mail, now) : [];
    return { result: 'complaint', mailId, changes };
  }
  const recipient = about ?? report.recipients[0];
  if (!recipient || mail.status === 'bounced') return nothing('unchanged', mailId);
  const words = recipient.diagnostic ?? recipient.status ?? mailReason('no-reason');
  if (recipient.action === 'delayed') {
    // The server has it and goes on trying: that is not our next try.
    // Such reports may come by the dozen; the newest one says all, and our tries stay to be seen.
    const others = mail.attempts.filter(({ response }) => knownReason(response)?.code !== 'delayed');
    await patchMail(trx, mail, { attempts: withAttempt(others, now, mailReason('delayed', { words })) });
    return { result: 'delayed', mailId, changes: [] };
  }
  if (recipient.action !== 'failed') return nothing('unchanged', mailId);
  await patchMail(trx, mail, {
    status: 'bounced',
    detail: words,
    attempts: withAttempt(mail.attempts, now, mailReason('bounced', { words })),
  });
  // A report about somebody else, as of an address that it was forwarded to, says nothing of this one.
  if (about && isDeadAddress(statusOf(recipient), words)) await suppress('bounce', words);
  const changes = invitation ? await markUndelivered(trx, invitation, mail, { status: 'bounced', words }, now) : [];
  return { result: 'bounced', mailId, changes };
}

/** Where the report itself does not say more than that it failed, the server's own words may. */
const statusOf = ({ status, diagnostic }: ReportedRecipient): string | null =>
  status === '5.0.0' ? statusIn(diagnostic ?? '') : status;

const complaintWords = mailReason('unwanted');

const aboutRecipient = (recipient: string, reported: ReportedRecipient[]): ReportedRecipient | undefined =>
  reported.find(({ original, final }) =>
    [original, final].some((address) => address !== null && addressKey(address) === addressKey(recipient)),
  );

/** Nothing more is tried either: a server may have taken a mail whose answer we did not hear. */
async function patchMail(
  trx: Transaction,
  mail: Email | AccountMail,
  patch: Partial<Pick<Email, 'status' | 'detail' | 'attempts'>>,
): Promise<void> {
  if (mail instanceof Email) {
    const { id, organizationId } = mail;
    await Email.query(trx)
      .where({ id, organizationId })
      .patch({ ...patch, ...(patch.status && { nextTryAt: null }) });
  } else
    await AccountMail.query(trx)
      .findById(mail.id)
      .patch({ ...patch, ...(patch.status && { tellAt: null, ...keptOf(mail) }) });
}

/** What a complaint means for the invitation: its mail has arrived, but none follows, and whoever sent it is told. // F11 */
async function markUnwanted(
  trx: Transaction,
  invitation: Invitation,
  mail: Pick<Email | AccountMail, 'id' | 'generation'>,
  now: Date,
): Promise<Change[]> {
  if (mail.generation !== invitation.generation || invitation.status !== 'pending') return [];
  const { change } = await saveInvitation(trx, invitation, { unwanted: true }, now);
  await noticeInviter(trx, invitation, 'undeliverable', now, { detail: complaintWords, aboutMailId: mail.id });
  return [change];
}

/**
 * What a bounce, or a copy that is refused, means for the invitation: its delivery, and that its workflow looks again. A mail
 * of an older generation means nothing for it.
 */
export async function markUndelivered(
  trx: Transaction,
  invitation: Invitation,
  mail: Pick<Email | AccountMail, 'id' | 'generation'>,
  { status, words }: { status: 'bounced' | 'failed'; words: string },
  now: Date,
): Promise<Change[]> {
  if (mail.generation !== invitation.generation || invitation.deliveryStatus === 'none') return [];
  const delivery = { deliveryStatus: status, deliveryDetail: words, deliveryDueAt: null };
  const { change } = await saveInvitation(trx, invitation, delivery, now);
  // Whoever has answered has the invitation: that one of its mails came back late is no news of it.
  if (invitation.status !== 'pending') return [change];
  await recordEvents(trx, {
    organizationId: invitation.organizationId,
    type: 'invitation.refused',
    actor: systemActor,
    at: now,
    invitationId: invitation.id,
    accountId: invitation.accountId,
    data: { generation: invitation.generation, emailId: mail.id, ...(status === 'bounced' && { bounced: true }) },
  });
  await noticeInviter(trx, invitation, 'undeliverable', now, { detail: words, aboutMailId: mail.id });
  return [change];
}
