import type { Transaction } from '../database';
import { asSystemWithin } from './as-system-within';

/** Whether somebody still waits for this person's answer: an open invitation other than the given one, anywhere. */
export function hasOtherOpenInvitation(trx: Transaction, accountId: string, invitationId: string): Promise<boolean> {
  return asSystemWithin(trx, async () => {
    const { rows } = await trx.raw<{ rows: [{ found: boolean }] }>(
      `select exists (select from invitations where account_id = ? and id <> ? and status in ('draft', 'pending')
         and (expires_at is null or expires_at > usher_now())) as found`,
      [accountId, invitationId],
    );
    return rows[0].found;
  });
}

/** Whether another organization knows this person. */
export function belongsElsewhere(trx: Transaction, accountId: string, organizationId: string): Promise<boolean> {
  return asSystemWithin(trx, async () => {
    const { rows } = await trx.raw<{ rows: [{ found: boolean }] }>(
      `select exists (select from memberships where account_id = ? and organization_id <> ?) as found`,
      [accountId, organizationId],
    );
    return rows[0].found;
  });
}
