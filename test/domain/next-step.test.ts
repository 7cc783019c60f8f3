import fc from 'fast-check';
import { deliveryStatuses, invitationStatuses } from '../../domain/invitation';
import { mailBackoff } from '../../domain/mail-backoff';
import { nextStep, type NextStepRow } from '../../domain/next-step';

const hourMs = 3_600_000;
const yearMs = 365 * 24 * hourMs;
const start = Date.parse('2026-01-01T00:00:00Z');

/** Close together often enough that borders are met: equal instants, one millisecond beside. */
const instant = fc
  .oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: yearMs }))
  .map((ms) => new Date(start + ms));
const row: fc.Arbitrary<NextStepRow & { reminderAt: Date[] }> = fc.record({
  status: fc.constantFrom(...invitationStatuses),
  expiresAt: fc.option(instant),
  deliveryStatus: fc.constantFrom(...deliveryStatuses),
  deliveryDueAt: fc.option(instant),
  reminderAt: fc.array(instant, { maxLength: 4 }).map((instants) => instants.sort((a, b) => Number(a) - Number(b))),
});
const pending = fc
  .tuple(row, instant)
  .map(([fields, expiresAt]) => ({ ...fields, status: 'pending' as const, expiresAt }));

test('there is a next step exactly while an invitation is pending', () => {
  fc.assert(
    fc.property(row, instant, (invitation, now) => {
      const open = invitation.status === 'pending' && invitation.expiresAt !== null;
      expect(nextStep(invitation, now) !== null).toBe(open);
    }),
  );
});

test('a mail is never planned at or after the deadline', () => {
  fc.assert(
    fc.property(pending, instant, (invitation, now) => {
      const step = nextStep(invitation, now);
      if (now >= invitation.expiresAt) expect(step?.action).toBe('expire');
      if (step && step.action !== 'expire') expect(Number(step.at)).toBeLessThan(Number(invitation.expiresAt));
    }),
  );
});

test('a mail is planned for the moment it is due and not before, and only while it is queued', () => {
  fc.assert(
    fc.property(pending, instant, (invitation, now) => {
      const step = nextStep(invitation, now);
      if (step?.action !== 'send') return;
      expect(invitation.deliveryStatus).toBe('queued');
      expect(Number(step.at)).toBe(Math.max(Number(invitation.deliveryDueAt ?? now), Number(now)));
    }),
  );
});

test('a mail that is queued and due before the deadline is planned', () => {
  fc.assert(
    fc.property(pending, instant, (fields, now) => {
      const invitation = { ...fields, deliveryStatus: 'queued' as const };
      fc.pre(now < invitation.expiresAt && Number(invitation.deliveryDueAt ?? 0) < Number(invitation.expiresAt));
      expect(nextStep(invitation, now)?.action).toBe('send');
    }),
  );
});

test('a reminder is planned for its time, the earliest first, and only of a mail that has gone out', () => {
  fc.assert(
    fc.property(pending, instant, (invitation, now) => {
      const step = nextStep(invitation, now);
      const [first] = invitation.reminderAt;
      const due = first && Math.max(Number(first), Number(now));
      const wanted = invitation.deliveryStatus === 'sent' && due !== undefined && due < Number(invitation.expiresAt);
      expect(step?.action === 'remind').toBe(wanted);
      if (step?.action === 'remind') expect(Number(step.at)).toBe(due);
    }),
  );
});

test('an expiry is planned for the deadline itself', () => {
  fc.assert(
    fc.property(pending, instant, (invitation, now) => {
      const step = nextStep(invitation, now);
      if (step?.action === 'expire') expect(step.at).toEqual(invitation.expiresAt);
    }),
  );
});

test('as time goes by a plan only moves on: never to an earlier time, never from expiring back to a mail', () => {
  fc.assert(
    fc.property(pending, instant, instant, (invitation, one, other) => {
      const [earlier, later] = one <= other ? [one, other] : [other, one];
      const before = nextStep(invitation, earlier);
      const after = nextStep(invitation, later);
      expect(Number(after?.at)).toBeGreaterThanOrEqual(Number(before?.at));
      if (before?.action === 'expire') expect(after?.action).toBe('expire');
    }),
  );
});

/** What the mail server says to each try, and then for ever after. */
const answers = fc.tuple(
  fc.array(fc.constantFrom('deferred' as const, 'sent' as const, 'failed' as const), { maxLength: 30 }),
  fc.constantFrom('deferred' as const, 'sent' as const, 'failed' as const),
);

test('whoever does what is planned comes to an end at the deadline, whatever the mail server says', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 * 24 * hourMs }), answers, (termMs, [first, last]) => {
      let now = new Date(start);
      const expiresAt = new Date(start + termMs);
      let invitation: NextStepRow = { status: 'pending', expiresAt, deliveryStatus: 'queued', deliveryDueAt: now };
      let tries = 0;
      for (let steps = 0; ; steps += 1) {
        expect(steps).toBeLessThan(5_000);
        const step = nextStep(invitation, now);
        if (!step) break;
        if (step.at > now) {
          now = step.at;
          continue;
        }
        if (step.action === 'expire') {
          invitation = { ...invitation, status: 'expired' };
          continue;
        }
        const answer = first[tries] ?? last;
        tries += 1;
        invitation =
          answer === 'deferred'
            ? { ...invitation, deliveryDueAt: new Date(Number(now) + mailBackoff(tries)) }
            : { ...invitation, deliveryStatus: answer, deliveryDueAt: null };
      }
      expect(invitation.status).toBe('expired');
      expect(now).toEqual(expiresAt);
      expect(tries).toBeGreaterThanOrEqual(1);
    }),
  );
});

describe('the pause after a refused try', () => {
  test('is 5, 15 and 45 seconds, then doubles up to an hour', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((attempts) => mailBackoff(attempts) / 1_000)).toEqual([
      5, 15, 45, 90, 180, 360, 720, 1_440, 2_880, 3_600,
    ]);
  });

  test('never gets shorter and never longer than an hour', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), (attempts) => {
        expect(mailBackoff(attempts + 1)).toBeGreaterThanOrEqual(mailBackoff(attempts));
        expect(mailBackoff(attempts)).toBeLessThanOrEqual(hourMs);
      }),
    );
  });
});

test('nobody is reminded of a mail that they have complained of', () => {
  fc.assert(
    fc.property(pending, instant, (invitation, now) => {
      const step = nextStep({ ...invitation, unwanted: true }, now);
      expect(step?.action).not.toBe('remind');
      if (nextStep(invitation, now)?.action !== 'remind') expect(step).toEqual(nextStep(invitation, now));
    }),
  );
});
