import type { Transaction } from '../database';

/** Whether somebody still waits for this person's answer: an open invitation other than the given one, anywhere. */
export const hasOtherOpenInvitation = (trx: Transaction, accountId: string, invitationId: string): Promise<boolean> =>
  answer(trx, 'select usher_has_other_open_invitation(?, ?) as answer', [accountId, invitationId]);

/** Whether another organization knows this person. */
export const belongsElsewhere = (trx: Transaction, accountId: string, organizationId: string): Promise<boolean> =>
  answer(trx, 'select usher_belongs_elsewhere(?, ?) as answer', [accountId, organizationId]);

async function answer(trx: Transaction, sql: string, bindings: string[]): Promise<boolean> {
  const { rows } = await trx.raw<{ rows: [{ answer: boolean }] }>(sql, bindings);
  return rows[0].answer;
}
