import { createHash, createHmac } from 'node:crypto';
import type { Request, Response, Router } from 'express';
import { z } from 'zod';
import { once, type Answer } from '../db/commands/once';
import type { Change } from '../db/commands/save-invitation';
import { inOrganizations, type Transaction } from '../db/database';
import { currentOrganization, listAccountOrganizations } from '../db/queries/find-account';
import { findOrganization } from '../db/queries/find-organization';
import type { Actor } from '../domain/actor';
import {
  type Action,
  assertAllowed,
  decide,
  type DecisionContext,
  keyPerson,
  nobody,
  type Person,
  type Resource,
  theOrganization,
} from '../domain/permissions';
import { badInput, type FieldError, notFound, Problem, type ProblemCode } from '../domain/problem';
import {
  actorOf,
  assertProvider,
  authenticate,
  type Caller,
  callerKey,
  findPerson,
  inviteeActor,
  type Person as PersonCaller,
} from './caller';
import type { Services } from './context';
import { readJson, readRaw, validate } from './input';
import type { RateLimits } from './middleware/rate-limits';
import { assertSameOrigin } from './same-origin';
import { id as uuid } from './schemas/common';

export type Access =
  /** The platform operator. */
  | 'platform'
  /** Somebody of the organization in the path who may do what the route is for; the platform and keys may all. */
  | 'organization'
  /** Anybody who calls with a key or is signed in, whatever organization it is about. */
  | 'authenticated'
  /** A person who is signed in; not keys. */
  | 'person'
  /** The mail provider, with a key of its own. */
  | 'provider'
  /** Anybody: whoever holds a link, or wants to sign in. */
  | 'public';

/** One declaration per route: what it takes, what it answers, who may call it. Validation and OpenAPI come from it. */
export interface RouteSpec {
  method: 'get' | 'post' | 'patch' | 'put' | 'delete';
  /** As OpenAPI writes it: `/v1/organizations/{organizationId}`. */
  path: string;
  summary: string;
  tag: string;
  access: Access;
  /** What the caller must be allowed to do in the organization of the path; `decide` says who is. */
  action?: Action;
  /** On what, if not on the organization. @throws Problem NOT_FOUND where there is no such thing in it */
  resource?: (context: Context) => Promise<Resource>;
  params?: z.ZodType;
  query?: z.ZodType;
  body?: z.ZodType;
  /** A body that is no JSON, of one of these content types: `context.body` is a Buffer. */
  rawBody?: readonly string[];
  /** Where a body may be left out. */
  bodyOptional?: boolean;
  answers: Record<number, { description: string; schema?: z.ZodType }>;
  problems?: ProblemCode[];
  /** Answers an invitation: counted by the smaller limit for that. */
  answering?: boolean;
  /** Refuses forms and scripts of other sites even where nobody is signed in yet. */
  sameOrigin?: boolean;
  /** Open also to somebody who has to set up an authenticator app before anything else. // B3 */
  beforeSetUp?: boolean;
  /** Takes an Idempotency-Key. // F6 */
  idempotent?: boolean;
  /** The answer carries an ETag, or the request may carry If-Match. */
  versioned?: boolean;
  handle: (context: Context) => Promise<Reply>;
  /** Runs before the body is judged: @throws Problem NOT_FOUND where the thing in the path is not the caller's. */
  locate?: (context: Context) => Promise<unknown>;
  /** What else is wrong with a body that is refused already, so that everything is told at once. // B1 */
  alsoWrong?: (context: Context, json: unknown) => Promise<FieldError[]>;
}

export interface Reply {
  status: number;
  body?: unknown;
  etag?: string;
  headers?: Record<string, string>;
}

