import { ApplicationFailure } from '@temporalio/activity';
import type { Logger } from 'pino';
import {
  type AccountMailContents,
  claimAccountMail,
  keepAccountMail,
  recordAccountMail,
} from '../db/commands/account-mail';
import type { MailCount } from '../db/commands/count-mail';
import type { Database, Transaction } from '../db/database';
import type { Account } from '../db/models/account';
import type { AccountMail } from '../db/models/account-mail';
import { confirmationBinding, resetBinding } from '../domain/account';
import { mailCode } from '../domain/mail-code';
import { type Masked, maskFor, unmasked } from '../domain/mail-mask';
import { accountToken, invitationToken, type KeyRing, linkClaimName } from '../domain/token';
import type { Mailer, MailLine } from './email/mailer';
import { warnOfFallback } from './email/own-template';
import {
  busyMs,
  leaseMarginMs,
  type SendLimits,
  sendPatiently,
  takeLine,
  usualLimits,
  writtenDown,
} from './email/patience';
import { renderAccountMail } from './email/render-account-mail';

export interface AccountMailActivities {
  /** Sends a mail to the holder of an account; the same mail however often it is called. */
  sendAccountMail(it: { mailId: string }): Promise<Done>;
}

interface Done {
  status: 'sent' | 'failed' | 'dropped';
}

export interface AccountMailActivityDependencies {
  database: Database;
  mailer: Mailer;
  keys: KeyRing;
  baseUrl: string;
  logger: Logger;
  countMail: MailCount;
  limits?: SendLimits | undefined;
  isStopping?: () => boolean;
  underWay?: Set<Promise<unknown>>;
}

/** Of its local try: its workflow has nothing else to do, and the person often waits. */
const localMs = 3_000;

export function createAccountMailActivities({
  database,
  mailer,
  keys,
  baseUrl,
  logger,
  countMail,
  limits = { ...usualLimits, localMs },
  isStopping = () => false,
  underWay = new Set(),
}: AccountMailActivityDependencies): AccountMailActivities {
  const render = async (contents: AccountMailContents, trx: Transaction) => {
    const { id, type } = contents.mail;
    const link =
      // No secret: everybody may ask for a new password there. // E8
      type === 'account-inactive' ? `${baseUrl}/forgot-password` : `${baseUrl}/${maskFor(keys, 'link', id)}`;
    const masked = { link, code: maskFor(keys, 'code', id), baseUrl };
    const rendered = await renderAccountMail(trx, contents, masked, mailer.sender);
    if (rendered.template === 'fallback') warnOfFallback(logger, type, contents.organization?.id ?? null);
    return { ...rendered, host: mailer.host };
  };

  /** What is secret in a mail, computed anew for every try and stored nowhere; most kinds hold nothing of the sort. */
  function revealing(mail: AccountMail, account: Account | null): (part: string | null) => string {
    const reveal = (masked: Masked, of: string, secret: string) => (part: string | null) =>
      unmasked(keys, masked, of, secret, part ?? '');
    const { id, copyOf, invitationId, generation } = mail;
    // The link of a copy keeps the origin that the first mail had.
    if (copyOf !== null && invitationId !== null && generation !== null) {
      const claim = { invitationId, generation };
      return reveal('link', linkClaimName(claim), invitationToken(keys, claim));
    }
    if (!account) return (part) => part ?? '';
    const claim = { accountId: account.id, expiresAt: mail.deadline };
    switch (mail.type) {
      case 'two-factor-code':
        return reveal('code', id, mailCode(keys, id));
      case 'password-reset': {
        const token = accountToken(keys, 'password-reset', claim, resetBinding(account));
        return reveal('link', id, `reset-password/${token}`);
      }
      case 'email-confirmation': {
        const token = accountToken(keys, 'email-confirmation', claim, confirmationBinding(account));
        return reveal('link', id, `confirm-email/${token}`);
      }
      default:
        return (part) => part ?? '';
    }
  }

  async function send(mailId: string, line: MailLine, limitMs: number): Promise<Done> {
    const claim = await claimAccountMail(database, mailId, limitMs + leaseMarginMs, render, countMail);
    if (!claim.claimed && claim.status === 'queued') throw later('not due yet', claim.waitMs);
    if (!claim.claimed) return { status: claim.status };
    const { mail, account, threadOf } = claim;
    const revealed = revealing(mail, account);
    const outgoing = {
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
    };
    const { code, recorded } = await sendPatiently(
      { limits, isStopping, underWay },
      (leaseMs) => keepAccountMail(database, mail, leaseMs),
      async (patience) => {
        const outcome = await line.send(outgoing, limitMs, patience);
        return {
          code: outcome.code,
          recorded: await writtenDown(() => recordAccountMail(database, mail, outcome)),
        };
      },
      (forMs) => later('the mail server has it', forMs),
      (error) => logger.error({ err: error, mailId }, 'what came of a mail was not written down'),
    );
    if ('retryInMs' in recorded) throw later(code, recorded.retryInMs);
    return recorded;
  }

  return {
    async sendAccountMail({ mailId }) {
      const free = await takeLine(mailer, limits);
      if (!free) throw later('no line to the mail server is free', busyMs);
      try {
        return await send(mailId, free.line, free.limitMs);
      } catch (error) {
        if (error instanceof ApplicationFailure) throw error;
        logger.error({ err: error, mailId }, 'an account mail failed');
        const type = error instanceof Error ? error.name : 'Error';
        throw ApplicationFailure.create({ type, message: 'sendAccountMail failed; the log says why' });
      } finally {
        free.line.release();
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
