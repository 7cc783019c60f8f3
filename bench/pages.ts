import { Client } from 'pg';
import { type BrowserContext, chromium } from 'playwright-core';
import { findChromium } from '../scripts/local/chromium';
import { generatePeople, withoutGinIndexes } from './people-in-sql';
import { median, quantile, type Stage } from './stage';

const people = 50_000;
const rounds = 120;
const paints = 15;
const heaviest = 100 * 1024;
const email = 'administrator@bench.example.com';
const password = 'Bench-Horse-1-x';

/**
 * The main screens of an organization of 50,000 people, with a mail to each who was invited and 100,000 events: bytes, how long the
 * server takes, one visitor at a time, and when Chromium, with an empty cache, shows something of three of them.
 */
export async function pages(stage: Stage): Promise<object> {
  const { id, key } = await stage.organization({ twoFactor: 'optional' });
  const owner = new Client({ connectionString: stage.databaseUrl });
  await owner.connect();
  stage.say(`generating ${people} people …`);
  let userId: string;
  try {
    await withoutGinIndexes(owner, async () => void (await generatePeople(owner, id, people)));
    await generateLogs(owner, id);
    // Ids that are made of hashes are not all such as a path takes.
    const { rows } = await owner.query<{ id: string }>(
      `select account_id as id from memberships where organization_id = $1 and status = 'active' and invitation_id is not null
         and account_id::text ~ '^.{14}[1-8].{4}[89ab]'
       order by created_at desc limit 1`,
      [id],
    );
    userId = rows[0]?.id ?? '';
  } finally {
    await owner.end();
  }
  const cookie = await administrator(stage, id, key);
  const screens = {
    users: '/console/users',
    'users, searched': '/console/users?q=lovelace',
    'users, inactive': '/console/users?status=inactive',
    invitations: '/console/invitations',
    'invitations, pending': '/console/invitations?status=pending',
    user: `/console/users/${userId}`,
    invite: '/console/invite',
    guests: '/console/guests',
    groups: '/console/groups',
    licences: '/console/licences',
    emails: '/console/emails',
    audit: '/console/audit',
    policy: '/console/policy',
  };
  const result: Record<string, unknown> = {};
  for (const [name, path] of Object.entries(screens)) {
    const times: number[] = [];
    let html = '';
    for (let round = -10; round < rounds; round += 1) {
      const begun = performance.now();
      const response = await fetch(stage.url + path, { headers: { cookie, accept: 'text/html' }, redirect: 'manual' });
      html = await response.text();
      if (response.status !== 200) throw new Error(`${path}: ${response.status}`);
      if (round >= 0) times.push(performance.now() - begun);
    }
    const bytes = Buffer.byteLength(html);
    const all = bytes + (await assetBytes(stage, html));
    result[name] = {
      'median / p95, ms': `${median(times).toFixed(1)} / ${quantile(times, 0.95).toFixed(1)}`,
      'KB of HTML': (bytes / 1024).toFixed(1),
      'KB with styles and scripts': (all / 1024).toFixed(1),
      ...(all > heaviest && { over: 'more than 100 KB' }),
    };
    stage.say(`${name}: ${JSON.stringify(result[name])}`);
  }
  return { ...result, 'first contentful paint, median / p95, ms': await firstPaints(stage, cookie, screens) };
}

/** A mail to everybody who was invited, and two events for everybody. */
async function generateLogs(owner: Client, organizationId: string): Promise<void> {
  await owner.query(
    `insert into emails (id, organization_id, invitation_id, type, generation, locale, sender, recipient, subject, html, text,
       message_id, status, attempts, created_at, sent_at)
     select gen_random_uuid(), organization_id, id, 'user-invitation', 1, 'en', 'Usher <usher@usher.test>', email,
       'You are invited to join Bench', '<p>…</p>', '…', '<' || id || '@usher.test>', 'sent',
       '[{"at":"2026-01-01T00:00:00.000Z","response":"250 OK"}]', created_at, created_at
     from invitations where organization_id = $1`,
    [organizationId],
  );
  await owner.query(
    `insert into audit_events (organization_id, at, type, actor_type, invitation_id, account_id)
     select organization_id, created_at, type, 'system', invitation_id, account_id
     from memberships cross join (values ('invitation.created'), ('invitation.sent')) as kinds (type)
     where organization_id = $1 order by created_at`,
    [organizationId],
  );
  await owner.query('vacuum analyze emails, audit_events');
}

/** @returns the cookie of their session */
async function administrator(stage: Stage, id: string, key: string): Promise<string> {
  const fields = { email, firstName: 'Ada', lastName: 'Bench', role: 'administrator' };
  const invited = await stage.call('POST', `/v1/organizations/${id}/invitations`, fields, key);
  if (invited.status !== 201) throw new Error(JSON.stringify(invited.body));
  const token = await mailedToken(stage);
  const accepted = await stage.call('POST', `/v1/invitation-tokens/${token}/accept`, { password });
  if (accepted.status !== 200) throw new Error(JSON.stringify(accepted.body));
  const response = await fetch(`${stage.url}/v1/auth/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ login: email, password }),
  });
  if (response.status !== 200) throw new Error(await response.text());
  return response.headers
    .getSetCookie()
    .map((line) => line.split(';', 1)[0])
    .join('; ');
}

async function mailedToken(stage: Stage): Promise<string> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const text = await stage.mailTo(email).catch(() => '');
    const token = /\/invitations\/([\w-]{40,})/.exec(text.replace(/=\r?\n/g, ''))?.[1];
    if (token) return token;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('The administrator’s invitation did not come.');
}

const sizes = new Map<string, number>();

async function assetBytes({ url }: Stage, html: string): Promise<number> {
  const paths = [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+\.(?:css|js)\?[^"]*)"/g)].map(([, path = '']) => path);
  for (const path of paths)
    if (!sizes.has(path)) sizes.set(path, (await (await fetch(url + path)).arrayBuffer()).byteLength);
  return paths.reduce((sum, path) => sum + (sizes.get(path) ?? 0), 0);
}

async function firstPaints(
  stage: Stage,
  cookie: string,
  screens: Record<'users' | 'user' | 'invite', string>,
): Promise<object> {
  const browser = await chromium.launch({ executablePath: findChromium(), args: ['--no-sandbox', '--disable-gpu'] });
  const [name = '', value = ''] = cookie.split('=');
  const paintOf = async (context: BrowserContext, path: string): Promise<number> => {
    await context.addCookies([{ name, value, url: stage.url }]);
    const page = await context.newPage();
    await page.goto(stage.url + path, { waitUntil: 'load' });
    return page.evaluate<number>(
      `new Promise((resolve) => new PerformanceObserver((list, observer) => {
        const paint = list.getEntriesByName('first-contentful-paint')[0];
        if (paint) { observer.disconnect(); resolve(paint.startTime); }
      }).observe({ type: 'paint', buffered: true }))`,
    );
  };
  try {
    const result: Record<string, string> = {};
    for (const screen of ['users', 'user', 'invite'] as const) {
      const times: number[] = [];
      for (let round = -1; round < paints; round += 1) {
        const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
        const paint = await paintOf(context, screens[screen]);
        if (round >= 0) times.push(paint);
        await context.close();
      }
      result[screen] = `${median(times).toFixed(0)} / ${quantile(times, 0.95).toFixed(0)}`;
    }
    return result;
  } finally {
    await browser.close();
  }
}
