import { recordReport } from '../../db/commands/record-report';
import { mostReadBytes, noReportInTime, parseDeliveryReport } from '../../domain/delivery-report';
import { Problem } from '../../domain/problem';
import type { RouteSpec } from '../route';

export const providerEventRoutes: RouteSpec[] = [
  {
    method: 'post',
    path: '/v1/provider-events/dsn',
    summary: 'Take a delivery status notification (RFC 3464) or complaint (RFC 5965) as it came, for the mail provider',
    tag: 'Mail log',
    access: 'provider',
    rawBody: ['message/rfc822', 'text/plain'],
    answers: { 202: { description: 'Taken, whether or not it is about a mail of ours' } },
    async handle({ services, body }) {
      const raw = body as Buffer;
      const report = await parseDeliveryReport(raw).catch(() => null);
      if (!report && raw.length > mostReadBytes) throw new Problem('TOO_LARGE', `${noReportInTime}.`);
      if (!report) {
        services.logger.info('what the provider sent was no report');
        return { status: 202 };
      }
      const { result, mailId, changes } = await recordReport(services.database, services.keys, report);
      services.logger.info({ result, mailId }, 'a report about a mail came in');
      await services.announcer.announce(changes);
      return { status: 202 };
    },
  },
];
