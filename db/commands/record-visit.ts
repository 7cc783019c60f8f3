import { visitEvents, type VisitReason } from '../../domain/guest-access';
import type { Transaction } from '../database';

/**
 * Writes into the guest log that somebody came in or went; nothing for members, and for guests who never came in. Before
 * the membership goes: it knows who invited. // A8
 */
export async function recordVisit(
  trx: Transaction,
  { organizationId, accountId }: { organizationId: string; accountId: string },
  reason: VisitReason,
  at: Date,
): Promise<void> {
  await trx.raw(
    `insert into guest_log (organization_id, account_id, event, reason, at, name, email, invited_by_type, invited_by_id, invited_by_name)
     select m.organization_id, m.account_id, ?, ?, ?,
       coalesce(nullif(concat_ws(' ', a.first_name, a.last_name), ''), a.username), a.email,
       i.invited_by_type, i.invited_by_id, i.invited_by_name
     from memberships m join accounts a on a.id = m.account_id left join invitations i on i.id = m.invitation_id
     where m.organization_id = ? and m.account_id = ? and m.kind = 'guest' and m.joined_at is not null`,
    [visitEvents[reason], reason, at, organizationId, accountId],
  );
}
