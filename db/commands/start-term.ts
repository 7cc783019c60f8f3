import { deadline } from '../../domain/calendar-time';
import { Problem } from '../../domain/problem';
import type { Invitation } from '../models/invitation';
import type { Organization } from '../models/organization';

export type Generation = Pick<
  Invitation,
  'generation' | 'byHand' | 'deliveryStatus' | 'deliveryDetail' | 'deliveryDueAt'
>;
export type Term = Generation & Pick<Invitation, 'status' | 'sentAt' | 'expiresAt' | 'answeredAt'>;

/**
 * A new generation of the link with a full term: the older link is dead, the mail is due at once. The deadline is an
 * instant, fixed here, so that a later change of the policy leaves it alone. // B5, C7
 */
export function newTerm(
  organization: Organization,
  invitation: Pick<Invitation, 'generation' | 'email' | 'requestedExpiresAt' | 'accessEndsAt'>,
  now: Date,
  { byMail = true, asRequested = true } = {},
): Term {
  const requested = asRequested ? invitation.requestedExpiresAt : null;
  if (requested && requested <= now)
    throw new Problem('DEADLINE_PASSED', 'The deadline that was set for this invitation has passed: set a later one.');
  const { accessEndsAt } = invitation;
  if (accessEndsAt && accessEndsAt <= now)
    throw new Problem('DEADLINE_PASSED', 'The access that this invitation would give has ended already.');
  const term = requested ?? deadline(now, organization.policy.invitationLifetime, organization.timeZone);
  return {
    status: 'pending',
    ...newGeneration(invitation, now, byMail),
    sentAt: now,
    expiresAt: withinAccess(term, accessEndsAt),
    answeredAt: null,
  };
}

/** A link does not outlive the access it gives. // D11 */
export const withinAccess = (expiresAt: Date, accessEndsAt: Date | null): Date =>
  accessEndsAt && accessEndsAt < expiresAt ? accessEndsAt : expiresAt;

/** A new link in place of the old one, within the present term. */
export function newGeneration(
  invitation: Pick<Invitation, 'generation' | 'email'>,
  now: Date,
  byMail: boolean,
): Generation {
  const mailed = byMail && invitation.email !== null;
  return {
    generation: invitation.generation + 1,
    byHand: !mailed,
    deliveryStatus: mailed ? 'queued' : 'none',
    deliveryDetail: null,
    deliveryDueAt: mailed ? now : null,
  };
}
