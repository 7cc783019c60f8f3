import { asSystem, type Database } from '../database';

/** The organization of an invitation whose link has been verified, or null. */
export function findInvitationOrganization(database: Database, invitationId: string): Promise<string | null> {
  return asSystem(database, async (trx) => {
    const row = await trx<{ organizationId: string }>('invitations')
      .first('organizationId')
      .where('id', invitationId);
    return row?.organizationId ?? null;
  });
}

export interface KeyOwner {
  id: string;
  organizationId: string;
  name: string;
}

/** The API key with this hash, unless it is revoked or has expired. */
export function findApiKey(database: Database, keyHash: Buffer): Promise<KeyOwner | null> {
  return asSystem(database, async (trx) => {
    const row = await trx<KeyOwner & { keyHash: Buffer; revokedAt: Date | null }>('api_keys')
      .first('id', 'organizationId', 'name')
      .where('keyHash', keyHash)
      .whereNull('revokedAt')
      .whereRaw('(expires_at is null or expires_at > usher_now())');
    return row ?? null;
  });
}
