import { Client } from 'pg';
import { generatePeople } from './people-in-sql';
import { inParallel, median, type Stage } from './stage';

const perRound = 100;
const rounds = 4;
const callers = 20;
const many = 20;
const crowd = 2_000;

/**
 * Invitations per second, sent at once, 20 callers: into one organization with licences, where each waits for the one before
 * to count, into twenty such, and into one without a limit. And into one that has 2,000 people to be counted. Rounds
 * alternate, and each begins when the mails of the one before are out.
 */
export async function seats(stage: Stage): Promise<object> {
  const limited = async (licences: number) => {
    const organization = await stage.organization();
    const { status, body } = await stage.call('PATCH', `/v1/organizations/${organization.id}`, { licences });
    if (status !== 200) throw new Error(JSON.stringify(body));
    return organization;
  };
  const one = await limited(100_000);
  const twenty = await Promise.all(Array.from({ length: many }, () => limited(100_000)));
  const crowded = await limited(100_000);
  const unlimited = await stage.organization();
  const owner = new Client({ connectionString: stage.databaseUrl });
  await owner.connect();
  await generatePeople(owner, crowded.id, crowd);
  await owner.query('analyze accounts, memberships, invitations, group_members');
  await owner.end();

  const kinds = {
    'one organization with licences': [one],
    'twenty organizations with licences': twenty,
    'one with licences and 2,000 people': [crowded],
    'one without a limit': [unlimited],
  };
  const rates: Record<string, number[]> = Object.fromEntries(Object.keys(kinds).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round += 1) {
    const names = Object.keys(kinds) as (keyof typeof kinds)[];
    for (const name of round % 2 ? names : names.reverse()) {
      const before = await stage.mailCount();
      const begun = performance.now();
      await inParallel(perRound, callers, async (index) => {
        const { id, key } = kinds[name][index % kinds[name].length] ?? one;
        const email = `s-${round}-${index}-${name.length}@bench.test`;
        const invite = () => stage.call('POST', `/v1/organizations/${id}/invitations`, { email }, key);
        let answer = await invite();
        // A busy machine may ask to come again: nothing has happened then, and the time counts.
        while (answer.status === 503) answer = await invite();
        if (answer.status !== 201) throw new Error(JSON.stringify(answer.body));
      });
      const rate = (perRound * 1_000) / (performance.now() - begun);
      // The first round warms up.
      if (round > 0) rates[name]?.push(rate);
      while ((await stage.mailCount()) < before + perRound) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    stage.say(
      `round ${round}: ${names.map((name) => `${rates[name]?.at(-1)?.toFixed(0) ?? '-'}/s ${name}`).join(', ')}`,
    );
  }
  const ofTwenty = rates['twenty organizations with licences'] ?? [];
  return Object.fromEntries(
    Object.entries(rates).map(([name, list]) => [
      `${name}, per second (median); against twenty (median of rounds)`,
      `${median(list).toFixed(0)}; ${median(list.map((rate, at) => rate / (ofTwenty[at] ?? NaN))).toFixed(2)}`,
    ]),
  );
}
