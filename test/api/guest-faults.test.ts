import { takeSeat } from '../../db/commands/take-seat';
import { inOrganization, openDatabase } from '../../db/database';
import { moved, setClock } from '../support/clock';
import { signedInPerson, type Person, visitor } from '../support/people';
import { tokenOf } from '../support/token';
import { eventually, goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let home: TestOrganization;
let host: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  home = await usher.createOrganization({ preset: '28-days', name: 'Home' });
  host = await usher.createOrganization({ preset: 'licensed-guests', name: 'Host' });
});
afterEach(() => setClock(usher, null));
afterAll(() => usher.stop());

const name = { firstName: 'Ada', lastName: 'Lovelace' };
const at = (path: string) => `/v1/organizations/${host.id}${path}`;
const answer = (invitation: { id: string; generation: number }, what = 'accept') =>
  usher.call(
    'POST',
    `/v1/invitation-tokens/${tokenOf(usher, invitation)}/${what}`,
    what === 'accept' ? { password: goodPassword } : {},
    { key: null },
  );
const group = async (fields: Record<string, unknown>) => (await host.call('POST', '/groups', fields)).body.id as string;
const guestGroup = async (): Promise<string> =>
  (
    (await usher.owner('groups').first('id').where({ organization_id: host.id, is_guest_group: true })) as {
      id: string;
    }
  ).id;

/** Somebody at home elsewhere who has come in here. */
async function guest(email: string, fields: Record<string, unknown> = {}): Promise<Person> {
  const person = await signedInPerson(usher, home, email);
  const invitation = await host.invite({ kind: 'guest', email, ...fields });
  const accepted = await person.call('POST', `/v1/me/invitations/${invitation.id}/accept`);
  if (accepted.status !== 200) throw new Error(accepted.text);
  return person;
}

describe('an invitation', () => {
  test('stays valid when whoever made it has lost the right to, or is gone', async () => {
    const ira = await signedInPerson(usher, host, 'right-lost@example.com', { role: 'staff' });
    const [first, second] = await Promise.all(
      ['right-1@example.com', 'right-2@example.com'].map((email) =>
        ira.call('POST', at('/invitations'), { kind: 'guest', email }),
      ),
    );
    expect([first?.status, second?.status]).toEqual([201, 201]);
    await host.call('PATCH', '/policy', { membersMayInviteGuests: false });
    expect((await host.call('PATCH', `/users/${ira.id}`, { role: 'member' })).status).toBe(200);
    expect((await ira.call('POST', at('/invitations'), { kind: 'guest', email: 'right-3@example.com' })).status).toBe(
      403,
    );
    expect((await answer(first?.body)).status).toBe(200);
    expect((await host.call('DELETE', `/users/${ira.id}`)).status).toBe(204);
    expect((await answer(second?.body)).status).toBe(200);
    await host.call('PATCH', '/policy', { membersMayInviteGuests: true });
  });

  test('of two organizations to the same new address at once makes two, and one account of whoever accepts both', async () => {
    const email = 'both@example.com';
    const [ours, theirs] = await Promise.all(
      [host, home].map((organization) => organization.invite({ email, ...name })),
    );
    expect((await answer(ours)).status).toBe(200);
    const second = await answer(theirs);
    expect(second).toMatchObject({ status: 409, body: { code: 'SIGN_IN_REQUIRED' } });
    const person = visitor(usher);
    await person.signIn(email);
    expect((await person.call('POST', `/v1/me/invitations/${theirs.id}/accept`)).status).toBe(200);
    const users = await Promise.all(
      [host, home].map(async (organization) => (await organization.call('GET', `/users?q=${email}`)).body.items),
    );
    expect(users).toMatchObject([[{ status: 'active' }], [{ status: 'active' }]]);
    expect(users[0][0].id).toBe(users[1][0].id);
    expect(await usher.owner('accounts').where({ email })).toHaveLength(1);
  });

  test('to oneself, and to a member as guest or the reverse, is refused and says so', async () => {
    const ora = await signedInPerson(usher, host, 'oneself@example.com', { role: 'administrator' });
    const gil = await guest('a-guest@example.com');
    const self = await ora.call('POST', at('/invitations'), { kind: 'guest', email: ora.email });
    expect(self).toMatchObject({ status: 409, body: { code: 'ALREADY_MEMBER' } });
    const reverse = await ora.call('POST', at('/invitations'), { kind: 'member', email: gil.email });
    expect(reverse).toMatchObject({ status: 409, body: { code: 'ALREADY_MEMBER' } });
    expect([self.body.detail, reverse.body.detail]).toEqual([
      expect.stringMatching(/member/),
      expect.stringMatching(/guest/),
    ]);
  });

  test('that was declined is not accepted afterwards', async () => {
    const invitation = await host.invite({ kind: 'guest', email: 'declined@example.com' });
    expect((await answer(invitation, 'decline')).status).toBe(200);
    expect(await answer(invitation)).toMatchObject({ status: 410, body: { code: 'INVITATION_ANSWERED' } });
    expect((await host.call('GET', '/guests?q=declined@')).body.items).toMatchObject([{ status: 'inactive' }]);
  });

  test('is accepted a millisecond before its deadline, and not at it, where its seat is free for another', async () => {
    const organization = await usher.createOrganization({ preset: 'licensed-guests', licences: 1 });
    const late = await organization.invite({ email: 'border-late@example.com' });
    await setClock(usher, moved(late.expiresAt as string, 0));
    expect(await answer(late)).toMatchObject({ status: 410, body: { code: 'INVITATION_EXPIRED' } });
    const next = await organization.invite({ email: 'border-next@example.com' });
    await setClock(usher, moved(next.expiresAt as string, -1));
    expect((await answer(next)).status).toBe(200);
    await setClock(usher, moved(next.expiresAt as string, 0));
    expect((await organization.call('GET', '/licences')).body.used).toEqual({ members: 1, multiGroupGuests: 0 });
    expect((await organization.call('POST', '/invitations', { email: 'border-none@example.com' })).body.code).toBe(
      'NO_SEAT',
    );
  });
});

