import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';
import type { Account } from '../db/models/account';
import { findAccount } from '../db/queries/find-account';
import { findApiKey } from '../db/system/find-owner';
import { displayName, isActive } from '../domain/account';
import type { Actor } from '../domain/actor';
import { notFound, Problem } from '../domain/problem';
import { type FactorState, mustSetUpApp } from '../domain/two-factor';
import { hashApiKey } from '../db/commands/create-organization';
import type { Services } from './context';
import { absoluteLimitMs, addressOf, endSession } from './session';

/**
 * Who calls: the platform operator, or an organization by one of its keys (both act as administrators), or a person who
 * is signed in, all factors given.
 */
export type Caller =
  { type: 'platform' } | { type: 'api-key'; id: string; organizationId: string; name: string } | Person;

export interface Person {
  type: 'user';
  id: string;
  account: Account;
  /** When the person last gave all factors, by the same clock as `now`. */
  signedInAt: Date;
  now: Date;
  factor: FactorState;
  /** Signed in only as far as setting up an app: nothing else is open before. */
  mustSetUpApp: boolean;
}

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * The person whose session the cookie names, or null: none, ended, too old, of an earlier epoch, half signed in, or of an
 * account that is not active any more. Asked anew on every request, so that what ends a session ends it at once. // A6
 */
export async function findPerson(services: Services, request: Request): Promise<Person | null> {
  // Callers with a key have no session at all.
  const session = request.session as Partial<Request['session']> | undefined;
  if (!session?.accountId || !session.signedInAt || session.secondFactor === 'pending') return null;
  const { accountId, signedInAt, epoch } = session;
  const person = await personOf(services, { accountId, signedInAt, epoch });
  if (!person) await endSession(request);
  return person;
}

/** What a session of somebody with all factors given says. */
export interface SignedInSession {
  accountId: string;
  signedInAt: string;
  epoch: number | undefined;
}

/** Who that is at this moment, or null: not any more. Whether the session is still there is not asked. */
export async function personOf(services: Services, session: SignedInSession): Promise<Person | null> {
  const found = await findAccount(services.database, session.accountId);
  const signedInAt = new Date(session.signedInAt);
  if (
    !found ||
    !isActive(found.account, found.now) ||
    found.account.sessionEpoch !== session.epoch ||
    found.now.getTime() - signedInAt.getTime() > absoluteLimitMs
  )
    return null;
  const { account, factor, now } = found;
  return { type: 'user', id: account.id, account, signedInAt, now, factor, mustSetUpApp: mustSetUpApp(factor) };
}

/** The same, for pages that nobody enters before they have set up the app that is demanded of them. */
export async function findReadyPerson(services: Services, request: Request): Promise<Person | null> {
  const person = await findPerson(services, request);
  return person?.mustSetUpApp ? null : person;
}

/** @throws Problem UNAUTHENTICATED, with the same words for a missing, wrong, revoked and expired key */
export async function authenticate(services: Services, request: Request): Promise<Caller> {
  const key = /^Bearer ([\x21-\x7e]{16,512})$/i.exec(request.get('authorization') ?? '')?.[1];
  if (key) {
    if (timingSafeEqual(sha256(key), sha256(services.platformKey))) return { type: 'platform' };
    const owner = await findApiKey(services.database, hashApiKey(key));
    if (owner) return { type: 'api-key', ...owner };
  }
  const person = await findPerson(services, request);
  if (person) return person;
  throw new Problem('UNAUTHENTICATED', 'Sign in, or send a valid key as "Authorization: Bearer <key>".');
}

/** The mail provider. @throws Problem NOT_FOUND where no key is set, UNAUTHENTICATED */
export function assertProvider(services: Services, request: Request): Promise<void> {
  if (services.dsnKey === null) throw notFound('route here: USHER_DSN_KEY is not set');
  const key = /^Bearer ([\x21-\x7e]{16,512})$/i.exec(request.get('authorization') ?? '')?.[1] ?? '';
  if (timingSafeEqual(sha256(key), sha256(services.dsnKey))) return Promise.resolve();
  return Promise.reject(
    new Problem('UNAUTHENTICATED', 'Send the key of USHER_DSN_KEY as "Authorization: Bearer <key>".'),
  );
}

/** The caller as audit events name them. */
export const actorOf = (caller: Caller, request: Request): Actor => ({ ...namedActor(caller), ...origin(request) });

function namedActor(caller: Caller): Actor {
  switch (caller.type) {
    case 'platform':
      return { type: 'platform', id: null, name: null };
    case 'api-key':
      return { type: 'api-key', id: caller.id, name: caller.name };
    case 'user':
      return { type: 'user', id: caller.id, name: displayName(caller.account) };
  }
}

export const inviteeActor = (request: Request): Actor => ({
  type: 'invitee',
  id: null,
  name: null,
  ...origin(request),
});

export const origin = (request: Request) => ({ ip: addressOf(request), userAgent: request.get('user-agent') ?? null });

/** A caller's own name in rate limits and idempotency keys. */
export const callerKey = (caller: Caller): string =>
  caller.type === 'platform' ? 'platform' : `${caller.type}:${caller.id}`;
