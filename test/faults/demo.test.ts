import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../scripts/local/ports';
import { build, endLeftProcesses, http, startProcess } from './processes';

// `npm start -- --demo` as people use it, in a fresh data folder.

const readyLine = /^Usher is ready: (\S+)$/m;
let folder: string;
let url: string;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  await build();
  folder = mkdtempSync(join(tmpdir(), 'usher-demo-'));
  chmodSync(folder, 0o755);
  const port = String(await freePort());
  url = `http://localhost:${port}`;
  env = {
    USHER_DATA_DIR: folder,
    PORT: port,
    USHER_POSTGRES_PORT: String(await freePort()),
    USHER_TEMPORAL_PORT: String(await freePort()),
    USHER_TEMPORAL_UI_PORT: String(await freePort()),
    USHER_MAILBOX_PORT: String(await freePort()),
    TEMPORAL_CLI_PATH: process.env['USHER_TEST_TEMPORAL_CLI'],
  };
});
afterEach(() => endLeftProcesses());
afterAll(() => folder && rmSync(folder, { recursive: true, force: true }));

interface Kept {
  password: string;
  made: {
    organizations: { id: string; preset: string; name: string }[];
    signIns: { who: string; email: string; code: boolean }[];
  };
}

const start = async () => {
  const running = startProcess('scripts/start.js', env, readyLine, ['--demo']);
  await running.ready;
  return running;
};
const kept = () => JSON.parse(readFileSync(join(folder, 'demo.json'), 'utf8')) as Kept;

/** Everything that lists say, organization by organization. */
async function everything() {
  const key = readFileSync(join(folder, 'platform-key'), 'utf8').trim();
  const of = async (id: string, what: string) =>
    (await http('GET', `${url}/v1/organizations/${id}/${what}?limit=200`, { key })).body.items;
  return Promise.all(
    kept().made.organizations.map(async ({ id, preset }) => ({
      preset,
      invitations: await of(id, 'invitations'),
      users: await of(id, 'users'),
      groups: await of(id, 'groups'),
      log: await of(id, 'guest-log'),
      guests: await of(id, 'guests'),
      keys: await of(id, 'api-keys'),
      suppressed: await of(id, 'suppressed-addresses'),
    })),
  );
}

type Everything = Awaited<ReturnType<typeof everything>>[number];
type Fields = Record<string, unknown>;

/** All of it but what goes on while nobody does anything: the next step, and who was let in by hand is so until midnight. */
function withoutTime({ invitations, users, guests, ...rest }: Everything) {
  const still = ({ status, ...user }: Fields): Fields =>
    user['reactivationDeadline'] === null ? { ...user, status } : user;
  return {
    ...rest,
    invitations: (invitations as Fields[]).map(({ nextStep: _, ...invitation }) => invitation),
    users: (users as Fields[]).map(still),
    guests: (guests as Fields[]).map(still),
  };
}

