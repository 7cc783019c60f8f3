import type { Request } from 'express';
import { createRateLimits, defaultLimits } from '../../api/middleware/rate-limits';
import { openDatabase, type Database } from '../../db/database';
import { Problem } from '../../domain/problem';
import { expectProblem } from '../support/problem';
import { startUsher, type TestUsher } from '../support/usher';
import { visit } from '../support/visitor';

let usher: TestUsher;
let database: Database;
beforeAll(async () => {
  usher = await startUsher({ worker: false, env: { USHER_RATE_LIMITS: 'on' } });
  database = openDatabase(usher.database.url);
});
afterAll(async () => {
  await database.destroy();
  await usher.stop();
});

const from = (ip: string) => ({ ip, get: () => 'Bearer a-key-that-nobody-has' }) as unknown as Request;
const few = { perAddress: 3, perCaller: 3, answersPerAddress: 2, failuresPerAddress: 3 };
const refused = { code: 'TOO_MANY_REQUESTS' };

async function times(count: number, ask: () => Promise<unknown>): Promise<void> {
  for (let index = 0; index < count; index++) await ask();
}

test('each address has its own count, and each kind of count its own limit', async () => {
  const limits = createRateLimits(database, true, few);
  await times(3, () => limits.forAddress(from('10.0.0.1')));
  await expect(limits.forAddress(from('10.0.0.1'))).rejects.toMatchObject(refused);
  await times(2, () => limits.forAnswer(from('10.0.0.1')));
  await expect(limits.forAnswer(from('10.0.0.1'))).rejects.toMatchObject(refused);
  await limits.forAddress(from('10.0.0.2'));
  await limits.forAnswer(from('10.0.0.2'));
});

test('with request limits off only guessed keys are counted', async () => {
  const limits = createRateLimits(database, false, few);
  await times(10, () => limits.forAddress(from('10.0.0.3')));
  await times(10, () => limits.forAnswer(from('10.0.0.3')));
  const guess = () => Promise.reject(new Problem('UNAUTHENTICATED', 'No.'));
  await times(3, () => expect(limits.countingFailures(from('10.0.0.3'), guess)).rejects.toBeInstanceOf(Problem));
  await expect(limits.countingFailures(from('10.0.0.3'), guess)).rejects.toMatchObject(refused);
});

