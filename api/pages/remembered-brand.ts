import type { Request, Response } from 'express';
import { z } from 'zod';
import { inOrganization } from '../../db/database';
import { findOrganization } from '../../db/queries/find-organization';
import { Problem } from '../../domain/problem';
import { seal, unseal } from '../../domain/sealed';
import type { Services } from '../context';
import { type Brand, brandOf } from './brand';
import { readCookie } from './request';

const cookieName = 'usher_brand';
const cookieMs = 60 * 60 * 1000;
const about = 'brand of a link';

/** The link that has led a browser here: of an invitation, or of an account. */
export type Led = `invitation ${string}` | `account ${string}`;
const remembered = z.tuple([z.uuid(), z.string()]);

/**
 * Whose link a browser has opened, for the pages that come after it and do not see the link: signing in, and what is left
 * of a link that was used. Sealed, so that no browser can name an organization whose link it never had.
 */
export function rememberBrand({ keys, baseUrl }: Services, response: Response, organizationId: string, led: Led): void {
  response.cookie(cookieName, seal(keys, about, Buffer.from(JSON.stringify([organizationId, led]))), {
    path: '/',
    httpOnly: true,
    sameSite: 'lax',
    secure: baseUrl.startsWith('https:'),
    maxAge: cookieMs,
  });
}

/** @param isIt whether it was a link that has to do with this page */
export async function rememberedBrand(
  { database, keys }: Services,
  request: Request,
  isIt: (led: string) => boolean,
): Promise<Brand | undefined> {
  const plain = unseal(keys, about, readCookie(request, cookieName) ?? '');
  if (!plain) return undefined;
  const [organizationId, led] = remembered.parse(JSON.parse(plain.toString()));
  if (!isIt(led)) return undefined;
  try {
    return brandOf(await inOrganization(database, organizationId, (trx) => findOrganization(trx, organizationId)));
  } catch (error) {
    // It is gone since: its look goes with it, and the page is there all the same.
    if (error instanceof Problem && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}

/** Of the invitation that signing in leads back to. */
export function brandOfNext(services: Services, request: Request, next: string): Promise<Brand | undefined> {
  const [, id] = /^\/invitations\/open\/([0-9a-f-]{36})/.exec(next) ?? [];
  return rememberedBrand(services, request, (led) => id !== undefined && led === `invitation ${id}`);
}
