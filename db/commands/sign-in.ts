import type { Actor } from '../../domain/actor';
import type { Database, Transaction } from '../database';
import { inOrganizations } from '../database';
import { Account } from '../models/account';
import { recordEvents } from './record-event';

export type SignInResult = 'signed-in' | 'wrong-password' | 'not-active' | 'wrong-code' | 'two-factor-required';

/** One row for every try, whether or not there is such an account. // C8 */
export async function recordSignIn(
  database: Database,
  accountId: string | null,
  result: SignInResult,
  actor: Pick<Actor, 'ip' | 'userAgent'>,
): Promise<void> {
  await database('sign_ins').insert({
    accountId,
    result,
    ip: actor.ip ?? null,
    userAgent: actor.userAgent?.slice(0, 300) ?? null,
  });
}

/** Writes down that a person is signed in, all factors given. */
export async function completeSignIn(database: Database, account: Account, actor: Actor, now: Date): Promise<void> {
  await recordSignIn(database, account.id, 'signed-in', actor);
  await accountEvent(database, account, 'account.signed-in', actor, async (trx) => {
    // The second of the two steps that a reactivation by hand asks for. // E9
    if (account.reactivationResetAt !== null)
      await Account.query(trx)
        .patch({ reactivationDeadline: null, reactivationResetAt: null })
        .findById(account.id)
        .whereRaw('reactivation_deadline > usher_now()');
    await Account.query(trx).patch({ lastSignInAt: now }).findById(account.id);
  });
}

/** A change of an account (0: there was none) with its audit event, which belongs to the home organization; who has no home has no audit. */
export async function accountEvent<T>(
  database: Database,
  account: Pick<Account, 'id' | 'homeOrganizationId'>,
  type: string,
  actor: Actor,
  change: (trx: Transaction) => Promise<T>,
): Promise<T> {
  const { homeOrganizationId: organizationId } = account;
  return inOrganizations(database, organizationId ? [organizationId] : [], async (trx) => {
    const result = await change(trx);
    // Nothing came of it: somebody else was first.
    if (organizationId && result !== 0) await recordEvents(trx, { organizationId, type, actor, accountId: account.id });
    return result;
  });
}
