import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { migrate } from '../db/migrate';
import { provideDemo } from './local/demo';
import { keptPlatformKey, keptSecret } from './local/kept-secrets';
import { startMailbox, type Mailbox } from './local/mailbox';
import { portProblems } from './local/ports';
import { startPostgres, type LocalPostgres } from './local/postgres';
import { createProgress } from './local/progress';
import { openRunState, type RunState } from './local/run-state';
import { startService, type ServiceProcess } from './local/service-process';
import { BadSettings, readStartSettings, wantedPorts, type StartSettings } from './local/start-settings';
import { findTemporalCli, startTemporal, type LocalTemporal } from './local/temporal';

const progress = createProgress();
const { say } = progress;

/** Everything that runs, so that it can be stopped in order, whatever has been started by then. */
const running: {
  services: ServiceProcess[];
  temporal?: LocalTemporal;
  mailbox?: Mailbox;
  postgres?: LocalPostgres;
  state?: RunState;
} = { services: [] };

class StopRequested extends Error {}

let stopRequested: () => void = () => undefined;
const stopSignal = new Promise<void>((resolve) => {
  stopRequested = resolve;
});
let stopping = false;

/**
 * All of Usher on one machine. A first signal stops it in order; Ctrl-C reaches the whole process group and npm
 * repeats it, so a second one is no order to quit at once.
 */
async function main(): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (stopping) return;
      stopping = true;
      say('Stopping …');
      stopRequested();
    });
  }
  // The terminal or the pipe behind us is gone: no reason to leave the database in the lurch.
  process.stdout.on('error', () => undefined);

  let exitCode = 0;
  try {
    await start(readStartSettings(process.env, process.argv.slice(2)));
  } catch (error) {
    if (!(error instanceof StopRequested)) {
      exitCode = 1;
      report(error);
    }
  }
  stopping = true;
  await stopAll();
  process.exit(exitCode);
}

/** Ends with StopRequested, or with the error that makes going on impossible. */
async function start(settings: StartSettings): Promise<void> {
  const { dataDir } = settings;
  mkdirSync(join(dataDir, 'logs'), { recursive: true });
  const state = await openRunState(dataDir, say);
  running.state = state;
  const busy = await portProblems(wantedPorts(settings));
  if (busy.length > 0) throw new BadSettings(busy);

  const platformKey = settings.platformKey ?? keptPlatformKey(dataDir);
  const secret = settings.secret ?? keptSecret(dataDir);
  // In the demo a mail comes back: nobody else needs to know the key with which that is reported.
  const dsnKey = process.env['USHER_DSN_KEY'] || randomBytes(32).toString('base64url');

  const [databaseUrl, temporal, mailbox] = await unlessStopped(
    Promise.all([bringUpDatabase(settings, state), bringUpTemporal(settings, state), bringUpMailbox(settings)]),
  );

  const env: NodeJS.ProcessEnv = {
    ...process.env,
    NODE_ENV: process.env['NODE_ENV'] ?? 'production',
    PORT: String(settings.port),
    USHER_BASE_URL: settings.baseUrl,
    USHER_SECRET: secret,
    USHER_PLATFORM_KEY: platformKey,
    USHER_MAIL_FROM: settings.mailFrom,
    DATABASE_URL: databaseUrl,
    SMTP_URL: mailbox?.smtpUrl ?? settings.smtpUrl,
    ...(settings.demo && { USHER_DSN_KEY: dsnKey }),
    ...(temporal && temporalEnvironment(temporal, settings)),
  };
  const service = (name: string, script: string): ServiceProcess => {
    const logFile = join(dataDir, 'logs', `${name}.log`);
    const started = startService({
      name,
      script: join(__dirname, '..', script),
      env,
      logFile,
      say,
      // The worker's own limit is a minute after its grace period.
      stopTimeoutMs: (settings.shutdownSeconds + 70) * 1000,
    });
    state.record(name, started.pid);
    running.services.push(started);
    return started;
  };
  const services = [service('api', 'api/server.js'), service('worker', 'activities/worker.js')];
  await unlessStopped(progress.track('Starting API and worker', () => Promise.all(services.map(({ ready }) => ready))));

  printAddresses({ settings, platformKey, temporal, mailbox, databaseUrl });
  if (settings.demo && mailbox) {
    const url = `http://localhost:${settings.port}`;
    await unlessStopped(provideDemo({ url, platformKey, secret, dsnKey, mailboxUrl: mailbox.url, dataDir, progress }));
  }
  say(`Usher is ready: ${settings.baseUrl}`);
  await unlessStopped(somethingEnds());
}

