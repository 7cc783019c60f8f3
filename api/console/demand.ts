import { type Action, assertAllowed, decide, type Resource, theOrganization } from '../../domain/permissions';
import type { Problem } from '../../domain/problem';
import { toProblem } from '../middleware/problems';
import type { Page } from './page';

/**
 * For forms: nobody is to fill one in that the route would refuse them.
 * @throws Problem FORBIDDEN, or NOT_FOUND where even knowing is too much
 */
export function demand(page: Page, action: Action, resource: Resource = theOrganization): void {
  assertAllowed(decide(page.standing, action, resource, page.standing.policy), resource.type);
}

/** Shows a refusal beside the form that it answers. Who may not do any of it, and what
 * is not there, gets a screen of its own. */
export async function refusable(
  run: () => Promise<void>,
  refused: (problem: Problem) => Promise<void> | void,
): Promise<void> {
  try {
    await run();
  } catch (error) {
    const problem = toProblem(error);
    const ofWhole = problem.status === 404 || (problem.status === 403 && !problem.options.errors);
    if (problem.status >= 500 || ofWhole) throw error;
    await refused(problem);
  }
}
