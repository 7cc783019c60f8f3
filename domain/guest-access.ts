import { deadlineBefore } from './calendar-time';
import type { MembershipStatus } from './account';
import type { InvitationKind } from './invitation';

/** Why a guest came in or went. // A8 */
export const visitReasons = ['accepted', 'removed', 'left', 'access-ended', 'suspended', 'resumed'] as const;
export type VisitReason = (typeof visitReasons)[number];

export const visitEvents: Record<VisitReason, 'entry' | 'exit'> = {
  accepted: 'entry',
  resumed: 'entry',
  removed: 'exit',
  left: 'exit',
  'access-ended': 'exit',
  suspended: 'exit',
};

/** What of a membership decides the next step of temporary access. */
export interface GuestAccessRow {
  kind: InvitationKind;
  status: MembershipStatus;
  accessEndsAt: Date | null;
  accessWarnAt: Date | null;
  accessWarnedAt: Date | null;
}

export interface GuestAccessStep {
  action: 'warn' | 'end';
  at: Date;
}

/** The next planned step of a guest's temporary access; null: it has no end, or nobody is there. // D11 */
export function nextAccessStep(row: GuestAccessRow, now: Date): GuestAccessStep | null {
  const { accessEndsAt, accessWarnAt } = row;
  if (row.kind !== 'guest' || accessEndsAt === null) return null;
  if (row.status !== 'active' && row.status !== 'suspended') return null;
  // Who is suspended is not told that their access is about to end.
  const warned = accessWarnAt === null || row.accessWarnedAt !== null || row.status === 'suspended';
  if (warned || now >= accessEndsAt) return { action: 'end', at: accessEndsAt };
  return { action: 'warn', at: accessWarnAt };
}

/** Whether access is over at this instant: the instant decides, not the workflow. */
export const accessOver = (row: { accessEndsAt: Date | null }, now: Date): boolean =>
  row.accessEndsAt !== null && now >= row.accessEndsAt;

/** When a warning goes out: so long before the end in the organization's calendar, not for access shorter than that. */
export function accessWarning(from: Date, end: Date, ahead: string | null, timeZone: string): Date | null {
  if (ahead === null) return null;
  const at = deadlineBefore(end, ahead, timeZone);
  return at > from ? at : null;
}
