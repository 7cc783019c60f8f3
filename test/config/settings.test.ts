import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { readApiSettings, readWorkerSettings, type SettingsError } from '../../config/settings';
import { certificate } from '../support/certificate';

const good = {
  DATABASE_URL: 'postgres://usher@localhost/usher',
  USHER_SECRET: `test:${randomBytes(32).toString('base64')}`,
  USHER_PLATFORM_KEY: 'k'.repeat(32),
};

function problemsWith(env: NodeJS.ProcessEnv): string[] {
  try {
    readApiSettings({ ...good, ...env });
    return [];
  } catch (error) {
    return (error as SettingsError).problems;
  }
}

describe('a missing setting', () => {
  const missing = (read: (env: NodeJS.ProcessEnv) => unknown, name: string): string[] => {
    try {
      read({ ...good, SMTP_URL: 'smtp://mail.test', USHER_MAIL_FROM: 'usher@usher.test', [name]: '' });
      return [];
    } catch (error) {
      return (error as SettingsError).problems;
    }
  };

  test.each([
    [readApiSettings, ['DATABASE_URL', 'USHER_SECRET', 'USHER_PLATFORM_KEY']],
    [readWorkerSettings, ['DATABASE_URL', 'USHER_SECRET', 'SMTP_URL', 'USHER_MAIL_FROM']],
  ] as const)('%p says which of %j is missing, and nothing else', (read, names) => {
    for (const name of names) expect(missing(read, name)).toEqual([`${name} is missing`]);
  });
});

describe('USHER_PLATFORM_KEY', () => {
  test.each([
    'k'.repeat(31),
    'k'.repeat(513),
    `${'k'.repeat(20)} ${'k'.repeat(20)}`,
    'ü'.repeat(40),
    `${'k'.repeat(40)}\n`,
  ])('that no Authorization header can carry is refused: %j', (key) => {
    expect(problemsWith({ USHER_PLATFORM_KEY: key })).toEqual([
      'USHER_PLATFORM_KEY must be 32 to 512 visible ASCII characters, no spaces',
    ]);
  });

  test('of 32 to 512 visible characters is taken', () => {
    for (const key of ['~'.repeat(32), 'k'.repeat(512)]) expect(problemsWith({ USHER_PLATFORM_KEY: key })).toEqual([]);
  });
});

describe('USHER_BASE_URL', () => {
  test.each([
    'https://usher.test/app',
    'https://usher.test/?',
    'https://usher.test?x=1',
    'https://usher.test/#top',
    'https://me:secret@usher.test',
  ])('%s has more than a place in it', (url) => {
    expect(problemsWith({ USHER_BASE_URL: url })).toEqual([expect.stringMatching(/^USHER_BASE_URL must be a scheme/)]);
  });

  test('loses its slash at the end', () => {
    expect(readApiSettings({ ...good, USHER_BASE_URL: 'https://usher.test:8443/' }).USHER_BASE_URL).toBe(
      'https://usher.test:8443',
    );
  });
});

