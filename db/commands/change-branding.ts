import { createHash } from 'node:crypto';
import type { Actor } from '../../domain/actor';
import type { Logo } from '../../domain/branding';
import { notFound } from '../../domain/problem';
import { readClock, type Transaction } from '../database';
import { Organization } from '../models/organization';
import { recordEvents } from './record-event';

/** Logos that are kept for mails that were sent with them; the present one always. */
const keptLogos = 10;

export interface BrandingChange {
  /** null: none any more; undefined: as it is. */
  logo?: Logo | null;
  colour?: string | null;
  senderName?: string | null;
}

/** @param check called with the present version: If-Match */
export async function changeBranding(
  trx: Transaction,
  organizationId: string,
  { logo, colour, senderName }: BrandingChange,
  actor: Actor,
  check: (branding: { version: number }) => void,
): Promise<Organization> {
  const organization = await Organization.query(trx).findById(organizationId).forNoKeyUpdate();
  if (!organization) throw notFound('organization');
  check({ version: organization.brandingVersion });
  const now = await readClock(trx);
  const logoVersion = logo && createHash('sha256').update(logo.data).digest('hex').slice(0, 32);
  if (logo)
    await trx('organization_logos')
      .insert({ organizationId, version: logoVersion, contentType: logo.type, data: logo.data, createdAt: now })
      .onConflict(['organization_id', 'version'])
      .merge(['created_at']);
  const saved = await organization.$query(trx).patchAndFetch({
    ...(colour !== undefined && { brandColour: colour?.toLowerCase() ?? null }),
    ...(senderName !== undefined && { senderName }),
    ...(logoVersion !== undefined && { logoVersion }),
    brandingVersion: organization.brandingVersion + 1,
  });
  if (logo)
    await trx('organization_logos')
      .where({ organizationId })
      .whereNotIn(
        'version',
        trx('organization_logos')
          .where({ organizationId })
          .orderBy([
            { column: 'created_at', order: 'desc' },
            { column: 'version', order: 'asc' },
          ])
          .limit(keptLogos)
          .select('version'),
      )
      .delete();
  const fields = Object.entries({ logo, colour, senderName }).flatMap(([name, value]) =>
    value === undefined ? [] : [name],
  );
  await recordEvents(trx, { organizationId, type: 'branding.changed', actor, at: now, data: { fields } });
  return saved;
}
