import { asSystem, type Database } from '../database';

/** An invitation whose workflow is to look again, and whether a workflow is to exist for it at all. */
export interface OutboxMark {
  invitationId: string;
  organizationId: string;
  sequence: string;
  attempts: number;
  /** null: the row is gone. */
  invitation: { status: string; kind: string; expiresAt: Date | null; nextAt: Date | null } | null;
}

/** Takes up to `limit` marks that nobody holds, for `leaseMs`; other relays pass over them. */
export function leaseOutboxMarks(database: Database, limit: number, leaseMs: number): Promise<OutboxMark[]> {
  return asSystem(database, async (trx) => {
    const { rows } = await trx.raw<{
      rows: {
        invitation_id: string;
        organization_id: string;
        sequence: string;
        attempts: number;
        status: string | null;
        kind: string;
        expires_at: Date | null;
        next_at: Date | null;
      }[];
    }>(
      `with due as (
         select invitation_id from invitation_outbox where lease_until <= usher_now()
         order by lease_until limit ? for update skip locked
       ), leased as (
         update invitation_outbox o set lease_until = usher_now() + ? * interval '1 millisecond', attempts = attempts + 1
         from due where o.invitation_id = due.invitation_id
         returning o.invitation_id, o.organization_id, o.sequence, o.attempts
       )
       select leased.*, i.status, i.kind, i.expires_at, i.next_at
       from leased left join invitations i on i.id = leased.invitation_id`,
      [limit, leaseMs],
    );
    return rows.map((row) => ({
      invitationId: row.invitation_id,
      organizationId: row.organization_id,
      sequence: row.sequence,
      attempts: row.attempts,
      invitation: row.status
        ? { status: row.status, kind: row.kind, expiresAt: row.expires_at, nextAt: row.next_at }
        : null,
    }));
  });
}

/** Removes marks that have been passed on, unless a newer command has marked the invitation since. */
export function clearOutboxMarks(
  database: Database,
  marks: { invitationId: string; sequence: string }[],
): Promise<void> {
  return asSystem(database, async (trx) => {
    await trx.raw(
      `delete from invitation_outbox o using unnest(?::uuid[], ?::bigint[]) as told(id, sequence)
       where o.invitation_id = told.id and o.sequence = told.sequence`,
      [marks.map((mark) => mark.invitationId), marks.map((mark) => mark.sequence)],
    );
  });
}

/** Lets go of marks that could not be passed on; they are due again after `delayMs`. */
export function postponeOutboxMarks(database: Database, invitationIds: string[], delayMs: number): Promise<void> {
  return asSystem(database, async (trx) => {
    await trx.raw(
      `update invitation_outbox set lease_until = usher_now() + ? * interval '1 millisecond' where invitation_id = any(?::uuid[])`,
      [delayMs, invitationIds],
    );
  });
}

/**
 * The watchdog: marks invitations whose next step is overdue by more than the grace period, as after a lost run or a
 * restored backup. A mail in its backoff is not overdue: its next try is its next step; nor is one that is being sent.
 * @returns how many were marked
 */
export function markOverdueInvitations(database: Database, graceMs: number, limit: number): Promise<number> {
  return asSystem(database, async (trx) => {
    const { rowCount } = await trx.raw<{ rowCount: number }>(
      `insert into invitation_outbox (invitation_id, organization_id, sequence, lease_until)
       select id, organization_id, nextval('invitation_outbox_sequence'), usher_now() from invitations
       where next_at < usher_now() - ? * interval '1 millisecond'
         and not exists (select from emails where invitation_id = invitations.id and lease_until > usher_now())
       order by next_at limit ?
       on conflict (invitation_id) do nothing`,
      [graceMs, limit],
    );
    return rowCount;
  });
}

/** Figures for operators: marks waiting, and the age of the oldest in seconds. */
export function outboxFigures(database: Database): Promise<{ waiting: number; oldestSeconds: number }> {
  return asSystem(database, async (trx) => {
    const { rows } = await trx.raw<{ rows: [{ waiting: string; oldest: string | null }] }>(
      `select count(*) as waiting, extract(epoch from usher_now() - min(marked_at)) as oldest from invitation_outbox`,
    );
    return { waiting: Number(rows[0].waiting), oldestSeconds: Number(rows[0].oldest ?? 0) };
  });
}
