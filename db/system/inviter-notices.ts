import { asSystem, type Database } from '../database';

export interface OpenNotices {
  organizationId: string;
  inviterId: string;
}

/** Inviters who have something to hear that is in no mail yet. */
export function findOpenNotices(database: Database, limit: number): Promise<OpenNotices[]> {
  return asSystem(database, async (trx) => {
    const { rows } = await trx.raw<{ rows: { organization_id: string; inviter_id: string }[] }>(
      `select distinct organization_id, inviter_id from inviter_notices where mail_id is null limit ?`,
      [limit],
    );
    return rows.map((row) => ({ organizationId: row.organization_id, inviterId: row.inviter_id }));
  });
}
