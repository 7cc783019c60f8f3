import { readableMasks } from '../../domain/mail-mask';
import { notFound } from '../../domain/problem';
import type { Transaction } from '../database';
import { AccountMail } from '../models/account-mail';
import { type DeliveryAttempt, Email } from '../models/email';
import { Invitation } from '../models/invitation';
import { containing, instantPattern, type Page, type PageRequest, readCursor, toPage, uuidPattern } from './page';

/** One mail of the log, of either kind. // E6 */
export interface LoggedMail {
  id: string;
  organizationId: string;
  source: 'invitation' | 'account';
  invitationId: string | null;
  /** Whom it went to, where that is known. */
  accountId: string | null;
  type: string;
  /** Of the invitation's link that it carries. */
  generation: number | null;
  locale: string;
  sender: string;
  recipient: string;
  subject: string;
  messageId: string;
  status: Email['status'];
  attempts: DeliveryAttempt[];
  detail: string | null;
  nextTryAt: Date | null;
  createdAt: Date;
  sentAt: Date | null;
  copyOf: string | null;
  template: Email['template'];
}

export interface MailFilter extends PageRequest {
  status?: Email['status'];
  type?: string;
  invitationId?: string;
  /** Whom it went to. */
  userId?: string;
  /** A part of the recipient's address. */
  q?: string;
}

/** Newest first. Which mails they are is found in the view `mail_log`, beside whose condition indexes work. // decision 21 */
export async function listMails(
  trx: Transaction,
  organizationId: string,
  filter: MailFilter,
): Promise<Page<LoggedMail>> {
  const { limit, status, type, invitationId, userId, q } = filter;
  const from = readCursor(filter.cursor, [instantPattern, uuidPattern]);
  const query = trx<LoggedMail>('mail_log')
    .where({ organizationId, ...(status && { status }), ...(type && { type }), ...(invitationId && { invitationId }) })
    .orderBy([
      { column: 'createdAt', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(limit + 1);
  if (from) void query.whereRaw('(created_at, id) < (?::timestamptz, ?::uuid)', from);
  if (userId) {
    const invited = await Invitation.query(trx).where({ organizationId, accountId: userId }).select('id');
    void query.whereRaw(`(source = 'invitation' and invitation_id = any(?::uuid[]) or account_id = ?)`, [
      invited.map((invitation) => invitation.id),
      userId,
    ]);
  }
  if (q) void query.whereRaw('lower(recipient) like lower(?)', [containing(q)]);
  const page = toPage(
    await query,
    limit,
    (row) => [row.createdAt.toISOString(), row.id],
    (row) => row,
  );
  return { ...page, items: await withRecipients(trx, organizationId, page.items) };
}

/** Mails of invitations went to whom the invitation is for: who that is, the invitation knows. */
async function withRecipients(trx: Transaction, organizationId: string, mails: LoggedMail[]): Promise<LoggedMail[]> {
  const ids = mails.flatMap(({ accountId, invitationId }) =>
    accountId === null && invitationId ? [invitationId] : [],
  );
  if (ids.length === 0) return mails;
  const rows = await Invitation.query(trx).where({ organizationId }).findByIds(ids).select('id', 'accountId');
  const accounts = new Map(rows.map(({ id, accountId }) => [id, accountId]));
  return mails.map((mail) => ({
    ...mail,
    accountId: mail.accountId ?? accounts.get(mail.invitationId ?? '') ?? null,
  }));
}

export interface MailContents {
  html: string;
  text: string;
}

/** One mail with what it says, links and codes masked; contents null: not kept any more. @throws Problem NOT_FOUND, also for another organization's */
export async function findMail(
  trx: Transaction,
  organizationId: string,
  id: string,
): Promise<{ mail: LoggedMail; contents: MailContents | null }> {
  const found = await trx<LoggedMail>('mail_log').where({ organizationId, id }).first();
  if (!found) throw notFound('mail');
  const [mail = found] = await withRecipients(trx, organizationId, [found]);
  const row =
    mail.source === 'invitation'
      ? await Email.query(trx).findOne({ id, organizationId })
      : await AccountMail.query(trx).findOne({ id, organizationId });
  // What is said of a person for one pair of eyes is not for those who read the log, not even while it waits. // C8
  const readable = mail.type !== 'security-report';
  const kept =
    readable && row && !(row instanceof Email && row.contentsRemovedAt) && row.html !== null && row.text !== null;
  const shown = (part: string | null) => readableMasks(part ?? '');
  return { mail, contents: kept ? { html: shown(row.html), text: shown(row.text) } : null };
}
