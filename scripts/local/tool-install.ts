import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const DOWNLOAD_BEGINS_WITHIN_MS = 10_000;
const ENDS_WITHIN_MS = 900_000;

/** What outlives the data folder. */
export function cacheFolder(): string {
  return join(homedir(), '.cache', 'usher');
}

/**
 * Lets the Temporal SDK download a server into the empty `folder`. It does so only while it starts one, and cannot be
 * interrupted: so in a process of its own, which is given up when no download has begun after ten seconds.
 * @returns the path of the executable
 */
export async function downloadWithSdk(server: 'createLocal' | 'createTimeSkipping', folder: string): Promise<string> {
  const script = `
    const { TestWorkflowEnvironment } = require('@temporalio/testing');
    const executable = { type: 'cached-download', downloadDir: process.argv[1] };
    TestWorkflowEnvironment.${server}({ server: { executable } }).then((environment) => environment.teardown()).then(
      () => process.exit(0),
      (error) => { console.error(error.message); process.exit(1); },
    );`;
  const failure = await runUntilDone(process.execPath, ['-e', script, folder], {
    // The package is looked for from here, not from where npm was called.
    cwd: __dirname,
    hasBegun: () => readdirSync(folder).length > 0,
  }).catch((error: Error) => error);
  // A server that was downloaded but slow to start is a download all the same.
  const file = readdirSync(folder).find((name) => !name.endsWith('.downloading'));
  if (file) return join(folder, file);
  throw new Error(`The SDK could not download it: ${failure?.message ?? 'no file'}`);
}

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  /** Asked after ten seconds; if not, the command is ended. */
  hasBegun?: () => boolean;
}

/** Runs a command that ends by itself; rejects with its last words. */
export function runUntilDone(command: string, args: string[], { cwd, env, hasBegun }: RunOptions = {}): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const killWithUs = () => void child.kill('SIGKILL');
    process.once('exit', killWithUs);
    let reason: string | undefined;
    let output = '';
    const giveUp = (why: string) => {
      reason = why;
      child.kill('SIGKILL');
    };
    const timers = [setTimeout(() => giveUp('it took too long'), ENDS_WITHIN_MS)];
    if (hasBegun) {
      const check = () => void (hasBegun() || giveUp('the host does not answer'));
      timers.push(setTimeout(check, DOWNLOAD_BEGINS_WITHIN_MS));
    }
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => (output = (output + chunk.toString()).slice(-2_000)));
    }
    child.once('error', reject);
    child.once('close', (code, signal) => {
      process.off('exit', killWithUs);
      timers.forEach((timer) => clearTimeout(timer));
      if (code === 0) resolve();
      else reject(new Error(reason ?? (output.trim().split('\n').at(-1) || `${signal ?? `exit code ${code}`}`)));
    });
  });
}
