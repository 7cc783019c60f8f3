import knexFactory from 'knex';
import * as migration from '../../db/migrations/0004-groups';
import { moved } from '../support/clock';
import { createTestDatabase } from '../support/database';
import { type Person, signedInPerson } from '../support/people';
import { expectProblem } from '../support/problem';
import { startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let ours: TestOrganization;
let theirs: TestOrganization;
let administrator: Person;
let member: Person;
let guest: Person;
beforeAll(async () => {
  usher = await startUsher();
  [ours, theirs] = [
    await usher.createOrganization({ preset: 'licensed-guests' }),
    await usher.createOrganization({ preset: 'licensed-guests' }),
  ];
  administrator = await signedInPerson(usher, ours, 'admin@groups.test', { role: 'administrator' });
  member = await signedInPerson(usher, ours, 'member@groups.test');
  guest = await signedInPerson(usher, ours, 'guest@groups.test', { kind: 'guest' });
});
afterAll(() => usher.stop());

const path = (suffix = '') => `/v1/organizations/current/groups${suffix}`;
const unknown = '6f1f4b9e-2c8e-4f0e-9a57-3c1d1a3d4e5f';

/** Made with a key: nobody is in it. */
async function group(fields: Record<string, unknown>, organization = ours): Promise<string> {
  const created = await organization.call('POST', '/groups', fields);
  if (created.status !== 201) throw new Error(created.text);
  return created.body.id as string;
}
const put = (id: string, person: { id: string }, role = 'member') =>
  ours.call('PUT', `/groups/${id}/members/${person.id}`, { role });
const guestGroup = async (organization = ours) =>
  (await organization.call('GET', '/groups?q=guest')).body.items.find(
    (item: { isGuestGroup: boolean }) => item.isGuestGroup,
  ).id as string;

test('a group is what was asked for, with defaults for the rest, and is found by a part of its name', async () => {
  const created = await ours.call('POST', '/groups', { name: 'Research & Development' });
  expect(created).toMatchObject({
    status: 201,
    body: {
      name: 'Research & Development',
      visibility: 'open',
      permissions: [],
      membersMayInviteGuests: false,
      membersMayPublish: false,
      isGuestGroup: false,
      memberIds: [],
      administratorIds: [],
    },
  });
  const found = await member.call('GET', path('?q=SEARCH%20%26'));
  expect(found.body.items).toMatchObject([{ id: created.body.id, name: 'Research & Development' }]);
  expect((await member.call('GET', path('?q=%25'))).body.items).toEqual([]);
  expect((await ours.call('GET', `/groups/${await guestGroup()}`)).body).toMatchObject({
    name: 'guest',
    visibility: 'open',
    membersMayInviteGuests: true,
    memberIds: [guest.id],
  });
});

describe('bad input is refused with a pointer', () => {
  test.each<[string, Record<string, unknown>, string[]]>([
    ['no name', {}, ['/name']],
    ['an empty name', { name: '' }, ['/name']],
    ['a blank name', { name: '   ' }, ['/name']],
    ['a name of two lines', { name: 'a\nb' }, ['/name']],
    ['a name of 201 characters', { name: 'x'.repeat(201) }, ['/name']],
    ['an unknown visibility', { name: 'x', visibility: 'hidden' }, ['/visibility']],
    ['a text for a list', { name: 'x', permissions: 'users.manage' }, ['/permissions']],
    ['101 permissions', { name: 'x', permissions: Array.from({ length: 101 }, (_, n) => `p${n}`) }, ['/permissions']],
    ['a text for a boolean', { name: 'x', membersMayPublish: 'yes' }, ['/membersMayPublish']],
    [
      'what only answers have',
      { name: 'x', id: unknown, isGuestGroup: true, memberIds: [], organizationId: unknown, version: 7 },
      ['/id', '/isGuestGroup', '/memberIds', '/organizationId', '/version'],
    ],
  ])('%s', async (_, body, pointers) => {
    expectProblem(await ours.call('POST', '/groups', body), 'BAD_INPUT', pointers);
    const { name: _name, ...patch } = body;
    const id = await group({ name: `To be changed ${Math.random()}` });
    if (!pointers.includes('/name'))
      expectProblem(await ours.call('PATCH', `/groups/${id}`, patch), 'BAD_INPUT', pointers);
  });

  test('a role in a group that is none', async () => {
    const id = await group({ name: 'Roles' });
    for (const role of ['owner', 'staff', null])
      expectProblem(await ours.call('PUT', `/groups/${id}/members/${member.id}`, { role }), 'BAD_INPUT', ['/role']);
  });
});

test('a name is taken in any case of letters, by creating as by changing, but never by a secret group', async () => {
  await group({ name: 'Straße und Café' });
  const other = await group({ name: 'Other' });
  expectProblem(await ours.call('POST', '/groups', { name: 'STRAßE UND CAFÉ' }), 'GROUP_NAME_TAKEN', ['/name']);
  expectProblem(await ours.call('PATCH', `/groups/${other}`, { name: 'straße und café' }), 'GROUP_NAME_TAKEN');
  expectProblem(await ours.call('POST', '/groups', { name: 'Guest' }), 'GROUP_NAME_TAKEN');
  const hidden = await group({ name: 'Layoffs', visibility: 'secret' });
  const same = await administrator.call('POST', path(), { name: 'layoffs' });
  expect(same.status).toBe(201);
  expectProblem(await ours.call('PATCH', `/groups/${hidden}`, { visibility: 'open' }), 'GROUP_NAME_TAKEN');
  expect((await ours.call('PATCH', `/groups/${same.body.id}`, { name: 'Renamed' })).status).toBe(200);
  await group({ name: 'Straße und Café' }, theirs);
});

test('an ETag says which version was read: a late change is refused, and changes nothing', async () => {
  const id = await group({ name: 'Versions' });
  const read = await ours.call('GET', `/groups/${id}`);
  const headers = { 'If-Match': read.headers['etag'] ?? '' };
  const changed = await ours.call('PATCH', `/groups/${id}`, { membersMayPublish: true }, { headers });
  expect(changed).toMatchObject({ status: 200, body: { membersMayPublish: true } });
  expect(changed.headers['etag']).not.toBe(read.headers['etag']);
  expectProblem(await ours.call('PATCH', `/groups/${id}`, { name: 'Late' }, { headers }), 'PRECONDITION_FAILED');
  expectProblem(await ours.call('DELETE', `/groups/${id}`, undefined, { headers }), 'PRECONDITION_FAILED');
  expect((await ours.call('GET', `/groups/${id}`)).body.name).toBe('Versions');
  const now = { headers: { 'If-Match': changed.headers['etag'] ?? '' } };
  expect((await ours.call('DELETE', `/groups/${id}`, undefined, now)).status).toBe(204);
  expectProblem(await ours.call('GET', `/groups/${id}`), 'NOT_FOUND');
});

test('the same idempotency key makes one group', async () => {
  const headers = { 'Idempotency-Key': 'one-group' };
  const [first, second] = [
    await ours.call('POST', '/groups', { name: 'Once' }, { headers }),
    await ours.call('POST', '/groups', { name: 'Once' }, { headers }),
  ];
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(second.body).toEqual(first.body);
  const reused = await ours.call('POST', '/groups', { name: 'Twice' }, { headers });
  expectProblem(reused, 'IDEMPOTENCY_KEY_REUSED');
});

test('pages of groups are complete and without doubles', async () => {
  const here = await usher.createOrganization({ preset: 'licensed-guests' });
  for (let index = 0; index < 11; index += 1) await group({ name: `Page ${index}` }, here);
  const ids: string[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const page = await here.call('GET', `/groups?limit=5${cursor && `&cursor=${cursor}`}`);
    ids.push(...page.body.items.map((item: { id: string }) => item.id));
    cursor = page.body.nextCursor as string | null;
  }
  expect([ids.length, new Set(ids).size]).toEqual([12, 12]);
  expectProblem(await here.call('GET', '/groups?cursor=nonsense'), 'BAD_CURSOR');
});

describe('what belongs to another organization', () => {
  test('is not to be found by its ids', async () => {
    const foreign = await group({ name: 'Theirs' }, theirs);
    const own = await group({ name: 'Own' });
    const stranger = await signedInPerson(usher, theirs, 'stranger@groups.test');
    for (const [method, at, body] of [
      ['GET', `/groups/${foreign}`],
      ['PATCH', `/groups/${foreign}`, { name: 'Mine' }],
      ['DELETE', `/groups/${foreign}`],
      ['PUT', `/groups/${foreign}/members/${member.id}`, { role: 'member' }],
      ['PUT', `/groups/${own}/members/${stranger.id}`, { role: 'member' }],
      ['PUT', `/groups/${own}/members/${unknown}`, { role: 'member' }],
      ['DELETE', `/groups/${own}/members/${stranger.id}`],
      ['DELETE', `/groups/${own}/members/${member.id}`],
    ] as const)
      expectProblem(await ours.call(method, at, body), 'NOT_FOUND');
    for (const person of [administrator, stranger])
      expectProblem(
        await person.call('GET', `/v1/organizations/${person === stranger ? ours.id : theirs.id}/groups`),
        'NOT_FOUND',
      );
    const invite = { email: 'x@groups.test', groupIds: [own, foreign] };
    expectProblem(await ours.call('POST', '/invitations', invite), 'BAD_INPUT', ['/groupIds/1']);
    const given = await ours.call('PATCH', `/users/${member.id}`, { groupIds: [foreign] });
    expectProblem(given, 'BAD_INPUT', ['/groupIds/0']);
    expect((await theirs.call('GET', `/groups/${foreign}`)).body).toMatchObject({ name: 'Theirs', memberIds: [] });
  });
});

describe('a secret group, its id guessed', () => {
  let secret: string;
  let insider: Person;
  beforeAll(async () => {
    secret = await group({ name: 'Secret', visibility: 'secret', membersMayInviteGuests: true });
    insider = await signedInPerson(usher, ours, 'insider@groups.test');
    await put(secret, insider);
  });

  test.each(['GET', 'PATCH', 'DELETE', 'PUT', 'DELETE member'])(
    '%s is answered as if it did not exist, to administrators outside, too',
    async (method) => {
      const ask = (person: Person, id: string) => {
        const at = path(`/${id}${['PUT', 'DELETE member'].includes(method) ? `/members/${insider.id}` : ''}`);
        return person.call(method.split(' ')[0] ?? '', at, method === 'GET' ? undefined : { nonsense: true });
      };
      for (const person of [administrator, member, guest]) {
        const answer = await ask(person, secret);
        expectProblem(answer, 'NOT_FOUND');
        expect({ ...answer.body, requestId: '' }).toEqual({ ...(await ask(person, unknown)).body, requestId: '' });
      }
    },
  );

  test('it is in no list of theirs, nor is anybody listed by it, nor any invitation', async () => {
    const invited = await ours.invite({ kind: 'guest', email: 'hush@groups.test', groupIds: [secret] });
    for (const at of ['/invitations?limit=200', `/invitations/${invited.id}`]) {
      expect((await administrator.call('GET', `/v1/organizations/current${at}`)).text).not.toContain(secret);
      expect((await ours.call('GET', at)).text).toContain(secret);
    }
    const patched = await administrator.call('PATCH', `/v1/organizations/current/invitations/${invited.id}`, {
      groupIds: [await guestGroup()],
    });
    expect(patched.body.groupIds).toEqual([await guestGroup()]);
    expect((await ours.call('GET', `/invitations/${invited.id}`)).body.groupIds.sort()).toEqual(
      [await guestGroup(), secret].sort(),
    );
    await ours.call('POST', `/invitations/${invited.id}/cancel`);
    for (const person of [administrator, member])
      for (const at of ['/groups?limit=200', `/users?groupId=${secret}`, '/users?limit=200', `/users/${insider.id}`])
        expect((await person.call('GET', `/v1/organizations/current${at}`)).text).not.toContain(secret);
    expect((await member.call('GET', `/v1/organizations/current/users?groupId=${secret}`)).body.items).toEqual([]);
    expect((await insider.call('GET', path('?limit=200'))).text).toContain(secret);
    const listed = await insider.call('GET', `/v1/organizations/current/users?groupId=${secret}`);
    expect(listed.body.items).toContainEqual(expect.objectContaining({ id: insider.id, groupIds: [secret] }));
    // Who was only ever invited, and is not any more, is not in it.
    expect((await insider.call('GET', path(`/${secret}`))).body.memberIds).toEqual([insider.id]);
  });

  test('inviting and putting into it is answered as for a group that does not exist', async () => {
    for (const person of [administrator, member])
      for (const id of [secret, unknown]) {
        const invitation = { kind: 'guest', email: 'guess@groups.test', groupIds: [id] };
        const answer = await person.call('POST', '/v1/organizations/current/invitations', invitation);
        expectProblem(answer, 'BAD_INPUT', ['/groupIds/0']);
      }
    const given = await administrator.call('PATCH', `/v1/organizations/current/users/${member.id}`, {
      groupIds: [secret],
    });
    expectProblem(given, 'BAD_INPUT', ['/groupIds/0']);
  });

  test('who manages a user from outside neither sees it nor takes them out of it', async () => {
    const open = await group({ name: 'Known to all' });
    const at = `/v1/organizations/current/users/${insider.id}`;
    expect((await administrator.call('PATCH', at, { groupIds: [open] })).body.groupIds).toEqual([open]);
    expect((await ours.call('GET', `/users/${insider.id}`)).body.groupIds.sort()).toEqual([open, secret].sort());
    await ours.call('PATCH', `/users/${insider.id}`, { groupIds: [secret] });
  });
});

test('50 groups in one invitation are 50 groups of the person who accepts', async () => {
  const ids: string[] = [];
  for (let index = 0; index < 50; index += 1) ids.push(await group({ name: `Fifty ${index}` }));
  const person = await signedInPerson(usher, ours, 'fifty@groups.test', { kind: 'guest', groupIds: [...ids, ids[0]] });
  expect((await ours.call('GET', `/users/${person.id}`)).body.groupIds.sort()).toEqual([...ids].sort());
  expect((await person.call('GET', path('?limit=200'))).body.items).toHaveLength(50);
  const tooMany = { kind: 'guest', email: 'many@groups.test', groupIds: Array.from({ length: 201 }, () => ids[0]) };
  expectProblem(await ours.call('POST', '/invitations', tooMany), 'BAD_INPUT', ['/groupIds']);
});

test('a guest without any group is invited by nobody', async () => {
  const invitation = { kind: 'guest', email: 'none@groups.test', groupIds: [] };
  expectProblem(await ours.call('POST', '/invitations', invitation), 'BAD_INPUT', ['/groupIds']);
  const open = await ours.invite({ kind: 'guest', email: 'none@groups.test' });
  expectProblem(await ours.call('PATCH', `/invitations/${open.id}`, { groupIds: [] }), 'BAD_INPUT', ['/groupIds']);
});

describe('deleting a group', () => {
  test('that of guests is refused, and it stays open', async () => {
    const id = await guestGroup();
    expectProblem(await ours.call('DELETE', `/groups/${id}`), 'GUEST_GROUP');
    expectProblem(await ours.call('PATCH', `/groups/${id}`, { visibility: 'private' }), 'GUEST_GROUP');
    expect((await ours.call('PATCH', `/groups/${id}`, { membersMayPublish: true, visibility: 'open' })).status).toBe(
      200,
    );
  });

  test('is refused while it is the only one of a guest, invited or in, and says of how many', async () => {
    const [only, other] = [await group({ name: 'Only' }), await group({ name: 'Second' })];
    const inside = await signedInPerson(usher, ours, 'only@groups.test', { kind: 'guest', groupIds: [only] });
    await signedInPerson(usher, ours, 'both@groups.test', { kind: 'guest', groupIds: [only, other] });
    await signedInPerson(usher, ours, 'colleague@groups.test', { groupIds: [only] });
    const invited = await ours.invite({ kind: 'guest', email: 'soon@groups.test', groupIds: [only] });
    const refused = await ours.call('DELETE', `/groups/${only}`);
    expectProblem(refused, 'GROUP_NEEDED');
    expect(refused.body.detail).toMatch(/no other group: 1; open invitations of guests: 1\./);
    await put(other, inside);
    expectProblem(await ours.call('DELETE', `/groups/${only}`), 'GROUP_NEEDED');
    const patched = await ours.call('PATCH', `/invitations/${invited.id}`, { groupIds: [only, other] });
    expect(patched.status).toBe(200);
    expect((await ours.call('DELETE', `/groups/${only}`)).status).toBe(204);
    expect((await ours.call('GET', `/invitations/${invited.id}`)).body.groupIds).toEqual([other]);
    for (const email of ['only@', 'both@'])
      expect((await ours.call('GET', `/users?q=${email}`)).body.items).toMatchObject([{ groupIds: [other] }]);
    expect((await ours.call('GET', '/users?q=colleague@')).body.items).toMatchObject([{ groupIds: [] }]);
  });

  test('does not strand a guest whose expired invitation is sent again: the group of guests takes them', async () => {
    const passing = await group({ name: 'Passing' });
    const invited = await ours.invite({ kind: 'guest', email: 'late@groups.test', groupIds: [passing] });
    await usher.linkFor('late@groups.test');
    await usher
      .owner('invitations')
      .where({ id: invited.id as string })
      .update({ expires_at: moved(new Date(), -1_000) });
    expect((await ours.call('DELETE', `/groups/${passing}`)).status).toBe(204);
    expect((await ours.call('POST', `/invitations/${invited.id}/resend`)).status).toBe(200);
    const { token } = await usher.linkFor('late@groups.test', 2);
    const password = 'Winter-Is-Over-7';
    await usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password }, { key: null });
    expect((await ours.call('GET', '/users?q=late@')).body.items).toMatchObject([{ groupIds: [await guestGroup()] }]);
  });

  test('and the other group of a guest at once: one of the two stays', async () => {
    for (let round = 0; round < 4; round += 1) {
      const [one, two] = [await group({ name: `One ${round}` }), await group({ name: `Two ${round}` })];
      const invited = await ours.invite({ kind: 'guest', email: `torn-${round}@groups.test`, groupIds: [one, two] });
      if (round % 2) {
        const { token } = await usher.linkFor(`torn-${round}@groups.test`);
        const password = 'Winter-Is-Over-7';
        await usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password }, { key: null });
      }
      const answers = await Promise.all([ours.call('DELETE', `/groups/${one}`), ours.call('DELETE', `/groups/${two}`)]);
      expect(answers.map(({ status }) => status).sort()).toEqual([204, 409]);
      expect(invited.groupIds).toHaveLength(2);
      const [user] = (await ours.call('GET', `/users?q=torn-${round}@`)).body.items;
      expect(user.groupIds).toHaveLength(1);
    }
  });

  test('while somebody is invited into it: no invitation of a guest is left without a group', async () => {
    for (let round = 0; round < 6; round += 1) {
      const id = await group({ name: `Closing ${round}` });
      const [invited, deleted] = await Promise.all([
        ours.call('POST', '/invitations', { kind: 'guest', email: `hasty-${round}@groups.test`, groupIds: [id] }),
        ours.call('DELETE', `/groups/${id}`),
      ]);
      expect([
        [201, 409],
        [400, 204],
      ]).toContainEqual([invited.status, deleted.status]);
    }
  });
});