export interface Context {
  services: Services;
  request: Request;
  /** null: nobody is signed in, on a public route. */
  caller: Caller | null;
  /** What the caller is in the organization of the path; without one, nobody. */
  person: Person;
  /** What that organization's policy says to people; keys need none. */
  policy: DecisionContext;
  /** On what the route's action was allowed. */
  resource: Resource;
  limits: RateLimits;
  actor: Actor;
  /** Of the path, `current` resolved; empty where the path has none. */
  organizationId: string;
  params: Record<string, string>;
  query: unknown;
  body: unknown;
  /** A transaction scoped to the organization (or the given ones), for reading. */
  read: <T>(query: (trx: Transaction) => Promise<T>, organizationIds?: string[]) => Promise<T>;
  /** A command: once per idempotency key, its workflows told after the commit. */
  command: (
    run: (trx: Transaction) => Promise<Answer & { changes?: Change[] }>,
    organizationIds?: string[],
  ) => Promise<Answer>;
}

export function mountRoute(router: Router, spec: RouteSpec, services: Services, limits: RateLimits): void {
  if ((spec.access === 'organization') !== (spec.action !== undefined))
    throw new Error(`${spec.method} ${spec.path}: whoever acts in an organization needs an action.`);
  const path = spec.path.replace(/\{(\w+)\}/g, ':$1');
  router[spec.method](path, async (request: Request, response: Response) => {
    response.locals.route = spec.path;
    const context = await enter(spec, services, limits, request);
    send(response, await answer(spec, context, () => bodyOf(spec, request, response)));
  });
}

/** As it came where the route says so, else JSON; a body has no meaning with GET and DELETE, whatever it holds. */
async function bodyOf(spec: RouteSpec, request: Request, response: Response): Promise<unknown> {
  if (spec.rawBody) return readRaw(request, response, spec.rawBody);
  return spec.method === 'get' || spec.method === 'delete' ? undefined : readJson(request, response);
}

/** What is left once it is known who calls and that they may. */
async function answer(spec: RouteSpec, context: Context, readBody: () => unknown): Promise<Reply> {
  if (spec.locate) await spec.locate(context);
  if (spec.query) context.query = validate(spec.query, { ...context.request.query }, 'query');
  const given = await readBody();
  context.body = spec.rawBody ? given : await judgeBody(spec, context, given);
  if (spec.idempotent) guardWithKey(context, spec, context.request, given);
  return spec.handle(context);
}

/** A person who is signed in, where they stand, and the request that brought them: what a page asks routes with. */
export interface Visit extends Place {
  services: Services;
  limits: RateLimits;
  request: Request;
  caller: PersonCaller;
}

export interface RouteInput {
  params?: Record<string, string>;
  query?: Record<string, string>;
  body?: unknown;
  /** `If-Match` and `Idempotency-Key`, in small letters. */
  headers?: Record<string, string>;
}

/**
 * A route's answer for a page: the same rules, the same command, the same refusals, without a request of its own. The
 * caller has seen to who it is and where the request comes from. @throws Problem
 */
export async function askRoute(spec: RouteSpec, visit: Visit, input: RouteInput = {}): Promise<Reply> {
  const { params = {}, query = {}, body, headers = {} } = input;
  const request = Object.create(visit.request, {
    params: { value: { organizationId: visit.organizationId, ...params } },
    query: { value: query },
    // The route's own address: an idempotency key is bound to what it acts on.
    path: { value: spec.path.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? visit.organizationId) },
    headers: { value: { ...visit.request.headers, ...headers } },
    get: { value: (name: string) => headers[name.toLowerCase()] ?? quietly(visit.request, name) },
  }) as Request;
  return answer(spec, await admit(spec, { ...visit, request }), () => body);
}

/** Of the page's own headers a route hears only those that say who calls from where. */
const quietly = (request: Request, name: string): string | undefined =>
  name.toLowerCase() === 'user-agent' ? request.get(name) : undefined;

