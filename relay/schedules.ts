import { type Client, type ScheduleOptions, ScheduleAlreadyRunning, ScheduleOverlapPolicy } from '@temporalio/client';
import type { Logger } from 'pino';
import { resetUnusedReactivationsWorkflow, taskQueue } from '../workflows/messages';

export const resetUnusedReactivationsSchedule = 'reset-unused-reactivations';

/** Everything that Usher does by the clock and for no invitation in particular. */
const schedules: ScheduleOptions[] = [
  {
    scheduleId: resetUnusedReactivationsSchedule,
    // Every midnight of every zone falls on a quarter of an hour.
    spec: { intervals: [{ every: '15 minutes' }] },
    action: { type: 'startWorkflow', workflowType: resetUnusedReactivationsWorkflow, taskQueue, args: [] },
    // It goes by instants that are stored: one run does what any number of missed ones would have done.
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: '1 hour' },
  },
];

/** Makes the schedules at start, and gives one that exists the spec of this release. */
export async function ensureSchedules(client: Client, logger: Logger): Promise<void> {
  for (const schedule of schedules) {
    try {
      await client.schedule.create(schedule);
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) {
        logger.warn(
          { err: error, scheduleId: schedule.scheduleId },
          'the schedule could not be made; tried at the next start',
        );
        continue;
      }
      const handle = client.schedule.getHandle(schedule.scheduleId);
      await handle.update(({ state }) => ({
        spec: schedule.spec,
        action: schedule.action,
        policies: schedule.policies ?? {},
        state,
      }));
    }
  }
}

export interface ScheduleState {
  lastRunAt: Date | null;
  nextRunAt: Date | null;
  paused: boolean;
}

/** How the job stands, as Temporal tells. @throws what the client throws when the server cannot be reached */
export async function describeSchedule(client: Client, deadlineMs = 3_000): Promise<ScheduleState> {
  const { info, state } = await client.withDeadline(Date.now() + deadlineMs, () =>
    client.schedule.getHandle(resetUnusedReactivationsSchedule).describe(),
  );
  return {
    lastRunAt: info.recentActions.at(-1)?.takenAt ?? null,
    nextRunAt: info.nextActionTimes[0] ?? null,
    paused: state.paused,
  };
}
