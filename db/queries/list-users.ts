import type { UserStatus } from '../../domain/account';
import type { InvitationKind, InvitationStatus, Role } from '../../domain/invitation';
import { notFound } from '../../domain/problem';
import type { Transaction } from '../database';
import { containing, instantPattern, type Page, type PageRequest, readCursor, toPage, uuidPattern } from './page';

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

export interface UserFilter extends PageRequest {
  status?: UserStatus;
  kind?: InvitationKind;
  groupId?: string;
  q?: string;
}

/**
 * One row per membership, named in one place. An account that exists elsewhere looks like a new one until it has
 * accepted here, and everything follows the instant: who is overdue is inactive already, where the policy says so.
 */
const usersOf = `
  select m.account_id as id, m.kind, m.role, m.access_ends_at as "accessEndsAt", m.external_id as "externalId",
    case when a.home_organization_id = m.organization_id and a.reactivation_deadline > usher_now()
      then a.reactivation_deadline end as "reactivationDeadline",
    m.created_at as "createdAt",
    case when m.joined_at is null then i.email else coalesce(a.email, a.invited_email) end as email,
    case when m.joined_at is null then i.username else a.username end as username,
    case when m.joined_at is null then i.first_name else a.first_name end as "firstName",
    case when m.joined_at is null then i.last_name else a.last_name end as "lastName",
    case
      when m.status = 'invited' and i.overdue and o.policy ->> 'onExpiry' = 'inactive' then 'inactive'
      when m.status in ('active', 'inactive') and a.status = 'deactivated' then 'deactivated'
      when m.status = 'active' and (a.status = 'inactive' or a.reactivation_deadline <= usher_now()) then 'inactive'
      when m.status = 'inactive' and m.inactive_reason = 'expired' and a.home_organization_id = m.organization_id
        and a.status = 'active' and a.reactivation_deadline > usher_now() then 'active'
      else m.status
    end as status,
    case when m.joined_at is null then i.group_ids else
      array(select gm.group_id from group_members gm
        where gm.organization_id = m.organization_id and gm.account_id = m.account_id order by gm.group_id)
    end as "groupIds",
    case when i.id is not null then json_build_object('id', i.id,
      'status', case when i.overdue then 'expired' else i.status end, 'expiresAt', i.expires_at) end as invitation
  from memberships m
  join organizations o on o.id = m.organization_id
  join accounts a on a.id = m.account_id
  left join lateral (
    select inv.*, inv.status = 'pending' and inv.expires_at <= usher_now() as overdue
    from invitations inv where inv.id = m.invitation_id
  ) i on true
  where m.organization_id = ?`;

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

/** Newest first. */
export async function listUsers(trx: Transaction, organizationId: string, filter: UserFilter): Promise<Page<User>> {
  const from = readCursor(filter.cursor, [instantPattern, uuidPattern]);
  const where: string[] = [];
  const values: (string | number)[] = [organizationId];
  const add = (sql: string, ...bindings: (string | number)[]) => (where.push(sql), values.push(...bindings));
  if (from) add('("createdAt", id) < (?::timestamptz, ?::uuid)', ...from);
  if (filter.kind) add('kind = ?', filter.kind);
  if (filter.status) add('status = ?', filter.status);
  if (filter.groupId) add('?::uuid = any("groupIds")', filter.groupId);
  if (filter.q) {
    const pattern = containing(filter.q);
    add(
      '(email ilike ? or username ilike ? or "firstName" ilike ? or "lastName" ilike ?)',
      pattern,
      pattern,
      pattern,
      pattern,
    );
  }
  const condition = where.length > 0 ? `where ${where.join(' and ')}` : '';
  const { rows } = await trx.raw<{ rows: Row[] }>(
    `select * from (${usersOf}) as users ${condition} order by "createdAt" desc, id desc limit ?`,
    [...values, filter.limit + 1],
  );
  return toPage(rows, filter.limit, (row) => [row.createdAt.toISOString(), row.id], toUser);
}

/** @throws Problem NOT_FOUND, also for a user of another organization */
export async function findUser(trx: Transaction, organizationId: string, id: string): Promise<User> {
  const { rows } = await trx.raw<{ rows: Row[] }>(`${usersOf} and m.account_id = ?`, [organizationId, id]);
  if (!rows[0]) throw notFound('user');
  return toUser(rows[0]);
}
