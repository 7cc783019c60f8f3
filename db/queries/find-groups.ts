import type { GroupRole } from '../../domain/group';
import { decide, type GroupResource, knownGroups, type Person, type UserResource } from '../../domain/permissions';
import { notFound } from '../../domain/problem';
import type { Database, Transaction } from '../database';
import { Group, GroupMember } from '../models/group';
import { Membership } from '../models/membership';
import { containing, instantPattern, type Page, type PageRequest, readCursor, toPage, uuidPattern } from './page';

export const groupResource = ({
  id,
  visibility,
  permissions,
  membersMayInviteGuests,
  membersMayPublish,
}: Omit<GroupResource, 'type'>): GroupResource => ({
  type: 'group',
  id,
  visibility,
  permissions,
  membersMayInviteGuests,
  membersMayPublish,
});

export const lookForGroup = (trx: Transaction, organizationId: string, id: string): Promise<Group | undefined> =>
  Group.query(trx).findOne({ id, organizationId }).then();

/** @throws Problem NOT_FOUND, also for another organization's; whether the caller may know of it is not asked here */
export async function findGroup(trx: Transaction, organizationId: string, id: string): Promise<Group> {
  const group = await lookForGroup(trx, organizationId, id);
  if (!group) throw notFound('group');
  return group;
}

/** The group that a request is about, for its check: one trip, outside any transaction. @throws Problem NOT_FOUND */
export async function findGroupResource(
  database: Database,
  organizationId: string,
  id: string,
): Promise<GroupResource> {
  const { rows } = await database.raw<{ rows: Omit<GroupResource, 'type'>[] }>(
    `select id, visibility, permissions, members_may_invite_guests as "membersMayInviteGuests",
       members_may_publish as "membersMayPublish" from usher_group(?, ?)`,
    [organizationId, id],
  );
  if (!rows[0]) throw notFound('group');
  return groupResource(rows[0]);
}

/** Those of these groups that exist for the person. // D4, D9 */
export async function keepVisible(
  trx: Transaction,
  organizationId: string,
  person: Person,
  ids: string[],
): Promise<Set<string>> {
  if (person.kind === 'key' || ids.length === 0) return new Set(ids);
  const groups = await Group.query(trx)
    .where({ organizationId })
    .whereIn('id', [...new Set(ids)]);
  return new Set(
    groups.filter((group) => decide(person, 'group.read', groupResource(group)).allowed).map(({ id }) => id),
  );
}

export interface GroupFilter extends PageRequest {
  q?: string;
}

/** The groups that exist for the person, oldest first. */
export async function listGroups(
  trx: Transaction,
  organizationId: string,
  person: Person,
  filter: GroupFilter,
): Promise<Page<Group>> {
  const from = readCursor(filter.cursor, [instantPattern, uuidPattern]);
  const { visibilities, ids } = knownGroups(person);
  const query = Group.query(trx)
    .where({ organizationId })
    .where((known) => known.whereIn('visibility', visibilities).orWhereIn('id', ids))
    .orderBy(['createdAt', 'id'])
    .limit(filter.limit + 1);
  if (from) void query.whereRaw('(created_at, id) > (?::timestamptz, ?::uuid)', from);
  if (filter.q) void query.where('name', 'ilike', containing(filter.q));
  return toPage(
    await query,
    filter.limit,
    (row) => [row.createdAt.toISOString(), row.id],
    (row) => row,
  );
}

/** Who is in a group: who has joined, and, but for guests, who will be by an invitation that is open. // D9 */
export async function listGroupMembers(
  trx: Transaction,
  organizationId: string,
  groupId: string,
  viewer: Person,
): Promise<{ accountId: string; role: GroupRole }[]> {
  const { rows } = await trx.raw<{ rows: { accountId: string; role: GroupRole }[] }>(
    `select account_id as "accountId", role from group_members where organization_id = :organizationId and group_id = :groupId
     union all
     select m.account_id, 'member' from memberships m join invitations i on i.id = m.invitation_id
     where m.organization_id = :organizationId and m.joined_at is null and m.status = 'invited'
       and :groupId = any(i.group_ids) and :planned
     order by 1`,
    { organizationId, groupId, planned: viewer.kind !== 'guest' },
  );
  return rows;
}

/** Those of these people who administer the group. */
export async function administratorsAmong(
  trx: Transaction,
  organizationId: string,
  groupId: string,
  accountIds: string[],
): Promise<Set<string>> {
  const rows = await GroupMember.query(trx)
    .where({ organizationId, groupId, role: 'administrator' })
    .whereIn('accountId', accountIds)
    .select('accountId');
  return new Set(rows.map(({ accountId }) => accountId));
}

/** A person of the organization, to be looked at by another. @throws Problem NOT_FOUND */
export async function findUserResource(
  trx: Transaction,
  organizationId: string,
  id: string,
  viewerId: string | null,
): Promise<UserResource> {
  const membership = await Membership.query(trx).findById([organizationId, id]);
  if (!membership) throw notFound('user');
  const groups = await GroupMember.query(trx).where({ organizationId, accountId: id }).select('groupId');
  return {
    type: 'user',
    self: id === viewerId,
    role: membership.role,
    permissions: membership.permissions,
    groupIds: groups.map(({ groupId }) => groupId),
  };
}
