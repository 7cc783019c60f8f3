import type { Knex } from 'knex';

const columns = {
  invitation: `id, organization_id, 'invitation' as source, invitation_id, null::uuid as account_id, type, generation, locale,
    sender, recipient, subject, message_id, status, attempts, detail, next_try_at, created_at, sent_at,
    null::uuid as copy_of`,
  account: `id, organization_id, 'account', invitation_id, account_id, type, generation, locale,
    sender, recipient, subject, message_id, status, attempts, detail,
    case when status = 'queued' and attempts <> '[]' then due_at end, created_at, sent_at, copy_of`,
};

const view = (more: string): string => `
  as select ${columns.invitation}${more}
  from emails where array_position((select usher_organizations()), organization_id) is not null
  union all
  select ${columns.account}${more}
  from account_mails
  where organization_id is not null and array_position((select usher_organizations()), organization_id) is not null`;

/** The mail log says which template a mail was made from: an own one that failed is seen there. // E3, E6 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    grant select (template) on emails to usher_system;
    grant select (template) on account_mails to usher_system;
    create or replace view mail_log ${view(', template')};
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop view mail_log;
    create view mail_log ${view('')};
    grant create on schema public to usher_system;
    alter view mail_log owner to usher_system;
    revoke create on schema public from usher_system;
    grant select on mail_log to usher_app;
    revoke select (template) on account_mails from usher_system;
    revoke select (template) on emails from usher_system;
  `);
}
