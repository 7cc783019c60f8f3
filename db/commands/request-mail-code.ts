import { mailCodeLifetimeMs } from '../../domain/two-factor';
import { type Database, readClock } from '../database';
import { requestAccountMail } from './account-mail';
import { lockAccount } from './change-own-account';

/**
 * A code by mail for a half finished sign-in. It is computed from the mail's id, so that nobody can read it here; only the
 * session that names this id can use it, and only once.
 * @param inPlaceOf the code that was mailed for this session before, which is dead from now on
 * @returns the mail's id: its workflow must hear of it after the commit; null: there is no address
 */
export async function requestMailCode(
  database: Database,
  accountId: string,
  inPlaceOf: string | null,
): Promise<string | null> {
  return database.transaction(async (trx) => {
    const { email } = await lockAccount(trx, accountId);
    if (email === null) return null;
    const now = await readClock(trx);
    const expiresAt = new Date(now.getTime() + mailCodeLifetimeMs);
    const wish = { type: 'two-factor-code', recipient: email, accountId, deadline: expiresAt } as const;
    const id = await requestAccountMail(trx, wish, now);
    if (inPlaceOf) await trx('mail_codes').where({ id: inPlaceOf, accountId }).delete();
    await trx('mail_codes').insert({ id, accountId, expiresAt });
    return id;
  });
}
