// Builds dist/, if anything in it would come out differently than it is. Runs before `npm start`, so it is quick to say so.
import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { cpSync, existsSync, linkSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');
const sourceFolders = ['activities', 'api', 'bench', 'config', 'db', 'domain', 'i18n', 'relay', 'scripts', 'workflows'];
const sourceFiles = ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'];
const assets = ['activities/email/templates', 'api/views', 'api/public', 'package.json'];
const SHOW_AFTER_MS = 2_000;

const force = process.argv.includes('--force');

await main().catch((error) => {
  console.error(`The build failed: ${error.message}`);
  process.exitCode = 1;
});

async function main() {
  if (!force && isUpToDate()) return;
  const unlock = await lock();
  try {
    // Another build may have done it while we waited.
    if (!force && isUpToDate()) return;
    removeLeftovers();
    await build();
  } finally {
    unlock();
  }
}

async function build() {
  const stamp = hashOfSources();
  // Beside dist/, so that the rename is atomic and relative paths to node_modules stay right.
  const fresh = `${dist}.new-${randomUUID()}`;
  const progress = showProgress('Building Usher');
  try {
    progress.step('compiling', 0.1);
    await run('node_modules/typescript/bin/tsc', ['-p', 'tsconfig.build.json', '--noCheck', '--outDir', fresh]);
    progress.step('copying templates', 0.6);
    copyAssets(fresh);
    progress.step('bundling the workflows', 0.65);
    await run(join(fresh, 'scripts', 'bundle-workflows.js'), []);
    writeFileSync(join(fresh, '.stamp'), stamp);
    swap(fresh);
  } finally {
    progress.end();
    rmSync(fresh, { recursive: true, force: true });
  }
}

function isUpToDate() {
  const stamp = join(dist, '.stamp');
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === hashOfSources();
}

function hashOfSources() {
  const hash = createHash('sha256');
  for (const file of [...sourceFiles, ...sourceFolders.flatMap(filesIn)]) {
    const path = join(root, file);
    if (existsSync(path)) hash.update(`${file}\0`).update(readFileSync(path)).update('\0');
  }
  return hash.digest('hex');
}

function filesIn(folder) {
  const path = join(root, folder);
  if (!existsSync(path)) return [];
  return readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .sort();
}

function copyAssets(target) {
  const translations = filesIn('i18n').filter((file) => file.endsWith('.json'));
  for (const asset of [...assets, ...translations]) {
    const from = join(root, asset);
    if (existsSync(from)) cpSync(from, join(target, asset), { recursive: true });
  }
}

/** Two renames: whoever is killed between them leaves no dist/, which the next build makes again, but never half of one. */
function swap(fresh) {
  const old = `${dist}.old-${randomUUID()}`;
  if (existsSync(dist)) renameSync(dist, old);
  renameSync(fresh, dist);
  rmSync(old, { recursive: true, force: true });
}

function removeLeftovers() {
  for (const name of readdirSync(root)) {
    if (/^dist\.(new|old)-/.test(name)) rmSync(join(root, name), { recursive: true, force: true });
  }
}

/** One build at a time. A lock whose holder is gone is taken over. */
async function lock() {
  const file = `${dist}.lock`;
  const mine = `${file}.${randomUUID()}`;
  writeFileSync(mine, String(process.pid));
  try {
    for (;;) {
      try {
        linkSync(mine, file);
        return () => rmSync(file, { force: true });
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
      if (holderLives(file)) await sleep(200);
      else takeAway(file);
    }
  } finally {
    rmSync(mine, { force: true });
  }
}

/** Of two that take a dead lock away at once, the later one may get hold of the other's new lock: it puts that back. */
function takeAway(file) {
  const aside = `${file}.${randomUUID()}`;
  try {
    renameSync(file, aside);
    if (holderLives(aside)) linkSync(aside, file);
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function holderLives(file) {
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function run(script, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else reject(new Error(`${relative(root, script)} ended with ${signal ?? `exit code ${code}`}\n${output.trim()}`));
    });
  });
}

/** A bar on a terminal, lines elsewhere, nothing at all within the first two seconds. */
function showProgress(title) {
  const startedAt = Date.now();
  let step = '';
  let share = 0;
  let bar;
  let ended = false;
  const seconds = () => Math.round((Date.now() - startedAt) / 1000);
  const show = async () => {
    if (!process.stdout.isTTY) {
      console.log(`${title}: ${step} … ${seconds()} s`);
      return;
    }
    if (!bar) {
      const { default: cliProgress } = await import('cli-progress');
      if (ended) return;
      bar = new cliProgress.SingleBar({
        format: `{bar}  ${title}: {step}  {seconds} s`,
        barsize: 24,
        barCompleteChar: '█',
        barIncompleteChar: '░',
        hideCursor: true,
        gracefulExit: false,
      });
      bar.start(1, share, { step, seconds: seconds() });
    }
    bar.update(share, { step, seconds: seconds() });
  };
  let next = setTimeout(function tick() {
    void show();
    next = setTimeout(tick, process.stdout.isTTY ? 250 : 4_000);
  }, SHOW_AFTER_MS);
  return {
    step(name, progress) {
      step = name;
      share = progress;
    },
    end() {
      ended = true;
      clearTimeout(next);
      bar?.update(1, { step: 'done', seconds: seconds() });
      bar?.stop();
      if (!bar && seconds() * 1000 >= SHOW_AFTER_MS) console.log(`${title}: done in ${seconds()} s`);
    },
  };
}
