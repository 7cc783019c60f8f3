import { DateTime } from 'luxon';
import { startSkippedTime, type SkippedTime } from '../support/skipped-time';
import { eventually } from '../support/usher';

const berlin = 'Europe/Berlin';
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

// A busy machine may take its time.
let time: SkippedTime;
beforeAll(async () => {
  time = await startSkippedTime();
});
afterAll(() => time.stop());

/** Noon in Berlin on the next such day. */
async function noonOf(month: number, day: number): Promise<Date> {
  const now = DateTime.fromJSDate(await time.now(), { zone: berlin });
  const thisYear = DateTime.fromObject({ year: now.year, month, day, hour: 12 }, { zone: berlin });
  return (thisYear > now ? thisYear : thisYear.plus({ years: 1 })).toJSDate();
}

const clockInBerlin = (at: Date | null) => (at ? DateTime.fromJSDate(at, { zone: berlin }).toFormat('HH:mm') : null);

describe.each([
  { when: 'in spring, where a night is an hour shorter', month: 3, shift: -1 },
  { when: 'in autumn, where a night is an hour longer', month: 10, shift: 1 },
])('$when,', ({ month, shift }) => {
  test('an invitation keeps its local time: after 21 days marked expired but still invited, after 28 days inactive', async () => {
    await time.sleepUntil(await noonOf(month, 12));
    const short = await time.invite(await time.createOrganization('21-days', berlin), {
      email: `short-${month}@example.com`,
    });
    const long = await time.invite(await time.createOrganization('28-days', berlin), {
      email: `long-${month}@example.com`,
    });

    for (const { invitation, days } of [
      { invitation: short, days: 21 },
      { invitation: long, days: 28 },
    ]) {
      const { sentAt, expiresAt } = await time.delivered(invitation);
      expect(Number(expiresAt) - Number(sentAt)).toBe((days * 24 + shift) * hourMs);
      expect([clockInBerlin(sentAt), clockInBerlin(expiresAt)]).toEqual(['12:00', '12:00']);
    }

    await time.sleepUntil(new Date(Number(short.expiresAt) - 5 * minuteMs));
    expect(await time.read(short)).toMatchObject({ status: 'pending', nextAt: short.expiresAt });
    // Waiting for its result would let the time jump on, to the other one's deadline.
    await time.sleepUntil(new Date(Number(short.expiresAt) + minuteMs));
    await eventually(
      () => time.read(short),
      ({ status }) => status === 'expired',
    );
    expect(await time.read(short)).toMatchObject({ status: 'expired', nextAt: null });
    expect(await time.invitee(short)).toMatchObject({ account: 'invited', membership: 'invited' });

    await time.sleepUntil(new Date(Number(long.expiresAt) - 5 * minuteMs));
    expect(await time.read(long)).toMatchObject({ status: 'pending', nextAt: long.expiresAt });
    expect(await time.invitee(long)).toMatchObject({ account: 'invited', membership: 'invited' });
    await expect(time.handle(long).result()).resolves.toEqual({ status: 'expired' });
    expect(await time.read(long)).toMatchObject({ status: 'expired', nextAt: null });
    expect(await time.invitee(long)).toMatchObject({ account: 'inactive', membership: 'inactive' });

    for (const invitation of [short, long]) {
      await expect(time.handle(invitation).result()).resolves.toEqual({ status: 'expired' });
      expect(await time.events(invitation)).toEqual(['created', 'sent', 'delivered', 'expired']);
      const [expired] = await time
        .owner('audit_events')
        .where({ invitation_id: invitation.id, type: 'invitation.expired' });
      expect(Number(expired.at)).toBeGreaterThanOrEqual(Number(invitation.expiresAt));
    }
    expect(time.mail.messages.filter(({ to }) => /^(short|long)-/.test(to[0] ?? ''))).toHaveLength(month === 3 ? 2 : 4);
  });
});
