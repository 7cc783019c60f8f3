import { signedInPerson, visitor } from '../support/people';
import { eventually, goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let organization: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  organization = await usher.createOrganization({ preset: '28-days' });
});
afterAll(() => usher.stop());

const newPassword = 'Spring-Is-Here-9';
const forgot = (email: string) => usher.call('POST', '/v1/auth/forgot-password', { email }, { key: null });
const reset = (token: string, password = newPassword) =>
  usher.call('POST', '/v1/auth/reset-password', { token, password }, { key: null });

/** The token in the newest mail to this address about a password or an address. */
async function tokenFor(email: string, count: number, page = 'reset-password'): Promise<string> {
  const text = (await usher.mail.waitForMail(email, count)).at(-1)?.parsed.text ?? '';
  const [, token = ''] = new RegExp(`http://usher.test/${page}/([A-Za-z0-9_-]+)`).exec(text) ?? [];
  return token;
}

/** Until every mail that was asked for has been sent or dropped. */
const quiet = () =>
  eventually(
    () => usher.owner('account_mails').where({ status: 'queued' }),
    (rows) => rows.length === 0,
  );

const statusOf = async (email: string) =>
  (await organization.call('GET', `/users?q=${email}`)).body.items[0].status as string;

test('E8: an inactive user reactivates alone by a forgotten password, and is active with the address confirmed', async () => {
  const short = await usher.createOrganization({ preset: '28-days' }, { invitationLifetime: 'PT1S' });
  await short.invite({ email: 'late@example.com', username: 'late', role: 'staff' });
  await eventually(
    () => short.call('GET', '/users'),
    ({ body }) => body.items[0]?.status === 'inactive',
  );
  expect((await forgot('Late@Example.com')).status).toBe(202);
  const token = await tokenFor('late@example.com', 2);
  expect((await reset(token)).status).toBe(204);
  const [user] = (await short.call('GET', '/users')).body.items;
  expect(user).toMatchObject({ status: 'active', role: 'staff', username: 'late' });
  const person = visitor(usher);
  expect((await person.signIn('late', newPassword)).status).toBe(200);
  expect((await person.call('GET', '/v1/organizations/current/invitations')).status).toBe(200);
  const types = (await short.call('GET', '/audit-events')).body.items.map(({ type }: { type: string }) => type);
  expect(types).toEqual(expect.arrayContaining(['account.password-reset', 'account.reactivated']));
});

test('a reset link works once, ends all sessions, and is dead after its hour or a new address', async () => {
  const person = await signedInPerson(usher, organization, 'once@example.com');
  await forgot('once@example.com');
  const token = await tokenFor('once@example.com', 2);
  expect((await reset(token, 'weak')).body.code).toBe('WEAK_PASSWORD');
  expect((await reset(token)).status).toBe(204);
  expect(await reset(token, goodPassword)).toMatchObject({ status: 410, body: { code: 'LINK_DEAD' } });
  expect((await person.call('GET', '/v1/me')).status).toBe(401);
  expect((await person.signIn('once@example.com', newPassword)).status).toBe(200);

  await forgot('once@example.com');
  const late = await tokenFor('once@example.com', 3);
  await forgot('once@example.com');
  const readdressed = await tokenFor('once@example.com', 4);
  await usher.owner('accounts').where({ id: person.id }).update({ email: 'moved@example.com' });
  expect((await reset(readdressed)).status).toBe(410);
  await usher.owner('accounts').where({ id: person.id }).update({ email: 'once@example.com' });
  await usher.owner.raw(`create or replace function usher_now() returns timestamptz language sql volatile as
    $$ select (clock_timestamp() + interval '60 minutes')::timestamptz(3) $$`);
  expect((await reset(late)).status).toBe(410);
  await usher.owner.raw(`create or replace function usher_now() returns timestamptz language sql volatile as
    $$ select clock_timestamp()::timestamptz(3) $$`);
  expect((await reset(late)).status).toBe(204);
  for (const forged of ['', 'x', late.slice(0, -1), `${late.slice(0, 40)}A${late.slice(41)}`])
    expect((await reset(forged)).status).toBe(410);
});

test('two people at one link: one of them changes the password', async () => {
  await signedInPerson(usher, organization, 'race@example.com');
  await forgot('race@example.com');
  const token = await tokenFor('race@example.com', 2);
  const answers = await Promise.all([reset(token), reset(token, 'Autumn-Is-Near-3')]);
  expect(answers.map(({ status }) => status).sort()).toEqual([204, 410]);
});

