import { type Person, signedInPerson } from '../support/people';
import { type Reply, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let organization: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  organization = await usher.createOrganization({ preset: 'licensed-guests' });
});
afterAll(() => usher.stop());

const current = (path: string) => `/v1/organizations/current${path}`;
let addresses = 0;
const invite = (person: Person, fields: Record<string, unknown> = {}): Promise<Reply> =>
  person.call('POST', current('/invitations'), { kind: 'guest', email: `g${(addresses += 1)}@d.test`, ...fields });
const putInto = async (groupId: string, person: Person, role = 'member') =>
  expect(await organization.call('PUT', `/groups/${groupId}/members/${person.id}`, { role })).toMatchObject({
    status: 200,
  });
async function group(fields: Record<string, unknown>): Promise<string> {
  const created = await organization.call('POST', '/groups', fields);
  expect(created.status).toBe(201);
  return created.body.id as string;
}
/** What a host product hears. */
async function may(person: Person, action: string, type: string, id: string): Promise<boolean> {
  const question = { subject: { type: 'user', id: person.id }, action: { name: action }, resource: { type, id } };
  const answer = await usher.call('POST', '/access/v1/evaluation', question, { key: organization.key });
  expect(answer.status).toBe(200);
  return answer.body.decision as boolean;
}

test('A1: only who is authorized invites a guest: staff, administrators, and who was given guests.invite', async () => {
  const portal = await usher.createOrganization({ preset: 'guest-portal' });
  const plain = await signedInPerson(usher, portal, 'plain@a1.test');
  const given = await signedInPerson(usher, portal, 'given@a1.test', { permissions: ['guests.invite'] });
  const staff = await signedInPerson(usher, portal, 'staff@a1.test', { staff: true });
  const guest = await signedInPerson(usher, portal, 'guest@a1.test', { kind: 'guest', permissions: ['guests.invite'] });
  expect((await invite(plain)).status).toBe(403);
  expect((await invite(guest)).status).toBe(403);
  for (const person of [given, staff]) expect((await invite(person)).status).toBe(201);
  expect((await invite(given, { kind: 'member' })).status).toBe(403);
  // What was given to a group is given to its members, from the next request on.
  const { id } = (await portal.call('POST', '/groups', { name: 'Hosts', permissions: ['guests.invite'] })).body;
  await portal.call('PUT', `/groups/${id}/members/${plain.id}`);
  await portal.call('PUT', `/groups/${id}/members/${guest.id}`);
  expect((await invite(plain)).status).toBe(201);
  expect((await invite(guest)).status).toBe(403);
  await portal.call('DELETE', `/groups/${id}/members/${plain.id}`);
  expect((await invite(plain)).status).toBe(403);
});

test('A2: the group guest is preselected, any other may be chosen, and no group makes a guest an administrator', async () => {
  const preselected = await invite(
    await signedInPerson(usher, organization, 'inviter@a2.test', { role: 'administrator' }),
  );
  const guests = (await organization.call('GET', '/groups?q=guest')).body.items[0];
  expect(preselected.body.groupIds).toEqual([guests.id]);
  const powerful = await group({
    name: 'Powerful',
    permissions: ['users.manage', 'groups.manage', 'groups.create', 'invitations.manage', 'logs.read', 'roles.give'],
  });
  const guest = await signedInPerson(usher, organization, 'guest@a2.test', { kind: 'guest', groupIds: [powerful] });
  expect((await organization.call('GET', `/users/${guest.id}`)).body.groupIds).toEqual([powerful]);
  const refused = await organization.call('PUT', `/groups/${powerful}/members/${guest.id}`, { role: 'administrator' });
  expect(refused).toMatchObject({ status: 409, body: { code: 'GUEST_NOT_ADMINISTRATOR' } });
  // Nor does a row that should not be there.
  await usher.owner('group_members').where({ account_id: guest.id }).update({ role: 'administrator' });
  await usher.owner('memberships').where({ account_id: guest.id }).update({ role: 'administrator' });
  for (const [method, path, body] of [
    ['GET', '/invitations'],
    ['GET', '/audit-events'],
    ['GET', '/users'],
    ['GET', '/policy'],
    ['POST', '/groups', { name: 'Mine' }],
    ['PATCH', `/groups/${powerful}`, { name: 'Mine' }],
    ['DELETE', `/groups/${powerful}`],
    ['PUT', `/groups/${powerful}/members/${guest.id}`],
    ['PATCH', `/users/${guest.id}`, { role: 'administrator' }],
    ['POST', '/invitations', { kind: 'guest', email: 'more@a2.test' }],
    ['POST', '/api-keys', { name: 'x' }],
  ] as const)
    expect({ path, status: (await guest.call(method, current(path), body)).status }).toEqual({ path, status: 403 });
  expect(await may(guest, 'group.administer', 'group', powerful)).toBe(false);
});

