import { DateTime } from 'luxon';
import { deadlineBefore } from './calendar-time';

/** An organization's night: two clock times in its zone, over midnight where the first is the later one. */
export interface QuietHours {
  from: string;
  to: string;
}

export interface ReminderPlan {
  /** When the term started, or the present moment where it has been running for a while: nothing is planned up to then. */
  after: Date;
  /** The start of the term: a reminder that would lie at or before it is not shorter than the term. */
  sentAt: Date;
  expiresAt: Date;
  /** Durations before the deadline, in the organization's calendar. */
  reminders: readonly string[];
  quietHours: QuietHours | null;
  timeZone: string;
}

/**
 * The instants at which an invitation is reminded of, the earliest first. What falls into the organization's night waits
 * for its end, and is dropped where that is not before the deadline; two that meet are one. // F3
 */
export function reminderInstants(plan: ReminderPlan): Date[] {
  const { after, sentAt, expiresAt, reminders, quietHours, timeZone } = plan;
  const instants = reminders
    .map((duration) => deadlineBefore(expiresAt, duration, timeZone))
    .filter((at) => at > sentAt && at > after)
    .map((at) => afterNight(at, quietHours, timeZone).getTime())
    .filter((at) => at < expiresAt.getTime());
  return [...new Set(instants)].sort((one, other) => one - other).map((at) => new Date(at));
}

/** The instant itself, or the end of the night that it lies in: the first moment at which it is not night any more. */
export function afterNight(at: Date, quietHours: QuietHours | null, timeZone: string): Date {
  if (!quietHours || !isNight(at, quietHours, timeZone)) return at;
  const local = DateTime.fromJSDate(at, { zone: timeZone });
  const [hour, minute] = quietHours.to.split(':').map(Number);
  const today = local.set({ hour, minute, second: 0, millisecond: 0 });
  const end = today > local ? today : today.plus({ days: 1 });
  if (end.offset === local.offset) return end.toJSDate();
  // The clocks change in this night: its end may be missing, or come twice.
  let minutes = Math.floor(at.getTime() / 60_000);
  do minutes += 1;
  while (isNight(new Date(minutes * 60_000), quietHours, timeZone));
  return new Date(minutes * 60_000);
}

function isNight(at: Date, { from, to }: QuietHours, timeZone: string): boolean {
  const clock = DateTime.fromJSDate(at, { zone: timeZone }).toFormat('HH:mm');
  if (from === to) return false;
  return from < to ? clock >= from && clock < to : clock >= from || clock < to;
}
