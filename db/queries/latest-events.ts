import type { Database } from '../database';
import { inOrganizations } from '../database';

/** An audit event as far as somebody who is to look again must know of it: no actor, no data. */
export interface Happening {
  organizationId: string;
  /** Of the audit event; ids are given in the order of writing, which is not quite that of committing. */
  id: string;
  type: string;
  invitationId: string | null;
  accountId: string | null;
  ageMs: number;
}

/** What one organization is asked for: events with a higher id than `after`. */
export interface Since {
  organizationId: string;
  after: string;
}

/**
 * The newest events of each organization, newest first, at most `limit` of each: by an index, and so the same small work
 * however many there are.
 */
export function latestEvents(database: Database, since: Since[], limit: number): Promise<Happening[]> {
  const ids = since.map(({ organizationId }) => organizationId);
  return inOrganizations(database, ids, async (trx) => {
    const { rows } = await trx.raw<{
      rows: {
        organization_id: string;
        id: string;
        type: string;
        invitation_id: string | null;
        account_id: string | null;
        age_ms: number;
      }[];
    }>(
      `select o.id as organization_id, e.id, e.type, e.invitation_id, e.account_id,
         (extract(epoch from usher_now() - e.at) * 1000)::float8 as age_ms
       from unnest(?::uuid[], ?::bigint[]) as o(id, after)
       cross join lateral (
         select * from audit_events where organization_id = o.id and id > o.after order by id desc limit ?
       ) e`,
      [ids, since.map(({ after }) => after), limit],
    );
    return rows.map((row) => ({
      organizationId: row.organization_id,
      id: row.id,
      type: row.type,
      invitationId: row.invitation_id,
      accountId: row.account_id,
      ageMs: row.age_ms,
    }));
  });
}
