import { assertSeats, type Pool, poolOf } from '../../domain/seats';
import type { InvitationKind } from '../../domain/invitation';
import type { Transaction } from '../database';
import type { Invitation } from '../models/invitation';
import { countSeats } from '../queries/count-seats';

/**
 * Makes sure that there is a seat for somebody who has just been given one in this transaction: called after the change,
 * and last of all, because it holds up every other change of seats in the organization until the transaction ends. What
 * others change at the same moment is counted; nothing is kept that could come to disagree with the rows. // D2
 * @throws Problem NO_SEAT
 */
export async function takeSeat(
  trx: Transaction,
  organizationId: string,
  person: { kind: InvitationKind; groups: number } | Pool,
): Promise<void> {
  // Where there is no limit it stays so until the transaction ends: who sets one waits, and counts what was done without.
  const { rows } = await trx.raw<{ rows: [{ limited: boolean }] }>('select usher_seats_limited(?) as limited', [
    organizationId,
  ]);
  if (!rows[0].limited) return;
  await lockSeats(trx, organizationId);
  assertSeats(await countSeats(trx, organizationId), typeof person === 'string' ? person : poolOf(person));
}

/** Another group may make a guest one who needs a licence, or gives it back. */
export async function takeChangedSeat(
  trx: Transaction,
  organizationId: string,
  kind: InvitationKind,
  groups: { before: number; after: number },
): Promise<void> {
  const [from, to] = [poolOf({ kind, groups: groups.before }), poolOf({ kind, groups: groups.after })];
  if (from !== to) await takeSeat(trx, organizationId, to);
}

/** Of all organizations that an invitation is for, before the first seat is taken. // C3 */
export async function lockSeatsOf(
  trx: Transaction,
  { organizationId, additionalOrganizationIds }: Pick<Invitation, 'organizationId' | 'additionalOrganizationIds'>,
): Promise<void> {
  if (additionalOrganizationIds.length === 0) return;
  for (const id of [organizationId, ...additionalOrganizationIds].sort()) await lockSeats(trx, id);
}

/** Until the transaction ends, no other one changes seats of this organization. Of several, in the order of their ids. */
export async function lockSeats(trx: Transaction, organizationId: string): Promise<void> {
  await trx.raw(`select pg_advisory_xact_lock(hashtextextended('seats:' || ?, 0))`, [organizationId]);
}
