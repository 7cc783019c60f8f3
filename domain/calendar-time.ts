import { DateTime, Duration, IANAZone } from 'luxon';

export const longestLifetimeDays = 365;
const lifetimePattern = /^P(?=\d|T\d)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+S)?)?$/;

/** Whether the text is an ISO 8601 duration from one second to 365 days, in whole numbers. */
export function isLifetime(text: string): boolean {
  if (text.length > 40 || !lifetimePattern.test(text)) return false;
  const duration = Duration.fromISO(text);
  if (!duration.isValid) return false;
  const days = duration.as('days');
  return duration.as('seconds') >= 1 && days <= longestLifetimeDays;
}

/**
 * The instant at which a term ends: the date parts of the duration keep the local time of the zone (over a change of
 * the clocks, too), its time parts are exact. // C4, E4
 * @param lifetime ISO 8601, see isLifetime
 */
export function deadline(from: Date, lifetime: string, timeZone: string): Date {
  return DateTime.fromJSDate(from, { zone: timeZone }).plus(Duration.fromISO(lifetime)).toJSDate();
}

/** The instant that lies a duration before another, by the same rules. // D11 */
export function deadlineBefore(end: Date, duration: string, timeZone: string): Date {
  return DateTime.fromJSDate(end, { zone: timeZone }).minus(Duration.fromISO(duration)).toJSDate();
}

/**
 * The end of the calendar day that it is in the zone at this instant: the first instant of the next day, which need not be
 * its 0:00, nor 24 hours after this day's. // E9
 */
export function endOfLocalDay(at: Date, timeZone: string): Date {
  const local = DateTime.fromJSDate(at, { zone: timeZone });
  const today = local.toISODate() ?? '';
  const isLater = (millis: number) => (DateTime.fromMillis(millis, { zone: timeZone }).toISODate() ?? '') > today;
  const usual = local.startOf('day').plus({ days: 1 }).startOf('day').toMillis();
  if (isLater(usual) && !isLater(usual - 1)) return new Date(usual);
  // Midnight is missing, comes twice, or the next day does not exist: the border lies between now and a while after.
  let before = at.getTime();
  let after = usual;
  while (!isLater(after)) after += 3_600_000;
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2);
    if (isLater(middle)) after = middle;
    else before = middle;
  }
  return new Date(after);
}

export const isTimeZone = (text: string): boolean => IANAZone.isValidZone(text);
