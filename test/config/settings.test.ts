import { randomBytes } from 'node:crypto';
import { readApiSettings, type SettingsError } from '../../config/settings';

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
