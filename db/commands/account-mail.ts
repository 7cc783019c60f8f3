import { randomUUID } from 'node:crypto';
import { isActive, mailedAddress, mayConfirmEmail } from '../../domain/account';
import { addressKey } from '../../domain/email-address';
import { noticeMails, noticeMailTypes } from '../../domain/inviter-notice';
import { mailBackoff } from '../../domain/mail-backoff';
import type { MailParts } from '../../domain/mail-templates';
import { mailReason } from '../../domain/mail-reason';
import { type Database, inOrganizations, readClock, type Transaction } from '../database';
import { Account } from '../models/account';
import { AccountMail, type AccountMailType } from '../models/account-mail';
import { Membership } from '../models/membership';
import { Organization } from '../models/organization';
import { findAccountByEmail } from '../queries/find-account-holder';
import { findInviter } from '../queries/find-inviter';
import { findSecurityReport, type SecurityReport } from '../queries/find-security-report';
import { findSuppression, suppressedWords } from '../queries/find-suppression';
import { gatherNews, type News } from '../queries/gather-news';
import { findInvitees } from '../system/find-invitees';
import { claimCopy, copyAccepted, copyRefused, lockCopied } from './copy-mail';
import type { MailCount } from './count-mail';
import { type AccountMailClaim, keptOf, notNow, refusedBy, waitOf } from './mail-claim';
import { type DeliveryOutcome, leaseEnd, newLease, noLease, withAttempt } from './record-delivery';
import { wayBack } from './reset-password';
import { nameSuppressed, suppressRefused } from './suppress-address';

export interface MailWish {
  type: AccountMailType;
  recipient: string;
  accountId: string | null;
  aboutOrganizationId?: string;
  aboutAccountId?: string;
  deadline: Date;
  /** What it says, where that is known when it is asked for: the draft of a template. */
  parts?: MailParts & { locale: string };
  /** When it is to go out; at once where nothing is said. */
  dueAt?: Date;
}

/** The process that commits has this long to tell Temporal itself before the relay does it. */
const ownLeaseMs = 8_000;

/**
 * A mail that is to be sent; its workflow must hear of it after the commit.
 * @param leaseMs how long the caller has for that before the relay does it
 * @returns its id
 */
export async function requestAccountMail(
  trx: Database,
  { parts, ...wish }: MailWish,
  now: Date,
  leaseMs = ownLeaseMs,
): Promise<string> {
  const id = randomUUID();
  const dueAt = wish.dueAt ?? now;
  // Its workflow is started when it is due, and has nothing to wait for.
  const tellAt = new Date(dueAt.getTime() + leaseMs);
  await AccountMail.query(trx)
    .insert({ ...wish, ...parts, ...{ id, status: 'queued', dueAt, createdAt: now, tellAt } })
    .returning('id');
  return id;
}

export interface AccountMailContents {
  account: Account;
  mail: AccountMail;
  /** The one that the mail is about, else the home; null for somebody who has no home. */
  organization: Organization | null;
  /** Whom it is about, where that is somebody else. */
  person: Account | null;
  /** What an inviter is told. */
  news: News | null;
  /** What a security report says. */
  report: SecurityReport | null;
}

export interface RenderedAccountMail {
  locale: string;
  sender: string;
  /** Domain of the Message-ID. */
  host: string;
  subject: string;
  html: string;
  text: string;
  /** What it was made from. */
  template?: AccountMail['template'];
}

/**
 * Takes a mail for sending. What it is about is looked up and rendered only now; from then on every try sends the same
 * bytes. A mail that nobody can or may get is forgotten. An address that several organizations have invited gets one mail
 * for each of them: which of them a new password lets in is the person's choice. // E8
 */
