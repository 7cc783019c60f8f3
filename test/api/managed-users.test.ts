import { signedInPerson, visitor } from '../support/people';
import { expectProblem } from '../support/problem';
import { eventually, goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let organization: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  organization = await usher.createOrganization({ preset: '28-days' });
});
afterAll(() => usher.stop());

const userOf = async (of: TestOrganization, email: string) => (await of.call('GET', `/users?q=${email}`)).body.items[0];

test('who is overdue is managed as what they are shown as, whether or not that was written down', async () => {
  await usher.stopWorker();
  for (const [method, action, status] of [
    ['POST', '/activate', 'active'],
    ['POST', '/deactivate', 'deactivated'],
    ['PATCH', '', 'inactive'],
    ['DELETE', '', undefined],
  ] as const) {
    const email = `overdue-${method}${action.slice(1)}@late.test`.toLowerCase();
    const { id } = await organization.invite({ email });
    await usher
      .owner('invitations')
      .where({ id })
      .update({ expires_at: new Date(Date.now() - 1_000) });
    const user = await userOf(organization, email);
    expect(user.status).toBe('inactive');
    const patch = method === 'PATCH' ? { email: 'overdue@corrected.test' } : undefined;
    const done = await organization.call(method, `/users/${user.id}${action}`, patch);
    expect([done.status, done.body.status]).toEqual([method === 'DELETE' ? 204 : 200, status]);
  }
  await usher.startWorker();
});

test('staff change names and usernames of who has come in; their address, which opens everything, administrators', async () => {
  const staff = await signedInPerson(usher, organization, 'staff@address.test', { staff: true });
  const person = await signedInPerson(usher, organization, 'person@address.test');
  const path = `/v1/organizations/current/users/${person.id}`;
  expect((await staff.call('PATCH', path, { username: 'renamed', firstName: 'Eve' })).status).toBe(200);
  expect((await staff.call('PATCH', path, { email: 'person@address.test', lastName: 'Same' })).status).toBe(200);
  expectProblem(await staff.call('PATCH', path, { email: 'evil@address.test' }), 'FORBIDDEN');
  const administrator = await signedInPerson(usher, organization, 'boss@address.test', { role: 'administrator' });
  expect((await administrator.call('PATCH', path, { email: 'new@address.test' })).status).toBe(200);
  // Of somebody who has never been here, it is part of the invitation.
  await organization.invite({ email: 'typo@address.test' });
  const { id } = await userOf(organization, 'typo@address.test');
  const corrected = await staff.call('PATCH', `/v1/organizations/current/users/${id}`, { email: 'right@address.test' });
  expect(corrected.status).toBe(200);
});

test('a user has an ETag, and is changed only as they were read', async () => {
  const person = await signedInPerson(usher, organization, 'etag@version.test');
  const path = `/users/${person.id}`;
  const { etag = '' } = (await organization.call('GET', path)).headers;
  expect(etag).toMatch(/^"\d+"$/);
  const change = (patch: object, match: string) =>
    organization.call('PATCH', path, patch, { headers: { 'If-Match': match } });
  expectProblem(await change({ firstName: 'Eve' }, '"999"'), 'PRECONDITION_FAILED');
  const changed = await change({ firstName: 'Eve' }, etag);
  expect(changed).toMatchObject({ status: 200, body: { firstName: 'Eve' } });
  expectProblem(await change({ firstName: 'Zoe' }, etag), 'PRECONDITION_FAILED');
  // Also where what was changed is the membership.
  const named = await change({ role: 'staff' }, changed.headers['etag'] ?? '');
  expect(named.status).toBe(200);
  expect(named.headers['etag']).not.toBe(changed.headers['etag']);
  expect((await organization.call('GET', path)).headers['etag']).toBe(named.headers['etag']);
});

