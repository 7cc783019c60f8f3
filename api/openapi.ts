import { OpenAPIRegistry, OpenApiGeneratorV31, type RouteConfig } from '@asteasolutions/zod-to-openapi';
import { z } from 'zod';
import { type ProblemCode, problems } from '../domain/problem';
import type { RouteSpec } from './route';
import { sessionCookie } from './session';

const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(Object.keys(problems) as [ProblemCode, ...ProblemCode[]]),
    errors: z
      .array(
        z.object({
          pointer: z.string(),
          message: z.string(),
          line: z.int().optional().describe('Where in a text of several lines, counted from 1'),
          column: z.int().optional(),
        }),
      )
      .optional(),
    requestId: z.string().optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457; errors point into the body' });

const idempotencyKey = z
  .string()
  .min(1)
  .max(255)
  .optional()
  .meta({ description: 'The same key gives the same answer, and does nothing twice' });

/** What every route of this kind can be refused with, besides what its declaration adds. */
function problemsOf(spec: RouteSpec): ProblemCode[] {
  const codes: ProblemCode[] = [...(spec.problems ?? []), 'TOO_MANY_REQUESTS', 'INTERNAL', 'UNAVAILABLE', 'BAD_INPUT'];
  if (spec.access !== 'public') codes.push('UNAUTHENTICATED');
  if (spec.access === 'provider') codes.push('NOT_FOUND');
  else if (spec.access !== 'public')
    codes.push('FORBIDDEN', ...(spec.method === 'get' ? [] : (['FOREIGN_ORIGIN'] as const)));
  if ((spec.access === 'person' || spec.access === 'organization') && !spec.beforeSetUp)
    codes.push('TWO_FACTOR_SETUP_REQUIRED');
  if (spec.access === 'organization') codes.push('NOT_FOUND');
  if (spec.method !== 'get') codes.push('TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE');
  if (spec.idempotent) codes.push('IDEMPOTENCY_KEY_REUSED');
  if (spec.versioned && spec.method !== 'get') codes.push('PRECONDITION_FAILED');
  return codes;
}

function problemAnswers(spec: RouteSpec): RouteConfig['responses'] {
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of problemsOf(spec))
    byStatus.set(problems[code][0], [...(byStatus.get(problems[code][0]) ?? []), code]);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: [...new Set(codes)].sort().join(', '),
        content: { 'application/problem+json': { schema: problem } },
      },
    ]),
  );
}

/** The OpenAPI 3.1 document, made of the very schemas that judge requests. */
export function openApiDocument(routes: RouteSpec[], baseUrl: string, version: string): object {
  const registry = new OpenAPIRegistry();
  registry.registerComponent('securitySchemes', 'key', { type: 'http', scheme: 'bearer' });
  registry.registerComponent('securitySchemes', 'session', { type: 'apiKey', in: 'cookie', name: sessionCookie });
  for (const spec of routes) {
    const headers = {
      ...(spec.idempotent && { 'Idempotency-Key': idempotencyKey }),
      ...(spec.versioned && spec.method !== 'get' && { 'If-Match': z.string().optional() }),
    };
    registry.registerPath({
      method: spec.method,
      path: spec.path,
      summary: spec.summary,
      tags: [spec.tag],
      ...(spec.access === 'public'
        ? {}
        : {
            security: [
              ...(spec.access === 'person' ? [] : [{ key: [] }]),
              ...(spec.access === 'platform' || spec.access === 'provider' ? [] : [{ session: [] }]),
            ],
          }),
      request: {
        ...(spec.params && { params: spec.params as z.ZodObject }),
        ...(spec.query && { query: spec.query as z.ZodObject }),
        ...(Object.keys(headers).length > 0 && { headers: z.object(headers) }),
        ...(spec.rawBody && {
          body: {
            required: true,
            content: Object.fromEntries(
              spec.rawBody.map((type) => [type, { schema: z.string().meta({ format: 'binary' }) }]),
            ),
          },
        }),
        ...(spec.body && {
          body: { required: !spec.bodyOptional, content: { 'application/json': { schema: spec.body } } },
        }),
      },
      responses: {
        ...Object.fromEntries(
          Object.entries(spec.answers).map(([status, { description, schema }]) => [
            status,
            {
              description,
              ...(spec.versioned && schema && { headers: z.object({ ETag: z.string() }) }),
              ...(schema && { content: { 'application/json': { schema } } }),
            },
          ]),
        ),
        ...problemAnswers(spec),
      },
    });
  }
  return new OpenApiGeneratorV31(registry.definitions).generateDocument({
    openapi: '3.1.0',
    info: {
      title: 'Usher',
      version,
      description: 'Invitations and guest access. Every invitation is one durable workflow.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: baseUrl }],
  });
}
