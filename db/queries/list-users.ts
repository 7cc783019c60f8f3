import type { UserStatus } from '../../domain/account';
import type { InvitationKind, InvitationStatus, Role } from '../../domain/invitation';
import { notFound } from '../../domain/problem';
import { readClock, type Transaction } from '../database';
import {
  areMany,
  glance,
  instantPattern,
  isFound,
  nearby,
  type Page,
  type PageRequest,
  readCursor,
  toPage,
  uuidPattern,
  wordBindings,
} from './page';

/** A user as this organization sees them. Until they have joined, they are what their invitation says of them. */
export interface User {
  id: string;
  email: string | null;
  username: string | null;
  firstName: string | null;
  lastName: string | null;
  kind: InvitationKind;
  status: UserStatus;
  role: Role;
  groupIds: string[];
  invitation: { id: string; status: InvitationStatus; expiresAt: Date | null } | null;
  reactivationDeadline: Date | null;
  accessEndsAt: Date | null;
  externalId: string | null;
  createdAt: Date;
}

/** One user with what may be edited beside what lists tell. */
export interface EditableUser extends User {
  permissions: string[];
  userType: string | null;
  sponsorId: string | null;
}

export interface UserFilter extends PageRequest {
  status?: UserStatus;
  kind?: InvitationKind;
  groupId?: string;
  q?: string;
  /** Only who has come in: for those who are not to learn whom else an organization has invited. // D8, D9 */
  joined?: boolean;
}

/** `:now` where the planner need not know the instant: the clock is read once, in the statement itself. */
const withClock = 'with clock as materialized (select usher_now() as now)';
const now = '(select now from clock)';

/** Overdue, in an organization where that alone makes inactive. */
const lapsed = `i.status = 'pending' and i.expires_at <= :now
  and (select policy ->> 'onExpiry' = 'inactive' from organizations where id = :organizationId)`;

/** Reactivated by hand, and the day is not over. // E9 */
const backByHand = `m.inactive_reason = 'expired' and a.home_organization_id = :organizationId and a.status = 'active'
  and a.reactivation_deadline > :now`;

/**
 * One row per membership, named in one place. An account that exists elsewhere looks like a new one until it has
 * accepted here, and everything follows the instant: who is overdue is inactive already, where the policy says so, and so is a guest whose
 * access has ended. // D11
 */
const usersOf = (source: string, beside = ''): string => `
  select ${beside} m.account_id as id, m.kind, m.role, m.access_ends_at as "accessEndsAt", m.external_id as "externalId",
    case when a.home_organization_id = m.organization_id and a.reactivation_deadline > :now
      then a.reactivation_deadline end as "reactivationDeadline",
    m.created_at as "createdAt",
    case when m.joined_at is null then i.email else coalesce(a.email, a.invited_email) end as email,
    case when m.joined_at is null then i.username else a.username end as username,
    case when m.joined_at is null then i.first_name else a.first_name end as "firstName",
    case when m.joined_at is null then i.last_name else a.last_name end as "lastName",
    case
      when m.status = 'invited' and ${lapsed} then 'inactive'
      when m.status in ('active', 'inactive') and a.status = 'deactivated' then 'deactivated'
      when m.status = 'active'
        and (a.status = 'inactive' or a.reactivation_deadline <= :now or m.access_ends_at <= :now) then 'inactive'
      when m.status = 'inactive' and ${backByHand} then 'active'
      else m.status
    end as status,
    case when m.joined_at is null then i.group_ids else
      array(select gm.group_id from group_members gm
        where gm.organization_id = m.organization_id and gm.account_id = m.account_id order by gm.group_id)
    end as "groupIds",
    case when i.id is not null then json_build_object('id', i.id,
      'status', case when i.status = 'pending' and i.expires_at <= :now then 'expired' else i.status end,
      'expiresAt', i.expires_at) end as invitation
  from ${source} m
  join accounts a on a.id = m.account_id
  left join invitations i on i.id = m.invitation_id
  where m.organization_id = :organizationId`;

/**
 * The same statuses as conditions, in parts that exclude each other and have each an index that finds or orders them. Who
 * is active here has come in, so their account was active once.
 */
const withStatus: Record<UserStatus, string[]> = {
  invited: [`m.status = 'invited' and (${lapsed}) is not true`],
  active: [
    `(m.status = 'active' and a.status not in ('deactivated', 'inactive')
        and (a.reactivation_deadline is null or a.reactivation_deadline > :now)
        and (m.access_ends_at is null or m.access_ends_at > :now)
      or m.status = 'inactive' and ${backByHand})`,
  ],
  inactive: [
    `m.status = 'inactive' and a.status <> 'deactivated' and (${backByHand}) is not true`,
    `m.status = 'invited' and ${lapsed}`,
    `m.status = 'active' and a.status = 'inactive' and a.activated_at is not null`,
    `m.status = 'active' and a.status not in ('deactivated', 'inactive') and a.reactivation_deadline <= :now`,
    `m.status = 'active' and a.status not in ('deactivated', 'inactive') and m.access_ends_at <= :now
      and (a.reactivation_deadline is null or a.reactivation_deadline > :now)`,
  ],
  deactivated: [`m.status in ('active', 'inactive') and a.status = 'deactivated'`],
  suspended: [`m.status = 'suspended'`],
};

