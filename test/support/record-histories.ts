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
import type { WorkflowHandle } from '@temporalio/client';
import { otherStories } from '../replay/other-stories';
import { directMailServer, play, stories } from '../replay/stories';
import { historyToJson } from './history';
import { eventually, startUsher, type TestUsher } from './usher';

const folder = join(__dirname, '..', 'replay', 'histories');
const othersFolder = join(__dirname, '..', 'replay', 'other-histories');

let usher: TestUsher;
beforeAll(async () => {
  usher = await startUsher();
  directMailServer(usher);
  for (const made of [folder, othersFolder]) mkdirSync(made, { recursive: true });
});
afterAll(() => usher.stop());

test.each(Object.entries(stories))('%s', async (name, story) => {
  const handle = await play(usher, name, story);
  expect(await handle.result()).toEqual({ status: story.ends });
  await record(folder, name, handle);
});

test.each(Object.entries(otherStories))('%s', async (name, play) => {
  const handle = await play(usher);
  await eventually(
    () => handle.describe().catch(() => null),
    (found) => found !== null,
  );
  await handle.result();
  await record(othersFolder, name, handle);
});

/** Stack traces of failures name the checkout, which is nobody else's business. */
async function record(to: string, name: string, handle: WorkflowHandle): Promise<void> {
  const json = historyToJson(await handle.fetchHistory()).replaceAll(`${process.cwd()}/`, '');
  writeFileSync(join(to, `${name}.json`), json);
}
