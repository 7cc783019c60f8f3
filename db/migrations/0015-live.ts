import type { Knex } from 'knex';

/** What operators' figures are read by: mails that wait, and those that did not arrive, however many did. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create index emails_unsent on emails (created_at) where status = 'queued';
    -- By the last try, as it is written down: ISO 8601 in UTC, whose order is that of its letters.
    create index emails_undelivered on emails ((attempts -> -1 ->> 'at') collate "C") where status in ('failed', 'bounced');
    create index account_mails_unsent on account_mails (created_at) where status = 'queued';
  `);
}

/** Back to reading through the tables. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop index account_mails_unsent, emails_undelivered, emails_unsent;
  `);
}
