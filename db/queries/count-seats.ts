import type { SeatCount } from '../../domain/seats';
import { readClock, type Transaction } from '../database';

/** Still there at the instant `:now`, or will be. */
const isHere = `m.organization_id = :organizationId and (m.access_ends_at is null or m.access_ends_at > :now::timestamptz)`;

/** The three ways to hold a seat. They exclude each other. */
const holds = {
  /** A pending invitation until its deadline. */
  invited: `m.status = 'invited' and i.status = 'pending' and i.expires_at > :now::timestamptz`,
  /** A member who is deactivated or inactive holds none; a suspended guest keeps theirs. */
  joined: `m.status in ('active', 'suspended') and (
      a.home_organization_id is distinct from m.organization_id
      or a.status = 'active' and (a.reactivation_deadline is null or a.reactivation_deadline > :now::timestamptz)
    )`,
  /** Reactivated by hand, for this day, before they ever came in. // E9 */
  byHand: `m.status = 'inactive' and m.inactive_reason = 'expired' and a.home_organization_id = m.organization_id
      and a.status = 'active' and a.reactivation_deadline > :now::timestamptz`,
};

/**
 * Who holds seats in an organization at the instant `:now`, which is read beforehand: asked for each row, the clock would keep
 * the planner from looking at those rows only that are wanted. A person counts once, by what they are or are invited as. For a list,
 * which reads as far as a page goes.
 */
export const seatHolders = `
  select m.account_id, m.created_at, m.kind, m.status = 'invited' as invited,
    case when m.kind = 'member' then 0 when m.status = 'invited' then cardinality(i.group_ids) else (
      select count(*) from group_members g where g.organization_id = m.organization_id and g.account_id = m.account_id
    ) end as groups
  from memberships m join accounts a on a.id = m.account_id left join invitations i on i.id = m.invitation_id
  where ${isHere} and (${holds.invited} or ${holds.joined} or ${holds.byHand})`;

/** The same for counting all of them: each way reads only what it is about, and the groups of everybody are counted at once. */
const everyHolder = `
  with grouped as materialized (
    select account_id, count(*) as groups from group_members where organization_id = :organizationId group by account_id
  )
  select m.kind, true as invited, cardinality(i.group_ids) as groups
  from memberships m join invitations i on i.id = m.invitation_id and i.organization_id = m.organization_id
  where ${isHere} and ${holds.invited}
  union all
  select m.kind, false, coalesce(g.groups, 0)
  from memberships m join accounts a on a.id = m.account_id left join grouped g on g.account_id = m.account_id
  where ${isHere} and ${holds.joined}
  union all
  select m.kind, false, coalesce(g.groups, 0)
  from memberships m join accounts a on a.id = m.account_id left join grouped g on g.account_id = m.account_id
  where ${isHere} and ${holds.byHand}`;

export async function countSeats(trx: Transaction, organizationId: string): Promise<SeatCount> {
  const now = await readClock(trx);
  const { rows } = await trx.raw<{ rows: [SeatCount] }>(
    `with holder as materialized (${everyHolder})
     select (select licences from organizations where id = :organizationId) as licences,
       count(*) filter (where kind = 'member')::int as members,
       count(*) filter (where kind = 'guest' and groups >= 2)::int as "multiGroupGuests",
       count(*) filter (where kind = 'guest' and groups < 2)::int as "singleGroupGuests",
       count(*) filter (where invited)::int as invited
     from holder`,
    { organizationId, now },
  );
  return rows[0];
}
