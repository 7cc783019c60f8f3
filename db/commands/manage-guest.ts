import { accessOver } from '../../domain/guest-access';
import { keyPerson } from '../../domain/permissions';
import { badInput, notFound, Problem } from '../../domain/problem';
import type { Actor } from '../../domain/actor';
import type { Transaction } from '../database';
import { Membership } from '../models/membership';
import type { Manager } from './command';
import { eraseUser } from './erase-invitee';
import {
  assertNotLastAdministrator,
  changeUser,
  conflict,
  done,
  deleteUser,
  type Managed,
  type Met,
  meetUser,
  record,
} from './manage-user';
import { planAccess } from './plan-access';
import { recordVisit } from './record-visit';
import { lockInvitation, saveInvitation } from './save-invitation';
import { deadlineChanged, recordEvents } from './record-event';
import { replanReminders, withinAccess } from './start-term';

export interface GuestPatch {
  groupIds?: string[];
  /** null: no end. */
  accessEndsAt?: Date | null;
  /** Who is warned before access ends, beside the guest; null: whoever invited. */
  sponsorId?: string | null;
}

/**
 * Changes what an organization may change of a guest: the groups and the sponsor always, the end of access where the
 * policy allows it. // A5, D11
 * @param check called with the guest locked: @throws Problem PRECONDITION_FAILED
 * @throws Problem NOT_FOUND, FORBIDDEN, BAD_INPUT, STATUS_CONFLICT
 */
export async function changeGuest(
  trx: Transaction,
  organizationId: string,
  userId: string,
  patch: GuestPatch,
  manager: Manager,
  check: () => Promise<void> = () => Promise.resolve(),
): Promise<Managed> {
  const met = await meetGuest(trx, organizationId, userId, manager);
  await check();
  const { membership, invitation, now } = met;
  const { groupIds, accessEndsAt, sponsorId } = patch;
  if (accessEndsAt !== undefined) {
    assertMayLimit(met);
    if (accessOver(membership, now)) throw conflict('This access has ended: invite the guest again.');
    if (accessEndsAt && accessEndsAt <= now)
      throw badInput({ pointer: '/accessEndsAt', message: 'accessEndsAt must lie in the future.' });
  }
  if (sponsorId) {
    const sponsor = await Membership.query(trx).findById([organizationId, sponsorId]);
    if (sponsor?.kind !== 'member')
      throw badInput({ pointer: '/sponsorId', message: 'There is no such member in this organization.' });
  }
  const changed = groupIds
    ? await changeUser(trx, organizationId, userId, { groupIds }, manager, 0)
    : done({ changes: [] });
  // Meeting the guest a second time finds nothing overdue any more.
  changed.changes.unshift(...met.changes);
  if (sponsorId !== undefined)
    await Membership.query(trx).patch({ sponsorId, updatedAt: now }).findById([organizationId, userId]);
  if (accessEndsAt !== undefined) {
    await planAccess(trx, { organizationId, accountId: userId }, accessEndsAt, now);
    if (invitation && membership.joinedAt === null) {
      const fresh = await lockInvitation(trx, organizationId, invitation.id);
      const expiresAt = fresh.expiresAt && withinAccess(fresh.expiresAt, accessEndsAt);
      const stays = expiresAt?.getTime() === fresh.expiresAt?.getTime();
      const reminders = stays ? {} : await replanReminders(trx, met.organization, { ...fresh, expiresAt }, now);
      const saved = await saveInvitation(trx, fresh, { accessEndsAt, expiresAt, ...reminders }, now);
      changed.changes.push(saved.change);
      if (!stays) await recordEvents(trx, deadlineChanged(fresh, manager.actor, now));
    }
    await record(trx, met, 'guest.access-changed', manager, { accessEndsAt: accessEndsAt?.toISOString() ?? null });
  }
  if (sponsorId !== undefined) await record(trx, met, 'guest.sponsor-changed', manager, { sponsorId });
  return changed;
}

/** Access is over at the guest's very next request, and with it every group; their home account is untouched. // A6 */
export async function removeGuest(
  trx: Transaction,
  organizationId: string,
  userId: string,
  manager: Manager,
): Promise<Managed> {
  const met = await meetGuest(trx, organizationId, userId, manager);
  const removed = await deleteUser(trx, organizationId, userId, manager);
  return { ...removed, changes: [...met.changes, ...removed.changes] };
}

/** No access from the next request on, until resumed; groups and seat are kept. // D12 */
export async function suspendGuest(
  trx: Transaction,
  organizationId: string,
  userId: string,
  manager: Manager,
): Promise<Managed> {
  return setSuspended(trx, organizationId, userId, manager, true);
}

export async function resumeGuest(
  trx: Transaction,
  organizationId: string,
  userId: string,
  manager: Manager,
): Promise<Managed> {
  return setSuspended(trx, organizationId, userId, manager, false);
}

async function setSuspended(
  trx: Transaction,
  organizationId: string,
  userId: string,
  manager: Manager,
  suspended: boolean,
): Promise<Managed> {
  const met = await meetUser(trx, organizationId, userId, manager);
  const { membership, now } = met;
  if (membership.kind !== 'guest') throw conflict('Only guests are suspended: deactivate a member.');
  assertMayLimit(met);
  if (membership.joinedAt === null) throw conflict('Nobody is there yet to suspend: cancel the invitation.');
  if (accessOver(membership, now)) throw conflict('This access has ended: invite the guest again.');
  const [from, to] = suspended ? (['active', 'suspended'] as const) : (['suspended', 'active'] as const);
  if (membership.status === to) return done(met);
  if (membership.status !== from) throw conflict(`This guest is ${membership.status}.`);
  await membership
    .$query(trx)
    .patch({ status: to, updatedAt: now, ...(membership.accessEndsAt && { accessTellAt: now }) });
  const reason = suspended ? 'suspended' : 'resumed';
  await recordVisit(trx, { organizationId, accountId: userId }, reason, now);
  await record(trx, met, `guest.${reason}`, manager);
  return done(met);
}

/**
 * A person leaves an organization that is not their home. // A8
 * @throws Problem NOT_FOUND, STATUS_CONFLICT for the home
 */
export async function leaveOrganization(
  trx: Transaction,
  organizationId: string,
  userId: string,
  actor: Actor,
): Promise<void> {
  const met = await meetUser(trx, organizationId, userId, { actor, person: keyPerson });
  const { account, membership, now } = met;
  if (membership.status !== 'active' || accessOver(membership, now)) throw notFound('organization');
  if (account.homeOrganizationId === organizationId)
    throw conflict('This is your home organization: only its administrators can delete your account there.');
  if (membership.role === 'administrator') await assertNotLastAdministrator(trx, met);
  await eraseUser(trx, organizationId, account, actor, now, 'left');
}

/** A member is no guest: 404. */
async function meetGuest(trx: Transaction, organizationId: string, userId: string, manager: Manager): Promise<Met> {
  const met = await meetUser(trx, organizationId, userId, manager);
  if (met.membership.kind !== 'guest') throw notFound('guest');
  return met;
}

/** @throws Problem FORBIDDEN where the policy keeps administrators from it // A5, D11, D12 */
function assertMayLimit({ organization }: Met): void {
  if (!organization.policy.guestSuspensionAndEndDate)
    throw new Problem(
      'FORBIDDEN',
      'This organization neither suspends guests nor limits their access: see its policy.',
    );
}