async function bringUpDatabase(settings: StartSettings, state: RunState): Promise<string> {
  let url = settings.databaseUrl;
  if (!url) {
    const postgres = await progress.track('Starting PostgreSQL', () =>
      startPostgres({
        dataDir: settings.dataDir,
        port: settings.postgresPort,
        say,
        onStarted: (pid) => state.record('PostgreSQL', pid, 'SIGINT'),
      }),
    );
    running.postgres = postgres;
    url = postgres.url;
  }
  const databaseUrl = url;
  try {
    await progress.track('Migrating the database', () => migrate(databaseUrl));
  } catch (error) {
    throw new Error(`The database cannot be migrated: ${messageOf(error)}`, { cause: error });
  }
  return databaseUrl;
}

async function bringUpTemporal(settings: StartSettings, state: RunState): Promise<LocalTemporal | undefined> {
  if (!settings.ownTemporal) return undefined;
  const cli = await findTemporalCli({ env: process.env, progress });
  const temporal = await progress.track('Starting Temporal', () =>
    startTemporal({
      cli,
      dbFile: join(settings.dataDir, 'temporal.db'),
      logDir: join(settings.dataDir, 'logs'),
      port: settings.temporalPort,
      uiPort: settings.temporalUiPort,
      namespace: settings.namespace,
      say,
      onStarted: (pid) => state.record('Temporal', pid),
    }),
  );
  running.temporal = temporal;
  return temporal;
}

async function bringUpMailbox(settings: StartSettings): Promise<Mailbox | undefined> {
  if (settings.smtpUrl) return undefined;
  const dir = join(settings.dataDir, 'mailbox');
  const mailbox = await startMailbox({ smtpPort: 0, webPort: settings.mailboxPort, dir, say });
  running.mailbox = mailbox;
  return mailbox;
}

function temporalEnvironment({ address }: LocalTemporal, settings: StartSettings): NodeJS.ProcessEnv {
  // An empty one: the profile of the user's own file is for another server, with its keys and certificates.
  const noProfile = join(settings.dataDir, 'temporal.toml');
  writeFileSync(noProfile, '[profile.default]\n');
  return {
    TEMPORAL_ADDRESS: address,
    TEMPORAL_NAMESPACE: settings.namespace,
    TEMPORAL_CONFIG_FILE: noProfile,
    // Whoever runs everything on one machine is the operator.
    USHER_OPERATOR_ORGANIZATION: process.env['USHER_OPERATOR_ORGANIZATION'] ?? '*',
    USHER_TEMPORAL_UI_URL: process.env['USHER_TEMPORAL_UI_URL'] ?? `http://localhost:${settings.temporalUiPort}`,
  };
}

interface Addresses {
  settings: StartSettings;
  platformKey: string;
  temporal: LocalTemporal | undefined;
  mailbox: Mailbox | undefined;
  databaseUrl: string;
}

function printAddresses({ settings, platformKey, temporal, mailbox, databaseUrl }: Addresses): void {
  const lines: [string, string][] = [
    ['API and pages', settings.baseUrl],
    ['API reference', `${settings.baseUrl}/docs`],
    ['Temporal', temporal ? `${temporal.uiUrl}  (gRPC ${temporal.address})` : 'as set by the environment'],
    ['Mailbox', mailbox ? mailbox.url : 'none: mail goes to SMTP_URL'],
    ['PostgreSQL', withoutPassword(databaseUrl)],
    ['Data and logs', settings.dataDir],
    ['Platform key', platformKey],
  ];
  say('');
  for (const [label, value] of lines) say(`  ${label.padEnd(14)} ${value}`);
  say('');
}

/** Rejects when anything that should run for good has ended. */
async function somethingEnds(): Promise<never> {
  const { services, temporal, postgres } = running;
  const parts: { name: string; exited: Promise<string>; logFile: string }[] = [...services];
  if (temporal) parts.push({ name: 'Temporal', ...temporal });
  if (postgres) parts.push({ name: 'PostgreSQL', ...postgres });
  const { name, how, logFile } = await Promise.race(parts.map(async (part) => ({ ...part, how: await part.exited })));
  throw new Error(`${name} has ended unexpectedly (${how}). Its log: ${logFile}`);
}

/** Those who write before those they write to. */
async function stopAll(): Promise<void> {
  const { services, temporal, mailbox, postgres, state } = running;
  try {
    await progress.track('Stopping', async () => {
      await Promise.allSettled(services.map((service) => service.stop()));
      await Promise.allSettled([temporal, mailbox, postgres].map(async (part) => part?.stop()));
      // What was still on its way up.
      await state?.endAll();
    });
  } finally {
    state?.close();
  }
}

async function unlessStopped<T>(work: Promise<T>): Promise<T> {
  return Promise.race([work, stopSignal.then(() => Promise.reject<T>(new StopRequested()))]);
}

function withoutPassword(databaseUrl: string): string {
  const url = new URL(databaseUrl);
  url.password = '';
  return url.href;
}

function report(error: unknown): void {
  if (error instanceof BadSettings) {
    console.error('Usher cannot start:');
    for (const problem of error.problems) console.error(`  - ${problem}`);
    return;
  }
  console.error(`Usher stops: ${messageOf(error)}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

void main();
