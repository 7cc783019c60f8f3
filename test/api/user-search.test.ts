import { randomUUID } from 'node:crypto';
import type { UserStatus } from '../../domain/account';
import { openDatabase, inOrganization, type Database } from '../../db/database';
import { findCalled } from '../../db/queries/find-called';
import { countSeats } from '../../db/queries/count-seats';
import { listSeatHolders, type SeatHolder } from '../../db/queries/list-seat-holders';
import { findUser, listUsers, type User, type UserFilter } from '../../db/queries/list-users';
import { startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let database: Database;
let organizations: TestOrganization[];
let everybody: User[][];
let groupIds: string[];

const day = 86_400_000;
const random = (() => {
  // The same people in every run.
  let state = 7;
  return (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
})();
const oneOf = <T>(...values: T[]): T => values[random(values.length)] as T;

/** Every way to be in an organization: what the commands make of people, and what a clock makes of them meanwhile. */
const situations = [
  { membership: 'invited', account: 'invited', invitation: 'pending', expiresIn: 5 },
  { membership: 'invited', account: 'invited', invitation: 'pending', expiresIn: -5 },
  { membership: 'invited', account: 'invited', invitation: 'draft' },
  { membership: 'invited', account: 'invited', invitation: 'expired', expiresIn: -5 },
  { membership: 'inactive', reason: 'expired', account: 'inactive', invitation: 'expired', expiresIn: -5 },
  { membership: 'inactive', reason: 'cancelled', account: 'inactive', invitation: 'cancelled', expiresIn: 5 },
  {
    membership: 'inactive',
    reason: 'expired',
    account: 'active',
    invitation: 'expired',
    deadlineIn: 0.2,
    activated: true,
  },
  {
    membership: 'inactive',
    reason: 'expired',
    account: 'active',
    invitation: 'expired',
    deadlineIn: -0.2,
    activated: true,
  },
  {
    membership: 'inactive',
    reason: 'expired',
    account: 'active',
    invitation: 'expired',
    deadlineIn: 0.2,
    activated: true,
    away: true,
  },
  { membership: 'inactive', reason: 'expired', account: 'deactivated', invitation: 'expired', activated: true },
  { membership: 'active', account: 'active', activated: true, joined: true },
  { membership: 'active', account: 'active', activated: true, joined: true, invitation: 'accepted', expiresIn: -5 },
  { membership: 'active', account: 'active', activated: true, joined: true, deadlineIn: 0.2 },
  { membership: 'active', account: 'active', activated: true, joined: true, deadlineIn: -0.2 },
  { membership: 'active', account: 'inactive', activated: true, joined: true },
  { membership: 'active', account: 'inactive', activated: true, joined: true, away: true },
  { membership: 'active', account: 'deactivated', activated: true, joined: true },
  { membership: 'active', account: 'active', activated: true, joined: true, accessEndsIn: 0.2 },
  { membership: 'active', account: 'active', activated: true, joined: true, accessEndsIn: -0.2 },
  { membership: 'active', account: 'active', activated: true, joined: true, accessEndsIn: -0.2, away: true },
  { membership: 'active', account: 'active', activated: true, joined: true, accessEndsIn: -0.2, deadlineIn: -0.2 },
  { membership: 'active', account: 'inactive', activated: true, joined: true, accessEndsIn: -0.2 },
  { membership: 'active', account: 'deactivated', activated: true, joined: true, accessEndsIn: -0.2 },
  { membership: 'suspended', account: 'active', activated: true, joined: true },
  { membership: 'suspended', account: 'active', activated: true, joined: true, accessEndsIn: -0.2 },
  { membership: 'suspended', account: 'deactivated', activated: true, joined: true, away: true },
] as {
  membership: 'invited' | 'active' | 'inactive' | 'suspended';
  reason?: string;
  account: string;
  invitation?: string;
  expiresIn?: number;
  deadlineIn?: number;
  /** Temporary access, which guests have. */
  accessEndsIn?: number;
  activated?: boolean;
  joined?: boolean;
  /** At home in another organization. */
  away?: boolean;
}[];

const daysFromNow = (days: number | undefined): Date | null =>
  days === undefined ? null : new Date(Date.now() + days * day);

async function settle(organization: TestOrganization, elsewhere: TestOrganization, index: number): Promise<void> {
  const situation = situations[index % situations.length];
  if (!situation) throw new Error('no situation');
  const id = randomUUID();
  const invitationId = situation.invitation ? randomUUID() : null;
  // Several share their millisecond.
  const createdAt = new Date(Date.UTC(2026, 0, 1) + Math.floor(index / 4) * 1_000);
  const names = () => ({
    username: `${oneOf('ada', 'Alan', 'grace')}-${randomUUID().slice(0, 8)}`,
    first_name: oneOf('Ada', 'Zoë', 'under_score', null),
    last_name: oneOf('Love%lace', 'HOPPER', 'O\\Neil', null),
  });
  const group = oneOf(null, ...groupIds.slice(0, 2));
  await usher.owner('accounts').insert({
    id,
    [situation.activated ? 'email' : 'invited_email']: `Known-${randomUUID().slice(0, 8)}@${oneOf('a', 'b')}.test`,
    ...names(),
    status: situation.account,
    home_organization_id: situation.away ? elsewhere.id : organization.id,
    activated_at: situation.activated ? createdAt : null,
    reactivation_deadline: daysFromNow(situation.deadlineIn),
    created_at: createdAt,
  });
  const kind = situation.accessEndsIn === undefined ? oneOf('member', 'guest') : 'guest';
  await usher.owner('memberships').insert({
    organization_id: organization.id,
    account_id: id,
    kind,
    status: situation.membership,
    inactive_reason: situation.reason ?? null,
    invitation_id: invitationId,
    joined_at: situation.joined ? createdAt : null,
    access_ends_at: daysFromNow(situation.accessEndsIn),
    created_at: createdAt,
  });
  if (invitationId)
    await usher.owner('invitations').insert({
      id: invitationId,
      organization_id: organization.id,
      account_id: id,
      kind,
      status: situation.invitation,
      email: `written-${randomUUID().slice(0, 8)}@${oneOf('a', 'b')}.test`,
      ...names(),
      group_ids: group ? [group] : [],
      invited_by_type: 'platform',
      expires_at: daysFromNow(situation.expiresIn),
      created_at: createdAt,
    });
  if (group && situation.joined)
    await usher.owner('group_members').insert({ organization_id: organization.id, group_id: group, account_id: id });
}

const list = async (organization: TestOrganization, filter: Partial<UserFilter>) =>
  inOrganization(database, organization.id, (trx) =>
    listUsers(trx, organization.id, { limit: 200, cursor: undefined, ...filter }),
  );

async function walk(organization: TestOrganization, filter: Partial<UserFilter>): Promise<User[]> {
  const users: User[] = [];
  for (let cursor: string | undefined, pages = 0; pages < 100; pages += 1) {
    const page = await list(organization, { ...filter, cursor });
    users.push(...page.items);
    if (page.nextCursor === null) return users;
    cursor = page.nextCursor;
  }
  throw new Error('a list without an end');
}

const idsOf = (users: User[]): string[] => users.map(({ id }) => id);

beforeAll(async () => {
  usher = await startUsher({ worker: false });
  database = openDatabase(usher.database.url);
  organizations = [
    await usher.createOrganization({}, { onExpiry: 'inactive' }),
    await usher.createOrganization({}, { onExpiry: 'keep-invited' }),
  ];
  const [one, other] = organizations as [TestOrganization, TestOrganization];
  for (const [organization, elsewhere] of [
    [one, other],
    [other, one],
  ] as const) {
    const ids = [randomUUID(), randomUUID(), randomUUID()];
    groupIds = ids;
    for (const id of ids)
      await usher.owner('groups').insert({ id, organization_id: organization.id, name: `group ${id}` });
    for (let index = 0; index < 190; index += 1) await settle(organization, elsewhere, index);
  }
  everybody = [await walk(one, {}), await walk(other, {})];
});
afterAll(async () => {
  await database?.destroy();
  await usher.stop();
});

const statuses: UserStatus[] = ['invited', 'active', 'inactive', 'deactivated', 'suspended'];

describe.each([
  [0, 'makes inactive'],
  [1, 'keeps invited'],
])('in organization %d, whose policy %s who is overdue,', (which) => {
  const ours = () => organizations[which] as TestOrganization;
  const all = () => everybody[which] ?? [];

  test('there are people of every status, each listed once, newest first', () => {
    expect(all()).toHaveLength(190);
    expect(new Set(idsOf(all())).size).toBe(190);
    expect(new Set(all().map(({ status }) => status))).toEqual(new Set(statuses));
    const overdue = all().filter(({ invitation, status }) => invitation?.status === 'expired' && status === 'invited');
    expect(overdue.length > 10).toBe(which === 1);
    const keys = all().map(({ createdAt, id }) => `${createdAt.toISOString()} ${id}`);
    expect(keys).toEqual([...keys].sort().reverse());
  });

  test('a filter lists the same people as the whole list, filtered, with every other filter and in pages of 7', async () => {
    const groups = [...new Set(all().flatMap(({ groupIds: of }) => of))];
    expect(groups).toHaveLength(2);
    for (const status of [undefined, ...statuses])
      for (const kind of [undefined, 'guest'] as const)
        for (const groupId of [undefined, groups[0], randomUUID()])
          for (const q of [undefined, 'ADA', 'love%l']) {
            const expected = all().filter(
              (user) =>
                (!status || user.status === status) &&
                (!kind || user.kind === kind) &&
                (!groupId || user.groupIds.includes(groupId)) &&
                (!q || isFound(user, q)),
            );
            const filter = {
              ...(status && { status }),
              ...(kind && { kind }),
              ...(groupId && { groupId }),
              ...(q && { q }),
            };
            const found = await walk(ours(), { ...filter, limit: 7 });
            expect({ filter, ids: idsOf(found) }).toEqual({ filter, ids: idsOf(expected) });
          }
  });

  test.each([
    'known-',
    'written-',
    '@a.test',
    'ZOË',
    'r_s',
    '%',
    '\\',
    'o\\n',
    'a',
    'd',
    'nobody at all',
    'a\u0001',
    '__',
  ])('a search for %j finds what is so called, in pages of 7', async (q) => {
    const found = await walk(ours(), { q, limit: 7 });
    expect(idsOf(found)).toEqual(idsOf(all().filter((user) => isFound(user, q))));
  });
});

test('as many seats are counted as there are people on the list of those who hold one, of each kind', async () => {
  for (const { id } of organizations) {
    const [counted, page, invited] = await inOrganization(database, id, async (trx) => [
      await countSeats(trx, id),
      await listSeatHolders(trx, id, { limit: 200, cursor: undefined }),
      await trx('memberships').where({ organizationId: id, status: 'invited' }),
    ]);
    expect(page.nextCursor).toBeNull();
    const of = (so: (holder: SeatHolder) => boolean) => page.items.filter(so).length;
    expect(counted).toEqual({
      licences: null,
      members: of(({ kind }) => kind === 'member'),
      multiGroupGuests: of(({ kind, groups }) => kind === 'guest' && groups > 1),
      singleGroupGuests: of(({ kind, groups }) => kind === 'guest' && groups < 2),
      invited: of((holder) => holder.invited),
    });
    expect([counted.members > 20, counted.singleGroupGuests > 20, counted.invited > 5]).toEqual([true, true, true]);
    expect(counted.invited).toBeLessThan(invited.length);
    expect(page.items.some(({ groups, invited: waits }) => groups === 1 && !waits)).toBe(true);
  }
});

test('a guest whose access has ended is inactive from that instant, alone and in lists, though nobody has ended it', async () => {
  const [ours] = organizations as [TestOrganization];
  const guests = everybody[0]?.filter(({ accessEndsAt }) => accessEndsAt) ?? [];
  const ended = guests.filter(({ accessEndsAt }) => Number(accessEndsAt) < Date.now());
  const { rows } = await usher.owner.raw<{ rows: { id: string }[] }>(
    `select account_id as id from memberships m join accounts a on a.id = m.account_id
     where m.organization_id = ? and m.status = 'active' and a.status = 'active' and m.access_ends_at < now()`,
    [ours.id],
  );
  expect(rows.length).toBeGreaterThan(10);
  const active = idsOf(await walk(ours, { status: 'active' }));
  const inactive = idsOf(await walk(ours, { status: 'inactive' }));
  for (const { id } of rows) {
    expect(ended.find((user) => user.id === id)?.status).toBe('inactive');
    expect(inactive).toContain(id);
    expect(active).not.toContain(id);
    const alone = await inOrganization(database, ours.id, (trx) => findUser(trx, ours.id, id));
    expect(alone.status).toBe('inactive');
  }
  const open = guests.filter(({ accessEndsAt }) => Number(accessEndsAt) > Date.now());
  expect(open.length).toBeGreaterThan(5);
  expect(active).toEqual(expect.arrayContaining(idsOf(open)));
});

test('whoever is called exactly so is found, however many newer ones are called so in part', async () => {
  const ours = await usher.createOrganization({ name: 'Crowded' });
  const [one, other] = organizations as [TestOrganization, TestOrganization];
  const put = async (rows: string) => {
    await usher.owner.raw(
      `insert into accounts (id, email, username, first_name, last_name, status, home_organization_id, activated_at, created_at)
       select gen_random_uuid(), email, username, first_name, last_name, 'active', :organization, at, at
       from (${rows}) p (email, username, first_name, last_name, at)`,
      { organization: ours.id },
    );
    // A statement of its own: what they are searched by is read from their accounts.
    await usher.owner.raw(
      `insert into memberships (organization_id, account_id, kind, status, joined_at, created_at)
       select :organization, id, 'member', 'active', created_at, created_at from accounts
       where home_organization_id = :organization on conflict do nothing`,
      { organization: ours.id },
    );
  };
  const old = "timestamptz '2025-01-01'";
  await put(`values ('ann@crowd.test', 'ann', 'Old', 'Ann', ${old}), ('x@crowd.test', 'x-1', 'Ann', 'Twice', ${old}),
    ('y@crowd.test', 'y-1', 'Ann', 'Twice', ${old}), ('z@crowd.test', 'z-1', 'Ann', null, ${old})`);
  await put(`select 'ann@crowd.test.' || n, 'joann-' || n, 'Ann', 'Anne ' || n, now() from generate_series(1, 400) n`);
  const called = (organization: TestOrganization, typed: string) =>
    inOrganization(database, organization.id, (trx) => findCalled(trx, organization.id, typed));
  const [ann] = await called(ours, 'ANN@crowd.test');
  expect(ann?.alone).toBe(true);
  // By username alone, though others are named so, and by its id; by a name, if it is the whole.
  expect((await called(ours, ' Ann '))[0]).toEqual(ann);
  expect(await called(ours, ann?.id.toUpperCase() ?? '')).toEqual([ann]);
  expect(await called(ours, 'old ann')).toEqual([{ id: ann?.id, alone: false }]);
  expect((await called(ours, 'ann twice')).map(({ alone }) => alone)).toEqual([false, false]);
  for (const nobody of ['ann@crowd', 'Twice', '', ' ', '%', '\0', 'a\u0001', randomUUID()])
    expect([nobody, await called(ours, nobody)]).toEqual([nobody, []]);
  // Nobody else's people, by whatever they are known.
  for (const typed of ['ann@crowd.test', 'old ann', ann?.id ?? '']) expect(await called(one, typed)).toEqual([]);
  // Each as the organization knows them.
  const people = everybody[1] ?? [];
  for (const { id, email, username } of people.slice(0, 40))
    for (const typed of [email, username, id])
      if (typed) expect((await called(other, typed)).map((found) => found.id)).toEqual([id]);
});

const isFound = ({ email, username, firstName, lastName }: User, q: string): boolean =>
  [email, username, firstName, lastName].some((text) => text?.toLowerCase().includes(q.toLowerCase()));

test('who has not joined is found by their invitation, and never by the account that they have elsewhere', async () => {
  const [ours] = organizations as [TestOrganization];
  const unjoined = everybody[0]?.filter(({ email }) => email?.startsWith('written-')) ?? [];
  expect(unjoined.length).toBeGreaterThan(30);
  const accounts = await usher.owner('accounts').whereIn('id', idsOf(unjoined)).select();
  for (const account of accounts.slice(0, 10)) {
    expect((await list(ours, { q: account.email ?? account.invited_email })).items).toEqual([]);
    expect((await list(ours, { q: account.username })).items).toEqual([]);
  }
});

test('what is searched follows every change at once, and what is erased is searched no more', async () => {
  const ours = await usher.createOrganization({ preset: 'licensed-guests' });
  const ids = async (q: string) => idsOf((await list(ours, { q })).items);
  const invitation = await ours.invite({ email: 'first@follow.test', firstName: 'Marjory' });
  const [id] = await ids('marjory');
  await ours.call('PATCH', `/invitations/${invitation.id}`, { firstName: 'Harriet', email: 'second@follow.test' });
  expect(await ids('marjory')).toEqual([]);
  expect(await ids('first@')).toEqual([]);
  expect(await ids('harriet')).toEqual([id]);
  expect(await ids('second@')).toEqual([id]);

  const [joined] =
    everybody[0]?.filter(({ status, email }) => status === 'active' && email?.startsWith('Known-')) ?? [];
  const [home] = organizations as [TestOrganization];
  await usher.owner('accounts').where({ id: joined?.id }).update({ last_name: 'Wollstonecraft' });
  expect(idsOf((await list(home, { q: 'STONECR' })).items)).toEqual([joined?.id]);
  await usher
    .owner('accounts')
    .where({ id: joined?.id })
    .update({ email: null, username: null, first_name: null, last_name: null });
  const { rows } = await usher.owner.raw<{ rows: [{ search: string }] }>(
    'select search from memberships where account_id = ?',
    [joined?.id ?? ''],
  );
  expect(rows[0].search.replaceAll('\u0001', '')).toBe('');
});
