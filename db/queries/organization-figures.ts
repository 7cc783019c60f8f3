import type { Database, Transaction } from '../database';

/** How things stand at this instant, in the whole deployment or in one organization. */
export interface Figures {
  at: Date;
  /** Pending, and not past their deadline; `dueToday` by the calendar day of each organization. */
  open: number;
  dueToday: number;
  /** Mails that wait to be sent, and since when the oldest of them does. */
  queued: number;
  oldestQueuedAt: Date | null;
  /** Mails given up or returned in the last 24 hours. */
  failed: number;
  /** Invitations of whose change Temporal was not told yet, and since when the oldest. */
  waiting: number;
  oldestWaitingAt: Date | null;
}

interface Row {
  at: Date;
  open: string;
  due_today: string;
  queued: string;
  oldest_queued: Date | null;
  failed: string;
  waiting: string;
  oldest_waiting: Date | null;
}

export const endOfToday = `(date_trunc('day', usher_now() at time zone o.time_zone) + interval '1 day') at time zone o.time_zone`;
const yesterday = `to_char((usher_now() - interval '24 hours') at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
const lastTry = `(attempts -> -1 ->> 'at') collate "C"`;

/** Of one organization; the transaction sees nothing else. */
export async function organizationFigures(trx: Transaction, organizationId: string): Promise<Figures> {
  const own = `organization_id = :organizationId`;
  return readFigures(
    trx,
    `select usher_now() as at,
       (select count(*) from invitations where ${own} and status = 'pending' and expires_at > usher_now()) as open,
       (select count(*) from invitations i join organizations o on o.id = i.organization_id
        where i.${own} and i.status = 'pending' and i.expires_at > usher_now() and i.expires_at < ${endOfToday}) as due_today,
       ${mailsOf('emails', own)},
       (select count(*) from invitation_outbox where ${own}) as waiting,
       (select min(marked_at) from invitation_outbox where ${own}) as oldest_waiting`,
    { organizationId },
  );
}

/** The figures of mails in one of the two tables that hold them. */
export const mailsOf = (table: string, where: string): string => `
  (select count(*) from ${table} where ${where} and status = 'queued') as queued,
  (select min(created_at) from ${table} where ${where} and status = 'queued') as oldest_queued,
  (select count(*) from ${table} where ${where} and status in ('failed', 'bounced') and ${lastTry} > ${yesterday}) as failed`;

export async function readFigures(
  database: Database,
  sql: string,
  values: Record<string, string> = {},
): Promise<Figures> {
  const { rows } = await database.raw<{ rows: [Row] }>(sql, values);
  const [row] = rows;
  return {
    at: row.at,
    open: Number(row.open),
    dueToday: Number(row.due_today),
    queued: Number(row.queued),
    oldestQueuedAt: row.oldest_queued,
    failed: Number(row.failed),
    waiting: Number(row.waiting),
    oldestWaitingAt: row.oldest_waiting,
  };
}
