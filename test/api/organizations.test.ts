import { randomUUID } from 'node:crypto';
import { expectProblem } from '../support/problem';
import { tokenOf } from '../support/token';
import { goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let organization: TestOrganization;
beforeAll(async () => {
  usher = await startUsher({ worker: false });
  organization = await usher.createOrganization({ licences: 5 });
});
afterAll(() => usher.stop());

describe('plan and licences', () => {
  test.each([{ plan: 'premium' }, { licences: 1_000 }, { licences: null }, { name: 'New', licences: 6 }])(
    'an organization cannot give itself %j',
    async (patch) => {
      const before = (await organization.call('GET', '')).body;
      expectProblem(await organization.call('PATCH', '', patch), 'FORBIDDEN');
      expect((await organization.call('GET', '')).body).toEqual(before);
    },
  );

  test('the platform changes them; the organization changes the rest', async () => {
    const path = `/v1/organizations/${organization.id}`;
    expect((await usher.call('PATCH', path, { plan: 'premium', licences: 7 })).body).toMatchObject({
      plan: 'premium',
      licences: 7,
    });
    expect((await organization.call('PATCH', '', { name: 'Renamed' })).body).toMatchObject({ name: 'Renamed' });
  });
});

describe('the end of an API key', () => {
  const create = (expiresAt: string) => organization.call('POST', '/api-keys', { name: 'robot', expiresAt });

  test.each(['2020-01-01T00:00:00Z', '1999-12-31T23:59:59Z', '9999-12-31T23:59:59-14:00', '0001-01-01T00:00:00Z'])(
    '%s is refused',
    async (expiresAt) => {
      expectProblem(await create(expiresAt), 'BAD_INPUT', ['/expiresAt']);
    },
  );

  test('in the future is taken', async () => {
    const answer = await create('9999-12-31T23:59:59Z');
    expect(answer).toMatchObject({ status: 201, body: { expiresAt: '9999-12-31T23:59:59.000Z' } });
  });
});

describe('an idempotency key', () => {
  test('knows its request again, whatever the order of the members', async () => {
    const headers = { 'Idempotency-Key': randomUUID() };
    const send = (json: string) =>
      usher.call('POST', '/v1/organizations', json, { headers: { ...headers, 'Content-Type': 'application/json' } });
    const first = await send(
      '{"name":"A","preset":"28-days","timeZone":"UTC","locale":"en","administrator":{"email":"a@b.test","firstName":"A","lastName":"B"}}',
    );
    const second = await send(
      '{"administrator":{"lastName":"B","firstName":"A","email":"a@b.test"},"locale":"en","timeZone":"UTC","preset":"28-days","name":"A"}',
    );
    expect(first.status).toBe(201);
    expect(second).toMatchObject({ status: 201, body: { id: first.body.id as string } });
    const other = await send('{"name":"B","preset":"28-days","timeZone":"UTC","locale":"en"}');
    expectProblem(other, 'IDEMPOTENCY_KEY_REUSED');
  });

  test('of somebody with a link is kept without the token', async () => {
    const invitation = await organization.invite({ email: 'ada@keys.test', firstName: 'Ada', lastName: 'Lovelace' });
    const token = tokenOf(usher, invitation);
    const accept = (key: string) =>
      usher.call(
        'POST',
        `/v1/invitation-tokens/${token}/accept`,
        { password: goodPassword },
        {
          key: null,
          headers: { 'Idempotency-Key': key },
        },
      );
    const first = await accept('first');
    expect(first.status).toBe(200);
    expect(JSON.stringify(await usher.owner('idempotency_keys').select())).not.toContain(token);
    expect(await accept('first')).toMatchObject({ status: 200, body: first.body });
    // A new key has no answer to repeat, and the link no other.
    expectProblem(await accept('second'), 'INVITATION_ANSWERED');
  });
});
