import type { Knex } from 'knex';

/**
 * Whoever is erased is named in no organization any more, a guest who is removed leaves no run that waits for nothing, and
 * licences that are set meet commands that still saw none.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    -- Names that organizations have written down of somebody: as whoever invited, and in the log of guests. // A8, C8
    grant select (account_id, invited_by_type, invited_by_id, name, email, invited_by_name),
      update (name, email, invited_by_name) on guest_log to usher_system;
    create policy guest_log_system on guest_log to usher_system using (true) with check (true);
    grant update (invited_by_name) on invitations to usher_system;
    create policy invitations_system_forget on invitations for update to usher_system using (true) with check (true);
    create index guest_log_visitor on guest_log (account_id);
    create index guest_log_inviter on guest_log (invited_by_id) where invited_by_type = 'user' and invited_by_name is not null;
    create index invitations_inviter on invitations (invited_by_id) where invited_by_type = 'user' and invited_by_name is not null;

    -- As usher_system: the organizations that somebody has left know nothing of the end of the account.
    create function usher_forget_names() returns trigger
      language plpgsql security definer set search_path = public, pg_temp as $$ begin
        update guest_log set name = null, email = null where account_id = new.id;
        update guest_log set invited_by_name = null
          where invited_by_type = 'user' and invited_by_id = new.id and invited_by_name is not null;
        update invitations set invited_by_name = null
          where invited_by_type = 'user' and invited_by_id = new.id and invited_by_name is not null;
        return null;
      end $$;
    -- Forced security holds for the owner, too, who has no policy and would find nothing to forget.
    alter table guest_log no force row level security;
    alter table invitations no force row level security;
    update guest_log g set name = null, email = null from accounts a where a.id = g.account_id and a.status = 'erased';
    update guest_log g set invited_by_name = null
      from accounts a where g.invited_by_type = 'user' and a.id = g.invited_by_id and a.status = 'erased';
    update invitations i set invited_by_name = null
      from accounts a where i.invited_by_type = 'user' and a.id = i.invited_by_id and a.status = 'erased';
    alter table guest_log force row level security;
    alter table invitations force row level security;

    -- Guests whose row is gone while a run waits for the end of their access: Temporal is to be told. // D11
    create table removed_guests (
      organization_id uuid not null references organizations on delete cascade,
      account_id uuid not null,
      tell_at timestamptz(3) not null default usher_now(),
      primary key (organization_id, account_id)
    );
    create index removed_guests_tell on removed_guests (tell_at);
    alter table removed_guests enable row level security;
    alter table removed_guests force row level security;
    create policy removed_guests_scoped on removed_guests to usher_app
      using (organization_id = any (usher_organizations())) with check (organization_id = any (usher_organizations()));
    create policy removed_guests_system on removed_guests to usher_system using (true) with check (true);
    grant select, insert, update on removed_guests to usher_app;
    grant select, update, delete on removed_guests to usher_system;

    -- Whether seats are limited. If not, they stay so until the transaction ends: who sets a limit waits for those who saw none,
    -- and then counts what they have done. Volatile, so each look is a new one. // D2
    create function usher_seats_limited(organization uuid) returns boolean language plpgsql volatile as $$ begin
        if (select licences is not null from organizations where id = organization) then return true; end if;
        perform pg_advisory_xact_lock_shared(hashtextextended('seats:' || organization, 0));
        return coalesce((select licences is not null from organizations where id = organization), false);
      end $$;
  `);
  await knex.raw(`
    grant create on schema public to usher_system;
    alter function usher_forget_names() owner to usher_system;
    revoke create on schema public from usher_system;
    revoke all on function usher_forget_names() from public;
    create trigger accounts_forgotten after update of status on accounts
      for each row when (new.status = 'erased' and old.status <> 'erased') execute function usher_forget_names();
  `);
}

/** The names that were forgotten do not come back. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop function usher_seats_limited(uuid);
    drop table removed_guests;
    drop trigger accounts_forgotten on accounts;
    drop function usher_forget_names();
    drop index invitations_inviter, guest_log_inviter, guest_log_visitor;
    drop policy invitations_system_forget on invitations;
    revoke update (invited_by_name) on invitations from usher_system;
    drop policy guest_log_system on guest_log;
    revoke select (account_id, invited_by_type, invited_by_id, name, email, invited_by_name),
      update (name, email, invited_by_name) on guest_log from usher_system;
  `);
}
