import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../scripts/local/ports';
import { createTestDatabase, type TestDatabase, urlWithDatabase } from '../support/database';
import { build, type Ended, endLeftProcesses, type SilentServer, startProcess, startSilentServer } from './processes';

// What a process says that cannot start, and that it ends: who deploys reads one message, not a stack.

let database: TestDatabase;
let good: NodeJS.ProcessEnv;
const occupied: SilentServer[] = [];

beforeAll(async () => {
  await build();
  database = await createTestDatabase();
  good = {
    PORT: String(await freePort()),
    DATABASE_URL: database.url,
    TEMPORAL_ADDRESS: process.env['USHER_TEST_TEMPORAL_ADDRESS'],
    TEMPORAL_NAMESPACE: 'default',
    SMTP_URL: 'smtp://127.0.0.1:1',
    USHER_MAIL_FROM: 'usher@usher.test',
    USHER_SECRET: `test:${randomBytes(32).toString('base64')}`,
    USHER_PLATFORM_KEY: `platform-${randomBytes(24).toString('hex')}`,
    USHER_LOG_LEVEL: 'info',
  };
});
afterEach(async () => {
  await endLeftProcesses();
  await Promise.all(occupied.splice(0).map((server) => server.stop()));
});
afterAll(() => database.drop());

const scripts = { api: 'api/server.js', worker: 'activities/worker.js', migrate: 'scripts/migrate.js' } as const;
const failing = (process: keyof typeof scripts, env: NodeJS.ProcessEnv): Promise<Ended> =>
  startProcess(scripts[process], { ...good, ...env }).exited;

const all = ['api', 'worker', 'migrate'] as const;
const eachAtOnce = <T>(values: readonly T[], check: (value: T) => Promise<void>) => Promise.all(values.map(check));

