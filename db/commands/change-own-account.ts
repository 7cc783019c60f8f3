import type { Actor } from '../../domain/actor';
import { notFound } from '../../domain/problem';
import { readClock, type Transaction } from '../database';
import { Account } from '../models/account';
import { recordEvents } from './record-event';

/** What a person may change about themselves; their username is staff's to change. // E2 */
export type OwnAccountPatch = Partial<Pick<Account, 'firstName' | 'lastName' | 'locale'>>;

export async function changeOwnAccount(
  trx: Transaction,
  accountId: string,
  patch: OwnAccountPatch,
  check: (account: Account) => void = () => {},
): Promise<Account> {
  const account = await lockAccount(trx, accountId);
  check(account);
  return account.$query(trx).patchAndFetch({ ...patch, version: account.version + 1, updatedAt: await readClock(trx) });
}

/** A new password; every session but those made from now on is over, and so is a change of address asked for before. @returns the account in its new epoch */
export async function setPassword(trx: Transaction, accountId: string, passwordHash: string): Promise<Account> {
  const account = await lockAccount(trx, accountId);
  const saved = await account.$query(trx).patchAndFetch({
    passwordHash,
    pendingEmail: null,
    sessionEpoch: account.sessionEpoch + 1,
    version: account.version + 1,
    updatedAt: await readClock(trx),
  });
  await endSessions(trx, accountId);
  return saved;
}

/** What `current` means from now on, in this session and later ones. // A7 */
export async function switchOrganization(
  trx: Transaction,
  accountId: string,
  organizationId: string,
  actor: Actor,
): Promise<void> {
  await Account.query(trx).patch({ currentOrganizationId: organizationId }).findById(accountId);
  await recordEvents(trx, { organizationId, type: 'organization.switched', actor, accountId });
}

/** The rows of all sessions of a person; the epoch, raised by the caller, is what makes sure of it. */
export async function endSessions(trx: Transaction, accountId: string): Promise<void> {
  await trx('sessions').where({ accountId }).delete();
}

export async function lockAccount(trx: Transaction, id: string): Promise<Account> {
  const account = await Account.query(trx).findById(id).forUpdate();
  if (!account || account.status === 'erased') throw notFound('account');
  return account;
}
