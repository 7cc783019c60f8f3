import { signedInPerson, visitor } from '../support/people';
import { goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let home: TestOrganization;
let host: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  home = await usher.createOrganization({ preset: 'guest-portal', name: 'Home' }, { twoFactor: 'optional' });
  host = await usher.createOrganization({ preset: 'guest-portal', name: 'Host' }, { twoFactor: 'optional' });
});
afterAll(() => usher.stop());

const accept = (token: string) => `/v1/invitation-tokens/${token}/accept`;

test('A4: a person who has an account accepts by signing in, and nobody gets a second account', async () => {
  const ada = await signedInPerson(usher, home, 'ada@example.com', { username: 'ada' });
  await host.invite({ kind: 'guest', email: 'ADA@example.com', firstName: 'Somebody', lastName: 'Else' });
  const { token } = await usher.linkFor('ada@example.com', 2);

  const anonymous = await usher.call('POST', accept(token), { password: goodPassword }, { key: null });
  expect(anonymous).toMatchObject({ status: 409, body: { code: 'SIGN_IN_REQUIRED' } });
  const bob = await signedInPerson(usher, home, 'bob@example.com');
  expect(await bob.call('POST', accept(token))).toMatchObject({ status: 403, body: { code: 'WRONG_ACCOUNT' } });
  const withPassword = await ada.call('POST', accept(token), { password: 'Another-Pass-1' });
  expect(withPassword).toMatchObject({ status: 400, body: { errors: [{ pointer: '/password' }] } });
  const elsewhere = await ada.call('POST', accept(token), {}, { headers: { origin: 'https://evil.test' } });
  expect(elsewhere.status).toBe(403);

  const key = { headers: { 'idempotency-key': 'once' } };
  const accepted = await ada.call('POST', accept(token), {}, key);
  expect(accepted).toMatchObject({ status: 200, body: { status: 'accepted', userId: ada.id } });
  expect((await ada.call('POST', accept(token), {}, key)).body).toEqual(accepted.body);
  expect((await ada.call('POST', accept(token))).body.code).toBe('INVITATION_ANSWERED');

  // The same id everywhere, and nothing of the person changed: neither names nor password.
  const [listed] = (await host.call('GET', '/users')).body.items;
  expect(listed).toMatchObject({ id: ada.id, displayName: 'Ada Lovelace (guest)', kind: 'guest', status: 'active' });
  expect((await visitor(usher).signIn('ada', goodPassword)).status).toBe(200);
  expect(await usher.owner('accounts').whereRaw(`lower(email) = 'ada@example.com'`)).toHaveLength(1);
  const mine = await ada.call('GET', '/v1/me/organizations');
  expect(mine.body.items).toEqual([
    { id: home.id, name: 'Home', kind: 'member', current: true },
    { id: host.id, name: 'Host', kind: 'guest', current: false },
  ]);
});

test('A3: accepting or declining works from the profile, with no link', async () => {
  const eve = await signedInPerson(usher, home, 'eve@example.com');
  const other = await signedInPerson(usher, home, 'other@example.com');
  const invitation = await host.invite({ kind: 'guest', email: 'eve@example.com', message: 'Come in' });
  const draft = await usher.createOrganization({ name: 'Not sent' });
  await draft.invite({ email: 'eve@example.com', send: false });
  const open = await eve.call('GET', '/v1/me/invitations');
  expect(open.body.items).toMatchObject([
    { id: invitation.id, organization: { id: host.id, name: 'Host' }, kind: 'guest', message: 'Come in' },
  ]);
  expect((await other.call('GET', '/v1/me/invitations')).body.items).toEqual([]);
  expect((await other.call('POST', `/v1/me/invitations/${invitation.id}/accept`)).status).toBe(404);

  const declined = await eve.call('POST', `/v1/me/invitations/${invitation.id}/decline`, { reason: 'No time' });
  expect(declined).toMatchObject({ status: 200, body: { status: 'declined' } });
  expect((await eve.call('POST', `/v1/me/invitations/${invitation.id}/accept`)).status).toBe(410);
  const again = await host.invite({ kind: 'guest', email: 'eve@example.com' });
  const accepted = await eve.call('POST', `/v1/me/invitations/${again.id}/accept`);
  expect(accepted).toMatchObject({ status: 200, body: { status: 'accepted', userId: eve.id } });
  const result = await usher.temporal.workflow.getHandle(again.workflowId as string).result();
  expect(result).toEqual({ status: 'accepted' });
  const timeline = await host.call('GET', `/invitations/${again.id}/timeline`);
  expect(timeline.body.items.at(-1)).toMatchObject({ event: 'accepted', actor: { type: 'user', id: eve.id } });
});

test('A7: switching the organization changes what current means, and outlives a new sign-in', async () => {
  const max = await signedInPerson(usher, home, 'max@example.com', { role: 'administrator' });
  const invitation = await host.invite({ email: 'max@example.com' });
  await max.call('POST', `/v1/me/invitations/${invitation.id}/accept`);
  const current = async () => (await max.call('GET', '/v1/organizations/current/users')).body.items.length as number;
  const [atHome, atHost] = [
    (await home.call('GET', '/users')).body.items.length as number,
    (await host.call('GET', '/users')).body.items.length as number,
  ];
  expect(await current()).toBe(atHome);
  expect((await max.call('PUT', '/v1/me/current-organization', { organizationId: host.id })).status).toBe(200);
  expect(await current()).toBe(atHost);
  expect((await max.call('GET', '/v1/organizations/current/policy')).status).toBe(403);
  await max.signIn('max@example.com');
  expect(await current()).toBe(atHost);
  const foreign = await usher.createOrganization({ name: 'Foreign' });
  expect((await max.call('PUT', '/v1/me/current-organization', { organizationId: foreign.id })).status).toBe(404);
  const events = await host.call('GET', '/audit-events?type=organization.switched');
  expect(events.body.items).toMatchObject([{ userId: max.id, actor: { type: 'user', id: max.id } }]);
});
