import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface ServerProcess {
  pid: number;
  /** Resolves with how it ended, wanted or not. */
  exited: Promise<string>;
  isAlive(): boolean;
  /** Asks with `stopSignal`, kills after `graceMs`. Resolves when it is gone. */
  stop(): Promise<void>;
}

export interface ServerProcessOptions {
  command: string;
  args: string[];
  logFile: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number;
  gid?: number;
  stopSignal?: NodeJS.Signals;
  graceMs?: number;
}

/**
 * Starts a server in a process group of its own: Ctrl-C reaches the whole group of the terminal, and the database must
 * not stop before those who write to it. It logs straight into a file, so that it outlives us without a broken pipe.
 */
export function startServerProcess(options: ServerProcessOptions): ServerProcess {
  const { command, args, logFile, stopSignal = 'SIGTERM', graceMs = 20_000, ...rest } = options;
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(command, args, { ...rest, detached: true, stdio: ['ignore', log, log] });
  closeSync(log);

  let alive = child.pid !== undefined;
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      alive = false;
      resolve(error.message);
    });
    child.once('exit', (code, signal) => {
      alive = false;
      resolve(signal ? `signal ${signal}` : `exit code ${code}`);
    });
  });

  return {
    pid: child.pid ?? 0,
    exited,
    isAlive: () => alive,
    async stop() {
      if (!alive) return;
      child.kill(stopSignal);
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** The last lines of a log, for an error message. */
export function tailOf(logFile: string, lines = 8): string {
  if (!existsSync(logFile)) return '';
  return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}
