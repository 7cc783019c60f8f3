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

/** Addresses of the pages around this one, for the partial `paging`; null where there is none, or it is the one before. */
interface Around {
  next: string | null;
  previous: string | null;
  first: string | null;
}

/** So many pages are remembered in the address; whoever has gone further begins again at the first one. */
const longestTrail = 20;
const forgotten = '~';

/**
 * A cursor only leads on. So the address remembers by which ones the pages before this one were read: the way back reads
 * them again, and shows what is there now.
 */
export function nextPage(page: Page, nextCursor: string | null): Around {
  const cursor = page.query('cursor');
  const trail = page.query('trail').split(',').filter(Boolean);
  const to = (at: string, by: string[]): string => {
    const kept = Object.entries(page.request.query).filter(
      (entry): entry is [string, string] =>
        typeof entry[1] === 'string' && !['cursor', 'trail'].includes(entry[0]) && entry[1] !== '',
    );
    const query = new URLSearchParams({
      ...Object.fromEntries(kept),
      ...(at !== '' && { cursor: at }),
      ...(by.length > 0 && { trail: by.join(',') }),
    }).toString();
    return query ? `${page.request.path}?${query}` : page.request.path;
  };
  const gone = cursor === '' ? [] : [...trail, cursor];
  const onward = gone.length > longestTrail ? [forgotten, ...gone.slice(1 - longestTrail)] : gone;
  const before = trail.at(-1) ?? '';
  return {
    next: nextCursor === null ? null : to(nextCursor, onward),
    previous: cursor === '' || before === forgotten ? null : to(before, trail.slice(0, -1)),
    first: cursor === '' || before === '' ? null : to('', []),
  };
}
