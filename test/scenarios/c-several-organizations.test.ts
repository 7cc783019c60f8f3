import { dayMs, moveClock, setClock } from '../support/clock';
import { type Person, signedInPerson } from '../support/people';
import { tokenOf } from '../support/token';
import {
  eventually,
  goodPassword,
  type Reply,
  startUsher,
  type TestOrganization,
  type TestUsher,
} from '../support/usher';

let usher: TestUsher;
let [a, b, c]: TestOrganization[] = [];
/** Administrator of A and B; in C nobody. */
let inviter: Person;
beforeAll(async () => {
  usher = await startUsher();
  [a, b, c] = await organizations('28-days');
  inviter = await signedInPerson(usher, A(), 'inviter@example.com', { role: 'administrator' });
  await B().invite({ email: inviter.email, role: 'administrator' });
  const [own] = (await inviter.call('GET', '/v1/me/invitations')).body.items;
  expect((await inviter.call('POST', `/v1/me/invitations/${own.id}/accept`)).status).toBe(200);
});
afterEach(() => setClock(usher, null));
afterAll(() => usher.stop());

const given = (organization: TestOrganization | undefined): TestOrganization => {
  if (!organization) throw new Error('no organization');
  return organization;
};
const A = () => given(a);
const B = () => given(b);
const C = () => given(c);

const organizations = (preset: string, licences?: number): Promise<TestOrganization[]> =>
  Promise.all(
    ['Alpha', 'Beta', 'Gamma'].map((name) =>
      usher.createOrganization({ preset, name, ...(licences !== undefined && { licences }) }),
    ),
  );
const names = { firstName: 'Grace', lastName: 'Hopper' };
/** By the platform: into the first and, with the same invitation, the others. */
const inviteInto = ([main, ...others]: TestOrganization[], fields: Record<string, unknown>): Promise<Reply> =>
  usher.call('POST', `/v1/organizations/${main?.id}/invitations`, {
    ...names,
    additionalOrganizationIds: others.map(({ id }) => id),
    ...fields,
  });
const accept = (token: string): Promise<Reply> =>
  usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password: goodPassword }, { key: null });
const platform = (method: string, organization: TestOrganization, path: string, body?: unknown) =>
  usher.call(method, `/v1/organizations/${organization.id}${path}`, body);
const userIn = async (organization: TestOrganization, email: string) => {
  const { items } = (await organization.call('GET', `/users?q=${encodeURIComponent(email)}`)).body;
  return items[0];
};
const statuses = (all: TestOrganization[], email: string): Promise<(string | undefined)[]> =>
  Promise.all(all.map(async (organization) => (await userIn(organization, email))?.status as string | undefined));
const invitationIn = async (organization: TestOrganization, email: string) =>
  (await organization.call('GET', `/invitations?q=${encodeURIComponent(email)}`)).body.items[0];
const mailsTo = (email: string) => usher.mail.messages.filter(({ to }) => to.includes(email));
const traces = async (email: string) => [
  ...(await usher.owner('invitations').where({ email })),
  ...(await usher.owner('accounts').where({ invited_email: email })),
];

test('C3: one mail, one acceptance, and the person is a member of all three organizations', async () => {
  const all = [A(), B(), C()];
  const email = 'all-three@example.com';
  const invited = await inviteInto(all, { email, role: 'staff' });
  expect(invited).toMatchObject({
    status: 201,
    body: { organizationId: A().id, additionalOrganizationIds: [B().id, C().id], role: 'staff' },
  });
  expect(await statuses(all, email)).toEqual(['invited', 'invited', 'invited']);
  const link = await usher.linkFor(email);
  expect(link.subject).toContain('Alpha, Beta and Gamma');
  expect(link.text).toContain('Alpha, Beta and Gamma');
  expect(link.html).toContain('Alpha, Beta and Gamma');
  const shown = await usher.call('GET', `/v1/invitation-tokens/${link.token}`, undefined, { key: null });
  expect(shown.body.additionalOrganizations).toEqual([
    { id: B().id, name: 'Beta' },
    { id: C().id, name: 'Gamma' },
  ]);
  expect(await accept(link.token)).toMatchObject({ status: 200, body: { organization: { id: A().id } } });
  const users = await Promise.all(all.map((organization) => userIn(organization, email)));
  for (const user of users) expect(user).toMatchObject({ status: 'active', role: 'staff', id: users[0].id });
  for (const organization of all) {
    expect(await invitationIn(organization, email)).toMatchObject({ status: 'accepted', userId: users[0].id });
    const events = (await organization.call('GET', '/audit-events?type=invitation.accepted')).body.items;
    expect(events[0]).toMatchObject({ userId: users[0].id, actor: { type: 'invitee' } });
  }
  // None of the accounts that were made for the parts is left.
  expect(await usher.owner('accounts').where({ email }).orWhere({ invited_email: email })).toHaveLength(1);
  expect(mailsTo(email)).toHaveLength(1);
  expect((await accept(link.token)).status).toBe(410);
});