export async function claimAccountMail(
  database: Database,
  id: string,
  leaseMs: number,
  render: (contents: AccountMailContents, trx: Transaction) => RenderedAccountMail | Promise<RenderedAccountMail>,
  countMail: MailCount,
): Promise<AccountMailClaim> {
  const known = await AccountMail.query(database).findById(id);
  if (known?.copyOf) return claimCopy(database, known, leaseMs);
  const homes = await database.transaction(async (trx) => {
    const candidates = known ? await addressees(trx, known) : [];
    return [
      known?.aboutOrganizationId ?? [],
      candidates.map(({ homeOrganizationId }) => homeOrganizationId ?? []),
    ].flat(2);
  });
  return inOrganizations(database, [...new Set(homes)], async (trx) => {
    const mail = await AccountMail.query(trx).findById(id).forUpdate();
    if (!mail) return { claimed: false, status: 'dropped' };
    const now = await readClock(trx);
    const pause = notNow(mail, now);
    if (pause) return pause;
    const [account, ...others] = await whoMayGet(trx, mail, homes, now);
    if (!account && mail.attempts.length > 0) {
      // It has been in the log, and may even have arrived: a server's answer is not always heard.
      await mail.$query(trx).patch(refusedBy(mail, mailReason('other-recipient'), now));
      return { claimed: false, status: 'failed' };
    }
    if (!account) {
      await AccountMail.query(trx).deleteById(id);
      return { claimed: false, status: 'dropped' };
    }
    if (now >= mail.deadline) {
      await mail.$query(trx).patch({ status: 'failed', tellAt: null, detail: mailReason('deadline'), ...keptOf(mail) });
      return { claimed: false, status: 'failed' };
    }
    const { type, deadline } = mail;
    if (mail.accountId === null)
      for (const { id: accountId } of others)
        await requestAccountMail(trx, { type, recipient: mail.recipient, accountId, deadline }, now, 0);
    const about = mail.aboutOrganizationId ?? account.homeOrganizationId;
    const organization = about ? await Organization.query(trx).findById(about).throwIfNotFound() : null;
    const person = mail.aboutAccountId ? ((await Account.query(trx).findById(mail.aboutAccountId)) ?? null) : null;
    const first = mail.messageId === null;
    if (first) {
      const found = await contentsOf(trx, mail);
      if (!found) {
        await AccountMail.query(trx).deleteById(id);
        return { claimed: false, status: 'dropped' };
      }
      const { host, ...parts } = await render({ account, mail, organization, person, ...found }, trx);
      const recipient = mail.type === 'password-reset' ? (mailedAddress(account) ?? mail.recipient) : mail.recipient;
      Object.assign(mail, { ...parts, recipient, accountId: account.id, messageId: `<${id}@${host}>` });
    }
    if (isNoticeMail(mail.type)) mail.recipient = account.email ?? mail.recipient;
    const { type: told, invitationId, locale, sender, subject, html, text, template } = mail;
    const { messageId, recipient, accountId } = mail;
    const contents = {
      ...{ type: told, invitationId, locale, sender, subject, html, text, template, messageId, recipient, accountId },
      // In whose log it is: it names this organization, and comes from there.
      organizationId: about,
    };
    const suppressed = about && !isAskedFor(mail) ? await findSuppression(trx, about, recipient) : undefined;
    if (suppressed) {
      await AccountMail.query(trx)
        .findById(id)
        .patch({ ...contents, ...refusedBy(mail, suppressedWords(suppressed), now) });
      await nameSuppressed(trx, suppressed.organizationId, recipient);
      return { claimed: false, status: 'failed' };
    }
    // Last, as everywhere: others wait for the counter.
    if (first && (await isTooMany(trx, { type: told, recipient }, about, countMail))) {
      await AccountMail.query(trx)
        .findById(id)
        .patch({ ...contents, ...refusedBy(mail, mailReason('too-many-mails'), now) });
      return { claimed: false, status: 'failed' };
    }
    const lease = newLease(now, leaseMs);
    await AccountMail.query(trx)
      .findById(id)
      .patch({ ...contents, ...lease });
    // Whose log it is in is known now: what comes of it is written down there.
    Object.assign(mail, { organizationId: about, ...lease });
    return { claimed: true, mail, account };
  });
}

/** Counts what nobody has asked for. Whose recipient, or whose organization, has had enough for now is skipped, as a reminder is. */
async function isTooMany(
  trx: Transaction,
  { type, recipient }: Pick<AccountMail, 'type' | 'recipient'>,
  organizationId: string | null,
  countMail: MailCount,
): Promise<boolean> {
  // Each change of a guest's access gives another warning.
  if (type === 'guest-access-ending' || type === 'guest-access-ending-host')
    return (await countMail(trx, recipient, organizationId ?? undefined)) !== null;
  // There is one for each account, and it is nobody's wish: it goes out, and leaves less for others.
  if (type === 'account-inactive') await countMail(trx, recipient);
  return false;
}