/** Who calls, and whether they may; all of it before the body is looked at. */
async function enter(spec: RouteSpec, services: Services, limits: RateLimits, request: Request): Promise<Context> {
  if (spec.access === 'public' || spec.access === 'provider') await limits.forAddress(request);
  if (spec.answering) await limits.forAnswer(request);
  const cookie = request.session?.accountId !== undefined;
  if (spec.method !== 'get' && (cookie || spec.sameOrigin)) assertSameOrigin(request, services.baseUrl);
  const caller = await callerOf(spec, services, limits, request);
  if (caller) await limits.forCaller(callerKey(caller));
  if (caller?.type === 'user' && caller.mustSetUpApp && !spec.beforeSetUp)
    throw new Problem('TWO_FACTOR_SETUP_REQUIRED', 'Set up an authenticator app first: your organization requires it.');
  if (spec.access === 'platform' && caller?.type !== 'platform')
    throw new Problem('FORBIDDEN', 'Only the platform operator may do this.');
  if (spec.access === 'person' && caller?.type !== 'user')
    throw new Problem('FORBIDDEN', 'Only a person who is signed in may do this.');
  const place = spec.access === 'organization' && caller ? await organizationOf(services, caller, request) : nowhere;
  return admit(spec, { services, limits, request, caller, ...place });
}

type Entering = Omit<Visit, 'caller'> & { caller: Caller | null };

/** Whether the caller may, as far as that can be told before the body. */
async function admit(spec: RouteSpec, entering: Entering): Promise<Context> {
  const { services, limits, request, caller, organizationId, person, policy } = entering;
  if (spec.action && !spec.resource) assertAllowed(decide(person, spec.action, theOrganization, policy), 'resource');
  const read: Context['read'] = (query, ids = [organizationId]) => inOrganizations(services.database, ids, query);
  // A key's organization exists; the platform may name any.
  if (organizationId && caller?.type === 'platform') await read((trx) => findOrganization(trx, organizationId));
  const params = spec.params ? checkParams(spec.params, request.params) : (request.params as Record<string, string>);
  const context: Context = {
    services,
    request,
    caller,
    person,
    policy,
    resource: theOrganization,
    limits,
    actor: caller ? actorOf(caller, request) : inviteeActor(request),
    organizationId,
    params,
    query: undefined,
    body: undefined,
    read,
    command: async (run, ids = [organizationId]) => {
      const { changes = [], ...answer } = await inOrganizations(services.database, ids, run);
      await services.announcer.announce(changes);
      return answer;
    },
  };
  if (spec.action && spec.resource) {
    context.resource = await spec.resource(context);
    assertAllowed(decide(person, spec.action, context.resource, policy), context.resource.type);
  }
  return context;
}

async function callerOf(
  spec: RouteSpec,
  services: Services,
  limits: RateLimits,
  request: Request,
): Promise<Caller | null> {
  if (spec.access === 'public') return findPerson(services, request);
  if (spec.access !== 'provider') return limits.countingFailures(request, () => authenticate(services, request));
  await limits.countingFailures(request, () => assertProvider(services, request));
  return null;
}

/** Where the caller stands, and the policy there. */
export interface Place {
  organizationId: string;
  person: Person;
  policy: DecisionContext;
}

const nowhere: Place = { organizationId: '', person: nobody, policy: { membersMayInviteGuests: false } };

/** The organization of the path, `current` resolved. @throws Problem NOT_FOUND where the caller does not belong to it */
async function organizationOf(services: Services, caller: Caller, request: Request): Promise<Place> {
  const named = String(request.params.organizationId).toLowerCase();
  if (caller.type === 'user') {
    const all = await listAccountOrganizations(services.database, caller.id);
    const current = () => currentOrganization(caller.account, all, request.session.currentOrganizationId);
    const own = named === 'current' ? current() : all.find(({ id }) => id === named);
    if (!own) throw notFound('organization');
    return { organizationId: own.id, person: own, policy: own.policy };
  }
  if (caller.type === 'api-key') {
    if (named !== 'current' && named !== caller.organizationId) throw notFound('organization');
    return { ...nowhere, organizationId: caller.organizationId, person: keyPerson };
  }
  const parsed = uuid.safeParse(named);
  if (!parsed.success) throw notFound('organization');
  return { ...nowhere, organizationId: parsed.data, person: keyPerson };
}

