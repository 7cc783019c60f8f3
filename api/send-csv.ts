import { once } from 'node:events';
import type { Request } from 'express';
import type { Page, PageRequest } from '../db/queries/page';
import { csvLine } from './csv';
import type { Reply } from './route';

/** Whether the caller wants a table of everything rather than a page of JSON. */
export const wantsCsv = (request: Request): boolean => request.accepts(['application/json', 'text/csv']) === 'text/csv';

/** All rows of a list, some at a time: what is added meanwhile does not get between. */
export async function* allRows<R>(
  readPage: (request: PageRequest) => Promise<Page<R>>,
  toRow: (row: R) => (string | null)[],
): AsyncGenerator<(string | null)[][]> {
  let cursor: string | null | undefined;
  while (cursor !== null) {
    const page: Page<R> = await readPage({ limit: 1_000, cursor });
    yield page.items.map(toRow);
    cursor = page.nextCursor;
  }
}

/**
 * Sends a table while it is being read, at the pace of whoever takes it. What goes wrong before the first rows is answered
 * like any other error; after that the connection is cut, so that half a table is never taken for a whole one.
 * @param name of the file, without its ending
 */
export async function sendCsv(
  request: Request,
  name: string,
  header: string[],
  rows: AsyncIterable<(string | number | null)[][]>,
): Promise<Reply> {
  const response = request.res;
  if (!response) throw new Error('the request has no response');
  for await (const some of rows) {
    if (response.destroyed) break;
    if (!response.headersSent) {
      response.status(200);
      response.set('Content-Type', 'text/csv; charset=utf-8; header=present');
      response.vary('Accept');
      response.set('Content-Disposition', `attachment; filename="${name}.csv"`);
      response.write(csvLine(header));
    }
    if (!response.write(some.map(csvLine).join('')) && !response.destroyed)
      await Promise.race([once(response, 'drain'), once(response, 'close')]);
  }
  // The route ends the answer that has been written.
  return { status: 200 };
}