test('C3: the mail and the page name all organizations, in German as well', async () => {
  const email = 'deutsch@example.com';
  expect((await inviteInto([A(), B(), C()], { email, locale: 'de', kind: 'guest' })).status).toBe(201);
  const link = await usher.linkFor(email);
  for (const part of [link.subject, link.text, link.html]) expect(part).toContain('Alpha, Beta und Gamma');
  const opened = await usher.call('GET', `/invitations/${link.token}`, undefined, { key: null });
  const cookie = String(opened.headers['set-cookie']).split(';')[0] ?? '';
  const page = await usher.call('GET', String(opened.headers.location), undefined, { key: null, headers: { cookie } });
  expect(page.text).toContain('Alpha, Beta und Gamma');
});

test('C3: a guest joins the group of guests in each of them', async () => {
  const email = 'guest@example.com';
  await inviteInto([A(), B()], { email, kind: 'guest' });
  expect((await accept((await usher.linkFor(email)).token)).status).toBe(200);
  for (const organization of [A(), B()]) {
    const group = await usher
      .owner('groups')
      .first('id')
      .where({ organization_id: organization.id, is_guest_group: true });
    expect(await userIn(organization, email)).toMatchObject({ kind: 'guest', status: 'active', groupIds: [group.id] });
  }
});

test('C3: who may invite into A and B only is refused as a whole with C, as if there were no C', async () => {
  const email = 'not-c@example.com';
  const invite = (additionalOrganizationIds: string[]) =>
    inviter.call('POST', `/v1/organizations/${A().id}/invitations`, { email, ...names, additionalOrganizationIds });
  const refused = await invite([B().id, C().id]);
  const unknown = await invite([B().id, crypto.randomUUID()]);
  expect(refused).toMatchObject({ status: 400, body: { errors: [{ pointer: '/additionalOrganizationIds/1' }] } });
  expect(refused.body.errors).toEqual(unknown.body.errors);
  expect(await traces(email)).toEqual([]);
  const invited = await invite([B().id, A().id, B().id]);
  expect(invited).toMatchObject({ status: 201, body: { additionalOrganizationIds: [B().id] } });
  expect(await statuses([A(), B(), C()], email)).toEqual(['invited', 'invited', undefined]);
});

test('C3: somebody who is only a member in one of them is refused as a whole', async () => {
  const email = 'member-of-c@example.com';
  const [x, y] = await organizations('28-days');
  const person = await signedInPerson(usher, given(x), 'half@example.com', { role: 'administrator' });
  await given(y).invite({ email: person.email });
  const [own] = (await person.call('GET', '/v1/me/invitations')).body.items;
  await person.call('POST', `/v1/me/invitations/${own.id}/accept`);
  const refused = await person.call('POST', `/v1/organizations/${x?.id}/invitations`, {
    ...{ email, ...names },
    additionalOrganizationIds: [y?.id],
  });
  expect(refused).toMatchObject({
    status: 403,
    body: { code: 'FORBIDDEN', errors: [{ pointer: '/additionalOrganizationIds/0' }] },
  });
  expect(await traces(email)).toEqual([]);
});

test('C3: the key of A that names B is refused and learns nothing', async () => {
  const email = 'key@example.com';
  const invite = (id: string) => A().call('POST', '/invitations', { email, ...names, additionalOrganizationIds: [id] });
  await B().invite({ email, ...names });
  const [existing, unknown] = [await invite(B().id), await invite(crypto.randomUUID())];
  expect(existing).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
  expect({ ...existing.body, instance: null, requestId: null }).toEqual({
    ...unknown.body,
    instance: null,
    requestId: null,
  });
  expect(await userIn(A(), email)).toBeUndefined();
  // Nor does it read of an invitation that others have made where else that leads.
  await inviteInto([A(), C()], { email: 'key-2@example.com' });
  expect(await invitationIn(A(), 'key-2@example.com')).toMatchObject({ additionalOrganizationIds: [] });
  // Naming only the own organization changes nothing.
  expect(
    (await A().call('POST', '/invitations', { email, ...names, additionalOrganizationIds: [A().id] })).status,
  ).toBe(201);
});

