import { inOtherOrganization, type Transaction } from '../database';
import { Invitation } from '../models/invitation';
import { Organization } from '../models/organization';

/** A part that has ended on its own, or was erased, stays so, whatever becomes of the whole. // C3 */
export const goesAlong = (
  part: Pick<Invitation, 'status' | 'email'>,
  whole: Pick<Invitation, 'status' | 'email'>,
): boolean => part.status === whole.status && part.email === whole.email;

/** Where else an invitation leads as it is now, in the order in which they were named. // C3 */
export async function findOtherOrganizations(
  trx: Transaction,
  invitation: Pick<Invitation, 'id' | 'status' | 'email' | 'additionalOrganizationIds'>,
): Promise<Organization[]> {
  const found: Organization[] = [];
  for (const organizationId of invitation.additionalOrganizationIds)
    await inOtherOrganization(trx, organizationId, async () => {
      const part = await Invitation.query(trx).findOne({ parentId: invitation.id, organizationId });
      if (part && goesAlong(part, invitation))
        found.push(await Organization.query(trx).findById(organizationId).throwIfNotFound());
    });
  return found;
}