/**
 * What people have asked for themselves, or must learn for their safety, goes out whatever came back of other mails: without
 * it they could not sign in any more. // decision 22
 */
const isAskedFor = ({ type }: AccountMail): boolean => askedFor.includes(type);

const askedFor: readonly AccountMailType[] = [
  'password-reset',
  'email-confirmation',
  'email-change-notice',
  'two-factor-code',
  'two-factor-changed',
];

/** As `keepMail` of a mail of an invitation. */
export async function keepAccountMail(
  database: Database,
  { id, leaseOwner }: Pick<AccountMail, 'id' | 'leaseOwner'>,
  leaseMs: number,
): Promise<boolean> {
  const kept = await database('accountMails')
    .where({ id, leaseOwner })
    .update({ leaseUntil: leaseEnd(database, leaseMs) });
  return kept === 1;
}

/** As `recordDelivery` of a mail of an invitation. @returns when a deferred mail is tried again (milliseconds from now), or the end */
export async function recordAccountMail(
  database: Database,
  { id, organizationId, copyOf, leaseOwner }: Pick<AccountMail, 'id' | 'organizationId' | 'copyOf' | 'leaseOwner'>,
  { result, response }: DeliveryOutcome,
): Promise<{ status: 'sent' | 'failed' } | { retryInMs: number }> {
  return inOrganizations(database, organizationId ? [organizationId] : [], async (trx) => {
    // Before the mail is locked: the invitation comes first everywhere.
    if (copyOf && result === 'accepted') await copyAccepted(trx, id, response);
    const copied = copyOf && result === 'refused' ? await lockCopied(trx, id) : null;
    const mail = await AccountMail.query(trx).findById(id).forUpdate().throwIfNotFound();
    const now = await readClock(trx);
    const attempts = withAttempt(mail.attempts, now, response);
    const lost = mail.leaseOwner !== leaseOwner;
    const lease = lost ? {} : noLease;
    // Bounced while it was being sent once more: that stays.
    if (mail.status === 'bounced') {
      await mail.$query(trx).patch({ attempts, ...lease, ...keptOf(mail) });
      return { status: 'failed' };
    }
    if (result !== 'accepted' && (lost || mail.status !== 'queued')) {
      await mail.$query(trx).patch({ attempts, ...lease });
      await suppressRefused(trx, mail, { result, response }, now);
      return mail.status === 'queued' ? { retryInMs: waitOf(mail, now) } : { status: mail.status };
    }
    if (result === 'deferred') {
      const wait = Math.max(0, Math.min(mailBackoff(attempts.length), mail.deadline.getTime() - now.getTime()));
      await mail.$query(trx).patch({ attempts, ...lease, dueAt: new Date(now.getTime() + wait) });
      return { retryInMs: wait };
    }
    const status = result === 'accepted' ? 'sent' : 'failed';
    const sentAt = result === 'accepted' ? now : null;
    await mail.$query(trx).patch({ attempts, status, sentAt, ...lease, tellAt: null, ...keptOf(mail) });
    await suppressRefused(trx, mail, { result, response }, now);
    if (copied) await copyRefused(trx, copied, mail, response, now);
    return { status };
  });
}

/** The account of a mail, or whose the address may be: its proved owner, else those who were invited there, the earliest first. */
async function addressees(trx: Transaction, mail: AccountMail): Promise<Account[]> {
  if (mail.accountId !== null) return Account.query(trx).where({ id: mail.accountId });
  const owner = await findAccountByEmail(trx, mail.recipient);
  return owner ? [owner] : findInvitees(trx, mail.recipient);
}

async function whoMayGet(trx: Transaction, mail: AccountMail, homes: string[], now: Date): Promise<Account[]> {
  const allowed: Account[] = [];
  // Nothing is locked: an expiry that commits between two of these reads shows half of itself, and all of it the second time.
  for (let reading = 0; reading < 2 && allowed.length === 0; reading += 1)
    for (const account of await addressees(trx, mail)) {
      const home = account.homeOrganizationId;
      if ((home === null || homes.includes(home)) && (await mayGet(trx, mail, account, now))) allowed.push(account);
    }
  return allowed;
}

