import { request as httpRequest } from 'node:http';
import { dump } from '../support/dump';
import { expectProblem } from '../support/problem';
import { type Reply, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let organization: TestOrganization;
beforeAll(async () => {
  usher = await startUsher({ worker: false });
  organization = await usher.createOrganization({ preset: 'licensed-guests' });
});
afterAll(() => usher.stop());

const invite = (body: unknown): Promise<Reply> => organization.call('POST', '/invitations', body);
/** The body as it is, with whatever content type. */
const raw = async (
  body: string | Buffer,
  headers: Record<string, string> = {},
  path = '/invitations',
): Promise<Reply> => {
  const answer = await fetch(`${usher.url}/v1/organizations/${organization.id}${path}`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${organization.key}`, 'Content-Type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  });
  const text = await answer.text();
  return { status: answer.status, text, body: JSON.parse(text), headers: Object.fromEntries(answer.headers) };
};

describe('a bad e-mail address is refused with a pointer, and nothing is repaired', () => {
  test.each([
    ['none at all', 'nobody'],
    ['empty', ''],
    ['two addresses', 'a@input.test, b@input.test'],
    ['two addresses with a semicolon', 'a@input.test;b@input.test'],
    ['a display name', 'Ada <ada@input.test>'],
    ['angle brackets', '<ada@input.test>'],
    ['a quoted local part', '"ada lovelace"@input.test'],
    ['CR and LF', 'ada@input.test\r\nBcc: all@input.test'],
    ['LF at the end', 'ada@input.test\n'],
    ['a leading space', ' ada@input.test'],
    ['a trailing space', 'ada@input.test '],
    ['two at signs', 'ada@home@input.test'],
    ['no domain', 'ada@'],
    ['no local part', '@input.test'],
    ['a domain without a dot', 'ada@localhost'],
    ['an IP address', 'ada@[127.0.0.1]'],
    ['a bare IP address', 'ada@127.0.0.1'],
    ['two dots', 'ada..lovelace@input.test'],
    ['a dot at the end of the domain', 'ada@input.test.'],
    ['a comment', 'ada(work)@input.test'],
    ['NUL', 'ada\0@input.test'],
    ['a percent sign in the domain', 'ada@in%70ut.test'],
    ['a right-to-left mark', 'ada\u202e@input.test'],
    ['300 characters', `ada@${'very-long-label.'.repeat(19)}test`],
    ['a local part of 65 characters', `${'a'.repeat(65)}@input.test`],
    ['not text', 7],
    ['a list', ['ada@input.test']],
    ['an object', { address: 'ada@input.test' }],
    ['null', null],
  ])('%s', async (_, email) => {
    expectProblem(await invite({ email }), 'BAD_INPUT', ['/email']);
  });

  test('missing, where the policy makes it mandatory', async () => {
    const strict = await usher.createOrganization({ preset: '28-days' });
    expectProblem(await strict.call('POST', '/invitations', {}), 'BAD_INPUT', ['/email']);
  });

  test('an internationalized domain is accepted, and kept in punycode', async () => {
    const answer = await invite({ email: 'ada@bücher.example', send: false });
    expect(answer).toMatchObject({ status: 201, body: { email: 'ada@xn--bcher-kva.example' } });
    expectProblem(await invite({ email: 'ada@xn--bcher-kva.example' }), 'INVITATION_PENDING');
  });

  test('254 characters are an address', async () => {
    const email = `${'a'.repeat(64)}@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.test`;
    expect((await invite({ email, send: false })).status).toBe(201);
  });

  test('a domain that the policy does not allow is refused by name of the field', async () => {
    const ours = await usher.createOrganization({ preset: '28-days' }, { allowedEmailDomains: ['acme.test'] });
    expectProblem(await ours.call('POST', '/invitations', { email: 'ada@sub.acme.test' }), 'BAD_INPUT', ['/email']);
    expect((await ours.call('POST', '/invitations', { email: 'ada@ACME.test' })).status).toBe(201);
  });
});

describe('what a field does not take is refused with a pointer to it', () => {
  const email = 'fields@input.test';
  test.each<[name: string, fields: Record<string, unknown>, pointers: string[]]>([
    ['an unknown field', { colour: 'red' }, ['/colour']],
    ['two unknown fields', { colour: 'red', isAdmin: true }, ['/colour', '/isAdmin']],
    ['a field that only answers have', { status: 'accepted' }, ['/status']],
    ['a slash and a tilde in the name of a field', { 'a/b~c': 1 }, ['/a~1b~0c']],
    ['a number for a text', { firstName: 7 }, ['/firstName']],
    ['a text for a boolean', { send: 'yes' }, ['/send']],
    ['a text for a list', { groupIds: 'guest' }, ['/groupIds']],
    ['null for a text', { message: null }, ['/message']],
    ['an unknown kind', { kind: 'robot' }, ['/kind']],
    ['an unknown role', { role: 'owner' }, ['/role']],
    ['an unknown language', { locale: 'xx' }, ['/locale']],
    ['an id that is none', { groupIds: ['nope'] }, ['/groupIds/0']],
    ['a group that is not there', { groupIds: ['6f1f4b9e-2c8e-4f0e-9a57-3c1d1a3d4e5f'] }, ['/groupIds/0']],
    ['a sponsor who is not there', { sponsorId: '6f1f4b9e-2c8e-4f0e-9a57-3c1d1a3d4e5f' }, ['/sponsorId']],
    ['a time without offset', { expiresAt: '2030-01-01T00:00:00' }, ['/expiresAt']],
    ['a deadline in the past', { expiresAt: '2020-01-01T00:00:00Z' }, ['/expiresAt']],
    ['a deadline in ten years', { expiresAt: '2036-01-01T00:00:00Z' }, ['/expiresAt']],
    ['a blank name', { lastName: '  ' }, ['/lastName']],
    ['an empty name', { lastName: '' }, ['/lastName']],
    ['a name with a line break', { lastName: 'Love\r\nlace' }, ['/lastName']],
    ['a name with NUL', { lastName: 'Love\0lace' }, ['/lastName']],
    ['half a character', { firstName: 'Ada\ud800' }, ['/firstName']],
    ['a name of 101 characters', { firstName: 'x'.repeat(101) }, ['/firstName']],
    ['a text of 5,001 characters', { message: 'x'.repeat(5_001) }, ['/message']],
    ['a username that is an address', { username: 'ada@input.test' }, ['/username']],
    ['a username of one letter', { username: 'a' }, ['/username']],
    ['staff against role', { staff: true, role: 'administrator' }, ['/staff']],
    ['a guest with rights', { kind: 'guest', role: 'administrator' }, ['/role']],
    ['a member with guestType', { guestType: 'partner' }, ['/guestType']],
    ['temporary access of a member', { accessEndsAt: '2036-01-01T00:00:00Z' }, ['/accessEndsAt']],
    ['a script as redirectUrl', { redirectUrl: 'javascript:alert(1)' }, ['/redirectUrl']],
    ['a redirectUrl outside the policy', { redirectUrl: 'https://evil.test/' }, ['/redirectUrl']],
    ['metadata that is a list', { metadata: [1] }, ['/metadata']],
    ['metadata of 9,000 characters', { metadata: { text: 'x'.repeat(9_000) } }, ['/metadata']],
    ['metadata with NUL', { metadata: { text: 'a\0b' } }, ['/metadata']],
    ['metadata with half a character', { metadata: { text: 'a\ud800b' } }, ['/metadata']],
  ])('%s', async (_, fields, pointers) => {
    expectProblem(await invite({ email, send: false, ...fields }), 'BAD_INPUT', pointers);
  });

  test('a prototype is no field', async () => {
    const answer = await raw('{"email": "proto@input.test", "__proto__": {"send": false}}');
    expectProblem(answer, 'BAD_INPUT', ['/__proto__']);
  });

  test.each([101, 3_000, 400_000])('metadata nested %d levels deep is refused', async (depth) => {
    const deep = `${'['.repeat(depth)}${']'.repeat(depth)}`;
    expectProblem(await raw(`{"email": "deep@input.test", "metadata": {"deep": ${deep}}}`), 'BAD_INPUT', ['/metadata']);
  });

  test('metadata is given back as it came', async () => {
    const metadata = { 'a key': [1, 2.5, null, true, { deep: { deeper: ['ü', '\\u0000', '\\ud800'] } }] };
    const invitation = await organization.invite({ email: 'kept@input.test', send: false, metadata });
    expect((await organization.call('GET', `/invitations/${invitation.id}`)).body.metadata).toEqual(metadata);
  });

  test('several faults are all named', async () => {
    const answer = await invite({ email: 'no', firstName: 1, send: 'x', extra: 1 });
    expectProblem(answer, 'BAD_INPUT', ['/email', '/firstName', '/send', '/extra']);
  });

  test('a route without a body takes none, and an empty one', async () => {
    const invitation = await organization.invite({ email: 'bodyless@input.test', send: false });
    const cancel = (body: unknown) => organization.call('POST', `/invitations/${invitation.id}/cancel`, body);
    expectProblem(await cancel({ reason: 'x' }), 'BAD_INPUT', ['/reason']);
    expect((await cancel({})).status).toBe(200);
  });
});

describe('bodies', () => {
  test.each([
    ['text that is no JSON', 'hello'],
    ['half a document', '{"email": "a@input.test"'],
    ['two documents', '{} {}'],
    ['a byte that is no UTF-8 inside of nothing', Buffer.from([0x7b, 0xff, 0x7d])],
  ])('%s is 400', async (_, body) => {
    expectProblem(await raw(body), 'BAD_INPUT', ['']);
  });

  test.each([['[]'], ['"text"'], ['7'], ['null'], ['true']])('%s is no object: 400', async (body) => {
    expectProblem(await raw(body), 'BAD_INPUT', ['']);
  });

  test('none where one is needed is 400', async () => {
    expectProblem(await organization.call('POST', '/invitations'), 'BAD_INPUT', ['']);
  });

  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/xml',
    'multipart/form-data; boundary=x',
    '',
  ])('the content type "%s" is 415', async (type) => {
    expectProblem(await raw('{"email": "type@input.test"}', { 'Content-Type': type }), 'UNSUPPORTED_MEDIA_TYPE');
  });

  test('a character set or an encoding that we do not know is 415', async () => {
    const body = '{"email": "charset@input.test"}';
    expectProblem(await raw(body, { 'Content-Type': 'application/json; charset=ibm500' }), 'UNSUPPORTED_MEDIA_TYPE');
    expectProblem(await raw(body, { 'Content-Encoding': 'lzma' }), 'UNSUPPORTED_MEDIA_TYPE');
  });

  test('over one megabyte is 413, announced or not', async () => {
    const large = JSON.stringify({ email: 'large@input.test', message: 'x'.repeat(1_100_000) });
    expectProblem(await raw(large), 'TOO_LARGE');
    const chunked = await new Promise<number | undefined>((resolve, reject) => {
      const sending = httpRequest(`${usher.url}/v1/organizations/${organization.id}/invitations`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${organization.key}`, 'Content-Type': 'application/json' },
      });
      sending.on('response', (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      sending.on('error', reject);
      for (let at = 0; at < large.length; at += 100_000) sending.write(large.slice(at, at + 100_000));
      sending.end();
    });
    expect(chunked).toBe(413);
  });

  test('just below one megabyte is read, and judged', async () => {
    const answer = await raw(JSON.stringify({ email: 'big@input.test', message: 'x'.repeat(1_000_000) }));
    expectProblem(answer, 'BAD_INPUT', ['/message']);
  });

  test('what is refused leaves nothing behind', async () => {
    const before = await dump(usher, { without: ['rate_limits'] });
    await invite({ email: 'trace@input.test', firstName: 7 });
    await invite({ email: 'trace@input.test', groupIds: ['6f1f4b9e-2c8e-4f0e-9a57-3c1d1a3d4e5f'] });
    await organization.call('PATCH', '/policy', { invitationLifetime: 'P0D' });
    expect(await dump(usher, { without: ['rate_limits'] })).toEqual(before);
  });
});

