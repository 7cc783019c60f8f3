import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../scripts/local/ports';
import { type LocalTemporal, startTemporal } from '../../scripts/local/temporal';
import { eventually, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

// A Temporal server of our own, that can be stopped without hurting other tests; what it knows is in a file.

let folder: string;
let port: number;
let temporal: LocalTemporal;
let usher: TestUsher;
let organization: TestOrganization;

const startServer = () =>
  startTemporal({
    cli: process.env['USHER_TEST_TEMPORAL_CLI'] ?? '',
    dbFile: join(folder, 'temporal.db'),
    logDir: folder,
    port,
    uiPort: 0,
    headless: true,
    namespace: 'default',
    say: () => undefined,
  });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'usher-temporal-'));
  chmodSync(folder, 0o755);
  port = await freePort();
  temporal = await startServer();
  process.env['USHER_TEST_TEMPORAL_ADDRESS'] = temporal.address;
  usher = await startUsher();
  organization = await usher.createOrganization();
});
afterAll(async () => {
  // The worker says goodbye to its server: it must be there.
  await usher?.stop();
  await temporal?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const mailsTo = (email: string) => usher.mail.messages.filter(({ to }) => to.includes(email));
const sent = (id: string) =>
  eventually(
    () => organization.call('GET', `/invitations/${id}`),
    ({ body }) => body.delivery.status === 'sent',
    45_000,
  );

test('while Temporal is down invitations are taken and answered; once it is back they start and their mails go out, once', async () => {
  const before = await organization.invite({ email: 'before@example.com' });
  await sent(before.id as string);
  await temporal.stop();

  const created = await Promise.all(
    ['one', 'two', 'three'].map((name) => organization.invite({ email: `${name}@example.com` })),
  );
  // Answering does not wait for Temporal either.
  const { token } = await usher.linkFor('before@example.com');
  const declined = await usher.call('POST', `/v1/invitation-tokens/${token}/decline`, {}, { key: null });
  expect(declined.status).toBe(200);
  const ready = await usher.call('GET', '/readyz');
  expect(ready).toMatchObject({
    status: 503,
    body: { status: 'failing', checks: { database: 'ok', migrations: 'ok', temporal: 'failing' } },
  });
  expect((await usher.call('GET', '/healthz')).status).toBe(200);
  expect(usher.mail.messages).toHaveLength(1);

  temporal = await startServer();
  for (const { id } of created) await sent(id as string);
  for (const { email } of created) expect(mailsTo(email as string)).toHaveLength(1);
  // The answer given meanwhile reaches its workflow, too.
  const result = await usher.temporal.workflow.getHandle(before.workflowId as string).result();
  expect(result).toEqual({ status: 'declined' });
  await eventually(
    () => usher.owner('invitation_outbox'),
    (rows) => rows.length === 0,
  );
  await eventually(
    () => usher.call('GET', '/readyz'),
    ({ status }) => status === 200,
  );
});

test('a command answers before Temporal has been told: a server that hangs holds nobody up', async () => {
  // SIGSTOP: the port is open, and nobody is there.
  process.kill(temporal.pid, 'SIGSTOP');
  let created: { id: string };
  try {
    created = (await organization.invite({ email: 'hung@example.com' })) as { id: string };
    expect(created).toMatchObject({ status: 'pending', delivery: { status: 'queued' } });
    // By the database's clock: the answer came while the API was still trying.
    const { rows } = await usher.owner.raw<{ rows: unknown[] }>(
      'select lease_until > usher_now() as trying from invitation_outbox where invitation_id = ?',
      [created.id],
    );
    expect(rows).toEqual([{ trying: true }]);
  } finally {
    process.kill(temporal.pid, 'SIGCONT');
  }
  await sent(created.id);
  expect(mailsTo('hung@example.com')).toHaveLength(1);
});
