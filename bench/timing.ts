import { randomInt } from 'node:crypto';
import { request } from 'node:http';
import { hash } from '@node-rs/argon2';
import { Client } from 'pg';
import { argonOptions } from './latency';
import { generatePeople } from './people-in-sql';
import { median, type Stage } from './stage';

const count = 500;

/** One caller's guesses are counted by address, and stopped at 300: this many share them. */
const addresses = Array.from({ length: 8 }, (_, index) => `127.0.0.${index + 2}`);

interface Probe {
  route: string;
  known: boolean;
  body: object;
}

/**
 * Whether the time of an answer tells that an address has an account: known and unknown ones in random order, one at a
 * time. 0.5 is the area under the curve of a coin.
 */
export async function timing(stage: Stage): Promise<object> {
  const { id } = await stage.organization();
  const owner = new Client({ connectionString: stage.databaseUrl });
  await owner.connect();
  await generatePeople(owner, id, count * 2);
  await owner.query('update accounts set password_hash = $1 where home_organization_id = $2', [
    await hash('Bench-Horse-1-x', argonOptions),
    id,
  ]);
  const { rows } = await owner.query<{ email: string }>(
    `select email from accounts where home_organization_id = $1 and status = 'active' and reactivation_deadline is null
     order by id limit $2`,
    [id, count],
  );
  await owner.query('analyze accounts');
  await owner.end();
  if (rows.length < count) throw new Error(`There are only ${rows.length} accounts.`);

  const probes = shuffled(
    rows.flatMap(({ email }, index) => {
      const addressesOf = { true: email, false: email.replace('@', `x${index % 10}@`) };
      return ([true, false] as const).flatMap((known): Probe[] => {
        const address = addressesOf[`${known}`];
        return [
          { route: '/v1/auth/sign-in', known, body: { login: address, password: 'Wrong-Horse-1-x' } },
          { route: '/v1/auth/forgot-password', known, body: { email: address } },
        ];
      });
    }),
  );
  for (let index = 0; index < 20; index += 1)
    await timed(stage.url, {
      route: '/v1/auth/forgot-password',
      known: false,
      body: { email: `warm-${index}@bench.test` },
    });
  const times: Record<string, { known: number[]; unknown: number[] }> = {};
  for (const probe of probes) {
    const of = (times[probe.route] ??= { known: [], unknown: [] });
    of[probe.known ? 'known' : 'unknown'].push(await timed(stage.url, probe));
  }
  return Object.fromEntries(
    Object.entries(times).map(([route, { known, unknown }]) => [
      route,
      {
        'median, known / unknown': `${median(known).toFixed(2)} / ${median(unknown).toFixed(2)} ms`,
        'area under the curve': areaUnderCurve(known, unknown).toFixed(3),
      },
    ]),
  );
}

/** How often a known address takes longer than an unknown one, equal times counting half (Mann and Whitney's U). */
function areaUnderCurve(known: number[], unknown: number[]): number {
  let longer = 0;
  for (const one of known) for (const other of unknown) longer += one > other ? 1 : one === other ? 0.5 : 0;
  return longer / (known.length * unknown.length);
}

function shuffled<T>(values: T[]): T[] {
  for (let index = values.length - 1; index > 0; index -= 1) {
    const other = randomInt(index + 1);
    [values[index], values[other]] = [values[other] as T, values[index] as T];
  }
  return values;
}

/** @returns milliseconds until the whole answer is there, on a connection of its own */
function timed(url: string, { route, body }: Probe): Promise<number> {
  const localAddress = addresses[randomInt(addresses.length)];
  return new Promise((resolve, reject) => {
    const begun = performance.now();
    const headers = { 'content-type': 'application/json' };
    const sending = request(url + route, { method: 'POST', headers, localAddress, agent: false }, (response) => {
      response.resume();
      response.on('end', () => {
        if (response.statusCode === 401 || response.statusCode === 202) resolve(performance.now() - begun);
        else reject(new Error(`${route} answered ${response.statusCode}`));
      });
    });
    sending.on('error', reject);
    sending.end(JSON.stringify(body));
  });
}