describe('lifetimes', () => {
  test.each([
    'P0D',
    'PT0S',
    '-P1D',
    'P-1D',
    'P366D',
    'P2Y',
    'P53W',
    'PT8761H',
    '28',
    '28 days',
    'P',
    'PT',
    '',
    'p28d',
    'P1.5D',
    28,
    null,
  ])('%p is refused', async (invitationLifetime) => {
    const answer = await organization.call('PATCH', '/policy', { invitationLifetime });
    expectProblem(answer, 'BAD_INPUT', ['/invitationLifetime']);
  });

  test.each(['PT1S', 'P365D', 'P28D', 'P4W', 'P1M', 'PT36H', 'P1DT12H'])('%s is taken', async (invitationLifetime) => {
    const answer = await organization.call('PATCH', '/policy', { invitationLifetime });
    expect(answer).toMatchObject({ status: 200, body: { invitationLifetime } });
  });
});

describe('policies, organizations and keys', () => {
  test.each<[name: string, patch: Record<string, unknown>, pointers: string[]]>([
    ['an unknown field', { invitationLifeTime: 'P1D' }, ['/invitationLifeTime']],
    ['a reminder that is no duration', { reminders: ['P7D', 'soon'] }, ['/reminders/1']],
    ['a reminder of no time', { reminders: ['PT0S'] }, ['/reminders/0']],
    ['eleven reminders', { reminders: Array(11).fill('P1D') }, ['/reminders']],
    ['reminders that are no list', { reminders: 'P1D' }, ['/reminders']],
    ['quiet hours without an end', { quietHours: { from: '22:00' } }, ['/quietHours/to']],
    ['quiet hours at 25 o’clock', { quietHours: { from: '25:00', to: '07:00' } }, ['/quietHours/from']],
    ['quiet hours with seconds', { quietHours: { from: '22:00', to: '07:00:00' } }, ['/quietHours/to']],
    ['a zone in quiet hours', { quietHours: { from: '22:00', to: '07:00', zone: 'UTC' } }, ['/quietHours/zone']],
    ['an unknown second factor', { twoFactor: 'none' }, ['/twoFactor']],
    ['an unknown onExpiry', { onExpiry: 'delete' }, ['/onExpiry']],
    ['an address as domain', { allowedEmailDomains: ['@acme.test'] }, ['/allowedEmailDomains/0']],
    ['an origin with a path', { redirectOrigins: ['https://app.test/x'] }, ['/redirectOrigins/0']],
    ['a password of 101 characters', { password: { minLength: 101 } }, ['/password/minLength']],
    ['applyToPending as text', { applyToPending: 'true' }, ['/applyToPending']],
  ])('a policy: %s', async (_, patch, pointers) => {
    expectProblem(await organization.call('PATCH', '/policy', patch), 'BAD_INPUT', pointers);
  });

  test('a policy keeps reminders and quiet hours as they were given', async () => {
    const patch = { reminders: ['P7D', 'P1D', 'PT2H'], quietHours: { from: '22:00', to: '07:00' } };
    expect(await organization.call('PATCH', '/policy', patch)).toMatchObject({ status: 200, body: patch });
    expect((await organization.call('PATCH', '/policy', { quietHours: null })).body.quietHours).toBeNull();
    expect((await organization.call('GET', '/policy')).body.reminders).toEqual(patch.reminders);
  });

  test.each<[name: string, fields: Record<string, unknown>, pointers: string[]]>([
    ['no name', { name: undefined }, ['/name']],
    ['an unknown preset', { preset: '14-days' }, ['/preset']],
    ['no such time zone', { timeZone: 'Europe/Atlantis' }, ['/timeZone']],
    ['an unknown language', { locale: 'fr' }, ['/locale']],
    ['half a licence', { licences: 1.5 }, ['/licences']],
    ['minus one licence', { licences: -1 }, ['/licences']],
    ['an unknown plan', { plan: 'gold' }, ['/plan']],
  ])('an organization: %s', async (_, fields, pointers) => {
    const good = { name: 'Acme', preset: '28-days', timeZone: 'Europe/Berlin', locale: 'en' };
    expectProblem(await usher.call('POST', '/v1/organizations', { ...good, ...fields }), 'BAD_INPUT', pointers);
  });

  test('a key without a name', async () => {
    expectProblem(await organization.call('POST', '/api-keys', {}), 'BAD_INPUT', ['/name']);
  });
});

