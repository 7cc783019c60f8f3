import type { Database } from '../database';

/** The organization of an invitation whose link has been verified, or null. */
export async function findInvitationOrganization(database: Database, invitationId: string): Promise<string | null> {
  const { rows } = await database.raw<{ rows: [{ id: string | null }] }>(
    'select usher_invitation_organization(?) as id',
    [invitationId],
  );
  return rows[0].id;
}

export interface KeyOwner {
  id: string;
  organizationId: string;
  name: string;
}

/** The API key with this hash, unless it is revoked or has expired. */
export async function findApiKey(database: Database, keyHash: Buffer): Promise<KeyOwner | null> {
  const { rows } = await database.raw<{ rows: { id: string; organization_id: string; name: string }[] }>(
    'select * from usher_find_api_key(?)',
    [keyHash],
  );
  const row = rows[0];
  return row ? { id: row.id, organizationId: row.organization_id, name: row.name } : null;
}

/** In whose log a mail of an invitation is, or null: there is no such mail. */
export async function findEmailOrganization(database: Database, emailId: string): Promise<string | null> {
  const { rows } = await database.raw<{ rows: [{ id: string | null }] }>('select usher_email_organization(?) as id', [
    emailId,
  ]);
  return rows[0].id;
}
