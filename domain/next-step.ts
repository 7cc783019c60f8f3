import type { DeliveryStatus, InvitationStatus } from './invitation';

/** What of an invitation's row decides its next step. All instants are in UTC, to the millisecond. */
export interface NextStepRow {
  status: InvitationStatus;
  expiresAt: Date | null;
  deliveryStatus: DeliveryStatus;
  /** When the mail is due: at once after a send, later after a refused try. */
  deliveryDueAt: Date | null;
  /** When the invited person is reminded next, and after that, the earliest first. // F3 */
  reminderAt?: readonly Date[];
  /** The invited person has complained of the present mail. */
  unwanted?: boolean;
  /** A part of another invitation does what that one does, and has no steps of its own. // C3 */
  parentId?: string | null;
}

export type Action = 'send' | 'remind' | 'expire';

export interface NextStep {
  action: Action;
  at: Date;
}

/**
 * The next planned step of an invitation, or null when there is none: then no workflow runs for it.
 * The deadline comes before everything else: a mail that would go out at or after it is never sent. Nobody is reminded of a
 * mail that has not gone out, did not arrive, or was not wanted. // E7, F2, F3
 */
export function nextStep(row: NextStepRow, now: Date): NextStep | null {
  if (row.status !== 'pending' || !row.expiresAt || row.parentId) return null;
  const expire: NextStep = { action: 'expire', at: row.expiresAt };
  if (now >= row.expiresAt) return expire;
  const [action, planned] = nextMail(row);
  if (!action) return expire;
  const due = planned && planned > now ? planned : now;
  return due < row.expiresAt ? { action, at: due } : expire;
}

function nextMail({
  deliveryStatus,
  deliveryDueAt,
  reminderAt = [],
  unwanted = false,
}: NextStepRow): ['send' | 'remind', Date | null] | [] {
  if (deliveryStatus === 'queued') return ['send', deliveryDueAt];
  const [reminder] = reminderAt;
  return deliveryStatus === 'sent' && !unwanted && reminder ? ['remind', reminder] : [];
}
