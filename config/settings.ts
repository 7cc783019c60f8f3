import { z } from 'zod';
import { type KeyRing, parseKeyRing } from '../domain/token';
import { parseEmailAddress } from '../domain/email-address';

const port = z.coerce.number().int().min(1).max(65_535);
const url = (...protocols: string[]) =>
  z.string().refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol), {
    message: `must be a URL beginning with ${protocols.map((protocol) => `${protocol}//`).join(' or ')}`,
  });

const parsed = <T>(parse: (text: string) => T) =>
  z.string().transform((text, context) => {
    try {
      return parse(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: (error as Error).message });
      return z.NEVER;
    }
  });

const databaseSettings = { DATABASE_URL: url('postgres:', 'postgresql:') };

const commonSettings = {
  ...databaseSettings,
  PORT: port.default(3000),
  USHER_BASE_URL: url('http:', 'https:')
    .refine((text) => !URL.canParse(text) || /^[^/]+\/\/[^/?#@]+\/*$/.test(text), {
      message: 'must be a scheme, a host and perhaps a port, without a path, a query or a fragment',
    })
    .transform((text) => text.replace(/\/+$/, ''))
    .optional(),
  USHER_SECRET: parsed<KeyRing>(parseKeyRing),
  USHER_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  USHER_DATABASE_POOL: z.coerce.number().int().min(2).max(500).default(10),
};

const mailFrom = z.string().refine((text) => {
  const match = /^(?:[^<>\r\n]*<([^<>\r\n]+)>|([^<>\s]+))$/.exec(text);
  return 'address' in parseEmailAddress(match?.[1] ?? match?.[2] ?? '');
}, 'must be an address, or a name with an address in angle brackets');

const apiSettings = z.object({
  ...commonSettings,
  // What an Authorization header can carry.
  USHER_PLATFORM_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{32,512}$/, 'must be 32 to 512 visible ASCII characters, no spaces'),
  USHER_RATE_LIMITS: z.enum(['on', 'off']).default('on'),
  USHER_TRUST_PROXY: z.coerce.number().int().min(0).max(10).default(0),
  // Named on pages; the worker is what sends.
  USHER_MAIL_FROM: mailFrom.optional(),
  // For links from the console; the API itself never goes there.
  USHER_TEMPORAL_UI_URL: url('http:', 'https:')
    .transform((text) => text.replace(/\/+$/, ''))
    .optional(),
});

const workerSettings = z.object({
  ...commonSettings,
  SMTP_URL: url('smtp:', 'smtps:'),
  USHER_MAIL_FROM: mailFrom,
  USHER_SMTP_CONNECTIONS: z.coerce.number().int().min(1).max(200).default(10),
  USHER_MAX_CACHED_WORKFLOWS: z.coerce.number().int().min(2).default(500),
  USHER_WORKER_DEPLOYMENT: z.string().max(200).optional(),
  USHER_WORKER_BUILD_ID: z.string().max(200).optional(),
  USHER_SHUTDOWN_SECONDS: z.coerce.number().int().min(0).max(600).default(30),
});

export type ApiSettings = z.infer<typeof apiSettings> & { USHER_BASE_URL: string };
export type WorkerSettings = z.infer<typeof workerSettings> & { USHER_BASE_URL: string };

/** A setting is missing or bad: every problem, not just the first, and never the value (it may be a secret). */
export class SettingsError extends Error {
  constructor(readonly problems: string[]) {
    super(`Usher cannot start with these settings:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'SettingsError';
  }
}

function read<T>(schema: z.ZodType<T>, environment: NodeJS.ProcessEnv): T {
  const set = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const result = schema.safeParse(set);
  if (result.success) return result.data;
  throw new SettingsError(
    result.error.issues.map((issue) => {
      const name = String(issue.path[0]);
      return set[name] === undefined ? `${name} is missing` : `${name} ${issue.message}`;
    }),
  );
}

const withBaseUrl = <T extends { PORT: number; USHER_BASE_URL?: string | undefined }>(settings: T) => ({
  ...settings,
  USHER_BASE_URL: settings.USHER_BASE_URL ?? `http://localhost:${settings.PORT}`,
});

/** @throws SettingsError */
export const readApiSettings = (environment = process.env): ApiSettings => withBaseUrl(read(apiSettings, environment));
/** @throws SettingsError */
export const readWorkerSettings = (environment = process.env): WorkerSettings =>
  withBaseUrl(read(workerSettings, environment));
/** @throws SettingsError */
export const readDatabaseUrl = (environment = process.env): string =>
  read(z.object(databaseSettings), environment).DATABASE_URL;
