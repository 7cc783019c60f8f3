import { randomBytes, randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import knexFactory from 'knex';
import pino from 'pino';
import request from 'supertest';
import type { SendLimits } from '../../activities/email/patience';
import { type RunningWorker, startWorker } from '../../activities/worker';
import { type RunningServer, startServer } from '../../api/server';
import { readApiSettings, readWorkerSettings } from '../../config/settings';
import type { Database } from '../../db/database';
import { createTestDatabase, type TestDatabase } from './database';
import { type MailServer, startMailServer } from './mail-server';
import { quietTemporal } from './quiet-temporal';

/** All of Usher on its own database, Temporal namespace and mail server; API and worker run inside the test's process. */
export interface TestUsher {
  url: string;
  env: NodeJS.ProcessEnv;
  platformKey: string;
  database: TestDatabase;
  /** As the owner of the tables, past row-level security: to look, and to arrange what time would arrange. */
  owner: Database;
  mail: MailServer;
  temporal: Client;
  namespace: string;
  /** A call with a key; the platform's unless given. */
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Reply>;
  createOrganization(fields?: Record<string, unknown>, policy?: Record<string, unknown>): Promise<TestOrganization>;
  /** The newest link mailed to this address. */
  linkFor(email: string, count?: number): Promise<MailedLink>;
  startWorker(): Promise<void>;
  stopWorker(): Promise<void>;
  stop(): Promise<void>;
}

export interface CallOptions {
  key?: string | null;
  headers?: Record<string, string>;
}

export interface Reply {
  status: number;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
  headers: Record<string, string>;
  text: string;
}

export interface TestOrganization {
  id: string;
  key: string;
  /** A call with this organization's key; paths are relative to it: `/invitations`. */
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Reply>;
  /** Invites and returns the invitation. @throws where that was refused */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  invite(fields: Record<string, unknown>): Promise<any>;
}

export interface MailedLink {
  token: string;
  url: string;
  subject: string;
  text: string;
  html: string;
}

export const goodPassword = 'Winter-Is-Over-7';

/**
 * @param heartbeatMs of the worker: seldom, so that no test meets a connection to the mail server that it did not make
 * @param sendLimits in place of the worker's own, for servers that take their time
 */
export async function startUsher({
  worker = true,
  env: extra = {},
  heartbeatMs = 600_000,
  sendLimits = undefined as SendLimits | undefined,
} = {}): Promise<TestUsher> {
  quietTemporal();
  const [database, mail] = await Promise.all([createTestDatabase(), startMailServer()]);
  const address = process.env['USHER_TEST_TEMPORAL_ADDRESS'] ?? '';
  const namespace = `test-${randomUUID()}`;
  const connection = await Connection.connect({ address });
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  const platformKey = `platform-${randomBytes(24).toString('hex')}`;
  const env: NodeJS.ProcessEnv = {
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: address,
    TEMPORAL_NAMESPACE: namespace,
    SMTP_URL: mail.url,
    USHER_MAIL_FROM: 'Usher <usher@usher.test>',
    USHER_SECRET: `test:${randomBytes(32).toString('base64')}`,
    USHER_PLATFORM_KEY: platformKey,
    USHER_LOG_LEVEL: 'silent',
    USHER_BASE_URL: 'http://usher.test',
    // All tests of a file come from one address, and answer more invitations in a minute than any person.
    USHER_RATE_LIMITS: 'off',
    ...extra,
  };
  const surroundings = {
    logger: pino({ level: process.env['USHER_TEST_LOG'] ?? 'silent' }),
    temporal: { connectionOptions: { address }, namespace },
  };
  // Port 0 is no setting for people, but a free port for tests.
  const server: RunningServer = await startServer({ ...readApiSettings(env), PORT: 0 }, surroundings);
  const url = `http://127.0.0.1:${server.port}`;
  let running: RunningWorker | null = null;

  const call: TestUsher['call'] = async (method, path, body, { key = platformKey, headers = {} } = {}) => {
    const verb = method.toLowerCase() as 'get' | 'post' | 'patch' | 'put' | 'delete';
    let sending = request(url)[verb](path).set(headers);
    if (key !== null) sending = sending.set('Authorization', `Bearer ${key}`);
    const response = await (body === undefined ? sending : sending.send(body as object));
    return response;
  };

  const usher: TestUsher = {
    url,
    env,
    platformKey,
    database,
    owner: knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 3 } }),
    mail,
    temporal: new Client({ connection, namespace }),
    namespace,
    call,
    async createOrganization(fields = {}, policy) {
      const created = await call('POST', '/v1/organizations', {
        name: 'Acme',
        preset: '28-days',
        timeZone: 'Europe/Berlin',
        locale: 'en',
        ...fields,
      });
      if (created.status !== 201) throw new Error(`no organization: ${created.text}`);
      const id = created.body.id as string;
      if (policy) {
        const changed = await call('PATCH', `/v1/organizations/${id}/policy`, policy);
        if (changed.status !== 200) throw new Error(`no policy: ${changed.text}`);
      }
      const key = (await call('POST', `/v1/organizations/${id}/api-keys`, { name: 'tests' })).body.key as string;
      const organizationCall: TestOrganization['call'] = (method, path, body, options) =>
        call(method, `/v1/organizations/${id}${path}`, body, { key, ...options });
      return {
        id,
        key,
        call: organizationCall,
        async invite(invitation) {
          const answer = await organizationCall('POST', '/invitations', invitation);
          if (answer.status !== 201) throw new Error(`no invitation: ${answer.text}`);
          return answer.body as unknown;
        },
      };
    },
    async linkFor(email, count = 1) {
      const mails = await mail.waitForMail(email, count);
      const newest = mails.at(-1)?.parsed;
      const text = newest?.text ?? '';
      const link = /http:\/\/usher\.test\/invitations\/([A-Za-z0-9_-]+)/.exec(text);
      if (!link?.[1]) throw new Error(`no link in the mail to ${email}: ${text}`);
      return { token: link[1], url: link[0], subject: newest?.subject ?? '', text, html: newest?.html || '' };
    },
    async startWorker() {
      const bundle = process.env['USHER_TEST_WORKFLOW_BUNDLE'];
      running ??= await startWorker(readWorkerSettings(env), {
        ...surroundings,
        ...(bundle && { workflowBundle: bundle }),
        relay: { pollMs: 200 },
        heartbeatMs,
        sendLimits,
      });
    },
    async stopWorker() {
      const current = running;
      running = null;
      await current?.stop();
    },
    async stop() {
      await usher.stopWorker();
      await server.stop();
      await usher.owner.destroy();
      await connection.close();
      await mail.stop();
      await database.drop();
    },
  };
  if (worker) await usher.startWorker();
  return usher;
}

/** Asks again until the answer satisfies, for what happens in its own time; until then even asking may fail. */
export async function eventually<T>(
  ask: () => Promise<T>,
  satisfied: (answer: T) => boolean = () => true,
  timeoutMs = 150_000,
): Promise<T> {
  const until = Date.now() + timeoutMs;
  for (;;) {
    const asked = await ask().then(
      (answer) => ({ answer }),
      (error: unknown) => ({ error }),
    );
    if ('answer' in asked && satisfied(asked.answer)) return asked.answer;
    if (Date.now() > until) {
      if ('error' in asked) throw asked.error;
      throw new Error(`still not so after ${timeoutMs} ms: ${JSON.stringify(asked.answer)?.slice(0, 2_000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
