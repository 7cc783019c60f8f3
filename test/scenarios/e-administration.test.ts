import { resetUnusedReactivations } from '../../db/commands/reset-unused-reactivations';
import { openDatabase } from '../../db/database';
import { setClock } from '../support/clock';
import { signedInPerson, visitor } from '../support/people';
import { eventually, goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let organization: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  organization = await usher.createOrganization({ preset: '28-days', timeZone: 'Europe/Berlin' });
});
afterAll(() => usher.stop());

const newPassword = 'Spring-Is-Here-9';
const reset = (token: string) =>
  usher.call('POST', '/v1/auth/reset-password', { token, password: newPassword }, { key: null });

async function tokenFor(email: string, count: number): Promise<string> {
  const text = (await usher.mail.waitForMail(email, count)).at(-1)?.parsed.text ?? '';
  return /reset-password\/([A-Za-z0-9_-]+)/.exec(text)?.[1] ?? '';
}

/** Let their invitation expire; inactive by that. */
async function inactiveUser(email: string): Promise<string> {
  const invitation = await organization.invite({ email, expiresAt: new Date(Date.now() + 1_500).toISOString() });
  await usher.linkFor(email);
  await usher.temporal.workflow.getHandle(invitation.workflowId as string).result();
  const [user] = (await organization.call('GET', `/users?q=${email}`)).body.items;
  expect(user.status).toBe('inactive');
  return user.id as string;
}

test('E9: reactivated by hand, a user has until midnight of the organization to choose a password and sign in', async () => {
  const used = await inactiveUser('used@example.com');
  const half = await inactiveUser('half@example.com');
  const unused = await inactiveUser('unused@example.com');
  const midnight = new Date(Date.UTC(new Date().getUTCFullYear() + 1, 0, 14, 23));
  // An afternoon in Berlin, which Samoa has behind it and Hawaii before it.
  await setClock(usher, new Date(midnight.getTime() - 8 * 3_600_000));
  for (const id of [used, half, unused]) {
    const activated = await organization.call('POST', `/users/${id}/activate`);
    expect(activated).toMatchObject({
      status: 200,
      body: { status: 'active', reactivationDeadline: midnight.toISOString() },
    });
  }
  // What is stored is an instant: a new time zone in the afternoon changes nothing for those reactivated before.
  await organization.call('PATCH', '', { timeZone: 'Pacific/Honolulu' });

  expect((await reset(await tokenFor('used@example.com', 2))).status).toBe(204);
  expect((await reset(await tokenFor('half@example.com', 2))).status).toBe(204);
  const token = await tokenFor('unused@example.com', 2);
  const person = visitor(usher);
  await setClock(usher, new Date(midnight.getTime() - 1));
  expect((await person.signIn('used@example.com', newPassword)).status).toBe(200);
  const job = () => withDatabase(resetUnusedReactivations);
  expect(await job()).toBe(0);

  await setClock(usher, midnight);
  // The instant decides, before any job has run.
  expect((await visitor(usher).signIn('half@example.com', newPassword)).body.code).toBe('ACCOUNT_NOT_ACTIVE');
  expect((await reset(token)).status).toBe(410);
  const statuses = async () =>
    Object.fromEntries(
      (await organization.call('GET', '/users?limit=200')).body.items.map(
        ({ id, status }: { id: string; status: string }) => [id, status],
      ),
    ) as Record<string, string>;
  expect(await statuses()).toMatchObject({ [used]: 'active', [half]: 'inactive', [unused]: 'inactive' });
  expect(await job()).toBe(2);
  expect(await job()).toBe(0);
  expect(await statuses()).toMatchObject({ [used]: 'active', [half]: 'inactive', [unused]: 'inactive' });
  expect((await person.call('GET', '/v1/me')).status).toBe(200);
  const events = await organization.call('GET', '/audit-events?type=account.reactivation-unused');
  expect(events.body.items.map(({ userId }: { userId: string }) => userId).sort()).toEqual([half, unused].sort());
  await organization.call('PATCH', '', { timeZone: 'Europe/Berlin' });
  await setClock(usher, null);
});

