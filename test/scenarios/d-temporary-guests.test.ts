import { moved, setClock } from '../support/clock';
import { signedInPerson, type Person } from '../support/people';
import { eventually, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let home: TestOrganization;
let host: TestOrganization;
beforeAll(async () => {
  usher = await startUsher({ env: { USHER_RATE_LIMITS: 'on' } });
  home = await usher.createOrganization({ preset: '28-days', name: 'Home' });
  host = await usher.createOrganization({ preset: 'licensed-guests', name: 'Host' }, { guestAccessWarning: 'PT8S' });
});
afterAll(() => usher.stop());

async function guest(email: string, fields: Record<string, unknown> = {}): Promise<Person> {
  const person = await signedInPerson(usher, home, email);
  const invitation = await host.invite({ kind: 'guest', email, ...fields });
  const accepted = await person.call('POST', `/v1/me/invitations/${invitation.id}/accept`);
  if (accepted.status !== 200) throw new Error(accepted.text);
  return person;
}

const inside = async (person: Person) =>
  (await person.call('GET', '/v1/me/organizations')).body.items.some(
    ({ id }: { id: string }) => id === host.id,
  ) as boolean;
const run = (person: Person) => usher.temporal.workflow.getHandle(`guest-access:${host.id}:${person.id}`);
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();

test('D11: temporary access is announced to guest and host, and ends by itself', async () => {
  const sponsor = await signedInPerson(usher, host, 'sponsor@example.com');
  const ada = await guest('d11@example.com', { sponsorId: sponsor.id });
  expect(await inside(ada)).toBe(true);
  const accessEndsAt = inMs(10_000);
  const changed = await host.call('PATCH', `/guests/${ada.id}`, { accessEndsAt });
  expect(changed).toMatchObject({ status: 200, body: { accessEndsAt } });

  const subjects = (email: string) =>
    usher.mail.messages.filter(({ to }) => to.includes(email)).map(({ parsed }) => parsed.subject);
  await eventually(
    () => Promise.resolve(subjects('d11@example.com')),
    (found) => found.includes('Your access to Host ends soon'),
  );
  await eventually(
    () => Promise.resolve(subjects('sponsor@example.com')),
    (found) => found.includes('The access of Ada Lovelace ends soon'),
  );
  await run(ada).result();
  expect(await inside(ada)).toBe(false);
  expect((await host.call('GET', '/guests')).body.items).toEqual([]);
  const log = (await host.call('GET', '/guest-log?q=d11@')).body.items;
  expect(log).toMatchObject([
    { event: 'exit', reason: 'access-ended', at: accessEndsAt },
    { event: 'entry', reason: 'accepted' },
  ]);
  expect((await home.call('GET', `/users/${ada.id}`)).body.status).toBe('active');
  expect((await host.call('PATCH', `/guests/${ada.id}`, { accessEndsAt: inMs(60_000) })).status).toBe(404);
  const history = JSON.stringify(await run(ada).fetchHistory());
  for (const secret of ['d11@example.com', 'Lovelace', 'sponsor@example.com']) expect(history).not.toContain(secret);
});

test('D11: warnings count as mails that nobody has asked for, and who has had enough for now gets none', async () => {
  const sponsor = await signedInPerson(usher, host, 'd11-counted-sponsor@example.com');
  const gil = await guest('d11-counted@example.com', { sponsorId: sponsor.id });
  // With those two that the guest has had, ten within the hour.
  const other = await usher.createOrganization();
  const { id } = await other.invite({ email: gil.email, kind: 'guest' });
  for (let count = 0; count < 7; count++)
    expect((await other.call('POST', `/invitations/${id}/resend`)).status).toBe(200);
  expect((await other.call('POST', `/invitations/${id}/resend`)).body.code).toBe('TOO_MANY_REQUESTS');
  const points = async (like: string) =>
    Number((await usher.owner('rate_limits').where('key', 'like', like).sum('points as sum'))[0]?.sum ?? 0);
  const before = {
    organization: await points(`mail-organization:${host.id}`),
    people: await points('mail-invitation:%'),
  };

  expect((await host.call('PATCH', `/guests/${gil.id}`, { accessEndsAt: inMs(10_000) })).status).toBe(200);
  const rows = await eventually(
    () => usher.owner('account_mails').where({ about_account_id: gil.id }).orderBy('type'),
    (found) => found.length === 2 && found.every(({ status }) => status !== 'queued'),
  );
  expect(rows).toMatchObject([
    {
      type: 'guest-access-ending',
      recipient: gil.email,
      organization_id: host.id,
      status: 'failed',
      detail: 'Not sent: this recipient has been sent too many mails within an hour.',
    },
    { type: 'guest-access-ending-host', recipient: sponsor.email, status: 'sent' },
  ]);
  const warned = (email: string) =>
    usher.mail.messages.filter(({ to, parsed }) => to.includes(email) && parsed.subject?.includes('ends soon'));
  expect([warned(gil.email).length, warned(sponsor.email).length]).toEqual([0, 1]);
  expect(await points(`mail-organization:${host.id}`)).toBe(before.organization + 2);
  expect(await points('mail-invitation:%')).toBe(before.people + 2);
});

test('D11: an extension and an early end reach the run that waits; the last one set holds', async () => {
  const ben = await guest('d11-extended@example.com', { accessEndsAt: inMs(600_000) });
  const timers = async () => {
    const history = await run(ben)
      .fetchHistory()
      .catch(() => null);
    return (
      history?.events?.flatMap((event) => event.timerStartedEventAttributes?.startToFireTimeout?.seconds ?? []) ?? []
    );
  };
  await eventually(timers, (found) => found.length === 1);
  expect((await host.call('PATCH', `/guests/${ben.id}`, { accessEndsAt: inMs(7_200_000) })).status).toBe(200);
  const [first, second] = await eventually(timers, (found) => found.length === 2);
  expect(Number(first)).toBeLessThanOrEqual(600);
  expect(Number(second)).toBeGreaterThan(3_600);
  expect(await inside(ben)).toBe(true);
  expect((await host.call('PATCH', `/guests/${ben.id}`, { accessEndsAt: inMs(4_000) })).status).toBe(200);
  await run(ben).result();
  expect(await inside(ben)).toBe(false);
});

test('D11: at the very instant access is over, before any job has run; and not a millisecond earlier', async () => {
  const cem = await guest('d11-instant@example.com');
  await usher.stopWorker();
  const end = new Date(Date.now() + 86_400_000);
  await host.call('PATCH', `/guests/${cem.id}`, { accessEndsAt: end.toISOString() });
  await setClock(usher, moved(end, -1));
  expect(await inside(cem)).toBe(true);
  await setClock(usher, end);
  expect(await inside(cem)).toBe(false);
  const late = await host.call('PATCH', `/guests/${cem.id}`, { accessEndsAt: moved(end, 60_000).toISOString() });
  expect(late).toMatchObject({ status: 409, body: { code: 'STATUS_CONFLICT' } });
  await setClock(usher, null);
  await usher.startWorker();
  expect((await host.call('PATCH', `/guests/${cem.id}`, { accessEndsAt: null })).status).toBe(200);
  expect(await inside(cem)).toBe(true);
});

test('D11: an end in the past is refused, and an invitation does not outlive the access it gives', async () => {
  const dan = await guest('d11-past@example.com');
  const refused = await host.call('PATCH', `/guests/${dan.id}`, { accessEndsAt: inMs(-1_000) });
  expect(refused).toMatchObject({ status: 400, body: { errors: [{ pointer: '/accessEndsAt' }] } });
  const accessEndsAt = inMs(86_400_000);
  const invitation = await host.invite({ kind: 'guest', email: 'd11-short@example.com', accessEndsAt });
  expect(invitation.expiresAt).toBe(accessEndsAt);
  // Nor by a longer term for those under way, nor after an earlier end.
  await host.call('PATCH', '/policy', { invitationLifetime: 'P60D', applyToPending: true });
  const { expiresAt } = (await host.call('GET', `/invitations/${invitation.id}`)).body;
  expect(expiresAt).toBe(accessEndsAt);
  const [guestOf] = (await host.call('GET', '/guests?q=d11-short')).body.items;
  const earlier = inMs(3_600_000);
  expect((await host.call('PATCH', `/guests/${guestOf.id}`, { accessEndsAt: earlier })).status).toBe(200);
  expect((await host.call('GET', `/invitations/${invitation.id}`)).body.expiresAt).toBe(earlier);
});

test('D12: a guest is suspended at any time, from the next request on, and resumed', async () => {
  const eve = await guest('d12@example.com');
  expect(await host.call('POST', `/users/${eve.id}/suspend`)).toMatchObject({
    status: 200,
    body: { status: 'suspended' },
  });
  expect(await inside(eve)).toBe(false);
  expect((await eve.call('GET', '/v1/me')).status).toBe(200);
  expect((await host.call('POST', `/users/${eve.id}/suspend`)).status).toBe(200);
  expect((await host.call('GET', '/guests?status=suspended')).body.items).toMatchObject([{ id: eve.id }]);
  expect(await host.call('POST', `/users/${eve.id}/resume`)).toMatchObject({ status: 200, body: { status: 'active' } });
  expect(await inside(eve)).toBe(true);
  const reasons = (await host.call('GET', '/guest-log?q=d12@')).body.items.map(
    ({ reason }: { reason: string }) => reason,
  );
  expect(reasons).toEqual(['resumed', 'suspended', 'accepted']);
  const member = await signedInPerson(usher, host, 'd12-member@example.com');
  expect((await host.call('POST', `/users/${member.id}/suspend`)).body.code).toBe('STATUS_CONFLICT');
});