test('E9: at the very midnight it is over, for who has a new password only and for the link; not for who has signed in', async () => {
  const organization = await usher.createOrganization({ preset: '28-days' });
  const people = ['midnight-password', 'midnight-in', 'midnight-link'].map((who) => `${who}@example.com`);
  const invitations = await Promise.all(people.map((email) => organization.invite({ email })));
  await setClock(usher, moved(invitations[2].expiresAt as string, 1));
  const ids = await Promise.all(
    people.map(async (email) => (await organization.call('GET', `/users?q=${email}`)).body.items[0].id as string),
  );
  const activated = await Promise.all(ids.map((id) => organization.call('POST', `/users/${id}/activate`)));
  const midnight = activated[0]?.body.reactivationDeadline as string;
  const links = await Promise.all(
    people.map((email) =>
      eventually(
        () =>
          Promise.resolve(
            usher.mail.messages
              .filter(({ to }) => to.includes(email))
              .flatMap(({ parsed }) => /reset-password\/([\w-]+)/.exec(parsed.text ?? '')?.[1] ?? []),
          ),
        (found) => found.length > 0,
        45_000,
      ),
    ),
  );
  const reset = (index: number) =>
    usher.call('POST', '/v1/auth/reset-password', { token: links[index]?.[0], password: goodPassword }, { key: null });
  const statuses = async () =>
    Promise.all(ids.map(async (id) => (await organization.call('GET', `/users/${id}`)).body.status as string));
  await setClock(usher, moved(midnight, -1));
  expect([(await reset(0)).status, (await reset(1)).status]).toEqual([204, 204]);
  const inside = visitor(usher);
  expect((await inside.signIn(people[1] ?? '')).status).toBe(200);
  expect(await statuses()).toEqual(['active', 'active', 'active']);
  await setClock(usher, moved(midnight, 0));
  expect(await statuses()).toEqual(['inactive', 'active', 'inactive']);
  expect((await visitor(usher).signIn(people[0] ?? '')).status).toBe(401);
  expect((await inside.call('GET', '/v1/me')).status).toBe(200);
  expect((await reset(2)).status).toBe(410);
});

