import { asSystem, type Database } from '../database';

/** Forgets idempotency keys older than a day and rate limit counters that have run out. */
export function deleteOldKeys(database: Database): Promise<void> {
  return asSystem(database, async (trx) => {
    await trx.raw(`delete from idempotency_keys where created_at < usher_now() - interval '24 hours'`);
    await trx.raw(`delete from rate_limits where expire < extract(epoch from clock_timestamp()) * 1000`);
  });
}
