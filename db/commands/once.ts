import { Problem } from '../../domain/problem';
import type { Transaction } from '../database';

/** One caller's name for one attempt, and a fingerprint of what it asked for. */
export interface IdempotencyKey {
  caller: string;
  route: string;
  key: string;
  bodyHmac: Buffer;
}

export interface Answer {
  status: number;
  body: unknown;
}

/**
 * Runs a command at most once per key, in the command's own transaction: the key is inserted first, so a second caller
 * waits for the first one's commit and then gets its answer. A command that is refused leaves nothing, its key
 * included. // F6
 * @throws Problem IDEMPOTENCY_KEY_REUSED when the key came with another body
 */
export async function once(trx: Transaction, key: IdempotencyKey, command: () => Promise<Answer>): Promise<Answer> {
  const { where, first } = await insertKey(trx, key);
  if (!first) {
    const known = (await trx<{ bodyHmac: Buffer; status: number; answer: unknown }>('idempotency_keys')
      .first('bodyHmac', 'status', 'answer')
      .where(where)) as { bodyHmac: Buffer; status: number; answer: unknown };
    if (!known.bodyHmac.equals(key.bodyHmac))
      throw new Problem('IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key was used before with another request.');
    return { status: known.status, body: known.answer };
  }
  const answer = await command();
  await trx('idempotency_keys')
    .where(where)
    .update({ status: answer.status, answer: JSON.stringify(answer.body) });
  return answer;
}

/** Takes the key, or waits for whoever has just taken it. */
async function insertKey(trx: Transaction, { caller, route, key, bodyHmac }: IdempotencyKey) {
  await trx.raw(`select set_config('usher.caller', ?, true)`, [caller]);
  const where = { caller, route, key };
  const inserted = await trx('idempotency_keys')
    .insert({ ...where, bodyHmac })
    .onConflict(['caller', 'route', 'key'])
    .ignore()
    .returning('key');
  return { where, first: inserted.length > 0 };
}

/**
 * For what a person sends by a form and no command's own key stands for: takes the key, alone and at once.
 * @returns null: it is the first; `running`: another one with it is not done yet; else what that one was answered
 */
export async function takeKey(trx: Transaction, key: IdempotencyKey): Promise<Answer | 'running' | null> {
  const { where, first } = await insertKey(trx, key);
  if (first) return null;
  const known = (await trx('idempotency_keys').first('status', 'answer').where(where)) as
    { status: number | null; answer: unknown } | undefined;
  return known && known.status !== null ? { status: known.status, body: known.answer } : 'running';
}

/** What became of it: an answer for whoever comes with the key again, or nothing, so that they may try anew. */
export async function settleKey(trx: Transaction, key: IdempotencyKey, answer: Answer | null): Promise<void> {
  await trx.raw(`select set_config('usher.caller', ?, true)`, [key.caller]);
  const row = trx('idempotency_keys').where({ caller: key.caller, route: key.route, key: key.key });
  if (answer) await row.update({ status: answer.status, answer: JSON.stringify(answer.body) });
  else await row.delete();
}
