import { randomUUID } from 'node:crypto';
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { endProcess, identifyProcess, isRunning, type ProcessIdentity } from './process-identity';
import type { Say } from './progress';

interface StartedProcess extends ProcessIdentity {
  name: string;
  stopSignal: NodeJS.Signals;
}

interface State {
  run: string;
  owner: ProcessIdentity;
  processes: StartedProcess[];
}

/** What one `npm start` has started, on disk, so that the next one can tidy up after a `kill -9`. */
export interface RunState {
  record(name: string, pid: number, stopSignal?: NodeJS.Signals): void;
  /** Ends whatever of it still runs, the latest first. */
  endAll(): Promise<void>;
  /** After everything is stopped. */
  close(): void;
}

/**
 * Makes this process the only one that runs in `dataDir`. What a killed run has left behind is ended first;
 * a run that is alive is left alone and is an error.
 */
export async function openRunState(dataDir: string, say: Say): Promise<RunState> {
  const file = join(dataDir, 'run.json');
  const owner = identifyProcess(process.pid);
  if (!owner) throw new Error('This process cannot be found in the process list (is ps installed?)');
  const state: State = { run: randomUUID(), owner, processes: [] };

  while (!createExclusively(file, state)) {
    const earlier = readState(file);
    if (earlier && isRunning(earlier.owner)) {
      throw new Error(
        `Usher is already running in ${dataDir} (process ${earlier.owner.pid}). ` +
          'Stop it first, or set USHER_DATA_DIR and other ports to run a second one.',
      );
    }
    await takeAway(file, earlier, say);
  }

  const save = () => writeAtomically(file, state);
  return {
    record(name, pid, stopSignal = 'SIGTERM') {
      const identity = identifyProcess(pid);
      if (!identity) return;
      state.processes.push({ ...identity, name, stopSignal });
      save();
    },
    async endAll() {
      // One that is being started may come while we wait for another.
      for (let started = state.processes.pop(); started; started = state.processes.pop()) {
        await endProcess(started, { signal: started.stopSignal });
      }
    },
    close() {
      if (readState(file)?.run === state.run) rmSync(file, { force: true });
    },
  };
}

/**
 * Ends the orphans of a dead run and removes its record. Two starts may do this at the same moment; ending twice does
 * no harm, and a record that turns out to be the other one's fresh one is put back.
 */
async function takeAway(file: string, earlier: State | null, say: Say): Promise<void> {
  for (const orphan of earlier?.processes ?? []) {
    if (!isRunning(orphan)) continue;
    say(`Stopping ${orphan.name} (process ${orphan.pid}) that an earlier run has left behind.`);
    await endProcess(orphan, { signal: orphan.stopSignal });
  }
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  const taken = readState(aside);
  if (taken && taken.run !== earlier?.run) {
    try {
      linkSync(aside, file);
    } catch {
      // A third one was faster: it is the owner now, and the loop finds it.
    }
  }
  rmSync(aside, { force: true });
}

function createExclusively(file: string, state: State): boolean {
  const temporary = `${file}.${randomUUID()}`;
  writeFileSync(temporary, JSON.stringify(state, null, 2), { mode: 0o600 });
  try {
    // link() fails if the name exists, and never shows a half-written file.
    linkSync(temporary, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(temporary, { force: true });
  }
}

function writeAtomically(file: string, state: State): void {
  const temporary = `${file}.${randomUUID()}`;
  writeFileSync(temporary, JSON.stringify(state, null, 2), { mode: 0o600 });
  renameSync(temporary, file);
}

function readState(file: string): State | null {
  if (!existsSync(file)) return null;
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as State;
  } catch {
    // A record cut short by a full disk or a power failure names nobody.
    return null;
  }
}
