import type { Knex } from 'knex';

const missingExtension = (name: string) => `
  begin
    create extension if not exists ${name};
  exception
    when insufficient_privilege then
      raise exception 'Searching users needs the PostgreSQL extension ${name}, which % may not create in this database. '
        'Grant it CREATE on the database, or have a superuser run: create extension ${name}', current_user;
    when undefined_file or feature_not_supported then
      raise exception 'Searching users needs the PostgreSQL extension ${name}, which this server does not have: '
        'install the package postgresql-contrib.';
  end;`;

/**
 * What makes lists of a million users quick: their order by every filter, and their names in one indexed text.
 * // decision 13
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`do $$ begin ${missingExtension('pg_trgm')} ${missingExtension('btree_gin')} end $$`);
  await knex.raw(`
    -- The parts stand apart: nothing that is searched for may contain what divides them.
    create function usher_search_text(email text, username text, first_name text, last_name text) returns text
      language sql immutable parallel safe as
      $$ select lower(coalesce(email, '') || chr(1) || coalesce(username, '') || chr(1) ||
           coalesce(first_name, '') || chr(1) || coalesce(last_name, '')) $$;

    -- What a user is found by in this organization. It follows accounts and invitations by the triggers below.
    alter table memberships add column search text not null default '';

    create function usher_membership_search() returns trigger language plpgsql as $$ begin
        -- Until they have joined, only what this organization wrote itself: never the account they may have elsewhere.
        if new.joined_at is null then
          new.search := coalesce((select usher_search_text(email, username, first_name, last_name)
            from invitations where id = new.invitation_id), '');
        else
          new.search := coalesce((select usher_search_text(coalesce(email, invited_email), username, first_name, last_name)
            from accounts where id = new.account_id), '');
        end if;
        return new;
      end $$;
    -- As usher_system: a person's name is the same in every organization that they have joined.
    create function usher_account_search() returns trigger
      language plpgsql security definer set search_path = public, pg_temp as $$ begin
        update memberships set search =
            usher_search_text(coalesce(new.email, new.invited_email), new.username, new.first_name, new.last_name)
          where account_id = new.id and joined_at is not null;
        return null;
      end $$;
    create function usher_invitation_search() returns trigger language plpgsql as $$ begin
        update memberships set search = usher_search_text(new.email, new.username, new.first_name, new.last_name)
          where invitation_id = new.id and joined_at is null;
        return null;
      end $$;

    grant select (created_at, inactive_reason, invitation_id, access_ends_at, search), update (search) on memberships to usher_system;
    create policy memberships_system_search on memberships for update to usher_system using (true) with check (true);

    -- Row-level security keeps every condition that is not leakproof, such as LIKE, away from indexes. These views name the
    -- rows of the organizations in scope, as the policies do, but as an ordinary condition beside which indexes are used.
    -- The planner takes "is not null" for true of nearly all rows; "= any" of a list it cannot see, for true of hardly any.
    create view user_search as
      select organization_id, account_id, created_at, kind, status, inactive_reason, joined_at, invitation_id, access_ends_at,
        search
      from memberships where array_position((select usher_organizations()), organization_id) is not null;
    create view invitation_search as
      select id, organization_id, account_id, created_at, kind, status, expires_at, group_ids,
        usher_search_text(email, username, first_name, last_name) as search
      from invitations where array_position((select usher_organizations()), organization_id) is not null;
  `);
  for (const view of ['user_search', 'invitation_search'])
    await knex.raw(`
      grant create on schema public to usher_system;
      alter view ${view} owner to usher_system;
      revoke create on schema public from usher_system;
      grant select on ${view} to usher_app;
    `);
  await knex.raw(`
    grant create on schema public to usher_system;
    alter function usher_account_search() owner to usher_system;
    revoke create on schema public from usher_system;
    revoke all on function usher_account_search() from public;
  `);
  await knex.raw(`
    create trigger memberships_search before insert or update of joined_at, invitation_id, account_id on memberships
      for each row execute function usher_membership_search();
    create trigger accounts_search after update of email, invited_email, username, first_name, last_name on accounts
      for each row when (row(old.email, old.invited_email, old.username, old.first_name, old.last_name)
        is distinct from row(new.email, new.invited_email, new.username, new.first_name, new.last_name))
      execute function usher_account_search();
    -- An invitation may be written after the membership that names it.
    create trigger invitations_search_insert after insert on invitations
      for each row execute function usher_invitation_search();
    create trigger invitations_search_update after update of email, username, first_name, last_name on invitations
      for each row when (row(old.email, old.username, old.first_name, old.last_name)
        is distinct from row(new.email, new.username, new.first_name, new.last_name))
      execute function usher_invitation_search();

    -- Forced security holds for the owner, too, who has no policy and would find nothing to fill in.
    alter table memberships no force row level security;
    alter table invitations no force row level security;
    update memberships m set search = coalesce(case
        when m.joined_at is null then (select usher_search_text(i.email, i.username, i.first_name, i.last_name)
          from invitations i where i.id = m.invitation_id)
        else (select usher_search_text(coalesce(a.email, a.invited_email), a.username, a.first_name, a.last_name)
          from accounts a where a.id = m.account_id) end, '');
    alter table memberships force row level security;
    alter table invitations force row level security;

    create index memberships_search on memberships using gin (organization_id, search gin_trgm_ops);
    create index memberships_status on memberships (organization_id, status, created_at, account_id);
    create index memberships_kind on memberships (organization_id, kind, created_at, account_id);
    create index accounts_out on accounts (status) where status = 'deactivated' or status = 'inactive' and activated_at is not null;
    create index invitations_search on invitations
      using gin (organization_id, usher_search_text(email, username, first_name, last_name) gin_trgm_ops);
    create index memberships_invitation on memberships (invitation_id);
    create index invitations_groups on invitations using gin (group_ids);
    create index invitations_status on invitations (organization_id, status, created_at, id);
    create index invitations_overdue on invitations (organization_id, expires_at) where status = 'pending';
    analyze memberships, accounts, invitations;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop index invitations_overdue, invitations_status, invitations_groups, invitations_search, accounts_out,
      memberships_invitation, memberships_kind, memberships_status, memberships_search;
    drop trigger invitations_search_update on invitations;
    drop trigger invitations_search_insert on invitations;
    drop trigger accounts_search on accounts;
    drop trigger memberships_search on memberships;
    drop view invitation_search, user_search;
    drop policy memberships_system_search on memberships;
    revoke select (created_at, inactive_reason, invitation_id, access_ends_at, search), update (search) on memberships from usher_system;
    drop function usher_membership_search(), usher_account_search(), usher_invitation_search();
    alter table memberships drop column search;
    drop function usher_search_text(text, text, text, text);
    -- One that somebody else has made or uses stays.
    do $$ begin drop extension pg_trgm;
    exception when insufficient_privilege or dependent_objects_still_exist then null; end $$;
    do $$ begin drop extension btree_gin;
    exception when insufficient_privilege or dependent_objects_still_exist then null; end $$;
  `);
}