/** One message for people, no stack, and an exit code that stops a deployment. */
function expectMessage({ code, stderr }: Ended, ...lines: (string | RegExp)[]): void {
  expect(code).toBe(1);
  for (const line of lines) expect(stderr).toMatch(line);
  expect(stderr).not.toMatch(/^\s+at .*[:(]\d+/m);
  expect(stderr.trim()).not.toBe('');
}

describe('a missing setting', () => {
  // Each of them alone: test/config/settings.test.ts.
  test.each([
    ['api', 'USHER_PLATFORM_KEY'],
    ['worker', 'SMTP_URL'],
    ['migrate', 'DATABASE_URL'],
  ] as const)('%s says that %s is missing, and nothing else', async (process, name) => {
    const ended = await failing(process, { [name]: '' });
    expectMessage(ended);
    expect(ended.output.trim().split('\n')).toEqual([
      'Usher cannot start with these settings:',
      `  - ${name} is missing`,
    ]);
  });

  test('all that are missing are listed at once', async () => {
    const none = Object.fromEntries(Object.keys(good).map((name) => [name, '']));
    const worker = await failing('worker', none);
    expectMessage(
      worker,
      'DATABASE_URL is missing',
      'USHER_SECRET is missing',
      'SMTP_URL is missing',
      'USHER_MAIL_FROM',
    );
    const api = await failing('api', none);
    expectMessage(api, 'DATABASE_URL is missing', 'USHER_SECRET is missing', 'USHER_PLATFORM_KEY is missing');
  });
});

describe('bad settings', () => {
  const bad = {
    PORT: '70000',
    USHER_BASE_URL: 'ftp://usher.test',
    DATABASE_URL: 'mysql://root:database-secret@127.0.0.1/usher',
    USHER_SECRET: 'k1:c2hvcnQtc2VjcmV0',
    USHER_PLATFORM_KEY: 'short-platform-key',
    USHER_LOG_LEVEL: 'loud',
    SMTP_URL: 'http://mailer:smtp-secret@127.0.0.1',
    USHER_MAIL_FROM: 'a@usher.test, b@usher.test',
    USHER_RATE_LIMITS: 'maybe',
    USHER_DATABASE_POOL: '0',
  };
  const secrets = /database-secret|c2hvcnQtc2VjcmV0|short-secret|short-platform-key|smtp-secret/;

  test('the API lists every one of its own, and no value of a secret', async () => {
    const ended = await failing('api', bad);
    expectMessage(
      ended,
      ...['PORT', 'USHER_BASE_URL', 'DATABASE_URL', 'USHER_SECRET', 'USHER_PLATFORM_KEY', 'USHER_LOG_LEVEL'].map(
        (name) => new RegExp(`^  - ${name} `, 'm'),
      ),
      /^ {2}- USHER_RATE_LIMITS /m,
      /^ {2}- USHER_DATABASE_POOL /m,
    );
    expect(ended.output).not.toMatch(secrets);
  });

  test('the worker lists every one of its own, and no value of a secret', async () => {
    const ended = await failing('worker', bad);
    expectMessage(
      ended,
      ...['PORT', 'USHER_BASE_URL', 'DATABASE_URL', 'USHER_SECRET', 'SMTP_URL', 'USHER_MAIL_FROM'].map(
        (name) => new RegExp(`^  - ${name} `, 'm'),
      ),
    );
    expect(ended.output).not.toMatch(secrets);
  });

  test('migrate says what is wrong with its only one', async () => {
    const ended = await failing('migrate', bad);
    expectMessage(ended, /^ {2}- DATABASE_URL must be a URL beginning with postgres/m);
    expect(ended.output).not.toMatch(secrets);
  });
});

describe('a port that somebody else uses', () => {
  test('the API names the port and its setting', async () => {
    const server = await startSilentServer(0, '::');
    occupied.push(server);
    const ended = await failing('api', { PORT: String(server.port) });
    expectMessage(ended);
    expect(ended.stderr.trim()).toBe(`Port ${server.port} (PORT) is in use already: set PORT to a free one.`);
  });
});

describe('a Temporal that is not the right one', () => {
  const namespace = `missing-${randomUUID()}`;

  test.each(['api', 'worker'] as const)('%s: a namespace that does not exist is said in one line', async (process) => {
    const ended = await failing(process, { TEMPORAL_NAMESPACE: namespace });
    expectMessage(ended);
    expect(ended.stderr.trim()).toBe(`Temporal has no namespace ${namespace}: set TEMPORAL_NAMESPACE.`);
  });

  test('worker: an address where nobody answers is said with the address', async () => {
    const address = `127.0.0.1:${await freePort()}`;
    const ended = await failing('worker', { TEMPORAL_ADDRESS: address });
    expectMessage(ended, address, /TEMPORAL_ADDRESS/);
    expect(ended.stderr.trim().split('\n')).toHaveLength(1);
  });
});

describe('a database that is not there', () => {
  test('nobody listens', async () => {
    await eachAtOnce(all, async (process) => {
      const port = await freePort();
      const ended = await failing(process, {
        DATABASE_URL: `postgres://usher:database-secret@localhost:${port}/usher`,
      });
      expectMessage(ended, /DATABASE_URL/, String(port));
      expect(ended.output).not.toContain('database-secret');
      expect(ended.stderr.trim().split('\n')).toHaveLength(1);
    });
  });

  test('the password is wrong', async () => {
    await eachAtOnce(all, async (process) => {
      const url = new URL(database.url);
      url.password = 'database-secret';
      const ended = await failing(process, { DATABASE_URL: url.href });
      expectMessage(ended, /DATABASE_URL/, /password/);
      expect(ended.output).not.toContain('database-secret');
    });
  });

  test('there is no such database', async () => {
    await eachAtOnce(all, async (process) => {
      const ended = await failing(process, { DATABASE_URL: urlWithDatabase(database.url, 'nowhere') });
      expectMessage(ended, /DATABASE_URL/, /nowhere/);
    });
  });
});

describe('npm start', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'usher-start-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const ports = async (): Promise<NodeJS.ProcessEnv> => ({
    USHER_DATA_DIR: folder,
    PORT: String(await freePort()),
    USHER_POSTGRES_PORT: String(await freePort()),
    USHER_TEMPORAL_PORT: String(await freePort()),
    USHER_TEMPORAL_UI_PORT: String(await freePort()),
    USHER_MAILBOX_PORT: String(await freePort()),
  });
  const start = (env: NodeJS.ProcessEnv) => startProcess('scripts/start.js', env, /Usher is ready/).exited;

  test('every busy port is named with its setting, before anything is started', async () => {
    const names = [
      'PORT',
      'USHER_POSTGRES_PORT',
      'USHER_TEMPORAL_PORT',
      'USHER_TEMPORAL_UI_PORT',
      'USHER_MAILBOX_PORT',
    ];
    const env = await ports();
    for (const name of names) {
      const server = await startSilentServer();
      occupied.push(server);
      env[name] = String(server.port);
    }
    const ended = await start(env);
    expectMessage(ended, /^Usher cannot start:/m);
    for (const name of names) expect(ended.stderr).toContain(`Port ${env[name]} (${name}) is already in use`);
    expect(ended.output).not.toMatch(/Starting PostgreSQL|Starting Temporal/);
  });

  test('all bad settings are listed at once, those of the services as well, and no value of a secret', async () => {
    const ended = await start({
      ...(await ports()),
      USHER_MAILBOX_PORT: 'eight',
      USHER_TEMPORAL_PORT: '0',
      USHER_SECRET: 'k1:c2hvcnQtc2VjcmV0',
      USHER_PLATFORM_KEY: 'short-platform-key',
      SMTP_URL: 'http://mailer:smtp-secret@127.0.0.1',
      USHER_MAIL_FROM: 'nobody',
    });
    expectMessage(
      ended,
      ...['USHER_MAILBOX_PORT', 'USHER_TEMPORAL_PORT', 'USHER_SECRET', 'USHER_PLATFORM_KEY', 'SMTP_URL'].map(
        (name) => new RegExp(`^  - ${name} `, 'm'),
      ),
      /^ {2}- USHER_MAIL_FROM /m,
    );
    expect(ended.output).not.toMatch(/c2hvcnQtc2VjcmV0|short-secret|short-platform-key|smtp-secret/);
  });

  test('two settings that name the same port are told apart', async () => {
    const env = await ports();
    const ended = await start({ ...env, USHER_MAILBOX_PORT: env['PORT'] });
    expectMessage(ended, new RegExp(`Port ${env['PORT']} is asked for by both PORT and USHER_MAILBOX_PORT`));
  });

  test('a Temporal of one’s own with a wrong namespace: everything that was started is stopped again', async () => {
    const ended = await start({
      ...(await ports()),
      TEMPORAL_ADDRESS: process.env['USHER_TEST_TEMPORAL_ADDRESS'],
      TEMPORAL_NAMESPACE: 'nowhere',
      // PostgreSQL of the tests: nothing to be made first.
      DATABASE_URL: database.url,
    });
    expectMessage(ended, /Temporal has no namespace nowhere: set TEMPORAL_NAMESPACE\./);
  });
});
