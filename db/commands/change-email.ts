import { mayConfirmEmail } from '../../domain/account';
import type { Actor } from '../../domain/actor';
import { Problem } from '../../domain/problem';
import { type Database, readClock, type Transaction } from '../database';
import type { Account } from '../models/account';
import { findAccountByEmail } from '../queries/find-account-holder';
import { requestAccountMail } from './account-mail';
import { endSessions, lockAccount } from './change-own-account';
import { linkDead } from './reset-password';
import { accountEvent } from './sign-in';

/**
 * Asks for a new address: it has to be confirmed there, and the old address hears of it. Whether somebody else has it
 * already is told to nobody but them.
 * @returns the mails whose workflows must hear of it after the commit
 */
export async function requestEmailChange(
  trx: Transaction,
  accountId: string,
  email: string,
  lifetimeMs: number,
): Promise<string[]> {
  const account = await lockAccount(trx, accountId);
  const now = await readClock(trx);
  await account.$query(trx).patch({ pendingEmail: email, version: account.version + 1, updatedAt: now });
  const wish = { accountId, deadline: new Date(now.getTime() + lifetimeMs) };
  const mails = [await requestAccountMail(trx, { ...wish, type: 'email-confirmation', recipient: email }, now)];
  if (account.email !== null)
    mails.push(await requestAccountMail(trx, { ...wish, type: 'email-change-notice', recipient: account.email }, now));
  return mails;
}

/**
 * @param isPerson whether the account's own person confirms; else nobody knows its password any more, and it has no sessions
 * @param verify whether the link was made for the account as it is now, under the lock
 * @returns the account as it is then
 */
export async function confirmEmail(
  database: Database,
  { id, homeOrganizationId }: Account,
  isPerson: boolean,
  verify: (account: Account, now: Date) => boolean,
  actor: Actor,
): Promise<Account> {
  const self: Actor = { ...actor, type: 'user', id };
  return accountEvent(database, { id, homeOrganizationId }, 'account.email-changed', self, async (trx) => {
    const account = await lockAccount(trx, id);
    const now = await readClock(trx);
    if (!mayConfirmEmail(account) || !verify(account, now)) throw linkDead();
    const other = await findAccountByEmail(trx, account.pendingEmail ?? '');
    if (other && other.id !== id) throw emailTaken();
    const saved = await account
      .$query(trx)
      .patchAndFetch({
        ...(!isPerson && { passwordHash: null, sessionEpoch: account.sessionEpoch + 1 }),
        email: account.pendingEmail,
        invitedEmail: null,
        pendingEmail: null,
        version: account.version + 1,
        updatedAt: now,
      })
      .catch((error: unknown) => {
        throw isEmailRace(error) ? emailTaken() : error;
      });
    if (!isPerson) await endSessions(trx, id);
    return saved;
  });
}

/** Somebody else has proved the same address at the same moment. */
export const isEmailRace = (error: unknown): boolean =>
  ((error as { nativeError?: { constraint?: string } }).nativeError?.constraint ??
    (error as { constraint?: string }).constraint) === 'accounts_email';

export const emailTaken = (): Problem =>
  new Problem('EMAIL_TAKEN', 'This address belongs to another account.', {
    errors: [{ pointer: '/email', message: 'This address belongs to another account.' }],
  });
