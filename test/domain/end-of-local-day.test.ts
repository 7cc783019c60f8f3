import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { endOfLocalDay } from '../../domain/calendar-time';

const zones = Intl.supportedValuesOf('timeZone');
const firstDay = Temporal.PlainDate.from('2024-01-01');
const days = 12 * 365 + 3;
const quarterHourMs = 900_000;
const all = process.env['USHER_TEST_CALENDAR'] === 'all';

/** The first instant of the next day that the zone's calendar has, by another library. */
const oracle = (day: Temporal.PlainDate, zone: string): number =>
  day.add({ days: 1 }).toZonedDateTime(zone).epochMilliseconds;

function check(zone: string, day: Temporal.PlainDate, share: number): void {
  const begins = day.toZonedDateTime(zone).epochMilliseconds;
  const ends = oracle(day, zone);
  // What the schedule relies on, every 15 minutes: `relay/schedules.ts`.
  if (ends % quarterHourMs !== 0) throw new Error(`${zone} ${day.toString()} ends within a quarter of an hour`);
  // A day that the zone has skipped is not there to be in.
  if (ends <= begins) return;
  const at = begins + Math.floor((ends - 1 - begins) * share);
  const found = endOfLocalDay(new Date(at), zone).getTime();
  if (found !== ends)
    throw new Error(
      `${zone} ${day.toString()} at ${new Date(at).toISOString()}: ${new Date(found).toISOString()} instead of ${new Date(ends).toISOString()}`,
    );
}

it('is the first instant of the next day and a full quarter of an hour, in any zone, on any day, at any time of it (E9)', () => {
  const sample = fc.tuple(fc.constantFrom(...zones), fc.nat(days - 1), fc.double({ min: 0, max: 1, noNaN: true }));
  fc.assert(
    fc.property(sample, ([zone, day, share]) => check(zone, firstDay.add({ days: day }), share)),
    { numRuns: 3_000, seed: 20_240_101 },
  );
});

it.each([
  ['Europe/Berlin', '2026-03-29T10:00:00Z', '2026-03-29T22:00:00.000Z'],
  ['Europe/Berlin', '2026-10-25T10:00:00Z', '2026-10-25T23:00:00.000Z'],
  ['Africa/Cairo', '2026-04-23T12:00:00Z', '2026-04-23T22:00:00.000Z'],
  ['America/Havana', '2026-10-31T12:00:00Z', '2026-11-01T04:00:00.000Z'],
  ['Asia/Kathmandu', '2026-06-01T12:00:00Z', '2026-06-01T18:15:00.000Z'],
])('knows the borders of %s at %s', (zone, at, ends) => {
  expect(endOfLocalDay(new Date(at), zone).toISOString()).toBe(ends);
});

if (all)
  it.each(zones)(
    'every day from 2024 to 2035 in %s: its first instant, its last millisecond, and its middle',
    (zone) => {
      for (let day = 0; day < days; day += 1)
        for (const share of [0, 0.5, 1]) check(zone, firstDay.add({ days: day }), share);
    },
    600_000,
  );
