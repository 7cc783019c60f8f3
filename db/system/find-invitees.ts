import { addressKey } from '../../domain/email-address';
import type { Transaction } from '../database';
import { Account } from '../models/account';

/**
 * Who was invited as a member at an address, by whichever organization, and has never come in: the earliest first. The
 * address proves nothing by itself, so this is for mail that goes there, and for nothing else. // E8
 */
export async function findInvitees(trx: Transaction, email: string): Promise<Account[]> {
  const key = addressKey(email);
  const { rows } = await trx.raw<{ rows: { id: string }[] }>('select id from usher_address_invitees(?)', [key]);
  const ids = rows.map(({ id }) => id);
  const accounts = await Account.query(trx)
    .findByIds(ids)
    .whereRaw('lower(invited_email) = ?', key)
    .whereNull('activatedAt')
    .whereNotNull('homeOrganizationId');
  return accounts.sort((one, other) => ids.indexOf(one.id) - ids.indexOf(other.id));
}
