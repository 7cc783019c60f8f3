import { expectProblem } from '../support/problem';
import { tokenOf } from '../support/token';
import { goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let organization: TestOrganization;
const total = 120;
beforeAll(async () => {
  usher = await startUsher({ worker: false });
  organization = await usher.createOrganization({ preset: 'licensed-guests' });
  // In tens at once, so that some share their millisecond.
  for (let from = 0; from < total; from += 10)
    await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        organization.invite({ email: `person-${from + index}@lists.test`, kind: index % 3 ? 'member' : 'guest' }),
      ),
    );
});
afterAll(() => usher.stop());

interface Item {
  id: string;
  createdAt?: string;
}

/** Every page of a list, one after the other. */
async function walk(path: string, limit: number, between?: (page: number) => Promise<unknown>): Promise<Item[][]> {
  const pages: Item[][] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const next: string = `${path}${path.includes('?') ? '&' : '?'}limit=${limit}${cursor && `&cursor=${cursor}`}`;
    const { status, body } = await organization.call('GET', next);
    expect({ next, status }).toEqual({ next, status: 200 });
    pages.push(body.items as Item[]);
    cursor = body.nextCursor as string | null;
    await between?.(pages.length);
    if (pages.length > total) throw new Error('a list without an end');
  }
  return pages;
}
const idsOf = (pages: Item[][]): string[] => pages.flat().map(({ id }) => id);

describe('pages', () => {
  test.each([
    ['/invitations', 7],
    ['/invitations', 60],
    ['/users', 7],
    ['/audit-events', 11],
  ])('of %s by %d are complete, without doubles, and full but for the last', async (path, limit) => {
    const pages = await walk(path, limit);
    const ids = idsOf(pages);
    expect(new Set(ids).size).toBe(ids.length);
    const table =
      { '/invitations': 'invitations', '/users': 'memberships', '/audit-events': 'audit_events' }[path] ?? '';
    const [{ count } = { count: '' }] = await usher
      .owner(table)
      .where({ organization_id: organization.id })
      .count<{ count: string }[]>();
    expect(ids).toHaveLength(Number(count));
    for (const page of pages.slice(0, -1)) expect(page).toHaveLength(limit);
    expect(pages.at(-1)?.length).toBeGreaterThan(0);
    expect(ids).toEqual(idsOf(await walk(path, 200)));
  });

  test('are 50 long unless asked otherwise, newest first', async () => {
    const { body } = await organization.call('GET', '/invitations');
    expect(body.items).toHaveLength(50);
    const times = (await walk('/invitations', 200)).flat().map(({ createdAt }) => createdAt ?? '');
    expect(times).toEqual([...times].sort().reverse());
  });

  test('whose last one is exactly full end there', async () => {
    expect((await walk('/invitations', 60)).map((page) => page.length)).toEqual([60, 60]);
  });

  test('lose nothing and double nothing while others are invited', async () => {
    const before = idsOf(await walk('/invitations', 200));
    const pages = await walk('/invitations', 25, async (page) => {
      if (page < 4) await organization.invite({ email: `meanwhile-${page}@other.test` });
    });
    const ids = idsOf(pages);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.filter((id) => before.includes(id))).toEqual(before);
  });

  test('of keys are complete, too', async () => {
    for (const name of ['a', 'b', 'c', 'd']) await organization.call('POST', '/api-keys', { name });
    const names = (await walk('/api-keys', 2)).flat().map((key) => (key as unknown as { name: string }).name);
    expect(names).toEqual(['tests', 'a', 'b', 'c', 'd']);
  });

  test('the cursor of one list is none of another', async () => {
    const { body } = await organization.call('GET', '/invitations?limit=1');
    expectProblem(await organization.call('GET', `/audit-events?cursor=${body.nextCursor}`), 'BAD_CURSOR');
  });
});

