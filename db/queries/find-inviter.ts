import { isActive } from '../../domain/account';
import { readClock, type Transaction } from '../database';
import { Account } from '../models/account';
import { Membership } from '../models/membership';

/** The inviter, as long as they are here. */
export async function findInviter(
  trx: Transaction,
  organizationId: string,
  inviterId: string,
): Promise<Account | undefined> {
  const here = await Membership.query(trx)
    .findById([organizationId, inviterId])
    .where({ kind: 'member', status: 'active' });
  const account = here && (await Account.query(trx).findById(inviterId));
  return account && isActive(account, await readClock(trx)) ? account : undefined;
}
