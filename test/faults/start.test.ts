import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { identifyProcess } from '../../scripts/local/process-identity';
import { freePort } from '../../scripts/local/ports';
import { eventually, goodPassword } from '../support/usher';
import { build, endLeftProcesses, http, type StartedProcess, startProcess } from './processes';

// `npm start` as people use it: PostgreSQL, Temporal, mailbox, API and worker of its own, in a fresh data folder.

const readyLine = /^Usher is ready: (\S+)$/m;

interface Instance {
  folder: string;
  env: NodeJS.ProcessEnv;
  url: string;
}

const folders: string[] = [];
async function newInstance(): Promise<Instance> {
  const folder = mkdtempSync(join(tmpdir(), 'usher-start-'));
  // The database's user must be able to enter it.
  chmodSync(folder, 0o755);
  folders.push(folder);
  const port = String(await freePort());
  return {
    folder,
    url: `http://localhost:${port}`,
    env: {
      USHER_DATA_DIR: folder,
      PORT: port,
      USHER_POSTGRES_PORT: String(await freePort()),
      USHER_TEMPORAL_PORT: String(await freePort()),
      USHER_TEMPORAL_UI_PORT: String(await freePort()),
      USHER_MAILBOX_PORT: String(await freePort()),
      // The server that the other tests use: nothing to be downloaded or built here.
      TEMPORAL_CLI_PATH: process.env['USHER_TEST_TEMPORAL_CLI'],
    },
  };
}

async function start({ env }: Instance): Promise<StartedProcess> {
  const running = startProcess('scripts/start.js', env, readyLine);
  await running.ready;
  return running;
}

/** What this run has started, by its own record. */
function recorded({ folder }: Instance): number[] {
  const { processes } = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as { processes: { pid: number }[] };
  return processes.map(({ pid }) => pid);
}

async function killAll(instance: Instance, running: StartedProcess): Promise<void> {
  const pids = recorded(instance);
  expect(pids).toHaveLength(4);
  // PostgreSQL's own children go when they notice that the first of them is gone.
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await running.end('SIGKILL');
}

const gone = (pids: number[]) =>
  eventually(
    () => Promise.resolve(pids.filter((pid) => identifyProcess(pid) !== null)),
    (left) => left.length === 0,
  );

const platformKey = ({ folder }: Instance) => readFileSync(join(folder, 'platform-key'), 'utf8').trim();
const call = (instance: Instance, method: string, path: string, body?: unknown) =>
  http(method, `${instance.url}${path}`, { key: platformKey(instance), body });

async function createOrganization(instance: Instance): Promise<string> {
  const created = await call(instance, 'POST', '/v1/organizations', {
    name: 'Acme',
    preset: '28-days',
    timeZone: 'Europe/Berlin',
    locale: 'en',
  });
  expect(created.status).toBe(201);
  return created.body.id as string;
}

async function invite(instance: Instance, organization: string, email: string): Promise<string> {
  const created = await call(instance, 'POST', `/v1/organizations/${organization}/invitations`, { email });
  expect(created.status).toBe(201);
  return created.body.id as string;
}

/** By the mailbox's own API, the one of Mailpit. */
async function mailsTo({ env }: Instance, email: string): Promise<string[]> {
  const mailbox = `http://localhost:${env['USHER_MAILBOX_PORT']}/api/v1`;
  const found = await http('GET', `${mailbox}/search?query=${encodeURIComponent(`to:${email}`)}`);
  const ids = (found.body.messages as { ID: string }[]).map(({ ID }) => ID);
  return Promise.all(ids.map(async (id) => (await http('GET', `${mailbox}/message/${id}`)).body.Text as string));
}

async function linkFor(instance: Instance, email: string): Promise<string> {
  const mails = await eventually(
    () => mailsTo(instance, email),
    ({ length }) => length > 0,
  );
  expect(mails).toHaveLength(1);
  const token = new RegExp(`${instance.url}/invitations/([\\w-]+)`).exec(mails[0] ?? '')?.[1];
  return token ?? '';
}

const accept = (instance: Instance, token: string) =>
  http('POST', `${instance.url}/v1/invitation-tokens/${token}/accept`, { body: { password: goodPassword } });

beforeAll(() => build());
afterEach(() => endLeftProcesses());
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