describe('temporary access', () => {
  test('is over at its very instant for every question, and whoever had it is invited again', async () => {
    const end = new Date(Date.now() + 3_600_000);
    const tom = await guest('ended@example.com', { accessEndsAt: end.toISOString() });
    const question = {
      subject: { type: 'user', id: tom.id },
      action: { name: 'discussion.write' },
      resource: { type: 'group', id: await guestGroup() },
      context: { organizationId: host.id },
    };
    const seen = async () => ({
      groups: (await tom.call('GET', at('/groups'))).status,
      decision: (await usher.call('POST', '/access/v1/evaluation', question)).body.decision as boolean,
      status: (await host.call('GET', `/users/${tom.id}`)).body.status as string,
    });
    await usher.stopWorker();
    await setClock(usher, moved(end, -1));
    expect(await seen()).toEqual({ groups: 200, decision: true, status: 'active' });
    await setClock(usher, end);
    expect(await seen()).toEqual({ groups: 404, decision: false, status: 'inactive' });
    const again = await host.call('POST', '/invitations', { kind: 'guest', email: tom.email });
    expect(again.status).toBe(201);
    expect((await tom.call('POST', `/v1/me/invitations/${again.body.id}/accept`)).status).toBe(200);
    expect(await seen()).toEqual({ groups: 200, decision: true, status: 'active' });
    const log = (await host.call('GET', '/guest-log?q=ended@')).body.items;
    expect(log).toMatchObject([
      { reason: 'accepted' },
      { reason: 'access-ended', at: end.toISOString() },
      { reason: 'accepted' },
    ]);
    await usher.startWorker();
  });

  test('ends with the guest: a run that waits is told of the removal', async () => {
    const una = await guest('removed-run@example.com', {
      accessEndsAt: new Date(Date.now() + 3_600_000).toISOString(),
    });
    const run = usher.temporal.workflow.getHandle(`guest-access:${host.id}:${una.id}`);
    await eventually(
      () => run.describe().catch(() => null),
      (found) => found?.status.name === 'RUNNING',
    );
    expect((await host.call('DELETE', `/guests/${una.id}`)).status).toBe(204);
    await run.result();
    await eventually(
      () => usher.owner('removed_guests').where({ account_id: una.id }),
      (left) => left.length === 0,
    );
  });

  test('a sponsor is a member here: no guest, nobody from elsewhere, nobody who is not there', async () => {
    const member = await signedInPerson(usher, host, 'sponsor@example.com');
    const vic = await guest('sponsored@example.com', { sponsorId: member.id });
    const stranger = await signedInPerson(usher, home, 'no-sponsor@example.com');
    for (const sponsorId of [vic.id, stranger.id, crypto.randomUUID()]) {
      const refused = { status: 400, body: { errors: [{ pointer: '/sponsorId' }] } };
      const wish = { kind: 'guest', email: 'unsponsored@example.com', sponsorId };
      expect(await host.call('POST', '/invitations', wish)).toMatchObject(refused);
      expect(await host.call('PATCH', `/guests/${vic.id}`, { sponsorId })).toMatchObject(refused);
    }
  });
});

