export interface Question {
  cursor?: string;
  /** What the cursor says: an instant and an id. */
  deep?: string[];
  q?: string;
  status?: string;
  kind?: string;
  groupId?: string | undefined;
  /** Few match, which whoever writes SQL by hand knows, and chooses the index for. */
  few?: boolean;
}

interface Statement {
  sql: string;
  values: (string | number)[];
}

const statusIs: Record<string, string> = {
  invited: `m.status = 'invited'
    and not coalesce(i.status = 'pending' and i.expires_at <= usher_now() and o.policy ->> 'onExpiry' = 'inactive', false)`,
  active: `(m.status = 'active' and a.status not in ('deactivated', 'inactive')
      and coalesce(a.reactivation_deadline > usher_now(), true) and coalesce(m.access_ends_at > usher_now(), true)
    or m.status = 'inactive' and m.inactive_reason = 'expired' and a.home_organization_id = m.organization_id
      and a.status = 'active' and coalesce(a.reactivation_deadline > usher_now(), false))`,
  inactive: `(m.status = 'inactive' and a.status <> 'deactivated' and not (m.inactive_reason = 'expired'
      and a.home_organization_id = m.organization_id and a.status = 'active' and coalesce(a.reactivation_deadline > usher_now(), false))
    or m.status = 'invited' and i.status = 'pending' and i.expires_at <= usher_now() and o.policy ->> 'onExpiry' = 'inactive'
    or m.status = 'active' and (a.status = 'inactive' or a.status <> 'deactivated'
      and (a.reactivation_deadline <= usher_now() or m.access_ends_at <= usher_now())))`,
  deactivated: `m.status in ('active', 'inactive') and a.status = 'deactivated'`,
  suspended: `m.status = 'suspended'`,
};

/** One page of users in one statement, with no more in it than that page needs. */
export function byHand(
  organizationId: string,
  { deep, q, status, kind, groupId, few }: Question,
  count: number,
): Statement {
  const values: (string | number)[] = [organizationId];
  const where = ['m.organization_id = ?'];
  const add = (sql: string, ...more: string[]) => (where.push(sql), values.push(...more));
  if (deep) add('(m.created_at, m.account_id) < (?::timestamptz, ?::uuid)', ...deep);
  if (kind) add('m.kind = ?', kind);
  if (status) add(statusIs[status] ?? 'false');
  if (groupId && few)
    add(
      `m.account_id in (select account_id from group_members where group_id = ?
         union all select account_id from invitation_search where group_ids @> array[?]::uuid[])`,
      groupId,
      groupId,
    );
  else if (groupId)
    add(
      `(m.joined_at is not null
         and exists (select from group_members gm where gm.group_id = ? and gm.account_id = m.account_id)
       or m.joined_at is null and ? = any (i.group_ids))`,
      groupId,
      groupId,
    );
  if (q && !few) add('m.search like ?', `%${q}%`);
  else if (q)
    add(
      'm.account_id in (select account_id from user_search where organization_id = ? and search like ?)',
      organizationId,
      `%${q}%`,
    );
  return {
    sql: `select m.account_id as id, m.kind, m.role, m.access_ends_at, m.external_id, m.created_at,
        case when a.home_organization_id = m.organization_id and a.reactivation_deadline > usher_now()
          then a.reactivation_deadline end as reactivation_deadline,
        case when m.joined_at is null then i.email else coalesce(a.email, a.invited_email) end as email,
        case when m.joined_at is null then i.username else a.username end as username,
        case when m.joined_at is null then i.first_name else a.first_name end as first_name,
        case when m.joined_at is null then i.last_name else a.last_name end as last_name,
        m.status, a.status as account_status, o.policy ->> 'onExpiry' as on_expiry,
        case when m.joined_at is null then i.group_ids else array(select gm.group_id from group_members gm
          where gm.organization_id = m.organization_id and gm.account_id = m.account_id order by gm.group_id) end as group_ids,
        i.id as invitation_id, i.status as invitation_status, i.expires_at
      from memberships m join organizations o on o.id = m.organization_id join accounts a on a.id = m.account_id
        left join invitations i on i.id = m.invitation_id
      where ${where.join(' and ')} order by m.created_at desc, m.account_id desc limit ?`,
    values: [...values, count],
  };
}

/** One page of invitations. */
export function byHandInvitations(
  organizationId: string,
  { deep, q, status, kind, few }: Question,
  count: number,
): Statement {
  const values: (string | number)[] = [organizationId];
  const where = ['organization_id = ?'];
  const add = (sql: string, ...more: string[]) => (where.push(sql), values.push(...more));
  if (deep) add('(created_at, id) < (?::timestamptz, ?::uuid)', ...deep);
  if (kind) add('kind = ?', kind);
  if (status === 'pending') add(`status = 'pending' and expires_at > usher_now()`);
  else if (status === 'expired') add(`(status = 'expired' or status = 'pending' and expires_at <= usher_now())`);
  if (q && !few) add('usher_search_text(email, username, first_name, last_name) like ?', `%${q}%`);
  else if (q)
    add(
      'id in (select id from invitation_search where organization_id = ? and search like ?)',
      organizationId,
      `%${q}%`,
    );
  return {
    sql: `select * from invitations where ${where.join(' and ')} order by created_at desc, id desc limit ?`,
    values: [...values, count],
  };
}
