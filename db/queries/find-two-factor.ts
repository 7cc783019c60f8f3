import type { FactorMethod, FactorPolicy, FactorState } from '../../domain/two-factor';
import type { Database } from '../database';
import type { Account } from '../models/account';

/** Columns that say of each account which factor it has and what its organizations demand, for `toFactorState`. */
export const factorColumns = (database: Database) => [
  database.raw('(select method from two_factors where account_id = accounts.id) as factor_chosen'),
  database.raw(
    `array(select distinct policy ->> 'twoFactor' from usher_account_organizations(accounts.id)) as factor_policies`,
  ),
];

export interface FactorColumns {
  factorChosen: FactorMethod | null;
  factorPolicies: FactorPolicy[];
}

export const toFactorState = (row: FactorColumns & Pick<Account, 'email'>): FactorState => ({
  chosen: row.factorChosen,
  policies: row.factorPolicies,
  email: row.email,
});

/** How many recovery codes a person has left. */
export async function countRecoveryCodes(database: Database, accountId: string): Promise<number> {
  const [row] = await database('recovery_codes').where({ accountId }).count<{ count: string }[]>();
  return Number(row?.count ?? 0);
}
