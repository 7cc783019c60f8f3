import { type Database, inOrganizations, type Transaction } from '../database';
import { AuditEvent } from '../models/audit-event';
import { Invitation } from '../models/invitation';

/** How an invitation reaches its person, as far as the answers of the API do not tell it. */
export interface Sending {
  /** The present link went into the inviter's hands: since when. // D10 */
  linkedAt: Date | null;
  /** Of a part: the invitation that is sent for it, in another organization. // C3 */
  parentId: string | null;
}

export async function findSending(trx: Transaction, organizationId: string, id: string): Promise<Sending> {
  const invitation = await Invitation.query(trx).findOne({ id, organizationId }).throwIfNotFound();
  const { byHand, parentId, sentAt } = invitation;
  if (!byHand) return { linkedAt: null, parentId };
  const made = await AuditEvent.query(trx)
    .where({ organizationId, invitationId: id })
    .whereIn('type', ['invitation.sent', 'invitation.resent'])
    .whereRaw(`data ->> 'byHand' = 'true'`)
    .orderBy('id', 'desc')
    .first();
  return { linkedAt: made?.at ?? sentAt, parentId };
}

/** Which of these invitations are parts of one that another organization sends. // C3 */
export async function findParts(
  trx: Transaction,
  organizationId: string,
  ids: readonly string[],
): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const parts = await Invitation.query(trx)
    .select('id')
    .where({ organizationId })
    .findByIds([...ids])
    .whereNotNull('parentId');
  return new Set(parts.map(({ id }) => id));
}

/** Which of these organizations sends an invitation, if it is one of them. // C3 */
export async function findSender(
  database: Database,
  organizationIds: string[],
  id: string,
): Promise<string | undefined> {
  return inOrganizations(database, organizationIds, async (trx) => {
    const invitation = await Invitation.query(trx).findById(id).select('organizationId');
    return invitation?.organizationId;
  });
}
