import type { Knex } from 'knex';

/**
 * One mail log over both kinds of mails, what comes back later (bounces, complaints), addresses that an organization does
 * not mail any more, and what workers say of the mail server. // E6, E12, F4, decisions 21 and 22
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table emails
      add column reply_to text,
      -- Why the mail is what it is, where no answer of the mail server says so.
      add column detail text,
      add column next_try_at timestamptz(3),
      add column contents_removed_at timestamptz(3);
    create index emails_status on emails (organization_id, status, created_at, id);
    create index emails_contents on emails (created_at) where contents_removed_at is null;

    -- A copy of an invitation's mail is one more mail of its own, sent as those to account holders are. // E6
    alter table account_mails
      add column copy_of uuid references emails on delete cascade,
      add column generation integer,
      add column reply_to text,
      add column detail text;
    alter table account_mails drop constraint account_mails_status_check;
    alter table account_mails add constraint account_mails_status_check
      check (status in ('queued', 'sent', 'failed', 'bounced'));
    create index account_mails_page on account_mails (organization_id, created_at, id) where organization_id is not null;
    create index account_mails_status on account_mails (organization_id, status, created_at, id)
      where organization_id is not null;
    create index account_mails_invitation on account_mails (invitation_id) where invitation_id is not null;
    create index account_mails_copy on account_mails (copy_of) where copy_of is not null;
    create index account_mails_account on account_mails (account_id);

    -- An address that came back, or whose owner has complained: a fact of one organization, which no other is told.
    create table suppressed_addresses (
      id uuid primary key,
      organization_id uuid not null references organizations on delete cascade,
      address text not null,
      reason text not null check (reason in ('bounce', 'complaint')),
      detail text,
      mail_id uuid,
      at timestamptz(3) not null default usher_now()
    );
    create unique index suppressed_addresses_once on suppressed_addresses (organization_id, address);
    create index suppressed_addresses_page on suppressed_addresses (organization_id, at, id);
    alter table suppressed_addresses enable row level security;
    alter table suppressed_addresses force row level security;
    create policy suppressed_addresses_scoped on suppressed_addresses to usher_app
      using (organization_id = any (usher_organizations())) with check (organization_id = any (usher_organizations()));
    grant select, insert, update, delete on suppressed_addresses to usher_app;

    -- Of workers, not of organizations; lost by a crash, and said again half a minute later.
    create unlogged table worker_heartbeats (
      worker_id uuid primary key,
      at timestamptz(3) not null default usher_now(),
      mail text not null check (mail in ('ok', 'failing'))
    );
    grant select, insert, update, delete on worker_heartbeats to usher_app;

    -- Everything of the log but what the mails say; and of old ones, the right to forget that.
    grant select (id, organization_id, invitation_id, type, generation, locale, sender, recipient, subject, message_id, status,
      attempts, detail, next_try_at, contents_removed_at, created_at, sent_at) on emails to usher_system;
    grant update (html, text, reply_to, contents_removed_at) on emails to usher_system;
    create policy emails_system on emails for select to usher_system using (true);
    create policy emails_system_forget on emails for update to usher_system using (true) with check (true);
    grant select (id, organization_id, invitation_id, account_id, type, generation, locale, sender, recipient, subject,
      message_id, status, attempts, detail, due_at, created_at, sent_at, copy_of) on account_mails to usher_system;

    -- As with user_search: the organizations in scope as an ordinary condition, beside which indexes are used. // decision 13
    create view mail_log as
      select id, organization_id, 'invitation' as source, invitation_id, null::uuid as account_id, type, generation, locale,
        sender, recipient, subject, message_id, status, attempts, detail, next_try_at, created_at, sent_at,
        null::uuid as copy_of
      from emails where array_position((select usher_organizations()), organization_id) is not null
      union all
      select id, organization_id, 'account', invitation_id, account_id, type, generation, locale,
        sender, recipient, subject, message_id, status, attempts, detail,
        case when status = 'queued' and attempts <> '[]' then due_at end, created_at, sent_at, copy_of
      from account_mails
      where organization_id is not null and array_position((select usher_organizations()), organization_id) is not null;

    -- Of a mail that has come back: in whose log it is.
    create function usher_email_organization(mail uuid) returns uuid
      language sql stable security definer set search_path = public, pg_temp as
      $$ select organization_id from emails where id = mail $$;

    grant create on schema public to usher_system;
    alter view mail_log owner to usher_system;
    alter function usher_email_organization(uuid) owner to usher_system;
    revoke create on schema public from usher_system;
    grant select on mail_log to usher_app;
    revoke all on function usher_email_organization(uuid) from public;
    grant execute on function usher_email_organization(uuid) to usher_app;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop function usher_email_organization(uuid);
    drop view mail_log;
    drop policy emails_system_forget on emails;
    drop policy emails_system on emails;
    revoke select, update on emails from usher_system;
    revoke select on account_mails from usher_system;
    drop table worker_heartbeats, suppressed_addresses;
    -- What the older release knows no state for: it was sent, and copies stand for nothing there.
    delete from account_mails where copy_of is not null;
    update account_mails set status = 'failed' where status = 'bounced';
    alter table account_mails drop constraint account_mails_status_check;
    alter table account_mails add constraint account_mails_status_check check (status in ('queued', 'sent', 'failed'));
    drop index account_mails_page, account_mails_status, account_mails_invitation, account_mails_account;
    alter table account_mails drop column copy_of, drop column generation, drop column reply_to, drop column detail;
    drop index emails_status;
    alter table emails drop column reply_to, drop column detail, drop column next_try_at, drop column contents_removed_at;
  `);
}
