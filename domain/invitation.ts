/**
 *            send                accept · decline · cancel · expire
 *   draft ───────────▶ pending ───────────────────────────────────▶ accepted · declined · cancelled · expired
 *     │                 ▲   │ resend, correct, link (a new generation of the link)                      │
 *     └─ cancel         │   └▶ pending                                                                  │
 *                       └───────────────────── resend, where the policy allows it (C7) ─────────────────┘
 */
export const invitationStatuses = ['draft', 'pending', 'accepted', 'declined', 'cancelled', 'expired'] as const;
export type InvitationStatus = (typeof invitationStatuses)[number];

export const invitationKinds = ['member', 'guest'] as const;
export type InvitationKind = (typeof invitationKinds)[number];

export const roles = ['member', 'staff', 'administrator'] as const;
export type Role = (typeof roles)[number];

export const guestTypes = ['customer', 'partner', 'coworker', 'freelancer'] as const;
export type GuestType = (typeof guestTypes)[number];

/** F4: how the newest mail of an invitation fares, apart from the invitation's own state. */
export const deliveryStatuses = ['none', 'queued', 'sent', 'failed', 'bounced'] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];

export type InvitationEvent = 'send' | 'resend' | 'correct' | 'link' | 'accept' | 'decline' | 'cancel' | 'expire';

export const endedStatuses: readonly InvitationStatus[] = Object.freeze([
  'accepted',
  'declined',
  'cancelled',
  'expired',
] as const);

export const openStatuses: readonly InvitationStatus[] = Object.freeze(['draft', 'pending'] as const);

const transitions: Record<InvitationStatus, Partial<Record<InvitationEvent, InvitationStatus>>> = {
  draft: { send: 'pending', link: 'pending', correct: 'draft', cancel: 'cancelled' },
  pending: {
    resend: 'pending',
    correct: 'pending',
    link: 'pending',
    accept: 'accepted',
    decline: 'declined',
    cancel: 'cancelled',
    expire: 'expired',
  },
  expired: { resend: 'pending' },
  accepted: {},
  declined: {},
  cancelled: {},
};

/** The status after `event`, or null where no such arrow is drawn above. */
export function transition(from: InvitationStatus, event: InvitationEvent): InvitationStatus | null {
  return transitions[from][event] ?? null;
}

/** The instant decides, not the timer: an overdue invitation is expired, whether or not anybody has written it down. */
export function effectiveStatus(
  row: { status: InvitationStatus; expiresAt: Date | null },
  now: Date,
): InvitationStatus {
  return row.status === 'pending' && row.expiresAt && now >= row.expiresAt ? 'expired' : row.status;
}

export type DeadLink =
  'NOT_FOUND' | 'INVITATION_SUPERSEDED' | 'INVITATION_EXPIRED' | 'INVITATION_CANCELLED' | 'INVITATION_ANSWERED';

/** Why the link of this generation opens nothing, or null while it does. // C4, C6, C7 */
export function deadLink(
  row: { status: InvitationStatus; expiresAt: Date | null; generation: number },
  generation: number,
  now: Date,
): DeadLink | null {
  if (generation < 1 || generation > row.generation) return 'NOT_FOUND';
  switch (effectiveStatus(row, now)) {
    case 'draft':
      return 'NOT_FOUND';
    case 'pending':
      return generation === row.generation ? null : 'INVITATION_SUPERSEDED';
    case 'expired':
      return 'INVITATION_EXPIRED';
    case 'cancelled':
      return 'INVITATION_CANCELLED';
    case 'accepted':
    case 'declined':
      return 'INVITATION_ANSWERED';
  }
}
