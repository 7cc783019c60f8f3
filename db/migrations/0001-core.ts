import type { Knex } from 'knex';

/**
 * The core. Two plain roles are all that the program ever runs as: `usher_app` sees what the transaction-local setting
 * `usher.organizations` names (unset: nothing); `usher_system` is taken for the few commands that look across
 * organizations. Roles belong to the whole server, so they are made only where missing and never dropped.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    do $$ begin
      if not exists (select from pg_roles where rolname = 'usher_app') then create role usher_app nologin; end if;
    exception when duplicate_object or unique_violation then null; end $$;
    do $$ begin
      if not exists (select from pg_roles where rolname = 'usher_system') then create role usher_system nologin; end if;
    exception when duplicate_object or unique_violation then null; end $$;
    -- Who may not grant was made a member by hand, or will be told so at the first SET ROLE.
    do $$ begin
      execute format('grant usher_app, usher_system to %I', current_user);
    exception when insufficient_privilege then null; end $$;
    grant usage on schema public to usher_app, usher_system;

    -- The one clock of all SQL, in milliseconds like JavaScript's. Not the transaction's start: a command reads it after locking.
    create function usher_now() returns timestamptz language sql volatile as $$ select clock_timestamp()::timestamptz(3) $$;

    create function usher_organizations() returns uuid[] language sql stable as
      $$ select string_to_array(nullif(current_setting('usher.organizations', true), ''), ',')::uuid[] $$;

    create table organizations (
      id uuid primary key,
      name text not null,
      preset text not null,
      time_zone text not null,
      locale text not null,
      plan text not null default 'standard',
      licences integer check (licences >= 0),
      policy jsonb not null,
      version integer not null default 1,
      created_at timestamptz(3) not null default usher_now(),
      updated_at timestamptz(3) not null default usher_now()
    );

    create table api_keys (
      id uuid primary key,
      organization_id uuid not null references organizations on delete cascade,
      name text not null,
      key_hash bytea not null unique,
      expires_at timestamptz(3),
      created_at timestamptz(3) not null default usher_now(),
      revoked_at timestamptz(3)
    );
    create index api_keys_organization on api_keys (organization_id, created_at, id);

    -- One person, one account, in the whole deployment; what an organization may know of it goes through memberships.
    -- email: only an address whose owner has shown that it is theirs. invited_email: what an inviter has written, which
    -- proves nothing; the account of an invited person belongs to that one organization until they have come in.
    create table accounts (
      id uuid primary key,
      email text,
      invited_email text,
      username text,
      first_name text,
      last_name text,
      locale text,
      password_hash text,
      status text not null check (status in ('invited', 'active', 'inactive', 'deactivated', 'erased')),
      inactive_reason text check (inactive_reason in ('expired', 'cancelled', 'declined')),
      home_organization_id uuid references organizations,
      activated_at timestamptz(3),
      version integer not null default 1,
      created_at timestamptz(3) not null default usher_now(),
      updated_at timestamptz(3) not null default usher_now()
    );
    create unique index accounts_email on accounts (lower(email));
    create index accounts_invited_email on accounts (lower(invited_email));
    create unique index accounts_username on accounts (lower(username));

    create table memberships (
      organization_id uuid not null references organizations on delete cascade,
      account_id uuid not null references accounts on delete cascade,
      kind text not null check (kind in ('member', 'guest')),
      role text not null default 'member' check (role in ('member', 'staff', 'administrator')),
      status text not null check (status in ('invited', 'active', 'inactive', 'suspended')),
      inactive_reason text check (inactive_reason in ('expired', 'cancelled', 'declined')),
      permissions text[] not null default '{}',
      user_type text,
      guest_type text check (guest_type in ('customer', 'partner', 'coworker', 'freelancer')),
      sponsor_id uuid,
      external_id text,
      access_ends_at timestamptz(3),
      invitation_id uuid,
      joined_at timestamptz(3),
      created_at timestamptz(3) not null default usher_now(),
      updated_at timestamptz(3) not null default usher_now(),
      primary key (organization_id, account_id)
    );
    create index memberships_page on memberships (organization_id, created_at, account_id);
    create index memberships_account on memberships (account_id);

    create table groups (
      id uuid primary key,
      organization_id uuid not null references organizations on delete cascade,
      name text not null,
      is_guest_group boolean not null default false,
      created_at timestamptz(3) not null default usher_now(),
      unique (organization_id, id)
    );
    create unique index groups_name on groups (organization_id, lower(name));
    create unique index groups_guest on groups (organization_id) where is_guest_group;

    create table group_members (
      organization_id uuid not null,
      group_id uuid not null,
      account_id uuid not null,
      created_at timestamptz(3) not null default usher_now(),
      primary key (group_id, account_id),
      foreign key (organization_id, group_id) references groups (organization_id, id) on delete cascade,
      foreign key (organization_id, account_id) references memberships on delete cascade
    );
    create index group_members_account on group_members (organization_id, account_id);

    create table invitations (
      id uuid primary key,
      organization_id uuid not null references organizations on delete cascade,
      account_id uuid not null references accounts,
      kind text not null check (kind in ('member', 'guest')),
      status text not null check (status in ('draft', 'pending', 'accepted', 'declined', 'cancelled', 'expired')),
      generation integer not null default 0,
      by_hand boolean not null default false,
      email text,
      username text,
      username_derived boolean not null default false,
      first_name text,
      last_name text,
      group_ids uuid[] not null default '{}',
      role text not null default 'member' check (role in ('member', 'staff', 'administrator')),
      permissions text[] not null default '{}',
      user_type text,
      guest_type text check (guest_type in ('customer', 'partner', 'coworker', 'freelancer')),
      message text,
      locale text,
      sponsor_id uuid,
      external_id text,
      metadata jsonb,
      redirect_url text,
      requested_expires_at timestamptz(3),
      access_ends_at timestamptz(3),
      invited_by_type text not null check (invited_by_type in ('user', 'api-key', 'platform')),
      invited_by_id uuid,
      invited_by_name text,
      sent_at timestamptz(3),
      expires_at timestamptz(3),
      answered_at timestamptz(3),
      decline_reason text,
      delivery_status text not null default 'none' check (delivery_status in ('none', 'queued', 'sent', 'failed', 'bounced')),
      delivery_detail text,
      delivery_due_at timestamptz(3),
      next_at timestamptz(3),
      version integer not null default 1,
      created_at timestamptz(3) not null default usher_now(),
      updated_at timestamptz(3) not null default usher_now(),
      check (status <> 'pending' or expires_at is not null)
    );
    create unique index invitations_one_open on invitations (organization_id, lower(email)) where status in ('draft', 'pending');
    create index invitations_page on invitations (organization_id, created_at, id);
    create index invitations_account on invitations (account_id);
    create index invitations_username on invitations (organization_id, lower(username));
    create index invitations_next on invitations (next_at) where next_at is not null;

    -- A dirty mark, not a queue: "tell the workflow of this invitation to look again". Numbers are never used twice.
    create sequence invitation_outbox_sequence;
    create table invitation_outbox (
      invitation_id uuid primary key,
      organization_id uuid not null,
      sequence bigint not null,
      attempts integer not null default 0,
      lease_until timestamptz(3) not null,
      marked_at timestamptz(3) not null default usher_now()
    );
    create index invitation_outbox_lease on invitation_outbox (lease_until);

    create table emails (
      id uuid primary key,
      organization_id uuid not null references organizations on delete cascade,
      invitation_id uuid not null references invitations on delete cascade,
      type text not null,
      generation integer not null,
      locale text not null,
      sender text not null,
      recipient text not null,
      subject text not null,
      html text not null,
      text text not null,
      message_id text not null,
      status text not null check (status in ('queued', 'sent', 'failed', 'bounced')),
      attempts jsonb not null default '[]',
      lease_until timestamptz(3),
      created_at timestamptz(3) not null default usher_now(),
      sent_at timestamptz(3),
      unique (invitation_id, type, generation)
    );
    create index emails_page on emails (organization_id, created_at, id);

    create table audit_events (
      id bigint generated always as identity primary key,
      organization_id uuid not null references organizations on delete cascade,
      at timestamptz(3) not null default usher_now(),
      type text not null,
      actor_type text not null,
      actor_id uuid,
      actor_name text,
      invitation_id uuid,
      account_id uuid,
      data jsonb not null default '{}',
      ip inet,
      user_agent text
    );
    create index audit_events_page on audit_events (organization_id, id);
    create index audit_events_invitation on audit_events (invitation_id, id) where invitation_id is not null;

    create table idempotency_keys (
      caller text not null,
      route text not null,
      key text not null,
      body_hmac bytea not null,
      status integer,
      answer jsonb,
      created_at timestamptz(3) not null default usher_now(),
      primary key (caller, route, key)
    );
    create index idempotency_keys_age on idempotency_keys (created_at);

    -- Counters only: lost by a crash, and in return cheap.
    create unlogged table rate_limits (key varchar(255) primary key, points integer not null default 0, expire bigint);

    grant select, insert, update, delete on
      organizations, api_keys, accounts, memberships, groups, group_members, invitations, invitation_outbox, emails,
      idempotency_keys, rate_limits to usher_app;
    grant select, insert on audit_events to usher_app;
    grant select on knex_migrations to usher_app;
    grant usage on sequence invitation_outbox_sequence to usher_app, usher_system;
    grant select on organizations, api_keys, invitations to usher_system;
    grant select, insert, update, delete on invitation_outbox to usher_system;
    grant select, delete on idempotency_keys, rate_limits to usher_system;
  `);

  // The only questions that an organization's command may ask about others: each answers no more than it must.
  await knex.raw(`
    create function usher_find_api_key(hash bytea) returns table (id uuid, organization_id uuid, name text)
      language sql stable security definer set search_path = public, pg_temp as
      $$ select id, organization_id, name from api_keys
         where key_hash = hash and revoked_at is null and (expires_at is null or expires_at > usher_now()) $$;
    create function usher_invitation_organization(invitation uuid) returns uuid
      language sql stable security definer set search_path = public, pg_temp as
      $$ select organization_id from invitations where id = invitation $$;
  `);
  for (const signature of ['usher_find_api_key(bytea)', 'usher_invitation_organization(uuid)']) {
    await knex.raw(`
      grant create on schema public to usher_system;
      alter function ${signature} owner to usher_system;
      revoke create on schema public from usher_system;
      revoke all on function ${signature} from public;
      grant execute on function ${signature} to usher_app;
    `);
  }

  for (const [table, column] of [
    ['organizations', 'id'],
    ['api_keys', 'organization_id'],
    ['memberships', 'organization_id'],
    ['groups', 'organization_id'],
    ['group_members', 'organization_id'],
    ['invitations', 'organization_id'],
    ['invitation_outbox', 'organization_id'],
    ['emails', 'organization_id'],
    ['audit_events', 'organization_id'],
  ] as const) {
    await knex.raw(`
      alter table ${table} enable row level security;
      alter table ${table} force row level security;
      create policy ${table}_scoped on ${table} to usher_app
        using (${column} = any (usher_organizations())) with check (${column} = any (usher_organizations()));
    `);
  }
  await knex.raw(`
    alter table idempotency_keys enable row level security;
    alter table idempotency_keys force row level security;
    create policy idempotency_keys_scoped on idempotency_keys to usher_app
      using (caller = current_setting('usher.caller', true)) with check (caller = current_setting('usher.caller', true));

    create policy organizations_system on organizations for select to usher_system using (true);
    create policy api_keys_system on api_keys for select to usher_system using (true);
    create policy invitations_system on invitations for select to usher_system using (true);
    create policy invitation_outbox_system on invitation_outbox to usher_system using (true) with check (true);
    create policy idempotency_keys_system on idempotency_keys for all to usher_system using (true);
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop table rate_limits, idempotency_keys, audit_events, emails, invitation_outbox, invitations, group_members, groups,
      memberships, accounts, api_keys, organizations;
    drop function usher_find_api_key(bytea), usher_invitation_organization(uuid);
    drop sequence invitation_outbox_sequence;
    drop function usher_organizations();
    drop function usher_now();
  `);
}
