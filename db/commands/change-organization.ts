import type { Actor } from '../../domain/actor';
import { deadline } from '../../domain/calendar-time';
import { type Policy } from '../../domain/policy';
import { notFound, Problem } from '../../domain/problem';
import { readClock, type Transaction } from '../database';
import { Invitation } from '../models/invitation';
import { Organization } from '../models/organization';
import { countSeats } from '../queries/count-seats';
import { deadlineChanged, recordEvents } from './record-event';
import { type Change, saveInvitation } from './save-invitation';
import { remindersAfter, remindersOf, replanReminders, withinAccess } from './start-term';
import { lockSeats } from './take-seat';

export type OrganizationPatch = Partial<Pick<Organization, 'name' | 'timeZone' | 'locale' | 'plan' | 'licences'>>;

/** @param check called with the locked row, before anything is decided: If-Match */
export async function changeOrganization(
  trx: Transaction,
  id: string,
  patch: OrganizationPatch,
  actor: Actor,
  check: (organization: Organization) => void = () => {},
): Promise<Organization> {
  const organization = await lockOrganization(trx, id);
  check(organization);
  const now = await readClock(trx);
  if (patch.licences !== undefined && patch.licences !== null) await assertEnough(trx, id, patch.licences);
  const saved = await organization
    .$query(trx)
    .patchAndFetch({ ...patch, version: organization.version + 1, updatedAt: now });
  const data = { fields: Object.keys(patch) };
  await recordEvents(trx, { organizationId: id, type: 'organization.changed', actor, at: now, data });
  return saved;
}

/** Licences that are used cannot be taken away. @throws Problem LICENCES_IN_USE with the numbers // D2 */
async function assertEnough(trx: Transaction, id: string, licences: number): Promise<void> {
  await lockSeats(trx, id);
  const count = await countSeats(trx, id);
  const { members, multiGroupGuests, singleGroupGuests } = count;
  const used = Math.max(members + multiGroupGuests, singleGroupGuests);
  if (licences >= used) return;
  const who = `${members} members, ${multiGroupGuests} guests in several groups, ${singleGroupGuests} in a single one`;
  throw new Problem('LICENCES_IN_USE', `At least ${used} licences are needed at present: ${who}.`);
}

/**
 * Changes the policy for later invitations and resends; open ones keep the deadline and the reminders they were sent with,
 * unless asked otherwise: then their term is counted anew from the day they were sent, but for a deadline that the inviter
 * has set, and their reminders with it. // F7
 */
export async function changePolicy(
  trx: Transaction,
  id: string,
  patch: Partial<Policy>,
  applyToPending: boolean,
  actor: Actor,
  check: (organization: Organization) => void = () => {},
): Promise<{ organization: Organization; changes: Change[] }> {
  const organization = await lockOrganization(trx, id);
  check(organization);
  const now = await readClock(trx);
  const saved = await organization.$query(trx).patchAndFetch({
    policy: { ...organization.policy, ...patch },
    version: organization.version + 1,
    updatedAt: now,
  });
  const data = { fields: Object.keys(patch), applyToPending };
  await recordEvents(trx, { organizationId: id, type: 'policy.changed', actor, at: now, data });
  const changes: Change[] = [];
  if (applyToPending) {
    const pending = await Invitation.query(trx)
      .where({ organizationId: id, status: 'pending' })
      .whereNull('parentId')
      .where('expiresAt', '>', now)
      .orderBy('id')
      .forUpdate();
    for (const invitation of pending) {
      const expiresAt = newDeadline(saved, invitation, now);
      const reminderAt = remindersOf(saved, { ...invitation, expiresAt }, now);
      const stays = sameInstants([expiresAt], [invitation.expiresAt]);
      if (stays && sameInstants(reminderAt, remindersAfter(invitation, now))) continue;
      const reminders = await replanReminders(trx, saved, { ...invitation, expiresAt }, now);
      const { change } = await saveInvitation(trx, invitation, { expiresAt, ...reminders }, now);
      if (!stays) await recordEvents(trx, deadlineChanged(invitation, actor, now));
      changes.push(change);
    }
  }
  return { organization: saved, changes };
}

function newDeadline({ policy, timeZone }: Organization, invitation: Invitation, now: Date): Date | null {
  const { requestedExpiresAt, expiresAt, sentAt, accessEndsAt } = invitation;
  if (requestedExpiresAt) return expiresAt;
  return withinAccess(deadline(sentAt ?? now, policy.invitationLifetime, timeZone), accessEndsAt);
}

const sameInstants = (some: (Date | null)[], others: (Date | null)[]): boolean =>
  some.map(Number).join() === others.map(Number).join();

async function lockOrganization(trx: Transaction, id: string): Promise<Organization> {
  const organization = await Organization.query(trx).findById(id).forNoKeyUpdate();
  if (!organization) throw notFound('organization');
  return organization;
}
