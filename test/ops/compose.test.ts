import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv2020 from 'ajv/dist/2020';
import { parse } from 'yaml';
import { readApiSettings, readDatabaseUrl, readWorkerSettings } from '../../config/settings';

const root = join(__dirname, '..', '..');
const textOf = (file: string): string => readFileSync(join(root, file), 'utf8');

interface Service {
  image?: string;
  build?: unknown;
  command?: string[];
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test?: string[]; disable?: boolean };
}
interface Compose {
  services: Record<string, Service>;
}

const exampleSecrets = {
  POSTGRES_PASSWORD: 'example-password',
  USHER_SECRET: `k1:${Buffer.alloc(32, 7).toString('base64')}`,
  USHER_PLATFORM_KEY: 'example-platform-key-'.repeat(2),
};

const composeFile = parse(textOf('docker-compose.yml'), { merge: true }) as Compose;
const ours = ['migrate', 'api', 'worker'] as const;

/** What Compose does with `${NAME}`, `${NAME:-default}` and `${NAME:?message}`. */
function interpolate(text: string, environment: Record<string, string>): string {
  return text.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind?: string, rest = '') => {
    const value = environment[name];
    if (value) return value;
    if (kind === '-') return String(rest);
    throw new Error(`${name} is missing: ${String(rest)}`);
  });
}

function environmentOf(name: string, secrets: Record<string, string> = exampleSecrets): Record<string, string> {
  const { environment = {} } = composeFile.services[name] ?? {};
  return Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, interpolate(value, secrets)]));
}

/** The settings that a file of the program names. */
function namesIn(path: string): Set<string> {
  const found = readFileSync(path, 'utf8').match(/\b(?:(?:USHER|TEMPORAL)_[A-Z_]*[A-Z]|DATABASE_URL|SMTP_URL|PORT)\b/g);
  return new Set(found ?? []);
}
const namesInFiles = (...paths: string[]) => new Set(paths.flatMap((path) => [...namesIn(path)]));

const processSettings = namesIn(join(root, 'config/settings.ts'));
const startSettings = namesInFiles(
  join(root, 'scripts/local/start-settings.ts'),
  join(root, 'scripts/local/temporal-cli.ts'),
);
const temporalSettings = namesIn(require.resolve('@temporalio/envconfig/lib/envconfig-toml.js'));
const known = new Set([...processSettings, ...startSettings, ...temporalSettings]);

test('docker-compose.yml is valid by the published Compose schema', () => {
  const schema = JSON.parse(textOf('test/ops/compose-spec.json')) as object;
  const validate = new Ajv2020({ strict: false, allErrors: true }).compile(schema);
  validate(parse(textOf('docker-compose.yml'), { merge: true }));
  expect(validate.errors ?? []).toEqual([]);
  expect(validate({ services: { api: { imagine: 'usher' } } })).toBe(false);
});

test.each(ours)('every variable that Compose gives to %s is one that its process reads', (name) => {
  const readable = new Set([...processSettings, ...temporalSettings]);
  expect(Object.keys(environmentOf(name)).filter((variable) => !readable.has(variable))).toEqual([]);
});

test('API, worker and migrations accept what Compose gives them', () => {
  expect(readApiSettings(environmentOf('api')).PORT).toBe(3000);
  expect(readWorkerSettings(environmentOf('worker')).SMTP_URL).toBe('smtp://mailpit:1025');
  expect(readDatabaseUrl(environmentOf('migrate'))).toContain('@postgres:5432/usher');
});

test.each(Object.keys(exampleSecrets))('Compose refuses to start without %s', (secret) => {
  const others = Object.fromEntries(Object.entries(exampleSecrets).filter(([name]) => name !== secret));
  expect(() => ours.map((name) => environmentOf(name, others))).toThrow(`${secret} is missing: set ${secret}`);
});

test('API and worker share the secret, the database and Temporal', () => {
  const [api, worker] = [environmentOf('api'), environmentOf('worker')];
  for (const name of ['USHER_SECRET', 'USHER_BASE_URL', 'DATABASE_URL', 'TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE'])
    expect([name, worker[name]]).toEqual([name, api[name]]);
});

test('what a service waits for exists, and can become what is waited for', () => {
  const { services } = composeFile;
  for (const [name, { depends_on = {} }] of Object.entries(services)) {
    for (const [other, { condition }] of Object.entries(depends_on)) {
      expect([name, other, services[other] !== undefined]).toEqual([name, other, true]);
      if (condition === 'service_healthy')
        expect([other, services[other]?.healthcheck?.test]).toEqual([other, expect.any(Array)]);
    }
  }
});

test('every image has a fixed version', () => {
  for (const { image } of Object.values(composeFile.services)) expect(image).toMatch(/:v?\d+\.\d+/);
  const bases = [...textOf('Dockerfile').matchAll(/^FROM (\S+)/gm)].map((match) => match[1]);
  expect(bases.length).toBeGreaterThan(0);
  for (const base of bases) expect(base).toMatch(/^node:20\.\d+-/);
});

test('the image and its services run programs that the build makes', () => {
  const [, json = '[]'] = /^CMD (\[.*\])$/m.exec(textOf('Dockerfile').replace(/HEALTHCHECK[\s\S]*?CMD .*\n/, '')) ?? [];
  const commands = [JSON.parse(json) as string[]];
  for (const { command } of Object.values(composeFile.services)) if (command) commands.push(command);
  expect(commands).toHaveLength(3);
  const scripts = JSON.stringify((JSON.parse(textOf('package.json')) as { scripts: object }).scripts);
  for (const [program, file = ''] of commands) {
    expect(program).toBe('node');
    expect(scripts).toContain(`exec node ${file}"`);
    expect([file, existsSync(join(root, file.replace(/^dist\/(.*)\.js$/, '$1.ts')))]).toEqual([file, true]);
  }
});

test('.env.example names every setting, and none that nothing reads', () => {
  const named = [...textOf('.env.example').matchAll(/^#?([A-Z][A-Z_]+)=/gm)].map((match) => match[1] ?? '');
  expect(named.filter((name) => !known.has(name))).toEqual([]);
  expect([...processSettings, ...startSettings].filter((name) => !named.includes(name))).toEqual([]);
});

test('the README lists every setting of Usher', () => {
  const readme = textOf('README.md');
  const missing = [...processSettings, ...startSettings].filter((name) => !readme.includes(`\`${name}\``));
  expect(missing).toEqual([]);
});