test('C3: an open invitation or a membership in one of them refuses the whole, pointing at that one', async () => {
  const [open, member] = ['open-in-b@example.com', 'member-in-c@example.com'];
  await B().invite({ email: open, ...names });
  await signedInPerson(usher, C(), member);
  expect(await inviteInto([A(), B()], { email: open })).toMatchObject({
    status: 409,
    body: { code: 'INVITATION_PENDING', errors: [{ pointer: '/additionalOrganizationIds/0' }] },
  });
  expect(await inviteInto([A(), B(), C()], { email: member })).toMatchObject({
    status: 409,
    body: { code: 'ALREADY_MEMBER', errors: [{ pointer: '/additionalOrganizationIds/1' }] },
  });
  for (const email of [open, member]) expect(await userIn(A(), email)).toBeUndefined();
  expect(await userIn(B(), member)).toBeUndefined();
});

test('C3: one without a seat refuses the whole; a draft takes its seats when it is sent', async () => {
  const [x, y] = (await organizations('licensed-guests', 1)).map(given) as [TestOrganization, TestOrganization];
  const draft = await inviteInto([x, y], { email: 'seat-draft@example.com', send: false });
  expect(draft).toMatchObject({ status: 201, body: { status: 'draft' } });
  await y.invite({ email: 'seat-taken@example.com', ...names });
  expect(await inviteInto([x, y], { email: 'seat@example.com' })).toMatchObject({
    status: 409,
    body: { code: 'NO_SEAT', errors: [{ pointer: '/additionalOrganizationIds/0' }] },
  });
  expect(await traces('seat@example.com')).toEqual([]);
  expect((await platform('POST', x, `/invitations/${draft.body.id}/send`)).body.code).toBe('NO_SEAT');
  expect(await invitationIn(x, 'seat-draft')).toMatchObject({ status: 'draft' });
  const [blocker] = (await y.call('GET', '/invitations?q=seat-taken')).body.items;
  await y.call('POST', `/invitations/${blocker.id}/cancel`);
  expect((await platform('POST', x, `/invitations/${draft.body.id}/send`)).status).toBe(200);
  const [whole, part] = [await invitationIn(x, 'seat-draft'), await invitationIn(y, 'seat-draft')];
  expect(part).toMatchObject({
    status: 'pending',
    expiresAt: whole.expiresAt,
    nextStep: null,
    delivery: { status: 'none' },
  });
  expect((await y.call('GET', '/licences')).body.used.members).toBe(1);
});

test('C3: when the seat in one is gone, accepting changes nothing anywhere', async () => {
  const [x, y] = (await organizations('licensed-guests', 2)).map(given) as [TestOrganization, TestOrganization];
  const email = 'late-seat@example.com';
  await inviteInto([x, y], { email });
  const { token } = await usher.linkFor(email);
  await usher.owner('organizations').where({ id: y.id }).update({ licences: 0 });
  expect(await accept(token)).toMatchObject({ status: 409, body: { code: 'NO_SEAT' } });
  expect(await statuses([x, y], email)).toEqual(['invited', 'invited']);
  expect(await usher.owner('accounts').where({ email })).toEqual([]);
  await usher.owner('organizations').where({ id: y.id }).update({ licences: 1 });
  expect((await accept(token)).status).toBe(200);
  expect(await statuses([x, y], email)).toEqual(['active', 'active']);
});