describe('filters and search', () => {
  test('by kind and status divide the list', async () => {
    const guests = (await walk('/invitations?kind=guest', 200)).flat();
    const members = (await walk('/invitations?kind=member', 200)).flat();
    const all = (await walk('/invitations', 200)).flat();
    expect(guests).toHaveLength(48);
    expect(guests.length + members.length).toBe(all.length);
    expect(idsOf(await walk('/invitations?kind=guest', 10))).toEqual(guests.map(({ id }) => id));
    expect(idsOf(await walk('/users?kind=guest', 200))).toHaveLength(48);
    expect((await walk('/invitations?status=pending', 200)).flat()).toHaveLength(all.length);
    expect((await walk('/invitations?status=draft', 200)).flat()).toEqual([]);
  });

  test('q finds a part of e-mail, username, first or last name in any case, and takes % _ \\ literally', async () => {
    const ours = await usher.createOrganization({ preset: 'licensed-guests' });
    for (const person of [
      { email: 'under_score@q.test', firstName: 'Ada' },
      { email: 'underXscore@q.test', lastName: 'Pro%cent' },
      { email: 'third@q.test', username: 'Back-Slash', lastName: 'O\\Neil' },
      { email: 'fourth@q.test', firstName: 'Zoë', lastName: "D'Arc; drop table users" },
    ])
      await ours.invite(person);
    const find = async (list: string, q: string): Promise<string[]> =>
      (await ours.call('GET', `${list}?q=${encodeURIComponent(q)}`)).body.items
        .map(({ email }: { email: string }) => email.replace('@q.test', ''))
        .sort();
    for (const list of ['/invitations', '/users']) {
      expect(await find(list, 'r_s')).toEqual(['under_score']);
      expect(await find(list, '%')).toEqual(['underXscore']);
      expect(await find(list, 'UNDERX')).toEqual(['underXscore']);
      expect(await find(list, '\\')).toEqual(['third']);
      expect(await find(list, 'back-s')).toEqual(['third']);
      expect(await find(list, 'ada')).toEqual(['under_score']);
      expect(await find(list, 'ZOË')).toEqual(['fourth']);
      expect(await find(list, "d'arc;")).toEqual(['fourth']);
      expect(await find(list, '@q.')).toHaveLength(4);
      expect(await find(list, 'nobody')).toEqual([]);
    }
  });

  test('users by group', async () => {
    const ours = await usher.createOrganization({ preset: 'guest-portal' });
    const guest = await ours.invite({ email: 'guest@group.test', kind: 'guest' });
    await ours.invite({ email: 'member@group.test' });
    const inGroup = async () => (await ours.call('GET', `/users?groupId=${guest.groupIds[0]}`)).body.items;
    expect(await inGroup()).toMatchObject([{ email: 'guest@group.test', displayName: 'guest@group.test (guest)' }]);
    const token = tokenOf(usher, guest);
    await usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password: goodPassword }, { key: null });
    expect(await inGroup()).toMatchObject([{ email: 'guest@group.test', status: 'active', groupIds: guest.groupIds }]);
  });
});

describe('audit events', () => {
  test('tell who did what when and from where, newest first, with ids and states only', async () => {
    const ours = await usher.createOrganization({ name: 'Audited' });
    const invitation = await ours.invite({ email: 'told@audit.test', firstName: 'Hidden', message: 'also hidden' });
    await ours.call('PATCH', `/invitations/${invitation.id}`, { lastName: 'Hidden' });
    await ours.call('PATCH', `/invitations/${invitation.id}`, { email: 'new@audit.test' });
    await ours.call('POST', `/invitations/${invitation.id}/resend`);
    const token = tokenOf(usher, { id: invitation.id as string, generation: 3 });
    await usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password: goodPassword }, { key: null });
    await ours.call('PATCH', '/policy', { notifyInviter: false });
    const { body, text } = await ours.call('GET', '/audit-events');
    expect(body.items.map(({ type }: { type: string }) => type)).toEqual([
      'policy.changed',
      'invitation.accepted',
      'invitation.resent',
      'invitation.corrected',
      'invitation.edited',
      'invitation.sent',
      'invitation.created',
      'api-key.created',
      'organization.created',
    ]);
    expect(text).not.toMatch(/hidden|@audit\.test/i);
    const [policy, accepted] = body.items;
    expect(policy).toMatchObject({
      actor: { type: 'api-key', displayName: 'tests' },
      data: { fields: ['notifyInviter'], applyToPending: false },
      ip: expect.stringContaining('127.0.0.1'),
    });
    expect(accepted.actor).toMatchObject({ type: 'invitee', id: accepted.userId });
    expect(body.items.at(-1).actor.type).toBe('platform');
    const only = (query: string) => ours.call('GET', `/audit-events?${query}`);
    expect((await only(`invitationId=${invitation.id}`)).body.items).toHaveLength(6);
    expect((await only(`userId=${accepted.userId}`)).body.items.length).toBeGreaterThan(0);
    expect((await only('type=invitation.resent')).body.items).toHaveLength(1);
  });

  test('what was refused is no event', async () => {
    const ours = await usher.createOrganization();
    const count = async () => (await ours.call('GET', '/audit-events')).body.items.length as number;
    const before = await count();
    await ours.call('POST', '/invitations', { email: 'no' });
    await ours.call('PATCH', '/policy', { invitationLifetime: 'P0D' });
    await ours.call('PATCH', '', { name: 'X' }, { headers: { 'If-Match': '"99"' } });
    expect(await count()).toBe(before);
  });

  test('cannot be changed or deleted by the application', async () => {
    for (const sql of ['delete from audit_events', "update audit_events set type = 'x'", 'truncate audit_events'])
      await expect(
        usher.owner.transaction(async (trx) => {
          await trx.raw('set local role usher_app');
          await trx.raw(`select set_config('usher.organizations', ?, true)`, [organization.id]);
          await trx.raw(sql);
        }),
      ).rejects.toMatchObject({ code: '42501' });
  });
});
