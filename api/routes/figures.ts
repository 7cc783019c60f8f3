import { organizationFigures } from '../../db/queries/organization-figures';
import { deploymentFigures } from '../../db/system/figures';
import type { ScheduleState } from '../../relay/schedules';
import type { Services } from '../context';
import type { RouteSpec } from '../route';
import { organizationParams } from '../schemas/common';
import { figures, toFigures } from '../schemas/figures';

const tag = 'Figures';
const answers = { 200: { description: 'The figures of this moment', schema: figures } };

/** That Temporal is away is itself something to be told; the other figures are there all the same. */
const schedule = ({ describeSchedule }: Services): Promise<ScheduleState | null> =>
  describeSchedule().catch(() => null);

export const figureRoutes: RouteSpec[] = [
  {
    method: 'get',
    path: '/v1/figures',
    summary: 'How the whole deployment stands',
    tag,
    access: 'platform',
    answers,
    async handle({ services }) {
      const [row, job] = await Promise.all([deploymentFigures(services.database), schedule(services)]);
      return { status: 200, body: toFigures(row, job) };
    },
  },
  {
    method: 'get',
    path: '/v1/organizations/{organizationId}/figures',
    summary: 'How an organization stands',
    tag,
    access: 'organization',
    action: 'settings.manage',
    params: organizationParams,
    answers,
    async handle({ services, read, organizationId }) {
      const [row, job] = await Promise.all([
        read((trx) => organizationFigures(trx, organizationId)),
        schedule(services),
      ]);
      return { status: 200, body: toFigures(row, job) };
    },
  },
];
