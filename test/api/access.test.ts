import { routes } from '../../api/app';
import { moved, setClock } from '../support/clock';
import { dump } from '../support/dump';
import { expectProblem } from '../support/problem';
import { type Reply, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let ours: TestOrganization;
let theirs: TestOrganization;
const theirIds: Record<string, string> = {};
const ourIds: Record<string, string> = {};
beforeAll(async () => {
  usher = await startUsher({ worker: false });
  [ours, theirs] = [
    await usher.createOrganization({ name: 'Ours' }),
    await usher.createOrganization({ name: 'Theirs' }),
  ];
  for (const [organization, ids] of [
    [ours, ourIds],
    [theirs, theirIds],
  ] as const) {
    ids['invitations'] = (await organization.invite({ email: 'eve@access.test' })).id as string;
    ids['users'] = (await organization.call('GET', '/users')).body.items[0].id as string;
    ids['groups'] = (await organization.call('POST', '/groups', { name: 'Team' })).body.id as string;
    ids['api-keys'] = (await organization.call('POST', '/api-keys', { name: 'robot' })).body.id as string;
  }
  for (const [organization, ids, email] of [
    [ours, ourIds, 'our-guest@access.test'],
    [theirs, theirIds, 'their-guest@access.test'],
  ] as const) {
    await organization.invite({ kind: 'guest', email });
    ids['guests'] = (await organization.call('GET', '/guests')).body.items[0].id as string;
  }
  for (const [organization, ids] of [
    [ours, ourIds],
    [theirs, theirIds],
  ] as const) {
    const { rows } = await usher.owner.raw<{ rows: { id: string }[] }>(
      `insert into emails (id, organization_id, invitation_id, type, generation, locale, sender, recipient, subject, html, text,
         message_id, status)
       values (gen_random_uuid(), ?, ?, 'user-invitation', 1, 'en', 'usher@usher.test', 'eve@access.test', 's', 'h', 't', '<m>', 'sent')
       returning id`,
      [organization.id, ids['invitations'] ?? ''],
    );
    ids['emails'] = rows[0]?.id ?? '';
    const suppressed = await usher.owner.raw<{ rows: { id: string }[] }>(
      `insert into suppressed_addresses (id, organization_id, address, reason)
       values (gen_random_uuid(), ?, 'gone@access.test', 'bounce') returning id`,
      [organization.id],
    );
    ids['suppressed-addresses'] = suppressed.rows[0]?.id ?? '';
  }
  ourIds['members'] = ourIds['users'] ?? '';
  // The same person in both: theirs must be somebody whom we do not know.
  await theirs.invite({ email: 'stranger@access.test' });
  theirIds['users'] = (await theirs.call('GET', '/users?q=stranger')).body.items[0].id as string;
  theirIds['members'] = theirIds['users'];
});
afterAll(() => usher.stop());
afterEach(() => setClock(usher, null));

const scoped = routes.filter(({ access }) => access === 'organization');
const named = scoped.map(({ method, path }) => [`${method.toUpperCase()} ${path}`, method, path] as const);
const unknown = '6f1f4b9e-2c8e-4f0e-9a57-3c1d1a3d4e5f';

/** Every organization has the same templates: what names one is no id. */
const withoutKeys = (path: string): string => path.replace('{type}/{locale}', 'user-invitation/en');

/** The path with the ids put in; a new kind of id must be named above. */
function fill(path: string, organizationId: string, ids: Record<string, string> | string): string {
  return withoutKeys(path)
    .replace('{organizationId}', organizationId)
    .replace(/([\w-]+)\/\{(\w+)\}/g, (_, collection: string) => {
      const id = typeof ids === 'string' ? ids : ids[collection];
      if (!id) throw new Error(`${path} names an id of ${collection}: make one in this test`);
      return `${collection}/${id}`;
    });
}

/** Any body at all: who may not is told so before it is judged. */
const ask = (method: string, path: string, key: string | null): Promise<Reply> =>
  usher.call(method, path, method === 'get' ? undefined : { nonsense: true }, { key });

test('every route under /organizations/{organizationId} is scoped to its organization', () => {
  const all = routes.filter(({ path }) => path.includes('{organizationId}'));
  expect(all.filter(({ access }) => access !== 'organization')).toEqual([]);
  expect(scoped.length).toBeGreaterThan(15);
});

describe.each(named)('%s', (_, method, path) => {
  test('does not know another organization, and tells it apart from one that is not there in nothing', async () => {
    const foreign = await ask(method, fill(path, theirs.id, theirIds), ours.key);
    expectProblem(foreign, 'NOT_FOUND');
    const nowhere = await ask(method, fill(path, unknown, theirIds), ours.key);
    expect({ ...nowhere.body, requestId: '' }).toEqual({ ...foreign.body, requestId: '' });
    expectProblem(await ask(method, fill(path, unknown, theirIds), usher.platformKey), 'NOT_FOUND');
    expectProblem(await ask(method, fill(path, 'not-a-uuid', theirIds), usher.platformKey), 'NOT_FOUND');
  });

  if (withoutKeys(path).replace('{organizationId}', '').includes('{')) {
    test('does not know what belongs to another organization, also for the platform', async () => {
      for (const key of [ours.key, usher.platformKey]) {
        const foreign = await ask(method, fill(path, ours.id, theirIds), key);
        expectProblem(foreign, 'NOT_FOUND');
        const nowhere = await ask(method, fill(path, ours.id, unknown), key);
        expect({ ...nowhere.body, requestId: '' }).toEqual({ ...foreign.body, requestId: '' });
        expectProblem(await ask(method, fill(path, ours.id, 'not-a-uuid'), key), 'NOT_FOUND');
      }
    });
  }

  test('is closed without a key, and with a wrong one', async () => {
    for (const key of [null, 'x'.repeat(32), `${ours.key}x`, ours.key.slice(0, -1)]) {
      const answer = await ask(method, fill(path, ours.id, ourIds), key);
      expectProblem(answer, 'UNAUTHENTICATED');
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    }
  });
});

test('nothing of all this has changed anything', async () => {
  const before = await dump(usher, { without: ['rate_limits'] });
  for (const [, method, path] of named) await ask(method, fill(path, theirs.id, theirIds), ours.key);
  expect(await dump(usher, { without: ['rate_limits'] })).toEqual(before);
  expect((await theirs.call('GET', `/invitations/${theirIds['invitations']}`)).body.status).toBe('pending');
});

test('what only the platform may do is 403 for an organization, before the body is judged', async () => {
  const platformOnly = routes.filter(({ access }) => access === 'platform');
  expect(platformOnly.length).toBeGreaterThan(0);
  for (const { method, path } of platformOnly) {
    expectProblem(await ask(method, path, ours.key), 'FORBIDDEN');
    expectProblem(await ask(method, path, null), 'UNAUTHENTICATED');
  }
});

test('the platform acts as administrator in every organization, and `current` is the one of the key', async () => {
  const read = (key: string, id: string) => usher.call('GET', `/v1/organizations/${id}`, undefined, { key });
  expect((await read(usher.platformKey, theirs.id)).body.name).toBe('Theirs');
  expect((await read(ours.key, 'current')).body.name).toBe('Ours');
  expect((await read(ours.key, ours.id.toUpperCase())).body.name).toBe('Ours');
  expectProblem(await read(usher.platformKey, 'current'), 'NOT_FOUND');
});

test('invitations of another organization are in no list of ours', async () => {
  for (const path of ['/invitations', '/users', '/audit-events', '/api-keys', '/emails']) {
    const { text } = await ours.call('GET', `${path}?limit=200`);
    expect(text).toContain(path === '/api-keys' ? 'robot' : ourIds['invitations']);
    for (const id of [theirIds['invitations'], theirs.id, theirIds['api-keys'], 'stranger'])
      expect(text).not.toContain(id);
  }
});

describe('API keys', () => {
  const works = async (key: string) => (await ours.call('GET', '', undefined, { key })).status;

  test('a key is shown once, works, is listed without itself, and is refused once revoked', async () => {
    const created = await ours.call('POST', '/api-keys', { name: 'shown once' });
    expect(created.status).toBe(201);
    const { id, key } = created.body as { id: string; key: string };
    expect(await works(key)).toBe(200);
    const listed = await ours.call('GET', '/api-keys?limit=200');
    expect(listed.body.items).toContainEqual({
      id,
      name: 'shown once',
      createdAt: created.body.createdAt,
      expiresAt: null,
    });
    expect(listed.text).not.toContain(key);
    expect(JSON.stringify(await dump(usher))).not.toContain(key);
    expect((await ours.call('DELETE', `/api-keys/${id}`)).status).toBe(204);
    expect(await works(key)).toBe(401);
    expect((await ours.call('GET', '/api-keys?limit=200')).text).not.toContain(id);
    expectProblem(await ours.call('DELETE', `/api-keys/${id}`), 'NOT_FOUND');
  });

  test('a key can revoke itself', async () => {
    const { id, key } = (await ours.call('POST', '/api-keys', { name: 'last act' })).body as {
      id: string;
      key: string;
    };
    expect((await ours.call('DELETE', `/api-keys/${id}`, undefined, { key })).status).toBe(204);
    expect(await works(key)).toBe(401);
  });

  test('a key with an end works until that instant', async () => {
    const expiresAt = moved(new Date(), 3_600_000).toISOString();
    const { key } = (await ours.call('POST', '/api-keys', { name: 'for an hour', expiresAt })).body as { key: string };
    await setClock(usher, moved(expiresAt, -1));
    expect(await works(key)).toBe(200);
    await setClock(usher, new Date(expiresAt));
    expect(await works(key)).toBe(401);
  });

  test('the words for a missing, wrong, revoked and malformed key are the same', async () => {
    const { id, key } = (await ours.call('POST', '/api-keys', { name: 'revoked' })).body as { id: string; key: string };
    await ours.call('DELETE', `/api-keys/${id}`);
    const headers = ['', 'Bearer', `Bearer ${key}`, 'Bearer short', `Basic ${btoa(`x:${ours.key}`)}`, 'Bearer a b c'];
    const bodies = new Set<string>();
    for (const Authorization of headers) {
      const answer = await ours.call('GET', '', undefined, { key: null, headers: { Authorization } });
      expectProblem(answer, 'UNAUTHENTICATED');
      bodies.add(JSON.stringify({ ...answer.body, requestId: '' }));
    }
    expect(bodies.size).toBe(1);
  });
});
