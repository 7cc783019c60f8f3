import { type ChildProcess, spawn } from 'node:child_process';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../scripts/local/ports';

const root = join(__dirname, '..', '..');

/** What a process of a deployment is started with, and nothing else of ours. */
const surroundings: NodeJS.ProcessEnv = Object.fromEntries(
  ['PATH', 'HOME', 'TMPDIR', 'LANG'].map((name) => [name, process.env[name]]),
);

/** Makes dist/ if it is missing or older than the sources; quick to say that it is not. */
export async function build(): Promise<void> {
  const { code, output } = await startProcess('../scripts/build.mjs', {}).exited;
  if (code !== 0) throw new Error(`the build failed:\n${output}`);
}

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Everything that it has written, to both of its outputs. */
  output: string;
  stderr: string;
}

export interface StartedProcess {
  pid: number;
  /** Everything that it has written so far. */
  output(): string;
  /** Resolves when it says that it serves; rejects with its output when it ends before. */
  ready: Promise<void>;
  exited: Promise<Ended>;
  /** Sends the signal and waits for the end. */
  end(signal?: NodeJS.Signals): Promise<Ended>;
}

const started = new Set<StartedProcess>();

/** Runs a program of dist/ as a process of its own. */
export function startProcess(
  script: string,
  env: NodeJS.ProcessEnv,
  readyLine?: RegExp,
  words: string[] = [],
): StartedProcess {
  const child: ChildProcess = spawn(process.execPath, [join(root, 'dist', script), ...words], {
    cwd: root,
    env: { ...surroundings, ...env },
    // The channel over which a service says that it is ready; whoever says it in words gets none, as under npm.
    stdio: ['ignore', 'pipe', 'pipe', ...(readyLine ? [] : ['ipc' as const])],
  });
  let output = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    listeners.forEach((listener) => listener());
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    stderr += text;
  });
  const exited = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, output, stderr }));
  });
  const ready = new Promise<void>((resolve, reject) => {
    child.on('message', (message) => message === 'ready' && resolve());
    listeners.add(() => readyLine?.test(output) && resolve());
    exited.then(
      () => reject(new Error(`${script} has ended:\n${output}`)),
      (error: Error) => reject(error),
    );
  });
  ready.catch(() => undefined);
  const running: StartedProcess = {
    pid: child.pid ?? 0,
    output: () => output,
    ready,
    exited,
    async end(signal = 'SIGTERM') {
      child.kill(signal);
      return exited;
    },
  };
  started.add(running);
  void exited.finally(() => started.delete(running)).catch(() => undefined);
  return running;
}

/** For `afterEach`: whatever a failed test has left running, asked first, for `npm start` has processes of its own. */
export async function endLeftProcesses(): Promise<void> {
  await Promise.all(
    [...started].map(async (running) => {
      await Promise.race([running.end('SIGTERM'), sleep(10_000, null, { ref: false })]);
      await running.end('SIGKILL');
    }),
  );
}

export interface ApiProcess extends StartedProcess {
  url: string;
}

/** `npm run api` on a free port, ready to serve. */
export async function startApi(env: NodeJS.ProcessEnv): Promise<ApiProcess> {
  const port = await freePort();
  const api = startProcess('api/server.js', { USHER_LOG_LEVEL: 'info', ...env, PORT: String(port) });
  await api.ready;
  return { ...api, url: `http://127.0.0.1:${port}` };
}

/** `npm run worker`, ready to work. */
export async function startWorkerProcess(env: NodeJS.ProcessEnv): Promise<StartedProcess> {
  const worker = startProcess('activities/worker.js', { USHER_LOG_LEVEL: 'info', ...env });
  await worker.ready;
  return worker;
}

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  body: any;
}

/** One HTTP call; the body is JSON where the answer says so. */
export async function http(
  method: string,
  url: string,
  { key, body, headers = {} }: { key?: string; body?: unknown; headers?: Record<string, string> } = {},
): Promise<Reply> {
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    headers: {
      ...(key && { Authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const json = /json/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: json ? (JSON.parse(text) as unknown) : null,
  };
}

/** Something that listens on a port and never says a word; how many connections it holds. */
export interface SilentServer {
  port: number;
  /** The most connections that were open at the same moment. */
  most(): number;
  accepted(): number;
  stop(): Promise<void>;
}

export async function startSilentServer(port = 0, host = '127.0.0.1'): Promise<SilentServer> {
  const open = new Set<Socket>();
  let most = 0;
  let accepted = 0;
  const server: Server = createServer((socket) => {
    accepted += 1;
    open.add(socket);
    most = Math.max(most, open.size);
    socket.on('error', () => undefined);
    socket.resume();
    socket.once('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    most: () => most,
    accepted: () => accepted,
    async stop() {
      open.forEach((socket) => socket.destroy());
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