test('what was accepted is there after a stop, and after kill -9 of everything; open invitations go on', async () => {
  const instance = await newInstance();
  let running = await start(instance);
  expect(running.output()).toMatch(readyLine);
  expect(running.output().trimEnd().split('\n').at(-1)).toBe(`Usher is ready: ${instance.url}`);
  const organization = await createOrganization(instance);
  const users = async () =>
    (await call(instance, 'GET', `/v1/organizations/${organization}/users`)).body.items as {
      email: string;
      status: string;
    }[];

  await invite(instance, organization, 'ada@example.com');
  expect((await accept(instance, await linkFor(instance, 'ada@example.com'))).status).toBe(200);
  const pids = recorded(instance);
  const stopped = await running.end('SIGTERM');
  expect(stopped).toMatchObject({ code: 0, signal: null, stderr: '' });
  await gone(pids);

  // The second life: the account is there, the key and the links are the same, invitations open then are run.
  running = await start(instance);
  expect(await users()).toMatchObject([{ email: 'ada@example.com', status: 'active' }]);
  const policy = await call(instance, 'PATCH', `/v1/organizations/${organization}/policy`, {
    invitationLifetime: 'PT25S',
  });
  expect(policy.status).toBe(200);
  const expiring = await invite(instance, organization, 'late@example.com');
  await linkFor(instance, 'late@example.com');
  await call(instance, 'PATCH', `/v1/organizations/${organization}/policy`, { invitationLifetime: 'P28D' });
  await invite(instance, organization, 'open@example.com');
  const token = await linkFor(instance, 'open@example.com');
  // Committed in the very moment before the end: its mail may not have gone out.
  const sudden = await invite(instance, organization, 'sudden@example.com');
  await killAll(instance, running);

  // The third life.
  running = await start(instance);
  expect((await accept(instance, token)).status).toBe(200);
  const show = async (id: string) =>
    (await call(instance, 'GET', `/v1/organizations/${organization}/invitations/${id}`)).body;
  await eventually(
    () => show(sudden),
    ({ delivery }) => delivery.status === 'sent',
    60_000,
  );
  const mails = await mailsTo(instance, 'sudden@example.com');
  // The same one at most twice, where the kill came between the 250 and its record.
  expect(new Set(mails).size).toBe(1);
  await eventually(
    () => show(expiring),
    ({ status }) => status === 'expired',
    60_000,
  );
  expect(await mailsTo(instance, 'late@example.com')).toHaveLength(1);
  expect(await mailsTo(instance, 'open@example.com')).toHaveLength(1);
  expect(await users()).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ email: 'ada@example.com', status: 'active' }),
      expect.objectContaining({ email: 'open@example.com', status: 'active' }),
      expect.objectContaining({ email: 'late@example.com', status: 'inactive' }),
    ]),
  );
  expect(await running.end('SIGINT')).toMatchObject({ code: 0, stderr: '' });
});

test('two of them run side by side; a second one in the same folder is told so and harms nothing', async () => {
  const [one, two] = [await newInstance(), await newInstance()];
  const [first, second] = await Promise.all([start(one), start(two)]);
  const organizations = await Promise.all([createOrganization(one), createOrganization(two)]);
  await Promise.all([
    invite(one, organizations[0], 'ada@example.com'),
    invite(two, organizations[1], 'ada@example.com'),
  ]);
  const tokens = await Promise.all([linkFor(one, 'ada@example.com'), linkFor(two, 'ada@example.com')]);
  // Each has keys, people and mails of its own.
  expect((await accept(one, tokens[1])).status).toBe(404);

  const third = await startProcess('scripts/start.js', { ...two.env, USHER_DATA_DIR: one.folder }, readyLine).exited;
  expect(third.code).toBe(1);
  expect(third.stderr).toContain(`Usher is already running in ${one.folder}`);

  // A second signal is no order to quit at once.
  const pids = recorded(one);
  process.kill(first.pid, 'SIGINT');
  expect(await first.end('SIGINT')).toMatchObject({ code: 0, signal: null });
  await gone(pids);
  expect((await accept(two, tokens[1])).status).toBe(200);
  expect(await second.end('SIGTERM')).toMatchObject({ code: 0, signal: null });
});

test('one that dies alone leaves nobody behind for the next: its own processes end, its servers are ended', async () => {
  const instance = await newInstance();
  const running = await start(instance);
  const organization = await createOrganization(instance);
  await running.end('SIGKILL');
  const again = await start(instance);
  const found = await call(instance, 'GET', `/v1/organizations/${organization}`);
  expect(found).toMatchObject({ status: 200, body: { name: 'Acme' } });

  // A part that dies takes the whole down, in order, with a word about which.
  const { processes } = JSON.parse(readFileSync(join(instance.folder, 'run.json'), 'utf8')) as {
    processes: { name: string; pid: number }[];
  };
  process.kill(processes.find(({ name }) => name === 'worker')?.pid ?? 0, 'SIGKILL');
  const ended = await again.exited;
  expect(ended.code).toBe(1);
  expect(ended.stderr).toMatch(/worker has ended unexpectedly \(signal SIGKILL\)/);
  await gone(processes.map(({ pid }) => pid));
});