test('B2: one group at creation, more can be added afterwards', async () => {
  const [first, second] = [await group({ name: 'First' }), await group({ name: 'Then' })];
  const created = await organization.invite({ email: 'two@b2.test', groupIds: [first] });
  expect(created.groupIds).toEqual([first]);
  const [user] = (await organization.call('GET', '/users?q=two@b2')).body.items;
  const added = await organization.call('PATCH', `/users/${user.id}`, { groupIds: [first, second] });
  expect(added.body.groupIds.sort()).toEqual([first, second].sort());
  expect((await organization.call('GET', `/groups/${second}`)).body.memberIds).toEqual([user.id]);
});

test('C3: additional permissions hold for what they name, and whoever has them cannot give them away', async () => {
  const person = await signedInPerson(usher, organization, 'librarian@c3.test', {
    permissions: ['groups.create', 'groups.manage', 'logs.read', 'policy.manage'],
  });
  const made = await person.call('POST', current('/groups'), { name: 'Library' });
  expect(made).toMatchObject({ status: 201, body: { memberIds: [person.id], administratorIds: [person.id] } });
  expect((await person.call('GET', current('/audit-events'))).status).toBe(200);
  const carrying = { name: 'Keys', permissions: ['users.manage'] };
  expect((await person.call('POST', current('/groups'), carrying)).status).toBe(403);
  const given = await person.call('PATCH', current(`/groups/${made.body.id}`), { permissions: ['users.manage'] });
  expect(given.status).toBe(403);
  expect((await person.call('GET', current('/users?limit=1'))).status).toBe(200);
  for (const path of ['/invitations', '/policy']) expect((await person.call('GET', current(path))).status).toBe(403);
  // Into a group that would give them more they do not put themselves.
  const powerful = await group({ name: 'Managers', permissions: ['users.manage'] });
  expect((await person.call('PUT', current(`/groups/${powerful}/members/${person.id}`))).status).toBe(403);
  expect((await person.call('PATCH', current(`/users/${person.id}`), { groupIds: [powerful] })).status).toBe(403);
});

test('D3: every member invites guests, until an administrator switches that off', async () => {
  const here = await usher.createOrganization({ preset: 'licensed-guests' });
  const member = await signedInPerson(usher, here, 'member@d3.test');
  const administrator = await signedInPerson(usher, here, 'admin@d3.test', { role: 'administrator' });
  expect((await invite(member)).status).toBe(201);
  expect((await invite(member, { kind: 'member' })).status).toBe(403);
  expect((await invite(member, { permissions: ['logs.read'] })).status).toBe(403);
  expect((await administrator.call('PATCH', current('/policy'), { membersMayInviteGuests: false })).status).toBe(200);
  expect((await invite(member)).status).toBe(403);
  expect((await member.call('POST', current('/invitations'), 'not even looked at')).status).toBe(403);
  expect((await invite(administrator)).status).toBe(201);
});

