import { hash, verify } from '@node-rs/argon2';
import { Client } from 'pg';
import { argonOptions } from './latency';
import { generatePeople } from './people-in-sql';
import { inParallel, median, type Stage } from './stage';

const perRound = 200;
const rounds = 5;
const callers = 20;

/** Sign-ins per second with 20 callers at once, and argon2 alone, which each of them waits for. Rounds alternate. */
export async function signIns(stage: Stage): Promise<object> {
  const { id } = await stage.organization();
  const password = 'Bench-Horse-1-x';
  const hashed = await hash(password, argonOptions);
  const owner = new Client({ connectionString: stage.databaseUrl });
  await owner.connect();
  await generatePeople(owner, id, 2 * perRound);
  await owner.query('update accounts set password_hash = $1 where home_organization_id = $2', [hashed, id]);
  const { rows } = await owner.query<{ email: string }>(
    `select email from accounts where home_organization_id = $1 and status = 'active' and reactivation_deadline is null
     order by id limit $2`,
    [id, perRound],
  );
  await owner.end();

  const rate = async (job: (index: number) => Promise<void>) => {
    const begun = performance.now();
    await inParallel(perRound, callers, job);
    return (perRound * 1_000) / (performance.now() - begun);
  };
  const signIn = (index: number) =>
    fetch(`${stage.url}/v1/auth/sign-in`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ login: rows[index % rows.length]?.email, password }),
    }).then(async (response) => {
      if (response.status !== 200) throw new Error(await response.text());
      await response.arrayBuffer();
    });
  const verifyAlone = async () => {
    await verify(hashed, password);
  };
  await rate(signIn);
  await rate(verifyAlone);
  const signedIn: number[] = [];
  const verified: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    verified.push(await rate(verifyAlone));
    signedIn.push(await rate(signIn));
  }
  return {
    'argon2 alone, per second (median)': median(verified).toFixed(0),
    'sign-ins, per second (median)': median(signedIn).toFixed(0),
    'ratio (median of rounds)': median(signedIn.map((one, round) => one / (verified[round] ?? NaN))).toFixed(2),
  };
}
