import { createHmac } from 'node:crypto';
import connectPgSimple from 'connect-pg-simple';
import type { Request, RequestHandler } from 'express';
import expressSession from 'express-session';
import type { Database } from '../db/database';
import type { KeyRing } from '../domain/token';

declare module 'express-session' {
  interface SessionData {
    accountId: string;
    /** Of the account when the session was made; a later one ends it. */
    epoch: number;
    /** `pending`: the password was right, the code is still missing; counts as not signed in. */
    secondFactor: 'none' | 'pending' | 'done';
    /** While pending: the mail whose code this session, and no other, can use; null: the app is asked for. */
    mailCodeId: string | null;
    /** When all factors were given, or while pending the password; ISO 8601. The session ends `absoluteLimitMs` after it. */
    signedInAt: string;
    ip: string | null;
    userAgent: string | null;
    /** What `current` means in this session; another device's keeps its own. // A7 */
    currentOrganizationId?: string;
  }
}

/** Unused for so long, a session ends … */
export const idleLimitMs = 12 * 3_600_000;
/** … and in any case after a week. */
export const absoluteLimitMs = 7 * 86_400_000;

export const sessionCookie = 'usher_session';

/**
 * Sessions of signed-in people, in PostgreSQL. Callers with a key have none. Nobody gets a cookie before signing in, and
 * only signing in writes into a session: a request that is still under way cannot bring an ended one back.
 */
export function sessions(database: Database, keys: KeyRing, baseUrl: string): RequestHandler {
  const Store = connectPgSimple(expressSession);
  const https = baseUrl.startsWith('https:');
  const handle = expressSession({
    name: sessionCookie,
    secret: [...keys.keys.values()].map((key) => createHmac('sha256', key).update('session-cookie').digest('hex')),
    store: new Store({
      tableName: 'sessions',
      pool: poolOf(database),
      // The sweep of the relay forgets what has run out.
      pruneSessionInterval: false,
      errorLog: () => undefined,
    }),
    resave: false,
    saveUninitialized: false,
    rolling: true,
    cookie: { path: '/', httpOnly: true, sameSite: 'lax', secure: https, maxAge: idleLimitMs },
  });
  return (request, response, next) => {
    if (isKeyCall(request)) {
      next();
      return;
    }
    // A page that refreshes itself is no use of it either: an open page keeps nobody signed in.
    const pass =
      request.get('x-usher-refresh') === undefined
        ? next
        : () => {
            request.session.touch = () => request.session;
            next();
          };
    // The public address says whether people come by https; the proxy in front need not be trusted for that.
    if (https) Object.defineProperty(request, 'secure', { value: true });
    void handle(request, response, pass);
  };
}

/** On the routes that sign in and out, and on pages, a key has no meaning: some proxy may have sent one along. */
const isKeyCall = (request: Request): boolean =>
  request.get('authorization') !== undefined && /^(\/access)?\/v1\/(?!auth\/)/i.test(request.path);

/** The one pool that all else uses, with its role, in the shape that the store wants. */
function poolOf(database: Database): never {
  interface Connection {
    query(text: string, values: unknown[]): Promise<unknown>;
  }
  const client = database.client as {
    acquireConnection(): Promise<Connection>;
    releaseConnection(connection: Connection): Promise<void>;
  };
  return {
    async query(text: string, values: unknown[]) {
      const connection = await client.acquireConnection();
      try {
        return await connection.query(text, values);
      } finally {
        await client.releaseConnection(connection);
      }
    },
  } as never;
}

export interface SessionStart {
  accountId: string;
  epoch: number;
  secondFactor: 'none' | 'pending' | 'done';
  mailCodeId?: string | null;
  /** Where a new session begins; one that goes on under a new id stays where it is. */
  currentOrganizationId?: string;
  /** Of a session that goes on under a new id: when it began. */
  signedInAt: Date;
}

/** A session under a new id: one that somebody has planted before signing in is worth nothing after it. */
export async function startSession(
  request: Request,
  { signedInAt, mailCodeId = null, ...data }: SessionStart,
): Promise<void> {
  const { accountId, currentOrganizationId } = request.session;
  await settled((done) => request.session.regenerate(done));
  Object.assign(request.session, {
    ...(accountId === data.accountId && { currentOrganizationId }),
    ...data,
    mailCodeId,
    signedInAt: signedInAt.toISOString(),
    ip: addressOf(request),
    userAgent: request.get('user-agent')?.slice(0, 300) ?? null,
  });
  await settled((done) => request.session.save(done));
}

/** Where a request comes from, as people know it: a socket for both kinds of address writes `::ffff:` before the older kind. */
export const addressOf = (request: Request): string | null => request.ip?.replace(/^::ffff:(?=\d+\.)/i, '') ?? null;

export async function endSession(request: Request): Promise<void> {
  if (request.session?.accountId) await settled((done) => request.session.destroy(done));
}

const settled = (call: (done: (error?: unknown) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    call((error) => (error ? reject(error instanceof Error ? error : new Error('session')) : resolve()));
  });
