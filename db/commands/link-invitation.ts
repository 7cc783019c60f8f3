import { transition } from '../../domain/invitation';
import type { Transaction } from '../database';
import type { Invitation } from '../models/invitation';
import { closed, type Commanded, commanded, type Manager, meet } from './command';
import { assertWhole } from './invitation-parts';
import { assertMayRedirect, type Standings } from './redirect-invitation';
import { saveInvitation } from './save-invitation';
import { takeSeat } from './take-seat';
import { newGeneration, newTerm } from './start-term';

/**
 * A new link for the inviter's own hands; the older one is dead. A draft's term starts with it, a running term stays. // D10
 * @param standingIn what the caller is elsewhere, where the invitation is for several organizations // C3
 */
export async function linkInvitation(
  trx: Transaction,
  organizationId: string,
  id: string,
  manager: Manager,
  standingIn: Standings = () => undefined,
): Promise<Commanded> {
  const { invitation, organization, now, expired } = await meet(trx, organizationId, id, manager);
  assertWhole(invitation);
  if (expired || !transition(invitation.status, 'link')) throw closed(expired?.invitation ?? invitation);
  await assertMayRedirect(trx, organization, invitation, manager, standingIn);
  const first = invitation.status === 'draft';
  const patch = first
    ? newTerm(organization, invitation, now, { byMail: false })
    : { ...newGeneration(invitation, now, false), ...keptDelivery(invitation), reminderAt: [] };
  const saved = await saveInvitation(trx, invitation, patch, now);
  const done = await commanded(saved, trx, first ? 'sent' : 'resent', manager.actor, now, { byHand: true });
  if (first) await takeSeat(trx, organizationId, { kind: invitation.kind, groups: invitation.groupIds.length });
  return done;
}

/** A link by hand is no mail: what became of the last mail stays on record, unless it never went out. */
const keptDelivery = (invitation: Invitation): Partial<Pick<Invitation, 'deliveryStatus' | 'deliveryDetail'>> =>
  invitation.deliveryStatus === 'queued'
    ? { deliveryStatus: 'none' }
    : { deliveryStatus: invitation.deliveryStatus, deliveryDetail: invitation.deliveryDetail };
