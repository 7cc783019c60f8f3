import { Problem } from '../../domain/problem';
import type { Transaction } from '../database';
import { assertMailed } from '../queries/find-suppression';
import { assertEmail, type Commanded, commanded, type Manager, meet } from './command';
import { assertWhole } from './invitation-parts';
import { saveInvitation } from './save-invitation';
import { takeSeat } from './take-seat';
import { newTerm } from './start-term';

/** A draft goes out; its term starts now. // B5 */
export async function sendInvitation(
  trx: Transaction,
  organizationId: string,
  id: string,
  manager: Manager,
): Promise<Commanded> {
  const { invitation, organization, now } = await meet(trx, organizationId, id, manager);
  assertWhole(invitation);
  if (invitation.status !== 'draft')
    throw new Problem('INVITATION_NOT_DRAFT', `Only a draft can be sent; this invitation is ${invitation.status}.`);
  assertEmail(invitation);
  await assertMailed(trx, organizationId, invitation.email);
  const saved = await saveInvitation(trx, invitation, newTerm(organization, invitation, now), now);
  const done = await commanded(saved, trx, 'sent', manager.actor, now);
  await takeSeat(trx, organizationId, { kind: invitation.kind, groups: invitation.groupIds.length });
  return done;
}
