import { addressKey } from '../../domain/email-address';
import type { Transaction } from '../database';
import { Account } from '../models/account';
import type { Invitation } from '../models/invitation';

/**
 * The account that the invited person has already: whoever holds a link that was mailed to an address is its owner.
 * A link that went by hand says nothing about the address, so nobody is looked for. // A4
 */
export async function findAccountHolder(
  trx: Transaction,
  invitation: Pick<Invitation, 'email' | 'byHand'>,
): Promise<Account | undefined> {
  if (invitation.byHand || invitation.email === null) return undefined;
  return Account.query(trx).whereRaw('lower(email) = ?', addressKey(invitation.email)).first();
}
