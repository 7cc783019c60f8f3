import knexFactory, { type Knex } from 'knex';

/** Knex would print what it also throws, with a stack, past our own log. */
export const quietKnex: Knex.Config['log'] = { warn: () => {}, error: () => {}, debug: () => {}, deprecate: () => {} };

/** What a transaction may see: the rows of these organizations, or what the system role reads. */
export type Scope = { organizationIds: string[] } | { system: true };

interface TransactionInternals {
  begin(connection: unknown): unknown;
  query(connection: unknown, sql: string): unknown;
}
type ClientClass = new (config: Knex.Config) => {
  transaction(container: unknown, config: { scope?: Scope }, outer: unknown): TransactionInternals;
};

const PostgresClient = (knexFactory({ client: 'pg' }).client as { constructor: unknown }).constructor as ClientClass;

/** Knex's client for PostgreSQL, whose transactions send their scope together with BEGIN: one trip fewer for each. */
export class ScopedClient extends PostgresClient {
  override transaction(container: unknown, config: { scope?: Scope }, outer: unknown): TransactionInternals {
    const transaction = super.transaction(container, config, outer);
    const { scope } = config;
    if (scope && !outer) transaction.begin = (connection) => transaction.query(connection, beginning(scope));
    return transaction;
  }
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What goes with BEGIN takes no parameters, so the ids are checked. */
function beginning(scope: Scope): string {
  if ('system' in scope) return 'begin; set local role usher_system';
  if (!scope.organizationIds.every((id) => uuid.test(id))) throw new Error('an organization id is not a UUID');
  return `begin; select set_config('usher.organizations', '${scope.organizationIds.join(',')}', true)`;
}