test('who has guessed too often waits, and no key of theirs is looked up meanwhile', async () => {
  const limits = createRateLimits(database, true, few);
  const lookUp = jest.fn(() => Promise.reject(new Problem('UNAUTHENTICATED', 'No.')));
  for (let guess = 0; guess < 3; guess++)
    await expect(limits.countingFailures(from('10.0.0.4'), lookUp)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  await expect(limits.countingFailures(from('10.0.0.4'), lookUp)).rejects.toMatchObject(refused);
  expect(lookUp).toHaveBeenCalledTimes(3);
  await expect(limits.countingFailures(from('10.0.0.5'), () => Promise.resolve('in'))).resolves.toBe('in');
  // Another process learns it with its first refused key.
  const elsewhere = createRateLimits(database, true, few);
  await expect(elsewhere.countingFailures(from('10.0.0.4'), lookUp)).rejects.toMatchObject(refused);
  await expect(elsewhere.countingFailures(from('10.0.0.4'), lookUp)).rejects.toMatchObject(refused);
  expect(lookUp).toHaveBeenCalledTimes(4);
});

test('answering is limited for every stranger, whatever Authorization they send, by API and page together', async () => {
  const answer = (index: number) =>
    usher.call('POST', `/v1/invitation-tokens/x/${['accept', 'decline', 'request-new'][index % 3]}`, {}, { key: 'x' });
  const statuses = new Set<number>();
  for (let index = 0; index < defaultLimits.answersPerAddress; index++) statuses.add((await answer(index)).status);
  expect([...statuses].sort()).toEqual([202, 404]);
  for (const index of [0, 1, 2]) expectProblem(await answer(index), 'TOO_MANY_REQUESTS');
  expect((await visit(usher).post('/invitations/open/x/decline', {})).status).toBe(429);
  expect((await visit(usher).get('/')).status).toBe(200);
  expect((await usher.call('POST', '/v1/organizations', {})).status).toBe(400);
});

test('public routes and pages count also with an Authorization header, those with a key do not', async () => {
  const points = async (): Promise<number> =>
    Number((await usher.owner('rate_limits').where('key', 'like', 'address:%').sum('points as sum'))[0]?.sum ?? 0);
  const before = await points();
  await usher.call('GET', '/v1/invitation-tokens/x', undefined, { key: 'x' });
  await usher.call('GET', '/', undefined, { key: 'x' });
  expect(await points()).toBe(before + 2);
  await usher.call('GET', '/v1/organizations/current', undefined);
  expect(await points()).toBe(before + 2);
});

describe('mails of invitations', () => {
  test('nobody is flooded: one address gets ten an hour from all organizations together, and then nothing has changed', async () => {
    const [one, other] = [await usher.createOrganization(), await usher.createOrganization()];
    const { id } = await one.invite({ email: 'stranger@flood.test' });
    for (let index = 0; index < 8; index++)
      expect((await one.call('POST', `/invitations/${id}/resend`)).status).toBe(200);
    // Written otherwise, it is the same mailbox.
    await other.invite({ email: 'Stranger@flood.test' });
    const refused = await one.call('POST', `/invitations/${id}/resend`);
    expectProblem(refused, 'TOO_MANY_REQUESTS');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect((await one.call('GET', `/invitations/${id}`)).body).toMatchObject({ status: 'pending', generation: 9 });
    const third = await usher.createOrganization();
    expectProblem(await third.call('POST', '/invitations', { email: 'stranger@flood.test' }), 'TOO_MANY_REQUESTS');
    expect((await third.call('GET', '/invitations')).body.items).toEqual([]);
    // What mails nobody is not counted.
    expect((await third.call('POST', '/invitations', { email: 'stranger@flood.test', send: false })).status).toBe(201);
    expect((await one.call('POST', `/invitations/${id}/cancel`)).status).toBe(200);
    // Nor are addresses of one mailbox several, however they are told apart there; each gets its own mail.
    const plus = await third.call('POST', '/invitations', { email: 'Stranger+2@flood.test' });
    expectProblem(plus, 'TOO_MANY_REQUESTS');
    expect(await one.invite({ email: 'stranger.else+stranger@flood.test' })).toMatchObject({
      email: 'stranger.else+stranger@flood.test',
    });
    await one.invite({ email: 'somebody-else@flood.test' });
    const keys = (await usher.owner('rate_limits').pluck('key')) as string[];
    expect(keys.filter((key) => /flood|stranger/i.test(key))).toEqual([]);
  });

  test('dots that a provider ignores make no other mailbox', async () => {
    const organization = await usher.createOrganization();
    const spelled = (index: number) =>
      `john${index & 1 ? '.' : ''}s${index & 2 ? '.' : ''}m${index & 4 ? '.' : ''}ith@${index & 8 ? 'gmail' : 'googlemail'}.com`;
    const answers = [];
    for (let index = 0; index < 12; index++)
      answers.push((await organization.call('POST', '/invitations', { email: spelled(index) })).status);
    expect(answers).toEqual([...Array<number>(10).fill(201), 429, 429]);
    const elsewhere = { email: 'john.smith@flood.test' };
    expect((await organization.call('POST', '/invitations', elsewhere)).status).toBe(201);
  });

  test('what sends nothing counts nothing: an answer given again, and a refusal', async () => {
    const organization = await usher.createOrganization();
    const body = { email: 'repeated@limit.test' };
    const again = () =>
      organization.call('POST', '/invitations', body, { headers: { 'idempotency-key': 'one-and-the-same' } });
    const first = await again();
    expect(first.status).toBe(201);
    await times(12, async () => expect(await again()).toMatchObject({ status: 201, body: { id: first.body.id } }));
    await times(12, async () =>
      expectProblem(await organization.call('POST', '/invitations', body), 'INVITATION_PENDING'),
    );
    const other = await usher.createOrganization();
    const { id } = await other.invite(body);
    for (let index = 0; index < 8; index++)
      expect((await other.call('POST', `/invitations/${id}/resend`)).status).toBe(200);
    expectProblem(await other.call('POST', `/invitations/${id}/resend`), 'TOO_MANY_REQUESTS');
    // Beyond the limit the same key still gets its answer.
    expect((await again()).status).toBe(201);
  });

  test('an organization beyond its own limit spends nothing of a recipient’s, and requests at once are all counted', async () => {
    const limits = createRateLimits(database, true, { ...few, mailsPerOrganization: 2 });
    const mail = (organizationId: string) =>
      database.transaction((trx) => limits.forInvitationMail(trx, organizationId, 'g@limit.test'));
    const counts = async () =>
      (await usher.owner('rate_limits').where('key', 'like', 'mail-invitation:%').sum('points as sum'))[0]
        ?.sum as string;
    const before = Number(await counts());
    const all = await Promise.allSettled(Array.from({ length: 6 }, () => mail('full')));
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    expect(Number(await counts())).toBe(before + 2);
  });

  test('an organization has a limit of its own, by corrections too', async () => {
    const limits = createRateLimits(database, true, { ...few, mailsPerOrganization: 2 });
    const mail = (organizationId: string, recipient: string) =>
      database.transaction((trx) => limits.forInvitationMail(trx, organizationId, recipient));
    await mail('first', 'a@limit.test');
    await mail('first', 'b@limit.test');
    await expect(mail('first', 'c@limit.test')).rejects.toMatchObject(refused);
    await mail('second', 'c@limit.test');
    const off = createRateLimits(database, false, { ...few, mailsPerOrganization: 1 });
    await times(20, () => database.transaction((trx) => off.forInvitationMail(trx, 'third', 'd@limit.test')));
    const organization = await usher.createOrganization();
    const { id } = await organization.invite({ email: 'e@limit.test' });
    await times(10, async () => {
      await organization.call('PATCH', `/invitations/${id}`, { email: 'f@limit.test' });
      await organization.call('PATCH', `/invitations/${id}`, { email: 'e@limit.test' });
    });
    expectProblem(
      await organization.call('PATCH', `/invitations/${id}`, { email: 'e@limit.test' }),
      'TOO_MANY_REQUESTS',
    );
    expect((await organization.call('PATCH', `/invitations/${id}`, { firstName: 'Ada' })).status).toBe(200);
  });
});
