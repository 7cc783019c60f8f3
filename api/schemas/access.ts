import { z } from 'zod';

const name = z.string().min(1).max(200);
const properties = z.record(z.string(), z.unknown()).optional().describe('Taken, and not looked at');

const subject = z.strictObject({ type: name, id: name, properties }).meta({ id: 'AccessSubject' });
const action = z.strictObject({ name, properties }).meta({ id: 'AccessAction' });
const resource = z.strictObject({ type: name, id: name, properties }).meta({ id: 'AccessResource' });
const context = z
  .looseObject({
    organizationId: name
      .optional()
      .describe('Left out: the organization that is the resource; of the key; the current one of the session'),
  })
  .meta({ id: 'AccessContext' });

/** OpenID AuthZEN 1.0, Access Evaluation. */
export const evaluation = z
  .strictObject({ subject, action, resource, context: context.optional() })
  .meta({ id: 'AccessEvaluation' });

const parts = ['subject', 'action', 'resource'] as const;
const partial = z.strictObject({
  subject: subject.optional(),
  action: action.optional(),
  resource: resource.optional(),
  context: context.optional(),
});

/** The same, Access Evaluations: what is named once holds for each item that does not name it itself. */
export const evaluations = partial
  .extend({
    evaluations: z.array(partial).max(1_000).optional(),
    options: z
      .looseObject({
        evaluations_semantic: z
          .enum(['execute_all', 'deny_on_first_deny', 'permit_on_first_permit'])
          .default('execute_all'),
      })
      .optional(),
  })
  .superRefine((batch, issues) => {
    const items = batch.evaluations?.length ? batch.evaluations : [{}];
    items.forEach((item: z.infer<typeof partial>, index) => {
      for (const part of parts)
        if (!item[part] && !batch[part])
          issues.addIssue({
            code: 'custom',
            path: batch.evaluations?.length ? ['evaluations', index, part] : [part],
            message: 'This field is missing.',
          });
    });
  })
  .meta({ id: 'AccessEvaluations' });

export type Evaluation = z.infer<typeof evaluation>;

/** The items of a batch with what they take from it; one question where it has no items. */
export const itemsOf = ({ evaluations: items, subject, action, resource, context }: z.infer<typeof evaluations>) =>
  (items?.length ? items : [{}]).map((item) => ({ subject, action, resource, context, ...item }) as Evaluation);

export const decision = z
  .object({
    decision: z.boolean(),
    context: z.object({ reason: z.string().describe('A stable code: `ok`, or why not') }),
  })
  .meta({ id: 'AccessDecision' });

export const decisions = decision
  .partial()
  .extend({ evaluations: z.array(decision).optional().describe('One for each item, in the same order') })
  .meta({ id: 'AccessDecisions', description: 'Without items in the request: one decision, as of a single question' });
