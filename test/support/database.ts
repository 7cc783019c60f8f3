import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

const TEMPLATE_BUSY = '55006';

export interface TestDatabase {
  /** As superuser. */
  url: string;
  drop(): Promise<void>;
}

/** A migrated, empty database of its own: a clone of the template that global-setup has made. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const adminUrl = setting('USHER_TEST_PG_URL');
  const template = setting('USHER_TEST_PG_TEMPLATE');
  const name = `usher_test_${randomBytes(6).toString('hex')}`;
  await administer(adminUrl, async (client) => {
    for (let attempt = 1; ; attempt++) {
      try {
        await client.query(`create database ${name} template ${template}`);
        return;
      } catch (error) {
        if ((error as { code?: string }).code !== TEMPLATE_BUSY || attempt === 100) throw error;
        await sleep(100);
      }
    }
  });
  return {
    url: urlWithDatabase(adminUrl, name),
    drop: () => administer(adminUrl, (client) => client.query(`drop database if exists ${name} with (force)`)),
  };
}

export function urlWithDatabase(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = `/${database}`;
  return changed.href;
}

async function administer(url: string, work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: these tests run through Jest, whose global setup sets it.`);
  return value;
}
