import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { Client } from 'pg';
import { migrate } from '../../db/migrate';
import { freePort } from '../../scripts/local/ports';
import { startPostgres } from '../../scripts/local/postgres';
import { createProgress, type Progress } from '../../scripts/local/progress';
import { openRunState, type RunState } from '../../scripts/local/run-state';
import { findTemporalCli, startTemporal } from '../../scripts/local/temporal';
import { urlWithDatabase } from './database';
import { keepServices, type TestServices } from './services';

const FOLDER_PREFIX = 'usher-test-';

/** One PostgreSQL with a migrated template database and one Temporal server, for all tests of this run. */
export default async function globalSetup(): Promise<void> {
  const progress = createProgress();
  await removeLeftovers();

  const folder = mkdtempSync(join(tmpdir(), FOLDER_PREFIX));
  // PostgreSQL may run as another user, who must be able to enter it.
  chmodSync(folder, 0o755);
  const state = await openRunState(folder, progress.say);
  const services: TestServices = { folder, cleanUp: [] };
  keepServices(services);
  // Jest that is interrupted skips the teardown.
  process.once('exit', () => killAtOnce(services));
  process.once('SIGINT', () => process.exit(130));
  process.once('SIGTERM', () => process.exit(143));

  await Promise.all([
    progress.track('Starting PostgreSQL', () => bringUpPostgres(services, state)),
    bringUpTemporal(services, state, progress),
    bundleWorkflows(folder),
  ]);
}

/** Once for all test files: each worker would do it for itself otherwise. */
async function bundleWorkflows(folder: string): Promise<void> {
  const quiet = new DefaultLogger('ERROR');
  const { code } = await bundleWorkflowCode({ workflowsPath: require.resolve('../../workflows'), logger: quiet });
  const path = join(folder, 'workflow-bundle.js');
  writeFileSync(path, code);
  process.env['USHER_TEST_WORKFLOW_BUNDLE'] = path;
}

async function bringUpTemporal(services: TestServices, state: RunState, progress: Progress): Promise<void> {
  const cli = await findTemporalCli({ env: process.env, progress });
  services.temporal = await progress.track('Starting Temporal', async () =>
    startTemporal({
      cli,
      logDir: join(services.folder, 'logs'),
      port: await freePort(),
      uiPort: 0,
      namespace: 'default',
      say: progress.say,
      headless: true,
      onStarted: (pid) => state.record('Temporal', pid),
    }),
  );
  process.env['USHER_TEST_TEMPORAL_ADDRESS'] = services.temporal.address;
  process.env['USHER_TEST_TEMPORAL_CLI'] = cli;
}

async function bringUpPostgres(services: TestServices, state: RunState): Promise<void> {
  let adminUrl = process.env['USHER_TEST_DATABASE_URL'];
  let template = 'usher_template';
  if (adminUrl) {
    // Another run may be using the same server.
    template += `_${randomBytes(4).toString('hex')}`;
    const url = adminUrl;
    services.cleanUp.push(async () => {
      await administer(url, `alter database ${template} is_template false`, `drop database ${template} with (force)`);
    });
  } else {
    services.postgres = await startPostgres({
      dataDir: services.folder,
      port: await freePort(),
      say: console.log,
      durable: false,
      onStarted: (pid) => state.record('PostgreSQL', pid, 'SIGINT'),
    });
    adminUrl = services.postgres.url;
  }
  await administer(adminUrl, `create database ${template}`);
  await migrate(urlWithDatabase(adminUrl, template));
  // A template that somebody is connected to cannot be cloned.
  await administer(adminUrl, `alter database ${template} with is_template true allow_connections false`);
  process.env['USHER_TEST_PG_URL'] = adminUrl;
  process.env['USHER_TEST_PG_TEMPLATE'] = template;
}

async function administer(url: string, ...statements: string[]): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Of runs that were killed: their servers are ended, their data removed. Those of a run beside us stay. */
async function removeLeftovers(): Promise<void> {
  for (const name of readdirSync(tmpdir()).filter((entry) => entry.startsWith(FOLDER_PREFIX))) {
    const folder = join(tmpdir(), name);
    const state = await openRunState(folder, () => undefined).catch(() => null);
    if (!state) continue;
    state.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function killAtOnce({ postgres, temporal }: TestServices): void {
  for (const pid of [postgres?.pid, temporal?.pid]) {
    try {
      if (pid) process.kill(pid, 'SIGQUIT');
    } catch {
      // It is gone already.
    }
  }
}
