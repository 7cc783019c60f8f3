import { addressKey, parseEmailAddress } from '../../domain/email-address';
import type { InvitationKind, Role } from '../../domain/invitation';
import type { Policy } from '../../domain/policy';
import type { Database } from '../database';
import { Account } from '../models/account';

/** An account together with the database's clock. */
export interface FoundAccount {
  account: Account;
  now: Date;
}

const withClock = (database: Database) =>
  Account.query(database).select('accounts.*', database.raw('usher_now() as now'));

const toFound = (row: Account | undefined): FoundAccount | null =>
  row ? { account: row, now: (row as Account & { now: Date }).now } : null;

export async function findAccount(database: Database, id: string): Promise<FoundAccount | null> {
  return toFound(await withClock(database).findById(id));
}

/** Who signs in with this e-mail address or username, in any case of letters. */
export async function findAccountByLogin(database: Database, login: string): Promise<FoundAccount | null> {
  const query = login.includes('@')
    ? withClock(database).whereRaw('lower(email) = ?', loginKey(login))
    : withClock(database).whereRaw('lower(username) = lower(?)', login);
  return toFound(await query.first());
}

/** Two spellings of one login are one, for finding as for counting. */
export function loginKey(login: string): string {
  const parsed = parseEmailAddress(login);
  return addressKey('address' in parsed ? parsed.address : login);
}

export interface AccountOrganization extends Record<string, unknown> {
  id: string;
  name: string;
  kind: InvitationKind;
  role: Role;
  policy: Policy;
}

/** Every organization that a person has joined and may act in, the earliest first. */
export async function listAccountOrganizations(database: Database, accountId: string): Promise<AccountOrganization[]> {
  const { rows } = await database.raw<{ rows: AccountOrganization[] }>('select * from usher_account_organizations(?)', [
    accountId,
  ]);
  return rows;
}

/**
 * What `current` means: in a session that has switched, the organization it switched to, and home once that is over; in a
 * new one, the organization last switched to anywhere; else home, else the first one joined. // A7
 */
export function currentOrganization(
  account: Pick<Account, 'currentOrganizationId' | 'homeOrganizationId'>,
  organizations: AccountOrganization[],
  ofSession: string | undefined,
): AccountOrganization | undefined {
  const byId = (id: string | null) => organizations.find((organization) => organization.id === id);
  return byId(ofSession ?? account.currentOrganizationId) ?? byId(account.homeOrganizationId) ?? organizations[0];
}

/** The strictest rules for passwords of all organizations that a person belongs to. // C10 */
export const passwordPolicyFor = (organizations: AccountOrganization[]): { minLength: number } => ({
  minLength: Math.max(0, ...organizations.map(({ policy }) => policy.password.minLength)),
});