test('a forgotten password of a pending member counts as accepting; of a cancelled, declined or guest invitation it does nothing', async () => {
  const pending = await organization.invite({ email: 'pending@example.com' });
  await usher.linkFor('pending@example.com');
  await forgot('pending@example.com');
  expect((await reset(await tokenFor('pending@example.com', 2))).status).toBe(204);
  expect(await statusOf('pending@example.com')).toBe('active');
  expect((await organization.call('GET', `/invitations/${pending.id}`)).body.status).toBe('accepted');
  expect((await visitor(usher).signIn('pending@example.com', newPassword)).status).toBe(200);

  const guest = await organization.invite({ email: 'guest@example.com', kind: 'guest' });
  const cancelled = await organization.invite({ email: 'cancelled@example.com' });
  await organization.call('POST', `/invitations/${cancelled.id}/cancel`);
  await organization.invite({ email: 'declined@example.com' });
  const { token } = await usher.linkFor('declined@example.com');
  await usher.call('POST', `/v1/invitation-tokens/${token}/decline`, undefined, { key: null });
  const gone = await signedInPerson(usher, organization, 'gone@example.com');
  await usher.owner('accounts').where({ id: gone.id }).update({ status: 'deactivated' });
  const before = usher.mail.messages.length;
  for (const who of ['guest', 'cancelled', 'declined', 'gone', 'unknown'])
    expect((await forgot(`${who}@example.com`)).status).toBe(202);
  await quiet();
  const invitations = usher.mail.messages.slice(before).filter(({ raw }) => raw.includes('/invitations/'));
  expect(usher.mail.messages.length - before).toBe(invitations.length);
  expect((await organization.call('GET', `/invitations/${guest.id}`)).body.status).toBe('pending');
});

test('a link that was mailed before a cancel opens nothing after it', async () => {
  const invitation = await organization.invite({ email: 'before@example.com' });
  await usher.linkFor('before@example.com');
  await forgot('before@example.com');
  const token = await tokenFor('before@example.com', 2);
  await organization.call('POST', `/invitations/${invitation.id}/cancel`);
  expect((await reset(token)).status).toBe(410);
  expect(await statusOf('before@example.com')).toBe('inactive');
});

test('the mail is sent again until the server takes it, byte for byte the same', async () => {
  await signedInPerson(usher, organization, 'retry@example.com');
  usher.mail.respond = ({ to, attempt, stage }) =>
    stage === 'RCPT' && to[0] === 'retry@example.com' && attempt === 2 ? { code: 451, text: 'later' } : 'accept';
  await forgot('retry@example.com');
  await tokenFor('retry@example.com', 2);
  usher.mail.respond = () => 'accept';
  await quiet();
  const [row] = await usher.owner('account_mails').where({ recipient: 'retry@example.com' });
  expect(row).toMatchObject({ status: 'sent', tell_at: null });
  expect(row.attempts).toHaveLength(2);
  expect(`${row.html}${row.text}`).not.toMatch(/reset-password\//);
});

test('a new e-mail address needs the password and is confirmed there, with a notice to the old one', async () => {
  const person = await signedInPerson(usher, organization, 'old@example.com');
  const ask = (currentPassword: string, email: string) =>
    person.call('PUT', '/v1/me/email', { currentPassword, email });
  expect((await ask('wrong', 'new@example.com')).body.code).toBe('WRONG_PASSWORD');
  expect((await ask(goodPassword, 'not an address')).status).toBe(400);
  expect((await ask(goodPassword, 'new@example.com')).status).toBe(202);
  const token = await tokenFor('new@example.com', 1, 'confirm-email');
  const [, notice] = await usher.mail.waitForMail('old@example.com', 2);
  expect(notice?.parsed.text).toContain('new@example.com');
  expect((await person.call('GET', '/v1/me')).body).toMatchObject({
    email: 'old@example.com',
    pendingEmail: 'new@example.com',
  });
  const confirm = () => person.call('POST', '/v1/auth/confirm-email', { token });
  expect((await reset(token)).status).toBe(410);
  expect((await confirm()).status).toBe(204);
  expect((await confirm()).status).toBe(410);
  expect((await person.call('GET', '/v1/me')).body).toMatchObject({ email: 'new@example.com', pendingEmail: null });

  await signedInPerson(usher, organization, 'owner@example.com');
  expect((await ask(goodPassword, 'Owner@example.com')).status).toBe(202);
  await quiet();
  expect(usher.mail.messages.filter(({ raw }) => raw.includes('/confirm-email/'))).toHaveLength(1);
});

test('what is no address is refused, and every address gets the same answer', async () => {
  for (const email of ['x', 'a@b.c, d@e.f', '"q"@example.com', 'a@example.com\r\nBcc: b@example.com', 7])
    expect((await forgot(email as string)).status).toBe(400);
  const [known, unknown] = [await forgot('race@example.com'), await forgot('nobody@example.org')];
  expect([known.status, known.text]).toEqual([unknown.status, unknown.text]);
  await quiet();
  const mails = () => usher.mail.messages.filter(({ to }) => to[0] === 'race@example.com').length;
  const before = mails();
  const headers = { 'idempotency-key': 'once' };
  for (let time = 0; time < 3; time += 1)
    await usher.call('POST', '/v1/auth/forgot-password', { email: 'race@example.com' }, { key: null, headers });
  const kept = await usher.owner('idempotency_keys').where({ caller: 'invitee' });
  expect(kept).toHaveLength(1);
  await quiet();
  expect(mails()).toBe(before + 1);
});
