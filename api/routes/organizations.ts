import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { changeOrganization, changePolicy } from '../../db/commands/change-organization';
import { createApiKey, createOrganization, revokeApiKey } from '../../db/commands/create-organization';
import { readClock } from '../../db/database';
import { findOrganization, listApiKeys } from '../../db/queries/find-organization';
import { badInput, notFound, Problem } from '../../domain/problem';
import { etagOf, ifMatch, type RouteSpec } from '../route';
import { id, organizationParams, pageQuery } from '../schemas/common';
import {
  apiKeyPage,
  createdApiKey,
  newApiKey,
  newOrganization,
  organization,
  organizationPatch,
  policy,
  policyPatch,
  toApiKey,
  toOrganization,
} from '../schemas/organizations';

const tag = 'Organizations';
const base = '/v1/organizations/{organizationId}';

export const organizationRoutes: RouteSpec[] = [
  {
    method: 'post',
    path: '/v1/organizations',
    summary: 'Create an organization and invite its administrator',
    tag,
    access: 'platform',
    body: newOrganization,
    idempotent: true,
    answers: { 201: { description: 'The organization', schema: organization } },
    async handle(context) {
      const input = context.body as z.infer<typeof newOrganization>;
      const id = randomUUID();
      return context.command(
        async (trx) => {
          const created = await createOrganization(
            trx,
            { ...input, id, licences: input.licences ?? null },
            context.actor,
          );
          return { status: 201, body: toOrganization(created.organization), changes: created.changes };
        },
        [id],
      );
    },
  },
  {
    method: 'get',
    path: base,
    summary: 'Read an organization',
    tag,
    access: 'organization',
    action: 'settings.manage',
    params: organizationParams,
    versioned: true,
    answers: { 200: { description: 'The organization', schema: organization } },
    async handle({ read, organizationId }) {
      const row = await read((trx) => findOrganization(trx, organizationId));
      return { status: 200, body: toOrganization(row), etag: etagOf(row) };
    },
  },
  {
    method: 'patch',
    path: base,
    summary: 'Change an organization',
    tag,
    access: 'organization',
    action: 'settings.manage',
    params: organizationParams,
    body: organizationPatch,
    versioned: true,
    answers: { 200: { description: 'The organization', schema: organization } },
    problems: ['FORBIDDEN', 'LICENCES_IN_USE'],
    async handle({ command, organizationId, caller, body, actor, request }) {
      const patch = body as z.infer<typeof organizationPatch>;
      // What an organization pays for is not its own to change.
      if (caller?.type !== 'platform' && (patch.plan !== undefined || patch.licences !== undefined))
        throw new Problem('FORBIDDEN', 'Only the platform operator may change the plan and the number of licences.');
      let etag = '';
      const answer = await command(async (trx) => {
        const row = await changeOrganization(trx, organizationId, patch, actor, ifMatch(request));
        etag = etagOf(row);
        return { status: 200, body: toOrganization(row) };
      });
      return { ...answer, etag };
    },
  },
  {
    method: 'get',
    path: `${base}/policy`,
    summary: 'Read the policy',
    tag,
    access: 'organization',
    action: 'policy.manage',
    params: organizationParams,
    versioned: true,
    answers: { 200: { description: 'The policy', schema: policy } },
    async handle({ read, organizationId }) {
      const row = await read((trx) => findOrganization(trx, organizationId));
      return { status: 200, body: row.policy, etag: etagOf(row) };
    },
  },
  {
    method: 'patch',
    path: `${base}/policy`,
    summary: 'Change the policy for later invitations, and for open ones if asked to',
    tag,
    access: 'organization',
    action: 'policy.manage',
    params: organizationParams,
    body: policyPatch,
    versioned: true,
    answers: { 200: { description: 'The policy', schema: policy } },
    async handle({ command, organizationId, body, actor, request }) {
      const { applyToPending, ...patch } = body as z.infer<typeof policyPatch>;
      let etag = '';
      const answer = await command(async (trx) => {
        const changed = await changePolicy(trx, organizationId, patch, applyToPending, actor, ifMatch(request));
        etag = etagOf(changed.organization);
        return { status: 200, body: changed.organization.policy, changes: changed.changes };
      });
      return { ...answer, etag };
    },
  },
  {
    method: 'post',
    path: `${base}/api-keys`,
    summary: 'Create an API key; the key is shown this once',
    tag: 'API keys',
    access: 'organization',
    action: 'keys.manage',
    params: organizationParams,
    body: newApiKey,
    answers: { 201: { description: 'The key', schema: createdApiKey } },
    async handle({ command, organizationId, body, actor }) {
      const { name, expiresAt = null } = body as z.infer<typeof newApiKey>;
      return command(async (trx) => {
        if (expiresAt && expiresAt <= (await readClock(trx)))
          throw badInput({ pointer: '/expiresAt', message: 'Must be in the future.' });
        const { apiKey, key } = await createApiKey(trx, organizationId, { name, expiresAt }, actor);
        return { status: 201, body: { ...toApiKey(apiKey), key } };
      });
    },
  },
  {
    method: 'get',
    path: `${base}/api-keys`,
    summary: 'List the API keys',
    tag: 'API keys',
    access: 'organization',
    action: 'keys.manage',
    params: organizationParams,
    query: z.strictObject(pageQuery),
    answers: { 200: { description: 'A page of keys, oldest first', schema: apiKeyPage } },
    async handle({ read, organizationId, query }) {
      const page = await read((trx) =>
        listApiKeys(trx, organizationId, query as { limit: number; cursor: string | undefined }),
      );
      return { status: 200, body: { ...page, items: page.items.map(toApiKey) } };
    },
  },
  {
    method: 'delete',
    path: `${base}/api-keys/{id}`,
    summary: 'Revoke an API key; it is refused from the next request on',
    tag: 'API keys',
    access: 'organization',
    action: 'keys.manage',
    params: organizationParams.extend({ id }),
    answers: { 204: { description: 'Revoked' } },
    async handle({ command, organizationId, params, actor }) {
      return command(async (trx) => {
        if (!(await revokeApiKey(trx, organizationId, params.id ?? '', actor))) throw notFound('API key');
        return { status: 204, body: null };
      });
    },
  },
];
