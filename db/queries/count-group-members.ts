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
    `with inside as (
       select g.group_id, m.kind from group_members g
       join memberships m on m.organization_id = g.organization_id and m.account_id = g.account_id
       where g.organization_id = :organizationId and g.group_id = any(:groupIds)
       union all
       select planned.id, m.kind from memberships m join invitations i on i.id = m.invitation_id
       cross join unnest(i.group_ids) as planned (id)
       where m.organization_id = :organizationId and m.joined_at is null and m.status = 'invited'
         and i.group_ids && :groupIds::uuid[] and planned.id = any(:groupIds)
     )
     select group_id as "groupId", count(*) filter (where kind = 'member')::int as members,
       count(*) filter (where kind = 'guest')::int as guests
     from inside group by group_id`,
    { organizationId, groupIds },
  );
  return new Map(rows.map(({ groupId, ...size }) => [groupId, size]));
}
