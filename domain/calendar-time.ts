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

export const isTimeZone = (text: string): boolean => IANAZone.isValidZone(text);
