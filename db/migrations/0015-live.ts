import type { Knex } from 'knex';

/** What operators' figures are read by: mails that wait, and those that did not arrive, however many did. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create index emails_unsent on emails (created_at) where status = 'queued';
    -- By the last try, as it is written down: ISO 8601 in UTC, whose order is that of its letters.
    create index emails_undelivered on emails ((attempts -> -1 ->> 'at') collate "C") where status in ('failed', 'bounced');
    create index account_mails_unsent on account_mails (created_at) where status = 'queued';
    grant select (organization_id, status, attempts, created_at) on emails to usher_system;
    create policy emails_figures on emails for select to usher_system using (true);
  `);
}

/** The grant stays: others may have given it as well, and without the policy it shows nothing. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop policy emails_figures on emails;
    drop index account_mails_unsent, emails_undelivered, emails_unsent;
  `);
}