describe('the settings of mail', () => {
  const pem = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  const worker = { ...good, SMTP_URL: 'smtp://mail.test', USHER_MAIL_FROM: 'Usher <usher@usher.test>' };
  const dkim = { USHER_DKIM_DOMAIN: 'usher.test', USHER_DKIM_SELECTOR: 'mail', USHER_DKIM_PRIVATE_KEY: String(pem) };
  const problems = (env: NodeJS.ProcessEnv): string[] => {
    try {
      readWorkerSettings({ ...worker, ...env });
      return [];
    } catch (error) {
      return (error as SettingsError).problems;
    }
  };

  test('a key for DKIM is taken as PEM, with its line breaks written out, and in base64', () => {
    for (const key of [String(pem), String(pem).replaceAll('\n', '\\n'), Buffer.from(pem).toString('base64')])
      expect(readWorkerSettings({ ...worker, ...dkim, USHER_DKIM_PRIVATE_KEY: key }).USHER_DKIM_PRIVATE_KEY).toBe(pem);
  });

  test('what is of no use alone is missed, and a bad key is not shown', () => {
    expect(problems({ USHER_DKIM_DOMAIN: 'usher.test' })).toEqual([
      'USHER_DKIM_SELECTOR is missing',
      'USHER_DKIM_PRIVATE_KEY is missing',
    ]);
    expect(problems({ USHER_BOUNCE_PORT: '2525' })).toEqual(['USHER_BOUNCE_DOMAIN is missing']);
    expect(problems({ USHER_BOUNCE_DOMAIN: 'usher.test', USHER_BOUNCE_TLS_KEY: String(pem) })).toEqual([
      'USHER_BOUNCE_PORT is missing',
      'USHER_BOUNCE_TLS_CERT is missing',
    ]);
    const bounces = { USHER_BOUNCE_DOMAIN: 'usher.test', USHER_BOUNCE_PORT: '2525', USHER_BOUNCE_TLS_KEY: String(pem) };
    expect(problems({ ...bounces, USHER_BOUNCE_TLS_CERT: String(pem) })).toEqual([
      'USHER_BOUNCE_TLS_CERT must be a certificate as PEM, or that in base64',
    ]);
    expect(problems({ ...dkim, USHER_DKIM_PRIVATE_KEY: 'secret' })).toEqual([
      'USHER_DKIM_PRIVATE_KEY must be a private key as PEM, or that in base64',
    ]);
    expect(
      problems({ USHER_BOUNCE_DOMAIN: 'a b', USHER_MAIL_FROM: 'Usher', USHER_MAIL_RETENTION_DAYS: '0' }),
    ).toHaveLength(3);
    expect(problemsWith({ USHER_DSN_KEY: 'short' })).toEqual([
      'USHER_DSN_KEY must be 32 to 512 visible ASCII characters, no spaces',
    ]);
  });
});

describe('the certificate of the bounce port', () => {
  const worker = { ...good, SMTP_URL: 'smtp://mail.test', USHER_MAIL_FROM: 'usher@usher.test' };
  const [own, other] = [certificate(), certificate()];
  const problems = (cert: string, key: string, more: NodeJS.ProcessEnv = {}): string[] => {
    try {
      const bounces = { USHER_BOUNCE_DOMAIN: 'usher.test', USHER_BOUNCE_PORT: '2525', ...more };
      readWorkerSettings({ ...worker, ...bounces, USHER_BOUNCE_TLS_CERT: cert, USHER_BOUNCE_TLS_KEY: key });
      return [];
    } catch (error) {
      return (error as SettingsError).problems;
    }
  };

  test('fits its key and comes first, or it is said which setting is wrong, beside all else that is', () => {
    expect(problems(own.cert, own.key)).toEqual([]);
    expect(problems(own.cert + other.cert, Buffer.from(own.key).toString('base64'))).toEqual([]);
    const foreign = 'USHER_BOUNCE_TLS_KEY is not the key of the certificate in USHER_BOUNCE_TLS_CERT';
    expect(problems(own.cert, other.key)).toEqual([foreign]);
    expect(problems(other.cert + own.cert, own.key)).toEqual([
      'USHER_BOUNCE_TLS_CERT must begin with the certificate of USHER_BOUNCE_TLS_KEY; those that lead to it follow',
    ]);
    expect(problems(own.cert, other.key, { USHER_BOUNCE_PORT: 'x', USHER_DKIM_DOMAIN: 'usher.test' })).toEqual([
      expect.stringMatching(/^USHER_BOUNCE_PORT /),
      'USHER_DKIM_SELECTOR is missing',
      'USHER_DKIM_PRIVATE_KEY is missing',
      foreign,
    ]);
    const broken = own.cert + own.cert.replace(/\n.{20}/, '\n' + 'A'.repeat(20));
    expect(problems(broken, own.key)).toEqual([expect.stringMatching(/^USHER_BOUNCE_TLS_CERT and .* chain/)]);
  });
});

describe('USHER_OPERATOR_ORGANIZATION', () => {
  test('is the id of an organization, or every one', () => {
    for (const value of ['*', '7c9e6679-7425-40de-944b-e07fc1f90ae7'])
      expect(problemsWith({ USHER_OPERATOR_ORGANIZATION: value })).toEqual([]);
    expect(problemsWith({ USHER_OPERATOR_ORGANIZATION: 'Acme' })).toEqual([
      'USHER_OPERATOR_ORGANIZATION must be the id of an organization, or * for every one',
    ]);
  });
});