test('the demo has one organization per preset, with people in every state, and is made once', async () => {
  const running = await start();
  const output = running.output();
  expect(output.trimEnd().split('\n').at(-1)).toBe(`Usher is ready: ${url}`);
  const { password, made } = kept();
  expect(output).toContain(password);
  for (const { email } of made.signIns) expect(output).toContain(email);
  expect(output).toContain(`in the mailbox: http://localhost:${env['USHER_MAILBOX_PORT']}`);

  const all = await everything();
  const key = readFileSync(join(folder, 'platform-key'), 'utf8').trim();
  expect(all.map(({ preset }) => preset).sort()).toEqual(
    ['21-days', '28-days', 'create-user', 'guest-portal', 'licensed-guests'].sort(),
  );
  const invitations = all.flatMap((organization) => organization.invitations);
  const users = all.flatMap((organization) => organization.users);
  expect(new Set(invitations.map(({ status }) => status))).toEqual(
    new Set(['draft', 'pending', 'accepted', 'declined', 'cancelled', 'expired']),
  );
  expect(new Set(users.map(({ status }) => status))).toEqual(
    new Set(['invited', 'active', 'inactive', 'deactivated', 'suspended']),
  );
  expect(new Set(invitations.map(({ kind }) => kind))).toEqual(new Set(['member', 'guest']));
  expect(new Set(invitations.map(({ role }) => role))).toEqual(new Set(['member', 'staff', 'administrator']));
  // Refused by the mail server, and told why.
  const [refused] = invitations.filter(({ delivery }) => delivery.status === 'failed');
  expect(refused.delivery.detail).toMatch(/^550 5\.1\.1/);
  expect(invitations.filter(({ email, status }) => email === null && status === 'pending')).toHaveLength(1);
  expect(invitations.filter(({ generation }) => generation > 1).length).toBeGreaterThanOrEqual(2);
  // Reminded, once, and that not again before long.
  const weeks = made.organizations.find(({ preset }) => preset === '21-days')?.id;
  const reminders = (await http('GET', `${url}/v1/organizations/${weeks}/emails?type=invitation-reminder`, { key }))
    .body.items;
  expect(reminders).toMatchObject([{ status: 'sent', to: 'clementine@copperleaf.example.com' }]);
  const [reminded] = invitations.filter(({ email }) => email === 'clementine@copperleaf.example.com');
  expect([reminded.status, reminded.nextStep.action]).toEqual(['pending', 'expire']);
  expect(invitations.filter(({ message }) => message !== null).length).toBeGreaterThanOrEqual(3);
  expect(invitations.some(({ additionalOrganizationIds }) => additionalOrganizationIds.length > 0)).toBe(true);
  expect(users.filter(({ accessEndsAt }) => accessEndsAt !== null)).toHaveLength(1);
  expect(users.filter(({ reactivationDeadline }) => reactivationDeadline !== null)).toHaveLength(1);
  const groups = all.flatMap((organization) => organization.groups);
  expect(new Set(groups.map(({ visibility }) => visibility))).toEqual(new Set(['open', 'private', 'secret']));
  const reasons = all.flatMap(({ log }) => log.map(({ reason }: { reason: string }) => reason));
  expect(new Set(reasons)).toEqual(new Set(['accepted', 'removed', 'suspended']));
  // Every screen of every organization shows something.
  for (const { preset, guests, log, keys, suppressed } of all) {
    const found = {
      preset,
      guests: new Set((guests as Fields[]).map(({ status }) => status)),
      log: log.length > 0,
      keys: (keys as Fields[]).every(({ name }) => name) && keys.length > 0,
      suppressed: new Set((suppressed as Fields[]).map(({ reason }) => reason)),
    };
    expect(found).toMatchObject({ preset, log: true, keys: true, suppressed: new Set(['bounce']) });
    expect(['active', 'inactive'].filter((status) => !found.guests.has(status))).toEqual([]);
  }
  // The secrets of keys are nowhere; the platform's is not one of them.
  const secret = /usher_(?!platform_)[\w-]{40,}/;
  expect([secret.test(output), secret.test(readFileSync(join(folder, 'demo.json'), 'utf8'))]).toEqual([false, false]);
  // One guest in three organizations.
  const counts = users.filter(({ email, status }) => email === 'guest@example.org' && status === 'active');
  expect(counts).toHaveLength(3);
  for (const { email } of [...invitations, ...users])
    expect(email ?? 'nobody@example.com').toMatch(/[@.]example\.(com|org)$/);
  // What was arranged for the sake of time is as the preset has it.
  for (const { id, preset } of made.organizations) {
    const policy = (await http('GET', `${url}/v1/organizations/${id}/policy`, { key })).body;
    expect(policy.invitationLifetime).toBe(preset === '21-days' ? 'P21D' : 'P28D');
  }

  // The sign-ins that are printed are good; where a code is asked for as well, that was said.
  for (const { email, code } of made.signIns) {
    const { status, body } = await http('POST', `${url}/v1/auth/sign-in`, { body: { login: email, password } });
    expect([email, status, body.status]).toEqual([email, 200, code ? 'two-factor-required' : 'signed-in']);
  }
  expect(await running.end('SIGTERM')).toMatchObject({ code: 0, stderr: '' });

  const again = await start();
  expect(again.output()).toContain(password);
  expect((await everything()).map(withoutTime)).toEqual(all.map(withoutTime));
  expect(await again.end('SIGTERM')).toMatchObject({ code: 0, stderr: '' });
});

test('what npm start does not know, and a demo whose mail would go to a real server, is refused at once', async () => {
  const ended = await startProcess('scripts/start.js', { ...env, SMTP_URL: 'smtp://mail.example.com' }, readyLine, [
    '--demo',
    '--demonstrate',
  ]).exited;
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain('"--demonstrate" is not known');
  expect(ended.stderr).toContain('unset SMTP_URL');
});
