import fc from 'fast-check';
import { DateTime } from 'luxon';
import { afterNight, type QuietHours, reminderInstants, type ReminderPlan } from '../../domain/reminders';

const berlin = 'Europe/Berlin';
const night: QuietHours = { from: '22:00', to: '07:00' };
const at = (text: string, zone = berlin): Date => DateTime.fromISO(text, { zone }).toJSDate();
const shown = (instants: Date[], zone = berlin) =>
  instants.map((instant) => DateTime.fromJSDate(instant, { zone }).toFormat('yyyy-MM-dd HH:mm'));

const plan = (fields: Partial<ReminderPlan>): ReminderPlan => ({
  after: at('2026-03-01T12:00'),
  sentAt: at('2026-03-01T12:00'),
  expiresAt: at('2026-03-29T12:00'),
  reminders: [],
  quietHours: null,
  timeZone: berlin,
  ...fields,
});

test('F3: reminders lie literally so long before the deadline, the earliest first', () => {
  expect(shown(reminderInstants(plan({ reminders: ['P1D', 'P7D', 'PT2H'] })))).toEqual([
    '2026-03-22 12:00',
    '2026-03-28 12:00',
    // Two hours are two hours, also on the day on which the clocks have gone forward.
    '2026-03-29 10:00',
  ]);
});

test('F3: those not shorter than the term are dropped, and so are those that are over', () => {
  expect(reminderInstants(plan({ reminders: ['P28D', 'P29D', 'P365D'] }))).toEqual([]);
  const late = plan({ reminders: ['P21D', 'P7D', 'P1D'], after: at('2026-03-22T12:00') });
  expect(shown(reminderInstants(late))).toEqual(['2026-03-28 12:00']);
});

test('F3: two at the same instant are one, however they are written', () => {
  expect(shown(reminderInstants(plan({ reminders: ['P7D', 'P1W', 'P7D'] })))).toEqual(['2026-03-22 12:00']);
});

test('F3: what falls into the night waits for its end; what would wait until the deadline is dropped', () => {
  const expiresAt = at('2026-03-20T03:00');
  const quiet = plan({ expiresAt, quietHours: night, reminders: ['P7D', 'PT3H', 'P1DT6H'] });
  expect(shown(reminderInstants(quiet))).toEqual(['2026-03-13 07:00', '2026-03-18 21:00']);
  // The end of the night is the deadline itself.
  expect(reminderInstants(plan({ expiresAt: at('2026-03-20T07:00'), quietHours: night, reminders: ['PT1H'] }))).toEqual(
    [],
  );
});

test('F3: two that the night brings together are one', () => {
  const quiet = plan({ expiresAt: at('2026-03-20T12:00'), quietHours: night, reminders: ['PT10H', 'PT12H', 'PT5H'] });
  expect(shown(reminderInstants(quiet))).toEqual(['2026-03-20 07:00']);
});

describe('the end of the night', () => {
  test.each<[string, QuietHours, string, string]>([
    ['the evening', night, '2026-06-01T22:00', '2026-06-02T07:00'],
    ['the small hours', night, '2026-06-02T06:59:59.999', '2026-06-02T07:00'],
    ['the moment before it', night, '2026-06-01T21:59:59.999', '2026-06-01T21:59:59.999'],
    ['its end', night, '2026-06-02T07:00', '2026-06-02T07:00'],
    ['a rest at noon', { from: '12:00', to: '14:00' }, '2026-06-01T13:00', '2026-06-01T14:00'],
    ['a rest of no length', { from: '12:00', to: '12:00' }, '2026-06-01T12:00', '2026-06-01T12:00'],
    ['the night that is an hour shorter', night, '2026-03-28T23:00', '2026-03-29T07:00'],
    ['the night that is an hour longer', night, '2026-10-24T23:00', '2026-10-25T07:00'],
    // 2:30 does not exist on that day: the first moment that is not before it is 3:00.
    ['an end that is missing', { from: '22:00', to: '02:30' }, '2026-03-29T01:00', '2026-03-29T03:00'],
  ])('from %s', (_, quietHours, from, to) => {
    expect(afterNight(at(from), quietHours, berlin)).toEqual(at(to));
  });

  test('where it comes twice, each of them ends what came before it', () => {
    const early: QuietHours = { from: '22:00', to: '02:30' };
    const end = (instant: string) => afterNight(new Date(instant), early, berlin).toISOString();
    expect(end('2026-10-24T23:00:00Z')).toBe('2026-10-25T00:30:00.000Z');
    expect(end('2026-10-25T00:30:00Z')).toBe('2026-10-25T00:30:00.000Z');
    expect(end('2026-10-25T01:10:00Z')).toBe('2026-10-25T01:30:00.000Z');
  });

  const clockTime = fc
    .tuple(fc.integer({ min: 0, max: 23 }), fc.constantFrom('00', '15', '30', '59'))
    .map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${minute}`);
  const zone = fc.constantFrom(
    berlin,
    'UTC',
    'Australia/Lord_Howe',
    'Asia/Kathmandu',
    'America/St_Johns',
    'Pacific/Apia',
  );

  test('is the first moment that is not night, in any zone and over any change of the clocks', () => {
    const isNight = (instant: Date, { from, to }: QuietHours, timeZone: string) => {
      const clock = DateTime.fromJSDate(instant, { zone: timeZone }).toFormat('HH:mm');
      return from <= to ? from <= clock && clock < to : !(to <= clock && clock < from);
    };
    fc.assert(
      fc.property(
        fc.date({ min: new Date('2026-01-01'), max: new Date('2027-12-31'), noInvalidDate: true }),
        clockTime,
        clockTime,
        zone,
        (instant, from, to, timeZone) => {
          const quietHours = { from, to };
          const end = afterNight(instant, quietHours, timeZone);
          if (!isNight(instant, quietHours, timeZone)) return expect(end).toEqual(instant);
          expect(Number(end)).toBeGreaterThan(Number(instant));
          expect(isNight(end, quietHours, timeZone)).toBe(false);
          expect(isNight(new Date(Number(end) - 1), quietHours, timeZone)).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