/** An id that cannot exist is an id that does not exist. */
function checkParams(schema: z.ZodType, params: unknown): Record<string, string> {
  const result = schema.safeParse(params);
  if (!result.success) throw notFound();
  return result.data as Record<string, string>;
}

async function judgeBody(spec: RouteSpec, context: Context, json: unknown): Promise<unknown> {
  try {
    return readBody(spec, json);
  } catch (error) {
    if (!(error instanceof Problem) || !error.options.errors || !spec.alsoWrong) throw error;
    throw badInput(...error.options.errors, ...(await spec.alsoWrong(context, json)));
  }
}

function readBody(spec: RouteSpec, json: unknown): unknown {
  if (!spec.body) {
    if (json !== undefined) validate(z.strictObject({}), json, 'body');
    return undefined;
  }
  if (json === undefined && !spec.bodyOptional) throw badInput({ pointer: '', message: 'A JSON body is needed.' });
  return validate(spec.body, json === undefined ? {} : json, 'body');
}

/** Wraps the context's command so that it runs once per caller, route and key. */
function guardWithKey(context: Context, spec: RouteSpec, request: Request, json: unknown): void {
  const header = request.get('idempotency-key');
  if (header === undefined) return;
  if (!/^[\x21-\x7e]{1,255}$/.test(header))
    throw badInput({ pointer: '', message: 'The Idempotency-Key must have 1 to 255 visible ASCII characters.' });
  const key = {
    // Whoever holds a link is known by the link.
    caller: context.caller ? callerKey(context.caller) : 'invitee',
    route: `${spec.method} ${spec.path}`,
    // Its path holds the link's token, which is not to be kept.
    key: context.caller ? header : createHash('sha256').update(`${request.path}:${header}`).digest('hex'),
    bodyHmac: createHmac('sha256', context.services.keys.current.secret)
      .update(`idempotency\0${request.path}\0${canonicalJson(json)}`)
      .digest(),
  };
  const { command } = context;
  context.command = (run, ids) => {
    let changes: Change[] = [];
    return command(async (trx) => {
      const answer = await once(trx, key, async () => {
        const { changes: marked = [], ...fresh } = await run(trx);
        changes = marked;
        return fresh;
      });
      return { ...answer, changes };
    }, ids);
  };
}

/** JSON that is the same for the same content, in whatever order its members were written. */
function canonicalJson(value: unknown): string {
  return (
    JSON.stringify(value, (_, part: unknown) =>
      typeof part === 'object' && part !== null && !Array.isArray(part)
        ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
        : part,
    ) ?? ''
  );
}

function send(response: Response, reply: Reply): void {
  response.status(reply.status);
  if (reply.etag) response.set('ETag', reply.etag);
  for (const [name, value] of Object.entries(reply.headers ?? {}))
    if (name === 'Vary') response.vary(value);
    else response.set(name, value);
  if (reply.body === undefined || reply.body === null) {
    response.end();
    return;
  }
  // Not response.json: it would answer 304 by the ETag, which stands for what can be edited, not for every figure shown.
  response.set('Content-Type', 'application/json; charset=utf-8');
  response.end(JSON.stringify(reply.body));
}

/** The version of what can be edited, as an entity tag. */
export const etagOf = (row: { version: number }): string => `"${row.version}"`;

/** @returns a check for commands to call with the locked row. @throws Problem PRECONDITION_FAILED */
export function ifMatch(request: Request): (row: { version: number }) => void {
  const header = request.get('if-match');
  return (row) => {
    if (header === undefined || header.trim() === '*') return;
    const tags = header.split(',').map((tag) => tag.trim());
    if (!tags.includes(etagOf(row)))
      throw new Problem('PRECONDITION_FAILED', 'It has been changed since it was read: read it again.');
  };
}
