import type { Request } from 'express';
import { giveCode } from '../db/commands/give-code';
import { requestMailCode } from '../db/commands/request-mail-code';
import { completeSignIn, recordSignIn } from '../db/commands/sign-in';
import type { Account } from '../db/models/account';
import { findAccount, findAccountByLogin, loginKey } from '../db/queries/find-account';
import { displayName, isActive } from '../domain/account';
import { Problem } from '../domain/problem';
import { halfSignedInMs, presentFactor } from '../domain/two-factor';
import { origin } from './caller';
import type { Services } from './context';
import type { RateLimits } from './middleware/rate-limits';
import { isPassword } from './passwords';
import { endSession, startSession } from './session';

/**
 * Signs a person in by name and password, or half of it, where a second factor is still missing. Until the password was
 * right, an unknown name, a wrong password and an account that is not active get the same answer for the same work.
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
  const method = presentFactor(found.factor);
  if (method === 'none') {
    await signedIn(services, request, account, 'none', found.now);
    return 'signed-in';
  }
  const mailCodeId = method === 'email' ? await mailNewCode(services, limits, account.id, null) : null;
  await startSession(request, {
    accountId: account.id,
    epoch: account.sessionEpoch,
    secondFactor: 'pending',
    mailCodeId,
    signedInAt: found.now,
  });
  await recordSignIn(database, account.id, 'two-factor-required', origin(request));
  return 'two-factor-required';
}

/** What somebody half signed in is asked for; null: nobody is, or they have taken too long. */
export async function findHalfSignedIn(services: Services, request: Request) {
  const session = request.session as Partial<Request['session']> | undefined;
  if (!session?.accountId || !session.signedInAt || session.secondFactor !== 'pending') return null;
  const found = await findAccount(services.database, session.accountId);
  const since = new Date(session.signedInAt);
  if (
    !found ||
    !isActive(found.account, found.now) ||
    found.account.sessionEpoch !== session.epoch ||
    found.now.getTime() - since.getTime() > halfSignedInMs
  ) {
    await endSession(request);
    return null;
  }
  const { account } = found;
  return { account, epoch: account.sessionEpoch, mailCodeId: session.mailCodeId ?? null, since };
}

/**
 * The second factor: the code that was mailed for this very session, a code of the app, or a recovery code. Only with it
 * is the person signed in. // B3, E9
 * @throws Problem UNAUTHENTICATED (nobody is half signed in), WRONG_CODE, TOO_MANY_REQUESTS (five were wrong)
 */
export async function giveSecondFactor(services: Services, request: Request, code: string): Promise<void> {
  const { database, keys } = services;
  const half = await findHalfSignedIn(services, request);
  if (!half) throw notHalfSignedIn();
  const judged = await giveCode(database, keys, half, code, personActor(half.account, request));
  if (judged.verdict === 'stopped')
    throw new Problem('TOO_MANY_REQUESTS', 'Too many codes were wrong: sign in again later.', {
      retryAfter: Math.ceil(judged.waitMs / 1_000),
    });
  if (judged.verdict === 'over') throw notHalfSignedIn();
  if (judged.verdict === 'wrong') {
    await recordSignIn(database, half.account.id, 'wrong-code', origin(request));
    throw new Problem('WRONG_CODE', 'The code is wrong, was used already, or has run out.');
  }
  await signedIn(services, request, judged.account, 'done', judged.now);
}

/** Another mail, in place of the one before. The wrong codes given so far count on. @throws Problem UNAUTHENTICATED, TOO_MANY_REQUESTS */
export async function sendNewCode(services: Services, limits: RateLimits, request: Request): Promise<void> {
  const half = await findHalfSignedIn(services, request);
  if (!half) throw notHalfSignedIn();
  if (half.mailCodeId === null) return;
  const { account, epoch, since } = half;
  const mailCodeId = await mailNewCode(services, limits, account.id, half.mailCodeId);
  await startSession(request, {
    accountId: account.id,
    epoch,
    secondFactor: 'pending',
    mailCodeId,
    signedInAt: since,
  });
}

async function mailNewCode(services: Services, limits: RateLimits, accountId: string, inPlaceOf: string | null) {
  await limits.forCodeMail(accountId);
  const mailId = await requestMailCode(services.database, accountId, inPlaceOf);
  if (mailId) services.mails.announce(mailId);
  return mailId;
}

async function signedIn(
  { database }: Services,
  request: Request,
  account: Account,
  secondFactor: 'none' | 'done',
  now: Date,
): Promise<void> {
  const { id: accountId, sessionEpoch: epoch } = account;
  const currentOrganizationId = account.currentOrganizationId ?? account.homeOrganizationId ?? '';
  await startSession(request, { accountId, epoch, secondFactor, currentOrganizationId, signedInAt: now });
  await completeSignIn(database, account, personActor(account, request), now);
}

const personActor = (account: Account, request: Request) =>
  ({ type: 'user', id: account.id, name: displayName(account), ...origin(request) }) as const;

const notHalfSignedIn = (): Problem => new Problem('UNAUTHENTICATED', 'Sign in with name and password first.');
