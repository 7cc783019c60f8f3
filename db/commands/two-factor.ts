import { Problem } from '../../domain/problem';
import { type FactorState, freshSignInMs } from '../../domain/two-factor';
import type { Transaction } from '../database';
import type { Account } from '../models/account';
import { TwoFactor } from '../models/two-factor';
import { findAccount } from '../queries/find-account';
import { requestAccountMail } from './account-mail';
import { endSessions, lockAccount } from './change-own-account';

/** How long the notice of a change is worth sending. */
const noticeMs = 86_400_000;

/** What a sealed secret of an app is bound to: it opens for no other account. */
export const sealedFor = (accountId: string): string => `two-factor-app\0${accountId}`;

/** @throws Problem REAUTHENTICATION_REQUIRED where all factors were given longer ago than a change of them allows */
export function assertFresh(signedInAt: Date, now: Date): void {
  if (now.getTime() - signedInAt.getTime() > freshSignInMs)
    throw new Problem('REAUTHENTICATION_REQUIRED', 'Sign in again: this needs a sign-in not older than ten minutes.');
}

export interface MetFactor {
  account: Account;
  factor: TwoFactor;
  state: FactorState;
  now: Date;
}

/** Locks the account, then reads the clock once, and makes sure that there is a row to write into. */
export async function meetFactor(trx: Transaction, accountId: string): Promise<MetFactor> {
  const account = await lockAccount(trx, accountId);
  await TwoFactor.query(trx).insert({ accountId }).onConflict('accountId').ignore().returning('accountId');
  const factor = await TwoFactor.query(trx).findById(accountId).throwIfNotFound();
  const found = await findAccount(trx, accountId);
  if (!found) throw new Error('a locked account is there');
  return { account, factor, state: found.factor, now: found.now };
}

/**
 * After a change of the factor: every session but those made from now on is over, and the person hears of it.
 * @returns the account in its new epoch, and the mails whose workflows must hear of it after the commit
 */
export async function factorChanged(
  trx: Transaction,
  account: Account,
  now: Date,
): Promise<{ account: Account; mails: string[] }> {
  const saved = await account.$query(trx).patchAndFetch({
    sessionEpoch: account.sessionEpoch + 1,
    version: account.version + 1,
    updatedAt: now,
  });
  await endSessions(trx, account.id);
  const deadline = new Date(now.getTime() + noticeMs);
  const wish = { type: 'two-factor-changed', accountId: account.id, deadline } as const;
  const mails = account.email ? [await requestAccountMail(trx, { ...wish, recipient: account.email }, now)] : [];
  return { account: saved, mails };
}

/** A lost factor is gone: no method chosen, no app, no recovery codes, no wrong codes counted. */
export async function forgetFactor(trx: Transaction, accountId: string): Promise<void> {
  for (const table of ['twoFactors', 'recoveryCodes', 'mailCodes']) await trx(table).where({ accountId }).delete();
}
