import fc from 'fast-check';
import { DateTime } from 'luxon';
import { deadline, isLifetime, isTimeZone } from '../../domain/calendar-time';

const zones = Intl.supportedValuesOf('timeZone');
const zone = fc.constantFrom(...zones);
const instant = fc.date({ min: new Date('2020-01-01'), max: new Date('2035-01-01'), noInvalidDate: true });
const wall = (at: Date, timeZone: string) => DateTime.fromJSDate(at, { zone: timeZone });
const dayMs = 86_400_000;

describe('a deadline', () => {
  test('in days keeps the local time, in every zone of the world', () => {
    fc.assert(
      fc.property(instant, fc.integer({ min: 1, max: 365 }), zone, (sentAt, days, timeZone) => {
        const from = wall(sentAt, timeZone);
        const until = wall(deadline(sentAt, `P${days}D`, timeZone), timeZone);
        // The clocks may skip that very time that night: then, and only then, there is none to keep.
        const wanted = DateTime.fromObject(
          { year: from.year, month: from.month, day: from.day, hour: 12 },
          { zone: 'utc' },
        ).plus({ days });
        const kept = DateTime.fromObject(
          {
            ...wanted.toObject(),
            hour: from.hour,
            minute: from.minute,
            second: from.second,
            millisecond: from.millisecond,
          },
          { zone: timeZone },
        );
        fc.pre(kept.hour === from.hour && kept.minute === from.minute);
        expect(until.toFormat('yyyy-MM-dd HH:mm:ss.SSS')).toBe(kept.toFormat('yyyy-MM-dd HH:mm:ss.SSS'));
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ['Europe/Berlin', '2026-03-10T12:00', '2026-04-07T12:00', -1],
    ['Europe/Berlin', '2026-10-10T12:00', '2026-11-07T12:00', 1],
    ['Europe/Berlin', '2026-06-01T12:00', '2026-06-29T12:00', 0],
    ['America/New_York', '2026-02-20T09:30', '2026-03-20T09:30', -1],
    ['Australia/Sydney', '2026-03-20T23:59', '2026-04-17T23:59', 1],
    ['Australia/Lord_Howe', '2026-03-20T08:00', '2026-04-17T08:00', 0.5],
    ['Asia/Kolkata', '2026-03-10T12:00', '2026-04-07T12:00', 0],
  ])('28 days in %s from %s is %s, %d hours off 28 times 24', (timeZone, from, until, shift) => {
    const sentAt = DateTime.fromISO(from, { zone: timeZone }).toJSDate();
    const expiresAt = deadline(sentAt, 'P28D', timeZone);
    expect(wall(expiresAt, timeZone).toFormat("yyyy-MM-dd'T'HH:mm")).toBe(until);
    expect(expiresAt.getTime() - sentAt.getTime()).toBe(28 * dayMs + shift * 3_600_000);
  });

  test('in hours, minutes and seconds is exact, over a change of the clocks, too', () => {
    fc.assert(
      fc.property(instant, fc.integer({ min: 1, max: 365 * 24 }), zone, (sentAt, hours, timeZone) => {
        expect(deadline(sentAt, `PT${hours}H`, timeZone).getTime() - sentAt.getTime()).toBe(hours * 3_600_000);
      }),
    );
    const beforeTheChange = DateTime.fromISO('2026-03-28T12:00', { zone: 'Europe/Berlin' }).toJSDate();
    expect(wall(deadline(beforeTheChange, 'PT24H', 'Europe/Berlin'), 'Europe/Berlin').toFormat('HH:mm')).toBe('13:00');
    expect(wall(deadline(beforeTheChange, 'P1D', 'Europe/Berlin'), 'Europe/Berlin').toFormat('HH:mm')).toBe('12:00');
  });

  test('lies after the sending, and a longer lifetime never ends earlier', () => {
    fc.assert(
      fc.property(
        instant,
        fc.integer({ min: 1, max: 364 }),
        fc.integer({ min: 0, max: 364 }),
        zone,
        (sentAt, days, more, timeZone) => {
          const short = deadline(sentAt, `P${days}D`, timeZone);
          const long = deadline(sentAt, `P${days + more}D`, timeZone);
          expect(Number(short)).toBeGreaterThan(Number(sentAt));
          expect(Number(long)).toBeGreaterThanOrEqual(Number(short));
        },
      ),
    );
  });
});

describe('a lifetime', () => {
  test.each([
    'PT1S',
    'PT30S',
    'PT90M',
    'PT1H30M',
    'P1D',
    'P21D',
    'P28D',
    'P4W',
    'P6M',
    'P1Y',
    'P365D',
    'P1DT12H',
    'PT8760H',
  ])('may be %s', (text) => {
    expect(isLifetime(text)).toBe(true);
  });

  test.each([
    ...['', 'P', 'PT', 'P1DT', 'P0D', 'PT0S', 'P0Y0M0D', '-P1D', 'P-1D', '+P1D', 'P1.5D', 'P1,5D', 'PT0.5S', 'PT1.5S'],
    ...[
      'P366D',
      'P2Y',
      'P1Y1D',
      'P13M',
      'P53W',
      'PT8761H',
      'PT31536001S',
      'P365DT1S',
      `P${'9'.repeat(30)}D`,
      `PT${'9'.repeat(400)}S`,
    ],
    ...[
      '28',
      '28D',
      '28 days',
      'P28',
      'p28d',
      'P28d',
      ' P28D',
      'P28D ',
      'P28D\n',
      'PT28D',
      'P1H',
      'P1S',
      'P1D1Y',
      'P1W2W',
    ],
    ...['P1D/P2D', 'R2/P1D', 'P0001-00-00T00:00:00', 'P１D'],
  ])('may not be %j', (text) => {
    expect(isLifetime(text)).toBe(false);
  });

  test('of whole days is one from 1 to 365', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000 }), (days) => {
        expect(isLifetime(`P${days}D`)).toBe(days >= 1 && days <= 365);
      }),
    );
  });

  test('always leads to a deadline', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^P([0-9]{1,3}[YMWD]){1,2}(T[0-9]{1,4}[HMS])?$/),
        instant,
        zone,
        (text, at, timeZone) => {
          fc.pre(isLifetime(text));
          expect(Number(deadline(at, text, timeZone))).toBeGreaterThan(Number(at));
        },
      ),
    );
  });
});

test('a time zone is a name of the IANA list', () => {
  for (const name of zones) expect([name, isTimeZone(name)]).toEqual([name, true]);
  for (const text of ['', 'Berlin', 'Europe/Atlantis', 'local', '../etc/passwd'])
    expect([text, isTimeZone(text)]).toEqual([text, false]);
});
