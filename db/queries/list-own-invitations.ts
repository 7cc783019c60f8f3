import { addressKey } from '../../domain/email-address';
import { type Database, inOrganizations } from '../database';
import { Invitation } from '../models/invitation';
import { Organization } from '../models/organization';
import { findOtherOrganizations } from './find-other-organizations';

export interface OwnInvitation {
  invitation: Invitation;
  organization: Organization;
  /** Where else the same answer counts. // C3 */
  others: Organization[];
}

/** The open invitations that were mailed to a person's own address, by whichever organization, the earliest first. // A3 */
export async function listOwnInvitations(database: Database, email: string | null): Promise<OwnInvitation[]> {
  if (email === null) return [];
  const { rows } = await database.raw<{ rows: { id: string; organization_id: string }[] }>(
    'select * from usher_address_invitations(?)',
    [addressKey(email)],
  );
  const organizationIds = [...new Set(rows.map((row) => row.organization_id))];
  return inOrganizations(database, organizationIds, async (trx) => {
    const invitations = await Invitation.query(trx).findByIds(rows.map((row) => row.id));
    const organizations = await Organization.query(trx).findByIds(organizationIds);
    const own: OwnInvitation[] = [];
    for (const row of rows) {
      const invitation = invitations.find(({ id }) => id === row.id);
      const organization = organizations.find(({ id }) => id === row.organization_id);
      if (invitation && organization)
        own.push({ invitation, organization, others: await findOtherOrganizations(trx, invitation) });
    }
    return own;
  });
}
