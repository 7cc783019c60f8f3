import type { Transaction } from '../database';

/** How many people are in a group: who has joined, and who will be by an invitation that is open. */
export interface GroupSize {
  members: number;
  guests: number;
}

/** The sizes of these groups; a group that nobody is in has none. */
export async function countGroupMembers(
  trx: Transaction,
  organizationId: string,
  groupIds: string[],
): Promise<Map<string, GroupSize>> {
  if (groupIds.length === 0) return new Map();
  const { rows } = await trx.raw<{ rows: (GroupSize & { groupId: string })[] }>(
    // Everybody's memberships are looked at for nobody but the guests: in a large group they are the few.
    `with inside as (
       select group_id, count(*) as everybody, 0 as guests from group_members
       where organization_id = :organizationId and group_id = any(:groupIds) group by group_id
       union all
       select g.group_id, 0, count(*) from memberships m
       join group_members g on g.organization_id = m.organization_id and g.account_id = m.account_id
       where m.organization_id = :organizationId and m.kind = 'guest' and g.group_id = any(:groupIds) group by g.group_id
       union all
       select planned.id, count(*), count(*) filter (where m.kind = 'guest')
       from memberships m join invitations i on i.id = m.invitation_id
       cross join unnest(i.group_ids) as planned (id)
       where m.organization_id = :organizationId and m.joined_at is null and m.status = 'invited'
         and i.group_ids && :groupIds::uuid[] and planned.id = any(:groupIds)
       group by planned.id
     )
     select group_id as "groupId", (sum(everybody) - sum(guests))::int as members, sum(guests)::int as guests
     from inside group by group_id`,
    { organizationId, groupIds },
  );
  return new Map(rows.map(({ groupId, ...size }) => [groupId, size]));
}
