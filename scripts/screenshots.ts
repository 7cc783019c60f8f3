import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { chromium, type Browser, type Cookie } from 'playwright-core';
import { findChromium } from './local/chromium';
import { freePort } from './local/ports';

/** Pictures of the main screens for the README, of the demo data as it was just made: `npm run screenshots`. */

const target = resolve('docs', 'screenshots');
const mostBytes = 150 * 1024;
const startWithinMs = 180_000;
const previewMs = 2_000;
/** From large to small: the first whose picture is small enough. */
const sizes = [
  { width: 1280, height: 800 },
  { width: 1180, height: 680 },
  { width: 960, height: 600 },
];

type Who = 'administrator' | 'guest' | null;

interface Screen {
  name: string;
  path: string;
  as: Who;
  dark?: true;
  phone?: true;
  /** What is typed before the picture is taken, by the ids of the fields. */
  typed?: Record<string, string>;
}

interface Demo {
  url: string;
  mailboxUrl: string;
  password: string;
  platformKey: string;
  organizationId: string;
  emails: Record<'administrator' | 'guest', string>;
}

/** What is not there (404) is passed over. */
async function screensOf(demo: Demo): Promise<Screen[]> {
  const invitation = await findInvitation(demo, 'seraphina');
  const user = await findUser(demo, 'lysander');
  const console = (name: string, path = name): Screen => ({ name, path: `/console/${path}`, as: 'administrator' });
  return [
    { name: 'invitation', path: await mailedLink(demo, invitation.email), as: null },
    { name: 'invitation-phone', path: await mailedLink(demo, invitation.email), as: null, phone: true },
    { name: 'sign-in', path: '/sign-in', as: null },
    { name: 'profile', path: '/profile', as: 'guest' },
    console('users'),
    { ...console('users-dark', 'users'), dark: true },
    { ...console('users-phone', 'users'), phone: true },
    console('user', `users/${user.id}`),
    {
      ...console('invite'),
      typed: {
        email: 'wilhelmina@quillfeather.example.com',
        firstName: 'Wilhelmina',
        lastName: 'Inkwell',
        message: 'We are looking forward to meeting you on Monday.',
      },
    },
    console('invitation-timeline', `invitations/${invitation.id}`),
    console('guests'),
    console('guest-log'),
    console('groups'),
    console('licences'),
    console('emails'),
    console('email-templates'),
    console('email-template', 'email-templates/user-invitation/en'),
    console('audit'),
    console('figures'),
    console('policy'),
    console('settings'),
    { name: 'mailbox', path: `${demo.mailboxUrl}/mails/${(await newestMail(demo, invitation.email)).id}`, as: null },
  ];
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'usher-screenshots-'));
  // The database's user must be able to enter it.
  chmodSync(folder, 0o755);
  const { child, demo } = await startDemo(folder);
  try {
    const browser = await chromium.launch({ executablePath: findChromium(), args: ['--no-sandbox', '--disable-gpu'] });
    try {
      mkdirSync(target, { recursive: true });
      for (const screen of await screensOf(await demo)) await take(browser, await demo, screen);
    } finally {
      await browser.close();
    }
  } finally {
    const ended = new Promise((done) => child.once('close', done));
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startDemo(folder: string): Promise<{ child: ChildProcess; demo: Promise<Demo> }> {
  const [port, postgres, temporal, temporalUi, mailbox] = await Promise.all(Array.from({ length: 5 }, freePort));
  const child = spawn(process.execPath, [join(__dirname, 'start.js'), '--demo'], {
    env: {
      ...process.env,
      USHER_DATA_DIR: folder,
      PORT: String(port),
      USHER_POSTGRES_PORT: String(postgres),
      USHER_TEMPORAL_PORT: String(temporal),
      USHER_TEMPORAL_UI_PORT: String(temporalUi),
      USHER_MAILBOX_PORT: String(mailbox),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ready = new Promise<void>((done, failed) => {
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (/^Usher is ready:/m.test(output)) done();
    });
    child.once('close', () => failed(new Error(`Usher did not start:\n${output}`)));
    setTimeout(() => failed(new Error(`Usher was not ready in time:\n${output}`)), startWithinMs).unref();
  });
  const demo = ready.then(() => {
    const kept = JSON.parse(readFileSync(join(folder, 'demo.json'), 'utf8')) as {
      password: string;
      made: {
        organizations: { id: string; preset: string }[];
        signIns: { who: string; email: string; code: boolean }[];
      };
    };
    const email = (who: string) => kept.made.signIns.find((one) => one.who === who && !one.code)?.email ?? '';
    return {
      url: `http://localhost:${port}`,
      mailboxUrl: `http://localhost:${mailbox}`,
      password: kept.password,
      platformKey: readFileSync(join(folder, 'platform-key'), 'utf8').trim(),
      organizationId: kept.made.organizations.find(({ preset }) => preset === 'licensed-guests')?.id ?? '',
      emails: { administrator: email('administrator'), guest: email('guest') },
    };
  });
  // Whoever waits for it hears of its failure.
  demo.catch(() => undefined);
  return { child, demo };
}

async function take(browser: Browser, demo: Demo, { name, path, as, dark, phone, typed }: Screen): Promise<void> {
  for (const viewport of phone ? [{ width: 390, height: 844 }] : sizes) {
    const context = await browser.newContext({
      viewport,
      deviceScaleFactor: 1,
      locale: 'en-GB',
      colorScheme: dark ? 'dark' : 'light',
      reducedMotion: 'reduce',
    });
    try {
      const page = await context.newPage();
      if (as) await context.addCookies(await cookiesOf(browser, demo, demo.emails[as]));
      const response = await page.goto(new URL(path, demo.url).href);
      if (response?.status() === 404) {
        console.log(`${name}: not there`);
        return;
      }
      if (!response?.ok()) throw new Error(`${path.split('/', 3).join('/')} answered ${response?.status()}.`);
      for (const [field, text] of Object.entries(typed ?? {})) await page.fill(`#${field}`, text);
      // A preview follows what is typed, once that pauses.
      await page.evaluate('document.fonts.ready');
      if (await page.locator('iframe').count()) {
        await page.waitForTimeout(previewMs);
        await page.evaluate('scrollTo(0, 0)');
      }
      const picture = await page.screenshot({ type: 'png' });
      if (picture.length > mostBytes) continue;
      writeFileSync(join(target, `${name}.png`), picture);
      console.log(`${name}: ${Math.ceil(picture.length / 1024)} KB`);
      return;
    } finally {
      await context.close();
    }
  }
  throw new Error(`The picture of ${name} has more than ${mostBytes} bytes in every size.`);
}

const sessions = new Map<string, Cookie[]>();

/** Signs in once for all pictures, so that the audit log tells of other things as well. */
async function cookiesOf(browser: Browser, demo: Demo, email: string): Promise<Cookie[]> {
  const known = sessions.get(email);
  if (known) return known;
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${demo.url}/sign-in`);
  await page.fill('#login', email);
  await page.fill('#password', demo.password);
  await Promise.all([page.waitForURL((url) => url.pathname !== '/sign-in'), page.press('#password', 'Enter')]);
  const cookies = await context.cookies();
  sessions.set(email, cookies);
  await context.close();
  return cookies;
}

interface Found {
  id: string;
  email: string;
}

const findInvitation = (demo: Demo, q: string) => find(demo, `invitations?q=${q}`);
const findUser = (demo: Demo, q: string) => find(demo, `users?q=${q}`);

async function find({ url, platformKey, organizationId }: Demo, rest: string): Promise<Found> {
  const response = await fetch(`${url}/v1/organizations/${organizationId}/${rest}`, {
    headers: { Authorization: `Bearer ${platformKey}` },
  });
  const [found] = ((await response.json()) as { items: Found[] }).items;
  if (!found) throw new Error(`The demo has no ${rest}.`);
  return found;
}

async function newestMail({ mailboxUrl }: Demo, email: string): Promise<{ id: string; text: string }> {
  const query = new URLSearchParams({ query: `to:${email}` });
  const { messages } = (await (await fetch(`${mailboxUrl}/api/v1/search?${query}`)).json()) as {
    messages: { ID: string }[];
  };
  const id = messages[0]?.ID ?? '';
  const mail = (await (await fetch(`${mailboxUrl}/api/v1/message/${id}`)).json()) as { Text: string };
  return { id, text: mail.Text };
}

async function mailedLink(demo: Demo, email: string): Promise<string> {
  const link = /http\S+\/invitations\/[\w-]+/.exec((await newestMail(demo, email)).text)?.[0];
  if (!link) throw new Error(`The mail to ${email} has no link.`);
  return link;
}

main().catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
