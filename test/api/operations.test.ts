import { connect } from 'node:net';
import { expectProblem } from '../support/problem';
import { goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';
import { tokenOf } from '../support/token';

let usher: TestUsher;
let organization: TestOrganization;
const ids: string[] = [];
beforeAll(async () => {
  usher = await startUsher({ worker: false, env: { USHER_RATE_LIMITS: 'on' } });
  organization = await usher.createOrganization({ name: 'Zauberberg' });
  const invitation = await organization.invite({ email: 'hans@operations.test', username: 'castorp' });
  const token = tokenOf(usher, invitation);
  await usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password: goodPassword }, { key: null });
  await usher.call('GET', `/v1/organizations/${organization.id}/users/${invitation.id}`);
  ids.push(
    organization.id,
    invitation.id as string,
    token,
    'hans@operations',
    'castorp',
    'Zauberberg',
    organization.key,
  );
});
afterAll(() => usher.stop());

const open = (path: string) => usher.call('GET', path, undefined, { key: null });

test('/healthz says that the process lives', async () => {
  expect(await open('/healthz')).toMatchObject({ status: 200, body: { status: 'ok' } });
});

test('/readyz answers for database, migrations and Temporal, and says what workers say of the mail server', async () => {
  const checks = { database: 'ok', migrations: 'ok', temporal: 'ok', mail: 'unknown' };
  expect(await open('/readyz')).toMatchObject({ status: 200, body: { status: 'ok', checks } });
});

test('/readyz is 503 while a migration is missing', async () => {
  const { rows } = await usher.owner.raw<{ rows: { name: string }[] }>('delete from knex_migrations returning *');
  try {
    const answer = await open('/readyz');
    expect(answer).toMatchObject({ status: 503, body: { checks: { database: 'ok', migrations: 'failing' } } });
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
  } finally {
    await usher.owner('knex_migrations').insert(rows);
  }
  expect((await open('/readyz')).status).toBe(200);
});

test('/metrics counts by route and status, without any id, name or token', async () => {
  const { status, text } = await open('/metrics');
  expect(status).toBe(200);
  expect(text).toMatch(
    /usher_http_request_duration_seconds_count\{method="POST",route="[^"]*\/accept",status="200"\} 1/,
  );
  expect(text).toMatch(/route="\/v1\/organizations\/\{organizationId\}\/users\/\{id\}",status="404"/);
  expect(text).toMatch(/^usher_outbox_waiting \d+$/m);
  for (const id of ids) expect(text).not.toContain(id);
  expect(text).not.toMatch(/[0-9a-f]{8}-[0-9a-f]{4}-/);
});

test('addresses that nobody serves do not become metrics', async () => {
  await open('/wp-login.php');
  await open(`/v1/organizations/${organization.id}/secrets`);
  const { text } = await open('/metrics');
  expect(text).not.toContain('wp-login');
  expect(text).not.toContain('secrets');
  expect(text).toContain('route="other",status="404"');
});

test('/docs shows the API without anything from elsewhere, and nobody’s data', async () => {
  const page = await open('/docs');
  expect(page.status).toBe(200);
  // Its own styles and nothing else more than other pages have. // decision 26
  const policy = (page.headers['content-security-policy'] ?? '').split('; ');
  expect(policy).toEqual(
    expect.arrayContaining([
      "default-src 'self'",
      "style-src 'self' 'unsafe-inline'",
      ...["frame-src 'none'", "object-src 'none'", "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'"],
    ]),
  );
  const assets = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address ?? '');
  expect(assets.length).toBeGreaterThan(1);
  for (const asset of assets) {
    expect(asset).toMatch(/^\//);
    expect((await open(asset)).status).toBe(200);
  }
  for (const id of ids) expect(page.text).not.toContain(id);
});

test('what is not there is a problem, too, and says nothing of what is', async () => {
  for (const [method, path] of [
    ['GET', '/v1'],
    ['GET', '/v1/nothing'],
    ['PUT', '/v1/organizations'],
    ['DELETE', `/v1/organizations/${organization.id}`],
    ['POST', '/nothing'],
    ['GET', '/assets/../package.json'],
    ['GET', '/assets/nothing.js'],
  ] as const)
    expectProblem(await usher.call(method, path), 'NOT_FOUND');
});

test('answers carry a request id, and no word about what serves them', async () => {
  const given = await usher.call('GET', '/healthz', undefined, { headers: { 'X-Request-Id': 'trace-me-12345' } });
  expect(given.headers['x-request-id']).toBe('trace-me-12345');
  const made = await usher.call('GET', '/v1/nothing', undefined, { headers: { 'X-Request-Id': '<script>' } });
  expect(made.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
  expect(made.body.requestId).toBe(made.headers['x-request-id']);
  expect(made.headers['x-powered-by']).toBeUndefined();
  expect(made.headers['server']).toBeUndefined();
});

test('the Host header has no say in any link', async () => {
  const draft = await organization.invite({ email: 'host@operations.test', send: false });
  const path = `/v1/organizations/${organization.id}/invitations/${draft.id}/link`;
  const { body } = await usher.call('POST', path, undefined, {
    headers: { Host: 'evil.test', 'X-Forwarded-Host': 'evil.test' },
  });
  expect(body.url).toMatch(/^http:\/\/usher\.test\/invitations\//);
});

test('a request that is no HTTP gets 400 and nothing more', async () => {
  const answer = await new Promise<string>((resolve, reject) => {
    const socket = connect(Number(new URL(usher.url).port), '127.0.0.1', () => socket.end('HELLO\r\n\r\n'));
    let text = '';
    socket.on('data', (chunk) => (text += chunk.toString()));
    socket.on('close', () => resolve(text));
    socket.on('error', reject);
  });
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request/);
});

test('one caller’s requests are counted: over the limit 429 with Retry-After, and others are not concerned', async () => {
  const other = await usher.createOrganization();
  await organization.call('GET', '');
  // As if this caller had asked as often as anybody may.
  const { rowCount } = await usher.owner.raw<{ rowCount: number }>(
    `update rate_limits set points = 1000000 where key = (
       select key from rate_limits where key like 'caller:api-key:%' order by expire limit 1)`,
  );
  expect(rowCount).toBe(1);
  const answers = [await organization.call('GET', ''), await other.call('GET', '')];
  const limited = answers.find(({ status }) => status === 429);
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 429]);
  if (!limited) throw new Error('unreachable');
  expectProblem(limited, 'TOO_MANY_REQUESTS');
  expect(Number(limited.headers['retry-after'])).toBeGreaterThan(0);
});

// Last: after this, every key of this address waits.
test('who guesses keys waits: 429 with Retry-After, and no key of theirs is looked up meanwhile', async () => {
  const guess = () => usher.call('GET', `/v1/organizations/${organization.id}`, undefined, { key: 'guess'.repeat(8) });
  const statuses: number[] = [];
  let last = await guess();
  while (last.status === 401 && statuses.length < 2_000) {
    statuses.push(last.status);
    last = await guess();
  }
  expectProblem(last, 'TOO_MANY_REQUESTS');
  expect(Number(last.headers['retry-after'])).toBeGreaterThan(0);
  expect(statuses.length).toBeGreaterThan(100);
  // Else the answer would tell a guess that is right.
  expectProblem(await organization.call('GET', ''), 'TOO_MANY_REQUESTS');
});
