import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { type KeyRing, parseKeyRing } from '../domain/token';
import { parseEmailAddress, senderAddress } from '../domain/email-address';

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
  USHER_RATE_LIMITS: z.enum(['on', 'off']).default('on'),
  // The worker counts what operators send again.
  USHER_MAILS_PER_HOUR: z.coerce.number().int().min(1).max(10_000_000).default(2_000),
  USHER_DATABASE_POOL: z.coerce.number().int().min(2).max(500).default(10),
};

const mailFrom = parsed((text) => {
  senderAddress(text);
  return text;
});

const apiSettings = z.object({
  ...commonSettings,
  // What an Authorization header can carry.
  USHER_PLATFORM_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{32,512}$/, 'must be 32 to 512 visible ASCII characters, no spaces'),
  // For the mail provider that reports what has come back.
  USHER_DSN_KEY: z
    .string()
    .regex(/^[\x21-\x7e]{32,512}$/, 'must be 32 to 512 visible ASCII characters, no spaces')
    .optional(),
  USHER_TRUST_PROXY: z.coerce.number().int().min(0).max(10).default(0),
  // Named on pages; the worker is what sends.
  USHER_MAIL_FROM: mailFrom.optional(),
  // For links from the console; the API itself never goes there.
  USHER_TEMPORAL_UI_URL: url('http:', 'https:')
    .transform((text) => text.replace(/\/+$/, ''))
    .optional(),
  // Whose administrators operate this deployment: they alone are shown the way to the Temporal UI.
  USHER_OPERATOR_ORGANIZATION: z
    .string()
    .refine((text) => text === '*' || z.uuid().safeParse(text).success, {
      message: 'must be the id of an organization, or * for every one',
    })
    .optional(),
});

const domainName = z
  .string()
  .refine((text) => 'address' in parseEmailAddress(`a@${text}`), 'must be a domain name')
  .optional();

/** PEM, or that in base64 so that it fits into one line. @returns the PEM */
const readPem = (text: string): string =>
  text.includes('-----BEGIN') ? text.replaceAll('\\n', '\n') : Buffer.from(text, 'base64').toString();

/** A certificate, and after it those that lead to one that others know. */
function readCertificate(text: string): string {
  const pem = readPem(text);
  try {
    new X509Certificate(pem);
    return pem;
  } catch {
    throw new Error('must be a certificate as PEM, or that in base64');
  }
}

function readPrivateKey(text: string): string {
  const pem = readPem(text);
  try {
    createPrivateKey(pem);
    return pem;
  } catch {
    throw new Error('must be a private key as PEM, or that in base64');
  }
}

const workerSettings = z.object({
  ...commonSettings,
  SMTP_URL: url('smtp:', 'smtps:'),
  USHER_MAIL_FROM: mailFrom,
  USHER_SMTP_REQUIRE_TLS: z.enum(['on', 'off']).default('off'),
  USHER_DKIM_DOMAIN: domainName,
  USHER_DKIM_SELECTOR: z
    .string()
    .regex(/^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/, 'must be letters, digits, dots and hyphens')
    .optional(),
  USHER_DKIM_PRIVATE_KEY: parsed(readPrivateKey).optional(),
  USHER_BOUNCE_DOMAIN: domainName,
  USHER_BOUNCE_PORT: port.optional(),
  USHER_BOUNCE_TLS_CERT: parsed(readCertificate).optional(),
  USHER_BOUNCE_TLS_KEY: parsed(readPrivateKey).optional(),
  USHER_MAIL_RETENTION_DAYS: z.coerce.number().int().min(1).max(3_650).default(90),
  USHER_SMTP_CONNECTIONS: z.coerce.number().int().min(1).max(200).default(10),
  USHER_MAX_CACHED_WORKFLOWS: z.coerce.number().int().min(2).default(500),
  USHER_WORKER_DEPLOYMENT: z.string().max(200).optional(),
  USHER_WORKER_BUILD_ID: z.string().max(200).optional(),
  USHER_SHUTDOWN_SECONDS: z.coerce.number().int().min(0).max(600).default(30),
});

