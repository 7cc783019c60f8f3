import type { Transaction } from '../database';

/** A look across organizations in the middle of a command: the transaction takes the system role for one query. */
export async function asSystemWithin<T>(trx: Transaction, query: () => Promise<T>): Promise<T> {
  await trx.raw('set local role usher_system');
  const result = await query();
  await trx.raw('set local role usher_app');
  return result;
}
