import { Client } from 'pg';
import { inOrganization, openDatabase, type Transaction } from '../db/database';
import { listInvitations } from '../db/queries/find-invitation';
import { listUsers } from '../db/queries/list-users';
import { byHand, byHandInvitations, type Question } from './by-hand';
import { type Crowd, generatePeople, withoutGinIndexes } from './people-in-sql';
import { median, quantile, type Stage } from './stage';

const people = { large: 1_000_000, small: 1_000, invitations: 200_000 };
const rounds = 150;
/** Questions that take long get fewer rounds. */
const longestMs = 5_000;
const limit = 50;

/**
 * A page of users by every filter: over HTTP, by the query alone, and by SQL written by hand for that one page, on the
 * same data under the same row-level security. Ours and theirs take turns, also in being first, on
 * connections of one pool.
 */
export async function users(stage: Stage): Promise<object> {
  const owner = new Client({ connectionString: stage.databaseUrl });
  await owner.connect();
  const organizations = {
    large: await stage.organization(),
    small: await stage.organization(),
    invitations: await stage.organization(),
  };
  const crowds: Partial<Record<keyof typeof people, Crowd>> = {};
  await withoutGinIndexes(owner, async () => {
    for (const name of ['large', 'small', 'invitations'] as const) {
      stage.say(`generating ${people[name]} people …`);
      const every = name === 'invitations' ? { invitationOfEvery: 1 } : {};
      crowds[name] = await generatePeople(owner, organizations[name].id, people[name], every);
    }
    stage.say('building the indexes …');
  });
  const database = openDatabase(stage.databaseUrl);
  const result: Record<string, unknown> = {};
  try {
    for (const name of ['large', 'small', 'invitations'] as const) {
      const { id, key } = organizations[name];
      const list = name === 'invitations' ? 'invitations' : 'users';
      const at = name === 'invitations' ? 'invitations' : 'memberships';
      const column = name === 'invitations' ? 'id' : 'account_id';
      const { rows } = await owner.query<{ at: Date; id: string }>(
        `select created_at as at, ${column} as id from ${at} where organization_id = $1
         order by created_at desc, ${column} desc offset $2 limit 1`,
        [id, people[name] / 2],
      );
      const deep = [rows[0]?.at.toISOString() ?? '', rows[0]?.id ?? ''];
      const cursor = Buffer.from(JSON.stringify(deep)).toString('base64url');
      const groups = crowds[name]?.groupIds;
      const questions: Record<string, Question> = {
        'first page': {},
        'deep page': { cursor, deep },
        'search, few': { q: 'quetzal', few: true },
        'search, many': { q: 'lovelace' },
        'search, nobody': { q: 'nobody here', few: true },
        'kind guest': { kind: 'guest' },
        ...(list === 'invitations' && {
          'status pending': { status: 'pending' },
          'status expired': { status: 'expired' },
        }),
        ...(list === 'users' && {
          'status invited': { status: 'invited' },
          'status active': { status: 'active' },
          'status inactive': { status: 'inactive' },
          'status deactivated': { status: 'deactivated' },
          'status suspended': { status: 'suspended' },
          'group of a tenth': { groupId: groups?.large },
          'group of a hundredth': { groupId: groups?.middle },
          'group of few': { groupId: groups?.small, few: true },
        }),
      };
      for (const [what, question] of Object.entries(questions)) {
        const { deep: _deep, few: _few, ...filter } = question;
        const ours = async (trx: Transaction): Promise<string[]> => {
          const wish = { limit, cursor: undefined, ...filter } as never;
          const page = list === 'users' ? await listUsers(trx, id, wish) : (await listInvitations(trx, id, wish)).page;
          return page.items.map((item) => item.id);
        };
        const write = list === 'users' ? byHand : byHandInvitations;
        const theirs = async (trx: Transaction): Promise<string[]> => {
          const { sql, values } = write(id, question, limit + 1);
          const answer = await trx.raw<{ rows: { id: string }[] }>(sql, values);
          return answer.rows.slice(0, limit).map((row) => row.id);
        };
        const times = { ours: [] as number[], theirs: [] as number[], http: [] as number[] };
        const timed = (run: (trx: Transaction) => Promise<string[]>, to: number[]) =>
          inOrganization(database, id, async (trx) => {
            const begun = performance.now();
            const ids = await run(trx);
            to.push(performance.now() - begun);
            return ids.join();
          });
        const query = new URLSearchParams({ limit: String(limit), ...(filter as Record<string, string>) });
        const until = performance.now() + longestMs;
        for (let round = -3; round < rounds && (round < 10 || performance.now() < until); round += 1) {
          if (round === 0) for (const list of Object.values(times)) list.length = 0;
          // Whoever comes second finds the pages in the cache.
          const turns = [() => timed(ours, times.ours), () => timed(theirs, times.theirs)];
          if (round % 2 === 0) turns.reverse();
          if ((await turns[0]?.()) !== (await turns[1]?.()))
            throw new Error(`${name}, ${what}: the SQL by hand lists others.`);
          const begun = performance.now();
          const answer = await stage.call('GET', `/v1/organizations/${id}/${list}?${query}`, undefined, key);
          times.http.push(performance.now() - begun);
          if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
        }
        const words = (of: number[]) => `${median(of).toFixed(1)} / ${quantile(of, 0.95).toFixed(1)}`;
        const ratio = (q: number) => (quantile(times.ours, q) / quantile(times.theirs, q)).toFixed(2);
        const line = `query ${words(times.ours)}, by hand ${words(times.theirs)}, HTTP ${words(times.http)} ms; ratio ${ratio(0.5)} / ${ratio(0.95)}`;
        stage.say(`${people[name]} ${list}, ${what}: ${line}`);
        result[`${people[name]} ${list}, ${what} (median / p95)`] = line;
      }
    }
  } finally {
    await database.destroy();
    await owner.end();
  }
  return result;
}
