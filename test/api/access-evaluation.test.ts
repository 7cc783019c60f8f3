import { findAccessFacts } from '../../db/queries/find-access-facts';
import { inOrganization, openDatabase } from '../../db/database';
import { type Person, signedInPerson } from '../support/people';
import { expectProblem } from '../support/problem';
import { type Reply, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let ours: TestOrganization;
let theirs: TestOrganization;
let administrator: Person;
let staff: Person;
let member: Person;
let guest: Person;
let stranger: Person;
let team: string;
let secret: string;
beforeAll(async () => {
  usher = await startUsher();
  [ours, theirs] = [
    await usher.createOrganization({ preset: 'licensed-guests' }),
    await usher.createOrganization({ preset: 'licensed-guests' }),
  ];
  administrator = await signedInPerson(usher, ours, 'admin@access.test', { role: 'administrator' });
  staff = await signedInPerson(usher, ours, 'staff@access.test', { role: 'staff' });
  const created = await ours.call('POST', '/groups', { name: 'Team', membersMayPublish: true });
  team = created.body.id as string;
  secret = (await ours.call('POST', '/groups', { name: 'Secret', visibility: 'secret' })).body.id as string;
  member = await signedInPerson(usher, ours, 'member@access.test', { groupIds: [team] });
  guest = await signedInPerson(usher, ours, 'guest@access.test', { kind: 'guest', groupIds: [team] });
  stranger = await signedInPerson(usher, theirs, 'stranger@access.test');
});
afterAll(() => usher.stop());

const unknown = '6f1f4b9e-2c8e-4f0e-9a57-3c1d1a3d4e5f';
const question = (subject: string, action: string, type: string, id: string, organizationId?: string) => ({
  subject: { type: 'user', id: subject },
  action: { name: action },
  resource: { type, id },
  ...(organizationId && { context: { organizationId } }),
});
const ask = (body: unknown, key: string | null = ours.key): Promise<Reply> =>
  usher.call('POST', '/access/v1/evaluation', body, { key });
const askAs = (person: Person, body: unknown): Promise<Reply> => person.call('POST', '/access/v1/evaluation', body);
const batch = (body: unknown, key: string = ours.key): Promise<Reply> =>
  usher.call('POST', '/access/v1/evaluations', body, { key });
const no = (reason = 'unknown') => ({ status: 200, body: { decision: false, context: { reason } } });
const yes = { status: 200, body: { decision: true, context: { reason: 'ok' } } };

describe('who may ask', () => {
  test('keys and administrators about anybody of their organization, the platform in any that it names', async () => {
    const about = question(member.id, 'content.publish', 'group', team);
    expect(await ask(about)).toMatchObject(yes);
    expect(await askAs(administrator, about)).toMatchObject(yes);
    const named = question(member.id, 'content.publish', 'group', team, ours.id);
    expect(await ask(named, usher.platformKey)).toMatchObject(yes);
    expectProblem(await ask(about, usher.platformKey), 'BAD_INPUT', ['/context/organizationId']);
  });

  test('everybody about themselves, nobody else about others', async () => {
    for (const person of [member, staff, guest]) {
      expect(await askAs(person, question(person.id, 'orgchart.read', 'organization', ours.id))).toMatchObject(yes);
      expectProblem(await askAs(person, question(administrator.id, 'group.read', 'group', team)), 'FORBIDDEN');
      const mixed = { ...question(person.id, 'group.read', 'group', team), evaluations: [{}, {}] };
      expect((await person.call('POST', '/access/v1/evaluations', mixed)).status).toBe(200);
      const others = [{}, { subject: { type: 'user', id: administrator.id } }];
      const refused = await person.call('POST', '/access/v1/evaluations', { ...mixed, evaluations: others });
      expectProblem(refused, 'FORBIDDEN');
    }
  });

  test('nobody without a key or a session, nor a page of another site', async () => {
    const about = question(member.id, 'group.read', 'group', team);
    expectProblem(await ask(about, null), 'UNAUTHENTICATED');
    const headers = { Origin: 'https://evil.test' };
    const foreign = await member.call('POST', '/access/v1/evaluation', about, { headers });
    expectProblem(foreign, 'FOREIGN_ORIGIN');
  });
});

describe('whoever, whatever and wherever is not known is a plain no', () => {
  test.each<[string, () => object]>([
    ['a subject that is not there', () => question(unknown, 'group.read', 'group', team)],
    ['a subject that is no id', () => question('ada', 'group.read', 'group', team)],
    ['a subject of another organization', () => question(stranger.id, 'group.read', 'group', team)],
    [
      'a subject that is no user',
      () => ({ ...question(member.id, 'group.read', 'group', team), subject: { type: 'robot', id: member.id } }),
    ],
    ['a group that is not there', () => question(member.id, 'group.read', 'group', unknown)],
    ['a group that is no id', () => question(member.id, 'group.read', 'group', 'team')],
    ['another kind of resource', () => question(member.id, 'group.read', 'building', team)],
    ['a person of another organization', () => question(member.id, 'profile.read', 'user', stranger.id)],
    ['another organization as resource', () => question(member.id, 'orgchart.read', 'organization', theirs.id)],
    [
      'another organization by the context',
      () => question(stranger.id, 'orgchart.read', 'organization', theirs.id, theirs.id),
    ],
    ['an organization that is not there', () => question(member.id, 'group.read', 'group', team, unknown)],
    ['an organization that is no id', () => question(member.id, 'group.read', 'group', team, 'acme')],
    [
      'an organization that is not that of the context',
      () => question(member.id, 'orgchart.read', 'organization', ours.id, theirs.id),
    ],
    ['an action that is not there', () => question(member.id, 'group.burn', 'group', team)],
    ['an action that is no host’s to ask', () => question(administrator.id, 'policy.manage', 'organization', ours.id)],
    ['an action of something else', () => question(member.id, 'content.publish', 'organization', ours.id)],
    ['an action by the name of a property of objects', () => question(member.id, 'constructor', 'group', team)],
  ])('%s', async (_, body) => {
    expect(await ask(body())).toMatchObject(no());
    expect(await askAs(administrator, body())).toMatchObject(no());
  });

  test('a person learns nothing about organizations that are not theirs', async () => {
    for (const organizationId of [theirs.id, unknown])
      for (const subject of [member.id, stranger.id])
        expect(await askAs(member, question(subject, 'group.read', 'group', team, organizationId))).toMatchObject(no());
  });

  test('nor about secret groups outside of which they are, be they administrators', async () => {
    const insider = await signedInPerson(usher, ours, 'insider@access.test', { groupIds: [secret] });
    const about = question(insider.id, 'group.read', 'group', secret);
    expect(await ask(about)).toMatchObject(yes);
    expect(await askAs(insider, about)).toMatchObject(yes);
    expect(await askAs(administrator, about)).toMatchObject(no());
    expect(await ask(question(member.id, 'drive.read', 'group', secret))).toMatchObject(no('secret'));
    expect(await askAs(member, question(member.id, 'drive.read', 'group', secret))).toMatchObject(no());
    expect(await askAs(guest, question(guest.id, 'group.read', 'group', secret))).toMatchObject(no());
  });

  test('a person who may not act in the organization at the moment', async () => {
    const paused = await signedInPerson(usher, ours, 'paused@access.test', { groupIds: [team] });
    const about = question(paused.id, 'group.read', 'group', team);
    expect(await ask(about)).toMatchObject(yes);
    const membership = () => usher.owner('memberships').where({ account_id: paused.id });
    await membership().update({ status: 'suspended' });
    expect(await ask(about)).toMatchObject(no());
    await membership().update({ status: 'active', access_ends_at: new Date(Date.now() - 1) });
    expect(await ask(about)).toMatchObject(no());
    await membership().update({ access_ends_at: new Date(Date.now() + 60_000) });
    expect(await ask(about)).toMatchObject(yes);
    expect((await ours.call('POST', `/users/${paused.id}/deactivate`)).status).toBe(200);
    expect(await ask(about)).toMatchObject(no());
    await ours.invite({ email: 'invited@access.test', groupIds: [team] });
    const [invited] = (await ours.call('GET', '/users?q=invited@')).body.items;
    expect(await ask(question(invited.id as string, 'group.read', 'group', team))).toMatchObject(no());
  });
});

describe('malformed questions are refused with pointers', () => {
  const good = { subject: { type: 'user', id: unknown }, action: { name: 'x' }, resource: { type: 'group', id: 'x' } };
  test.each<[string, unknown, string[]]>([
    ['nothing', {}, ['/subject', '/action', '/resource']],
    ['a subject without id', { ...good, subject: { type: 'user' } }, ['/subject/id']],
    ['an action as a text', { ...good, action: 'read' }, ['/action']],
    ['an empty resource id', { ...good, resource: { type: 'group', id: '' } }, ['/resource/id']],
    ['a context that is none', { ...good, context: 'here' }, ['/context']],
    ['an organization that is a number', { ...good, context: { organizationId: 7 } }, ['/context/organizationId']],
    ['an unknown field', { ...good, user: 'ada' }, ['/user']],
    ['a list', [good], ['']],
  ])('%s', async (_, body, pointers) => {
    expectProblem(await ask(body), 'BAD_INPUT', pointers);
  });

  test('in a batch, each item by its place', async () => {
    const { subject, ...rest } = good;
    expectProblem(await batch({ ...rest, evaluations: [{ subject }, {}, { subject: {} }] }), 'BAD_INPUT', [
      '/evaluations/2/subject/type',
      '/evaluations/2/subject/id',
    ]);
    expectProblem(await batch({ ...rest, evaluations: [{ subject }, {}] }), 'BAD_INPUT', ['/evaluations/1/subject']);
    expectProblem(await batch({}), 'BAD_INPUT', ['/subject', '/action', '/resource']);
    expectProblem(await batch({ ...good, evaluations: Array.from({ length: 1_001 }, () => ({})) }), 'BAD_INPUT', [
      '/evaluations',
    ]);
    expectProblem(await batch({ ...good, evaluations: [{}], options: { evaluations_semantic: 'best' } }), 'BAD_INPUT', [
      '/options/evaluations_semantic',
    ]);
    expectProblem(await batch({ ...good, evaluations: [{}, {}] }, usher.platformKey), 'BAD_INPUT', [
      '/evaluations/0/context/organizationId',
    ]);
  });

  test('what AuthZEN allows beside is taken and not looked at', async () => {
    const properties = { department: 'Sales', nested: { a: [1] } };
    const about = question(member.id, 'group.read', 'group', team);
    const rich = {
      subject: { ...about.subject, properties: { ...properties, role: 'administrator' } },
      action: { ...about.action, properties },
      resource: { ...about.resource, properties },
      context: { time: '2026-01-01T00:00:00Z', organizationId: ours.id.toUpperCase() },
    };
    const answer = await usher.call('POST', '/access/v1/evaluation', rich, {
      key: ours.key,
      headers: { 'X-Request-ID': 'bfe9eb29-ab87-4ca3-be83' },
    });
    expect(answer).toMatchObject(yes);
    expect(answer.headers['x-request-id']).toBe('bfe9eb29-ab87-4ca3-be83');
  });
});

describe('a batch', () => {
  test('takes for each item what is named once, answers in order, and stops where it was asked to', async () => {
    const named = { ...question(guest.id, 'group.read', 'group', team, ours.id) };
    const evaluations = [
      {},
      { action: { name: 'group.administer' } },
      { subject: { type: 'user', id: unknown } },
      { resource: { type: 'organization', id: ours.id }, action: { name: 'orgchart.read' } },
      { context: { organizationId: theirs.id } },
    ];
    const decided = async (semantic?: string) => {
      const options = semantic && { options: { evaluations_semantic: semantic } };
      const { status, body } = await batch({ ...named, evaluations, ...options });
      expect(status).toBe(200);
      return body.evaluations.map((item: { decision: boolean }) => item.decision) as boolean[];
    };
    expect(await decided()).toEqual([true, false, false, true, false]);
    expect(await decided('execute_all')).toEqual([true, false, false, true, false]);
    expect(await decided('deny_on_first_deny')).toEqual([true, false]);
    expect(await decided('permit_on_first_permit')).toEqual([true]);
  });

  test('without items is one question, and answers like one', async () => {
    const about = question(member.id, 'group.read', 'group', team);
    for (const items of [{}, { evaluations: [] }]) expect((await batch({ ...about, ...items })).body).toEqual(yes.body);
  });

  test('is the same as its questions one by one, whoever asks about whom', async () => {
    const people = [administrator.id, staff.id, member.id, guest.id, stranger.id];
    const evaluations = people.flatMap((id) => [
      question(id, 'content.publish', 'group', team),
      question(id, 'group.administer', 'group', team),
      question(id, 'drive.read', 'group', secret),
      question(id, 'guests.invite', 'organization', ours.id),
      question(id, 'guests.invite', 'group', team),
      question(id, 'profile.read', 'user', administrator.id),
      question(id, 'profile.read', 'user', member.id),
    ]);
    const together = (await batch({ evaluations })).body.evaluations as unknown[];
    const single = [];
    for (const evaluation of evaluations) single.push((await ask(evaluation)).body);
    expect(together).toEqual(single);
    const decisions = single.map(({ decision }: { decision: boolean }) => (decision ? '+' : '-')).join('');
    expect(decisions.match(/.{7}/g)).toEqual(['-+-++++', '-+-++++', '+--+-++', '+-----+', '-------']);
  });

  test('costs the same few queries, however many questions it has', async () => {
    const database = openDatabase(usher.database.url);
    const count = async (size: number) => {
      const queries: string[] = [];
      await inOrganization(database, ours.id, async (trx) => {
        trx.on('query', ({ sql }: { sql: string }) => queries.push(sql));
        const ids = Array.from({ length: size }, (_, n) => `${unknown.slice(0, -3)}${100 + n}`);
        await findAccessFacts(trx, [ours.id], [member.id, ...ids], [team, ...ids]);
      });
      return queries.filter((sql) => sql.startsWith('select')).length;
    };
    try {
      expect(await count(0)).toBe(2);
      expect(await count(500)).toBe(2);
    } finally {
      await database.destroy();
    }
    const about = question(member.id, 'group.read', 'group', team);
    const answer = await batch({ ...about, evaluations: Array.from({ length: 1_000 }, () => ({})) });
    expect(answer.body.evaluations).toHaveLength(1_000);
  });
});

test('context.organizationId left out is the current organization of the session', async () => {
  const { id } = await theirs.invite({ kind: 'guest', email: 'member@access.test' });
  await member.call('POST', `/v1/me/invitations/${id}/accept`);
  const about = question(member.id, 'group.read', 'group', team);
  expect(await askAs(member, about)).toMatchObject(yes);
  await member.call('PUT', '/v1/me/current-organization', { organizationId: theirs.id });
  expect(await askAs(member, about)).toMatchObject(no());
  expect(await askAs(member, { ...about, context: { organizationId: ours.id } })).toMatchObject(yes);
  expect(await askAs(member, question(member.id, 'members.invite', 'organization', theirs.id))).toMatchObject(
    no('guest'),
  );
});
