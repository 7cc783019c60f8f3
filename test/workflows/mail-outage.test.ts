import type { Mailer, MailLine, OutgoingMail } from '../../activities/email/mailer';
import type { Invitation } from '../../db/models/invitation';
import { dayMs, moved } from '../support/clock';
import { long } from '../support/long';
import { type SkippedTime, startSkippedTime } from '../support/skipped-time';
import { eventually } from '../support/usher';

const hourMs = 3_600_000;
/** The border: a mail server that answers nobody for three days, and then everybody. */
let isDown = true;
/** All its connections are. */
let isBusy = false;
const tries = new Map<string, number>();
const taken: OutgoingMail[] = [];
const line: MailLine = {
  send(mail) {
    tries.set(mail.recipient, (tries.get(mail.recipient) ?? 0) + 1);
    if (isDown) return Promise.resolve({ result: 'deferred', response: 'connect ECONNREFUSED', code: 'ECONNREFUSED' });
    taken.push(mail);
    return Promise.resolve({ result: 'accepted', response: '250 OK', code: '250' });
  },
  release: () => undefined,
};
const mailer: Mailer = {
  sender: 'Usher <usher@usher.test>',
  host: 'usher.test',
  line: () => Promise.resolve(isBusy ? null : line),
  verify: () => Promise.resolve(),
  lastAnswerAt: () => 0,
  close: () => undefined,
};

let time: SkippedTime;
beforeAll(async () => {
  time = await startSkippedTime({ mailer });
});
afterAll(() => time.stop());

const crowd = long ? 100 : 20;

test('after three days without a mail server, of many invitations each is delivered once, or has expired as its policy says', async () => {
  const short = await time.createOrganization('28-days', 'UTC', { invitationLifetime: 'PT1H' });
  const long = await time.createOrganization('28-days', 'UTC', { invitationLifetime: 'P7D' });
  const begun = await time.now();
  const expiring: Invitation[] = [];
  const waiting: Invitation[] = [];
  for (let index = 0; index < crowd; index++) {
    const isShort = index % 10 < 9;
    const invitation = await time.invite(isShort ? short : long, { email: `person-${index}@example.com` });
    (isShort ? expiring : waiting).push(invitation);
  }
  await time.sleepUntil(moved(begun, 3 * dayMs));
  for (const invitation of waiting)
    expect(await time.read(invitation)).toMatchObject({ status: 'pending', deliveryStatus: 'queued' });
  expect(taken).toEqual([]);

  isDown = false;
  await time.sleepUntil(moved(begun, 3 * dayMs + 2 * hourMs));
  for (const invitation of waiting)
    await eventually(
      () => time.read(invitation),
      ({ deliveryStatus }) => deliveryStatus === 'sent',
    );
  expect(taken.map(({ recipient }) => recipient).sort()).toEqual(waiting.map(({ email }) => email).sort());
  for (const { email } of waiting) {
    // Ten within the first hours, then one an hour.
    expect(tries.get(email ?? '')).toBeGreaterThan(72);
    expect(tries.get(email ?? '')).toBeLessThan(90);
  }
  for (const invitation of expiring) {
    const row = await time.read(invitation);
    expect(row).toMatchObject({ status: 'expired', deliveryStatus: 'failed', deliveryDetail: 'connect ECONNREFUSED' });
    expect(await time.mailLog(invitation)).toMatchObject([
      { status: 'failed', detail: 'Not sent before the deadline.' },
    ]);
    expect((await time.invitee(invitation)).membership).toBe('inactive');
  }
  for (const invitation of waiting) expect(await time.mailLog(invitation)).toMatchObject([{ status: 'sent' }]);
});

test('while all connections are busy nothing is tried or recorded, and the watchdog knows the mail in good hands', async () => {
  [isDown, isBusy] = [false, true];
  const email = 'in-line@example.com';
  const organization = await time.createOrganization('28-days', 'UTC', { invitationLifetime: 'P7D' });
  const begun = await time.now();
  const brief = await time.createOrganization('28-days', 'UTC', { invitationLifetime: 'PT2M' });
  const invitation = await time.invite(organization, { email });
  const ending = await time.invite(brief, { email: 'out-of-time@example.com' });
  await time.sleepUntil(moved(begun, 240_000));
  expect(await time.mailLog(invitation)).toEqual([]);
  // The end of a term waits for no connection.
  expect(await time.read(ending)).toMatchObject({ status: 'expired', deliveryStatus: 'failed' });
  const { deliveryStatus, nextAt } = await time.read(invitation);
  expect(deliveryStatus).toBe('queued');
  expect((nextAt?.getTime() ?? 0) - begun.getTime()).toBeGreaterThan(180_000);

  isBusy = false;
  await time.sleepUntil(moved(begun, 260_000));
  await time.delivered(invitation);
  expect(tries.get(email)).toBe(1);
  // It was never put off for longer than a moment.
  expect(await time.mailLog(invitation)).toMatchObject([{ attempts: [{ response: '250 OK' }] }]);
});
