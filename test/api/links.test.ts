import { randomBytes, randomUUID } from 'node:crypto';
import { setClock } from '../support/clock';
import { expectProblem } from '../support/problem';
import { tokenOf } from '../support/token';
import { goodPassword, type Reply, startUsher, type TestOrganization, type TestUsher } from '../support/usher';
import { visit } from '../support/visitor';

let usher: TestUsher;
let organization: TestOrganization;
beforeAll(async () => {
  usher = await startUsher({ worker: false });
  organization = await usher.createOrganization({ preset: '28-days' });
});
afterAll(() => usher.stop());
afterEach(() => setClock(usher, null));

const link = (method: string, token: string, action = '', body?: unknown): Promise<Reply> =>
  usher.call(method, `/v1/invitation-tokens/${token}${action}`, body, { key: null });
const accept = (token: string, body: object = {}) =>
  link('POST', token, '/accept', { password: goodPassword, ...body });
const times = <T>(count: number, ask: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => ask(index)));
const count = (answers: Reply[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { status, body } of answers) {
    const name = body.code ? `${status} ${body.code}` : String(status);
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
};

describe('a token that we did not make opens nothing', () => {
  const forgeries: [name: string, forge: (invitation: { id: string; generation: number }) => string][] = [
    ['cut by one character', (it) => tokenOf(usher, it).slice(0, -1)],
    ['cut by half', (it) => tokenOf(usher, it).slice(0, 40)],
    ['with a character too many', (it) => `${tokenOf(usher, it)}A`],
    ['of a foreign key with our key id', (it) => tokenOf(usher, it, `test:${randomBytes(32).toString('base64')}`)],
    ['of a foreign key with its own id', (it) => tokenOf(usher, it, `other:${randomBytes(32).toString('base64')}`)],
    ['with one bit turned', (it) => flip(tokenOf(usher, it), 30)],
    ['with the id of another invitation', (it) => flip(tokenOf(usher, it), 3)],
    ['of a generation to come', (it) => tokenOf(usher, { ...it, generation: it.generation + 1 })],
    ['of generation 0', (it) => tokenOf(usher, { ...it, generation: 0 })],
    ['of an invitation that is not there', () => tokenOf(usher, { id: randomUUID(), generation: 1 })],
    ['random', () => randomBytes(56).toString('base64url')],
    ['nonsense', () => 'hello'],
    ['far too long', () => 'a'.repeat(190)],
    ['with padding', (it) => `${tokenOf(usher, it)}==`],
  ];
  const flip = (token: string, at: number): string => {
    const bytes = Buffer.from(token, 'base64url');
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes.toString('base64url');
  };

  test.each(forgeries)('%s: 404 everywhere, and the page names nobody', async (name, forge) => {
    const invitation = await organization.invite({ email: `${name.replaceAll(' ', '-')}@links.test` });
    const token = forge(invitation);
    expectProblem(await link('GET', token), 'NOT_FOUND');
    expectProblem(await accept(token), 'NOT_FOUND');
    expectProblem(await accept(token, { nonsense: 1 }), 'NOT_FOUND');
    expectProblem(await link('POST', token, '/decline'), 'NOT_FOUND');
    expectProblem(await link('POST', token, '/decline', { nonsense: 1 }), 'NOT_FOUND');
    expect(await link('POST', token, '/request-new')).toMatchObject({ status: 202, text: '' });
    const page = await visit(usher).get(`/invitations/${token}`);
    expect(page).toMatchObject({ status: 404, heading: 'We do not know this link' });
    expect(page.text).not.toContain('Acme');
    expect((await organization.call('GET', `/invitations/${invitation.id}`)).body.status).toBe('pending');
  });

  test('the link of a draft opens nothing before it is sent', async () => {
    const draft = await organization.invite({ email: 'draft@links.test', send: false });
    for (const generation of [0, 1]) expectProblem(await accept(tokenOf(usher, { ...draft, generation })), 'NOT_FOUND');
  });
});

test('what was accepted with one link is 410 for every later answer', async () => {
  const token = tokenOf(usher, await organization.invite({ email: 'answered@links.test' }));
  expect((await accept(token)).status).toBe(200);
  expectProblem(await accept(token), 'INVITATION_ANSWERED');
  expectProblem(await link('POST', token, '/decline'), 'INVITATION_ANSWERED');
  expectProblem(await link('GET', token), 'INVITATION_ANSWERED');
});

test('accepted ten times at once, one gets 200 and the others 409 or 410; there is one membership and one event', async () => {
  const invitation = await organization.invite({ email: 'ten@links.test' });
  const token = tokenOf(usher, invitation);
  const answers = await times(10, (index) => accept(token, { password: `${goodPassword}-${index}` }));
  const statuses = answers.map(({ status }) => status);
  expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  expect(statuses.filter((status) => status === 409 || status === 410)).toHaveLength(9);
  const events = await organization.call('GET', `/audit-events?invitationId=${invitation.id}&type=invitation.accepted`);
  expect(events.body.items).toHaveLength(1);
});

test('accepted and declined at once, one wins and the rest follows it', async () => {
  for (let round = 0; round < 5; round++) {
    const invitation = await organization.invite({ email: `race-${round}@links.test` });
    const token = tokenOf(usher, invitation);
    const [yes, no] = await Promise.all([accept(token), link('POST', token, '/decline')]);
    expect([yes.status, no.status].filter((status) => status === 200)).toHaveLength(1);
    const status = yes.status === 200 ? 'accepted' : 'declined';
    expect((await organization.call('GET', `/invitations/${invitation.id}`)).body.status).toBe(status);
    const user = (await organization.call('GET', `/users?q=race-${round}@`)).body.items[0];
    expect(user.status).toBe(yes.status === 200 ? 'active' : 'inactive');
  }
});

test('accepted and cancelled at once, one wins', async () => {
  for (let round = 0; round < 5; round++) {
    const invitation = await organization.invite({ email: `cancel-${round}@links.test` });
    const [yes, cancelled] = await Promise.all([
      accept(tokenOf(usher, invitation)),
      organization.call('POST', `/invitations/${invitation.id}/cancel`),
    ]);
    expect([yes.status, cancelled.status].filter((status) => status === 200)).toHaveLength(1);
  }
});

describe('after the deadline, while no worker runs, everything follows the instant', () => {
  test.each([
    ['28-days', 'inactive', { code: 'ACCOUNT_INACTIVE', status: 409 }],
    ['21-days', 'invited', { code: undefined, status: 201 }],
  ])('%s', async (preset, userStatus, again) => {
    const ours = await usher.createOrganization({ preset });
    const person = { email: `overdue@${preset}.test`, firstName: 'Ada', lastName: 'Lovelace' };
    const invitation = await ours.invite(person);
    const token = tokenOf(usher, invitation);
    const listed = async (status: string) =>
      (await ours.call('GET', `/invitations?status=${status}`)).body.items.length;
    expect([await listed('pending'), await listed('expired')]).toEqual([1, 0]);
    await setClock(usher, new Date(invitation.expiresAt as string));
    expectProblem(await accept(token), 'INVITATION_EXPIRED');
    expectProblem(await link('GET', token), 'INVITATION_EXPIRED');
    expect((await ours.call('GET', `/invitations/${invitation.id}`)).body.status).toBe('expired');
    expect([await listed('pending'), await listed('expired')]).toEqual([0, 1]);
    const { body } = await ours.call('GET', '/users');
    expect(body.items).toMatchObject([{ status: userStatus, invitation: { status: 'expired' } }]);
    expect((await ours.call('GET', `/users?status=${userStatus}`)).body.items).toHaveLength(1);
    // Nobody has written it down: the worker is down.
    expect(await usher.owner('invitations').first('status').where({ id: invitation.id })).toEqual({
      status: 'pending',
    });
    expectProblem(await ours.call('POST', `/invitations/${invitation.id}/cancel`), 'INVITATION_CLOSED');
    const second = await ours.call('POST', '/invitations', person);
    expect({ status: second.status, code: second.body.code }).toEqual(again);
  });
});

describe('usernames', () => {
  test('one that is taken, in whatever case, is refused to inviter and invitee alike', async () => {
    await organization.invite({ email: 'lovelace@links.test', username: 'LoveLace' });
    const other = await usher.createOrganization({ preset: 'licensed-guests' });
    const taken = await other.call('POST', '/invitations', { email: 'x@links.test', username: 'lOVElACE' });
    expectProblem(taken, 'USERNAME_TAKEN', ['/username']);
    const token = tokenOf(usher, await other.invite({ email: 'y@links.test' }));
    expectProblem(await accept(token, { username: 'LOVELACE' }), 'USERNAME_TAKEN', ['/username']);
    expect((await accept(token, { username: 'lovelace-2' })).status).toBe(200);
  });

  test('twenty people who wish the same one at once: one gets it', async () => {
    const answers = await times(20, (index) =>
      organization.call('POST', '/invitations', { email: `wish-${index}@links.test`, username: 'the-one' }),
    );
    expect(count(answers)).toEqual({ 201: 1, '409 USERNAME_TAKEN': 19 });
  });

  test('twenty people whose addresses give the same one at once all get one of their own', async () => {
    const answers = await times(20, (index) =>
      organization.call('POST', '/invitations', { email: `max.mustermann@host-${index}.test` }),
    );
    expect(count(answers)).toEqual({ 201: 20 });
    const names = new Set(answers.map(({ body }) => body.username as string));
    expect(names.size).toBe(20);
    for (const name of names) expect(name).toMatch(/^max\.mustermann\d*$/);
  });

  test('the one that the invitation set cannot be changed by the invited person', async () => {
    const token = tokenOf(usher, await organization.invite({ email: 'set@links.test', username: 'set-by-us' }));
    expectProblem(await accept(token, { username: 'mine' }), 'BAD_INPUT', ['/username']);
    expect((await accept(token, { username: 'set-by-us' })).status).toBe(200);
  });

  test('without an e-mail address one is needed', async () => {
    const guests = await usher.createOrganization({ preset: 'licensed-guests' });
    const draft = await guests.invite({ kind: 'guest', firstName: 'No', lastName: 'Mail' });
    await guests.call('POST', `/invitations/${draft.id}/link`);
    const token = tokenOf(usher, { id: draft.id as string, generation: 1 });
    expect((await link('GET', token)).body).toMatchObject({ usernameRequired: true, email: null });
    expectProblem(await accept(token), 'BAD_INPUT', ['/username']);
    expect((await accept(token, { username: 'no.mail' })).status).toBe(200);
    expect((await guests.call('GET', '/users')).body.items).toMatchObject([
      { username: 'no.mail', kind: 'guest', displayName: 'No Mail (guest)', status: 'active' },
    ]);
  });
});

describe('what is sent to a link is judged', () => {
  test.each<[name: string, body: Record<string, unknown>, pointers: string[]]>([
    ['no password', { password: undefined }, ['/password']],
    ['a number as password', { password: 12345678 }, ['/password']],
    ['an unknown field', { role: 'administrator' }, ['/role']],
    ['a name with a line break', { firstName: 'A\nB' }, ['/firstName']],
    ['an empty name', { lastName: '' }, ['/lastName']],
    ['an address as username', { username: 'a@links.test' }, ['/username']],
    ['a password of 1,001 characters', { password: `Aa1-${'x'.repeat(1_000)}` }, ['/password']],
  ])('%s', async (name, body, pointers) => {
    const invitation = await organization.invite({ email: `${name.replace(/\W+/g, '-')}@judged.test` });
    expectProblem(await accept(tokenOf(usher, invitation), body), 'BAD_INPUT', pointers);
    expect((await organization.call('GET', `/invitations/${invitation.id}`)).body.status).toBe('pending');
  });

  test('a weak password: 400, and a sentence for every unmet rule', async () => {
    const token = tokenOf(usher, await organization.invite({ email: 'weak@links.test' }));
    const answer = await accept(token, { password: 'abc' });
    expectProblem(answer, 'WEAK_PASSWORD', ['/password']);
    expect(answer.body.errors.map(({ message }: { message: string }) => message)).toEqual([
      expect.stringContaining('at least 8 characters'),
      expect.stringContaining('upper case'),
      expect.stringContaining('digit'),
      expect.stringContaining('special'),
      expect.stringContaining('common'),
    ]);
    const long = await accept(token, { password: `Aa1-${'x'.repeat(200)}` });
    expect(long.body.errors).toEqual([{ pointer: '/password', message: expect.stringContaining('at most 200') }]);
  });

  test('a reason of 1,001 characters', async () => {
    const token = tokenOf(usher, await organization.invite({ email: 'reason@links.test' }));
    expectProblem(await link('POST', token, '/decline', { reason: 'x'.repeat(1_001) }), 'BAD_INPUT', ['/reason']);
    expect(await link('POST', token, '/decline', { reason: 'x'.repeat(1_000) })).toMatchObject({
      status: 200,
      body: { status: 'declined', userId: null },
    });
  });

  test('no password is kept anywhere as it is, and no answer shows one', async () => {
    const token = tokenOf(usher, await organization.invite({ email: 'hashed@links.test' }));
    const accepted = await accept(token);
    expect(accepted.text).not.toContain(goodPassword);
    const row = await usher.owner('accounts').first('password_hash').where({ email: 'hashed@links.test' });
    expect(row?.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  });
});

describe('request-new', () => {
  test('is 202 for every link, and counted once for the newest link of an expired invitation only', async () => {
    const ours = await usher.createOrganization({ preset: '28-days' });
    const invitation = await ours.invite({ email: 'ask@links.test' });
    await ours.call('POST', `/invitations/${invitation.id}/resend`);
    const [old, newest] = [1, 2].map((generation) => tokenOf(usher, { id: invitation.id as string, generation }));
    const asked = async () => (await ours.call('GET', '/audit-events?type=invitation.new-link-requested')).body.items;
    for (const token of [old, newest, 'nonsense'])
      expect((await link('POST', token ?? '', '/request-new')).status).toBe(202);
    expect(await asked()).toEqual([]);
    const { expiresAt } = (await ours.call('GET', `/invitations/${invitation.id}`)).body;
    await setClock(usher, new Date(expiresAt as string));
    const answers = await times(5, () => link('POST', newest ?? '', '/request-new'));
    answers.push(await link('POST', old ?? '', '/request-new'));
    expect(answers.map(({ status, text }) => [status, text])).toEqual(answers.map(() => [202, '']));
    expect(await asked()).toHaveLength(1);
  });
});

describe('two organizations and one person', () => {
  test('inviting the same new address at once: both 201, and whoever answers has one account', async () => {
    const [a, b] = [await usher.createOrganization(), await usher.createOrganization()];
    for (let round = 0; round < 5; round++) {
      const email = `both-${round}@links.test`;
      const answers = await Promise.all([a, b].map((one) => one.call('POST', '/invitations', { email })));
      expect(answers.map(({ status }) => status)).toEqual([201, 201]);
      const [first, second] = answers.map(({ body }) => tokenOf(usher, body));
      expect((await accept(first ?? '')).status).toBe(200);
      expectProblem(await accept(second ?? ''), 'SIGN_IN_REQUIRED');
      expect(await usher.owner('accounts').whereRaw('lower(email) = ?', email)).toHaveLength(1);
    }
  });

  test('the answers to both are the same, the derived username included, and it stays theirs', async () => {
    const [a, b] = [await usher.createOrganization(), await usher.createOrganization()];
    const first = await a.invite({ email: 'derived@links.test' });
    const second = await b.invite({ email: 'derived@links.test' });
    expect([first.username, second.username]).toEqual(['derived', 'derived']);
    await usher.createOrganization().then((c) => c.invite({ email: 'derived@elsewhere.test' }));
    expect((await accept(tokenOf(usher, second))).status).toBe(200);
    expect((await b.call('GET', '/users')).body.items).toMatchObject([{ username: 'derived', status: 'active' }]);
  });

  test('declining in one leaves the invitation of the other alive', async () => {
    const [a, b] = [await usher.createOrganization(), await usher.createOrganization()];
    const first = await a.invite({ email: 'one-of-two@links.test' });
    const second = await b.invite({ email: 'one-of-two@links.test' });
    expect((await link('POST', tokenOf(usher, first), '/decline')).status).toBe(200);
    expect((await a.call('GET', '/users')).body.items[0].status).toBe('inactive');
    expect((await b.call('GET', '/users')).body.items[0].status).toBe('invited');
    expect((await accept(tokenOf(usher, second))).status).toBe(200);
    expect((await a.call('GET', '/users')).body.items[0].status).toBe('inactive');
  });

  test.each(['28-days', 'licensed-guests'])(
    'an address with an account elsewhere looks exactly like a new one to the inviter (%s)',
    async (preset) => {
      const home = await usher.createOrganization();
      const known = `known@${preset}.test`;
      const names = { firstName: 'Secret', lastName: 'Name', locale: 'de' };
      expect((await accept(tokenOf(usher, await home.invite({ email: known, ...names })))).status).toBe(200);

      const stories = await Promise.all(
        [known, `fresh@${preset}.test`].map(async (email) => {
          const inviter = await usher.createOrganization({ preset });
          return (await story(inviter, email)).map((text) =>
            text
              .replaceAll(email.replace(/@.*/, ''), 'PERSON')
              .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'ID')
              .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
              .replace(/"id":"\d+"/g, '"id":"N"')
              .replace(/"(ip|userAgent)":"[^"]*"/g, ''),
          );
        }),
      );
      expect(stories[0]).toEqual(stories[1]);
      expect(stories[0]?.join()).not.toContain('Secret');
    },
  );

  /** Everything that an inviter can do with an invitation and see of it, until it is answered. */
  async function story(inviter: TestOrganization, email: string): Promise<string[]> {
    const told: string[] = [];
    const tell = async (method: string, path: string, body?: unknown): Promise<Reply> => {
      const answer = await inviter.call(method, path, body);
      told.push(`${method} ${answer.status} ${answer.text.replace(/"requestId":"[^"]*"/, '')}`);
      return answer;
    };
    const look = async (id: string) => {
      for (const path of [
        `/invitations/${id}`,
        `/invitations/${id}/timeline`,
        '/invitations',
        '/users',
        '/users?status=invited',
        '/users?status=active',
        `/users?q=${email}`,
        '/users?q=Secret',
        '/audit-events',
      ])
        await tell('GET', path);
    };
    const { body } = await tell('POST', '/invitations', { email, kind: 'guest' });
    await look(body.id as string);
    await tell('POST', '/invitations', { email });
    await tell('PATCH', `/invitations/${body.id}`, { firstName: 'Ada', lastName: 'Lovelace' });
    await tell('POST', `/invitations/${body.id}/resend`);
    await look(body.id as string);
    await tell('POST', `/invitations/${body.id}/cancel`);
    await look(body.id as string);
    const again = await tell('POST', '/invitations', { email, firstName: 'Grace', lastName: 'Hopper' });
    await look(again.body.id as string);
    const users = await inviter.call('GET', '/users');
    await tell('GET', `/users/${users.body.items[0].id}`);
    return told;
  }

  test('that person is asked to sign in, by the API and on the page, whatever password they send', async () => {
    const home = await usher.createOrganization();
    expect((await accept(tokenOf(usher, await home.invite({ email: 'holder@links.test' })))).status).toBe(200);
    const before = await usher.owner('accounts').first().where({ email: 'holder@links.test' });
    const guests = await usher.createOrganization({ preset: 'guest-portal' });
    const invitation = await guests.invite({ email: 'HOLDER@links.test', kind: 'guest' });
    const token = tokenOf(usher, invitation);
    expect((await link('GET', token)).body).toMatchObject({ signInRequired: true, username: null });
    for (const body of [{}, { password: 'weak' }, { firstName: 'Eve', password: 'Other-Word-99' }])
      expectProblem(await accept(token, body), 'SIGN_IN_REQUIRED');
    expectProblem(await link('POST', token, '/accept', {}), 'SIGN_IN_REQUIRED');
    const page = await visit(usher).get(`/invitations/${token}`);
    expect(page).toMatchObject({ status: 200, heading: 'Sign in to accept the invitation' });
    expect(await usher.owner('accounts').first().where({ email: 'holder@links.test' })).toEqual(before);
    expect((await guests.call('GET', `/invitations/${invitation.id}`)).body).toMatchObject({
      status: 'pending',
      userId: null,
    });
    // Declining needs nobody's password.
    expect((await link('POST', token, '/decline')).status).toBe(200);
    expect((await home.call('GET', '/users')).body.items[0].status).toBe('active');
  });
});