describe('people in a group', () => {
  test('somebody who has not joined yet is in it by their invitation, and administers nothing', async () => {
    const id = await group({ name: 'Early' });
    const invitation = await ours.invite({ email: 'early@groups.test' });
    const [user] = (await ours.call('GET', '/users?q=early@')).body.items;
    expect((await put(id, user)).body.memberIds).toEqual([user.id]);
    expectProblem(await put(id, user, 'administrator'), 'STATUS_CONFLICT');
    expect((await ours.call('GET', `/invitations/${invitation.id}`)).body.groupIds).toEqual([id]);
    expect((await ours.call('DELETE', `/groups/${id}/members/${user.id}`)).status).toBe(204);
    expect((await ours.call('GET', `/invitations/${invitation.id}`)).body.groupIds).toEqual([]);
    expectProblem(await ours.call('DELETE', `/groups/${id}/members/${user.id}`), 'NOT_FOUND');
  });

  test('being put into it again changes only what one is in it', async () => {
    const id = await group({ name: 'Again' });
    for (const role of ['member', 'administrator', 'administrator', 'member']) {
      const { body } = await put(id, member, role);
      expect([body.memberIds, body.administratorIds]).toEqual([[member.id], role === 'member' ? [] : [member.id]]);
    }
    await put(id, member, 'administrator');
    // Somebody else's PATCH of the user's groups does not make them less.
    await ours.call('PATCH', `/users/${member.id}`, { groupIds: [id] });
    expect((await ours.call('GET', `/groups/${id}`)).body.administratorIds).toEqual([member.id]);
    await ours.call('PATCH', `/users/${member.id}`, { groupIds: [] });
  });

  test('every change is in the audit, by ids', async () => {
    const id = await group({ name: 'Audited' });
    await put(id, member);
    await ours.call('DELETE', `/groups/${id}/members/${member.id}`);
    await ours.call('PATCH', `/groups/${id}`, { name: 'Audited well' });
    await ours.call('DELETE', `/groups/${id}`);
    const { items } = (await ours.call('GET', '/audit-events?limit=5')).body;
    expect(items.map((event: { type: string }) => event.type)).toEqual([
      'group.deleted',
      'group.changed',
      'group.member-removed',
      'group.member-put',
      'group.created',
    ]);
    for (const event of items) expect(event.data.groupId).toBe(id);
    expect(JSON.stringify(items)).not.toContain('Audited');
  });
});

test('a group of guests from before lets members invite; no other group does, and row-level security stays forced', async () => {
  const database = await createTestDatabase();
  const knex = knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 1 } });
  try {
    await knex.transaction((trx) => migration.down(trx));
    const organization = { id: unknown, name: 'Old', preset: '28-days', time_zone: 'UTC', locale: 'en', policy: '{}' };
    await knex('organizations').insert(organization);
    for (const [id, name, guests] of [
      [ours.id, 'guest', true],
      [theirs.id, 'other', false],
    ] as const)
      await knex('groups').insert({ id, organization_id: unknown, name, is_guest_group: guests });
    await knex.transaction((trx) => migration.up(trx));
    const found = await knex('groups').orderBy('name').select('name', 'visibility', 'members_may_invite_guests as may');
    expect(found).toEqual([
      { name: 'guest', visibility: 'open', may: true },
      { name: 'other', visibility: 'open', may: false },
    ]);
    const forced = await knex('pg_class').first('relforcerowsecurity as forced').where({ relname: 'groups' });
    expect(forced).toEqual({ forced: true });
  } finally {
    await knex.destroy();
    await database.drop();
  }
});
