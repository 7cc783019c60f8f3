import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client } from 'pg';
import { migrate } from '../../db/migrate';
import { freePort } from '../../scripts/local/ports';
import { type LocalPostgres, startPostgres } from '../../scripts/local/postgres';
import { urlWithDatabase } from '../support/database';
import type { SmtpReply } from '../support/mail-server';
import { eventually, startUsher, type TestOrganization, type TestUsher } from '../support/usher';
import { build, endLeftProcesses, http, type ApiProcess, startApi, startWorkerProcess } from './processes';

// A PostgreSQL of our own, that can be stopped without hurting other tests.

let folder: string;
let port: number;
let postgres: LocalPostgres;
let usher: TestUsher;
let organization: TestOrganization;
let api: ApiProcess;
let worker: Awaited<ReturnType<typeof startWorkerProcess>>;

const startServer = () => startPostgres({ dataDir: folder, port, say: () => undefined, durable: false });

beforeAll(async () => {
  await build();
  folder = mkdtempSync(join(tmpdir(), 'usher-postgres-'));
  chmodSync(folder, 0o755);
  port = await freePort();
  postgres = await startServer();
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  await client.query('create database usher_faults');
  // A crash of the server may lose nothing here, however little the tests care about that of the machine.
  await client.query('alter role postgres set synchronous_commit = on');
  await client.end();
  await migrate(urlWithDatabase(postgres.url, 'usher_faults'));
  process.env['USHER_TEST_PG_URL'] = postgres.url;
  process.env['USHER_TEST_PG_TEMPLATE'] = 'usher_faults';
  usher = await startUsher({ worker: false });
  organization = await usher.createOrganization();
  [api, worker] = await Promise.all([startApi(usher.env), startWorkerProcess(usher.env)]);
});
afterAll(async () => {
  await endLeftProcesses();
  await usher?.stop();
  await postgres?.stop();
  // Where the database's user cannot enter the folder, its data are outside.
  if (postgres && !postgres.clusterDir.startsWith(folder))
    rmSync(dirname(postgres.clusterDir), { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
});

const invitations = () => `${api.url}/v1/organizations/${organization.id}/invitations`;
const invite = (email: string) => http('POST', invitations(), { key: organization.key, body: { email } });
const show = (id: string) => http('GET', `${invitations()}/${id}`, { key: organization.key });
const mailsTo = (email: string) => usher.mail.messages.filter(({ to }) => to.includes(email));

test('while PostgreSQL is down callers hear 503 and when to come back; when it is back everything goes on by itself', async () => {
  const before = await invite('before@example.com');
  expect(before.status).toBe(201);
  await usher.mail.waitForMail('before@example.com');
  const { token } = await usher.linkFor('before@example.com');

  await postgres.stop();
  for (const answer of [
    await invite('meanwhile@example.com'),
    await show(before.body.id as string),
    await http('GET', `${api.url}/v1/invitation-tokens/${token}`),
  ]) {
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(answer.body).toMatchObject({ status: 503, code: 'UNAVAILABLE' });
    expect(answer.text).not.toMatch(/ECONNREFUSED|select|insert|postgres|127\.0\.0\.1/i);
  }
  const page = await http('GET', `${api.url}/invitations/${token}`, { headers: { Accept: 'text/html' } });
  expect(page.status).toBe(503);
  expect(page.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
  expect(page.text).toMatch(/<html/);
  const notReady = await http('GET', `${api.url}/readyz`);
  expect(notReady).toMatchObject({ status: 503, body: { checks: { database: 'failing', temporal: 'ok' } } });
  expect((await http('GET', `${api.url}/healthz`)).status).toBe(200);
  expect((await http('GET', `${api.url}/metrics`)).status).toBe(200);

  postgres = await startServer();
  await eventually(
    () => http('GET', `${api.url}/readyz`),
    ({ status }) => status === 200,
  );
  const after = await invite('after@example.com');
  expect(after.status).toBe(201);
  await eventually(
    () => show(after.body.id as string),
    ({ body }) => body.delivery.status === 'sent',
  );
  expect(mailsTo('after@example.com')).toHaveLength(1);
  expect(mailsTo('meanwhile@example.com')).toEqual([]);
  expect((await invite('meanwhile@example.com')).status).toBe(201);
});

test('PostgreSQL that goes away in the middle of a send: the mail is in the server’s hands, and counts as sent in the end', async () => {
  usher.mail.respond = async ({ stage, to, attempt }): Promise<SmtpReply> => {
    if (stage === 'DATA' && to.includes('torn@example.com') && attempt === 1) await postgres.stop();
    return 'accept';
  };
  const created = await invite('torn@example.com');
  expect(created.status).toBe(201);
  await usher.mail.waitForMail('torn@example.com');
  await eventually(
    () => http('GET', `${api.url}/readyz`),
    ({ status }) => status === 503,
  );
  postgres = await startServer();
  await eventually(
    () => show(created.body.id as string).catch(() => null),
    (answer) => answer?.body?.delivery?.status === 'sent',
    45_000,
  );
  const raws = new Set(mailsTo('torn@example.com').map(({ raw }) => raw));
  expect(raws.size).toBe(1);
});

test('an invitation taken just before PostgreSQL crashes is run after its recovery, once', async () => {
  // SIGQUIT: immediate shutdown, as if it had crashed; every connection is torn.
  const created = await invite('crash@example.com');
  process.kill(postgres.pid, 'SIGQUIT');
  await postgres.exited;
  postgres = await startServer();
  await eventually(
    () => show(created.body.id as string).catch(() => null),
    (answer) => answer?.body?.delivery?.status === 'sent',
    45_000,
  );
  const raws = new Set(mailsTo('crash@example.com').map(({ raw }) => raw));
  expect(raws.size).toBe(1);
});

test('neither process had to be started again, and neither has left a stack of words from inside on its standard error', async () => {
  for (const running of [api, worker]) {
    const { code, stderr } = await running.end('SIGTERM');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  }
});
