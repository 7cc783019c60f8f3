import { activityInfo, ApplicationFailure } from '@temporalio/activity';
import type { Logger } from 'pino';
import { type AccountMailContents, claimAccountMail, recordAccountMail } from '../db/commands/account-mail';
import type { MailCount } from '../db/commands/count-mail';
import type { Database, Transaction } from '../db/database';
import type { Account } from '../db/models/account';
import type { AccountMail } from '../db/models/account-mail';
import { confirmationBinding, resetBinding } from '../domain/account';
import { mailCode } from '../domain/mail-code';
import { accountToken, invitationToken, type KeyRing } from '../domain/token';
import type { Mailer } from './email/mailer';
import { warnOfFallback } from './email/own-template';
import { renderAccountMail } from './email/render-account-mail';

export interface AccountMailActivities {
  /** Sends a mail to the holder of an account; the same mail however often it is called. */
  sendAccountMail(it: { mailId: string }): Promise<{ status: 'sent' | 'failed' | 'dropped' }>;
}

export interface AccountMailActivityDependencies {
  database: Database;
  mailer: Mailer;
  keys: KeyRing;
  baseUrl: string;
  logger: Logger;
  countMail: MailCount;
}

const sendLimitMs = { local: 3_000, regular: 60_000 };
const leaseMarginMs = 5_000;
/** Stands for the code in what is kept of a mail. */
const maskedCode = '••••••';

export function createAccountMailActivities({
  database,
  mailer,
  keys,
  baseUrl,
  logger,
  countMail,
}: AccountMailActivityDependencies): AccountMailActivities {
  const maskedLink = `${baseUrl}/masked-link`;
  const render = async (contents: AccountMailContents, trx: Transaction) => {
    const masked = { link: maskedLink, code: maskedCode, baseUrl };
    const rendered = await renderAccountMail(trx, contents, masked, mailer.sender);
    if (rendered.template === 'fallback') warnOfFallback(logger, contents.mail.type, contents.organization?.id ?? null);
    return { ...rendered, host: mailer.host };
  };

  /** What is secret in a mail, computed anew for every try and stored nowhere. */
  const reveal = (mail: AccountMail, account: Account) =>
    mail.type === 'two-factor-code'
      ? (text: string | null) => (text ?? '').replaceAll(maskedCode, mailCode(keys, mail.id))
      : (text: string | null) => (text ?? '').replaceAll(maskedLink, linkOf(mail, account));

  /** The link keeps the origin that the first mail had. */
  const revealCopy = ({ invitationId, generation }: AccountMail) => {
    const token = invitationToken(keys, { invitationId: invitationId ?? '', generation: generation ?? 0 });
    return (text: string | null) => (text ?? '').replaceAll('/invitations/masked-link', `/invitations/${token}`);
  };

  function linkOf(mail: AccountMail, account: Account): string {
    // No secret: everybody may ask for a new password there. // E8
    if (mail.type === 'account-inactive') return `${baseUrl}/forgot-password`;
    const claim = { accountId: account.id, expiresAt: mail.deadline };
    return mail.type === 'password-reset'
      ? `${baseUrl}/reset-password/${accountToken(keys, 'password-reset', claim, resetBinding(account))}`
      : `${baseUrl}/confirm-email/${accountToken(keys, 'email-confirmation', claim, confirmationBinding(account))}`;
  }

  async function send(mailId: string): Promise<{ status: 'sent' | 'failed' | 'dropped' }> {
    const limitMs = activityInfo().isLocal ? sendLimitMs.local : sendLimitMs.regular;
    const claim = await claimAccountMail(database, mailId, limitMs + leaseMarginMs, render, countMail);
    if (!claim.claimed && claim.status === 'queued') throw later('not due yet', claim.waitMs);
    if (!claim.claimed) return { status: claim.status };
    const { mail, account, threadOf } = claim;
    const revealed = account ? reveal(mail, account) : revealCopy(mail);
    const outcome = await mailer.send(
      {
        id: mail.id,
        messageId: mail.messageId ?? '',
        sender: mail.sender ?? mailer.sender,
        recipient: mail.recipient,
        subject: mail.subject ?? '',
        html: revealed(mail.html),
        text: revealed(mail.text),
        date: mail.createdAt,
        replyTo: mail.replyTo,
        ...(threadOf && mail.copyOf && { copyOf: { messageId: threadOf, id: mail.copyOf } }),
      },
      limitMs,
    );
    const recorded = await recordAccountMail(database, mail, outcome);
    if ('retryInMs' in recorded) throw later(outcome.code, recorded.retryInMs);
    return recorded;
  }

  return {
    async sendAccountMail({ mailId }) {
      try {
        return await send(mailId);
      } catch (error) {
        if (error instanceof ApplicationFailure) throw error;
        logger.error({ err: error, mailId }, 'an account mail failed');
        const type = error instanceof Error ? error.name : 'Error';
        throw ApplicationFailure.create({ type, message: 'sendAccountMail failed; the log says why' });
      }
    },
  };
}

const later = (message: string, delayMs: number): ApplicationFailure =>
  ApplicationFailure.create({
    type: 'MailDeferred',
    message: `MailDeferred: ${message}`,
    nextRetryDelay: Math.max(delayMs, 1_000),
  });
