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

/** The days of a period in the organization's calendar, as a list's route takes them; a day that is none is left out. */
export function periodOf(from: string, to: string, timeZone: string): { from?: string; to?: string } {
  const start = (day: string, days: number): string | null => {
    const local = /^\d{4}-\d\d-\d\d$/.test(day) ? DateTime.fromISO(day, { zone: timeZone }) : null;
    return local?.isValid ? local.plus({ days }).startOf('day').toUTC().toISO() : null;
  };
  const first = start(from, 0);
  // The last day belongs to the period.
  const end = start(to, 1);
  return { ...(first && { from: first }), ...(end && { to: end }) };
}