const tlsSettings = ['USHER_BOUNCE_TLS_CERT', 'USHER_BOUNCE_TLS_KEY'] as const;
const dkimSettings = ['USHER_DKIM_DOMAIN', 'USHER_DKIM_SELECTOR', 'USHER_DKIM_PRIVATE_KEY'] as const;

/** Some are of no use alone. */
function missingBeside(set: Record<string, string | undefined>): string[] {
  const missing: string[] = dkimSettings.filter((name) => set[name] === undefined);
  const needed = missing.length < dkimSettings.length ? missing : [];
  if (set['USHER_BOUNCE_PORT'] && !set['USHER_BOUNCE_DOMAIN']) needed.push('USHER_BOUNCE_DOMAIN');
  if (tlsSettings.some((name) => set[name]))
    needed.push(...['USHER_BOUNCE_PORT', ...tlsSettings].filter((name) => !set[name]));
  return needed;
}

/** What is well formed by itself and yet of no use together; the TLS library would say so in words of its own. */
function unfit(set: Record<string, string | undefined>): string[] {
  const { USHER_BOUNCE_TLS_CERT: certText, USHER_BOUNCE_TLS_KEY: keyText } = set;
  if (!certText || !keyText) return [];
  let cert: string, key: string;
  try {
    [cert, key] = [readCertificate(certText), readPrivateKey(keyText)];
  } catch {
    // Said of the one that is bad.
    return [];
  }
  const chain = cert.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const fits = chain.map((one) => isCertificateOf(one, key));
  if (fits[0] === false)
    return fits.includes(true)
      ? ['USHER_BOUNCE_TLS_CERT must begin with the certificate of USHER_BOUNCE_TLS_KEY; those that lead to it follow']
      : ['USHER_BOUNCE_TLS_KEY is not the key of the certificate in USHER_BOUNCE_TLS_CERT'];
  try {
    createSecureContext({ cert, key });
    return [];
  } catch {
    return [
      'USHER_BOUNCE_TLS_CERT and USHER_BOUNCE_TLS_KEY cannot be used for TLS: a certificate of the chain may be broken, or a key too short',
    ];
  }
}

function isCertificateOf(cert: string, key: string): boolean {
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch {
    return false;
  }
}

export type ApiSettings = z.infer<typeof apiSettings> & { USHER_BASE_URL: string };
export type WorkerSettings = z.infer<typeof workerSettings> & { USHER_BASE_URL: string };

/** A setting is missing or bad: every problem, not just the first, and never the value (it may be a secret). */
export class SettingsError extends Error {
  constructor(readonly problems: string[]) {
    super(`Usher cannot start with these settings:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
    this.name = 'SettingsError';
  }
}

function read<T>(
  schema: z.ZodType<T>,
  environment: NodeJS.ProcessEnv,
  together: (set: Record<string, string | undefined>) => string[] = () => [],
): T {
  const set = Object.fromEntries(
    Object.entries(environment).filter(([, value]) => value !== undefined && value !== ''),
  );
  const result = schema.safeParse(set);
  const others = together(set);
  if (result.success && others.length === 0) return result.data;
  const bad = (result.error?.issues ?? []).map((issue) => {
    const name = String(issue.path[0]);
    return set[name] === undefined ? `${name} is missing` : `${name} ${issue.message}`;
  });
  throw new SettingsError([...bad, ...others]);
}

const withBaseUrl = <T extends { PORT: number; USHER_BASE_URL?: string | undefined }>(settings: T) => ({
  ...settings,
  USHER_BASE_URL: settings.USHER_BASE_URL ?? `http://localhost:${settings.PORT}`,
});

/** @throws SettingsError */
export const readApiSettings = (environment = process.env): ApiSettings => withBaseUrl(read(apiSettings, environment));
/** @throws SettingsError */
export const readWorkerSettings = (environment = process.env): WorkerSettings =>
  withBaseUrl(
    read(workerSettings, environment, (set) => [
      ...missingBeside(set).map((name) => `${name} is missing`),
      ...unfit(set),
    ]),
  );
/** @throws SettingsError */
export const readDatabaseUrl = (environment = process.env): string =>
  read(z.object(databaseSettings), environment).DATABASE_URL;