describe('groups of a guest', () => {
  test('are taken away by whoever may, in whichever way they try', async () => {
    const [open, closed] = [await group({ name: 'Way in' }), await group({ name: 'Closed', visibility: 'private' })];
    const wim = await guest('two-groups@example.com', { groupIds: [open, closed] });
    const staff = await signedInPerson(usher, host, 'outside@example.com', { role: 'staff' });
    const refused = { status: 403, body: { code: 'FORBIDDEN' } };
    for (const path of [`/users/${wim.id}`, `/guests/${wim.id}`])
      expect(await staff.call('PATCH', at(path), { groupIds: [open] })).toMatchObject(refused);
    expect(await staff.call('DELETE', at(`/groups/${closed}/members/${wim.id}`))).toMatchObject(refused);
    expect((await host.call('GET', `/users/${wim.id}`)).body.groupIds.sort()).toEqual([open, closed].sort());
    // The open one is theirs to take, and the closed one may stay.
    expect((await staff.call('PATCH', at(`/guests/${wim.id}`), { groupIds: [closed] })).status).toBe(200);
    const invitation = await host.invite({ kind: 'guest', email: 'two-planned@example.com', groupIds: [open, closed] });
    expect(await staff.call('PATCH', at(`/invitations/${invitation.id}`), { groupIds: [open] })).toMatchObject(refused);
  });

  test('are at least one, in or invited', async () => {
    const xia = await guest('last-group@example.com');
    await host.invite({ kind: 'guest', email: 'last-planned@example.com' });
    const invited = (await host.call('GET', '/guests?q=last-planned@')).body.items[0].id as string;
    const only = await guestGroup();
    for (const id of [xia.id, invited]) {
      const needed = { status: 409, body: { code: 'GROUP_NEEDED' } };
      expect(await host.call('PATCH', `/users/${id}`, { groupIds: [] })).toMatchObject(needed);
      expect(await host.call('DELETE', `/groups/${only}/members/${id}`)).toMatchObject(needed);
      expect((await host.call('GET', `/users/${id}`)).body.groupIds).toEqual([only]);
    }
  });

  test('that are secret are in the audit for whoever knows them, and for keys', async () => {
    const secret = await group({ name: 'Secret', visibility: 'secret' });
    const staff = await signedInPerson(usher, host, 'auditor@example.com', { role: 'staff' });
    const yan = await guest('in-secret@example.com');
    await host.call('PUT', `/groups/${secret}/members/${yan.id}`);
    await host.call('PUT', `/groups/${await group({ name: 'Seen' })}/members/${yan.id}`);
    const path = `/audit-events?userId=${yan.id}&type=group.member-put`;
    const named = (items: { data: object }[]) => items.map(({ data }) => 'groupId' in data);
    expect(named((await host.call('GET', path)).body.items)).toEqual([true, true]);
    expect(named((await staff.call('GET', at(path))).body.items)).toEqual([true]);
    const all = '/audit-events?type=group.created&limit=200';
    const created = async () => (await staff.call('GET', at(all))).body.items.length as number;
    const known = await created();
    expect((await host.call('GET', all)).body.items.length).toBeGreaterThan(known);
    const table = await staff.call('GET', at('/audit-events'), undefined, { headers: { accept: 'text/csv' } });
    expect(table.text).not.toContain(secret);
    await host.call('PUT', `/groups/${secret}/members/${staff.id}`);
    expect(named((await staff.call('GET', at(path))).body.items)).toEqual([true, true]);
    expect(await created()).toBe(known + 1);
    expect((await host.call('DELETE', `/groups/${secret}`)).status).toBe(204);
    expect(named((await staff.call('GET', at(path))).body.items)).toEqual([true]);
    expect(await created()).toBe(known);
    expect((await staff.call('GET', at('/audit-events?type=group.deleted'))).body.items).toEqual([]);
    expect(named((await host.call('GET', path)).body.items)).toEqual([true, true]);
  });
});

test('who is erased is named nowhere any more, as guest or as whoever invited, in organizations they have left too', async () => {
  const zoe = await signedInPerson(usher, home, 'erased-inviter@example.com', { role: 'staff' });
  const left = await guest('erased-guest@example.com');
  const wish = { kind: 'guest', email: 'invited-by-zoe@example.com' };
  const invitation = await zoe.call('POST', `/v1/organizations/${home.id}/invitations`, wish);
  expect((await answer(invitation.body)).status).toBe(200);
  const log = async () =>
    (await home.call('GET', '/guest-log?q=invited-by-zoe')).body.items[0].invitedBy.displayName as string | null;
  expect(await log()).toBe('Ada Lovelace');
  expect((await left.call('DELETE', `/v1/me/organizations/${host.id}`)).status).toBe(204);
  for (const { id } of [zoe, left]) expect((await home.call('DELETE', `/users/${id}`)).status).toBe(204);
  expect(await log()).toBe('User');
  expect(await usher.owner('guest_log').where({ account_id: left.id }).distinct('name', 'email')).toEqual([
    { name: null, email: null },
  ]);
  expect((await home.call('GET', `/invitations/${invitation.body.id}`)).body.invitedBy.displayName).not.toMatch(
    /Ada|Lovelace/,
  );
});

test('D2: a limit waits for commands that began without one, and counts what they have done', async () => {
  const organization = await usher.createOrganization({ preset: 'licensed-guests' });
  await organization.invite({ email: 'before-limit@example.com' });
  const database = openDatabase(usher.database.url);
  let limited: Promise<{ status: number; body: { code: string } }> | undefined;
  let answered = false;
  try {
    await inOrganization(database, organization.id, async (trx) => {
      await takeSeat(trx, organization.id, 'licence');
      // Without a limit nobody waits for anybody.
      await organization.invite({ email: 'beside-limit@example.com' });
      limited = usher.call('PATCH', `/v1/organizations/${organization.id}`, { licences: 0 });
      void limited.then(() => (answered = true));
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(answered).toBe(false);
    });
    expect(await limited).toMatchObject({ status: 409, body: { code: 'LICENCES_IN_USE' } });
  } finally {
    await database.destroy();
  }
});

