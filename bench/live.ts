import { randomUUID } from 'node:crypto';
import { Pool } from 'pg';
import pino from 'pino';
import { createLiveHub } from '../api/live/hub';
import { openDatabase } from '../db/database';

/**
 * What open pages cost commands: commits a second of as many writers as a pool has, with nobody watching, with pages open on
 * fifty organizations, and with a NOTIFY in each transaction instead. `DATABASE_URL=… node dist/bench/live.js` on a migrated
 * database, as its owner; leaves nothing.
 */
const writers = 16;
const organizations = 50;
const secondsEach = Number(process.env['BENCH_SECONDS'] ?? 5);
const rounds = Number(process.env['BENCH_ROUNDS'] ?? 3);

type Way = 'nobody watches' | 'pages are open' | 'NOTIFY in each';

async function main(): Promise<void> {
  const url = process.env['DATABASE_URL'] ?? '';
  const pool = new Pool({ connectionString: url, max: writers });
  const ids = Array.from({ length: organizations }, () => randomUUID());
  await pool.query(
    `insert into organizations (id, name, preset, time_zone, locale, policy)
     select id, 'Bench', '28-days', 'UTC', 'en', '{}' from unnest($1::uuid[]) as id`,
    [ids],
  );
  try {
    const results = new Map<Way, number[]>();
    for (let round = 0; round < rounds; round += 1)
      for (const way of ['nobody watches', 'pages are open', 'NOTIFY in each'] as const) {
        const rate = await measure(pool, url, ids, way);
        results.set(way, [...(results.get(way) ?? []), rate]);
        console.log(`${way.padEnd(16)} ${Math.round(rate)} commits/s`);
      }
    for (const [way, rates] of results)
      console.log(
        `${way.padEnd(16)} ${Math.round(rates.sort((a, b) => a - b)[Math.floor(rates.length / 2)] ?? 0)} (median)`,
      );
  } finally {
    await pool.query('delete from organizations where id = any($1)', [ids]);
    await pool.end();
  }
}

async function measure(pool: Pool, url: string, ids: string[], way: Way): Promise<number> {
  const database = openDatabase(url);
  const hub = createLiveHub(database, pino({ level: 'silent' }));
  if (way === 'pages are open')
    for (const organizationId of ids)
      await hub.listen(
        {
          organizationId,
          accountId: organizationId,
          hear: () => undefined,
          check: () => Promise.resolve(true),
          beat: () => undefined,
          close: () => undefined,
        },
        0,
      );
  let commits = 0;
  const until = Date.now() + secondsEach * 1_000;
  const write = async () => {
    const client = await pool.connect();
    try {
      while (Date.now() < until) {
        const id = ids[commits % ids.length];
        await client.query('begin');
        await client.query(
          `insert into audit_events (organization_id, type, actor_type) values ($1, 'invitation.sent', 'system')`,
          [id],
        );
        if (way === 'NOTIFY in each') await client.query(`select pg_notify('usher_live', $1)`, [id]);
        await client.query('commit');
        commits += 1;
      }
    } finally {
      client.release();
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  hub.stop();
  await database.destroy();
  return commits / secondsEach;
}

void main();
