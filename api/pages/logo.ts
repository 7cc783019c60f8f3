import { type RequestHandler, Router } from 'express';
import { inOrganization } from '../../db/database';
import { findLogo } from '../../db/queries/find-branding';
import { notFound } from '../../domain/problem';
import type { Services } from '../context';
import type { RateLimits } from '../middleware/rate-limits';
import { id as uuid } from '../schemas/common';

/** Organizations' logos, for mails and pages: to whoever asks, a picture and nothing else. Its address changes with it. */
export function logoRouter({ database }: Services, limits: RateLimits): Router {
  const serve: RequestHandler = async (request, response) => {
    response.locals.route = '/organizations/{organizationId}/logo/{version}';
    await limits.forAddress(request);
    const organizationId = uuid.safeParse(request.params.organizationId);
    const version = String(request.params.version);
    if (!organizationId.success || !/^[0-9a-f]{32}$/.test(version)) throw notFound('logo');
    const logo = await inOrganization(database, organizationId.data, (trx) =>
      findLogo(trx, organizationId.data, version),
    );
    if (!logo) throw notFound('logo');
    response
      .set({
        'Content-Type': logo.contentType,
        'Cache-Control': 'public, max-age=31536000, immutable',
        // Mail programs in the browser show it on pages of their own.
        'Cross-Origin-Resource-Policy': 'cross-origin',
        'X-Content-Type-Options': 'nosniff',
      })
      .send(logo.data);
  };
  return Router().get('/organizations/:organizationId/logo/:version', serve);
}
