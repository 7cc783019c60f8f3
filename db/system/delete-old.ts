import { asSystem, type Database } from '../database';

const mailsAtOnce = 1_000;

/**
 * Forgets idempotency keys older than a day, counters, sessions and codes that have run out, sign-ins after 90 days, and what
 * mails of either kind said after `mailRetentionDays`: their rows stay in the log. Mails that are in no log go as a whole.
 */
export async function deleteOldKeys(database: Database, mailRetentionDays = 90): Promise<void> {
  await asSystem(database, async (trx) => {
    await trx.raw(`delete from idempotency_keys where created_at < usher_now() - interval '24 hours'`);
    await trx.raw(`delete from inviter_notices where at < usher_now() - interval '90 days'`);
    await trx.raw(`delete from rate_limits where expire < extract(epoch from clock_timestamp()) * 1000`);
    // The newest mail of an open invitation is kept: a copy of it may be asked for until the deadline. // E6
    await trx.raw(
      `update emails set html = '', text = '', reply_to = null, contents_removed_at = usher_now() where id in (
         select e.id from emails e join invitations i on i.id = e.invitation_id
         where e.contents_removed_at is null and e.created_at < usher_now() - ? * interval '1 day'
           and (i.status <> 'pending' or i.generation <> e.generation)
         order by e.created_at limit ?)`,
      [mailRetentionDays, mailsAtOnce],
    );
  });
  // Accounts belong to no organization, and so do these.
  await database.raw('delete from sessions where expire < clock_timestamp()');
  await database.raw('delete from mail_codes where expires_at < usher_now()');
  await database.raw(`delete from sign_ins where at < usher_now() - interval '90 days'`);
  // A mail that may still go out is kept until its link has run out.
  const isOld = `created_at < usher_now() - ? * interval '1 day' and (status <> 'queued' or deadline < usher_now())`;
  // Their subjects name people whom they are about.
  await database.raw(
    `update account_mails set subject = '', html = null, text = null, reply_to = null where id in (
       select id from account_mails where organization_id is not null and subject <> '' and ${isOld}
       order by created_at limit ?)`,
    [mailRetentionDays, mailsAtOnce],
  );
  await database.raw(`delete from account_mails where organization_id is null and ${isOld}`, [mailRetentionDays]);
}