describe('D4', () => {
  const people: Record<string, Person> = {};
  const groups: Record<string, string> = {};
  beforeAll(async () => {
    people['administrator'] = await signedInPerson(usher, organization, 'admin@d4.test', { role: 'administrator' });
    people['member'] = await signedInPerson(usher, organization, 'member@d4.test');
    people['administrator inside'] = await signedInPerson(usher, organization, 'admin-in@d4.test', {
      role: 'administrator',
    });
    people['group administrator'] = await signedInPerson(usher, organization, 'lead@d4.test');
    people['member inside'] = await signedInPerson(usher, organization, 'member-in@d4.test');
    people['guest inside'] = await signedInPerson(usher, organization, 'guest-in@d4.test', { kind: 'guest' });
    for (const visibility of ['open', 'private', 'secret'])
      for (const allowing of [true, false]) {
        const name = `${visibility}${allowing ? ', members may' : ''}`;
        const id = await group({ name, visibility, membersMayInviteGuests: allowing });
        groups[name] = id;
        for (const [who, person] of Object.entries(people)) if (who.endsWith('inside')) await putInto(id, person);
        await putInto(id, people['group administrator'], 'administrator');
      }
  });

  test.each<[string, Record<string, number>]>([
    [
      'open',
      {
        administrator: 201,
        member: 403,
        'administrator inside': 201,
        'group administrator': 201,
        'member inside': 403,
      },
    ],
    [
      'open, members may',
      {
        administrator: 201,
        member: 201,
        'administrator inside': 201,
        'group administrator': 201,
        'member inside': 201,
      },
    ],
    [
      'private',
      {
        administrator: 403,
        member: 403,
        'administrator inside': 201,
        'group administrator': 201,
        'member inside': 403,
      },
    ],
    [
      'private, members may',
      {
        administrator: 403,
        member: 403,
        'administrator inside': 201,
        'group administrator': 201,
        'member inside': 201,
      },
    ],
    // 400, as for a group that does not exist.
    [
      'secret',
      {
        administrator: 400,
        member: 400,
        'administrator inside': 201,
        'group administrator': 201,
        'member inside': 403,
      },
    ],
    [
      'secret, members may',
      {
        administrator: 400,
        member: 400,
        'administrator inside': 201,
        'group administrator': 201,
        'member inside': 201,
      },
    ],
  ])('D4: who invites guests into a group that is %s', async (name, expected) => {
    for (const [who, status] of Object.entries({ ...expected, 'guest inside': 403 })) {
      const person = people[who];
      if (!person) throw new Error(who);
      const answer = await invite(person, { groupIds: [groups[name]] });
      expect({ who, status: answer.status }).toEqual({ who, status });
      // And a host product hears the same.
      expect(await may(person, 'guests.invite', 'group', groups[name] ?? '')).toBe(status === 201);
    }
    expect(
      (await organization.invite({ kind: 'guest', email: `key-${name.length}@d4.test`, groupIds: [groups[name]] }))
        .groupIds,
    ).toEqual([groups[name]]);
  });

  test('D4: one group that is not theirs to invite into refuses the whole invitation', async () => {
    const { 'group administrator': lead } = people;
    const foreign = await group({ name: 'Somebody else’s', visibility: 'private' });
    const both = await invite(lead as Person, { groupIds: [groups['private'], foreign] });
    expect(both).toMatchObject({ status: 403, body: { errors: [{ pointer: '/groupIds/1' }] } });
  });

  test('D4: switched off for members (D3), it stays with administrators and group administrators', async () => {
    await organization.call('PATCH', '/policy', { membersMayInviteGuests: false });
    const statuses: Record<string, number> = {};
    for (const [who, person] of Object.entries(people))
      statuses[who] = (await invite(person, { groupIds: [groups['open, members may']] })).status;
    expect(statuses).toEqual({
      administrator: 201,
      member: 403,
      'administrator inside': 201,
      'group administrator': 201,
      'member inside': 403,
      'guest inside': 403,
    });
    expect((await invite(people['group administrator'] as Person)).status).toBe(403);
    await organization.call('PATCH', '/policy', { membersMayInviteGuests: true });
  });

  test('D4: a private group is seen by members, and entered by nobody alone; a secret one is not seen', async () => {
    const { member, administrator } = people as { member: Person; administrator: Person };
    for (const person of [member, administrator]) {
      const names = (await person.call('GET', current('/groups?limit=200'))).body.items.map(
        (item: { name: string }) => item.name,
      );
      expect(names).toEqual(expect.arrayContaining(['open', 'private']));
      expect(names.filter((name: string) => name.startsWith('secret'))).toEqual([]);
      expect((await person.call('GET', current(`/groups/${groups['private']}`))).status).toBe(200);
      expect((await person.call('GET', current(`/groups/${groups['secret']}`))).status).toBe(404);
      const enter = (name: string) => person.call('PUT', current(`/groups/${groups[name]}/members/${person.id}`));
      expect([(await enter('private')).status, (await enter('secret')).status]).toEqual([403, 404]);
    }
    const asUser = await administrator.call('PATCH', current(`/users/${administrator.id}`), {
      groupIds: [groups['private']],
    });
    expect(asUser.status).toBe(403);
    const lead = people['group administrator'] as Person;
    expect((await lead.call('PUT', current(`/groups/${groups['private']}/members/${member.id}`))).status).toBe(200);
    expect((await lead.call('DELETE', current(`/groups/${groups['private']}/members/${member.id}`))).status).toBe(204);
    expect((await lead.call('PATCH', current(`/groups/${groups['open']}`), { membersMayPublish: true })).status).toBe(
      200,
    );
    expect((await lead.call('POST', current('/groups'), { name: 'Another' })).status).toBe(403);
  });

  test('D4: correcting an invitation obeys the same rule', async () => {
    const { administrator } = people as { administrator: Person };
    const open = await invite(administrator, { groupIds: [groups['open']] });
    const patch = (groupIds: unknown[]) =>
      administrator.call('PATCH', current(`/invitations/${open.body.id}`), { groupIds });
    expect((await patch([groups['open'], groups['private']])).status).toBe(403);
    expect((await patch([groups['open'], groups['secret']])).body.code).toBe('BAD_INPUT');
    expect((await patch([groups['open, members may']])).status).toBe(200);
  });
});

