import type { Request } from 'express';
import { Problem } from '../domain/problem';

/**
 * A form of another site may not act with a person's cookie. Browsers say where a request comes from by Sec-Fetch-Site,
 * older ones by Origin; what says neither is no browser and has no cookie of anybody.
 * @throws Problem FOREIGN_ORIGIN
 */
export function assertSameOrigin(request: Request, baseUrl: string): void {
  const site = request.get('sec-fetch-site');
  const origin = request.get('origin');
  const foreign =
    site === undefined ? origin !== undefined && origin !== new URL(baseUrl).origin : site !== 'same-origin';
  if (foreign) throw new Problem('FOREIGN_ORIGIN', 'This request was sent by another site.');
}
