import { z } from 'zod';
import type { ApiKey } from '../../db/models/api-key';
import type { Organization } from '../../db/models/organization';
import { policySchema } from '../../domain/policy';
import { presets } from '../../domain/presets';
import { email, id, instant, line, locale, pageOf, time, timeZone } from './common';

const plan = z.enum(['standard', 'premium']);
const licences = z.int().min(0).max(10_000_000).nullable();

export const newOrganization = z
  .strictObject({
    name: line(200),
    preset: z.enum(presets),
    timeZone,
    locale,
    licences: licences.optional(),
    plan: plan.default('standard'),
    administrator: z.strictObject({ email, firstName: line(100), lastName: line(100) }).optional(),
  })
  .meta({ id: 'NewOrganization' });

export const organizationPatch = z
  .strictObject({
    name: line(200),
    timeZone,
    locale,
    plan: plan.describe('Changed by the platform operator only'),
    licences: licences.describe('Changed by the platform operator only'),
  })
  .partial()
  .meta({ id: 'OrganizationPatch' });

export const policy = policySchema.meta({ id: 'Policy' });

export const policyPatch = policySchema
  .partial()
  .extend({ applyToPending: z.boolean().default(false).describe('Also recount the term of open invitations (F7)') })
  .meta({ id: 'PolicyPatch' });

export const organization = z
  .object({
    id,
    name: z.string(),
    preset: z.enum(presets),
    timeZone: z.string(),
    locale: z.string(),
    plan,
    licences,
    policy,
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: 'Organization' });

export const toOrganization = (row: Organization): z.infer<typeof organization> => ({
  id: row.id,
  name: row.name,
  preset: row.preset,
  timeZone: row.timeZone,
  locale: row.locale,
  plan: row.plan,
  licences: row.licences,
  policy: row.policy,
  createdAt: row.createdAt.toISOString(),
  updatedAt: row.updatedAt.toISOString(),
});

export const newApiKey = z.strictObject({ name: line(100), expiresAt: instant.optional() }).meta({ id: 'NewApiKey' });

export const apiKey = z
  .object({ id, name: z.string(), createdAt: time, expiresAt: time.nullable() })
  .meta({ id: 'ApiKey' });

export const createdApiKey = apiKey
  .extend({ key: z.string().describe('Shown this once') })
  .meta({ id: 'CreatedApiKey' });

export const apiKeyPage = pageOf(apiKey).meta({ id: 'ApiKeyPage' });

export const toApiKey = (row: ApiKey): z.infer<typeof apiKey> => ({
  id: row.id,
  name: row.name,
  createdAt: row.createdAt.toISOString(),
  expiresAt: row.expiresAt?.toISOString() ?? null,
});
