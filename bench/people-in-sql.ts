import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';

export interface Crowd {
  organizationId: string;
  /** A group of a tenth of them, one of a hundredth, and one of about one in 100,000. */
  groupIds: { large: string; middle: string; small: string };
}

const firstNames = `array['Ada','Alan','Barbara','Donald','Edsger','Frances','Grace','Hedy','Jean','Joan','John','Karen',
  'Katherine','Ken','Leslie','Linus','Margaret','Niklaus','Radia','Tim']`;
const lastNames = `array['Allen','Backus','Bartik','Berners','Dijkstra','Goldberg','Hamilton','Hopper','Johnson','Keller',
  'Knuth','Lamarr','Lamport','Liskov','Lovelace','McCarthy','Perlman','Ritchie','Sammet','Thompson','Turing','Wirth']`;

/**
 * Fills an organization that exists with people, as the owner of the tables and past the triggers. Of 1,000 there are 70
 * invited, 5 overdue, 35 inactive since their invitation expired, 10 deactivated, one suspended, one inactive and one
 * active again by hand; every tenth is a guest, one in 100,000 is called Quetzalcoatl.
 */
export async function generatePeople(
  owner: Client,
  organizationId: string,
  count: number,
  { invitationOfEvery = 5 } = {},
): Promise<Crowd> {
  const groupIds = { large: randomUUID(), middle: randomUUID(), small: randomUUID() };
  const salt = organizationId;
  await owner.query(`begin; set local session_replication_role = replica`);
  try {
    await owner.query(
      `create temporary table people on commit drop as
       select g, md5($1 || 'account' || g)::uuid as id, md5($1 || 'invitation' || g)::uuid as invitation_id,
         (array['guest', 'member'])[case when g % 10 = 3 then 1 else 2 end] as kind,
         g % 1000 between 11 and 120 as unjoined, g % 1000 as slot,
         lower(f || '.' || l || g) || '@' || left($1, 4) || '.example.com' as email, lower(l) || g || left($1, 4) as username,
         f as first_name, l as last_name, date_trunc('milliseconds', now()) - ($2::int - g) * interval '17 seconds' as at
       from (select g, (${firstNames})[1 + g * 7 % 20] as f,
           case when g % 100000 = 777 then 'Quetzalcoatl' else (${lastNames})[1 + g / 20 % 22] end as l
         from generate_series(1, $2::int) g) s`,
      [salt, count],
    );
    await owner.query(
      `insert into accounts (id, email, invited_email, username, first_name, last_name, status, inactive_reason,
         home_organization_id, activated_at, reactivation_deadline, created_at)
       select id, case when not unjoined then email end, case when unjoined then email end, username, first_name, last_name,
         case when slot between 1 and 10 then 'deactivated' when slot between 11 and 85 then 'invited'
           when slot between 86 and 121 then 'inactive' else 'active' end,
         case when slot between 86 and 120 then 'expired' end, $1, case when not unjoined then at end,
         case when slot = 122 then now() + interval '8 hours' end, at
       from people`,
      [organizationId],
    );
    await owner.query(
      `insert into invitations (id, organization_id, account_id, kind, status, generation, email, username, first_name,
         last_name, group_ids, invited_by_type, sent_at, expires_at, created_at)
       select invitation_id, $1, id, kind,
         case when slot between 11 and 85 then 'pending' when slot between 86 and 120 then 'expired' else 'accepted' end,
         1, email, username, first_name, last_name,
         (case when g % 10 = 3 then array[$2::uuid] else '{}' end) || (case when g % 100 = 7 then array[$3::uuid] else '{}' end)
           || (case when g % 100000 = 31 then array[$4::uuid] else '{}' end),
         'platform', at, case when slot between 11 and 80 then now() + interval '20 days' else at end, at
       from people where unjoined or g % $5::int = 0`,
      [organizationId, groupIds.large, groupIds.middle, groupIds.small, invitationOfEvery],
    );
    await owner.query(
      `insert into memberships (organization_id, account_id, kind, status, inactive_reason, invitation_id, joined_at,
         created_at, search)
       select $1, id, kind, case when slot = 0 then 'suspended' when slot between 11 and 85 then 'invited'
           when slot between 86 and 120 or slot = 122 then 'inactive' else 'active' end,
         case when slot between 86 and 120 or slot = 122 then 'expired' end,
         case when unjoined or g % $2::int = 0 then invitation_id end, case when not unjoined then at end, at,
         usher_search_text(email, username, first_name, last_name)
       from people`,
      [organizationId, invitationOfEvery],
    );
    for (const [name, id, every, rest] of [
      ['Large', groupIds.large, 10, 3],
      ['Middle', groupIds.middle, 100, 7],
      ['Small', groupIds.small, 100_000, 777],
    ] as const) {
      await owner.query('insert into groups (id, organization_id, name) values ($1, $2, $3)', [
        id,
        organizationId,
        name,
      ]);
      await owner.query(
        `insert into group_members (organization_id, group_id, account_id)
         select $1, $2, id from people where not unjoined and g % $3::int = $4::int`,
        [organizationId, id, every, rest],
      );
    }
    await owner.query('commit');
  } catch (error) {
    await owner.query('rollback');
    throw error;
  }
  return { organizationId, groupIds };
}

/** Drops the GIN indexes while many rows come in: building them at the end takes a fraction of the time. */
export async function withoutGinIndexes(owner: Client, fill: () => Promise<void>): Promise<void> {
  const { rows } = await owner.query<{ name: string; definition: string }>(
    `select c.relname as name, pg_get_indexdef(c.oid) as definition from pg_class c join pg_am on pg_am.oid = c.relam
     where amname = 'gin' and c.relnamespace = 'public'::regnamespace`,
  );
  for (const { name } of rows) await owner.query(`drop index ${name}`);
  try {
    await fill();
  } finally {
    for (const { definition } of rows) await owner.query(definition);
  }
  await owner.query('vacuum analyze accounts, invitations, memberships, groups, group_members');
}