test('C3: an account holder accepts all of it signed in, by the link or from the profile', async () => {
  const [x, y, z] = (await organizations('28-days')).map(given) as [
    TestOrganization,
    TestOrganization,
    TestOrganization,
  ];
  const holder = await signedInPerson(usher, C(), 'holder@example.com');
  await inviteInto([x, y], { email: holder.email });
  const { items } = (await holder.call('GET', '/v1/me/invitations')).body;
  expect(items).toMatchObject([
    { organization: { name: 'Alpha' }, additionalOrganizations: [{ id: y.id, name: 'Beta' }] },
  ]);
  // The part is nothing that could be answered by itself.
  const part = await invitationIn(y, holder.email);
  expect((await holder.call('POST', `/v1/me/invitations/${part.id}/accept`)).status).toBe(404);
  expect((await holder.call('POST', `/v1/me/invitations/${items[0].id}/accept`)).status).toBe(200);
  for (const organization of [x, y])
    expect(await userIn(organization, holder.email)).toMatchObject({ id: holder.id, status: 'active' });
  await inviteInto([z, A()], { email: holder.email, kind: 'guest' });
  const { token } = await usher.linkFor(holder.email, 3);
  expect((await holder.call('POST', `/v1/invitation-tokens/${token}/accept`, {})).status).toBe(200);
  for (const organization of [z, A()])
    expect(await userIn(organization, holder.email)).toMatchObject({ id: holder.id, kind: 'guest', status: 'active' });
});

test('C3: declining and cancelling hit all of it', async () => {
  const all = [A(), B(), C()];
  await inviteInto(all, { email: 'no@example.com' });
  const { token } = await usher.linkFor('no@example.com');
  const declined = await usher.call('POST', `/v1/invitation-tokens/${token}/decline`, {}, { key: null });
  expect(declined.status).toBe(200);
  const { body } = await inviteInto(all, { email: 'cancelled@example.com' });
  expect((await platform('POST', A(), `/invitations/${body.id}/cancel`)).status).toBe(200);
  for (const organization of all) {
    expect(await invitationIn(organization, 'no@example.com')).toMatchObject({ status: 'declined' });
    expect(await invitationIn(organization, 'cancelled@example.com')).toMatchObject({ status: 'cancelled' });
  }
  expect(await statuses(all, 'no@example.com')).toEqual(['inactive', 'inactive', 'inactive']);
  expect(await statuses(all, 'cancelled@example.com')).toEqual(['inactive', 'inactive', 'inactive']);
});

test('C3: it expires everywhere at the same instant, and one resend opens all of it again', async () => {
  const all = (await organizations('21-days')).map(given);
  const [x] = all as [TestOrganization];
  for (const organization of all)
    await platform('PATCH', organization, '/policy', { resendAfterExpiry: true, onExpiry: 'inactive' });
  const email = 'expired@example.com';
  const { body } = await inviteInto(all, { email });
  await usher.linkFor(email);
  await setClock(usher, new Date(body.expiresAt as string));
  for (const organization of all) expect(await invitationIn(organization, email)).toMatchObject({ status: 'expired' });
  await setClock(usher, null);
  await moveClock(usher, new Date(Date.parse(body.expiresAt as string) + dayMs));
  const resent = await platform('POST', x, `/invitations/${body.id}/resend`);
  expect(resent).toMatchObject({ status: 200, body: { status: 'pending', generation: 2 } });
  for (const organization of all)
    expect(await invitationIn(organization, email)).toMatchObject({
      status: 'pending',
      expiresAt: resent.body.expiresAt,
    });
  expect(await statuses(all, email)).toEqual(['invited', 'invited', 'invited']);
  const { token, text } = await usher.linkFor(email, 2);
  expect(text).toContain('Alpha, Beta and Gamma');
  expect((await accept(token)).status).toBe(200);
  expect(await statuses(all, email)).toEqual(['active', 'active', 'active']);
});

test('C3: what the workflow expires is expired in every organization', async () => {
  const all = [A(), B()];
  const email = 'left-alone@example.com';
  const { body } = await inviteInto(all, { email, expiresAt: new Date(Date.now() + 3_000).toISOString() });
  const rows = () => usher.owner('invitations').where({ id: body.id }).orWhere({ parent_id: body.id });
  await eventually(rows, (found) => found.length === 2 && found.every(({ status }) => status === 'expired'));
  expect(await usher.owner('memberships').where({ status: 'invited', invitation_id: body.id })).toEqual([]);
  expect(await statuses(all, email)).toEqual(['inactive', 'inactive']);
});

