import { Client } from 'pg';
import { openDatabase } from '../db/database';
import { listAccountOrganizations } from '../db/queries/find-account';
import { findGroupResource } from '../db/queries/find-groups';
import { decide, theOrganization } from '../domain/permissions';
import { generatePeople } from './people-in-sql';
import { inParallel, median, quantile, type Stage } from './stage';

const people = 10_000;
const singles = 2_000;
const callers = 20;
const rounds = 15;
const batchSize = 100;
const checks = 600;
const actions = ['content.publish', 'drive.read', 'directory.read', 'discussion.write', 'group.read'];

/**
 * The decision API as a host product asks it, with a key: single questions by 20 callers, and a batch of 100 against the
 * same 100 one by one. And what the permission check of Usher's own routes adds to a request of a signed-in person: the
 * queries and the decision that it takes, against only finding out where somebody belongs, in turns.
 */
export async function decisions(stage: Stage): Promise<object> {
  const { id, key } = await stage.organization();
  const owner = new Client({ connectionString: stage.databaseUrl });
  await owner.connect();
  const { groupIds } = await generatePeople(owner, id, people);
  const { rows } = await owner.query<{ id: string }>(
    `select account_id as id from memberships where organization_id = $1 and status = 'active' order by account_id limit 1000`,
    [id],
  );
  const grouped = await owner.query<{ id: string }>(
    `select m.account_id as id from group_members join memberships m using (organization_id, account_id)
     where group_id = $1 and m.status = 'active' limit 1`,
    [groupIds.large],
  );
  await owner.query('analyze accounts, memberships, groups, group_members');
  await owner.end();

  const question = (index: number) => ({
    subject: { type: 'user', id: rows[index % rows.length]?.id },
    action: { name: actions[index % actions.length] },
    resource: { type: 'group', id: index % 2 ? groupIds.large : groupIds.middle },
  });
  const ask = async (path: string, body: object) => {
    const answer = await stage.call('POST', `/access/v1/${path}`, body, key);
    if (answer.status !== 200) throw new Error(JSON.stringify(answer.body));
  };
  const single = (index: number) => ask('evaluation', question(index));
  const batch = (from: number) =>
    ask('evaluations', { evaluations: Array.from({ length: batchSize }, (_, index) => question(from + index)) });

  await inParallel(300, callers, single);
  const alone = await inParallel(500, 1, single);
  const begun = performance.now();
  const times = await inParallel(singles, callers, single);
  const perSecond = (singles * 1_000) / (performance.now() - begun);

  const took = async (run: () => Promise<unknown>) => {
    const since = performance.now();
    await run();
    return performance.now() - since;
  };
  const batches: number[] = [];
  const oneByOne: number[] = [];
  for (let round = -2; round < rounds; round += 1) {
    const batched = await took(() => batch(round * batchSize + 1_000));
    const apart = await took(() =>
      inParallel(batchSize, callers, (index) => single(round * batchSize + 1_000 + index)),
    );
    if (round < 0) continue;
    batches.push(batched);
    oneByOne.push(apart);
  }
  const ms = (values: number[]) =>
    `${median(values).toFixed(1)} / ${quantile(values, 0.95).toFixed(1)} / ${quantile(values, 0.99).toFixed(1)} ms`;
  return {
    'one caller: median / p95 / p99': ms(alone),
    '20 callers: median / p95 / p99': ms(times),
    '20 callers, decisions per second': perSecond.toFixed(0),
    'batch of 100: median / p95 / p99': ms(batches),
    '100 singles, 20 at once: median / p95 / p99': ms(oneByOne),
    'singles against batch (median of rounds)': median(oneByOne.map((one, at) => one / (batches[at] ?? NaN))).toFixed(
      1,
    ),
    'decisions per second in batches, one caller': ((batchSize * 1_000) / median(batches)).toFixed(0),
    ...(await costOfCheck(stage, id, grouped.rows[0]?.id ?? '', groupIds.large)),
  };
}

async function costOfCheck(stage: Stage, organizationId: string, accountId: string, groupId: string): Promise<object> {
  const database = openDatabase(stage.databaseUrl);
  const belonging = () => database.raw('select * from usher_account_organizations(?)', [accountId]);
  const standing = async () => {
    const found = (await listAccountOrganizations(database, accountId)).find(({ id }) => id === organizationId);
    if (!found) throw new Error('The person of the benchmark is not there.');
    return found;
  };
  const onOrganization = async () =>
    decide(await standing(), 'guests.invite', theOrganization, { membersMayInviteGuests: true });
  const onGroup = async () => {
    const person = await standing();
    return decide(person, 'group.read', await findGroupResource(database, organizationId, groupId));
  };
  const runs = { without: belonging, organization: onOrganization, group: onGroup };
  const times = { without: [] as number[], organization: [] as number[], group: [] as number[] };
  const names = ['without', 'organization', 'group'] as const;
  for (let round = -50; round < checks; round += 1)
    for (let place = 0; place < names.length; place += 1) {
      // Everybody comes first, second and third equally often.
      const name = names[(place + round + 51) % names.length] ?? 'without';
      const since = performance.now();
      await runs[name]();
      if (round >= 0) times[name].push(performance.now() - since);
    }
  await database.destroy();
  const person = {
    kind: 'member',
    role: 'member',
    permissions: [],
    groups: [{ id: groupId, role: 'member' }],
  } as const;
  const since = performance.now();
  for (let index = 0; index < 100_000; index += 1)
    decide({ ...person, permissions: [], groups: [...person.groups] }, 'guests.invite', theOrganization);
  const added = (name: 'organization' | 'group') => `${(median(times[name]) - median(times.without)).toFixed(2)} ms`;
  return {
    'where somebody belongs, without the check (median)': `${median(times.without).toFixed(2)} ms`,
    'added by the check on the organization (median)': added('organization'),
    'added by the check on a group, which is loaded for it (median)': added('group'),
    'the decision alone': `${((performance.now() - since) / 100).toFixed(2)} µs`,
  };
}
