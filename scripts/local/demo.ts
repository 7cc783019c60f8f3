import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseKeyRing } from '../../domain/token';
import { createDemoClient, type DemoAccess } from './demo-client';
import { type MadeOrganization, makeOrganizations, type SignIn, untilSettled } from './demo-organizations';
import type { Progress } from './progress';

const expectedSeconds = 14;

/** What is kept in the data folder: with the password, and so for its owner only. */
interface Kept {
  run: string;
  password: string;
  /** null: begun, and perhaps interrupted. */
  made: { organizations: MadeOrganization[]; signIns: SignIn[] } | null;
}

export interface DemoOptions extends Omit<DemoAccess, 'keys' | 'password' | 'run'> {
  dataDir: string;
  secret: string;
  progress: Progress;
}

/** Makes the demo's organizations, unless they are there, and says how to sign in. */
export async function provideDemo({ dataDir, secret, progress, ...access }: DemoOptions): Promise<void> {
  const file = join(dataDir, 'demo.json');
  let kept = read(file);
  const clientOf = ({ password, run }: Kept) =>
    createDemoClient({ ...access, keys: parseKeyRing(secret), password, run });
  if (!kept || (kept.made && !(await isThere(clientOf(kept), kept.made.organizations)))) {
    kept = { run: randomUUID(), password: newPassword(), made: null };
    keep(file, kept);
  }
  if (!kept.made) {
    const client = clientOf(kept);
    kept.made = await progress.track(
      'Making the demo data',
      async () => {
        const made = await makeOrganizations(client);
        await untilSettled(client, made.organizations);
        return made;
      },
      { expectedSeconds },
    );
    keep(file, kept);
  }
  print(kept, kept.made.signIns, access, progress);
}

function print(kept: Kept, signIns: SignIn[], access: { url: string; mailboxUrl: string }, { say }: Progress): void {
  say('');
  say(`  Demo: sign in at ${access.url}/sign-in`);
  say(`  Password of them all: ${kept.password}`);
  say('');
  for (const { who, organization, email, code } of signIns)
    say(`  ${who.padEnd(14)} ${email.padEnd(32)} ${organization}${code ? '  (+ code)' : ''}`);
  say('');
  say(`  (+ code): a code is asked for as well; it is mailed, and so in the mailbox: ${access.mailboxUrl}`);
  say('');
}

/** Another database, or an emptied one: then everything is made anew. */
async function isThere(
  client: ReturnType<typeof createDemoClient>,
  organizations: MadeOrganization[],
): Promise<boolean> {
  const found = await Promise.all(
    organizations.map(({ id }) =>
      client.call(client.platform, 'GET', `/v1/organizations/${id}`).then(
        () => true,
        () => false,
      ),
    ),
  );
  return found.every(Boolean);
}

/** Meets the rules of every preset; another one for every data folder, for the server may be reached from elsewhere. // C10 */
const newPassword = (): string => `Demo-${randomBytes(9).toString('base64url').replace(/[-_]/g, 'x')}-7`;

const read = (file: string): Kept | null =>
  existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Kept) : null;

function keep(file: string, kept: Kept): void {
  const temporary = `${file}.${randomUUID()}`;
  writeFileSync(temporary, `${JSON.stringify(kept, null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(temporary, file);
}
