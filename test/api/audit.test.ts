import { csvField, csvLine } from '../../api/csv';
import { moved, setClock } from '../support/clock';
import { type Person, signedInPerson, visitor } from '../support/people';
import { expectProblem } from '../support/problem';
import { goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let organization: TestOrganization;
let administrator: Person;
beforeAll(async () => {
  usher = await startUsher();
  organization = await usher.createOrganization({ preset: '28-days' });
  administrator = await signedInPerson(usher, organization, 'admin@audit.test', { role: 'administrator' });
});
afterAll(() => usher.stop());
afterEach(() => setClock(usher, null));

interface Event {
  id: string;
  type: string;
  at: string;
  actor: { type: string; id: string | null; displayName: string | null };
  ip: string | null;
  userAgent: string | null;
  userId: string | null;
}
const events = async (query: string): Promise<Event[]> =>
  (await organization.call('GET', `/audit-events?limit=200&${query}`)).body.items as Event[];
const exported = (query = '') =>
  organization.call('GET', `/audit-events${query}`, undefined, { headers: { accept: 'text/csv' } });
const tokenIn = async (email: string, count: number, page: string): Promise<string> => {
  const text = (await usher.mail.waitForMail(email, count)).at(-1)?.parsed.text ?? '';
  return new RegExp(`${page}/([A-Za-z0-9_-]+)`).exec(text)?.[1] ?? '';
};

/** Fields as RFC 4180 has them, by another way than they are written. */
function parseCsv(text: string): string[][] {
  expect(text.endsWith('\r\n')).toBe(true);
  const rows: string[][] = [[]];
  const cell = /("(?:[^"]|"")*"|[^",\r\n]*)(,|\r\n)/gy;
  for (const [, raw = '', end] of text.matchAll(cell)) {
    rows.at(-1)?.push(raw.startsWith('"') ? raw.slice(1, -1).replaceAll('""', '"') : raw);
    if (end === '\r\n') rows.push([]);
  }
  return rows.slice(0, -1);
}

