import type { Transaction } from '../database';

/** Whether another organization knows this person. */
export async function belongsElsewhere(trx: Transaction, accountId: string, organizationId: string): Promise<boolean> {
  const { rows } = await trx.raw<{ rows: [{ answer: boolean }] }>('select usher_belongs_elsewhere(?, ?) as answer', [
    accountId,
    organizationId,
  ]);
  return rows[0].answer;
}
