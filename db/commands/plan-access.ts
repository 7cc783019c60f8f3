import { accessWarning } from '../../domain/guest-access';
import type { Transaction } from '../database';
import { Membership } from '../models/membership';
import { Organization } from '../models/organization';

/**
 * Sets when a person's access ends (null: never), when that is announced, and that the workflow `guest-access` must look
 * again: the relay tells it within a second, and the instant decides in any case. // D11
 */
export async function planAccess(
  trx: Transaction,
  who: { organizationId: string; accountId: string },
  accessEndsAt: Date | null,
  now: Date,
): Promise<void> {
  const membership = await Membership.query(trx).findById([who.organizationId, who.accountId]).throwIfNotFound();
  if (accessEndsAt === null && membership.accessEndsAt === null) return;
  const { policy, timeZone } = await Organization.query(trx).findById(who.organizationId).throwIfNotFound();
  await Membership.query(trx)
    .patch({
      accessEndsAt,
      accessWarnAt: accessEndsAt && accessWarning(now, accessEndsAt, policy.guestAccessWarning, timeZone),
      accessWarnedAt: null,
      accessTellAt: now,
      updatedAt: now,
    })
    .where(who);
}
