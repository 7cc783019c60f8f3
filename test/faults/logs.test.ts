import { randomBytes } from 'node:crypto';
import { eventually, goodPassword, startUsher, type TestUsher } from '../support/usher';
import { build, endLeftProcesses, http, startApi, startWorkerProcess } from './processes';

// Everything that people do, and much that goes wrong, with both processes at their most talkative.

let usher: TestUsher;
beforeAll(async () => {
  await build();
  usher = await startUsher({ worker: false });
});
afterEach(() => endLeftProcesses());
afterAll(() => usher.stop());

test('the logs of API and worker hold no token, password, address, name or key, whatever happens', async () => {
  const secret = randomBytes(32).toString('base64');
  const env = { ...usher.env, USHER_SECRET: `test:${secret}`, USHER_LOG_LEVEL: 'debug' };
  const [api, worker] = await Promise.all([startApi(env), startWorkerProcess(env)]);
  const url = (path: string) => `${api.url}${path}`;
  const platform = { key: usher.platformKey };
  const forbidden = new Map<string, string>([
    ['platform key', usher.platformKey],
    ['secret', secret],
    ['good password', goodPassword],
    ['password of the database', new URL(usher.database.url).password],
  ]);
  const forbid = (what: string, value: string) => {
    forbidden.set(what, value);
    return value;
  };

  // An organization and its key.
  const created = await http('POST', url('/v1/organizations'), {
    ...platform,
    body: {
      name: forbid('organization', 'Zwiebelkuchen & Co'),
      preset: '28-days',
      timeZone: 'Europe/Berlin',
      locale: 'en',
    },
  });
  const organization = created.body.id as string;
  const key = forbid(
    'API key',
    (await http('POST', url(`/v1/organizations/${organization}/api-keys`), { ...platform, body: { name: 'Logbuch' } }))
      .body.key as string,
  );
  const call = (method: string, path: string, body?: unknown, headers?: Record<string, string>) =>
    http(method, url(`/v1/organizations/${organization}${path}`), { key, body, ...(headers && { headers }) });
  const invite = async (name: string, extra: object = {}) => {
    const email = forbid(`address of ${name}`, `${name}-quittenmus@example.com`);
    const reply = await call('POST', '/invitations', { email, ...extra });
    expect(reply.status).toBe(201);
    return { email, id: reply.body.id as string };
  };
  const tokenFor = async (email: string, count = 1) =>
    forbid(`token ${count} of ${email}`, (await usher.linkFor(email, count)).token);

  // Accepting by JSON: a weak password first, then a good one, then once more.
  const accepting = await invite('accepting', {
    firstName: forbid('first name', 'Walpurga'),
    lastName: forbid('last name', 'Hinterhuber'),
    username: forbid('username', 'walpi.hinterhuber'),
    message: forbid('message', 'Bis bald im Heuschober'),
    externalId: forbid('external id', 'personal-4711-geheim'),
  });
  const acceptToken = await tokenFor(accepting.email);
  const accept = (password: string) =>
    http('POST', url(`/v1/invitation-tokens/${acceptToken}/accept`), { body: { password } });
  expect((await http('GET', url(`/v1/invitation-tokens/${acceptToken}`))).status).toBe(200);
  expect((await accept(forbid('weak password', 'Butterbrot'))).status).toBe(400);
  expect((await accept(goodPassword)).status).toBe(200);
  expect((await accept(goodPassword)).status).toBe(410);

  // Declining on the page, as a browser does it.
  const declining = await invite('declining');
  const declineToken = await tokenFor(declining.email);
  const landed = await http('GET', url(`/invitations/${declineToken}`));
  expect(landed.status).toBe(303);
  const cookie = (landed.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  const page = landed.headers.get('location') ?? '';
  const form = (path: string, fields: Record<string, string>) =>
    fetch(url(`${page}${path}`), {
      method: 'POST',
      redirect: 'manual',
      headers: { Cookie: cookie },
      body: new URLSearchParams(fields),
    });
  expect((await http('GET', url(page), { headers: { Cookie: cookie } })).status).toBe(200);
  const weak = forbid('weak password on the page', 'Sauerkraut');
  expect((await form('/accept', { password: weak, firstName: 'Walpurga' })).status).toBe(400);
  const reason = forbid('reason', 'Keine Lust auf Kartoffelsalat');
  expect((await form('/decline', { confirm: 'yes', reason })).status).toBe(303);

  // Bad tokens, foreign keys, bad bodies.
  const badToken = forbid('forged token', `${acceptToken.slice(0, 40)}${'A'.repeat(acceptToken.length - 40)}`);
  expect((await http('GET', url(`/v1/invitation-tokens/${badToken}`))).status).toBe(404);
  expect((await http('GET', url(`/invitations/${badToken}`))).status).toBe(404);
  const badKey = forbid('wrong key', 'usher_wrong_key_that_nobody_has_ever_had');
  expect((await http('GET', url(`/v1/organizations/${organization}/users`), { key: badKey })).status).toBe(401);
  const badAddress = forbid('bad address', 'zwei@example.com, drei@example.com');
  expect((await call('POST', '/invitations', { email: badAddress })).status).toBe(400);
  const query = forbid('search', 'walpurga-suche');
  expect((await call('GET', `/users?q=${query}`)).status).toBe(200);
  expect((await call('GET', '/nothing-here/geheimpfad')).status).toBe(404);
  forbid('unknown path', 'geheimpfad');
  const broken = await fetch(url(`/v1/organizations/${organization}/invitations`), {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: `{"email": "${forbid('half a body', 'halb-und-halb@example.com')}"`,
  });
  expect(broken.status).toBe(400);

  // Correcting, resending, the same twice, a link by hand.
  const wrong = await invite('wrong');
  usher.mail.respond = ({ stage, to }) =>
    stage === 'RCPT' && to[0]?.startsWith('refused')
      ? { code: 550, text: `5.1.1 <${to[0]}> does not live here` }
      : stage === 'RCPT' && to[0]?.startsWith('later')
        ? { code: 451, text: `4.2.0 <${to[0]}> is asleep` }
        : 'accept';
  const right = forbid('corrected address', 'right-quittenmus@example.com');
  expect((await call('PATCH', `/invitations/${wrong.id}`, { email: right })).status).toBe(200);
  await tokenFor(right);
  expect((await call('POST', `/invitations/${wrong.id}/resend`)).status).toBe(200);
  await tokenFor(right, 2);
  const idempotency = { 'Idempotency-Key': forbid('idempotency key', 'schluessel-zum-gartenhaus') };
  const twice = { email: forbid('address of twice', 'twice-quittenmus@example.com') };
  expect((await call('POST', '/invitations', twice, idempotency)).status).toBe(201);
  expect((await call('POST', '/invitations', twice, idempotency)).status).toBe(201);
  expect((await call('POST', '/invitations', twice)).status).toBe(409);
  const byHand = await call('POST', `/invitations/${wrong.id}/link`);
  forbid('token by hand', (byHand.body.url as string).split('/').at(-1) ?? '');

  // What the mail server says names people; and a run that is signalled by an operator in vain.
  const refused = await invite('refused');
  const later = await invite('later');
  const delivery = async ({ id }: { id: string }) => (await call('GET', `/invitations/${id}`)).body.delivery;
  expect(
    (
      await eventually(
        () => delivery(refused),
        ({ status }) => status === 'failed',
      )
    ).detail,
  ).toContain(refused.email);
  await eventually(
    () => delivery(later),
    ({ detail }) => Boolean(detail),
  );
  // A failure inside: the database refuses what the worker and the API ask.
  await usher.owner.raw('alter table emails rename to emails_away');
  await usher.owner.raw('alter table groups rename to groups_away');
  const unlucky = await call('POST', '/invitations', {
    email: forbid('address of unlucky', 'unlucky-quittenmus@example.com'),
    kind: 'guest',
    firstName: 'Walpurga',
  });
  expect(unlucky.status).toBe(500);
  const stuck = await invite('stuck');
  await eventually(
    () => Promise.resolve(worker.output()),
    (output) => output.includes('a step failed') && output.includes(stuck.id),
  );
  await usher.owner.raw('alter table emails_away rename to emails');
  await usher.owner.raw('alter table groups_away rename to groups');
  await eventually(
    () => delivery(stuck),
    ({ status }) => status === 'sent',
  );

  const outputs = [await api.end(), await worker.end()];
  for (const { code } of outputs) expect(code).toBe(0);
  const output = outputs.map((ended) => ended.output).join('\n');
  // They did talk.
  expect(output).toContain('/v1/invitation-tokens/{token}/accept');
  expect(output).toContain('a step failed');
  const found = [...forbidden].filter(([, value]) =>
    [value, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)].some((form) => output.includes(form)),
  );
  expect(found.map(([what]) => what)).toEqual([]);
  expect(output).not.toMatch(/[\w.-]+@(?:example\.com|usher\.test)/);
  expect(output).not.toMatch(/Walpurga|Hinterhuber/i);
});
