import type { Knex } from 'knex';

/** What groups allow, who administers them, and what a person's groups give them. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table groups
      add column visibility text not null default 'open' check (visibility in ('open', 'private', 'secret')),
      add column permissions text[] not null default '{}',
      add column members_may_invite_guests boolean not null default false,
      add column members_may_publish boolean not null default false,
      add column version integer not null default 1;
    alter table group_members
      add column role text not null default 'member' check (role in ('member', 'administrator'));
    create index groups_page on groups (organization_id, created_at, id);

    -- Who is outside a secret group must not learn of it by a name that is taken.
    drop index groups_name;
    create unique index groups_name on groups (organization_id, lower(name)) where visibility <> 'secret';

    -- The owner of the tables may be a plain role, whom row-level security would let change nothing.
    alter table groups no force row level security;
    update groups set members_may_invite_guests = true where is_guest_group;
    alter table groups force row level security;

    grant select (permissions) on memberships to usher_system;
    grant select (organization_id, id, permissions) on groups to usher_system;
    grant select (organization_id, group_id, account_id, role) on group_members to usher_system;
    create policy groups_system on groups for select to usher_system using (true);
    create policy group_members_system on group_members for select to usher_system using (true);

    create function usher_groups_of(organization uuid, account uuid) returns jsonb language sql stable as
      $$ select coalesce(jsonb_agg(jsonb_build_object('id', g.id, 'role', gm.role, 'permissions', g.permissions)), '[]')
         from group_members gm join groups g on g.organization_id = gm.organization_id and g.id = gm.group_id
         where gm.organization_id = organization and gm.account_id = account $$;

    -- What a signed-in person was given beyond their role, in every organization that they have joined.
    create function usher_account_rights(account uuid) returns table (id uuid, permissions text[], groups jsonb)
      language sql stable security definer set search_path = public, pg_temp as
      $$ select m.organization_id, m.permissions, usher_groups_of(m.organization_id, account) from memberships m
         where m.account_id = account and m.status = 'active' $$;
    grant create on schema public to usher_system;
    alter function usher_account_rights(uuid) owner to usher_system;
    revoke create on schema public from usher_system;
    revoke all on function usher_account_rights(uuid) from public;
    grant execute on function usher_account_rights(uuid) to usher_app;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop function usher_account_rights(uuid), usher_groups_of(uuid, uuid);
    drop policy group_members_system on group_members;
    drop policy groups_system on groups;
    revoke select (organization_id, group_id, account_id, role) on group_members from usher_system;
    revoke select (organization_id, id, permissions) on groups from usher_system;
    revoke select (permissions) on memberships from usher_system;
    drop index groups_name, groups_page;
    alter table groups no force row level security;
    update groups set name = name || ' ' || id where visibility = 'secret';
    alter table groups force row level security;
    create unique index groups_name on groups (organization_id, lower(name));
    alter table group_members drop column role;
    alter table groups drop column visibility, drop column permissions, drop column members_may_invite_guests,
      drop column members_may_publish, drop column version;
  `);
}
