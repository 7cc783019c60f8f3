/**
 * Records the histories that `test/replay/replay.test.ts` replays, from the real server:
 *
 *     npx jest --testMatch '<rootDir>/test/support/record-histories.ts'
 *
 * Recorded ones are what runs in production look like: record anew only when the workflow can no longer meet runs of the
 * older kind, or add files beside them when a story is new (`-t <name>` records one).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { directMailServer, play, stories } from '../replay/stories';
import { historyToJson } from './history';
import { startUsher, type TestUsher } from './usher';

const folder = join(__dirname, '..', 'replay', 'histories');

let usher: TestUsher;
beforeAll(async () => {
  usher = await startUsher();
  directMailServer(usher);
  mkdirSync(folder, { recursive: true });
});
afterAll(() => usher.stop());

test.each(Object.entries(stories))('%s', async (name, story) => {
  const handle = await play(usher, name, story);
  expect(await handle.result()).toEqual({ status: story.ends });
  // Stack traces of failures name the checkout, which is nobody else's business.
  const json = historyToJson(await handle.fetchHistory()).replaceAll(`${process.cwd()}/`, '');
  writeFileSync(join(folder, `${name}.json`), json);
});
