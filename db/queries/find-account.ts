import { addressKey, parseEmailAddress } from '../../domain/email-address';
import type { GroupRole } from '../../domain/group';
import type { Standing } from '../../domain/permissions';
import type { Policy } from '../../domain/policy';
import type { FactorState } from '../../domain/two-factor';
import type { Database } from '../database';
import { Account } from '../models/account';
import { type FactorColumns, factorColumns, toFactorState } from './find-two-factor';

/** An account together with its second factor and the database's clock. */
export interface FoundAccount {
  account: Account;
  factor: FactorState;
  now: Date;
}

const withClock = (database: Database) =>
  Account.query(database).select('accounts.*', database.raw('usher_now() as now'), ...factorColumns(database));

function toFound(row: Account | undefined): FoundAccount | null {
  if (!row) return null;
  const found = row as Account & FactorColumns & { now: Date };
  return { account: row, factor: toFactorState(found), now: found.now };
}

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

export interface AccountOrganization extends Standing, Record<string, unknown> {
  id: string;
  name: string;
  policy: Policy;
}

/** A membership together with its groups, as the database gives them. */
export type StandingRow = Omit<Standing, 'groups'> & {
  groups: { id: string; role: GroupRole; permissions: string[] }[];
};

/** What a person's groups give them they have. // A2 */
export const standingOf = ({ kind, role, permissions, groups }: StandingRow): Standing => ({
  kind,
  role,
  permissions: [...new Set([...permissions, ...groups.flatMap((group) => group.permissions)])],
  groups: groups.map((group) => ({ id: group.id, role: group.role })),
});

/** Every organization that a person has joined and may act in, the earliest first. */
export async function listAccountOrganizations(database: Database, accountId: string): Promise<AccountOrganization[]> {
  const { rows } = await database.raw<{ rows: (StandingRow & Pick<AccountOrganization, 'id' | 'name' | 'policy'>)[] }>(
    `select o.*, rights.permissions, rights.groups from usher_account_organizations(:accountId)
       with ordinality as o (id, name, kind, role, policy, place)
     join usher_account_rights(:accountId) as rights using (id) order by o.place`,
    { accountId },
  );
  return rows.map((row) => ({ id: row.id, name: row.name, policy: row.policy, ...standingOf(row) }));
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
