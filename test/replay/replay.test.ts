import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { WorkflowHandle } from '@temporalio/client';
import { type ReplayWorkerOptions, Worker } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { endedStatuses } from '../../domain/invitation';
import { historyFromJson, leaksIn, resultOf, type RunHistory } from '../support/history';
import { bundleWorkflows } from '../support/skipped-time';
import { eventually, goodPassword, startUsher, type TestUsher } from '../support/usher';
import { otherStories } from './other-stories';
import { personalWords, stories } from './stories';

const folder = join(__dirname, 'histories');
const read = (from: string): [name: string, history: RunHistory][] =>
  readdirSync(from)
    .filter((file) => file.endsWith('.json'))
    .map((file) => [file.replace(/\.json$/, ''), historyFromJson(readFileSync(join(from, file), 'utf8'))]);
const recorded = read(folder);
const others = read(join(__dirname, 'other-histories'));

describe('recorded runs', () => {
  let present: ReplayWorkerOptions;
  beforeAll(async () => {
    present = { workflowBundle: await bundleWorkflows() };
  });

  test.each([...recorded, ...others])('%s: replays with the present workflow', async (_, history) => {
    await Worker.runReplayHistory(present, history);
  });

  test('do not replay with a workflow that does something else', async () => {
    const incompatible = { workflowBundle: await bundleWorkflows(require.resolve('./incompatible/invitation')) };
    const [, history] = recorded[0] ?? [];
    await expect(Worker.runReplayHistory(incompatible, history)).rejects.toThrow(DeterminismViolationError);
  });

  test('there is one of every story, and it ended as the story says', () => {
    const endings = Object.fromEntries(recorded.map(([name, history]) => [name, resultOf(history)]));
    for (const [name, { ends }] of Object.entries(stories))
      expect([name, endings[name]]).toEqual([name, { status: ends }]);
  });

  test('there is one of every way that the other workflows may go', () => {
    expect(others.map(([name]) => name).sort()).toEqual(Object.keys(otherStories).sort());
  });

  test('every status in which an invitation can end is among them', () => {
    const ends = recorded.map(([, history]) => (resultOf(history) as { status: string }).status);
    expect(ends).toEqual(expect.arrayContaining([...endedStatuses]));
  });

  test('contain nothing personal, payloads included', () => {
    for (const [name, history] of [...recorded, ...others])
      expect([name, leaksIn(history, personalWords)]).toEqual([name, []]);
  });

  test('would be found to contain something, if they did', () => {
    const [, history] = recorded[0] ?? [];
    const { invitationId } = JSON.parse(
      Buffer.from(
        history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0]?.data ?? '',
      ).toString(),
    ) as { invitationId: string };
    expect(leaksIn(history, [invitationId, 'lantern'])).toEqual([invitationId]);
  });
});

describe('the history of a run stays small', () => {
  let usher: TestUsher;
  beforeAll(async () => {
    usher = await startUsher();
  });
  afterAll(() => usher.stop());

  const eventsOf = async (handle: WorkflowHandle) => (await handle.fetchHistory()).events ?? [];

  test('sent and waiting: 9 events and 3 KB at most; accepted: 18 events at most', async () => {
    const organization = await usher.createOrganization();
    const invitation = await organization.invite({ email: 'ada@example.com' });
    const handle = usher.temporal.workflow.getHandle(invitation.workflowId as string);
    const waiting = await eventually(
      () => eventsOf(handle),
      (events) => Boolean(events.at(-1)?.timerStartedEventAttributes),
    );
    expect(usher.mail.messages).toHaveLength(1);
    expect(waiting.length).toBeLessThanOrEqual(9);
    expect((await handle.describe()).historySize).toBeLessThanOrEqual(3 * 1_024);

    const { token } = await usher.linkFor('ada@example.com');
    await usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password: goodPassword }, { key: null });
    expect(await handle.result()).toEqual({ status: 'accepted' });
    expect((await eventsOf(handle)).length).toBeLessThanOrEqual(18);
  });
});
