import type { InvitationKind } from './invitation';
import { Problem } from './problem';

/**
 * A licence is used by every member and by every guest of two or more groups; a guest of a single group is free, and there
 * may be as many of those as there are licences, on top. // D1
 */
export type Pool = 'licence' | 'single-group';

export const poolOf = (person: { kind: InvitationKind; groups: number }): Pool =>
  person.kind === 'guest' && person.groups < 2 ? 'single-group' : 'licence';

/** Who holds seats: those who are there, and those whose invitation is pending. */
export interface SeatCount {
  /** null: no limit. */
  licences: number | null;
  members: number;
  multiGroupGuests: number;
  singleGroupGuests: number;
  /** Of all of these, those who are only invited. */
  invited: number;
}

export const usedSeats = (count: SeatCount, pool: Pool): number =>
  pool === 'licence' ? count.members + count.multiGroupGuests : count.singleGroupGuests;

/**
 * Whether everybody of a pool has a seat, the newest included.
 * @throws Problem NO_SEAT that says which limit, how many are used, and by whom // D2
 */
export function assertSeats(count: SeatCount, pool: Pool): void {
  const { licences, members, multiGroupGuests, singleGroupGuests, invited } = count;
  if (licences === null || usedSeats(count, pool) <= licences) return;
  // The one who is asked for is counted already, and says nothing about who holds the seats.
  const detail =
    pool === 'licence'
      ? `All ${licences} licences are used: of ${members + multiGroupGuests} with the one asked for, ${members} are members and ${multiGroupGuests} guests in several groups.`
      : `There may be ${licences} guests in a single group, as many as licences: with the one asked for there would be ${singleGroupGuests}.`;
  throw new Problem('NO_SEAT', `${detail} Pending invitations hold seats, too: ${invited} at present.`);
}
