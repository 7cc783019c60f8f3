import type { RequestHandler } from 'express';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Database } from '../../db/database';
import type { Figures } from '../../db/queries/organization-figures';
import { deploymentFigures } from '../../db/system/figures';
import { outboxFigures } from '../../db/system/outbox';
import type { ScheduleState } from '../../relay/schedules';

/** Anybody may ask for the metrics, but figures that take counting are counted this often at most. */
const countedForMs = 10_000;

/** Figures of this process, by route template and status only, and of the deployment: no id, no name, no tenant. */
export function createMetrics(
  database: Database,
  describeSchedule: () => Promise<ScheduleState>,
): { observe: RequestHandler; serve: RequestHandler } {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const duration = new Histogram({
    name: 'usher_http_request_duration_seconds',
    help: 'Time to answer',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [register],
  });
  const waiting = new Gauge({
    name: 'usher_outbox_waiting',
    help: 'Marks that Temporal was not told of yet',
    registers: [register],
  });
  const oldest = new Gauge({
    name: 'usher_outbox_oldest_seconds',
    help: 'Age of the oldest of them',
    registers: [register],
  });
  const gauge = (name: string, help: string) => new Gauge({ name, help, registers: [register] });
  const ofDeployment: [Gauge, (figures: Figures) => number][] = [
    [gauge('usher_invitations_open', 'Pending invitations that are not past their deadline'), ({ open }) => open],
    [
      gauge('usher_invitations_due_today', 'Of these, those whose deadline is today where their organization is'),
      ({ dueToday }) => dueToday,
    ],
    [gauge('usher_mails_queued', 'Mails that were not sent yet'), ({ queued }) => queued],
    [
      gauge('usher_mails_oldest_queued_seconds', 'For how long the oldest of them has waited'),
      ({ at, oldestQueuedAt }) => (oldestQueuedAt ? (at.getTime() - oldestQueuedAt.getTime()) / 1_000 : 0),
    ],
    [
      gauge('usher_mails_failed_last_day', 'Mails refused for good or returned in the last 24 hours'),
      ({ failed }) => failed,
    ],
  ];
  const lastRun = gauge('usher_schedule_last_run_timestamp_seconds', 'When unused reactivations were last reset');
  let counted: Promise<void> | null = null;
  const count = async () => {
    const [figures, schedule] = await Promise.all([
      deploymentFigures(database).catch(() => null),
      describeSchedule().catch(() => null),
    ]);
    for (const [figure, read] of ofDeployment) figure.set(figures ? read(figures) : NaN);
    lastRun.set(schedule?.lastRunAt ? schedule.lastRunAt.getTime() / 1_000 : NaN);
    setTimeout(() => (counted = null), countedForMs).unref();
  };
  return {
    observe: (request, response, next) => {
      const end = duration.startTimer();
      response.on('finish', () => {
        // Open for as long as somebody looks at a page, which says nothing about how long answers take.
        if (response.locals.isStream) return;
        const route = (response.locals.route as string | undefined) ?? 'other';
        end({ method: request.method, route, status: String(response.statusCode) });
      });
      next();
    },
    serve: async (_request, response) => {
      counted ??= count();
      const [figures] = await Promise.all([outboxFigures(database).catch(() => null), counted]);
      waiting.set(figures?.waiting ?? NaN);
      oldest.set(figures?.oldestSeconds ?? NaN);
      response.set('Content-Type', register.contentType).end(await register.metrics());
    },
  };
}