test('C3: an organization cancels its own part and nothing else of it; the rest goes on without it', async () => {
  const email = 'own-part@example.com';
  await inviteInto([A(), B(), C()], { email });
  const { token } = await usher.linkFor(email);
  const part = await invitationIn(B(), email);
  expect(part.additionalOrganizationIds).toEqual([]);
  for (const action of ['resend', 'send', 'link'])
    expect((await B().call('POST', `/invitations/${part.id}/${action}`)).body.code).toBe('STATUS_CONFLICT');
  expect((await B().call('PATCH', `/invitations/${part.id}`, { email: 'x@example.com' })).body.code).toBe(
    'STATUS_CONFLICT',
  );
  expect((await accept(tokenOf(usher, part))).status).toBe(404);
  expect((await B().call('POST', `/invitations/${part.id}/cancel`)).status).toBe(200);
  const shown = await usher.call('GET', `/v1/invitation-tokens/${token}`, undefined, { key: null });
  expect(shown.body.additionalOrganizations).toEqual([{ id: C().id, name: 'Gamma' }]);
  expect((await accept(token)).status).toBe(200);
  expect(await statuses([A(), B(), C()], email)).toEqual(['active', 'inactive', 'active']);

  // To delete the person in one of them leaves the others alone, too.
  const erased = 'own-erasure@example.com';
  await inviteInto([A(), B()], { email: erased });
  const user = await userIn(B(), erased);
  expect((await B().call('DELETE', `/users/${user.id}`)).status).toBe(204);
  expect((await accept((await usher.linkFor(erased)).token)).status).toBe(200);
  expect(await statuses([A(), B()], erased)).toEqual(['active', undefined]);
});

test('C3: role and groups of the invited person are each organization’s own to change before they come in', async () => {
  const email = 'planned@example.com';
  await inviteInto([A(), B()], { email });
  const { id } = (await B().call('POST', '/groups', { name: 'Readers', visibility: 'open' })).body;
  const user = await userIn(B(), email);
  const patched = await B().call('PATCH', `/users/${user.id}`, { role: 'staff', groupIds: [id] });
  expect(patched.status).toBe(200);
  expect((await B().call('PATCH', `/users/${user.id}`, { firstName: 'Other' })).body.code).toBe('STATUS_CONFLICT');
  expect((await accept((await usher.linkFor(email)).token)).status).toBe(200);
  expect(await userIn(B(), email)).toMatchObject({ status: 'active', role: 'staff', groupIds: [id] });
  expect(await userIn(A(), email)).toMatchObject({ status: 'active', role: 'member', groupIds: [] });
});

test('C3: without an address, the link that is handed over leads into all of them', async () => {
  const [x, y] = (await organizations('licensed-guests', 5)).map(given) as [TestOrganization, TestOrganization];
  const draft = await inviteInto([x, y], { kind: 'guest', lastName: 'Handover' });
  expect(draft).toMatchObject({ status: 201, body: { status: 'draft' } });
  const link = await platform('POST', x, `/invitations/${draft.body.id}/link`);
  const token = new URL(link.body.url as string).pathname.split('/').at(-1) ?? '';
  expect(await userIn(y, 'Handover')).toMatchObject({ status: 'invited', invitation: { status: 'pending' } });
  const body = { password: goodPassword, username: 'hand.over' };
  expect((await usher.call('POST', `/v1/invitation-tokens/${token}/accept`, body, { key: null })).status).toBe(200);
  expect(await statuses([x, y], 'hand.over')).toEqual(['active', 'active']);
});

test('C3: who has no right in B gives the link to nobody else: not by a new address, not by hand', async () => {
  const [email, thief] = ['meant@example.com', 'thief@example.com'];
  const { body } = await inviteInto([A(), B()], { email, role: 'administrator' });
  const patched = await A().call('PATCH', `/invitations/${body.id}`, { email: thief });
  expect(patched).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
  const user = await userIn(A(), email);
  expect((await A().call('PATCH', `/users/${user.id}`, { email: thief })).status).toBe(403);
  expect((await A().call('POST', `/invitations/${body.id}/link`)).status).toBe(403);
  // Who may invite into both may correct it in both.
  const corrected = await inviter.call('PATCH', `/v1/organizations/${A().id}/invitations/${body.id}`, {
    email: 'corrected@example.com',
  });
  expect(corrected.status).toBe(200);
  expect(await statuses([A(), B()], 'corrected@example.com')).toEqual(['invited', 'invited']);
  expect((await accept((await usher.linkFor('corrected@example.com')).token)).status).toBe(200);
  expect(await statuses([A(), B()], 'corrected@example.com')).toEqual(['active', 'active']);
});

