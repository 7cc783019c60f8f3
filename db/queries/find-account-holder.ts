import { addressKey } from '../../domain/email-address';
import type { Database, Transaction } from '../database';
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
  return findAccountByEmail(trx, invitation.email);
}

/** Whose address this is: only one that was proved counts. */
export async function findAccountByEmail(trx: Database, email: string): Promise<Account | undefined> {
  return Account.query(trx).whereRaw('lower(email) = ?', addressKey(email)).first();
}

/** Whether the invitation is to this very person, by the address that both are known by. */
export const isInvited = (
  invitation: Pick<Invitation, 'email' | 'byHand'>,
  { email }: Pick<Account, 'email'>,
): boolean =>
  !invitation.byHand &&
  invitation.email !== null &&
  email !== null &&
  addressKey(invitation.email) === addressKey(email);
