import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request } from 'express';
import { findApiKey } from '../db/system/find-owner';
import type { Actor } from '../domain/actor';
import { Problem } from '../domain/problem';
import { hashApiKey } from '../db/commands/create-organization';
import type { Services } from './context';

/** Who calls: the platform operator, or an organization by one of its keys. Both act as administrators. */
export type Caller = { type: 'platform' } | { type: 'api-key'; id: string; organizationId: string; name: string };

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();

/** @throws Problem UNAUTHENTICATED, with the same words for a missing, wrong, revoked and expired key */
export async function authenticate(services: Services, request: Request): Promise<Caller> {
  const key = /^Bearer ([\x21-\x7e]{16,512})$/i.exec(request.get('authorization') ?? '')?.[1];
  if (key) {
    if (timingSafeEqual(sha256(key), sha256(services.platformKey))) return { type: 'platform' };
    const owner = await findApiKey(services.database, hashApiKey(key));
    if (owner) return { type: 'api-key', ...owner };
  }
  throw new Problem('UNAUTHENTICATED', 'Send a valid key as "Authorization: Bearer <key>".');
}

/** The caller as audit events name them. */
export const actorOf = (caller: Caller, request: Request): Actor => ({
  ...(caller.type === 'platform'
    ? { type: 'platform', id: null, name: null }
    : { type: 'api-key', id: caller.id, name: caller.name }),
  ...origin(request),
});

export const inviteeActor = (request: Request): Actor => ({
  type: 'invitee',
  id: null,
  name: null,
  ...origin(request),
});

const origin = (request: Request) => ({ ip: request.ip ?? null, userAgent: request.get('user-agent') ?? null });

/** A caller's own name in rate limits and idempotency keys. */
export const callerKey = (caller: Caller): string => (caller.type === 'platform' ? 'platform' : `api-key:${caller.id}`);