test('C3: of two who invite the same person into the same organizations at once, one is told so', async () => {
  const email = 'twice@example.com';
  const replies = await Promise.all([inviteInto([A(), B()], { email }), inviteInto([B(), A()], { email })]);
  expect(replies.map(({ status }) => status).sort()).toEqual([201, 409]);
  expect(await usher.owner('invitations').where({ email })).toHaveLength(2);
});

test('C3: of two who accept at once, one wins', async () => {
  const email = 'race@example.com';
  await inviteInto([A(), B()], { email });
  const { token } = await usher.linkFor(email);
  const replies = await Promise.all([accept(token), accept(token)]);
  expect(replies.map(({ status }) => status).sort()).toEqual([200, 410]);
  expect(await statuses([A(), B()], email)).toEqual(['active', 'active']);
});

test('C3: two who accept invitations that cross each other both come in', async () => {
  const [x, y] = (await organizations('licensed-guests', 2)).map(given) as [TestOrganization, TestOrganization];
  await inviteInto([x, y], { email: 'cross-1@example.com' });
  await inviteInto([y, x], { email: 'cross-2@example.com' });
  const links = await Promise.all(['cross-1@example.com', 'cross-2@example.com'].map((email) => usher.linkFor(email)));
  const replies = await Promise.all(links.map(({ token }) => accept(token)));
  expect(replies.map(({ status }) => status)).toEqual([200, 200]);
  for (const organization of [x, y]) expect((await organization.call('GET', '/licences')).body.used.members).toBe(2);
});

test('C3: the same idempotency key invites once', async () => {
  const body = { email: 'once@example.com', ...names, additionalOrganizationIds: [B().id] };
  const send = () =>
    usher.call('POST', `/v1/organizations/${A().id}/invitations`, body, { headers: { 'Idempotency-Key': 'several' } });
  const [first, second] = [await send(), await send()];
  expect(second).toMatchObject({ status: 201, body: first.body });
  expect(await usher.owner('invitations').where({ email: body.email })).toHaveLength(2);
});

test('C3: a forgotten password opens a pending invitation in all of its organizations', async () => {
  const email = 'forgot@example.com';
  await inviteInto([A(), B()], { email });
  await usher.linkFor(email);
  await usher.call('POST', '/v1/auth/forgot-password', { email }, { key: null });
  const mails = await usher.mail.waitForMail(email, 2);
  const token = mails
    .map(({ parsed }) => /reset-password\/([A-Za-z0-9_.-]+)/.exec(parsed.text ?? '')?.[1])
    .find(Boolean);
  const reset = await usher.call('POST', '/v1/auth/reset-password', { token, password: goodPassword }, { key: null });
  expect(reset.status).toBe(204);
  expect(await statuses([A(), B()], email)).toEqual(['active', 'active']);
});

test('C3: a new deadline by the policy of the sending organization is one everywhere', async () => {
  const [x, y] = (await organizations('28-days')).map(given) as [TestOrganization, TestOrganization];
  const email = 'deadline@example.com';
  await inviteInto([x, y], { email });
  const before = (await invitationIn(y, email)).expiresAt as string;
  await platform('PATCH', y, '/policy', { invitationLifetime: 'P3D', applyToPending: true });
  expect((await invitationIn(y, email)).expiresAt).toBe(before);
  await platform('PATCH', x, '/policy', { invitationLifetime: 'P2D', applyToPending: true });
  const [whole, part] = [await invitationIn(x, email), await invitationIn(y, email)];
  expect(Date.parse(whole.expiresAt as string)).toBeLessThan(Date.parse(before));
  expect(part.expiresAt).toBe(whole.expiresAt);
});

test('C3: at most 20 further organizations, each named by an id', async () => {
  const tooMany = Array.from({ length: 21 }, () => crypto.randomUUID());
  for (const [additionalOrganizationIds, pointer] of [
    [tooMany, '/additionalOrganizationIds'],
    [['nonsense'], '/additionalOrganizationIds/0'],
    [[crypto.randomUUID()], '/additionalOrganizationIds/0'],
  ])
    expect(await inviteInto([A()], { email: 'many@example.com', additionalOrganizationIds })).toMatchObject({
      status: 400,
      body: { errors: [{ pointer }] },
    });
});
