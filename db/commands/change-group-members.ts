import type { GroupRole } from '../../domain/group';
import { type Action, assertAllowed, decide, type DecisionContext, type Person } from '../../domain/permissions';
import { type FieldError, notFound, Problem } from '../../domain/problem';
import { readClock, type Transaction } from '../database';
import { Group, GroupMember } from '../models/group';
import { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';
import { Organization } from '../models/organization';
import { findGroup, groupResource } from '../queries/find-groups';
import type { Manager } from './command';
import { recordEvents } from './record-event';
import { takeChangedSeat, takeSeat } from './take-seat';

/** Who is in which group is written in this file only. */
interface Somebody {
  organizationId: string;
  accountId: string;
}

/** Who wants groups for somebody, to do what, and which of them they have already. */
export interface GroupWish {
  person: Person;
  action: Extract<Action, 'guests.invite' | 'members.invite' | 'group.administer'>;
  present?: string[];
}

/**
 * Whether these may be somebody's groups. Those that the caller does not know of are as if they did not exist: they
 * cannot be given, and are not taken away by being left out. The others are held until the end of the transaction. // D4
 * @returns the groups to be, and a fault for each that does not exist
 * @throws Problem FORBIDDEN for a group that the caller may not give, or take away
 */
export async function judgeGroups(
  trx: Transaction,
  organization: { id: string; policy: DecisionContext },
  wished: string[],
  { person, action, present = [] }: GroupWish,
): Promise<{ groupIds: string[]; errors: FieldError[] }> {
  const ids = [...new Set([...wished, ...present])];
  if (ids.length === 0) return { groupIds: [], errors: [] };
  const groups = await Group.query(trx)
    .where({ organizationId: organization.id })
    .whereIn('id', ids)
    .orderBy('id')
    .forKeyShare();
  const resources = new Map(groups.map((group) => [group.id, groupResource(group)]));
  const known = new Set(
    [...resources].filter(([, group]) => decide(person, 'group.read', group).allowed).map(([id]) => id),
  );
  const errors: FieldError[] = [];
  wished.forEach((id, index) => {
    const pointer = `/groupIds/${index}`;
    const group = resources.get(id);
    if (!group || !known.has(id)) errors.push({ pointer, message: 'There is no such group in this organization.' });
    else if (!present.includes(id)) assertAllowed(decide(person, action, group, organization.policy), 'group', pointer);
  });
  for (const [id, group] of resources)
    if (known.has(id) && !wished.includes(id))
      assertAllowed(decide(person, action, group, organization.policy), 'group', '/groupIds');
  const unseen = present.filter((id) => resources.has(id) && !known.has(id));
  return { groupIds: [...new Set([...wished, ...unseen])], errors };
}

/** The groups that an invitation has planned, now that the person comes in; a guest has at least the group of guests. // A2 @returns how many */
export async function joinGroups(
  trx: Transaction,
  { organizationId, accountId, kind, groupIds }: Pick<Invitation, 'organizationId' | 'accountId' | 'kind' | 'groupIds'>,
  now: Date,
): Promise<number> {
  const planned = await Group.query(trx).where({ organizationId }).whereIn('id', groupIds).orderBy('id').forKeyShare();
  const guests = kind === 'guest' && planned.length === 0;
  const groups = guests ? await Group.query(trx).where({ organizationId, isGuestGroup: true }).select('id') : planned;
  const ids = groups.map(({ id }) => id);
  await enter(trx, { organizationId, accountId }, ids, 'member', now);
  return ids.length;
}

/** Exactly these groups, as `judgeGroups` has found them. */
export async function setGroups(trx: Transaction, somebody: Somebody, groupIds: string[], now: Date): Promise<void> {
  await GroupMember.query(trx)
    .delete()
    .where({ ...somebody })
    .whereNotIn('groupId', groupIds);
  await enter(trx, somebody, groupIds, 'member', now);
}

/**
 * Puts a user into a group, or changes what they are in it. Of somebody who has not joined yet it is kept with the
 * invitation. // D4, D9
 * @throws Problem NOT_FOUND, FORBIDDEN, GUEST_NOT_ADMINISTRATOR, STATUS_CONFLICT
 */
export async function putGroupMember(
  trx: Transaction,
  organizationId: string,
  groupId: string,
  userId: string,
  role: GroupRole,
  manager: Manager,
): Promise<Group> {
  const { group, membership, invitation, now } = await meet(trx, organizationId, groupId, userId, manager);
  if (role === 'administrator' && membership.kind === 'guest')
    throw new Problem('GUEST_NOT_ADMINISTRATOR', 'A guest cannot administer a group.');
  const somebody = { organizationId, accountId: userId };
  const before = await countGroups(trx, somebody, membership, invitation);
  if (membership.joinedAt !== null) {
    await enter(trx, somebody, [groupId], role, now);
    await GroupMember.query(trx).patch({ role }).findById([groupId, userId]);
  } else {
    if (role === 'administrator')
      throw new Problem('STATUS_CONFLICT', 'This person has to join before they can administer a group.');
    if (invitation && !invitation.groupIds.includes(groupId))
      await plan(trx, invitation, [...invitation.groupIds, groupId], now);
  }
  await record(trx, 'group.member-put', manager, somebody, { groupId, role }, now);
  await reseat(trx, somebody, membership, invitation, before);
  return group;
}

/** A guest is one by a group: the last one goes with the guest. // D1 */
export const groupNeeded = (): Problem =>
  new Problem('GROUP_NEEDED', 'This is the only group of a guest: give them another one first, or remove the guest.');

/** @throws Problem NOT_FOUND, FORBIDDEN, GROUP_NEEDED */
export async function removeGroupMember(
  trx: Transaction,
  organizationId: string,
  groupId: string,
  userId: string,
  manager: Manager,
): Promise<void> {
  const { membership, invitation, now } = await meet(trx, organizationId, groupId, userId, manager);
  const somebody = { organizationId, accountId: userId };
  const before = await countGroups(trx, somebody, membership, invitation);
  if (membership.joinedAt !== null) {
    if ((await GroupMember.query(trx).deleteById([groupId, userId])) === 0) throw notFound('user');
  } else {
    if (!invitation?.groupIds.includes(groupId)) throw notFound('user');
    const others = invitation.groupIds.filter((id) => id !== groupId);
    await plan(trx, invitation, others, now);
  }
  if (membership.kind === 'guest' && (await countGroups(trx, somebody, membership, invitation)) === 0)
    throw groupNeeded();
  await record(trx, 'group.member-removed', manager, somebody, { groupId }, now);
  await reseat(trx, somebody, membership, invitation, before);
}

/** In how many groups somebody is, or will be once they have joined. */
export async function countGroups(
  trx: Transaction,
  somebody: Somebody,
  membership: Membership,
  invitation: Pick<Invitation, 'id'> | null | undefined,
): Promise<number> {
  if (membership.joinedAt !== null)
    return GroupMember.query(trx)
      .where({ ...somebody })
      .resultSize();
  return invitation ? ((await Invitation.query(trx).findById(invitation.id))?.groupIds.length ?? 0) : 0;
}

/**
 * A guest who has more or fewer groups than before may need another kind of seat. Of a draft nobody has a seat yet. // D2
 * @throws Problem NO_SEAT
 */
export async function reseat(
  trx: Transaction,
  somebody: Somebody,
  membership: Membership,
  invitation: Pick<Invitation, 'id' | 'status'> | null | undefined,
  before: number,
): Promise<void> {
  if (membership.joinedAt === null && invitation?.status !== 'pending') return;
  const after = await countGroups(trx, somebody, membership, invitation);
  await takeChangedSeat(trx, somebody.organizationId, membership.kind, { before, after });
}

/** Of somebody who has not joined yet. // E5 */
export async function plan(trx: Transaction, invitation: Invitation, groupIds: string[], now: Date): Promise<void> {
  await Invitation.query(trx)
    .patch({ groupIds, version: invitation.version + 1, updatedAt: now })
    .findById(invitation.id);
}

/** Nobody is left in it, and nobody will come in by an invitation. */
export async function dissolveGroup(
  trx: Transaction,
  group: Group,
  invitations: Invitation[],
  now: Date,
): Promise<void> {
  for (const invitation of invitations)
    await plan(
      trx,
      invitation,
      invitation.groupIds.filter((id) => id !== group.id),
      now,
    );
  await GroupMember.query(trx).delete().where({ organizationId: group.organizationId, groupId: group.id });
  // Guests of two groups are guests of one now. // D1
  await takeSeat(trx, group.organizationId, 'single-group');
}

/** The first person in a group that they have made. */
export async function foundGroup(trx: Transaction, group: Group, founderId: string, now: Date): Promise<void> {
  const somebody = { organizationId: group.organizationId, accountId: founderId };
  await enter(trx, somebody, [group.id], 'administrator', now);
}

async function enter(
  trx: Transaction,
  { organizationId, accountId }: Somebody,
  groupIds: string[],
  role: GroupRole,
  now: Date,
): Promise<void> {
  if (groupIds.length === 0) return;
  await GroupMember.query(trx)
    .insert(groupIds.map((groupId) => ({ organizationId, groupId, accountId, role, createdAt: now })))
    .onConflict(['group_id', 'account_id'])
    .ignore()
    .returning('group_id');
}

interface Met {
  group: Group;
  membership: Membership;
  invitation: Invitation | undefined;
  now: Date;
}

/** Locks in the order of all commands; the organization first, so that groups of one are changed one after the other. */
async function meet(
  trx: Transaction,
  organizationId: string,
  groupId: string,
  userId: string,
  { person }: Manager,
): Promise<Met> {
  await Organization.query(trx).findById(organizationId).forNoKeyUpdate().throwIfNotFound();
  const known = await Membership.query(trx).findById([organizationId, userId]);
  const invitation = known?.invitationId
    ? await Invitation.query(trx).findById(known.invitationId).forUpdate()
    : undefined;
  const membership = await Membership.query(trx).findById([organizationId, userId]).forUpdate();
  const group = await findGroup(trx, organizationId, groupId);
  assertAllowed(decide(person, 'group.administer', groupResource(group)), 'group');
  if (!membership) throw notFound('user');
  return { group, membership, invitation, now: await readClock(trx) };
}

const record = (
  trx: Transaction,
  type: string,
  { actor }: Manager,
  somebody: Somebody,
  data: Record<string, unknown>,
  at: Date,
) => recordEvents(trx, { ...somebody, type, actor, at, data });
