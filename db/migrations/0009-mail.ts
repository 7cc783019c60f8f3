import type { Knex } from 'knex';

/**
 * Several mails of one generation of an invitation (reminders), and mails to people that belong to an organization's log or
 * to one of its invitations. Which types there are is the program's business.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table emails add column ordinal integer not null default 0;
    alter table emails drop constraint emails_invitation_id_type_generation_key;
    create unique index emails_once on emails (invitation_id, type, generation, ordinal);

    alter table account_mails drop constraint account_mails_type_check;
    alter table account_mails add column organization_id uuid, add column invitation_id uuid;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table account_mails drop column organization_id, drop column invitation_id;
    delete from account_mails where type not in (
      'password-reset', 'email-confirmation', 'email-change-notice', 'two-factor-code', 'two-factor-changed',
      'guest-access-ending', 'guest-access-ending-host');
    alter table account_mails add constraint account_mails_type_check check (type in (
      'password-reset', 'email-confirmation', 'email-change-notice', 'two-factor-code', 'two-factor-changed',
      'guest-access-ending', 'guest-access-ending-host'));
    alter table emails no force row level security;
    delete from emails where ordinal > 0;
    alter table emails force row level security;
    drop index emails_once;
    alter table emails add constraint emails_invitation_id_type_generation_key unique (invitation_id, type, generation);
    alter table emails drop column ordinal;
  `);
}