describe('what was given beyond the role', () => {
  test('guests.manage is enough for guests, and for nobody else', async () => {
    const bob = await signedInPerson(usher, host, 'guests-only@example.com', { permissions: ['guests.manage'] });
    const cai = await guest('managed-guest@example.com');
    const member = await signedInPerson(usher, host, 'managed-member@example.com');
    expect((await bob.call('GET', at('/guests?q=managed-guest'))).body.items).toMatchObject([{ id: cai.id }]);
    expect((await bob.call('PATCH', at(`/guests/${cai.id}`), { sponsorId: bob.id })).status).toBe(200);
    for (const action of ['suspend', 'resume'])
      expect((await bob.call('POST', at(`/users/${cai.id}/${action}`))).status).toBe(200);
    expect((await bob.call('POST', at(`/users/${member.id}/suspend`))).status).toBe(403);
    expect((await bob.call('DELETE', at(`/users/${member.id}`))).status).toBe(403);
    expect((await bob.call('DELETE', at(`/guests/${member.id}`))).status).toBe(404);
    expect((await bob.call('DELETE', at(`/guests/${cai.id}`))).status).toBe(204);
    const users = await signedInPerson(usher, host, 'users-only@example.com', { permissions: ['users.manage'] });
    expect((await users.call('GET', at('/guests'))).status).toBe(200);
  });

  test('lets nobody in with more, nor manages who has more, be it by a group', async () => {
    const powerful = await group({ name: 'Powerful', permissions: ['logs.read'] });
    const permissions = ['invitations.manage', 'users.manage'];
    const dee = await signedInPerson(usher, host, 'holder@example.com', { permissions });
    const wishes = [{ permissions: ['logs.read'] }, { groupIds: [powerful] }, { permissions: ['users.manage'] }];
    const invited = [];
    for (const [index, wish] of wishes.entries())
      invited.push(await host.invite({ email: `holder-${index}@example.com`, ...wish }));
    const tried = [];
    for (const [index, { id }] of invited.entries()) {
      const [user] = (await host.call('GET', `/users?q=holder-${index}@`)).body.items;
      tried.push([
        (await dee.call('POST', at(`/invitations/${id}/resend`))).status,
        (await dee.call('PATCH', at(`/invitations/${id}`), { email: `mine-${index}@example.com` })).status,
        (await dee.call('POST', at(`/invitations/${id}/link`))).status,
        (await dee.call('DELETE', at(`/users/${user.id}`))).status,
      ]);
    }
    expect(tried).toEqual([
      [403, 403, 403, 403],
      [403, 403, 403, 403],
      [200, 200, 200, 204],
    ]);
    const strong = await signedInPerson(usher, host, 'stronger@example.com', { groupIds: [powerful] });
    expect((await dee.call('POST', at(`/users/${strong.id}/deactivate`))).status).toBe(403);
    expect((await host.call('POST', `/users/${strong.id}/deactivate`)).status).toBe(200);
  });
});

test('of somebody who is at home nowhere, the platform alone resets a second factor that was lost', async () => {
  const invitation = await host.invite({ kind: 'guest', email: 'homeless@example.com' });
  const { body } = await answer(invitation);
  await usher
    .owner('two_factors')
    .insert({ account_id: body.userId, method: 'email' })
    .onConflict('account_id')
    .merge();
  const path = `/users/${body.userId}/reset-two-factor`;
  expect((await host.call('POST', path)).status).toBe(403);
  expect((await usher.call('POST', at(path))).status).toBe(200);
  expect((await usher.call('POST', at(`/users/${body.userId}/reset-password`))).status).toBe(403);
  const events = (await host.call('GET', `/audit-events?userId=${body.userId}&type=user.two-factor-reset`)).body.items;
  expect(events).toMatchObject([{ actor: { type: 'platform' } }]);
});
