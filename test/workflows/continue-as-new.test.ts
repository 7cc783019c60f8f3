import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from '@temporalio/worker';
import { freePort } from '../../scripts/local/ports';
import { type LocalTemporal, startTemporal } from '../../scripts/local/temporal';
import { changed, resend } from '../../workflows/messages';
import { bundleWorkflows } from '../support/skipped-time';
import { eventually, startUsher, type TestUsher } from '../support/usher';

const logDir = mkdtempSync(join(tmpdir(), 'usher-continue-'));
const common = process.env['USHER_TEST_TEMPORAL_ADDRESS'];
let temporal: LocalTemporal;
let usher: TestUsher;

beforeAll(async () => {
  // A server that finds a history long already after a few signals, where others wait for thousands of events.
  temporal = await startTemporal({
    cli: process.env['USHER_TEST_TEMPORAL_CLI'] ?? 'temporal',
    logDir,
    port: await freePort(),
    uiPort: 0,
    namespace: 'default',
    say: () => undefined,
    headless: true,
    extraArgs: ['--dynamic-config-value', 'limit.historyCount.suggestContinueAsNew=20'],
  });
  process.env['USHER_TEST_TEMPORAL_ADDRESS'] = temporal.address;
  usher = await startUsher();
});

afterAll(async () => {
  process.env['USHER_TEST_TEMPORAL_ADDRESS'] = common;
  await usher.stop();
  await temporal.stop();
  rmSync(logDir, { recursive: true, force: true });
});

test('a run whose history has grown long goes on in a new one, and every wish of an operator is still its own', async () => {
  const organization = await usher.createOrganization();
  const email = 'ada@example.com';
  const { id, workflowId } = await organization.invite({ email });
  const handle = usher.temporal.workflow.getHandle(workflowId as string);
  await usher.linkFor(email);
  const first = (await handle.describe()).runId;

  const wishes = 8;
  for (let wish = 1; wish <= wishes; wish += 1) {
    await handle.signal(resend);
    await usher.mail.waitForMail(email, 1 + wish);
    await handle.signal(changed);
  }

  expect((await handle.describe()).runId).not.toBe(first);

  const { body } = await organization.call('GET', `/invitations/${id}`);
  expect(body).toMatchObject({ status: 'pending', generation: 1 + wishes });
  const keys = await usher
    .owner('idempotency_keys')
    .where({ caller: `workflow:${id}` })
    .select('key');
  expect(new Set(keys.map(({ key }: { key: string }) => key))).toEqual(
    new Set(Array.from({ length: wishes }, (_, index) => `${first}:${index + 1}`)),
  );

  await organization.call('POST', `/invitations/${id}/cancel`);
  expect(await handle.result()).toEqual({ status: 'cancelled' });
  expect(usher.mail.messages).toHaveLength(1 + wishes);

  const present = { workflowBundle: await bundleWorkflows() };
  const all = await eventually(
    async () => {
      const ids: string[] = [];
      const found = usher.temporal.workflow.list({ query: `WorkflowId = "${workflowId}"` });
      for await (const { runId } of found) ids.push(runId);
      return ids;
    },
    (ids) => ids.includes(first) && ids.length > 2,
  );
  for (const runId of all) {
    const run = usher.temporal.workflow.getHandle(workflowId as string, runId);
    await Worker.runReplayHistory(present, await run.fetchHistory());
  }
});