describe('queries', () => {
  test.each([
    ['/invitations?limit=0', '/limit'],
    ['/invitations?limit=201', '/limit'],
    ['/invitations?limit=ten', '/limit'],
    ['/invitations?limit=1.5', '/limit'],
    ['/invitations?status=lost', '/status'],
    ['/invitations?kind=robot', '/kind'],
    ['/invitations?colour=red', '/colour'],
    ['/invitations?q=', '/q'],
    ['/invitations?q=%00', '/q'],
    ['/users?q=a%00b', '/q'],
    ['/users?status=lost', '/status'],
    ['/users?groupId=x', '/groupId'],
    ['/audit-events?invitationId=x', '/invitationId'],
    ['/audit-events?type=%00', '/type'],
    ['/api-keys?limit=-1', '/limit'],
  ])('%s is refused', async (path, pointer) => {
    expectProblem(await organization.call('GET', path), 'BAD_INPUT', [pointer]);
  });

  const cursor = (...parts: unknown[]) => Buffer.from(JSON.stringify(parts)).toString('base64url');
  const uuid = '6f1f4b9e-2c8e-4f0e-9a57-3c1d1a3d4e5f';
  test.each(['/invitations', '/users', '/api-keys', '/audit-events'])(
    'a cursor that %s has not given is refused',
    async (path) => {
      for (const bad of [
        'x',
        '%00',
        cursor(),
        cursor('2026-01-01T00:00:00.000Z'),
        cursor('2026-99-99T99:99:99.999Z', uuid),
        cursor("2026-01-01T00:00:00.000Z' or true --", uuid),
        cursor({ toString: 1 }, uuid),
      ])
        expectProblem(await organization.call('GET', `${path}?cursor=${bad}`), 'BAD_CURSOR');
    },
  );

  test('an address that is no valid URL is 400 or 404, as a problem', async () => {
    const answer = await organization.call('GET', '/invitations/%E0%A4%A');
    expect([400, 404]).toContain(answer.status);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });
});

test('a refusal says its title in the caller’s language, and which that is', async () => {
  const refused = (language?: string) =>
    usher.call('GET', '/v1/nowhere', undefined, { headers: language ? { 'Accept-Language': language } : {} });
  for (const language of [undefined, '*', 'fr', 'en-US,de;q=0.5']) {
    const reply = await refused(language);
    expectProblem(reply, 'NOT_FOUND');
    expect(reply.headers).toMatchObject({ 'content-language': 'en', vary: expect.stringContaining('Accept-Language') });
  }
  const german = await refused('de-AT,de;q=0.9,en;q=0.5');
  expect(german).toMatchObject({
    status: 404,
    body: { code: 'NOT_FOUND', title: 'Nicht gefunden', detail: (await refused()).body.detail },
    headers: { 'content-language': 'de', vary: expect.stringContaining('Accept-Language') },
  });
});
