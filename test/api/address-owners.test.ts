import { signedInPerson, visitor } from '../support/people';
import { expectProblem } from '../support/problem';
import { eventually, goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let home: TestOrganization;
let host: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  home = await usher.createOrganization({ preset: '28-days', name: 'Home' });
  host = await usher.createOrganization({ preset: '28-days', name: 'Host' });
});
afterAll(() => usher.stop());

const newPassword = 'Spring-Is-Here-9';
const forgot = (email: string) => usher.call('POST', '/v1/auth/forgot-password', { email }, { key: null });
const reset = (token: string) =>
  usher.call('POST', '/v1/auth/reset-password', { token, password: newPassword }, { key: null });
const quiet = () =>
  eventually(
    () => usher.owner('account_mails').where({ status: 'queued' }),
    (rows) => rows.length === 0,
  );
/** The tokens of all links for a new password that were mailed to this address. */
const resetTokens = (email: string): string[] =>
  usher.mail.messages
    .filter(({ to }) => to[0]?.toLowerCase() === email)
    .flatMap(({ parsed }) => /reset-password\/([A-Za-z0-9_-]+)/.exec(parsed.text ?? '')?.[1] ?? []);
const accountOf = (id: string) => usher.owner('accounts').first().where({ id });
const userOf = async (organization: TestOrganization, email: string) =>
  (await organization.call('GET', `/users?q=${email}`)).body.items[0];

test('the account made for an account holder gives way to theirs, with rights, groups and name free again', async () => {
  const ada = await signedInPerson(usher, home, 'ada@owner.test');
  const groups = (await usher.owner('groups').where({ organization_id: host.id })).map(({ id }) => id as string);
  const wish = { email: 'Ada@owner.test', username: 'wished', role: 'staff', permissions: ['x'], groupIds: groups };
  const { id } = await host.invite(wish);
  const placeholder = (await userOf(host, 'ada@owner.test')).id as string;
  expect(placeholder).not.toBe(ada.id);
  const done = await ada.call('POST', `/v1/me/invitations/${id}/accept`);
  expect(done).toMatchObject({ status: 200, body: { userId: ada.id } });
  expect(await userOf(host, 'ada@owner.test')).toMatchObject({
    id: ada.id,
    role: 'staff',
    status: 'active',
    groupIds: groups,
  });
  expect((await host.call('GET', `/users/${placeholder}`)).status).toBe(404);
  expect(await accountOf(placeholder)).toMatchObject({
    status: 'erased',
    username: null,
    invited_email: null,
    first_name: null,
    home_organization_id: null,
  });
  expect(await accountOf(ada.id)).toMatchObject({ home_organization_id: home.id, email: 'ada@owner.test' });
  expect(await usher.owner('invitations').first('account_id').where({ id })).toEqual({ account_id: ada.id });
  await host.invite({ email: 'next@owner.test', username: 'wished' });
});

test('who came in first as a guest is at home where they first join as member', async () => {
  const eve = await signedInPerson(usher, host, 'eve@owner.test', { kind: 'guest' });
  expect(await accountOf(eve.id)).toMatchObject({ home_organization_id: null });
  const { id } = await home.invite({ email: 'eve@owner.test' });
  expect((await eve.call('POST', `/v1/me/invitations/${id}/accept`)).status).toBe(200);
  expect(await accountOf(eve.id)).toMatchObject({ home_organization_id: home.id });
});

test('who is in already, under an address confirmed since, is told so, and the invitation stays as it is', async () => {
  const max = await signedInPerson(usher, host, 'max@owner.test');
  const { id } = await host.invite({ email: 'max.new@owner.test' });
  await usher.owner('accounts').where({ id: max.id }).update({ email: 'max.new@owner.test' });
  expectProblem(await max.call('POST', `/v1/me/invitations/${id}/accept`), 'ALREADY_MEMBER');
  expect((await host.call('GET', `/invitations/${id}`)).body.status).toBe('pending');
});

test('a link by hand is nobody’s own invitation, and a signed-in person cannot take it', async () => {
  const zoe = await signedInPerson(usher, home, 'zoe@owner.test');
  const { id } = await host.invite({ email: 'zoe@owner.test', send: false });
  const token = ((await host.call('POST', `/invitations/${id}/link`)).body.url as string).split('/').at(-1) ?? '';
  expect((await zoe.call('GET', '/v1/me/invitations')).body.items).toEqual([]);
  expect((await zoe.call('POST', `/v1/me/invitations/${id}/accept`)).status).toBe(404);
  expectProblem(await zoe.call('POST', `/v1/invitation-tokens/${token}/accept`), 'WRONG_ACCOUNT');
});

