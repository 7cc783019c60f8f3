import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { accessSync, constants, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Progress } from './progress';
import { cacheFolder, downloadWithSdk, runUntilDone } from './tool-install';

/** The newest tag that `go install` can build: later ones need a module that is not published. */
const GO_PACKAGE = 'github.com/temporalio/cli/cmd/temporal@v1.5.1';
const executable = process.platform === 'win32' ? 'temporal.exe' : 'temporal';

export interface FindTemporalCliOptions {
  env: NodeJS.ProcessEnv;
  progress: Progress;
}

/**
 * The Temporal CLI: the one that is set, the one on the PATH, the one we have cached; else it is downloaded by the
 * SDK, or built with Go where that host cannot be reached, and cached.
 */
export async function findTemporalCli({ env, progress }: FindTemporalCliOptions): Promise<string> {
  const chosen = env['TEMPORAL_CLI_PATH'];
  if (chosen) {
    if (isExecutable(chosen)) return chosen;
    throw new Error(`TEMPORAL_CLI_PATH is ${chosen}, which is not an executable file.`);
  }
  const onPath = (env['PATH'] ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, executable))
    .find((path) => isExecutable(path));
  if (onPath) return onPath;

  const cached = join(cacheFolder(), 'bin', executable);
  if (isExecutable(cached)) return cached;

  mkdirSync(join(cacheFolder(), 'bin'), { recursive: true });
  // Each attempt in a folder of its own, and a rename at the end: two starts at once do not see half a file.
  const workFolder = join(cacheFolder(), `temporal-${randomUUID()}`);
  mkdirSync(workFolder);
  const removeWorkFolder = () => rmSync(workFolder, { recursive: true, force: true });
  // Whoever stops npm start meanwhile calls process.exit.
  process.once('exit', removeWorkFolder);
  const problems: string[] = [];
  try {
    for (const attempt of [download, buildWithGo]) {
      try {
        renameSync(await attempt(workFolder, progress), cached);
        return cached;
      } catch (error) {
        problems.push((error as Error).message);
      }
    }
  } finally {
    process.off('exit', removeWorkFolder);
    removeWorkFolder();
  }
  throw new Error(
    `No Temporal server could be found or made:\n${problems.map((problem) => `  - ${problem}`).join('\n')}\n` +
      'Set TEMPORAL_ADDRESS to a running Temporal server, or TEMPORAL_CLI_PATH to a Temporal CLI ' +
      '(https://docs.temporal.io/cli), or install Go and start again.',
  );
}

function download(folder: string, progress: Progress): Promise<string> {
  return progress.track('Downloading the Temporal CLI', () => downloadWithSdk('createLocal', folder));
}

async function buildWithGo(folder: string, progress: Progress): Promise<string> {
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) {
    throw new Error('Go is not installed, so the Temporal CLI cannot be built.');
  }
  progress.say('Building the Temporal CLI with Go, once: about 3 minutes on two processor cores.');
  await progress.track(
    'Building the Temporal CLI',
    () => runUntilDone('go', ['install', GO_PACKAGE], { env: { ...process.env, GOBIN: folder } }),
    { expectedSeconds: 180 },
  );
  return join(folder, executable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
