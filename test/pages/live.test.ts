import pino from 'pino';
import { createLiveHub, type Listener } from '../../api/live/hub';
import { topicsOf, topics } from '../../api/live/topics';
import { openDatabase } from '../../db/database';
import type { Happening } from '../../db/queries/latest-events';
import { freePort } from '../../scripts/local/ports';
import { build, endLeftProcesses, startApi, startProcess } from '../faults/processes';
import { launchBrowser, type TestBrowser } from '../support/browser';
import { type Person, signedInPerson } from '../support/people';
import { eventually, goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let organization: TestOrganization;
let other: TestOrganization;
let staff: Person;
let member: Person;
beforeAll(async () => {
  await build();
  usher = await startUsher();
  organization = await usher.createOrganization({ name: 'Watched', preset: 'licensed-guests' });
  other = await usher.createOrganization({ name: 'Elsewhere', preset: 'licensed-guests' });
  staff = await signedInPerson(usher, organization, 'staff@live.test', { role: 'staff' });
  member = await signedInPerson(usher, organization, 'member@live.test');
});
afterEach(() => endLeftProcesses());
afterAll(() => usher.stop());

interface Heard {
  event: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  data: any;
}

interface Stream {
  status: number;
  headers: Headers;
  heard: Heard[];
  raw: () => string;
  /** Resolves with the first that is so. */
  until(so: (heard: Heard) => boolean): Promise<Heard>;
  ended: Promise<void>;
  end(): void;
}

const opened: Stream[] = [];
afterEach(() => opened.splice(0).forEach((stream) => stream.end()));

async function listen(person: Person | null, query = '', url = usher.url, headers = {}): Promise<Stream> {
  const abort = new AbortController();
  const cookie: Record<string, string> = person
    ? { cookie: `usher_session=${person.cookies.get('usher_session')}` }
    : {};
  const response = await fetch(`${url}/console/live${query}`, {
    headers: { accept: 'text/event-stream', ...cookie, ...headers },
    signal: abort.signal,
  });
  const heard: Heard[] = [];
  let raw = '';
  const read = async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      raw += decoder.decode(chunk as Uint8Array, { stream: true });
      const blocks = raw.split('\n\n').slice(0, -1);
      heard.splice(0);
      for (const block of blocks) {
        const event = /^event: (.*)$/m.exec(block)?.[1];
        if (event) heard.push({ event, data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? 'null') as unknown });
      }
    }
  };
  const stream: Stream = {
    status: response.status,
    headers: response.headers,
    heard,
    raw: () => raw,
    until: async (so) => {
      const all = await eventually(
        () => Promise.resolve(heard.filter(so)),
        ({ length }) => length > 0,
        8_000,
      );
      return all[0] as Heard;
    },
    ended: read().catch(() => undefined),
    end: () => abort.abort(),
  };
  opened.push(stream);
  return stream;
}

const concerns = (topic: string) => (heard: Heard) =>
  heard.event === 'change' && (heard.data.topics as string[]).includes(topic);