test('a forgotten password opens the invitation that the person chooses of those it may open, and proves the address', async () => {
  const email = 'several@owner.test';
  const third = await usher.createOrganization({ preset: '28-days', name: 'Third' });
  const drafted = await host.invite({ email, send: false });
  await host.call('POST', `/invitations/${drafted.id}/link`);
  await third.invite({ email, kind: 'guest' });
  const earlier = await home.invite({ email });
  const another = await usher.createOrganization({ preset: '28-days', name: 'Another' });
  const later = await another.invite({ email });
  await forgot(email);
  await quiet();
  const about = (name: string) =>
    usher.mail.messages.filter(
      ({ to, parsed }) => to[0] === email && parsed.text?.includes(`the invitation of ${name} `),
    );
  expect(resetTokens(email)).toHaveLength(2);
  expect(about('Another')).toHaveLength(1);
  const [mail, ...more] = about('Home');
  expect(more).toEqual([]);
  const token = /reset-password\/([A-Za-z0-9_-]+)/.exec(mail?.parsed.text ?? '')?.[1] ?? '';
  expect((await reset(token)).status).toBe(204);
  expect((await home.call('GET', `/invitations/${earlier.id}`)).body.status).toBe('accepted');
  expect((await host.call('GET', `/invitations/${drafted.id}`)).body.status).toBe('pending');
  expect((await another.call('GET', `/invitations/${later.id}`)).body.status).toBe('pending');
  const person = visitor(usher);
  expect((await person.signIn(email, newPassword)).status).toBe(200);
  const me = (await person.call('GET', '/v1/me')).body;
  expect(await accountOf(me.id as string)).toMatchObject({ email, invited_email: null, home_organization_id: home.id });
  // From now on the others are theirs to accept, signed in.
  expect((await person.call('POST', `/v1/me/invitations/${later.id}/accept`)).body.userId).toBe(me.id);
});

test('a reset link made before the address got its owner opens nothing after it', async () => {
  const email = 'late@owner.test';
  await home.invite({ email });
  await forgot(email);
  await quiet();
  await host.invite({ email });
  const { token } = await usher.linkFor(email, 3);
  const accepted = await usher.call(
    'POST',
    `/v1/invitation-tokens/${token}/accept`,
    { password: goodPassword },
    { key: null },
  );
  expect(accepted.status).toBe(200);
  expectProblem(await reset(resetTokens(email)[0] ?? ''), 'LINK_DEAD');
});

test('an address that staff write for somebody who has come in is confirmed there before it is theirs', async () => {
  const kim = await signedInPerson(usher, home, 'kim@owner.test');
  await signedInPerson(usher, host, 'elsewhere@owner.test');
  const write = (email: string) => home.call('PATCH', `/users/${kim.id}`, { email });
  const [known, unknown] = [await write('elsewhere@owner.test'), await write('kim.new@owner.test')];
  expect([known.status, unknown.status]).toEqual([200, 200]);
  expect(known.body).toMatchObject({ email: 'kim@owner.test' });
  await quiet();
  expect(
    usher.mail.messages.filter(({ to, raw }) => to[0] === 'elsewhere@owner.test' && raw.includes('confirm-email')),
  ).toEqual([]);
  const text = (await usher.mail.waitForMail('kim.new@owner.test', 1))[0]?.parsed.text ?? '';
  const token = /confirm-email\/([A-Za-z0-9_-]+)/.exec(text)?.[1] ?? '';
  expect((await kim.call('POST', '/v1/auth/confirm-email', { token })).status).toBe(204);
  expect((await kim.call('GET', '/v1/me')).body.email).toBe('kim.new@owner.test');
});

test('an invited guest is corrected by the organization that alone knows them', async () => {
  await host.invite({ kind: 'guest', email: 'gast@owner.test' });
  const { id } = await userOf(host, 'gast@owner.test');
  const changed = await host.call('PATCH', `/users/${id}`, { firstName: 'Gus', email: 'gus@owner.test' });
  expect(changed).toMatchObject({
    status: 200,
    body: { email: 'gus@owner.test', firstName: 'Gus', status: 'invited' },
  });
  expectProblem(await host.call('PATCH', `/users/${id}`, { role: 'staff' }), 'FORBIDDEN');
});

test('deleted at home but a member elsewhere: the account stays, with no home', async () => {
  const lea = await signedInPerson(usher, home, 'lea@owner.test');
  const { id } = await host.invite({ email: 'lea@owner.test' });
  await lea.call('POST', `/v1/me/invitations/${id}/accept`);
  expect((await home.call('DELETE', `/users/${lea.id}`)).status).toBe(204);
  expect(await accountOf(lea.id)).toMatchObject({
    status: 'active',
    home_organization_id: null,
    email: 'lea@owner.test',
  });
  expect((await host.call('DELETE', `/users/${lea.id}`)).status).toBe(204);
});
