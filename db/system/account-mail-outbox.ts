import type { Database } from '../database';

/** Takes up to `limit` mails that Temporal is to be told of, for `leaseMs`. @returns their ids */
export async function leaseAccountMails(database: Database, limit: number, leaseMs: number): Promise<string[]> {
  const { rows } = await database.raw<{ rows: { id: string }[] }>(
    `update account_mails set tell_at = usher_now() + ? * interval '1 millisecond' where id in (
       select id from account_mails where tell_at <= usher_now() order by tell_at limit ? for update skip locked
     ) returning id`,
    [leaseMs, limit],
  );
  return rows.map(({ id }) => id);
}

/** Temporal has been told: asked after only if the mail is still queued so much later. */
export async function postponeAccountMail(database: Database, id: string, ms: number): Promise<void> {
  await database.raw(
    `update account_mails set tell_at = usher_now() + ? * interval '1 millisecond' where id = ? and status = 'queued'`,
    [ms, id],
  );
}
