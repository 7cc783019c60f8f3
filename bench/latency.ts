import { hash } from '@node-rs/argon2';
import { inParallel, median, quantile, type Stage } from './stage';

const count = 1_000;
const callers = 20;
export const argonOptions = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

const ms = (values: number[]) => ({
  median: `${median(values).toFixed(1)} ms`,
  p95: `${quantile(values, 0.95).toFixed(1)} ms`,
  p99: `${quantile(values, 0.99).toFixed(1)} ms`,
});

/** Time to answer for create and accept with 20 callers at once, and for argon2 alone, which accepting waits for. */
export async function latency(stage: Stage): Promise<object> {
  const { id, key } = await stage.organization();
  const create = async (email: string) => {
    const answer = await stage.call('POST', `/v1/organizations/${id}/invitations`, { email }, key);
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
  };
  const before = await stage.mailCount();
  await inParallel(200, callers, (index) => create(`warm-${index}@bench.test`));
  const created = await inParallel(count, callers, (index) => create(`a-${index}@bench.test`));
  // Accepting is measured by itself, not beside the mails of what was created.
  while ((await stage.mailCount()) < before + 200 + count) await new Promise((resolve) => setTimeout(resolve, 100));
  const tokens: string[] = [];
  for (let index = 0; index < 200; index += 1) tokens.push(await tokenFor(stage, `a-${index}@bench.test`));
  const accepted = await inParallel(tokens.length, callers, async (index) => {
    const password = `Bench-Horse-${index}-x`;
    const answer = await stage.call('POST', `/v1/invitation-tokens/${tokens[index]}/accept`, { password });
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  });
  const hashed = await inParallel(200, callers, async (index) => {
    await hash(`Bench-Horse-${index}-x`, argonOptions);
  });
  return { create: ms(created), accept: ms(accepted), 'argon2 alone': ms(hashed) };
}

async function tokenFor(stage: Stage, address: string): Promise<string> {
  for (;;) {
    const mail = (await stage.mailTo(address)).replaceAll('=\r\n', '');
    const token = /\/invitations\/([A-Za-z0-9_-]{71,})/.exec(mail)?.[1];
    if (token) return token;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
