import { transition } from '../../domain/invitation';
import { Problem } from '../../domain/problem';
import type { Transaction } from '../database';
import { Account } from '../models/account';
import type { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';
import { assertMailed } from '../queries/find-suppression';
import { reopenInvitee } from './close-invitee';
import { assertEmail, closed, type Commanded, commanded, type Manager, meet } from './command';
import { makeRoom } from './create-invitation';
import { assertNotDeactivated } from './invitee';
import { assertWhole } from './invitation-parts';
import { type Change, saveInvitation } from './save-invitation';
import { takeSeat } from './take-seat';
import { newTerm } from './start-term';

/** A new mail with a new link and a full new term by the policy of this moment; the older link is dead. // C7, E10 */
export async function resendInvitation(
  trx: Transaction,
  organizationId: string,
  id: string,
  manager: Manager,
): Promise<Commanded> {
  const met = await meet(trx, organizationId, id, manager);
  assertWhole(met.invitation);
  const { organization, now } = met;
  const invitation = met.expired?.invitation ?? met.invitation;
  if (invitation.status === 'draft')
    throw new Problem('INVITATION_DRAFT', 'This invitation has not been sent yet: send it.');
  if (!transition(invitation.status, 'resend')) throw closed(invitation);
  assertEmail(invitation);
  const changes: Change[] = [];
  if (invitation.status === 'expired') {
    if (!organization.policy.resendAfterExpiry)
      throw new Problem('RESEND_NOT_ALLOWED', 'The policy of this organization does not resend expired invitations.');
    await assertStillTheirs(trx, invitation);
    const other = await makeRoom(trx, organization, invitation.email, now, invitation.id);
    if (other) changes.push(other.change);
    await reopenInvitee(trx, invitation, now);
  }
  // Else the old link would be dead, and no mail bring the new one. // decision 22
  await assertMailed(trx, organizationId, invitation.email);
  const term = newTerm(organization, invitation, now, { asRequested: false });
  const saved = await saveInvitation(trx, invitation, term, now);
  const done = await commanded(saved, trx, 'resent', manager.actor, now);
  if (invitation.status === 'expired')
    await takeSeat(trx, organizationId, { kind: invitation.kind, groups: invitation.groupIds.length });
  return { ...done, changes: [...changes, ...done.changes] };
}

/** An expired invitation cannot be opened again where a later one has taken its place, or the person has come in. */
async function assertStillTheirs(trx: Transaction, invitation: Invitation): Promise<void> {
  const membership = await Membership.query(trx).findById([invitation.organizationId, invitation.accountId]);
  if (membership && ['active', 'suspended'].includes(membership.status))
    throw new Problem('ALREADY_MEMBER', `This person is a ${membership.kind} of the organization already.`);
  if (membership?.invitationId !== invitation.id)
    throw new Problem('INVITATION_CLOSED', 'A later invitation has taken the place of this one.');
  assertNotDeactivated(await Account.query(trx).findById(invitation.accountId).forUpdate().throwIfNotFound());
}
