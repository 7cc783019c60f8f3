import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { Actor } from '../../domain/actor';
import { keyPerson } from '../../domain/permissions';
import { presetPolicies, type Preset } from '../../domain/presets';
import { readClock, type Transaction } from '../database';
import { ApiKey } from '../models/api-key';
import { Group } from '../models/group';
import { Organization } from '../models/organization';
import { createInvitation } from './create-invitation';
import { recordEvents } from './record-event';
import type { Change } from './save-invitation';

export interface NewOrganization {
  /** Chosen by the caller, so that the transaction can be scoped to it. */
  id: string;
  name: string;
  preset: Preset;
  timeZone: string;
  locale: string;
  licences: number | null;
  plan: 'standard' | 'premium';
  administrator?: { email: string; firstName: string; lastName: string };
}

/** A new organization with its group `guest`; its first administrator is invited. */
export async function createOrganization(
  trx: Transaction,
  { administrator, ...fields }: NewOrganization,
  actor: Actor,
): Promise<{ organization: Organization; changes: Change[] }> {
  const now = await readClock(trx);
  const organization = await Organization.query(trx)
    .insert({ ...fields, policy: presetPolicies[fields.preset], createdAt: now, updatedAt: now })
    .returning('*');
  const organizationId = organization.id;
  await Group.query(trx).insert({
    id: randomUUID(),
    organizationId,
    name: 'guest',
    isGuestGroup: true,
    membersMayInviteGuests: true,
    createdAt: now,
  });
  await recordEvents(trx, {
    organizationId,
    type: 'organization.created',
    actor,
    at: now,
    data: { preset: fields.preset },
  });
  if (!administrator) return { organization, changes: [] };
  const { changes } = await createInvitation(
    trx,
    organization,
    {
      ...administrator,
      kind: 'member',
      role: 'administrator',
      username: null,
      groupIds: undefined,
      permissions: [],
      userType: null,
      guestType: null,
      message: null,
      locale: null,
      send: true,
      expiresAt: null,
      accessEndsAt: null,
      sponsorId: null,
      externalId: null,
      metadata: null,
      redirectUrl: null,
      overwrite: false,
    },
    actor,
    now,
    keyPerson,
  );
  return { organization, changes };
}

/** 256 random bits, shown once and kept as a hash; a fast hash is enough for a secret that nobody can guess. */
export const hashApiKey = (key: string): Buffer => createHash('sha256').update(key).digest();

/** @returns the key itself, which cannot be shown again */
export async function createApiKey(
  trx: Transaction,
  organizationId: string,
  input: { name: string; expiresAt: Date | null },
  actor: Actor,
): Promise<{ apiKey: ApiKey; key: string }> {
  const key = `usher_${randomBytes(32).toString('base64url')}`;
  const apiKey = await ApiKey.query(trx)
    .insert({ id: randomUUID(), organizationId, ...input, keyHash: hashApiKey(key) })
    .returning('*');
  await recordEvents(trx, { organizationId, type: 'api-key.created', actor, data: { apiKeyId: apiKey.id } });
  return { apiKey, key };
}

/** The key is refused from the next request on. @returns whether there was one to revoke */
export async function revokeApiKey(
  trx: Transaction,
  organizationId: string,
  id: string,
  actor: Actor,
): Promise<boolean> {
  const revoked = await ApiKey.query(trx)
    .patch({ revokedAt: await readClock(trx) })
    .where({ organizationId, id })
    .whereNull('revokedAt');
  if (revoked > 0) await recordEvents(trx, { organizationId, type: 'api-key.revoked', actor, data: { apiKeyId: id } });
  return revoked > 0;
}
