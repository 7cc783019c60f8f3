import knexFactory, { type Knex } from 'knex';
import { knexSnakeCaseMappers } from 'objection';
import { quietKnex, ScopedClient, type Scope } from './scoped-client';

/** What every query gets: the pool, or a transaction of it. */
export type Database = Knex;
export type Transaction = Knex.Transaction;

export interface DatabaseOptions {
  /** Connections at most; a request holds one for the length of its transaction. */
  poolSize?: number;
  applicationName?: string;
}

/**
 * Opens the pool. Every connection gives up what its login may do and becomes the plain role `usher_app`, so row-level
 * security holds even where the login owns the tables or is a superuser.
 */
export function openDatabase(
  url: string,
  { poolSize = 10, applicationName = 'usher' }: DatabaseOptions = {},
): Database {
  return knexFactory({
    client: ScopedClient as unknown as typeof Knex.Client,
    connection: {
      connectionString: url,
      application_name: applicationName,
      connectionTimeoutMillis: 5_000,
      statement_timeout: 30_000,
      idle_in_transaction_session_timeout: 60_000,
      keepAlive: true,
    },
    ...knexSnakeCaseMappers(),
    log: quietKnex,
    // Errors must not quote the values of a query.
    compileSqlOnError: false,
    acquireConnectionTimeout: 5_000,
    pool: {
      min: 0,
      max: poolSize,
      afterCreate: (
        connection: { query(sql: string, done: (error: Error | null) => void): void },
        done: (error: Error | null, connection: unknown) => void,
      ) => connection.query(`set role usher_app; set time zone 'UTC'`, (error) => done(error, connection)),
    },
  });
}

/** Runs one command in a transaction that sees the rows of these organizations and of no other. */
export function inOrganizations<T>(
  database: Database,
  organizationIds: string[],
  command: (trx: Transaction) => Promise<T>,
): Promise<T> {
  return scoped(database, { organizationIds }, command);
}

export const inOrganization = <T>(
  database: Database,
  organizationId: string,
  command: (trx: Transaction) => Promise<T>,
): Promise<T> => inOrganizations(database, [organizationId], command);

/**
 * Within a command: the same transaction turns to one other organization, sees its rows and no other's, and turns back.
 * Not to be run beside other queries of the transaction.
 */
export async function inOtherOrganization<T>(
  trx: Transaction,
  organizationId: string,
  run: () => Promise<T>,
): Promise<T> {
  const { rows } = await trx.raw<{ rows: [{ before: string }] }>(
    `select current_setting('usher.organizations') as before, set_config('usher.organizations', ?, true)`,
    [organizationId],
  );
  const done = await run();
  await trx.raw(`select set_config('usher.organizations', ?, true)`, [rows[0].before]);
  return done;
}

/**
 * Runs one of the few commands that look across organizations (`db/system/`). The role reads only the tables that
 * those commands need, and writes only the outbox.
 */
export function asSystem<T>(database: Database, command: (trx: Transaction) => Promise<T>): Promise<T> {
  return scoped(database, { system: true }, command);
}

const deadlock = '40P01';

/** A transaction whose first words, sent together with BEGIN, say what it may see. */
function scoped<T>(database: Database, scope: Scope, command: (trx: Transaction) => Promise<T>): Promise<T> {
  const run = () => database.transaction(command, { scope } as Knex.TransactionConfig);
  // Of two commands in each other's way PostgreSQL ends one; it has done nothing and simply goes second.
  return run().catch((error: { code?: string; nativeError?: { code?: string } }) => {
    if ((error.nativeError?.code ?? error.code) === deadlock) return run();
    throw error;
  });
}

/** The database's clock: read it once per command, after the row is locked. */
export async function readClock(trx: Database): Promise<Date> {
  const { rows } = await trx.raw<{ rows: [{ now: Date }] }>('select usher_now() as now');
  return rows[0].now;
}

/**
 * Refuses to run where row-level security would not hold.
 * @throws Error that says what is wrong with the role
 */
export async function checkRole(database: Database): Promise<void> {
  const { rows } = await database
    .raw<{ rows: { name: string; privileged: boolean; owns: boolean }[] }>(
      `
    select current_user as name, r.rolsuper or r.rolbypassrls as privileged,
      exists (select from pg_class c where c.relowner = r.oid and c.relkind = 'r') as owns
    from pg_roles r where r.rolname = current_user`,
    )
    .catch((error: unknown) => {
      throw new Error(`The database of DATABASE_URL cannot be used: ${whyUnusable(error)}`, { cause: error });
    });
  const role = rows[0];
  if (!role || role.privileged || role.owns)
    throw new Error(`The database role ${role?.name} bypasses row-level security: Usher will not run with it.`);
}

/** What the database or the network said; where every address of a host was tried in vain, Node.js says nothing itself. */
export function whyUnusable(error: unknown): string {
  if (error instanceof AggregateError && !error.message) return error.errors.map(whyUnusable).join(', ');
  if (!(error instanceof Error)) return String(error);
  // Knex puts the whole statement in front of what PostgreSQL said.
  return error.message.split(' - ').at(-1) || error.name;
}
