import type { Knex } from 'knex';

/**
 * One group for the check of a request, in one trip and without a transaction of its own: the function turns to the
 * organization for the length of its statement, so row-level security holds as everywhere. And what happened to groups that
 * were secret when they were deleted is found by their id: it is kept from whom they did not exist for. // D4
 */
export async function up(knex: Knex): Promise<void> {
  await knex.raw(`
    create function usher_group(organization uuid, wanted uuid) returns setof groups language plpgsql volatile as $$ begin
      perform set_config('usher.organizations', organization::text, true);
      return query select * from groups where organization_id = organization and id = wanted;
    end $$;
    revoke execute on function usher_group(uuid, uuid) from public;
    grant execute on function usher_group(uuid, uuid) to usher_app;
    create index audit_events_deleted_groups on audit_events (organization_id, (data->>'groupId')) where type = 'group.deleted';
  `);
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw(`
    drop index audit_events_deleted_groups;
    drop function usher_group(uuid, uuid);
  `);
}