test('whatever a person does and suffers is written down with who did it, from where and with what', async () => {
  const browser = { 'user-agent': 'Audited/1.0' };
  const person = await signedInPerson(usher, organization, 'audited@audit.test');
  const self = (method: string, path: string, body?: unknown) => person.call(method, path, body, { headers: browser });
  const manage = (method: string, path: string, body?: unknown) =>
    administrator.call(method, `/v1/organizations/current/users/${person.id}${path}`, body, { headers: browser });
  const anybody = (path: string, body: unknown) => usher.call('POST', path, body, { key: null, headers: browser });
  const signIn = (password = goodPassword) =>
    self('POST', '/v1/auth/sign-in', { login: 'audited@audit.test', password });

  await signIn();
  await self('PATCH', '/v1/me', { firstName: 'Augusta' });
  const second = visitor(usher);
  await second.signIn('audited@audit.test');
  const sessions = (await self('GET', '/v1/me/sessions')).body.items as { id: string; current: boolean }[];
  await self('DELETE', `/v1/me/sessions/${sessions.find(({ current }) => !current)?.id ?? ''}`);
  await self('PUT', '/v1/me/email', { currentPassword: goodPassword, email: 'moved@audit.test' });
  const token = await tokenIn('moved@audit.test', 1, 'confirm-email');
  await self('POST', '/v1/auth/confirm-email', { token });
  await self('PUT', '/v1/me/email', { currentPassword: goodPassword, email: 'audited@audit.test' });
  const backToken = await tokenIn('audited@audit.test', 3, 'confirm-email');
  await self('POST', '/v1/auth/confirm-email', { token: backToken });
  await self('PUT', '/v1/me/password', { currentPassword: goodPassword, password: 'Spring-Is-Here-9' });
  await self('POST', '/v1/auth/sign-out');
  await manage('PATCH', '', { role: 'staff' });
  await manage('POST', '/reset-password');
  const resetToken = await tokenIn('audited@audit.test', 4, 'reset-password');
  await anybody('/v1/auth/reset-password', { token: resetToken, password: goodPassword });
  await manage('POST', '/deactivate');
  await manage('POST', '/activate');
  await usher.owner('accounts').where({ id: person.id }).update({ status: 'inactive' });
  await manage('POST', '/activate');
  await usher.owner('accounts').where({ id: person.id }).update({ status: 'inactive', reactivation_deadline: null });
  await anybody('/v1/auth/forgot-password', { email: 'audited@audit.test' });
  const againToken = await tokenIn('audited@audit.test', 6, 'reset-password');
  await anybody('/v1/auth/reset-password', { token: againToken, password: goodPassword });
  const before = await events(`userId=${person.id}`);
  await manage('DELETE', '');

  const own = [
    'account.signed-in',
    'account.changed',
    'account.session-ended',
    'account.email-change-requested',
    'account.email-changed',
    'account.password-changed',
    'account.signed-out',
    'account.password-reset',
    'account.reactivated',
  ];
  const managed = [
    'user.changed',
    'user.password-reset-sent',
    'user.deactivated',
    'user.activated',
    'user.reactivated',
    'user.erased',
  ];
  const written = await events(`userId=${person.id}`);
  for (const [types, actor, kept] of [
    [own, person.id, before],
    [managed, administrator.id, written],
  ] as const)
    for (const type of types) {
      const found = kept.find((event) => event.type === type && event.userAgent === 'Audited/1.0');
      expect({ type, ...found }).toMatchObject({ type, actor: { type: 'user', id: actor, displayName: null } });
      expect(found?.ip).toMatch(/^127\.0\.0\.1$|^::1$/);
    }
  expect(written.map(({ type }) => type)).toEqual(expect.arrayContaining(['invitation.sent', 'invitation.accepted']));
  // Where somebody was is forgotten with them; what an administrator did to them is not.
  const theirs = written.filter(({ actor }) => actor.id === person.id);
  expect(theirs.map(({ id }) => id)).toEqual(before.filter(({ actor }) => actor.id === person.id).map(({ id }) => id));
  expect(theirs.filter(({ ip, userAgent }) => ip !== null || userAgent !== null)).toEqual([]);
  expect(JSON.stringify(written)).not.toMatch(/Augusta|Lovelace|audit\.test|Spring-Is|argon2/);
});

test('staff and administrators read it, members, guests and other organizations do not', async () => {
  const path = `/v1/organizations/${organization.id}/audit-events`;
  const staff = await signedInPerson(usher, organization, 'staff@audit.test', { staff: true });
  const member = await signedInPerson(usher, organization, 'member@audit.test');
  const guest = await signedInPerson(usher, organization, 'guest@audit.test', { kind: 'guest' });
  const other = await usher.createOrganization();
  const stranger = await signedInPerson(usher, other, 'stranger@audit.test', { role: 'administrator' });
  for (const headers of [{ accept: 'application/json' }, { accept: 'text/csv' }] as Record<string, string>[]) {
    for (const reader of [staff, administrator])
      expect((await reader.call('GET', path, undefined, { headers })).status).toBe(200);
    for (const nobody of [member, guest])
      expectProblem(await nobody.call('GET', path, undefined, { headers }), 'FORBIDDEN');
    expectProblem(await stranger.call('GET', path, undefined, { headers }), 'NOT_FOUND');
  }
});

