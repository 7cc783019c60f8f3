import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import { TestWorkflowEnvironment, type TimeSkippingTestWorkflowEnvironmentOptions } from '@temporalio/testing';
import { withFileLock } from '../../scripts/local/file-lock';
import { cacheFolder, downloadWithSdk, runUntilDone } from '../../scripts/local/tool-install';

const ARTIFACT = 'io.temporal:temporal-test-server:1.38.0';
const MAIN_CLASS = 'io.temporal.testserver.TestServer';
const STARTS_TRIED = 4;

type Options = Omit<TimeSkippingTestWorkflowEnvironmentOptions, 'server'>;

/** A Temporal server whose time jumps to the next thing that happens. Its time is global: one test at a time. */
export async function createTimeSkippingEnvironment(options: Options = {}): Promise<TestWorkflowEnvironment> {
  const path = await findTestServer();
  for (let attempt = 1; ; attempt++) {
    try {
      return await TestWorkflowEnvironment.createTimeSkipping({
        ...options,
        server: { executable: { type: 'existing-path', path } },
      });
    } catch (error) {
      // The SDK waits five seconds, which a Java program on a busy machine may need more of.
      if (attempt === STARTS_TRIED || !/did not start within/.test(String(error))) throw error;
    }
  }
}

/** The one that is set, else ours in the cache, made once: downloaded by the SDK, or from Maven where it cannot be. */
async function findTestServer(): Promise<string> {
  const chosen = process.env['TEMPORAL_TEST_SERVER_PATH'];
  if (chosen) {
    if (existsSync(chosen)) return chosen;
    throw new Error(`TEMPORAL_TEST_SERVER_PATH is ${chosen}, which does not exist.`);
  }
  const home = join(cacheFolder(), 'temporal-test-server');
  const executable = join(home, 'run');
  if (existsSync(executable)) return executable;
  return withFileLock(`${home}.lock`, async () => {
    if (!existsSync(executable)) await makeTestServer(home);
    return executable;
  });
}

async function makeTestServer(home: string): Promise<void> {
  const problems: string[] = [];
  for (const attempt of [download, installWithMaven]) {
    const fresh = `${home}.new-${randomUUID()}`;
    mkdirSync(fresh, { recursive: true });
    try {
      await attempt(fresh);
      // Complete or not there at all.
      rmSync(home, { recursive: true, force: true });
      renameSync(fresh, home);
      return;
    } catch (error) {
      problems.push((error as Error).message);
    } finally {
      rmSync(fresh, { recursive: true, force: true });
    }
  }
  throw new Error(
    `There is no Temporal test server:\n${problems.map((problem) => `  - ${problem}`).join('\n')}\n` +
      'Set TEMPORAL_TEST_SERVER_PATH to one, or install Java and Maven.',
  );
}

async function download(folder: string): Promise<void> {
  const downloads = join(folder, 'download');
  mkdirSync(downloads);
  renameSync(await downloadWithSdk('createTimeSkipping', downloads), join(folder, 'run'));
}

/** The server is published as a Java library: its jars and a script that runs them. */
async function installWithMaven(folder: string): Promise<void> {
  for (const [tool, flag] of [
    ['java', '-version'],
    ['mvn', '-version'],
  ] as const) {
    if (spawnSync(tool, [flag], { stdio: 'ignore' }).status !== 0) throw new Error(`${tool} is not installed.`);
  }
  const [groupId, artifactId, version] = ARTIFACT.split(':');
  writeFileSync(
    join(folder, 'pom.xml'),
    `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>usher</groupId><artifactId>test-server</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>${groupId}</groupId><artifactId>${artifactId}</artifactId><version>${version}</version></dependency>
  </dependencies>
</project>
`,
  );
  const classpathFile = join(folder, 'classpath');
  const args = ['-q', '-B', 'dependency:build-classpath', `-Dmdep.outputFile=${classpathFile}`];
  // Without the network first: what Maven has already downloaded is enough.
  await runUntilDone('mvn', ['-o', ...args], { cwd: folder }).catch(() => runUntilDone('mvn', args, { cwd: folder }));
  const lib = join(folder, 'lib');
  // Copied: Maven's own folder may be emptied.
  for (const jar of readFileSync(classpathFile, 'utf8').trim().split(delimiter)) cpSync(jar, join(lib, basename(jar)));
  const script = join(folder, 'run');
  // Started often and for short: the quick compiler and the simple collector suit it.
  writeFileSync(
    script,
    `#!/bin/sh
exec java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xshare:auto -cp "$(dirname "$0")/lib/*" ${MAIN_CLASS} "$@"
`,
  );
  chmodSync(script, 0o755);
}
