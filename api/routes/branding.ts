import type { z } from 'zod';
import { changeBranding } from '../../db/commands/change-branding';
import type { Organization } from '../../db/models/organization';
import { brandingOf, logoUrl } from '../../db/queries/find-branding';
import { findOrganization } from '../../db/queries/find-organization';
import { defaultColour, parseLogo, textColourOn } from '../../domain/branding';
import { badInput } from '../../domain/problem';
import { etagOf, ifMatch, type RouteSpec } from '../route';
import { organizationParams } from '../schemas/common';
import { branding, brandingPatch } from '../schemas/email-templates';

const path = '/v1/organizations/{organizationId}/branding';
const tag = 'Mail templates';

const toBranding = (row: Organization, baseUrl: string): z.infer<typeof branding> => {
  const { colour, senderName } = brandingOf(row);
  return {
    logo: logoUrl(baseUrl, row.id, brandingOf(row)),
    colour,
    textColour: textColourOn(colour ?? defaultColour),
    senderName,
  };
};

export const brandingRoutes: RouteSpec[] = [
  {
    method: 'get',
    path,
    summary: 'Read logo, colour and sender name',
    tag,
    access: 'organization',
    action: 'templates.manage',
    params: organizationParams,
    versioned: true,
    answers: { 200: { description: 'What mails and pages look like', schema: branding } },
    async handle({ read, organizationId, services }) {
      const row = await read((trx) => findOrganization(trx, organizationId));
      return {
        status: 200,
        body: toBranding(row, services.baseUrl),
        etag: etagOf({ version: row.brandingVersion }),
      };
    },
  },
  {
    method: 'put',
    path,
    summary: 'Change logo, colour and sender name; what is left out stays',
    tag,
    access: 'organization',
    action: 'templates.manage',
    params: organizationParams,
    body: brandingPatch,
    versioned: true,
    answers: { 200: { description: 'What mails and pages look like from now on', schema: branding } },
    async handle({ command, organizationId, services, body, actor, request }) {
      const { logo: dataUrl, ...rest } = body as z.infer<typeof brandingPatch>;
      const logo = typeof dataUrl === 'string' ? parseLogo(dataUrl) : dataUrl;
      if (logo && 'fault' in logo) throw badInput({ pointer: '/logo', message: logo.fault });
      let etag = '';
      const answer = await command(async (trx) => {
        const change = { ...rest, ...(logo !== undefined && { logo }) };
        const row = await changeBranding(trx, organizationId, change, actor, ifMatch(request));
        etag = etagOf({ version: row.brandingVersion });
        return { status: 200, body: toBranding(row, services.baseUrl) };
      });
      return { ...answer, etag };
    },
  },
];
