import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { inParallel, median, type Stage } from './stage';

const perRound = 600;
const rounds = 5;
const callers = 20;

/**
 * Created to mailed: invitations through the HTTP API until the last mail is in, against a bare loop on the same
 * Temporal server that only starts a workflow with one local activity and a timer. Rounds alternate.
 */
export async function throughput(stage: Stage): Promise<object> {
  const worker = fork(join(__dirname, 'bare-worker.js'), [stage.temporalAddress]);
  await once(worker, 'message');
  const bareDone = async () => {
    worker.send('how many?');
    return ((await once(worker, 'message')) as [number])[0];
  };
  const { id, key } = await stage.organization();

  const bareRound = async (round: number) => {
    const target = (await bareDone()) + perRound;
    const begun = performance.now();
    await inParallel(perRound, callers, async (index) => {
      await stage.temporal.workflow.start('bare', { taskQueue: 'bare', workflowId: `bare-${round}-${index}` });
    });
    while ((await bareDone()) < target) await new Promise((resolve) => setTimeout(resolve, 10));
    return perRound / ((performance.now() - begun) / 1000);
  };
  const usherRound = async (round: number) => {
    const target = (await stage.mailCount()) + perRound;
    const begun = performance.now();
    await inParallel(perRound, callers, async (index) => {
      const email = `r${round}-${index}@bench.test`;
      const answer = await stage.call('POST', `/v1/organizations/${id}/invitations`, { email }, key);
      if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
    });
    while ((await stage.mailCount()) < target) await new Promise((resolve) => setTimeout(resolve, 10));
    return perRound / ((performance.now() - begun) / 1000);
  };

  // A first round of each warms everything up and does not count.
  await bareRound(0);
  await usherRound(0);
  const bare: number[] = [];
  const usher: number[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    bare.push(await bareRound(round));
    usher.push(await usherRound(round));
    stage.say(`round ${round}: bare ${bare.at(-1)?.toFixed(0)}/s, usher ${usher.at(-1)?.toFixed(0)}/s`);
  }
  worker.disconnect();
  return {
    'bare loop, per second (median)': median(bare).toFixed(0),
    'created to mailed, per second (median)': median(usher).toFixed(0),
    'ratio (median of rounds)': median(usher.map((value, index) => value / (bare[index] ?? NaN))).toFixed(2),
  };
}
