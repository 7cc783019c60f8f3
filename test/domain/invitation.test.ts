import fc from 'fast-check';
import {
  deadLink,
  effectiveStatus,
  endedStatuses,
  type InvitationEvent,
  type InvitationStatus,
  invitationStatuses,
  openStatuses,
  transition,
} from '../../domain/invitation';

const events: InvitationEvent[] = ['send', 'resend', 'correct', 'link', 'accept', 'decline', 'cancel', 'expire'];
const anyStatus = fc.constantFrom(...invitationStatuses);
const anyEvent = fc.constantFrom(...events);

describe('the states of an invitation', () => {
  test('are open or ended, each of them one of both', () => {
    expect([...openStatuses, ...endedStatuses].sort()).toEqual([...invitationStatuses].sort());
    expect(Object.isFrozen(endedStatuses) && Object.isFrozen(openStatuses)).toBe(true);
  });

  test('have exactly the arrows that are drawn', () => {
    const arrows = invitationStatuses.flatMap((from) =>
      events.flatMap((event) => {
        const to = transition(from, event);
        return to ? [`${from} ${event} ${to}`] : [];
      }),
    );
    expect(arrows.sort()).toEqual(
      [
        'draft send pending',
        'draft link pending',
        'draft correct draft',
        'draft cancel cancelled',
        'pending resend pending',
        'pending correct pending',
        'pending link pending',
        'pending accept accepted',
        'pending decline declined',
        'pending cancel cancelled',
        'pending expire expired',
        'expired resend pending',
      ].sort(),
    );
  });

  test('an answer or a cancellation is for ever: nothing leads out of it', () => {
    fc.assert(
      fc.property(fc.constantFrom<InvitationStatus>('accepted', 'declined', 'cancelled'), anyEvent, (status, event) => {
        expect(transition(status, event)).toBeNull();
      }),
    );
  });

  /** An invitation as a few sentences have it, written without the table: what the table is compared with. */
  class Model {
    sent = false;
    over: InvitationStatus | null = null;

    get status(): InvitationStatus {
      return this.over ?? (this.sent ? 'pending' : 'draft');
    }

    /** @returns whether it is allowed */
    do(event: InvitationEvent): boolean {
      const open = this.over === null;
      switch (event) {
        case 'send':
        case 'link':
          if (!open || (event === 'send' && this.sent)) return false;
          this.sent = true;
          return true;
        case 'resend':
          if (!this.sent || !(open || this.over === 'expired')) return false;
          this.over = null;
          return true;
        case 'correct':
          return open;
        case 'cancel':
          if (open) this.over = 'cancelled';
          return open;
        case 'accept':
        case 'decline':
        case 'expire':
          if (!open || !this.sent) return false;
          this.over = event === 'accept' ? 'accepted' : event === 'decline' ? 'declined' : 'expired';
          return true;
      }
    }
  }

  test('whatever happens in whatever order, the table and the story in words agree', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 60 }), (happenings) => {
        const model = new Model();
        let status: InvitationStatus = 'draft';
        for (const event of happenings) {
          const next = transition(status, event);
          expect([event, next !== null]).toEqual([event, model.do(event)]);
          status = next ?? status;
          expect(status).toBe(model.status);
        }
      }),
      { numRuns: 500 },
    );
  });
});

const now = new Date('2026-06-01T12:00:00.000Z');
const around = fc
  .oneof(fc.integer({ min: -2, max: 2 }), fc.integer({ min: -1e10, max: 1e10 }))
  .map((ms) => new Date(now.getTime() + ms));

test('the instant decides: from its deadline on a pending invitation counts as expired, any other stays what it is', () => {
  fc.assert(
    fc.property(anyStatus, fc.option(around), (status, expiresAt) => {
      const overdue = status === 'pending' && expiresAt !== null && expiresAt <= now;
      expect(effectiveStatus({ status, expiresAt }, now)).toBe(overdue ? 'expired' : status);
    }),
  );
});

describe('a link', () => {
  const generation = fc.integer({ min: 1, max: 50 });

  test('opens only the newest generation of a pending invitation before its deadline', () => {
    fc.assert(
      fc.property(
        anyStatus,
        fc.option(around),
        generation,
        fc.integer({ min: -1, max: 52 }),
        (status, expiresAt, newest, held) => {
          const alive = status === 'pending' && held === newest && !(expiresAt !== null && expiresAt <= now);
          expect(deadLink({ status, expiresAt, generation: newest }, held, now) === null).toBe(alive);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test('of a generation that never was is unknown, in every state', () => {
    fc.assert(
      fc.property(anyStatus, around, generation, fc.integer({ min: 1, max: 100 }), (status, expiresAt, newest, by) => {
        const row = { status, expiresAt, generation: newest };
        expect(deadLink(row, newest + by, now)).toBe('NOT_FOUND');
        expect(deadLink(row, 1 - by, now)).toBe('NOT_FOUND');
      }),
    );
  });

  const later = new Date(now.getTime() + 1);
  test.each([
    ['pending', later, 'INVITATION_SUPERSEDED'],
    ['pending', now, 'INVITATION_EXPIRED'],
    ['expired', now, 'INVITATION_EXPIRED'],
    ['cancelled', later, 'INVITATION_CANCELLED'],
    ['accepted', later, 'INVITATION_ANSWERED'],
    ['declined', later, 'INVITATION_ANSWERED'],
    ['draft', null, 'NOT_FOUND'],
  ] as const)('of an earlier generation of a %s invitation with deadline %s says %s', (status, expiresAt, says) => {
    expect(deadLink({ status, expiresAt, generation: 3 }, 2, now)).toBe(says);
  });
});
