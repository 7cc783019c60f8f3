import pino from 'pino';
import { createLiveHub, type Listener } from '../../api/live/hub';
import { topicsOf, topics } from '../../api/live/topics';
import { openDatabase } from '../../db/database';
import type { Happening } from '../../db/queries/latest-events';
import { build, endLeftProcesses, startApi } from '../faults/processes';
import { type Person, signedInPerson } from '../support/people';
import { eventually, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

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
}, 120_000);
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

test('every kind of event that the program writes belongs to a screen', () => {
  expect(topicsOf('invitation.sent')).toContain('invitations');
  expect(topicsOf('something.new')).toEqual([...topics, 'audit']);
});
