import { type Called, findCalled } from '../../db/queries/find-called';
import { toProblem } from '../middleware/problems';
import type { Page } from './page';
import type { UserBody } from './users';

/** So long may be what somebody is looked for by. */
const longest = 320;

/**
 * Those who are called exactly as typed, as far as the reader may know of them: whom an id, e-mail address or username names
 * alone, else who have this name, two of them at most.
 */
export async function findPeople(page: Page, typed: string): Promise<(Called & { user: UserBody })[]> {
  const called = await page.read((trx) => findCalled(trx, page.organization.id, typed.slice(0, longest)));
  const found = called.some(({ alone }) => alone) ? called.filter(({ alone }) => alone) : called;
  const people = await Promise.all(
    found.map(async (one) => {
      const user = await knownUser(page, one.id);
      return user ? [{ ...one, user }] : [];
    }),
  );
  return people.flat();
}

async function knownUser(page: Page, id: string): Promise<UserBody | null> {
  try {
    return await page.ask<UserBody>('GET O/users/{id}', { params: { id } });
  } catch (error) {
    if (toProblem(error).status !== 404) throw error;
    return null;
  }
}
