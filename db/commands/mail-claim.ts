import type { Account } from '../models/account';
import type { AccountMail } from '../models/account-mail';
import { noLease, withAttempt } from './record-delivery';

export type AccountMailClaim =
  | { claimed: false; status: 'sent' | 'failed' | 'dropped' }
  /** Not yet: somebody else is sending it, or its next try is later. */
  | { claimed: false; status: 'queued'; waitMs: number }
  /** account: null for a copy, which belongs to its invitation. */
  | { claimed: true; mail: AccountMail; account: Account | null; threadOf?: string };

/** Sent or given up already, somebody else has it, or its next try is later. */
export function notNow(mail: AccountMail, now: Date): (AccountMailClaim & { claimed: false }) | null {
  if (mail.status !== 'queued') return { claimed: false, status: mail.status === 'sent' ? 'sent' : 'failed' };
  const waitMs = waitOf(mail, now);
  return waitMs > 0 ? { claimed: false, status: 'queued', waitMs } : null;
}

/** How long somebody else has it, or its next try is away: milliseconds, 0 for not at all. */
export const waitOf = ({ leaseUntil, dueAt }: AccountMail, now: Date): number =>
  Math.max(leaseUntil?.getTime() ?? 0, dueAt.getTime(), now.getTime()) - now.getTime();

/** A mail that we do not hand over ourselves: the reason stands where the server's words would. */
export const refusedBy = (mail: AccountMail, words: string, now: Date) =>
  ({
    status: 'failed',
    tellAt: null,
    ...noLease,
    detail: words,
    attempts: withAttempt(mail.attempts, now, words),
    ...keptOf(mail),
  }) as const;

/** What is said of a person for one pair of eyes is kept no longer than it takes to send it. // C8 */
export const keptOf = ({ type }: Pick<AccountMail, 'type'>): { html?: null; text?: null } =>
  type === 'security-report' ? { html: null, text: null } : {};
