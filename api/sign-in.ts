import type { Request } from 'express';
import { completeSignIn, recordSignIn } from '../db/commands/sign-in';
import { findAccountByLogin, loginKey } from '../db/queries/find-account';
import { displayName, isActive } from '../domain/account';
import { Problem } from '../domain/problem';
import { origin } from './caller';
import type { Services } from './context';
import type { RateLimits } from './middleware/rate-limits';
import { isPassword } from './passwords';
import { startSession } from './session';

/**
 * Signs a person in by name and password. Until the password was right, an unknown name, a wrong password and an account
 * that is not active get the same answer for the same work.
 * @throws Problem SIGN_IN_FAILED, ACCOUNT_NOT_ACTIVE, TOO_MANY_REQUESTS
 */
export async function signIn(
  services: Services,
  limits: RateLimits,
  request: Request,
  login: string,
  password: string,
): Promise<'signed-in' | 'two-factor-required'> {
  const { database } = services;
  const found = await findAccountByLogin(database, login);
  const account = found?.account ?? null;
  const right = await limits.guess(
    request,
    loginKey(login),
    async () => ((await isPassword(account?.passwordHash ?? null, password)) ? true : null),
    account?.id,
  );
  if (!right || !account || !found) {
    await recordSignIn(database, account?.id ?? null, 'wrong-password', origin(request));
    throw new Problem('SIGN_IN_FAILED', 'The name or the password is wrong.');
  }
  const awaitsPassword = account.reactivationDeadline !== null && account.reactivationResetAt === null;
  if (!isActive(account, found.now) || awaitsPassword) {
    await recordSignIn(database, account.id, 'not-active', origin(request));
    const what = account.status !== 'deactivated' ? 'inactive: choose a new password to use it again' : account.status;
    throw new Problem('ACCOUNT_NOT_ACTIVE', `This account is ${what}.`);
  }
  await startSession(request, {
    accountId: account.id,
    epoch: account.sessionEpoch,
    secondFactor: 'none',
    signedInAt: found.now,
  });
  const actor = { type: 'user', id: account.id, name: displayName(account), ...origin(request) } as const;
  await completeSignIn(database, account, actor, found.now);
  return 'signed-in';
}
