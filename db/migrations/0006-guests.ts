import type { Knex } from 'knex';

/** Guests: the log of their coming and going, access that ends, and what a session means by `current`. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- What a guest was called at the time: what they are called after they have gone is not this organization's. // A8
    create table guest_log (
      id bigint generated always as identity primary key,
      organization_id uuid not null references organizations on delete cascade,
      account_id uuid not null,
      event text not null check (event in ('entry', 'exit')),
      reason text not null check (reason in ('accepted', 'removed', 'left', 'access-ended', 'suspended', 'resumed')),
      at timestamptz(3) not null default usher_now(),
      name text,
      email text,
      invited_by_type text check (invited_by_type in ('user', 'api-key', 'platform')),
      invited_by_id uuid,
      invited_by_name text
    );
    create index guest_log_page on guest_log (organization_id, id);
    create index guest_log_account on guest_log (organization_id, account_id);
    alter table guest_log enable row level security;
    alter table guest_log force row level security;
    create policy guest_log_scoped on guest_log to usher_app
      using (organization_id = any (usher_organizations())) with check (organization_id = any (usher_organizations()));
    grant select, insert on guest_log to usher_app;

    -- Temporary access: when its end is announced, whether that was done, and when Temporal is to be told (again). // D11
    alter table memberships
      add column access_warn_at timestamptz(3),
      add column access_warned_at timestamptz(3),
      add column access_tell_at timestamptz(3);
    create index memberships_access_tell on memberships (access_tell_at) where access_tell_at is not null;
    create index memberships_access_end on memberships (access_ends_at) where access_ends_at is not null;
    grant select (access_warn_at, access_warned_at, access_tell_at), update (access_tell_at)
      on memberships to usher_system;
    create policy memberships_system_tell on memberships for update to usher_system using (true) with check (true);

    -- Mails about a person's place in an organization that is not their home name it.
    alter table account_mails drop constraint account_mails_type_check;
    alter table account_mails add constraint account_mails_type_check check (type in (
      'password-reset', 'email-confirmation', 'email-change-notice', 'two-factor-code', 'two-factor-changed',
      'guest-access-ending', 'guest-access-ending-host'));
    alter table account_mails add column about_organization_id uuid, add column about_account_id uuid;

    -- The instant decides, not the workflow: access that has ended is none. // D11
    create or replace function usher_account_organizations(account uuid)
      returns table (id uuid, name text, kind text, role text, policy jsonb)
      language sql stable security definer set search_path = public, pg_temp as
      $$ select o.id, o.name, m.kind, m.role, o.policy
         from memberships m join organizations o on o.id = m.organization_id
         where m.account_id = account and m.status = 'active'
           and (m.access_ends_at is null or m.access_ends_at > usher_now())
         order by m.joined_at, o.id $$;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    create or replace function usher_account_organizations(account uuid)
      returns table (id uuid, name text, kind text, role text, policy jsonb)
      language sql stable security definer set search_path = public, pg_temp as
      $$ select o.id, o.name, m.kind, m.role, o.policy
         from memberships m join organizations o on o.id = m.organization_id
         where m.account_id = account and m.status = 'active' order by m.joined_at, o.id $$;
    delete from account_mails where about_organization_id is not null;
    alter table account_mails drop column about_organization_id, drop column about_account_id;
    alter table account_mails drop constraint account_mails_type_check;
    alter table account_mails add constraint account_mails_type_check check (type in (
      'password-reset', 'email-confirmation', 'email-change-notice', 'two-factor-code', 'two-factor-changed'));
    drop policy memberships_system_tell on memberships;
    revoke update (access_tell_at) on memberships from usher_system;
    revoke select (access_warn_at, access_warned_at, access_tell_at) on memberships from usher_system;
    alter table memberships drop column access_warn_at, drop column access_warned_at, drop column access_tell_at;
    drop index memberships_access_end;
    drop table guest_log;
  `);
}
