import { transition } from '../../domain/invitation';
import type { Transaction } from '../database';
import { closeInvitee } from './close-invitee';
import { closed, type Commanded, commanded, type Manager, meet, undelivered } from './command';
import { saveInvitation } from './save-invitation';

/** The link is dead at once; a second click changes nothing more. // C6 */
export async function cancelInvitation(
  trx: Transaction,
  organizationId: string,
  id: string,
  manager: Manager,
): Promise<Commanded> {
  const { invitation, now, expired } = await meet(trx, organizationId, id, manager);
  if (invitation.status === 'cancelled') return { invitation, changes: [] };
  if (expired || !transition(invitation.status, 'cancel')) throw closed(expired?.invitation ?? invitation);
  const saved = await saveInvitation(trx, invitation, { status: 'cancelled', ...undelivered(invitation) }, now);
  await closeInvitee(trx, saved.invitation, 'cancelled', now);
  return commanded(saved, trx, 'cancelled', manager.actor, now);
}
