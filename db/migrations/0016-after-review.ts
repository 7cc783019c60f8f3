import type { Knex } from 'knex';

/**
 * More that goes with whoever is erased, notices of undeliverable mails by the mail, and one way only of waiting for whoever
 * sets a limit of seats.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    grant update (reply_to) on account_mails to usher_system;
    grant select (actor_id, ip, user_agent), update (ip, user_agent) on audit_events to usher_system;
    create policy audit_events_system on audit_events for select to usher_system using (true);
    create policy audit_events_system_forget on audit_events for update to usher_system using (true) with check (true);
    create index audit_events_actor on audit_events (actor_id)
      where actor_id is not null and (ip is not null or user_agent is not null);
    -- Also of those who had no name that was written down: answers go to their address all the same.
    drop index invitations_inviter;
    create index invitations_inviter on invitations (invited_by_id) where invited_by_type = 'user';

    create or replace function usher_forget_names() returns trigger
      language plpgsql security definer set search_path = public, pg_temp as $$ begin
        update guest_log set name = null, email = null where account_id = new.id;
        update guest_log set invited_by_name = null
          where invited_by_type = 'user' and invited_by_id = new.id and invited_by_name is not null;
        update invitations set invited_by_name = null
          where invited_by_type = 'user' and invited_by_id = new.id and invited_by_name is not null;
        update emails set reply_to = null
          where invitation_id in (select id from invitations where invited_by_type = 'user' and invited_by_id = new.id);
        update account_mails set reply_to = null
          where invitation_id in (select id from invitations where invited_by_type = 'user' and invited_by_id = new.id);
        update audit_events set ip = null, user_agent = null
          where actor_id = new.id and (ip is not null or user_agent is not null);
        return null;
      end $$;
    -- Forced security holds for the owner, too, who has no policy and would find nothing to forget.
    alter table audit_events no force row level security;
    alter table emails no force row level security;
    alter table invitations no force row level security;
    update audit_events e set ip = null, user_agent = null from accounts a where a.id = e.actor_id and a.status = 'erased';
    update emails e set reply_to = null from invitations i, accounts a
      where e.reply_to is not null and i.id = e.invitation_id and i.invited_by_type = 'user' and a.id = i.invited_by_id
        and a.status = 'erased';
    update account_mails m set reply_to = null from invitations i, accounts a
      where m.reply_to is not null and i.id = m.invitation_id and i.invited_by_type = 'user' and a.id = i.invited_by_id
        and a.status = 'erased';
    alter table audit_events force row level security;
    alter table emails force row level security;
    alter table invitations force row level security;

    -- A copy may arrive after the first mail did not, and come back later: that is news again. // F11
    alter table inviter_notices add column about_mail_id uuid;
    alter table inviter_notices drop constraint inviter_notices_invitation_id_event_generation_key;
    create unique index inviter_notices_once on inviter_notices
      (invitation_id, event, generation, coalesce(about_mail_id, '00000000-0000-0000-0000-000000000000'));

    -- Whoever finds the lock taken may meet a limit, and would need it alone: two who wait for it together and then want it
    -- alone would wait for each other. // D2
    create or replace function usher_seats_limited(organization uuid) returns boolean language plpgsql volatile as $$
      declare seats bigint := hashtextextended('seats:' || organization, 0);
      begin
        if (select licences is not null from organizations where id = organization) then return true; end if;
        if not pg_try_advisory_xact_lock_shared(seats) then perform pg_advisory_xact_lock(seats); end if;
        return coalesce((select licences is not null from organizations where id = organization), false);
      end $$;
  `);
}

/** What was forgotten does not come back, and of notices of one generation the first stays. */
export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    create or replace function usher_seats_limited(organization uuid) returns boolean language plpgsql volatile as $$ begin
        if (select licences is not null from organizations where id = organization) then return true; end if;
        perform pg_advisory_xact_lock_shared(hashtextextended('seats:' || organization, 0));
        return coalesce((select licences is not null from organizations where id = organization), false);
      end $$;

    alter table inviter_notices no force row level security;
    delete from inviter_notices n using inviter_notices earlier
      where earlier.invitation_id = n.invitation_id and earlier.event = n.event and earlier.generation = n.generation
        and earlier.id < n.id;
    alter table inviter_notices force row level security;
    drop index inviter_notices_once;
    alter table inviter_notices drop column about_mail_id;
    alter table inviter_notices add unique (invitation_id, event, generation);

    create or replace function usher_forget_names() returns trigger
      language plpgsql security definer set search_path = public, pg_temp as $$ begin
        update guest_log set name = null, email = null where account_id = new.id;
        update guest_log set invited_by_name = null
          where invited_by_type = 'user' and invited_by_id = new.id and invited_by_name is not null;
        update invitations set invited_by_name = null
          where invited_by_type = 'user' and invited_by_id = new.id and invited_by_name is not null;
        return null;
      end $$;
    drop index invitations_inviter;
    create index invitations_inviter on invitations (invited_by_id) where invited_by_type = 'user' and invited_by_name is not null;
    drop index audit_events_actor;
    drop policy audit_events_system_forget on audit_events;
    drop policy audit_events_system on audit_events;
    revoke select (actor_id, ip, user_agent), update (ip, user_agent) on audit_events from usher_system;
    revoke update (reply_to) on account_mails from usher_system;
  `);
}
