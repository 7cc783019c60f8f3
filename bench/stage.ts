import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { migrate } from '../db/migrate';
import { freePort } from '../scripts/local/ports';
import { startPostgres } from '../scripts/local/postgres';
import { createProgress } from '../scripts/local/progress';
import { startService } from '../scripts/local/service-process';
import { findTemporalCli, startTemporal } from '../scripts/local/temporal';

/** PostgreSQL and Temporal as `npm start` has them, a mail server that takes everything, one API and one worker process. */
export interface Stage {
  url: string;
  platformKey: string;
  temporal: Client;
  temporalAddress: string;
  databaseUrl: string;
  folder: string;
  say: (line: string) => void;
  /** How many mails have come in so far. */
  mailCount(): Promise<number>;
  /** The newest mail's text to this address. */
  mailTo(address: string): Promise<string>;
  call(method: string, path: string, body?: unknown, key?: string): Promise<{ status: number; body: unknown }>;
  organization(policy?: object): Promise<{ id: string; key: string }>;
  stop(): Promise<void>;
}

export async function setStage(): Promise<Stage> {
  const { say } = createProgress();
  const folder = mkdtempSync(join(tmpdir(), 'usher-bench-'));
  chmodSync(folder, 0o755);
  const undo: (() => Promise<unknown> | void)[] = [() => rmSync(folder, { recursive: true, force: true })];
  const ports = { postgres: await freePort(), temporal: await freePort(), api: await freePort() };
  const postgres = await startPostgres({ dataDir: folder, port: ports.postgres, say });
  undo.push(() => postgres.stop());
  const temporal = await startTemporal({
    cli: await findTemporalCli({ env: process.env, progress: createProgress() }),
    dbFile: join(folder, 'temporal.db'),
    logDir: folder,
    port: ports.temporal,
    uiPort: 0,
    namespace: 'default',
    say,
    headless: true,
  });
  undo.push(() => temporal.stop());
  const sink = fork(join(__dirname, 'mail-sink.js'));
  const smtpPort = await new Promise<number>((resolve) => sink.once('message', (port) => resolve(port as number)));
  undo.push(() => void sink.kill());
  await migrate(postgres.url);
  const platformKey = randomBytes(24).toString('hex');
  const env = {
    ...process.env,
    PORT: String(ports.api),
    DATABASE_URL: postgres.url,
    TEMPORAL_ADDRESS: temporal.address,
    SMTP_URL: `smtp://127.0.0.1:${smtpPort}`,
    USHER_MAIL_FROM: 'Usher <usher@usher.test>',
    USHER_SECRET: `bench:${randomBytes(32).toString('base64')}`,
    USHER_PLATFORM_KEY: platformKey,
    USHER_RATE_LIMITS: 'off',
    USHER_LOG_LEVEL: 'warn',
  };
  for (const [name, script] of [
    ['api', 'api/server.js'],
    ['worker', 'activities/worker.js'],
  ] as const) {
    const service = startService({
      name,
      script: join(__dirname, '..', script),
      env,
      logFile: join(folder, `${name}.log`),
      say,
      stopTimeoutMs: 30_000,
    });
    undo.push(() => service.stop());
    await service.ready;
  }
  const connection = await Connection.connect({ address: temporal.address });
  undo.push(() => connection.close());
  const url = `http://127.0.0.1:${ports.api}`;
  const ask = <T>(question: object) =>
    new Promise<T>((resolve) => {
      const id = randomBytes(8).toString('hex');
      const hear = (message: { id?: string; answer?: T }) => {
        if (message.id !== id) return;
        sink.off('message', hear);
        resolve(message.answer as T);
      };
      sink.on('message', hear);
      sink.send({ id, ...question });
    });
  const call: Stage['call'] = async (method, path, body, key = platformKey) => {
    const response = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text ? (JSON.parse(text) as unknown) : null };
  };
  return {
    url,
    platformKey,
    temporal: new Client({ connection }),
    temporalAddress: temporal.address,
    databaseUrl: postgres.url,
    folder,
    say,
    mailCount: () => ask<number>({ what: 'count' }),
    mailTo: (address) => ask<string>({ what: 'mail', address }),
    call,
    async organization(policy) {
      const created = await call('POST', '/v1/organizations', {
        name: 'Bench',
        preset: '28-days',
        timeZone: 'Europe/Berlin',
        locale: 'en',
      });
      const { id } = created.body as { id: string };
      if (policy) await call('PATCH', `/v1/organizations/${id}/policy`, policy);
      const key = await call('POST', `/v1/organizations/${id}/api-keys`, { name: 'bench' });
      return { id, key: (key.body as { key: string }).key };
    },
    async stop() {
      for (const step of undo.reverse()) await step();
    },
  };
}

export const median = (values: number[]): number => quantile(values, 0.5);

export function quantile(values: number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? NaN;
}

/** Runs `count` jobs, `width` at a time. @returns milliseconds each took */
export async function inParallel(
  count: number,
  width: number,
  job: (index: number) => Promise<void>,
): Promise<number[]> {
  const times: number[] = [];
  let next = 0;
  const lane = async () => {
    for (let index = next++; index < count; index = next++) {
      const begun = performance.now();
      await job(index);
      times.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: width }, lane));
  return times;
}