async function withDatabase<T>(run: (database: ReturnType<typeof openDatabase>) => Promise<T>): Promise<T> {
  const database = openDatabase(usher.database.url);
  try {
    return await run(database);
  } finally {
    await database.destroy();
  }
}

test('E9: the job is a schedule of Temporal, every 15 minutes, and catches up when it runs', async () => {
  const id = await inactiveUser('outage@example.com');
  await organization.call('POST', `/users/${id}/activate`);
  await usher
    .owner('accounts')
    .where({ id })
    .update({ reactivation_deadline: new Date(Date.now() - 86_400_000) });
  const schedule = usher.temporal.schedule.getHandle('reset-unused-reactivations');
  expect((await schedule.describe()).spec.intervals).toMatchObject([{ every: 900_000 }]);
  await schedule.trigger();
  await eventually(
    () => usher.owner('accounts').first().where({ id }),
    ({ status }) => status === 'inactive',
  );
  // A worker that starts again leaves one schedule as it should be.
  await usher.stopWorker();
  await usher.startWorker();
  expect((await schedule.describe()).spec.intervals).toMatchObject([{ every: 900_000 }]);
});

test('C8, E2: staff edit users, their usernames included; users cannot change their own', async () => {
  const staff = await signedInPerson(usher, organization, 'staff@example.com', { staff: true });
  const ada = await signedInPerson(usher, organization, 'ada@example.com', { username: 'ada' });
  const path = `/v1/organizations/current/users/${ada.id}`;
  expect((await ada.call('PATCH', '/v1/me', { username: 'countess' })).status).toBe(400);
  expect((await ada.call('PATCH', path, { username: 'countess' })).status).toBe(403);
  const changed = await staff.call('PATCH', path, { username: 'Countess', firstName: 'Augusta', userType: 'intern' });
  expect(changed).toMatchObject({ status: 200, body: { username: 'Countess', displayName: 'Augusta Lovelace' } });
  await organization.invite({ email: 'taker@example.com', username: 'taken' });
  expect((await staff.call('PATCH', path, { username: 'TAKEN' })).body.code).toBe('USERNAME_TAKEN');
  const taken = await organization.call('PATCH', `/users/${ada.id}`, { email: 'Taker@example.com' });
  expect(taken.body.code).toBe('EMAIL_TAKEN');
  expect((await staff.call('PATCH', path, { role: 'administrator' })).status).toBe(403);
  for (const field of ['id', 'status', 'kind', 'password', 'organizationId', 'homeOrganizationId'])
    expect((await staff.call('PATCH', path, { [field]: 'x' })).status).toBe(400);
  const admin = await signedInPerson(usher, organization, 'admin@example.com', { role: 'administrator' });
  expect((await staff.call('POST', `/v1/organizations/current/users/${admin.id}/deactivate`)).status).toBe(403);
  expect((await admin.call('PATCH', path, { role: 'staff' })).body.role).toBe('staff');
  expect((await ada.call('GET', '/v1/organizations/current/invitations')).status).toBe(200);
});

