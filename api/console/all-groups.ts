import type { z } from 'zod';
import type { groupPage } from '../schemas/groups';
import type { Page } from './page';

type GroupPageBody = z.infer<typeof groupPage>;
export type GroupBody = GroupPageBody['items'][number];

/** Every group that the person may know of, however many pages they fill. */
export async function allGroups(page: Page): Promise<GroupBody[]> {
  const groups: GroupBody[] = [];
  let cursor: string | null = null;
  do {
    const found: GroupPageBody = await page.ask<GroupPageBody>('GET O/groups', {
      query: { limit: '200', ...(cursor !== null && { cursor }) },
    });
    groups.push(...found.items);
    cursor = found.nextCursor;
  } while (cursor !== null);
  return groups;
}
