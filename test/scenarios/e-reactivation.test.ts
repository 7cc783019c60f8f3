import { ScheduleOverlapPolicy } from '@temporalio/client';
import { moved, setClock } from '../support/clock';
import { visitor } from '../support/people';
import { expectProblem } from '../support/problem';
import { eventually, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
beforeAll(async () => {
  usher = await startUsher();
});
afterAll(() => usher.stop());
afterEach(() => setClock(usher, null));

const job = () => usher.temporal.schedule.getHandle('reset-unused-reactivations');
const actions = async () => (await job().describe()).info;
/** One run of the real job, to its end. */
async function runJob(): Promise<void> {
  const before = (await actions()).numActionsTaken;
  await job().trigger(ScheduleOverlapPolicy.BUFFER_ALL);
  await eventually(actions, (now) => now.numActionsTaken > before && now.runningActions.length === 0);
}

async function reactivated(organization: TestOrganization, email: string, at: Date): Promise<[string, Date]> {
  const invitation = await organization.invite({ email, expiresAt: moved(new Date(), 60_000).toISOString() });
  await usher.linkFor(email);
  await setClock(usher, at);
  const [{ id }] = (await organization.call('GET', `/users?q=${email}`)).body.items;
  const { body } = await organization.call('POST', `/users/${id}/activate`);
  expect(body).toMatchObject({ status: 'active', invitation: { id: invitation.id, status: 'expired' } });
  return [id as string, new Date(body.reactivationDeadline as string)];
}

const account = (id: string) => usher.owner('accounts').first().where({ id });
const resets = async (organization: TestOrganization, id: string): Promise<number> =>
  (await organization.call('GET', `/audit-events?type=account.reactivation-unused&userId=${id}`)).body.items.length;

test('E9: never early; and after an outage over midnight each account is reset, once', async () => {
  const organization = await usher.createOrganization({ preset: '28-days', timeZone: 'Asia/Kathmandu' });
  const afternoon = new Date(`${new Date().getUTCFullYear() + 1}-06-01T09:00:00.000Z`);
  const [id, midnight] = await reactivated(organization, 'outage@e9.test', afternoon);
  expect(midnight).toEqual(new Date(`${afternoon.getUTCFullYear()}-06-01T18:15:00.000Z`));
  await setClock(usher, moved(midnight, -1));
  await runJob();
  expect(await account(id)).toMatchObject({ status: 'active', reactivation_deadline: midnight });
  expect(await resets(organization, id)).toBe(0);

  await usher.stopWorker();
  await setClock(usher, moved(midnight, 9 * 3_600_000));
  const taken = (await actions()).numActionsTaken;
  for (let missed = 0; missed < 2; missed += 1) await job().trigger(ScheduleOverlapPolicy.BUFFER_ALL);
  await eventually(actions, ({ runningActions }) => runningActions.length === 1);
  expect(await account(id)).toMatchObject({ status: 'active', reactivation_deadline: midnight });
  // Down as the job is, the day is over for everybody who asks.
  expect((await organization.call('GET', `/users/${id}`)).body).toMatchObject({
    status: 'inactive',
    reactivationDeadline: null,
  });

  await usher.startWorker();
  await eventually(
    () => account(id),
    ({ status }) => status === 'inactive',
  );
  await eventually(actions, (now) => now.numActionsTaken >= taken + 2 && now.runningActions.length === 0);
  expect(await account(id)).toMatchObject({ status: 'inactive', reactivation_deadline: null });
  expect(await resets(organization, id)).toBe(1);
});

test('E9: a time zone that changes in the afternoon counts for those reactivated after it, not before', async () => {
  const organization = await usher.createOrganization({ preset: '28-days', timeZone: 'Europe/Berlin' });
  const year = new Date().getUTCFullYear() + 1;
  const afternoon = new Date(`${year}-01-20T14:00:00.000Z`);
  const [before, berlin] = await reactivated(organization, 'before@e9.test', afternoon);
  expect(berlin).toEqual(new Date(`${year}-01-20T23:00:00.000Z`));
  // To the east, where that day ends sooner, and to the west, where it ends later.
  await organization.call('PATCH', '', { timeZone: 'Asia/Tokyo' });
  await setClock(usher, null);
  const [east, tokyo] = await reactivated(organization, 'east@e9.test', afternoon);
  expect(tokyo).toEqual(new Date(`${year}-01-20T15:00:00.000Z`));
  await organization.call('PATCH', '', { timeZone: 'Pacific/Honolulu' });
  await setClock(usher, null);
  const [west, honolulu] = await reactivated(organization, 'west@e9.test', afternoon);
  expect(honolulu).toEqual(new Date(`${year}-01-21T10:00:00.000Z`));

  for (const [ended, at] of [
    [east, tokyo],
    [before, berlin],
    [west, honolulu],
  ] as const) {
    await setClock(usher, moved(at, -1));
    expect((await organization.call('GET', `/users/${ended}`)).body).toMatchObject({
      status: 'active',
      reactivationDeadline: at.toISOString(),
    });
    await setClock(usher, at);
    await runJob();
    expect((await organization.call('GET', `/users/${ended}`)).body.status).toBe('inactive');
    expect(await resets(organization, ended)).toBe(1);
  }
});

test('E9: after that day the way back is the one that everybody has, and is written down as such', async () => {
  const organization = await usher.createOrganization({ preset: '28-days' });
  const [id, midnight] = await reactivated(organization, 'later@e9.test', moved(new Date(), 86_400_000));
  await usher.mail.waitForMail('later@e9.test', 2);
  await setClock(usher, midnight);
  expectProblem(await visitor(usher).signIn('later@e9.test'), 'SIGN_IN_FAILED');
  await usher.call('POST', '/v1/auth/forgot-password', { email: 'later@e9.test' }, { key: null });
  const text = (await usher.mail.waitForMail('later@e9.test', 3)).at(-1)?.parsed.text ?? '';
  const token = /reset-password\/([A-Za-z0-9_-]+)/.exec(text)?.[1];
  const chosen = { token, password: 'Spring-Is-Here-9' };
  expect((await usher.call('POST', '/v1/auth/reset-password', chosen, { key: null })).status).toBe(204);
  await runJob();
  expect((await organization.call('GET', `/users/${id}`)).body).toMatchObject({
    status: 'active',
    reactivationDeadline: null,
  });
  const { items } = (await organization.call('GET', `/audit-events?userId=${id}`)).body;
  expect(items.map(({ type }: { type: string }) => type)).toEqual(
    expect.arrayContaining(['account.password-reset', 'account.reactivated']),
  );
  expect(await resets(organization, id)).toBe(0);
});