test('it is filtered by person, actor, type and period, the beginning included and the end not', async () => {
  const day = new Date('2031-05-05T10:00:00.000Z');
  const ids: string[] = [];
  for (const ms of [-1, 0, 1_000]) {
    await setClock(usher, moved(day, ms));
    const { id } = await organization.invite({ email: `at${ms + 1}@audit.test`, send: false });
    ids.push(id as string);
  }
  await setClock(usher, null);
  const between = async (query: string) =>
    (await events(`type=invitation.created&${query}`)).map(
      (event) => (event as unknown as Record<string, string>).invitationId,
    );
  const [from, to] = [day.toISOString(), moved(day, 1_000).toISOString()];
  expect(await between(`from=${from}`)).toEqual([ids[2], ids[1]]);
  expect(await between(`from=${from}&to=${to}`)).toEqual([ids[1]]);
  expect(await between(`from=${encodeURIComponent('2031-05-05T12:00:00+02:00')}&to=${to}`)).toEqual([ids[1]]);
  expect((await between(`to=${from}`)).slice(0, 1)).toEqual([ids[0]]);
  const acted = await events(`actorId=${administrator.id}`);
  expect(acted.length).toBeGreaterThan(0);
  expect(acted.filter(({ actor }) => actor.id !== administrator.id)).toEqual([]);
  for (const bad of ['from=yesterday', 'to=2031-05-05', 'actorId=me', 'accountId=x', 'from='])
    expect((await organization.call('GET', `/audit-events?${bad}`)).status).toBe(400);
});

test('as a table it holds every row of the filter, newest first, however many pages that are', async () => {
  const large = await usher.createOrganization({ name: 'Large' });
  await usher.owner.raw(
    `insert into audit_events (organization_id, type, actor_type, data)
     select ?, 'test.row', 'system', jsonb_build_object('n', n) from generate_series(1, 2500) as n`,
    [large.id],
  );
  const csv = (query: string) =>
    large.call('GET', `/audit-events?${query}`, undefined, { headers: { accept: 'text/csv' } });
  const reply = await csv('type=test.row&limit=10');
  expect(reply.headers).toMatchObject({
    'content-type': 'text/csv; charset=utf-8; header=present',
    'content-disposition': 'attachment; filename="audit-events.csv"',
  });
  const [header = [], ...rows] = parseCsv(reply.text);
  expect(header).toEqual('id,at,type,actorType,actorId,actorName,invitationId,userId,ip,userAgent,data'.split(','));
  expect(rows).toHaveLength(2_500);
  expect(rows.map((row) => (JSON.parse(row[10] ?? '') as { n: number }).n)).toEqual(
    Array.from({ length: 2_500 }, (_, index) => 2_500 - index),
  );
  expect(parseCsv((await csv('type=none')).text)).toEqual([header]);
  expectProblem(await csv('from=x'), 'BAD_INPUT');
  const json = await large.call('GET', '/audit-events?limit=1', undefined, { headers: { accept: '*/*' } });
  expect(json.body.items).toHaveLength(1);
});

test('nothing in the table is a formula, and what has commas, quotes and lines stays one field', async () => {
  const name = '=HYPERLINK("http://evil.test","x")';
  const { key, id } = (await organization.call('POST', '/api-keys', { name })).body as { key: string; id: string };
  const agent = '@SUM(1,1) "quoted"';
  await organization.call('PATCH', '', { name: 'Acme' }, { key, headers: { 'user-agent': agent } });
  const rows = parseCsv((await exported(`?actorId=${id}`)).text).slice(1);
  expect(rows.length).toBeGreaterThan(0);
  for (const row of rows) expect([row[5], row[9]]).toEqual([`'${name}`, `'${agent}`]);
  for (const [value, field] of [
    ['=1', "'=1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@a', "'@a"],
    ['\ta', "'\ta"],
    ['\ra', '"\'\ra"'],
    ['a=1', 'a=1'],
    ['a,b', '"a,b"'],
    ['say "a"', '"say ""a"""'],
    ['a\nb', '"a\nb"'],
    ['=a,"b"', '"\'=a,""b"""'],
    [null, ''],
    ['', ''],
  ] as const)
    expect(csvField(value)).toBe(field);
  expect(csvLine(['a', null, 1])).toBe('a,,1\r\n');
});
