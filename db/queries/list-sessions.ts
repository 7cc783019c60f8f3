import type { Database } from '../database';
import { instantPattern, type Page, type PageRequest, readCursor, toPage, uuidPattern } from './page';

export interface OpenSession {
  id: string;
  sid: string;
  createdAt: Date;
  expire: Date;
  ip: string | null;
  userAgent: string | null;
}

/** The sessions in which a person is signed in, the newest first. */
export async function listSessions(
  database: Database,
  { accountId, epoch }: { accountId: string; epoch: number },
  request: PageRequest,
): Promise<Page<OpenSession>> {
  const from = readCursor(request.cursor, [instantPattern, uuidPattern]);
  const query = database('sessions')
    .select<OpenSession[]>('id', 'sid', 'createdAt', 'expire')
    .select(database.raw(`sess ->> 'ip' as ip`), database.raw(`sess ->> 'userAgent' as user_agent`))
    .where({ accountId })
    .whereRaw(`(sess ->> 'epoch')::integer = ?`, [epoch])
    .whereRaw(`sess ->> 'secondFactor' <> 'pending'`)
    .whereRaw('expire > clock_timestamp()')
    .orderBy([
      { column: 'createdAt', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(request.limit + 1);
  if (from) void query.whereRaw('(created_at, id) < (?::timestamptz, ?::uuid)', from);
  return toPage(
    (await query) as OpenSession[],
    request.limit,
    (row) => [row.createdAt.toISOString(), row.id],
    (row) => row,
  );
}

/** Whether a session is still there. */
export async function isSessionOpen(database: Database, sid: string): Promise<boolean> {
  const { rows } = await database.raw<{ rows: [{ open: boolean }] }>(
    'select exists (select from sessions where sid = ? and expire > clock_timestamp()) as open',
    [sid],
  );
  return rows[0].open;
}

/** Ends one of a person's own sessions. @returns whether there was one */
export async function deleteSession(database: Database, accountId: string, id: string): Promise<boolean> {
  return (await database('sessions').where({ accountId, id }).delete()) > 0;
}

/** An update, not a saved session: one that has ended meanwhile stays ended. // A7 */
export async function switchSession(database: Database, sid: string, organizationId: string): Promise<void> {
  await database.raw(
    `update sessions set sess = jsonb_set(sess::jsonb, '{currentOrganizationId}', to_jsonb(?::text))::json where sid = ?`,
    [organizationId, sid],
  );
}
