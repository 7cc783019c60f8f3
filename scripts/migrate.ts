import { readDatabaseUrl } from '../config/settings';
import { whyUnusable } from '../db/database';
import { migrate } from '../db/migrate';

/** `npm run migrate`: brings the database up to date; `npm run migrate -- rollback` takes everything back. */
async function main(): Promise<void> {
  const direction = process.argv[2] === 'rollback' ? 'rollback' : 'latest';
  const url = readDatabaseUrl();
  const names = await migrate(url, direction).catch((error: unknown) => {
    throw new Error(`The database of DATABASE_URL cannot be migrated: ${whyUnusable(error)}`, { cause: error });
  });
  process.stdout.write(names.length > 0 ? `${direction}: ${names.join(', ')}\n` : 'The database is up to date.\n');
}

main().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
});