test('staff hear by topic and id, and nothing else, that an invitation was made; members hear of what they see', async () => {
  const [ofStaff, ofMember] = [await listen(staff), await listen(member)];
  expect([ofStaff.status, ofStaff.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  expect(ofStaff.headers.get('cache-control')).toBe('no-store');
  // Watching is no use of the session.
  expect(ofStaff.headers.get('set-cookie')).toBeNull();
  const { id } = await organization.invite({ email: 'new@live.test', firstName: 'Nora', message: 'Welcome aboard' });
  const change = await ofStaff.until((heard) => heard.event === 'change' && heard.data.ids.includes(id));
  expect(change.data.topics).toEqual(expect.arrayContaining(['invitations', 'users', 'emails', 'audit']));
  expect(change.data.topics).not.toContain('settings');
  const { data } = await ofMember.until(concerns('users'));
  expect(data).toEqual({ topics: ['users'], ids: [] });
  for (const stream of [ofStaff, ofMember]) {
    expect(stream.raw()).toMatch(/^retry: 2000\n\n/);
    expect(stream.raw()).not.toMatch(/live\.test|Nora|Welcome/);
  }
});

test('nobody hears of an organization that they do not belong to, nor unless they are signed in', async () => {
  expect((await listen(null)).status).toBe(401);
  expect((await listen(staff, `?organization=${other.id}`)).status).toBe(404);
  expect((await listen(staff, '?organization=nonsense')).status).toBe(404);
  expect((await listen(staff, '', usher.url, { 'sec-fetch-site': 'cross-site' })).status).toBe(403);
  const stream = await listen(staff, `?organization=${organization.id}`);
  expect(stream.status).toBe(200);
  await other.invite({ email: 'far@live.test' });
  await organization.invite({ email: 'near@live.test' });
  const { data } = await stream.until((heard) => heard.event === 'change');
  const far = (await other.call('GET', '/invitations?q=far')).body.items[0].id as string;
  expect(data.ids).not.toContain(far);
});

test('what happened between the showing of a page and its listening is told at once', async () => {
  const { id } = await organization.invite({ email: 'meanwhile@live.test', send: false });
  const late = await listen(staff, '?age=5000');
  expect((await late.until(concerns('invitations'))).data.ids).toContain(id);
  await usher.owner.raw(`update audit_events set at = at - interval '1 minute'`);
  // Who is listening already hears of it in the next round.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const fresh = await listen(staff, '?age=5000');
  const marker = await organization.invite({ email: 'marker@live.test' });
  await fresh.until((heard) => heard.data.ids?.includes(marker.id));
  expect(fresh.heard[0]?.data.ids).not.toContain(id);
});

test('who is removed, signs out or loses the right hears no more within seconds', async () => {
  const guest = await signedInPerson(usher, organization, 'guest@live.test', { kind: 'guest' });
  const fallen = await signedInPerson(usher, organization, 'fallen@live.test', { role: 'staff' });
  const leaving = await signedInPerson(usher, organization, 'leaving@live.test', { role: 'staff' });
  const [ofGuest, ofFallen, ofLeaving] = [await listen(guest), await listen(fallen), await listen(leaving)];
  expect(await organization.call('DELETE', `/guests/${guest.id}`)).toMatchObject({ status: 204 });
  expect((await organization.call('PATCH', `/users/${fallen.id}`, { role: 'member' })).status).toBe(200);
  await leaving.call('POST', '/v1/auth/sign-out');
  for (const stream of [ofGuest, ofLeaving]) {
    expect((await stream.until(({ event }) => event === 'over')).data).toEqual({ why: 'access' });
    await stream.ended;
  }
  // Still a member: what only staff may see is gone from the next check on.
  await eventually(
    async () => {
      ofFallen.heard.splice(0);
      await organization.call('POST', '/groups', { name: `Group ${Date.now()}` });
      return ofFallen.until(concerns('groups'));
    },
    ({ data }) => data.ids.length === 0 && !data.topics.includes('audit'),
  );
  expect((await listen(guest)).status).toBe(404);
  expect((await listen(leaving)).status).toBe(401);
});

test('one process hears of what another one did; one that stops ends its streams at once; and there may be ten a person', async () => {
  const env = { ...usher.env, USHER_LOG_LEVEL: 'info' };
  const api = await startApi(env);
  const there = await listen(staff, '', api.url);
  const { id } = await organization.invite({ email: 'two@live.test' });
  await there.until((heard) => heard.data.ids?.includes(id));
  const before = Date.now();
  expect(await api.end('SIGTERM')).toMatchObject({ code: 0, signal: null, stderr: '' });
  await there.ended;
  expect(Date.now() - before).toBeLessThan(5_000);
  expect(there.heard.at(-1)).toEqual({ event: 'over', data: { why: 'stop' } });

  for (let count = 0; count < 10; count += 1) expect((await listen(member)).status).toBe(200);
  const eleventh = await listen(member);
  expect([eleventh.status, eleventh.headers.get('retry-after')]).toEqual([429, '30']);
  opened.slice(-5).forEach((stream) => stream.end());
  await eventually(
    () => listen(member),
    ({ status }) => status === 200,
  );
});

test('an event that is committed after one with a higher id is told all the same', async () => {
  const database = openDatabase(usher.env['DATABASE_URL'] ?? '');
  const hub = createLiveHub(database, pino({ level: 'silent' }), { pollMs: 50, checkMs: 100, beatMs: 100 });
  const quiet = await usher.createOrganization({ name: 'Quiet' });
  const heard: Happening[] = [];
  const counts = { checks: 0, beats: 0 };
  const listener: Listener = {
    organizationId: quiet.id,
    accountId: member.id,
    hear: (events) => void heard.push(...events),
    check: () => Promise.resolve(++counts.checks > 0),
    beat: () => void (counts.beats += 1),
    close: () => undefined,
  };
  const leave = await hub.listen(listener, 0);
  heard.splice(0);
  const write = (trx: typeof usher.owner, type: string) =>
    trx('audit_events').insert({ organization_id: quiet.id, type, actor_type: 'system' });
  const slow = await usher.owner.transaction();
  await write(slow, 'group.created');
  await write(usher.owner, 'group.changed');
  await eventually(
    () => Promise.resolve(heard.map(({ type }) => type)),
    (types) => types.length === 1,
  );
  await slow.commit();
  await eventually(
    () => Promise.resolve(heard.map(({ type }) => type)),
    (types) => types.length === 2,
  );
  expect(heard.map(({ type }) => type)).toEqual(['group.changed', 'group.created']);
  await eventually(
    () => Promise.resolve(counts),
    ({ checks, beats }) => checks > 1 && beats > 0,
  );
  leave();
  await write(usher.owner, 'group.deleted');
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(heard).toHaveLength(2);
  hub.stop();
  await expect(hub.listen(listener, 0)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  await database.destroy();
});

describe('in a browser', () => {
  let browser: TestBrowser;
  beforeAll(async () => {
    browser = await launchBrowser(usher);
  });
  afterAll(() => browser.close());

  /** Signed in, and at the list of users; a mark says whether the page was loaded again. */
  async function atUsers(email: string, base = 'http://usher.test') {
    const page = await browser.person();
    await page.goto(`${base}/sign-in?next=${encodeURIComponent('/console/users')}`);
    await page.fill('#login', email);
    await page.fill('#password', goodPassword);
    await Promise.all([page.waitForURL('**/console/users'), page.press('#password', 'Enter')]);
    await page.evaluate('window.sameLoad = true');
    return page;
  }
  const sameLoad = 'window.sameLoad === true';

  test('a list refreshes itself, and leaves what a person is doing in it as it is', async () => {
    const page = await atUsers('staff@live.test');
    await organization.invite({ email: 'ticked@live.test' });
    const ticked = page.locator('tr', { hasText: 'ticked@live.test' });
    await ticked.locator('input[name=chosen]').check();
    await ticked.locator('th a').focus();
    await page.evaluate(`document.activeElement.closest('tr').querySelector('details').open = true`);
    await page.evaluate('window.scrollTo(0, 40)');
    const scrolled = await page.evaluate('window.scrollY');
    await organization.invite({ email: 'fresh@live.test' });
    await page.getByText('fresh@live.test').waitFor();
    expect(await ticked.locator('input[name=chosen]').isChecked()).toBe(true);
    expect(await ticked.locator('details').getAttribute('open')).not.toBeNull();
    expect(await page.evaluate('document.activeElement.closest("tr").innerText')).toContain('ticked@live.test');
    expect(await page.evaluate('window.scrollY')).toBe(scrolled);
    // What the console's own script does to a list it does to this one.
    await page.getByLabel('Choose', { exact: true }).check();
    expect(await page.locator('tbody input[name=chosen]:not(:checked)').count()).toBe(0);
    await page.keyboard.press('Escape');
    expect(await ticked.locator('details').getAttribute('open')).toBeNull();
    expect(await page.evaluate(sameLoad)).toBe(true);
    expect(browser.complaints).toEqual([]);
  });

  test('who is removed while they look is shown the door', async () => {
    const person = await signedInPerson(usher, organization, 'looking@live.test');
    const page = await atUsers('looking@live.test');
    expect((await organization.call('DELETE', `/users/${person.id}`)).status).toBe(204);
    await page.waitForURL('**/sign-in**');
    expect(browser.complaints.splice(0).filter((complaint) => !/40[14]/.test(complaint))).toEqual([]);
  });

  test('the API is restarted while a page is open: it reconnects, and shows what happened meanwhile', async () => {
    const port = await freePort();
    const start = async () => {
      const api = startProcess('api/server.js', { ...usher.env, USHER_LOG_LEVEL: 'info', PORT: String(port) });
      await api.ready;
      return api;
    };
    const first = await start();
    const page = await atUsers('staff@live.test', `http://127.0.0.1:${port}`);
    await page.getByText('fresh@live.test').waitFor();
    expect(await first.end('SIGTERM')).toMatchObject({ code: 0 });
    await organization.invite({ email: 'meantime@live.test', firstName: 'Mean' });
    const second = await start();
    await page.getByText('meantime@live.test').waitFor();
    await organization.invite({ email: 'afterwards@live.test' });
    await page.getByText('afterwards@live.test').waitFor();
    expect(await page.evaluate(sameLoad)).toBe(true);
    await page.context().close();
    await second.end('SIGTERM');
    // The line was broken, and that is all.
    expect(browser.complaints.splice(0).filter((text) => !/live\?|ERR_CONNECTION_REFUSED/.test(text))).toEqual([]);
  });

  test('without JavaScript the list is as it was loaded', async () => {
    const page = await browser.person({ javaScriptEnabled: false });
    await page.goto('http://usher.test/sign-in?next=%2Fconsole%2Fusers');
    await page.fill('#login', 'staff@live.test');
    await page.fill('#password', goodPassword);
    await Promise.all([page.waitForURL('**/console/users'), page.press('#password', 'Enter')]);
    await page.getByText('fresh@live.test').waitFor();
    expect(browser.complaints).toEqual([]);
  });
});

test('figures are told to the operator about all, to administrators about their own organization, and to nobody else', async () => {
  const few = await usher.createOrganization({ name: 'Few', preset: 'licensed-guests' });
  await few.invite({ email: 'today@few.test', expiresAt: new Date(Date.now() + 5_000).toISOString() });
  await few.invite({ email: 'later@few.test' });
  await few.invite({ email: 'draft@few.test', send: false });
  // Before that they are not even in the log.
  await eventually(
    () => usher.owner('emails').where({ organization_id: few.id, status: 'sent' }),
    (mails) => mails.length === 2,
  );
  const own = await few.call('GET', '/figures');
  expect(own.body).toMatchObject({
    mails: { queued: 0, oldestQueuedAt: null, failedLast24Hours: 0 },
    outbox: { waiting: expect.any(Number) },
    schedule: { paused: false, nextRunAt: expect.any(String) },
  });
  expect([1, 2]).toContain(own.body.invitations.open);
  await usher
    .owner('emails')
    .where({ organization_id: few.id, recipient: 'later@few.test' })
    .update({ status: 'failed' });
  await usher
    .owner('emails')
    .where({ organization_id: few.id, recipient: 'today@few.test' })
    .update({ status: 'queued', created_at: '2026-01-01T00:00:00Z' });
  expect((await few.call('GET', '/figures')).body.mails).toEqual({
    queued: 1,
    oldestQueuedAt: '2026-01-01T00:00:00.000Z',
    failedLast24Hours: 1,
  });
  const all = (await usher.call('GET', '/v1/figures')).body;
  expect(all.mails).toMatchObject({ failedLast24Hours: 1, oldestQueuedAt: '2026-01-01T00:00:00.000Z' });
  expect(all.invitations.open).toBeGreaterThan(own.body.invitations.open);
  expect((await usher.call('GET', '/v1/figures', undefined, { key: few.key })).body.code).toBe('FORBIDDEN');
  expect((await staff.call('GET', '/v1/organizations/current/figures')).body.code).toBe('FORBIDDEN');
  const { text } = await usher.call('GET', '/metrics', undefined, { key: null });
  for (const name of ['invitations_open', 'invitations_due_today', 'mails_queued', 'mails_failed_last_day'])
    expect(text).toMatch(new RegExp(`^usher_${name} \\d+$`, 'm'));
  expect(text).toMatch(/^usher_mails_oldest_queued_seconds [\d.e+]+$/m);
});

test('every kind of event that the program writes belongs to a screen', () => {
  expect(topicsOf('invitation.sent')).toContain('invitations');
  expect(topicsOf('something.new')).toEqual([...topics, 'audit']);
});
