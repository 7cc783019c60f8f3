import { DateTime } from 'luxon';

/** What a `datetime-local` field holds, told in the organization's time zone, as an instant; what is no time stays as typed. */
export function instantOf(typed: string, timeZone: string): string {
  const local = DateTime.fromISO(typed, { zone: timeZone });
  return local.isValid ? (local.toUTC().toISO() ?? typed) : typed;
}

/** An instant as a `datetime-local` field takes it. */
export function localTime(instant: Date | string | null, timeZone: string): string {
  if (instant === null) return '';
  return DateTime.fromJSDate(new Date(instant)).setZone(timeZone).toFormat("yyyy-MM-dd'T'HH:mm");
}
