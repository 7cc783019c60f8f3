import { signedInPerson } from '../support/people';
import { goodPassword, startUsher, type Reply, type TestOrganization, type TestUsher } from '../support/usher';
import { tokenOf } from '../support/token';

let usher: TestUsher;
beforeAll(async () => {
  usher = await startUsher();
});
afterAll(() => usher.stop());

async function organizationWith(licences: number): Promise<TestOrganization & { groups: [string, string] }> {
  const organization = await usher.createOrganization({ preset: 'licensed-guests', licences });
  const { id: first } = await usher.owner('groups').first('id').where({ organization_id: organization.id });
  const second = crypto.randomUUID();
  await usher.owner('groups').insert({ id: second, organization_id: organization.id, name: 'Second' });
  return { ...organization, groups: [first as string, second] };
}

/** A busy machine may ask to come again later: nothing has happened then. */
async function patiently(call: () => Promise<Reply>): Promise<Reply> {
  for (;;) {
    const reply = await call();
    if (reply.status !== 503) return reply;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

const invite = (organization: TestOrganization, email: string, fields: Record<string, unknown> = {}): Promise<Reply> =>
  patiently(() => organization.call('POST', '/invitations', { email, ...fields }));
const accept = (invitation: { id: string; generation: number }): Promise<Reply> =>
  patiently(() =>
    usher.call(
      'POST',
      `/v1/invitation-tokens/${tokenOf(usher, invitation)}/accept`,
      { password: goodPassword },
      { key: null },
    ),
  );
const seats = async (organization: TestOrganization) => (await organization.call('GET', '/licences')).body;

test('D1: members and guests of several groups use licences; guests of one group are free, as many as licences', async () => {
  const organization = await organizationWith(2);
  const [, second] = organization.groups;
  expect(await seats(organization)).toEqual({
    licences: 2,
    used: { members: 0, multiGroupGuests: 0 },
    singleGroupGuests: { used: 0, limit: 2 },
  });
  expect((await invite(organization, 'd1-member@example.com')).status).toBe(201);
  const both = { kind: 'guest', groupIds: organization.groups };
  expect((await invite(organization, 'd1-both@example.com', both)).status).toBe(201);
  for (const n of [1, 2])
    expect(
      (await invite(organization, `d1-guest-${n}@example.com`, { kind: 'guest', guestType: 'partner' })).status,
    ).toBe(201);
  expect(await seats(organization)).toEqual({
    licences: 2,
    used: { members: 1, multiGroupGuests: 1 },
    singleGroupGuests: { used: 2, limit: 2 },
  });
  const third = await invite(organization, 'd1-guest-3@example.com', { kind: 'guest', groupIds: [second] });
  expect(third).toMatchObject({ status: 409, body: { code: 'NO_SEAT' } });
  expect(third.body.detail).toContain('2 guests in a single group');
  const member = await invite(organization, 'd1-member-2@example.com');
  expect(member).toMatchObject({ status: 409, body: { code: 'NO_SEAT' } });
  expect(member.body.detail).toMatch(/All 2 licences .* 2 are members and 1 guests in several groups/);
  // What was refused has left nothing behind; a draft holds no seat, and takes one when it is sent.
  expect((await organization.call('GET', '/users?q=d1-member-2')).body.items).toEqual([]);
  const draft = await invite(organization, 'd1-draft@example.com', { send: false });
  expect(draft.status).toBe(201);
  expect((await organization.call('POST', `/invitations/${draft.body.id}/send`)).body.code).toBe('NO_SEAT');
});

test('D2: every ending of a pending invitation frees its seat, and coming back takes one', async () => {
  const organization = await organizationWith(1);
  const used = async () => (await seats(organization)).used.members as number;
  const cancelled = (await invite(organization, 'd2-cancelled@example.com')).body;
  expect(await used()).toBe(1);
  await organization.call('POST', `/invitations/${cancelled.id}/cancel`);
  expect(await used()).toBe(0);

  const declined = (await invite(organization, 'd2-declined@example.com')).body;
  await usher.call('POST', `/v1/invitation-tokens/${tokenOf(usher, declined)}/decline`, {}, { key: null });
  expect(await used()).toBe(0);

  const expiresAt = new Date(Date.now() + 1_200).toISOString();
  const expired = (await invite(organization, 'd2-expired@example.com', { expiresAt })).body;
  await usher.temporal.workflow.getHandle(expired.workflowId as string).result();
  expect(await used()).toBe(0);
  const other = (await invite(organization, 'd2-other@example.com')).body;
  expect((await organization.call('POST', `/invitations/${expired.id}/resend`)).body.code).toBe('NO_SEAT');
  expect((await accept(other)).status).toBe(200);

  const { items } = (await organization.call('GET', '/users?q=d2-other')).body;
  await organization.call('POST', `/users/${items[0].id}/deactivate`);
  expect(await used()).toBe(0);
  const taken = (await invite(organization, 'd2-taken@example.com')).body;
  expect((await organization.call('POST', `/users/${items[0].id}/activate`)).body.code).toBe('NO_SEAT');
  await organization.call('POST', `/invitations/${taken.id}/cancel`);
  expect((await organization.call('POST', `/users/${items[0].id}/activate`)).status).toBe(200);
});

test('D2: who is reactivated by hand takes a seat, also before they ever came in', async () => {
  const organization = await organizationWith(1);
  const expiresAt = new Date(Date.now() + 1_200).toISOString();
  const expired = (await invite(organization, 'd2-by-hand@example.com', { expiresAt })).body;
  await usher.temporal.workflow.getHandle(expired.workflowId as string).result();
  const other = (await invite(organization, 'd2-instead@example.com')).body;
  const [user] = (await organization.call('GET', '/users?q=d2-by-hand')).body.items;
  expect((await organization.call('POST', `/users/${user.id}/activate`)).body.code).toBe('NO_SEAT');
  await organization.call('POST', `/invitations/${other.id}/cancel`);
  expect((await organization.call('POST', `/users/${user.id}/activate`)).status).toBe(200);
  expect((await invite(organization, 'd2-third@example.com')).body.code).toBe('NO_SEAT');
});

test('D2: a second group for a guest needs a free licence, taking it away gives it back', async () => {
  const organization = await organizationWith(1);
  const [first] = organization.groups;
  const invitation = (await invite(organization, 'd2-groups@example.com', { kind: 'guest', groupIds: [first] })).body;
  const member = (await invite(organization, 'd2-groups-member@example.com')).body;
  const [guest] = (await organization.call('GET', '/guests')).body.items;
  const both = { groupIds: organization.groups };
  // While invited, and once in.
  expect((await organization.call('PATCH', `/invitations/${invitation.id}`, both)).body.code).toBe('NO_SEAT');
  expect((await organization.call('PATCH', `/guests/${guest.id}`, both)).body.code).toBe('NO_SEAT');
  expect((await accept(invitation)).status).toBe(200);
  expect((await organization.call('PATCH', `/guests/${guest.id}`, both)).body.code).toBe('NO_SEAT');
  expect((await organization.call('GET', '/guests')).body.items[0].groupIds).toEqual([first]);
  await organization.call('POST', `/invitations/${member.id}/cancel`);
  expect((await organization.call('PATCH', `/guests/${guest.id}`, both)).status).toBe(200);
  expect(await seats(organization)).toMatchObject({ used: { multiGroupGuests: 1 }, singleGroupGuests: { used: 0 } });
  expect((await invite(organization, 'd2-groups-2@example.com')).body.code).toBe('NO_SEAT');
  await organization.call('PATCH', `/guests/${guest.id}`, { groupIds: [first] });
  expect((await invite(organization, 'd2-groups-2@example.com')).status).toBe(201);
});

test('D2: licences in use cannot be taken away, and acceptance looks again', async () => {
  const organization = await organizationWith(3);
  const pending = (await invite(organization, 'd2-lower@example.com')).body;
  await signedInPerson(usher, organization, 'd2-lower-2@example.com');
  const lower = (licences: number | null) => usher.call('PATCH', `/v1/organizations/${organization.id}`, { licences });
  const refused = await lower(1);
  expect(refused).toMatchObject({ status: 409, body: { code: 'LICENCES_IN_USE' } });
  expect(refused.body.detail).toContain('2 members');
  expect((await lower(2)).status).toBe(200);
  // Gone all the same, as after a restored backup: nobody comes in without a seat.
  await usher.owner('organizations').where({ id: organization.id }).update({ licences: 1 });
  expect((await accept(pending)).body.code).toBe('NO_SEAT');
  await usher.owner('organizations').where({ id: organization.id }).update({ licences: 2 });
  expect((await accept(pending)).status).toBe(200);
});

test('D2: 200 at once, of every kind: never one too many, and not one lost', async () => {
  const licences = 20;
  const organization = await organizationWith(licences);
  const [first] = organization.groups;
  const statuses = (replies: Reply[]) => replies.map(({ status }) => status);
  const invited = await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      invite(organization, `burst-${n}@example.com`, n % 2 ? { kind: 'guest', groupIds: [first] } : {}),
    ),
  );
  expect(new Set(statuses(invited))).toEqual(new Set([201, 409]));
  const open = invited.filter(({ status }) => status === 201).map(({ body }) => body);
  expect(await seats(organization)).toMatchObject({
    used: { members: licences, multiGroupGuests: 0 },
    singleGroupGuests: { used: licences },
  });
  // Of the members one half comes in and the other is cancelled; guests come in and want a second group; others are invited.
  const members = open.filter(({ kind }) => kind === 'member');
  const guests = open.filter(({ kind }) => kind === 'guest');
  const userOf = async (email: string) =>
    (await organization.call('GET', `/users?q=${email}`)).body.items[0].id as string;
  const ids = await Promise.all(guests.map(({ email }) => userOf(email as string)));
  await Promise.all([
    ...members.map((invitation, n) =>
      n % 2 ? accept(invitation) : patiently(() => organization.call('POST', `/invitations/${invitation.id}/cancel`)),
    ),
    ...guests.map((invitation, n) =>
      n % 4 === 0 ? patiently(() => organization.call('DELETE', `/guests/${ids[n]}`)) : accept(invitation),
    ),
    ...ids.map((id) => patiently(() => organization.call('PATCH', `/guests/${id}`, { groupIds: organization.groups }))),
    ...Array.from({ length: 40 }, (_, n) => invite(organization, `late-${n}@example.com`)),
    ...Array.from({ length: 40 }, (_, n) => invite(organization, `late-guest-${n}@example.com`, { kind: 'guest' })),
  ]);
  const after = await seats(organization);
  expect(after.used.members + after.used.multiGroupGuests).toBeLessThanOrEqual(licences);
  expect(after.singleGroupGuests.used).toBeLessThanOrEqual(licences);
  // None is lost: what is free can be taken, to the last one.
  const free = licences - after.used.members - after.used.multiGroupGuests;
  const filled = await Promise.all(
    Array.from({ length: free + 5 }, (_, n) => invite(organization, `fill-${n}@example.com`)),
  );
  expect(filled.filter(({ status }) => status === 201)).toHaveLength(free);
  const full = await seats(organization);
  expect(full.used.members + full.used.multiGroupGuests).toBe(licences);
});
