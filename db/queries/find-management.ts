import { notFound } from '../../domain/problem';
import type { GuestType } from '../../domain/invitation';
import type { Transaction } from '../database';
import { Membership } from '../models/membership';

/** What somebody who manages a user has to know beside what lists tell. */
export interface Management {
  permissions: string[];
  userType: string | null;
  guestType: GuestType | null;
  joinedAt: Date | null;
  /** Whether this organization is the person's home, whose administrators alone change their account. */
  isHome: boolean;
  /** Nobody has ever come in: the account is what the invitation says. */
  neverActive: boolean;
}

/** @throws Problem NOT_FOUND, also for a user of another organization */
export async function findManagement(trx: Transaction, organizationId: string, accountId: string): Promise<Management> {
  const row = (await Membership.query(trx)
    .findById([organizationId, accountId])
    .join('accounts', 'accounts.id', 'memberships.accountId')
    .select(
      'permissions',
      'userType',
      'guestType',
      'joinedAt',
      trx.raw(
        `(memberships.kind = 'member' and accounts.home_organization_id is not distinct from memberships.organization_id) as "isHome"`,
      ),
      trx.raw('(accounts.activated_at is null) as "neverActive"'),
    )) as (Membership & Pick<Management, 'isHome' | 'neverActive'>) | undefined;
  if (!row) throw notFound('user');
  const { permissions, userType, guestType, joinedAt, isHome, neverActive } = row;
  return { permissions, userType, guestType, joinedAt, isHome, neverActive };
}
