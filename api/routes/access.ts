import type { z } from 'zod';
import type { Decision } from '../../domain/permissions';
import { evaluateAccess } from '../evaluate-access';
import type { RouteSpec } from '../route';
import { decision, decisions, evaluation, type Evaluation, evaluations, itemsOf } from '../schemas/access';

const shared = { method: 'post', access: 'authenticated', tag: 'Access decisions' } as const;

const toDecision = ({ allowed, reason }: Decision): z.infer<typeof decision> => ({
  decision: allowed,
  context: { reason },
});

/** OpenID AuthZEN 1.0: what a host product asks before it lets somebody do something. // D8, D9 */
export const accessRoutes: RouteSpec[] = [
  {
    ...shared,
    path: '/access/v1/evaluation',
    summary: 'Whether a user may do something (OpenID AuthZEN)',
    body: evaluation,
    answers: { 200: { description: 'The decision', schema: decision } },
    async handle(context) {
      const [answer] = await evaluateAccess(context, [context.body as Evaluation], () => '');
      return { status: 200, body: answer && toDecision(answer) };
    },
  },
  {
    ...shared,
    path: '/access/v1/evaluations',
    summary: 'The same for many questions at once',
    body: evaluations,
    answers: { 200: { description: 'The decisions', schema: decisions } },
    async handle(context) {
      const batch = context.body as z.infer<typeof evaluations>;
      const single = !batch.evaluations?.length;
      const pointer = (index: number) => (single ? '' : `/evaluations/${index}`);
      const answers = (await evaluateAccess(context, itemsOf(batch), pointer)).map(toDecision);
      if (single) return { status: 200, body: answers[0] };
      return { status: 200, body: { evaluations: cut(answers, batch.options?.evaluations_semantic) } };
    },
  },
];

/** Up to and with the first answer that the caller asked to stop at. */
function cut(answers: z.infer<typeof decision>[], semantic: string | undefined) {
  const stop = { deny_on_first_deny: false, permit_on_first_permit: true }[semantic ?? ''];
  const first = answers.findIndex((answer) => answer.decision === stop);
  return first < 0 ? answers : answers.slice(0, first + 1);
}
