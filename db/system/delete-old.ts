import { asSystem, type Database } from '../database';

/** Forgets idempotency keys older than a day, counters, sessions and codes that have run out, sign-ins and account mails after 90 days. */
export async function deleteOldKeys(database: Database): Promise<void> {
  await asSystem(database, async (trx) => {
    await trx.raw(`delete from idempotency_keys where created_at < usher_now() - interval '24 hours'`);
    await trx.raw(`delete from inviter_notices where at < usher_now() - interval '90 days'`);
    await trx.raw(`delete from rate_limits where expire < extract(epoch from clock_timestamp()) * 1000`);
  });
  // Accounts belong to no organization, and so do these.
  await database.raw('delete from sessions where expire < clock_timestamp()');
  await database.raw('delete from mail_codes where expires_at < usher_now()');
  for (const [table, column] of Object.entries({ sign_ins: 'at', account_mails: 'created_at' }))
    await database.raw(`delete from ?? where ?? < usher_now() - interval '90 days'`, [table, column]);
}