async function mayGet(trx: Transaction, mail: AccountMail, account: Account, now: Date): Promise<boolean> {
  switch (mail.type) {
    case 'password-reset':
      return isStillTheirs(mail, mailedAddress(account)) && (await wayBack(trx, account, now)) !== null;
    case 'email-confirmation':
      return (
        mayConfirmEmail(account) &&
        account.pendingEmail === mail.recipient &&
        !(await findAccountByEmail(trx, mail.recipient))
      );
    case 'email-change-notice':
      return mayConfirmEmail(account);
    case 'two-factor-code':
      return (
        isActive(account, now) &&
        account.email === mail.recipient &&
        (await trx('mail_codes').where({ id: mail.id }).first('id')) !== undefined
      );
    case 'two-factor-changed':
    case 'template-test':
      return account.status === 'active' && account.email === mail.recipient;
    case 'guest-access-ending':
    case 'guest-access-ending-host':
      return account.status === 'active' && isStillTheirs(mail, account.email) && isStillEnding(trx, mail);
    case 'account-inactive':
      return isStillTheirs(mail, mailedAddress(account)) && isInactive(trx, mail, account, now);
    case 'security-report':
      return account.email === mail.recipient && isActive(account, now) && (await findReport(trx, mail)) !== null;
    default:
      // Its link opens nothing without a sign-in: wherever the first try went, the next goes to where they are now.
      return (
        account.email !== null && (await findInviter(trx, mail.aboutOrganizationId ?? '', account.id)) !== undefined
      );
  }
}

const isNoticeMail = (type: AccountMailType): boolean => noticeMailTypes.some((known) => known === type);

/** What some mails tell beyond account and organization, as it is now; null: there is nothing to tell any more. */
async function contentsOf(
  trx: Transaction,
  mail: AccountMail,
): Promise<Pick<AccountMailContents, 'news' | 'report'> | null> {
  if (mail.type === 'security-report') return { news: null, report: await findReport(trx, mail) };
  if (!isNoticeMail(mail.type)) return { news: null, report: null };
  const news = await gatherNews(trx, mail.aboutOrganizationId ?? '', mail.id);
  const [first] = news.items;
  if (!first) return null;
  // The one mail of several kinds that are decided only now. // F11
  if (news.total === 1) Object.assign(mail, { type: noticeMails[first.event], invitationId: first.invitationId });
  return { news, report: null };
}

async function findReport(trx: Transaction, mail: AccountMail): Promise<SecurityReport | null> {
  const { aboutOrganizationId, aboutAccountId, accountId } = mail;
  if (!aboutOrganizationId || !aboutAccountId || !accountId) return null;
  return findSecurityReport(trx, aboutOrganizationId, aboutAccountId, accountId);
}

/** Who has come back meanwhile, or cannot by a new password, is told nothing; nor is the owner of an address that was proved elsewhere. // E7, E8, E9 */
async function isInactive(trx: Transaction, mail: AccountMail, account: Account, now: Date): Promise<boolean> {
  if ((await wayBack(trx, account, now)) !== 'inactive') return false;
  const owner = await findAccountByEmail(trx, mail.recipient);
  return !owner || owner.id === account.id;
}

/** Extended, ended or removed meanwhile, there is nothing to warn of. // D11 */
async function isStillEnding(trx: Transaction, mail: AccountMail): Promise<boolean> {
  const { aboutOrganizationId, aboutAccountId, deadline } = mail;
  if (!aboutOrganizationId || !aboutAccountId) return false;
  const guest = await Membership.query(trx).findById([aboutOrganizationId, aboutAccountId]);
  return guest?.accessEndsAt?.getTime() === deadline.getTime();
}

/** Where the first try went is where all go: once the account has another address, its link is not for that mailbox any more. */
const isStillTheirs = ({ messageId, recipient }: AccountMail, address: string | null): boolean =>
  address !== null && (messageId === null || addressKey(address) === addressKey(recipient));
