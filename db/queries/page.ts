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

/** That a search text of `usher_search_text` has `:pattern` within one of its parts. */
export const isFound = `m.search like lower(:pattern) and strpos(:pattern, chr(1)) = 0`;

/** A pattern for LIKE that finds the text literally. */
export const containing = (text: string): string => `%${text.replace(/[\\%_]/g, '\\$&')}%`;

/**
 * How many rows a search reads in their order before it takes an index, which finds all that match before it knows the
 * newest: row-level security keeps from the planner what it would need to choose for itself. // decision 13
 */
export const nearby = 1_500;
