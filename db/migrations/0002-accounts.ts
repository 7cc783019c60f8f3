import type { Knex } from 'knex';

/** What an account goes through after its invitation: signing in, and what ends it. */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Sessions and reset links name the epoch they were made in: raising it ends them all, those being made included.
    alter table accounts
      add column session_epoch integer not null default 1,
      add column current_organization_id uuid references organizations on delete set null,
      add column last_sign_in_at timestamptz(3),
      add column pending_email text,
      add column reactivation_deadline timestamptz(3),
      add column reactivation_reset_at timestamptz(3);
    create index accounts_reactivation on accounts (reactivation_deadline) where reactivation_deadline is not null;

    -- As connect-pg-simple writes it; the cookie is signed, so a sid read here opens nothing.
    create table sessions (
      sid text primary key,
      sess json not null,
      expire timestamptz(3) not null,
      id uuid not null unique default gen_random_uuid(),
      account_id uuid generated always as ((sess ->> 'accountId')::uuid) stored,
      created_at timestamptz(3) not null default usher_now()
    );
    create index sessions_account on sessions (account_id, created_at, id);
    create index sessions_expire on sessions (expire);

    -- Every try, of unknown names too: writing one row must not tell who has an account. No foreign key for the same reason.
    create table sign_ins (
      id bigint generated always as identity primary key,
      account_id uuid,
      at timestamptz(3) not null default usher_now(),
      result text not null,
      ip inet,
      user_agent text
    );
    create index sign_ins_account on sign_ins (account_id, id);
    create index sign_ins_age on sign_ins (at);

    -- Mails that belong to an account and to no invitation; each has a workflow of its own until it is sent. Whoever asks for
    -- a new password is looked up only when it is sent, so that asking is the same work for every address.
    create table account_mails (
      id uuid primary key,
      type text not null check (type in ('password-reset', 'email-confirmation', 'email-change-notice')),
      recipient text not null,
      account_id uuid,
      deadline timestamptz(3) not null,
      status text not null check (status in ('queued', 'sent', 'failed')),
      locale text,
      sender text,
      subject text,
      html text,
      text text,
      message_id text,
      attempts jsonb not null default '[]',
      due_at timestamptz(3) not null default usher_now(),
      lease_until timestamptz(3),
      tell_at timestamptz(3),
      created_at timestamptz(3) not null default usher_now(),
      sent_at timestamptz(3)
    );
    create index account_mails_tell on account_mails (tell_at) where tell_at is not null;
    create index account_mails_age on account_mails (created_at);

    -- Whom an address is invited by, wherever: asked by its proved owner, and by a mail that goes there.
    create index invitations_address on invitations (lower(email)) where status in ('pending', 'expired');

    -- Who belongs where, and nothing else of it: for the functions below.
    grant select (organization_id, account_id, kind, role, status, joined_at) on memberships to usher_system;
    create policy memberships_system on memberships for select to usher_system using (true);

    grant select, insert, update, delete on account_mails to usher_app;
    grant select, insert, update, delete on sessions, sign_ins to usher_app;
  `);

  // What a signed-in person may ask about themselves in every organization at once.
  await knex.raw(`
    create function usher_account_organizations(account uuid)
      returns table (id uuid, name text, kind text, role text, policy jsonb)
      language sql stable security definer set search_path = public, pg_temp as
      $$ select o.id, o.name, m.kind, m.role, o.policy from memberships m join organizations o on o.id = m.organization_id
         where m.account_id = account and m.status = 'active' order by m.joined_at, o.id $$;
    -- The open invitations that were mailed to an address; a link by hand says nothing about it.
    create function usher_address_invitations(address text) returns table (id uuid, organization_id uuid)
      language sql stable security definer set search_path = public, pg_temp as
      $$ select id, organization_id from invitations
         where lower(email) = address and status = 'pending' and not by_hand and expires_at > usher_now()
         order by sent_at, id $$;
    -- The accounts, made for members who have not come in, that a new password asked for at this address may open. // E8
    create function usher_address_invitees(address text) returns table (id uuid, organization_id uuid)
      language sql stable security definer set search_path = public, pg_temp as
      $$ select account_id, organization_id from invitations
         where lower(email) = address and kind = 'member'
           and (status = 'expired' or status = 'pending' and (not by_hand or expires_at <= usher_now()))
         group by account_id, organization_id order by min(created_at), account_id $$;
    create function usher_belongs_elsewhere(account uuid, organization uuid) returns boolean
      language sql stable security definer set search_path = public, pg_temp as
      $$ select exists (select from memberships where account_id = account and organization_id <> organization) $$;
  `);
  for (const signature of functions) {
    await knex.raw(`
      grant create on schema public to usher_system;
      alter function ${signature} owner to usher_system;
      revoke create on schema public from usher_system;
      revoke all on function ${signature} from public;
      grant execute on function ${signature} to usher_app;
    `);
  }
}

const functions = [
  'usher_account_organizations(uuid)',
  'usher_address_invitations(text)',
  'usher_address_invitees(text)',
  'usher_belongs_elsewhere(uuid, uuid)',
];

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop function ${functions.join(', ')};
    drop policy memberships_system on memberships;
    revoke select (organization_id, account_id, kind, role, status, joined_at) on memberships from usher_system;
    drop index invitations_address;
    drop table account_mails, sign_ins, sessions;
    alter table accounts drop column session_epoch, drop column current_organization_id, drop column last_sign_in_at,
      drop column pending_email,
      drop column reactivation_deadline,
      drop column reactivation_reset_at;
  `);
}