test('C8: deactivating ends every session at once, activating lets the person in again', async () => {
  const eve = await signedInPerson(usher, organization, 'eve@example.com');
  await usher.call('POST', '/v1/auth/forgot-password', { email: 'eve@example.com' }, { key: null });
  const token = await tokenFor('eve@example.com', 2);
  expect((await organization.call('POST', `/users/${eve.id}/deactivate`)).body.status).toBe('deactivated');
  expect((await eve.call('GET', '/v1/me')).status).toBe(401);
  expect((await reset(token)).status).toBe(410);
  expect((await eve.signIn('eve@example.com')).body.code).toBe('ACCOUNT_NOT_ACTIVE');
  expect((await organization.call('GET', '/users?status=deactivated')).body.items).toMatchObject([{ id: eve.id }]);
  expect((await organization.call('POST', `/users/${eve.id}/reset-password`)).body.code).toBe('STATUS_CONFLICT');
  expect((await organization.call('POST', `/users/${eve.id}/activate`)).body.status).toBe('active');
  expect((await eve.signIn('eve@example.com')).status).toBe(200);
  expect((await organization.call('POST', `/users/${eve.id}/reset-password`)).status).toBe(200);
  expect((await reset(await tokenFor('eve@example.com', 3))).status).toBe(204);
  expect((await eve.call('GET', '/v1/me')).status).toBe(401);
});

test('C8: a deleted user is erased; name and address are free again, links and sessions are dead', async () => {
  const max = await signedInPerson(usher, organization, 'max@example.com', { username: 'max' });
  await usher.call('POST', '/v1/auth/forgot-password', { email: 'max@example.com' }, { key: null });
  const token = await tokenFor('max@example.com', 2);
  expect((await organization.call('DELETE', `/users/${max.id}`)).status).toBe(204);
  expect((await organization.call('DELETE', `/users/${max.id}`)).status).toBe(404);
  expect((await max.call('GET', '/v1/me')).status).toBe(401);
  expect((await reset(token)).status).toBe(410);
  const [row] = await usher.owner('accounts').where({ id: max.id });
  expect(row).toMatchObject({ status: 'erased', email: null, username: null, first_name: null, password_hash: null });
  const again = await organization.invite({ email: 'max@example.com', username: 'MAX' });
  expect(again.status).toBe('pending');
  expect(
    (await organization.call('DELETE', `/users/${(await organization.call('GET', '/users?q=max@')).body.items[0].id}`))
      .status,
  ).toBe(204);
  expect((await organization.call('GET', `/invitations/${again.id}`)).body.status).toBe('cancelled');
});

test('the last administrator can neither be deactivated, deleted nor made less, not by two at once either', async () => {
  const other = await usher.createOrganization({ preset: '28-days' });
  const [one, two] = [
    await signedInPerson(usher, other, 'one@example.org', { role: 'administrator' }),
    await signedInPerson(usher, other, 'two@example.org', { role: 'administrator' }),
  ];
  const of = (id: string) => `/v1/organizations/current/users/${id}`;
  const both = await Promise.all([
    one.call('POST', `${of(one.id)}/deactivate`),
    two.call('POST', `${of(two.id)}/deactivate`),
  ]);
  expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
  const last = both[0].status === 409 ? one : two;
  for (const refused of [
    await last.call('POST', `${of(last.id)}/deactivate`),
    await last.call('DELETE', of(last.id)),
    await last.call('PATCH', of(last.id), { role: 'member' }),
  ])
    expect(refused).toMatchObject({ status: 409, body: { code: 'LAST_ADMINISTRATOR' } });
});

test('A5: only the home organization changes a person; a host changes a guest’s groups, or removes them', async () => {
  const host = await usher.createOrganization({ preset: '28-days', name: 'Host' });
  const hostAdmin = await signedInPerson(usher, host, 'host@example.org', { role: 'administrator' });
  const ada = await signedInPerson(usher, organization, 'traveller@example.com');
  const { id } = await host.invite({ kind: 'guest', email: 'traveller@example.com' });
  await ada.call('POST', `/v1/me/invitations/${id}/accept`);
  const path = `/v1/organizations/current/users/${ada.id}`;
  for (const patch of [
    { firstName: 'Eve' },
    { email: 'eve@example.org' },
    { username: 'eve' },
    { role: 'staff' },
    { permissions: ['x'] },
  ])
    expect((await hostAdmin.call('PATCH', path, patch)).status).toBe(403);
  for (const name of ['deactivate', 'activate', 'reset-password'])
    expect((await hostAdmin.call('POST', `${path}/${name}`)).status).toBe(403);
  const groupId = (await host.call('POST', '/groups', { name: 'Visitors' })).body.id as string;
  expect((await hostAdmin.call('PATCH', path, { groupIds: [groupId] })).body).toMatchObject({ groupIds: [groupId] });
  // Somebody without any group would be no guest.
  expect((await hostAdmin.call('PATCH', path, { groupIds: [] })).body.code).toBe('GROUP_NEEDED');
  expect((await hostAdmin.call('DELETE', path)).status).toBe(204);
  expect((await ada.call('GET', '/v1/me/organizations')).body.items).toHaveLength(1);
  expect((await ada.call('GET', '/v1/me')).body.email).toBe('traveller@example.com');
});

