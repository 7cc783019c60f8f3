import type { Database } from '../database';

/** Older ones say nothing about now. */
const freshSeconds = 90;

/** A worker lives, and this is how it fares with the mail server. Those that are gone are forgotten. */
export async function recordHeartbeat(database: Database, workerId: string, mail: 'ok' | 'failing'): Promise<void> {
  await database.raw(
    `insert into worker_heartbeats (worker_id, mail) values (?, ?)
     on conflict (worker_id) do update set at = usher_now(), mail = excluded.mail`,
    [workerId, mail],
  );
  await database.raw(`delete from worker_heartbeats where at < usher_now() - interval '1 hour'`);
}

/** A worker that stops in order says nothing any more. */
export async function removeHeartbeat(database: Database, workerId: string): Promise<void> {
  await database.raw('delete from worker_heartbeats where worker_id = ?', [workerId]);
}

/** What the workers say of the mail server; one that does not reach it is enough. unknown: none has said anything lately. */
export async function mailState(database: Database): Promise<'ok' | 'failing' | 'unknown'> {
  const { rows } = await database.raw<{ rows: [{ failing: boolean | null }] }>(
    `select bool_or(mail = 'failing') as failing from worker_heartbeats
     where at > usher_now() - ? * interval '1 second'`,
    [freshSeconds],
  );
  const { failing } = rows[0];
  return failing === null ? 'unknown' : failing ? 'failing' : 'ok';
}
