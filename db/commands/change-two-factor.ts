import type { Actor } from '../../domain/actor';
import { newAppSecret, newRecoveryCodes, recoveryCodeHash, stepOf, typedCode } from '../../domain/authenticator';
import { badInput, Problem } from '../../domain/problem';
import { seal, unseal } from '../../domain/sealed';
import type { KeyRing } from '../../domain/token';
import { type FactorMethod, mayChoose, presentFactor } from '../../domain/two-factor';
import { type Database, inOrganizations, type Transaction } from '../database';
import type { Account } from '../models/account';
import { TwoFactor } from '../models/two-factor';
import { recordEvents } from './record-event';
import { assertFresh, factorChanged, meetFactor, type MetFactor, sealedFor } from './two-factor';

/** Who changes their own second factor, and since when they are signed in. */
export interface FactorOwner {
  account: Pick<Account, 'id' | 'homeOrganizationId' | 'sessionEpoch'>;
  signedInAt: Date;
  actor: Actor;
}

export interface ChangedFactor {
  /** In its new epoch. */
  account: Account;
  /** Whose workflows must hear of them after the commit. */
  mails: string[];
}

/** A new secret for an app; nothing changes before a code of it was given. @throws Problem REAUTHENTICATION_REQUIRED */
export function beginApp(database: Database, keys: KeyRing, owner: FactorOwner): Promise<Buffer> {
  return change(database, owner, async (trx, { account }) => {
    const secret = newAppSecret();
    const pendingSecret = seal(keys, sealedFor(account.id), secret);
    await TwoFactor.query(trx).patch({ pendingSecret }).findById(account.id);
    return secret;
  });
}

/** The secret of an app that is being set up, to show it again; null: there is none. */
export async function findPendingSecret(database: Database, keys: KeyRing, accountId: string): Promise<Buffer | null> {
  const row = await TwoFactor.query(database).findById(accountId);
  return row?.pendingSecret ? unseal(keys, sealedFor(accountId), row.pendingSecret) : null;
}

/**
 * The app is the factor from now on: it has shown a right code. The code counts as used, earlier recovery codes are dead.
 * @throws Problem REAUTHENTICATION_REQUIRED, STATUS_CONFLICT (no set-up was begun), BAD_INPUT (wrong code)
 */
export function confirmApp(
  database: Database,
  keys: KeyRing,
  owner: FactorOwner,
  code: string,
): Promise<ChangedFactor & { recoveryCodes: string[] }> {
  return change(database, owner, async (trx, met) => {
    const { account, factor, now } = met;
    const accountId = account.id;
    const secret = factor.pendingSecret && unseal(keys, sealedFor(accountId), factor.pendingSecret);
    if (!secret) throw new Problem('STATUS_CONFLICT', 'No app is being set up: begin with a new secret.');
    const step = stepOf(secret, typedCode(code), now, null);
    if (step === null) throw badInput({ pointer: '/code', message: 'The code is not one that the app shows now.' });
    await TwoFactor.query(trx)
      .patch({
        method: 'app',
        appSecret: seal(keys, sealedFor(accountId), secret),
        lastStep: String(step),
        pendingSecret: null,
      })
      .findById(accountId);
    const recoveryCodes = await replaceRecoveryCodes(trx, accountId);
    const changes = await changed(trx, met, owner, 'account.two-factor-changed', { method: 'app' });
    return { ...changes, recoveryCodes };
  });
}

/**
 * New recovery codes for the app that is there; earlier ones are dead.
 * @throws Problem REAUTHENTICATION_REQUIRED, STATUS_CONFLICT (no app; or the factor has just been changed elsewhere, so that
 *   of two who ask at once one is told, and nobody keeps codes that the other has replaced)
 */
export function renewRecoveryCodes(
  database: Database,
  owner: FactorOwner,
): Promise<ChangedFactor & { recoveryCodes: string[] }> {
  return change(database, owner, async (trx, met) => {
    if (presentFactor(met.state) !== 'app')
      throw new Problem('STATUS_CONFLICT', 'Recovery codes belong to an authenticator app, and there is none.');
    if (met.account.sessionEpoch !== owner.account.sessionEpoch)
      throw new Problem('STATUS_CONFLICT', 'The second factor was changed a moment ago: look at what holds now.');
    const recoveryCodes = await replaceRecoveryCodes(trx, met.account.id);
    return { ...(await changed(trx, met, owner, 'account.recovery-codes-renewed')), recoveryCodes };
  });
}

async function replaceRecoveryCodes(trx: Transaction, accountId: string): Promise<string[]> {
  const codes = newRecoveryCodes();
  await trx('recovery_codes').where({ accountId }).delete();
  await trx('recovery_codes').insert(codes.map((code) => ({ accountId, codeHash: recoveryCodeHash(accountId, code) })));
  return codes;
}

/**
 * To codes by mail, or to no factor where the policy leaves that open. // B3
 * @returns null: it is so already
 * @throws Problem REAUTHENTICATION_REQUIRED, TWO_FACTOR_REQUIRED, STATUS_CONFLICT (no address for codes)
 */
export function switchFactor(
  database: Database,
  owner: FactorOwner,
  method: 'none' | 'email',
): Promise<ChangedFactor | null> {
  return change(database, owner, async (trx, met) => {
    const { account, state } = met;
    if (!mayChoose(method, state.policies))
      throw new Problem(
        'TWO_FACTOR_REQUIRED',
        state.policies.includes('app')
          ? 'An organization that you belong to requires an authenticator app.'
          : 'An organization that you belong to requires a second factor.',
      );
    if (method === 'email' && account.email === null)
      throw new Problem('STATUS_CONFLICT', 'Your account has no e-mail address that codes could be sent to.');
    if (presentFactor(state) === method) return null;
    await TwoFactor.query(trx)
      .patch({ method, appSecret: null, lastStep: null, pendingSecret: null })
      .findById(account.id);
    await trx('recovery_codes').where({ accountId: account.id }).delete();
    return changed(trx, met, owner, 'account.two-factor-changed', { method });
  });
}

function change<T>(
  database: Database,
  { account, signedInAt }: FactorOwner,
  run: (trx: Transaction, met: MetFactor) => Promise<T>,
): Promise<T> {
  const { id, homeOrganizationId } = account;
  return inOrganizations(database, homeOrganizationId ? [homeOrganizationId] : [], async (trx) => {
    const met = await meetFactor(trx, id);
    assertFresh(signedInAt, met.now);
    return run(trx, met);
  });
}

async function changed(
  trx: Transaction,
  { account, now }: MetFactor,
  owner: FactorOwner,
  type: 'account.two-factor-changed' | 'account.recovery-codes-renewed',
  data: { method?: FactorMethod } = {},
): Promise<ChangedFactor> {
  const { homeOrganizationId: organizationId } = owner.account;
  if (organizationId)
    await recordEvents(trx, {
      organizationId,
      type,
      actor: owner.actor,
      at: now,
      accountId: account.id,
      data,
    });
  return factorChanged(trx, account, now);
}
