import type { RequestHandler } from 'express';
import { collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Database } from '../../db/database';
import { outboxFigures } from '../../db/system/outbox';

/** Figures of this process, by route template and status only: no id, no name, no tenant. */
export function createMetrics(database: Database): { observe: RequestHandler; serve: RequestHandler } {
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
      const figures = await outboxFigures(database).catch(() => null);
      waiting.set(figures?.waiting ?? NaN);
      oldest.set(figures?.oldestSeconds ?? NaN);
      response.set('Content-Type', register.contentType).end(await register.metrics());
    },
  };
}
