import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import type { Say } from './progress';
import { startServerProcess, tailOf, type ServerProcess } from './server-process';

export { findTemporalCli } from './temporal-cli';

const READY_TIMEOUT_MS = 90_000;

export interface TemporalOptions {
  cli: string;
  /** SQLite; without it everything is in memory. */
  dbFile?: string;
  logDir: string;
  port: number;
  uiPort: number;
  namespace: string;
  say: Say;
  headless?: boolean;
  /** More arguments for `temporal server start-dev`. */
  extraArgs?: string[];
  onStarted?: (pid: number) => void;
}

export interface LocalTemporal {
  address: string;
  uiUrl?: string;
  pid: number;
  logFile: string;
  exited: Promise<string>;
  stop(): Promise<void>;
}

/** Temporal's development server. Resolves once it answers for the namespace. */
export async function startTemporal(options: TemporalOptions): Promise<LocalTemporal> {
  const { cli, dbFile, logDir, port, uiPort, namespace, headless = false, extraArgs = [], onStarted } = options;
  const logFile = join(logDir, 'temporal.log');
  const server = startServerProcess({
    command: cli,
    args: [
      ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--namespace', namespace],
      ...['--log-level', 'warn', '--color', 'never'],
      ...(headless ? ['--headless'] : ['--ui-port', String(uiPort)]),
      // Two and a half times as many starts per second as with SQLite's own defaults.
      ...(dbFile
        ? ['--db-filename', dbFile, '--sqlite-pragma', 'journal_mode=wal', '--sqlite-pragma', 'synchronous=normal']
        : []),
      ...extraArgs,
    ],
    env: withoutTemporalSettings(process.env),
    logFile,
    graceMs: 20_000,
  });
  onStarted?.(server.pid);

  const address = `127.0.0.1:${port}`;
  const problem = await Promise.race([
    answersFor(namespace, address, server),
    server.exited.then((how) => `it ended with ${how}`),
  ]);
  if (problem) {
    await server.stop();
    throw new Error(`The Temporal server did not start: ${problem}. Its log (${logFile}) says:\n${tailOf(logFile)}`);
  }
  return {
    address,
    ...(headless ? {} : { uiUrl: `http://localhost:${uiPort}` }),
    pid: server.pid,
    logFile,
    exited: server.exited,
    stop: () => server.stop(),
  };
}

/** Null when it does; the server listens some time before its namespace can be used. */
async function answersFor(namespace: string, address: string, server: ServerProcess): Promise<string | null> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  let last = 'no answer';
  while (Date.now() < deadline && server.isAlive()) {
    let connection: Connection | undefined;
    try {
      connection = await Connection.connect({ address, connectTimeout: 2_000 });
      await connection.withDeadline(Date.now() + 2_000, () =>
        connection!.workflowService.describeNamespace({ namespace }),
      );
      return null;
    } catch (error) {
      last = (error as Error).message;
      await sleep(100);
    } finally {
      await connection?.close();
    }
  }
  return last;
}

/** Settings meant for clients (a profile, a key) have nothing to say to the server. */
function withoutTemporalSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_')));
}
