import { Problem } from '../../domain/problem';

export interface PageRequest {
  /** 1 to 200 */
  limit: number;
  cursor: string | undefined;
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/** Cuts a list that was read with one row too many, and names the place to go on from. */
export function toPage<R, T>(rows: R[], limit: number, position: (row: R) => string[], item: (row: R) => T): Page<T> {
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return {
    items: rows.slice(0, limit).map(item),
    nextCursor: last ? Buffer.from(JSON.stringify(position(last))).toString('base64url') : null,
  };
}

/** @throws Problem BAD_CURSOR for anything that `toPage` has not made */
export function readCursor(cursor: string | undefined, patterns: RegExp[]): string[] | null {
  if (cursor === undefined) return null;
  try {
    const parts = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as unknown;
    if (
      Array.isArray(parts) &&
      parts.length === patterns.length &&
      parts.every((part, index) => typeof part === 'string' && patterns[index]?.test(part)) &&
      parts.every((part, index) => patterns[index] !== instantPattern || isInstant(String(part)))
    )
      return parts as string[];
  } catch {
    // falls through to the one answer for all broken cursors
  }
  throw new Problem('BAD_CURSOR', 'The cursor is not one that this list has given.');
}

/** A day that the calendar has; the pattern takes the 99th of any month. */
const isInstant = (text: string): boolean => {
  const date = new Date(text);
  return !Number.isNaN(date.getTime()) && date.getUTCFullYear() > 0 && date.toISOString() === text;
};

export const instantPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
export const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** That a search text of `usher_search_text` has every word of `q` within one of its parts: a whole name finds the person. */
export const isFound = (q: string): string =>
  wordsOf(q)
    .map((_, index) => `m.search like lower(:word${index}) and strpos(:word${index}, chr(1)) = 0`)
    .join(' and ');

/** The values that `isFound` of the same text speaks of. */
export const wordBindings = (q: string): Record<string, string> =>
  Object.fromEntries(wordsOf(q).map((word, index) => [`word${index}`, containing(word)]));

/** So many words tell enough of anybody; what follows is taken as one. Nothing but spaces is looked for as it is. */
const mostWords = 6;

function wordsOf(q: string): string[] {
  const words = q.split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) return [q];
  return words.length <= mostWords ? words : [...words.slice(0, mostWords - 1), words.slice(mostWords - 1).join(' ')];
}

/** A pattern for LIKE that finds the text literally. */
export const containing = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`;

/**
 * A search first takes a glance at so many rows in their order. Where enough of them match, reading on for `nearby` rows
 * fills the page; only otherwise an index is asked, which finds all that match before it knows the newest. Row-level
 * security keeps from the planner what it would need to choose for itself. // decision 13
 */
export const glance = 300;
export const nearby = 6_000;

/** @param found how many of the rows of the glance match; no more than `count` need be looked for */
export const areMany = (found: number, count: number): boolean => found * nearby >= count * glance;
