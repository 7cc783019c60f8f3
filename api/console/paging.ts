import type { Page } from './page';

/** The parameters of the address that say something; an empty filter is none. */
export function queryOf<Name extends string>(page: Page, ...names: Name[]): Partial<Record<Name, string>> {
  return Object.fromEntries(
    names.flatMap((name) => (page.query(name) === '' ? [] : [[name, page.query(name)]])),
  ) as Partial<Record<Name, string>>;
}

/** So many that a page stays light, however long the names on it are. */
export const rowsPerPage = 20;

/** Which rows of a list are asked for. */
export const listed = (page: Page): { cursor?: string; limit: string } => ({
  ...queryOf(page, 'cursor'),
  limit: String(rowsPerPage),
});

/** Addresses of the next page and of the first, for the partial `paging`; null where there is none. */
export function nextPage(page: Page, nextCursor: string | null): { next: string | null; first: string | null } {
  const to = (cursor: string | null): string => {
    const kept = Object.entries(page.request.query).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string' && entry[0] !== 'cursor' && entry[1] !== '',
    );
    const query = new URLSearchParams({ ...Object.fromEntries(kept), ...(cursor !== null && { cursor }) }).toString();
    return query ? `${page.request.path}?${query}` : page.request.path;
  };
  return {
    next: nextCursor === null ? null : to(nextCursor),
    first: page.query('cursor') === '' ? null : to(null),
  };
}
