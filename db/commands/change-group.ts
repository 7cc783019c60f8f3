import { randomUUID } from 'node:crypto';
import { effectiveStatus } from '../../domain/invitation';
import { assertAllowed, decide } from '../../domain/permissions';
import { notFound, Problem } from '../../domain/problem';
import { readClock, type Transaction } from '../database';
import { Group } from '../models/group';
import { Invitation } from '../models/invitation';
import { Organization } from '../models/organization';
import { groupResource } from '../queries/find-groups';
import { dissolveGroup, foundGroup } from './change-group-members';
import type { Manager } from './command';
import { recordEvents } from './record-event';

export type NewGroup = Pick<
  Group,
  'name' | 'visibility' | 'permissions' | 'membersMayInviteGuests' | 'membersMayPublish'
>;

export const groupNameTaken = (): Problem => {
  const message = 'There is a group of this name already, in whatever case of letters.';
  return new Problem('GROUP_NAME_TAKEN', message, { errors: [{ pointer: '/name', message }] });
};

/** A new group; a person who makes one is its first administrator. @throws Problem FORBIDDEN, GROUP_NAME_TAKEN */
export async function createGroup(
  trx: Transaction,
  organizationId: string,
  input: NewGroup,
  { actor, person }: Manager,
): Promise<Group> {
  assertAllowed(decide(person, 'group.create'), 'group');
  if (input.permissions.length > 0) assertAllowed(decide(person, 'permissions.give'), 'group', '/permissions');
  const now = await readClock(trx);
  const group = await Group.query(trx)
    .insert({ ...input, id: randomUUID(), organizationId, createdAt: now })
    .returning('*');
  if (person.kind === 'member' && actor.id !== null) await foundGroup(trx, group, actor.id, now);
  await recordEvents(trx, { organizationId, type: 'group.created', actor, at: now, data: { groupId: group.id } });
  return group;
}

/**
 * @param check called with the locked row, before anything is decided: If-Match
 * @throws Problem NOT_FOUND, FORBIDDEN, GUEST_GROUP, GROUP_NAME_TAKEN, PRECONDITION_FAILED
 */
export async function changeGroup(
  trx: Transaction,
  organizationId: string,
  id: string,
  patch: Partial<NewGroup>,
  { actor, person }: Manager,
  check: (group: Group) => void = () => {},
): Promise<Group> {
  const group = await lockGroup(trx, organizationId, id);
  assertAllowed(decide(person, 'group.administer', groupResource(group)), 'group');
  check(group);
  if (patch.permissions && changes(group.permissions, patch.permissions))
    assertAllowed(decide(person, 'permissions.give'), 'group', '/permissions');
  if (group.isGuestGroup && patch.visibility !== undefined && patch.visibility !== 'open')
    throw new Problem('GUEST_GROUP', 'The group of guests is open to everybody who invites.');
  const now = await readClock(trx);
  const saved = await group.$query(trx).patchAndFetch({ ...patch, version: group.version + 1 });
  const data = { groupId: id, fields: Object.keys(patch) };
  await recordEvents(trx, { organizationId, type: 'group.changed', actor, at: now, data });
  return saved;
}

const changes = (before: string[], after: string[]): boolean =>
  after.length !== before.length || after.some((permission) => !before.includes(permission));

/**
 * Deletes a group, if no guest needs it: somebody without any group would be no guest. Open invitations lose it. // D1
 * @throws Problem NOT_FOUND, FORBIDDEN, GUEST_GROUP, GROUP_NEEDED, PRECONDITION_FAILED
 */
export async function deleteGroup(
  trx: Transaction,
  organizationId: string,
  id: string,
  { actor, person }: Manager,
  check: (group: Group) => void = () => {},
): Promise<void> {
  // All that takes somebody out of a group holds the organization.
  await Organization.query(trx).findById(organizationId).forNoKeyUpdate().throwIfNotFound();
  await invitationsInto(trx, organizationId, id);
  const group = await lockGroup(trx, organizationId, id);
  assertAllowed(decide(person, 'group.administer', groupResource(group)), 'group');
  check(group);
  if (group.isGuestGroup) throw new Problem('GUEST_GROUP', 'The group of guests cannot be deleted.');
  // From here on nobody names the group any more; those who did while we waited are in the way, too.
  const invitations = await invitationsInto(trx, organizationId, id);
  const now = await readClock(trx);
  const open = invitations.filter((invitation) => effectiveStatus(invitation, now) !== 'expired');
  const needed = open.filter(({ kind, groupIds }) => kind === 'guest' && groupIds.length === 1).length;
  const alone = await guestsWithoutOther(trx, organizationId, id);
  if (alone + needed > 0)
    throw new Problem(
      'GROUP_NEEDED',
      `Guests who have no other group: ${alone}; open invitations of guests: ${needed}. Give them another group first.`,
    );
  await dissolveGroup(trx, group, invitations, now);
  await Group.query(trx).deleteById(id);
  const data = { groupId: id, visibility: group.visibility };
  await recordEvents(trx, { organizationId, type: 'group.deleted', actor, at: now, data });
}

/** Invitations by which somebody may still come into the group, locked; expired ones can be sent again. */
const invitationsInto = (trx: Transaction, organizationId: string, groupId: string) =>
  Invitation.query(trx)
    .where({ organizationId })
    .whereIn('status', ['draft', 'pending', 'expired'])
    .whereRaw('? = any(group_ids)', groupId)
    .orderBy('id')
    .forUpdate();

async function lockGroup(trx: Transaction, organizationId: string, id: string): Promise<Group> {
  const group = await Group.query(trx).findOne({ id, organizationId }).forUpdate();
  if (!group) throw notFound('group');
  return group;
}

async function guestsWithoutOther(trx: Transaction, organizationId: string, groupId: string): Promise<number> {
  const { rows } = await trx.raw<{ rows: [{ count: number }] }>(
    `select count(*)::integer as count from group_members gm
     join memberships m on m.organization_id = gm.organization_id and m.account_id = gm.account_id
     where gm.organization_id = :organizationId and gm.group_id = :groupId and m.kind = 'guest'
       and not exists (select from group_members other where other.organization_id = gm.organization_id
         and other.account_id = gm.account_id and other.group_id <> gm.group_id)`,
    { organizationId, groupId },
  );
  return rows[0].count;
}
