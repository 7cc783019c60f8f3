import type { DeliveryStatus, InvitationStatus } from './invitation';

/** What of an invitation's row decides its next step. All instants are in UTC, to the millisecond. */
export interface NextStepRow {
  status: InvitationStatus;
  expiresAt: Date | null;
  deliveryStatus: DeliveryStatus;
  /** When the mail is due: at once after a send, later after a refused try. */
  deliveryDueAt: Date | null;
  /** A part of another invitation does what that one does, and has no steps of its own. // C3 */
  parentId?: string | null;
}

export type Action = 'send' | 'expire';

export interface NextStep {
  action: Action;
  at: Date;
}

/**
 * The next planned step of an invitation, or null when there is none: then no workflow runs for it.
 * The deadline comes before everything else: a mail that would go out at or after it is never sent. // E7, F2
 */
export function nextStep(row: NextStepRow, now: Date): NextStep | null {
  if (row.status !== 'pending' || !row.expiresAt || row.parentId) return null;
  const expire: NextStep = { action: 'expire', at: row.expiresAt };
  if (now >= row.expiresAt || row.deliveryStatus !== 'queued') return expire;
  const due = row.deliveryDueAt && row.deliveryDueAt > now ? row.deliveryDueAt : now;
  return due < row.expiresAt ? { action: 'send', at: due } : expire;
}
