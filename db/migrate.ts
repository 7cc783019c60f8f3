import knexFactory, { type Knex } from 'knex';
import * as core from './migrations/0001-core';
import * as accounts from './migrations/0002-accounts';
import * as twoFactor from './migrations/0003-two-factor';
import * as groups from './migrations/0004-groups';
import * as userSearch from './migrations/0005-user-search';
import * as guests from './migrations/0006-guests';
import * as severalOrganizations from './migrations/0008-several-organizations';
import * as mail from './migrations/0009-mail';
import * as forgetting from './migrations/0010-forgetting';
import * as emailTemplates from './migrations/0011-email-templates';
import * as mailLog from './migrations/0012-mail-log';
import * as reminders from './migrations/0013-reminders';
import * as live from './migrations/0015-live';
import * as afterReview from './migrations/0016-after-review';
import * as mailLogTemplate from './migrations/0017-mail-log-template';
import * as groupLookup from './migrations/0018-group-lookup';
import * as mailRules from './migrations/0019-mail-rules';
import * as leaseOwner from './migrations/0020-lease-owner';
import { quietKnex } from './scoped-client';

const migrations: Record<string, { up(knex: Knex): Promise<void>; down(knex: Knex): Promise<void> }> = {
  '0001-core': core,
  '0002-accounts': accounts,
  '0003-two-factor': twoFactor,
  '0004-groups': groups,
  '0005-user-search': userSearch,
  '0006-guests': guests,
  '0008-several-organizations': severalOrganizations,
  '0009-mail': mail,
  '0010-forgetting': forgetting,
  '0011-email-templates': emailTemplates,
  '0012-mail-log': mailLog,
  '0013-reminders': reminders,
  '0015-live': live,
  '0016-after-review': afterReview,
  '0017-mail-log-template': mailLogTemplate,
  '0018-group-lookup': groupLookup,
  '0019-mail-rules': mailRules,
  '0020-lease-owner': leaseOwner,
};

const migrationSource: Knex.MigrationSource<string> = {
  getMigrations: () => Promise.resolve(Object.keys(migrations)),
  getMigrationName: (name) => name,
  getMigration: (name) => {
    const migration = migrations[name];
    return migration ? Promise.resolve(migration) : Promise.reject(new Error(`There is no migration ${name}.`));
  },
};

const advisoryLock = 7_238_233;

/**
 * Brings the database up to date. Any number of processes may do so at the same moment: one works, the others wait for
 * it. Knex's own lock row would outlive a killed process, so a lock of PostgreSQL's session stands in for it.
 * @returns the names of the migrations that were run
 */
export async function migrate(databaseUrl: string, direction: 'latest' | 'rollback' = 'latest'): Promise<string[]> {
  const knex = knexFactory({
    client: 'pg',
    connection: databaseUrl,
    log: quietKnex,
    pool: { min: 0, max: 3 },
    migrations: { migrationSource },
  });
  try {
    const client = knex.client as {
      acquireConnection(): Promise<unknown>;
      releaseConnection(connection: unknown): Promise<void>;
    };
    const guard = await client.acquireConnection();
    try {
      await knex.raw('select pg_advisory_lock(?)', [advisoryLock]).connection(guard);
      await knex.migrate.forceFreeMigrationsLock();
      const [, names] = (
        direction === 'latest' ? await knex.migrate.latest() : await knex.migrate.rollback(undefined, true)
      ) as [number, string[]];
      return names;
    } finally {
      await knex.raw('select pg_advisory_unlock(?)', [advisoryLock]).connection(guard);
      await client.releaseConnection(guard);
    }
  } finally {
    await knex.destroy();
  }
}

/** Names of the migrations that the database still lacks, for `/readyz`. */
export async function pendingMigrations(knex: Knex): Promise<string[]> {
  const done = await knex<{ name: string }>('knex_migrations').select('name');
  return Object.keys(migrations).filter((name) => !done.some((row) => row.name === name));
}
