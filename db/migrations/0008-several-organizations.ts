import type { Knex } from 'knex';

/**
 * One invitation into several organizations: each of the others has a row of its own, a part of the one that has the link. // C3
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    alter table invitations
      add column additional_organization_ids uuid[] not null default '{}',
      add column parent_id uuid references invitations on delete cascade;
    create unique index invitations_parent on invitations (parent_id, organization_id) where parent_id is not null;

    -- A part is answered with the whole, and was not mailed.
    create or replace function usher_address_invitations(address text) returns table (id uuid, organization_id uuid)
      language sql stable security definer set search_path = public, pg_temp as
      $$ select id, organization_id from invitations
         where lower(email) = address and status = 'pending' and not by_hand and expires_at > usher_now()
           and parent_id is null
         order by sent_at, id $$;
    create or replace function usher_address_invitees(address text) returns table (id uuid, organization_id uuid)
      language sql stable security definer set search_path = public, pg_temp as
      $$ select account_id, organization_id from invitations
         where lower(email) = address and kind = 'member' and parent_id is null
           and (status = 'expired' or status = 'pending' and (not by_hand or expires_at <= usher_now()))
         group by account_id, organization_id order by min(created_at), account_id $$;
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    create or replace function usher_address_invitations(address text) returns table (id uuid, organization_id uuid)
      language sql stable security definer set search_path = public, pg_temp as
      $$ select id, organization_id from invitations
         where lower(email) = address and status = 'pending' and not by_hand and expires_at > usher_now()
         order by sent_at, id $$;
    create or replace function usher_address_invitees(address text) returns table (id uuid, organization_id uuid)
      language sql stable security definer set search_path = public, pg_temp as
      $$ select account_id, organization_id from invitations
         where lower(email) = address and kind = 'member'
           and (status = 'expired' or status = 'pending' and (not by_hand or expires_at <= usher_now()))
         group by account_id, organization_id order by min(created_at), account_id $$;
    -- Forced security holds for the owner, too, who has no policy and would find nothing to delete.
    alter table memberships no force row level security;
    alter table invitations no force row level security;
    -- Nothing could answer the open parts any more; those that have ended are invitations like others.
    delete from memberships m using invitations i
      where i.id = m.invitation_id and i.parent_id is not null and i.status in ('draft', 'pending') and m.joined_at is null;
    delete from invitations where parent_id is not null and status in ('draft', 'pending');
    alter table memberships force row level security;
    alter table invitations force row level security;
    alter table invitations drop column parent_id, drop column additional_organization_ids;
  `);
}