test('E5: rights can be changed right after sending, and hold once the person has accepted', async () => {
  await organization.invite({ email: 'soon@example.com' });
  const [invited] = (await organization.call('GET', '/users?q=soon@')).body.items;
  expect(invited.status).toBe('invited');
  const guests = (await usher.owner('groups').first().where({ organization_id: organization.id })).id as string;
  const changed = await organization.call('PATCH', `/users/${invited.id}`, { role: 'staff', groupIds: [guests] });
  expect(changed.body).toMatchObject({ role: 'staff', groupIds: [guests], status: 'invited' });
  const { token } = await usher.linkFor('soon@example.com');
  await usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password: goodPassword }, { key: null });
  const accepted = await organization.call('GET', `/users/${invited.id}`);
  expect(accepted.body).toMatchObject({ role: 'staff', groupIds: [guests], status: 'active' });
});

test('E11: after the deadline the address is corrected, and the person asks for a new password', async () => {
  const id = await inactiveUser('wrnog@example.com');
  const before = await usher.linkFor('wrnog@example.com');
  const corrected = await organization.call('PATCH', `/users/${id}`, { email: 'right@example.com' });
  expect(corrected.body).toMatchObject({ email: 'right@example.com', status: 'inactive' });
  await usher.call('POST', '/v1/auth/forgot-password', { email: 'right@example.com' }, { key: null });
  expect((await reset(await tokenFor('right@example.com', 1))).status).toBe(204);
  expect((await visitor(usher).signIn('right@example.com', newPassword)).status).toBe(200);
  expect((await usher.call('GET', `/v1/invitation-tokens/${before.token}`, undefined, { key: null })).status).toBe(410);

  await organization.invite({ email: 'wrogn@example.com' });
  const old = await usher.linkFor('wrogn@example.com');
  const [pending] = (await organization.call('GET', '/users?q=wrogn@')).body.items;
  await organization.call('PATCH', `/users/${pending.id}`, { email: 'better@example.com' });
  await usher.linkFor('better@example.com');
  expect((await usher.call('GET', `/v1/invitation-tokens/${old.token}`, undefined, { key: null })).body.code).toBe(
    'INVITATION_SUPERSEDED',
  );
});

test('deleting a user while they accept: one of the two comes first, and nothing is left half done', async () => {
  for (let round = 0; round < 5; round += 1) {
    const email = `race-${round}@example.com`;
    await organization.invite({ email });
    const { token } = await usher.linkFor(email);
    const [user] = (await organization.call('GET', `/users?q=${email}`)).body.items;
    const [accepted, deleted] = await Promise.all([
      usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password: goodPassword }, { key: null }),
      organization.call('DELETE', `/users/${user.id}`),
    ]);
    expect(deleted.status).toBe(204);
    expect([200, 404, 410]).toContain(accepted.status);
    const [row] = await usher.owner('accounts').where({ id: user.id });
    expect(row).toMatchObject({ status: 'erased', email: null, password_hash: null });
    expect((await visitor(usher).signIn(email)).body.code).toBe('SIGN_IN_FAILED');
  }
});