/** Those who have joined are in the group; the others will be. */
const inGroup = [
  `m.joined_at is not null and exists (select from group_members gm
    where gm.organization_id = :organizationId and gm.group_id = :groupId and gm.account_id = m.account_id)`,
  `m.joined_at is null and i.group_ids @> array[:groupId]::uuid[]`,
];

type Row = Omit<User, 'invitation'> & {
  invitation: { id: string; status: InvitationStatus; expiresAt: string | null } | null;
};

const toUser = (row: Row): User => ({
  ...row,
  invitation: row.invitation && {
    ...row.invitation,
    expiresAt: row.invitation.expiresAt === null ? null : new Date(row.invitation.expiresAt),
  },
});

/**
 * Newest first. Where the tables' own indexes do not answer, the users are found in the views that indexes work behind;
 * what is told of them is always read from the tables, under row-level security. // decision 13
 */
export async function listUsers(trx: Transaction, organizationId: string, filter: UserFilter): Promise<Page<User>> {
  const { limit, status, kind, groupId, q, joined: onlyJoined } = filter;
  const from = readCursor(filter.cursor, [instantPattern, uuidPattern]);
  const among = [
    'm.organization_id = :organizationId',
    ...(from ? ['(m.created_at, m.account_id) < (:fromInstant::timestamptz, :fromId::uuid)'] : []),
    ...(kind ? ['m.kind = :kind'] : []),
    ...(onlyJoined ? ['m.joined_at is not null'] : []),
  ].join(' and ');
  const order = 'order by m.created_at desc, m.account_id desc';
  const choices = (status ? withStatus[status] : ['true']).flatMap((one) =>
    (groupId ? inGroup : ['true']).map((other) => `${one} and ${other} ${q ? `and ${isFound(q)}` : ''}`),
  );
  const chosen = `(${choices.map((choice) => `(${choice})`).join(' or ')})`;
  const joined =
    (status ? 'left join accounts a on a.id = m.account_id ' : '') +
    (status || groupId ? 'left join invitation_search i on i.id = m.invitation_id' : '');
  const idsIn = (source: string): string => {
    const parts = choices.map(
      (choice) =>
        `(select m.account_id, m.created_at from ${source} m ${joined} where ${among} and ${choice} ${order} limit :count)`,
    );
    return `array(select account_id from (${parts.join(' union all ')}) m ${order} limit :count)`;
  };
  const next = (rows: number): string => `(select * from memberships m where ${among} ${order} limit ${rows})`;
  const plain = (source: string) => `${usersOf(source)} and ${among} and ${chosen} ${order} limit :count`;
  const found = (source: string) => `${usersOf('memberships')} and m.account_id = any (${idsIn(source)}) ${order}`;

  const count = limit + 1;
  // Without the instant the planner takes a third of all for overdue.
  const instant = status === 'inactive' ? await readClock(trx) : trx.raw(now);
  const ask = async <T>(sql: string): Promise<T[]> => {
    const { rows } = await trx.raw<{ rows: T[] }>(`${withClock} ${sql}`, {
      organizationId,
      now: instant,
      count,
      ...(from && { fromInstant: from[0] ?? '', fromId: from[1] ?? '' }),
      ...(kind && { kind }),
      ...(groupId && { groupId }),
      ...(q && wordBindings(q)),
    });
    return rows;
  };
  const page = (rows: Row[]) => toPage(rows, limit, (row) => [row.createdAt.toISOString(), row.id], toUser);

  if (q || groupId) {
    const seen = await ask<{ one: 1 }>(`select 1 as one from ${next(glance)} m ${joined} where ${chosen} limit :count`);
    if (areMany(seen.length, count)) {
      // Of a group the ids come first: read with all the rest, its people would be hashed, every one of them.
      const rows = await ask<Row>(groupId ? found(next(nearby)) : plain(next(nearby)));
      if (rows.length === count) return page(rows);
    }
  } else if (choices.length === 1) return page(await ask<Row>(plain('memberships')));
  return page(await ask<Row>(found('user_search')));
}

/** @throws Problem NOT_FOUND, also for a user of another organization */
export async function findUser(trx: Transaction, organizationId: string, id: string): Promise<EditableUser> {
  const beside = 'm.permissions, m.user_type as "userType", m.sponsor_id as "sponsorId",';
  const { rows } = await trx.raw<{ rows: (Row & EditableUser)[] }>(
    `${withClock} ${usersOf('memberships', beside)} and m.account_id = :id`,
    { organizationId, id, now: trx.raw(now) },
  );
  if (!rows[0]) throw notFound('user');
  const { permissions, userType, sponsorId } = rows[0];
  return { ...toUser(rows[0]), permissions, userType, sponsorId };
}
