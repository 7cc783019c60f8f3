import type { Actor } from '../../domain/actor';
import { deadLink } from '../../domain/invitation';
import type { LinkClaim } from '../../domain/token';
import { readClock, type Transaction } from '../database';
import { AuditEvent } from '../models/audit-event';
import { noticeInviter } from './notice-inviter';
import { recordEvents } from './record-event';
import { lockInvitation } from './save-invitation';

/**
 * Whoever holds the newest link of an expired invitation asks the inviter for a new one, who hears of it by mail. Asking
 * again changes nothing. // C4, F11
 * @returns whether it was the first time
 */
export async function requestNewLink(
  trx: Transaction,
  organizationId: string,
  claim: LinkClaim,
  actor: Actor,
): Promise<boolean> {
  const invitation = await lockInvitation(trx, organizationId, claim.invitationId);
  const now = await readClock(trx);
  const latest = claim.generation === invitation.generation;
  if (!latest || deadLink(invitation, claim.generation, now) !== 'INVITATION_EXPIRED') return false;
  const type = 'invitation.new-link-requested';
  const asked = await AuditEvent.query(trx)
    .where({ organizationId, invitationId: invitation.id, type })
    .whereRaw(`data ->> 'generation' = ?`, [String(claim.generation)])
    .first();
  if (asked) return false;
  await noticeInviter(trx, invitation, 'new-link-requested', now);
  await recordEvents(trx, {
    organizationId,
    type,
    actor,
    at: now,
    invitationId: invitation.id,
    accountId: invitation.accountId,
    data: { generation: claim.generation },
  });
  return true;
}
