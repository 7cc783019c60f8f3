import type { Branding } from '../../domain/branding';
import type { Transaction } from '../database';
import { Organization } from '../models/organization';

export interface StoredLogo {
  contentType: string;
  data: Buffer;
}

export const brandingOf = ({
  brandColour,
  senderName,
  logoVersion,
}: Pick<Organization, 'brandColour' | 'senderName' | 'logoVersion'>): Branding => ({
  colour: brandColour,
  senderName,
  logoVersion,
});

/** What an organization looks like; null: there is no such organization in scope. */
export async function findBranding(trx: Transaction, organizationId: string): Promise<Branding | null> {
  const organization = await Organization.query(trx)
    .findById(organizationId)
    .select('brandColour', 'senderName', 'logoVersion');
  return organization ? brandingOf(organization) : null;
}

/** Where an organization's logo is served; null: it has none. */
export const logoUrl = (baseUrl: string, organizationId: string, { logoVersion }: Branding): string | null =>
  logoVersion === null ? null : `${baseUrl}/organizations/${organizationId}/logo/${logoVersion}`;

export async function findLogo(
  trx: Transaction,
  organizationId: string,
  version: string,
): Promise<StoredLogo | undefined> {
  const found: unknown = await trx('organization_logos')
    .where({ organizationId, version })
    .first('contentType', 'data');
  return found as StoredLogo | undefined;
}