describe('what a guest', () => {
  let guest: Person;
  let fellow: Person;
  let colleague: Person;
  let open: string;
  let theirs: string;
  let silent: string;
  beforeAll(async () => {
    open = await group({ name: 'Open to members' });
    theirs = await group({ name: 'With guests', membersMayPublish: true, membersMayInviteGuests: true });
    silent = await group({ name: 'Read only' });
    guest = await signedInPerson(usher, organization, 'guest@d8.test', { kind: 'guest', groupIds: [theirs, silent] });
    fellow = await signedInPerson(usher, organization, 'fellow@d8.test', { groupIds: [theirs, open] });
    colleague = await signedInPerson(usher, organization, 'colleague@d8.test', { groupIds: [open] });
  });

  test('D8: may do in their groups, as host products hear it', async () => {
    for (const action of ['content.publish', 'drive.read', 'directory.read', 'discussion.write', 'group.read'])
      expect({ action, may: await may(guest, action, 'group', theirs) }).toEqual({ action, may: true });
    expect(await may(guest, 'content.publish', 'group', silent)).toBe(false);
    expect(await may(guest, 'drive.read', 'group', silent)).toBe(true);
    expect(await may(guest, 'profile.read', 'user', fellow.id)).toBe(true);
    expect(await may(guest, 'profile.read', 'user', guest.id)).toBe(true);
    expect(await may(guest, 'orgchart.read', 'organization', organization.id)).toBe(true);
  });

  test('D8: reads here: their groups, who is in them, and the profiles of those', async () => {
    const listed = (await guest.call('GET', current('/groups'))).body.items;
    expect(listed.map(({ id }: { id: string }) => id).sort()).toEqual([theirs, silent].sort());
    const read = await guest.call('GET', current(`/groups/${theirs}`));
    expect(read.body.memberIds.sort()).toEqual([guest.id, fellow.id].sort());
    const directory = await guest.call('GET', current(`/users?groupId=${theirs}`));
    expect(directory.body.items.map(({ id }: { id: string }) => id).sort()).toEqual([guest.id, fellow.id].sort());
    const profile = await guest.call('GET', current(`/users/${fellow.id}`));
    // Of another's groups they learn those that they share.
    expect(profile).toMatchObject({ status: 200, body: { displayName: 'Ada Lovelace', groupIds: [theirs] } });
    expect(profile.text).not.toContain(open);
    expect((await guest.call('GET', current(`/users/${guest.id}`))).body.displayName).toBe('Ada Lovelace (guest)');
  });

  test('D9: may not, as host products hear it', async () => {
    for (const action of ['group.read', 'drive.read', 'directory.read', 'discussion.write', 'content.publish'])
      expect({ action, may: await may(guest, action, 'group', open) }).toEqual({ action, may: false });
    for (const id of [theirs, open])
      for (const action of ['group.administer', 'guests.invite', 'members.invite'])
        expect({ action, may: await may(guest, action, 'group', id) }).toEqual({ action, may: false });
    for (const action of ['group.create', 'guests.invite', 'members.invite'])
      expect({ action, may: await may(guest, action, 'organization', organization.id) }).toEqual({
        action,
        may: false,
      });
    expect(await may(guest, 'profile.read', 'user', colleague.id)).toBe(false);
  });

  test('D9: does not reach here: other groups, even open ones, other people, invitations, administration', async () => {
    expect((await guest.call('GET', current(`/groups/${open}`))).status).toBe(404);
    expect((await guest.call('PUT', current(`/groups/${open}/members/${guest.id}`))).status).toBe(404);
    expect((await guest.call('GET', current(`/users/${colleague.id}`))).status).toBe(404);
    for (const path of ['/users', `/users?groupId=${open}`])
      expect((await guest.call('GET', current(path))).status).toBe(403);
    expect((await guest.call('POST', current('/groups'), { name: 'Mine' })).status).toBe(403);
    expect((await invite(guest, { groupIds: [theirs] })).status).toBe(403);
    expect((await guest.call('PATCH', current(`/groups/${theirs}`), { name: 'Mine' })).status).toBe(403);
  });

  test('D9: losing the last shared group hides a profile from the next request on', async () => {
    const other = await signedInPerson(usher, organization, 'passing@d9.test', { groupIds: [silent] });
    const look = () => guest.call('GET', current(`/users/${other.id}`));
    expect((await look()).status).toBe(200);
    await organization.call('DELETE', `/groups/${silent}/members/${other.id}`);
    expect((await look()).status).toBe(404);
  });

  test('a member without a role: sees open and private groups, looks into open ones, and administers none', async () => {
    expect(await may(colleague, 'group.read', 'group', theirs)).toBe(true);
    expect(await may(colleague, 'drive.read', 'group', theirs)).toBe(true);
    expect(await may(colleague, 'discussion.write', 'group', theirs)).toBe(false);
    expect(await may(colleague, 'group.administer', 'group', open)).toBe(false);
    expect(await may(colleague, 'profile.read', 'user', guest.id)).toBe(true);
    expect((await colleague.call('POST', current('/groups'), { name: 'Mine' })).status).toBe(403);
    expect((await colleague.call('DELETE', current(`/groups/${open}`))).status).toBe(403);
  });
});
