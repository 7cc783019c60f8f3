import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { inParallel, median, type Stage } from './stage';

const perRound = 600;
const rounds = 5;
const callers = 20;
/** A few runs of a round are handed out seconds late by the server, of either kind: the rate without them says more. */
const share = 0.95;

/** Per second: over the first 95 percent, and over all of them. */
interface Round {
  most: number;
  all: number;
}

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

  const timed = async (create: (index: number) => Promise<unknown>, done: () => Promise<number>): Promise<Round> => {
    const before = await done();
    const begun = performance.now();
    const seconds = () => (performance.now() - begun) / 1000;
    let most = NaN;
    const created = inParallel(perRound, callers, async (index) => {
      await create(index);
    });
    for (let count = 0; count < perRound;) {
      count = (await done()) - before;
      if (Number.isNaN(most) && count >= share * perRound) most = (share * perRound) / seconds();
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await created;
    return { most, all: perRound / seconds() };
  };
  const bareRound = (round: number) =>
    timed(
      (index) => stage.temporal.workflow.start('bare', { taskQueue: 'bare', workflowId: `bare-${round}-${index}` }),
      bareDone,
    );
  const usherRound = (round: number) =>
    timed(
      async (index) => {
        const email = `r${round}-${index}@bench.test`;
        const answer = await stage.call('POST', `/v1/organizations/${id}/invitations`, { email }, key);
        if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
      },
      () => stage.mailCount(),
    );

  // A first round of each warms everything up and does not count.
  await bareRound(0);
  await usherRound(0);
  const bare: Round[] = [];
  const usher: Round[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    const one = await bareRound(round);
    const other = await usherRound(round);
    bare.push(one);
    usher.push(other);
    stage.say(`round ${round}: bare ${words(one)}, usher ${words(other)}`);
  }
  worker.disconnect();
  const rate = (of: Round[], which: keyof Round) => median(of.map((round) => round[which])).toFixed(0);
  const ratio = (which: keyof Round) =>
    median(usher.map((round, index) => round[which] / (bare[index]?.[which] ?? NaN))).toFixed(2);
  return {
    'bare loop, per second: first 95 % / all (medians)': `${rate(bare, 'most')} / ${rate(bare, 'all')}`,
    'created to mailed, per second: first 95 % / all (medians)': `${rate(usher, 'most')} / ${rate(usher, 'all')}`,
    'ratio: first 95 % / all (medians of rounds)': `${ratio('most')} / ${ratio('all')}`,
  };
}

const words = ({ most, all }: Round): string => `${most.toFixed(0)}/s (all ${all.toFixed(0)}/s)`;
