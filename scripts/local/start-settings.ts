import { resolve } from 'node:path';
import { readApiSettings, readWorkerSettings, SettingsError } from '../../config/settings';
import { readTemporalSettings } from '../../config/temporal';
import type { WantedPort } from './ports';

const DEFAULT_MAIL_FROM = 'Usher <usher@localhost.localdomain>';

/** What `npm start` needs to know, beyond what it hands on to the services. */
export interface StartSettings {
  port: number;
  baseUrl: string;
  dataDir: string;
  databaseUrl: string | undefined;
  /** False: a Temporal somewhere else is set, in any of the ways that @temporalio/envconfig reads. */
  ownTemporal: boolean;
  namespace: string;
  smtpUrl: string | undefined;
  mailFrom: string;
  secret: string | undefined;
  platformKey: string | undefined;
  postgresPort: number;
  temporalPort: number;
  temporalUiPort: number;
  mailboxPort: number;
  /** How long the worker may take to finish what it is doing. */
  shutdownSeconds: number;
  /** `--demo`: with invented organizations and people. */
  demo: boolean;
}

export class BadSettings extends Error {
  constructor(readonly problems: string[]) {
    super(problems.join('\n'));
  }
}

/** Throws BadSettings with every problem, not just the first: those of the services as well, before anything is started. */
export function readStartSettings(env: NodeJS.ProcessEnv, words: readonly string[] = []): StartSettings {
  const problems = new Set<string>();
  const text = (name: string) => env[name] || undefined;

  const port = (name: string, fallback: number): number => {
    const value = text(name);
    if (value === undefined) return fallback;
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= 1 && number <= 65_535) return number;
    problems.add(`${name} is "${value}": it must be a port number from 1 to 65535`);
    return fallback;
  };
  const check = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      for (const problem of error instanceof SettingsError ? error.problems : [(error as Error).message]) {
        problems.add(problem);
      }
      return undefined;
    }
  };

  const ownTemporal = !['TEMPORAL_ADDRESS', 'TEMPORAL_CONFIG_FILE', 'TEMPORAL_PROFILE', 'TEMPORAL_API_KEY'].some(text);
  const candidate = withStandIns(env);
  const api = check(() => readApiSettings(candidate));
  const worker = check(() => readWorkerSettings(candidate));
  if (!ownTemporal) check(readTemporalSettings);

  for (const word of words) if (word !== '--demo') problems.add(`"${word}" is not known: --demo is, and nothing else`);
  const demo = words.includes('--demo');
  if (demo && text('SMTP_URL'))
    problems.add('--demo mails to invented people and needs the mailbox of npm start: unset SMTP_URL');

  const settings: StartSettings = {
    demo,
    port: api?.PORT ?? 0,
    baseUrl: api?.USHER_BASE_URL ?? '',
    dataDir: resolve(text('USHER_DATA_DIR') ?? '.usher'),
    databaseUrl: text('DATABASE_URL'),
    ownTemporal,
    namespace: text('TEMPORAL_NAMESPACE') ?? 'default',
    smtpUrl: text('SMTP_URL'),
    mailFrom: text('USHER_MAIL_FROM') ?? DEFAULT_MAIL_FROM,
    secret: text('USHER_SECRET'),
    platformKey: text('USHER_PLATFORM_KEY'),
    postgresPort: port('USHER_POSTGRES_PORT', 54329),
    temporalPort: port('USHER_TEMPORAL_PORT', 7233),
    temporalUiPort: port('USHER_TEMPORAL_UI_PORT', 8233),
    mailboxPort: port('USHER_MAILBOX_PORT', 8025),
    shutdownSeconds: worker?.USHER_SHUTDOWN_SECONDS ?? 0,
  };
  if (problems.size > 0) throw new BadSettings([...problems]);
  return settings;
}

/** In place of what will be made or started, so that the rest can be judged already. */
function withStandIns(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const standIns: Record<string, string> = {
    DATABASE_URL: 'postgres://127.0.0.1/usher',
    SMTP_URL: 'smtp://127.0.0.1',
    USHER_MAIL_FROM: DEFAULT_MAIL_FROM,
    USHER_SECRET: `k1:${Buffer.alloc(32, 1).toString('base64')}`,
    USHER_PLATFORM_KEY: '-'.repeat(32),
  };
  return { ...env, ...Object.fromEntries(Object.entries(standIns).filter(([name]) => !env[name])) };
}

/** The ports that this start will listen on. */
export function wantedPorts(settings: StartSettings): WantedPort[] {
  const wanted = [{ port: settings.port, setting: 'PORT' }];
  if (!settings.databaseUrl) wanted.push({ port: settings.postgresPort, setting: 'USHER_POSTGRES_PORT' });
  if (settings.ownTemporal) {
    wanted.push({ port: settings.temporalPort, setting: 'USHER_TEMPORAL_PORT' });
    wanted.push({ port: settings.temporalUiPort, setting: 'USHER_TEMPORAL_UI_PORT' });
  }
  if (!settings.smtpUrl) wanted.push({ port: settings.mailboxPort, setting: 'USHER_MAILBOX_PORT' });
  return wanted;
}