test('the invited address of who came in by a link by hand is confirmed when it is written again', async () => {
  const { id } = await organization.invite({ email: 'handed@proof.test', send: false, username: 'handed' });
  const { url } = (await organization.call('POST', `/invitations/${id}/link`)).body as { url: string };
  const token = url.split('/').at(-1) ?? '';
  const accepted = await usher.call(
    'POST',
    `/v1/invitation-tokens/${token}/accept`,
    { password: goodPassword },
    { key: null },
  );
  expect(accepted.status).toBe(200);
  await organization.call('PATCH', `/users/${accepted.body.userId}`, { email: 'handed@proof.test' });
  const [mail] = await usher.mail.waitForMail('handed@proof.test');
  expect(mail?.parsed.text).toContain('/confirm-email/');
});

test('an administrator who has never come in is nobody’s last, and can be deleted', async () => {
  const created = await usher.call('POST', '/v1/organizations', {
    ...{ name: 'New', preset: '28-days', timeZone: 'Europe/Berlin', locale: 'en' },
    administrator: { email: 'wrong@new.test', firstName: 'Ada', lastName: 'Lovelace' },
  });
  const base = `/v1/organizations/${created.body.id}/users`;
  const [user] = (await usher.call('GET', base)).body.items;
  expect((await usher.call('DELETE', `${base}/${user.id}`)).status).toBe(204);
});

test('deleted at home while deactivated, who belongs elsewhere comes back by a new password', async () => {
  const other = await usher.createOrganization({ preset: '28-days' });
  const person = await signedInPerson(usher, organization, 'both@elsewhere.test');
  const { id } = await other.invite({ email: 'both@elsewhere.test' });
  await usher.mail.waitForMail('both@elsewhere.test', 2);
  await person.call('POST', `/v1/me/invitations/${id}/accept`);
  await organization.call('POST', `/users/${person.id}/deactivate`);
  expect((await organization.call('DELETE', `/users/${person.id}`)).status).toBe(204);
  await usher.call('POST', '/v1/auth/forgot-password', { email: 'both@elsewhere.test' }, { key: null });
  const mails = await usher.mail.waitForMail('both@elsewhere.test', 3);
  const token = /reset-password\/([A-Za-z0-9_-]+)/.exec(mails.at(-1)?.parsed.text ?? '')?.[1] ?? '';
  await usher.call('POST', '/v1/auth/reset-password', { token, password: 'Spring-Is-Here-9' }, { key: null });
  expect((await visitor(usher).signIn('both@elsewhere.test', 'Spring-Is-Here-9')).status).toBe(200);
  expect((await other.call('GET', `/users/${person.id}`)).body.status).toBe('active');
});

test('who is erased leaves no name with those whom they have invited, no sign-ins, and no mail that never went out', async () => {
  const gone = { firstName: 'Leftover', lastName: 'Person', staff: true };
  const inviter = await signedInPerson(usher, organization, 'gone@erased.test', gone);
  const invited = await inviter.call('POST', '/v1/organizations/current/invitations', { email: 'kept@erased.test' });
  await usher.stopWorker();
  await usher.call('POST', '/v1/auth/forgot-password', { email: 'Gone@erased.test' }, { key: null });
  await usher
    .owner('account_mails')
    .where({ recipient: 'Gone@erased.test' })
    .update({ deadline: new Date(Date.now() - 1_000) });
  await usher.startWorker();
  await eventually(
    () => usher.owner('account_mails').where({ recipient: 'Gone@erased.test', status: 'failed' }),
    (mails) => mails.length === 1,
    40_000,
  );
  expect((await organization.call('DELETE', `/users/${inviter.id}`)).status).toBe(204);
  const { invitedBy } = (await organization.call('GET', `/invitations/${invited.body.id}`)).body;
  expect(invitedBy).toMatchObject({ type: 'user', id: inviter.id });
  expect(invitedBy.displayName).not.toContain('Leftover');
  expect(await usher.owner('sign_ins').where({ account_id: inviter.id })).toEqual([]);
  expect(await usher.owner('account_mails').whereRaw(`lower(recipient) = 'gone@erased.test'`)).toEqual([]);
});
