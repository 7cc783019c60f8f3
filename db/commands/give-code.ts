import { isActive } from '../../domain/account';
import type { Actor } from '../../domain/actor';
import { recoveryCodeHash, stepOf, typedCode } from '../../domain/authenticator';
import { isMailCode } from '../../domain/mail-code';
import { isSealedByOldKey, seal, unseal } from '../../domain/sealed';
import type { KeyRing } from '../../domain/token';
import { wrongCodesAllowed, wrongCodesWindowMs } from '../../domain/two-factor';
import { type Database, inOrganizations, type Transaction } from '../database';
import type { Account } from '../models/account';
import { TwoFactor } from '../models/two-factor';
import { recordEvents } from './record-event';
import { meetFactor, type MetFactor, sealedFor } from './two-factor';

/** A sign-in whose password was right. */
export interface HalfSignIn {
  account: Pick<Account, 'id' | 'homeOrganizationId'>;
  epoch: number;
  /** Of the code that was mailed for this very session; null: the app is asked for. */
  mailCodeId: string | null;
}

export type CodeVerdict =
  | { verdict: 'right'; account: Account; now: Date }
  | { verdict: 'wrong' }
  /** Too many were wrong: this one was not even looked at. */
  | { verdict: 'stopped'; waitMs: number }
  /** The account is not active any more, or all its sessions have been ended meanwhile. */
  | { verdict: 'over' };

/**
 * Judges a code, under the lock of its account: of many that come at once, each is counted, and each works once. A code of
 * a mail, of the app, or for recovery; which one it is, nobody has to say. // B3
 */
export async function giveCode(
  database: Database,
  keys: KeyRing,
  half: HalfSignIn,
  code: string,
  actor: Actor,
): Promise<CodeVerdict> {
  const { id, homeOrganizationId: organizationId } = half.account;
  return inOrganizations(database, organizationId ? [organizationId] : [], async (trx) => {
    const met = await meetFactor(trx, id);
    const { account, factor, now } = met;
    if (!isActive(account, now) || account.sessionEpoch !== half.epoch) return { verdict: 'over' };
    const openAgainAt = factor.wrongSince ? factor.wrongSince.getTime() + wrongCodesWindowMs : 0;
    const counting = now.getTime() < openAgainAt;
    if (counting && factor.wrongCodes >= wrongCodesAllowed)
      return { verdict: 'stopped', waitMs: openAgainAt - now.getTime() };
    const use = await findUse(trx, keys, met, half.mailCodeId, typedCode(code));
    if (!use) {
      await TwoFactor.query(trx)
        .patch({ wrongCodes: counting ? factor.wrongCodes + 1 : 1, wrongSince: counting ? factor.wrongSince : now })
        .findById(id);
      return { verdict: 'wrong' };
    }
    await TwoFactor.query(trx)
      .patch({ wrongCodes: 0, wrongSince: null, ...use.patch })
      .findById(id);
    if (use.recovery && organizationId)
      await recordEvents(trx, { organizationId, type: 'account.recovery-code-used', actor, at: now, accountId: id });
    return { verdict: 'right', account, now };
  });
}

interface Use {
  patch?: Partial<TwoFactor>;
  recovery?: boolean;
}

/** Uses the code up. null: it is wrong, was used, or has run out. */
async function findUse(
  trx: Transaction,
  keys: KeyRing,
  { account, factor, now }: MetFactor,
  mailCodeId: string | null,
  code: string,
): Promise<Use | null> {
  const accountId = account.id;
  if (mailCodeId !== null && isMailCode(keys, mailCodeId, code)) {
    const used = await trx('mail_codes').where({ id: mailCodeId, accountId }).where('expiresAt', '>', now).delete();
    // Who has signed in with codes by mail keeps them, whatever becomes of the policy.
    return used > 0 ? { patch: { method: factor.method ?? 'email' } } : null;
  }
  if (factor.method !== 'app' || factor.appSecret === null) return null;
  const secret = unseal(keys, sealedFor(accountId), factor.appSecret);
  const lastStep = factor.lastStep === null ? null : Number(factor.lastStep);
  const step = secret && stepOf(secret, code, now, lastStep);
  if (secret && step !== null)
    return {
      patch: {
        lastStep: String(step),
        ...(isSealedByOldKey(keys, factor.appSecret) && { appSecret: seal(keys, sealedFor(accountId), secret) }),
      },
    };
  const codeHash = recoveryCodeHash(accountId, code);
  return (await trx('recovery_codes').where({ accountId, codeHash }).delete()) > 0 ? { recovery: true } : null;
}
