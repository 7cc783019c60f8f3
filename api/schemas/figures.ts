import { z } from 'zod';
import type { Figures } from '../../db/queries/organization-figures';
import type { ScheduleState } from '../../relay/schedules';
import { time } from './common';

export const figures = z
  .object({
    at: time,
    invitations: z.object({
      open: z.int().describe('Pending, and not past their deadline'),
      dueToday: z.int().describe('Of these, those whose deadline is today, in the time zone of their organization'),
    }),
    mails: z.object({
      queued: z.int().describe('Not sent yet'),
      oldestQueuedAt: time.nullable().describe('Since when the oldest of them waits'),
      failedLast24Hours: z.int().describe('Refused for good or returned'),
    }),
    outbox: z.object({
      waiting: z.int().describe('Changed invitations of which Temporal was not told yet'),
      oldestAt: time.nullable(),
    }),
    schedule: z
      .object({ lastRunAt: time.nullable(), nextRunAt: time.nullable(), paused: z.boolean() })
      .nullable()
      .describe('The job that resets unused reactivations; null: Temporal did not answer'),
  })
  .meta({ id: 'Figures' });

export const toFigures = (row: Figures, schedule: ScheduleState | null): z.infer<typeof figures> => ({
  at: row.at.toISOString(),
  invitations: { open: row.open, dueToday: row.dueToday },
  mails: {
    queued: row.queued,
    oldestQueuedAt: row.oldestQueuedAt?.toISOString() ?? null,
    failedLast24Hours: row.failed,
  },
  outbox: { waiting: row.waiting, oldestAt: row.oldestWaitingAt?.toISOString() ?? null },
  schedule: schedule && {
    lastRunAt: schedule.lastRunAt?.toISOString() ?? null,
    nextRunAt: schedule.nextRunAt?.toISOString() ?? null,
    paused: schedule.paused,
  },
});
