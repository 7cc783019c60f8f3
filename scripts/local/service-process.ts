import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Say } from './progress';

const READY_TIMEOUT_MS = 60_000;
const WARN = 40;
/** Of a service that cannot reach its database the terminal needs to hear once, not twenty times a second. */
const SAME_WARNING_EVERY_MS = 10_000;

export interface ServiceProcess {
  name: string;
  pid: number;
  logFile: string;
  /** Resolves when it says that it serves; rejects when it ends before. */
  ready: Promise<void>;
  exited: Promise<string>;
  /** Lets it finish what it is doing. */
  stop(): Promise<void>;
}

export interface ServiceOptions {
  name: string;
  script: string;
  env: NodeJS.ProcessEnv;
  logFile: string;
  say: Say;
  /** How long it may take to stop before it is killed. */
  stopTimeoutMs: number;
}

/**
 * Runs one of our own processes. It says `ready` on its IPC channel, and ends by itself when that channel closes, so
 * that none is left behind if we are killed. Its log goes to a file, its warnings to the terminal as well.
 */
export function startService({ name, script, env, logFile, say, stopTimeoutMs }: ServiceOptions): ServiceProcess {
  const child = spawn(process.execPath, ['--enable-source-maps', script], {
    env,
    // A group of its own: Ctrl-C is for us, who stop things in order.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const log = createWriteStream(logFile, { flags: 'a', mode: 0o600 });
  log.on('error', (error) => say(`${name}: the log ${logFile} cannot be written: ${error.message}`));
  const lastSaid = new Map<string, number>();

  const take = (line: string) => {
    log.write(`${line}\n`);
    const message = warningIn(line);
    if (!message) return;
    const now = Date.now();
    if (now - (lastSaid.get(message) ?? 0) < SAME_WARNING_EVERY_MS) return;
    if (lastSaid.size > 200) lastSaid.clear();
    lastSaid.set(message, now);
    say(`${name}: ${message}`);
  };
  if (child.stdout) createInterface({ input: child.stdout }).on('line', take);
  // What does not come through the logger: a crash, a warning of Node.js.
  const errors: string[] = [];
  if (child.stderr) {
    createInterface({ input: child.stderr }).on('line', (line) => {
      log.write(`${line}\n`);
      if (errors.length < 12) errors.push(line);
    });
  }

  let ended = false;
  const exited = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      ended = true;
      resolve(error.message);
    });
    child.once('close', (code, signal) => {
      ended = true;
      log.end();
      resolve(signal ? `signal ${signal}` : `exit code ${code}`);
    });
  });

  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${name} was not ready after ${READY_TIMEOUT_MS / 1000} s. Its log: ${logFile}`)),
      READY_TIMEOUT_MS,
    );
    child.on('message', (message) => {
      if (message !== 'ready') return;
      clearTimeout(timer);
      resolve();
    });
    void exited.then((how) => {
      clearTimeout(timer);
      reject(new Error([`${name} did not start (${how}). Its log: ${logFile}`, ...errors].join('\n')));
    });
  });
  // Whoever stops us meanwhile no longer waits for it.
  ready.catch(() => undefined);

  return {
    name,
    pid: child.pid ?? 0,
    logFile,
    ready,
    exited,
    async stop() {
      if (ended) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** The message of a pino line of level warn or above. */
function warningIn(line: string): string | null {
  if (!line.startsWith('{')) return null;
  try {
    const { level, msg, err } = JSON.parse(line) as { level?: unknown; msg?: unknown; err?: { message?: unknown } };
    if (typeof level !== 'number' || level < WARN) return null;
    const message = typeof msg === 'string' && msg ? msg : err?.message;
    return typeof message === 'string' ? message : null;
  } catch {
    return null;
  }
}
