import { routes } from '../../api/app';
import { dayMs, moved, setClock } from '../support/clock';
import { dump } from '../support/dump';
import { expectProblem } from '../support/problem';
import { tokenOf } from '../support/token';
import {
  eventually,
  goodPassword,
  type Reply,
  startUsher,
  type TestOrganization,
  type TestUsher,
} from '../support/usher';
import { visit } from '../support/visitor';

let usher: TestUsher;
beforeAll(async () => {
  usher = await startUsher();
});
afterAll(() => usher.stop());
afterEach(async () => {
  usher.mail.respond = () => 'accept';
  await setClock(usher, null);
});

const accept = (token: string, headers = {}, password = goodPassword): Promise<Reply> =>
  usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password }, { key: null, headers });
const read = (organization: TestOrganization, { id }: { id: string }): Promise<Reply> =>
  organization.call('GET', `/invitations/${id}`);
const delivered = (organization: TestOrganization, invitation: { id: string }, status = 'sent'): Promise<Reply> =>
  eventually(
    () => read(organization, invitation),
    ({ body }) => body.delivery.status === status,
  );
const mailsTo = (email: string): number => usher.mail.messages.filter(({ to }) => to.includes(email)).length;

describe('F1: every invitation is one durable workflow that an operator can find, read and act on', () => {
  const find = async (query: string): Promise<string[]> => {
    const found: string[] = [];
    for await (const run of usher.temporal.workflow.list({ query })) found.push(run.workflowId);
    return found.sort();
  };

  // SQLite compares instants as text, in which "….10" and "….100" differ: a moment around it is as good.
  const deadlineNear = (instant: string) =>
    `UsherDeadline > "${moved(instant, -20).toISOString()}" and UsherDeadline < "${moved(instant, 20).toISOString()}"`;

  test('F1: it is searchable by organization, status, kind and deadline', async () => {
    const organization = await usher.createOrganization();
    const other = await usher.createOrganization();
    await other.invite({ email: 'other@f1.test' });
    const member = await organization.invite({ email: 'member@f1.test' });
    const guest = await organization.invite({ email: 'guest@f1.test', kind: 'guest' });
    const soon = await organization.invite({
      email: 'soon@f1.test',
      expiresAt: moved(member.sentAt as string, 86_400_000).toISOString(),
    });
    const ours = `UsherOrganizationId = "${organization.id}"`;
    const all = [member, guest, soon].map(({ workflowId }) => workflowId as string).sort();
    await eventually(
      () => find(ours),
      (ids) => ids.length === 3,
    );
    expect(await find(ours)).toEqual(all);
    expect(await find(`${ours} and UsherInvitationStatus = "pending"`)).toEqual(all);
    expect(await find(`${ours} and UsherInvitationKind = "guest"`)).toEqual([guest.workflowId]);
    expect(await find(`${ours} and ${deadlineNear(soon.expiresAt as string)}`)).toEqual([soon.workflowId]);
    expect(await find(`${ours} and UsherDeadline < "${member.expiresAt}"`)).toEqual([soon.workflowId]);
    expect((await accept(tokenOf(usher, guest))).status).toBe(200);
    await eventually(
      () => find(`${ours} and UsherInvitationStatus = "accepted"`),
      (ids) => ids.join() === guest.workflowId,
    );
    await organization.call('POST', `/invitations/${member.id}/resend`);
    const { expiresAt } = (await read(organization, member)).body;
    await eventually(
      () => find(`${ours} and ${deadlineNear(expiresAt as string)}`),
      (ids) => ids.join() === member.workflowId,
    );
  });

  test('F1: a one-line summary and the present state are readable', async () => {
    const organization = await usher.createOrganization();
    const invitation = await organization.invite({ email: 'read@f1.test', kind: 'guest' });
    await delivered(organization, invitation);
    const handle = usher.temporal.workflow.getHandle(invitation.workflowId as string);
    expect(await (await handle.describe()).staticSummary()).toBe('Guest invitation');
    const details = async () =>
      (await handle.query<{ currentDetails?: string }>('__temporal_workflow_metadata')).currentDetails ?? '';
    const text = await eventually(details, (shown) => shown.includes('expire'));
    expect(text).toContain('**pending**');
    expect(text).toContain(`next: **expire** at ${invitation.expiresAt}`);
    await organization.call('POST', `/invitations/${invitation.id}/cancel`);
    await handle.result();
    expect(await details()).toContain('**cancelled** · nothing left to do');
  });

  test('F1: its history holds no personal data, also where the mail server names people in its refusals', async () => {
    const organization = await usher.createOrganization({ name: 'Zauberberg Sanatorium' });
    const personal = {
      email: 'hans.castorp@f1.test',
      firstName: 'Hans',
      lastName: 'Castorp',
      username: 'zivilist',
      message: 'Willkommen auf sieben Jahre',
      externalId: 'patient-34',
      metadata: { room: 'vierunddreissig' },
    };
    usher.mail.respond = ({ attempt, to }) =>
      attempt === 1 ? { code: 451, text: `later, ${to.join()}` } : { code: 550, text: `no ${to.join()} here` };
    const invitation = await organization.invite(personal);
    await delivered(organization, invitation, 'failed');
    usher.mail.respond = () => 'accept';
    const second = { email: 'joachim.ziemssen@f1.test', firstName: 'Joachim' };
    await organization.call('PATCH', `/invitations/${invitation.id}`, second);
    const { token } = await usher.linkFor(second.email);
    expect((await accept(token)).status).toBe(200);
    const handle = usher.temporal.workflow.getHandle(invitation.workflowId as string);
    await handle.result();
    const history = readable(await handle.fetchHistory()) + readable((await handle.describe()).raw);
    expect(history).toContain(invitation.id);
    expect(history).toContain('sendInvitation');
    const secrets = [...Object.values(personal).filter((value) => typeof value === 'string'), ...Object.values(second)];
    for (const secret of [...secrets, 'vierunddreissig', 'Zauberberg', token, '@f1.test', goodPassword, ' here'])
      expect({ secret, found: history.includes(secret) }).toEqual({ secret, found: false });
  });

  test('F1: an operator can send it again and cancel it from the Temporal UI', async () => {
    const organization = await usher.createOrganization();
    const invitation = await organization.invite({ email: 'act@f1.test' });
    await delivered(organization, invitation);
    const handle = usher.temporal.workflow.getHandle(invitation.workflowId as string);
    await handle.signal('resend');
    const fresh = await usher.linkFor('act@f1.test', 2);
    await handle.cancel();
    expect(await handle.result()).toEqual({ status: 'cancelled' });
    expect(await read(organization, invitation)).toMatchObject({ body: { status: 'cancelled', generation: 2 } });
    expectProblem(await accept(fresh.token), 'INVITATION_CANCELLED');
    const { items } = (await organization.call('GET', `/invitations/${invitation.id}/timeline`)).body;
    const operators = items.filter((item: { actor: { type: string } }) => item.actor.type === 'operator');
    expect(operators.map((item: { event: string }) => item.event)).toEqual(['resent', 'cancelled']);
    const another = await organization.invite({ email: 'signal@f1.test' });
    await eventually(
      () => find(`WorkflowId = "${another.workflowId}"`),
      (ids) => ids.length === 1,
    );
    const second = usher.temporal.workflow.getHandle(another.workflowId as string);
    await second.signal('cancel');
    expect(await second.result()).toEqual({ status: 'cancelled' });
  });
});

describe('F2: a timeline for people, with the next planned step', () => {
  const timelineOf = async (organization: TestOrganization, { id }: { id: string }) => {
    const { body } = await organization.call('GET', `/invitations/${id}/timeline`);
    const items = body.items as { at: string; event: string; actor: { type: string; displayName: string } }[];
    expect(items.map(({ at }) => at)).toEqual(items.map(({ at }) => at).sort());
    for (const { actor } of items) expect(actor.displayName).toMatch(/\S/);
    return { events: items.map(({ event }) => event), items, nextStep: body.nextStep as unknown };
  };

  test('F2: created, sent, delivered, resent, accepted, and the deadline as the next step as long as it is open', async () => {
    const organization = await usher.createOrganization({ preset: '21-days' });
    const draft = await organization.invite({
      email: 'story@f2.test',
      firstName: 'Ada',
      lastName: 'Lovelace',
      send: false,
    });
    expect(await timelineOf(organization, draft)).toMatchObject({ events: ['created'], nextStep: null });
    const sent = (await organization.call('POST', `/invitations/${draft.id}/send`)).body;
    await delivered(organization, draft);
    expect(await timelineOf(organization, draft)).toMatchObject({
      events: ['created', 'sent', 'delivered'],
      nextStep: { action: 'expire', at: sent.expiresAt },
    });
    await organization.call('POST', `/invitations/${draft.id}/resend`);
    const { token } = await usher.linkFor('story@f2.test', 2);
    await delivered(organization, draft);
    expect((await accept(token)).status).toBe(200);
    const { events, items, nextStep } = await timelineOf(organization, draft);
    expect(events).toEqual(['created', 'sent', 'delivered', 'resent', 'delivered', 'accepted']);
    expect(nextStep).toBeNull();
    expect(items.map(({ actor }) => actor.type)).toEqual([
      'api-key',
      'api-key',
      'system',
      'api-key',
      'system',
      'invitee',
    ]);
  });

  test('F2: a mail that waits for its next try is the next step, with its time; one that is refused is told', async () => {
    const organization = await usher.createOrganization();
    usher.mail.respond = ({ attempt }) =>
      attempt < 2 ? { code: 451, text: 'try later' } : { code: 550, text: 'no such user' };
    const invitation = await organization.invite({ email: 'retry@f2.test' });
    const waiting = await eventually(
      () => read(organization, invitation),
      ({ body }) => body.delivery.detail !== undefined,
    );
    expect(waiting.body.nextStep.action).toBe('send');
    expect(Date.parse(waiting.body.nextStep.at as string)).toBeGreaterThan(Date.parse(invitation.sentAt as string));
    expect((await timelineOf(organization, invitation)).events).toEqual(['created', 'sent']);
    await delivered(organization, invitation, 'failed');
    expect(await timelineOf(organization, invitation)).toMatchObject({
      events: ['created', 'sent', 'refused'],
      nextStep: { action: 'expire', at: invitation.expiresAt },
    });
  });

  test.each([
    ['declined', (token: string) => usher.call('POST', `/v1/invitation-tokens/${token}/decline`, {}, { key: null })],
    ['cancelled', null],
    ['corrected', null],
  ] as const)('F2: %s', async (event, byInvitee) => {
    const organization = await usher.createOrganization();
    const invitation = await organization.invite({ email: `${event}@f2.test` });
    await delivered(organization, invitation);
    if (byInvitee) await byInvitee(tokenOf(usher, invitation));
    else if (event === 'cancelled') await organization.call('POST', `/invitations/${invitation.id}/cancel`);
    else await organization.call('PATCH', `/invitations/${invitation.id}`, { email: 'better@f2.test' });
    const { events, nextStep } = await timelineOf(organization, invitation);
    expect(events.slice(0, 4)).toEqual(['created', 'sent', 'delivered', event]);
    if (event !== 'corrected') expect(nextStep).toBeNull();
  });
});

describe('F4: delivery is a state of its own', () => {
  test('F4: none while a draft, then sent; the invitation is pending all the while', async () => {
    const organization = await usher.createOrganization();
    const draft = await organization.invite({ email: 'ok@f4.test', send: false });
    expect(draft.delivery).toEqual({ status: 'none' });
    const sent = await organization.call('POST', `/invitations/${draft.id}/send`);
    expect(sent.body).toMatchObject({ status: 'pending', delivery: { status: 'queued' } });
    expect((await delivered(organization, draft)).body).toMatchObject({
      status: 'pending',
      delivery: { status: 'sent' },
    });
  });

  test('F4: queued with the words of a server that takes no mail now, and sent once it does', async () => {
    const organization = await usher.createOrganization();
    let busy = true;
    usher.mail.respond = () => (busy ? { code: 451, text: 'greylisted, come back' } : 'accept');
    const invitation = await organization.invite({ email: 'grey@f4.test' });
    const { body } = await eventually(
      () => read(organization, invitation),
      (answer) => answer.body.delivery.detail !== undefined,
    );
    expect(body).toMatchObject({ status: 'pending', delivery: { status: 'queued' } });
    expect(body.delivery.detail).toContain('greylisted, come back');
    busy = false;
    await delivered(organization, invitation);
    expect(mailsTo('grey@f4.test')).toBe(1);
  });

  test('F4: failed with the words of a server that refuses it; the link is alive, and a corrected address gets it', async () => {
    const organization = await usher.createOrganization();
    usher.mail.respond = ({ to }) => (to.includes('typo@f4.test') ? { code: 550, text: 'no such user' } : 'accept');
    const invitation = await organization.invite({ email: 'typo@f4.test' });
    const failed = await delivered(organization, invitation, 'failed');
    expect(failed.body.status).toBe('pending');
    expect(failed.body.delivery.detail).toContain('550 no such user');
    const link = await usher.call('GET', `/v1/invitation-tokens/${tokenOf(usher, invitation)}`, undefined, {
      key: null,
    });
    expect(link.status).toBe(200);
    await organization.call('PATCH', `/invitations/${invitation.id}`, { email: 'right@f4.test' });
    expect((await delivered(organization, invitation)).body).toMatchObject({ status: 'pending', generation: 2 });
    expect([mailsTo('typo@f4.test'), mailsTo('right@f4.test')]).toEqual([0, 1]);
  });
});

describe('F6: Idempotency-Key', () => {
  const withKey = (key: string) => ({ headers: { 'Idempotency-Key': key } });

  test('F6: every POST takes one, except where the answer is a secret or the question is always answered alike', () => {
    const without = routes.filter(({ method, idempotent }) => method === 'post' && !idempotent);
    expect(without.map(({ path }) => path.replace(/^.*\//, '')).sort()).toEqual([
      'api-keys',
      // A secret for an authenticator app, and recovery codes.
      'app',
      'confirm',
      // Used up by being used.
      'confirm-email',
      // Reports of the mail provider: what comes twice counts once.
      'dsn',
      // Questions.
      'evaluation',
      'evaluations',
      'link',
      // What a mail would look like.
      'preview',
      'recovery-codes',
      'request-new',
      'reset-password',
      // The answer is a cookie, and there is none to end twice.
      'sign-in',
      'sign-out',
      'two-factor',
    ]);
  });

  test('F6: the same key gives the same answer, and never a second mail, however often and at once', async () => {
    const organization = await usher.createOrganization();
    const ask = () => organization.call('POST', '/invitations', { email: 'once@f6.test' }, withKey('one'));
    const answers = await Promise.all(Array.from({ length: 10 }, ask));
    answers.push(await ask());
    for (const answer of answers) {
      expect(answer.status).toBe(201);
      expect(answer.body).toEqual(answers[0]?.body);
    }
    await delivered(organization, answers[0]?.body);
    const resend = () =>
      organization.call('POST', `/invitations/${answers[0]?.body.id}/resend`, undefined, withKey('again'));
    const resent = await Promise.all(Array.from({ length: 5 }, resend));
    for (const answer of resent) expect(answer).toMatchObject({ status: 200, body: { generation: 2 } });
    await usher.linkFor('once@f6.test', 2);
    await delivered(organization, answers[0]?.body);
    expect((await resend()).body).toEqual(resent[0]?.body);
    expect((await read(organization, answers[0]?.body)).body.generation).toBe(2);
    expect(mailsTo('once@f6.test')).toBe(2);
    expect((await organization.call('GET', '/invitations')).body.items).toHaveLength(1);
  });

  test('F6: an organization is created once', async () => {
    const fields = { name: 'Once', preset: '28-days', timeZone: 'UTC', locale: 'en' };
    const ask = () => usher.call('POST', '/v1/organizations', fields, withKey('organization'));
    const [first, second] = [await ask(), await ask()];
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toEqual(first.body);
    expect(await usher.owner('organizations').where({ name: 'Once' })).toHaveLength(1);
  });

  test('F6: with another body or another path the key is refused, and nothing happens', async () => {
    const organization = await usher.createOrganization();
    const first = await organization.call('POST', '/invitations', { email: 'a@f6.test' }, withKey('reused'));
    expect(first.status).toBe(201);
    const other = await organization.call('POST', '/invitations', { email: 'b@f6.test' }, withKey('reused'));
    expectProblem(other, 'IDEMPOTENCY_KEY_REUSED');
    expect((await organization.call('GET', '/invitations')).body.items).toHaveLength(1);
    const second = await organization.invite({ email: 'c@f6.test' });
    const cancel = (id: string) =>
      organization.call('POST', `/invitations/${id}/cancel`, undefined, withKey('cancel-it'));
    expect((await cancel(first.body.id as string)).status).toBe(200);
    expectProblem(await cancel(second.id as string), 'IDEMPOTENCY_KEY_REUSED');
    expect((await read(organization, second)).body.status).toBe('pending');
  });

  test('F6: keys belong to their caller: the same one of another organization, or of another key, is another', async () => {
    const [ours, theirs] = [await usher.createOrganization(), await usher.createOrganization()];
    const a = await ours.call('POST', '/invitations', { email: 'mine@f6.test' }, withKey('shared'));
    const b = await theirs.call('POST', '/invitations', { email: 'mine@f6.test' }, withKey('shared'));
    expect([a.status, b.status]).toEqual([201, 201]);
    expect(b.body.id).not.toBe(a.body.id);
    const asPlatform = await ours.call(
      'POST',
      '/invitations',
      { email: 'mine@f6.test' },
      { key: usher.platformKey, ...withKey('shared') },
    );
    expectProblem(asPlatform, 'INVITATION_PENDING');
  });

  test('F6: what was refused did not happen: the same key may be tried again', async () => {
    const organization = await usher.createOrganization();
    const blocking = await organization.invite({ email: 'free@f6.test' });
    const ask = () => organization.call('POST', '/invitations', { email: 'free@f6.test' }, withKey('try'));
    expectProblem(await ask(), 'INVITATION_PENDING');
    await organization.call('POST', `/invitations/${blocking.id}/cancel`);
    expect((await ask()).status).toBe(201);
  });

  test('F6: accepting twice with one key is one acceptance, with one answer, also at once', async () => {
    const organization = await usher.createOrganization();
    const token = tokenOf(usher, await organization.invite({ email: 'accept@f6.test' }));
    const key = { 'Idempotency-Key': 'accept' };
    const answers = await Promise.all(Array.from({ length: 5 }, () => accept(token, key)));
    answers.push(await accept(token, key));
    for (const answer of answers) expect(answer).toMatchObject({ status: 200, body: answers[0]?.body });
    expectProblem(await accept(token, key, 'Another-Word-9'), 'IDEMPOTENCY_KEY_REUSED');
    expectProblem(await accept(token), 'INVITATION_ANSWERED');
    const other = tokenOf(usher, await organization.invite({ email: 'other@f6.test' }));
    expect((await accept(other, key)).status).toBe(200);
  });

  test('F6: where the answer is a secret, a key keeps nothing', async () => {
    const organization = await usher.createOrganization();
    const keys = [1, 2].map(() => organization.call('POST', '/api-keys', { name: 'robot' }, withKey('secret')));
    const [first, second] = await Promise.all(keys);
    expect(first?.status).toBe(201);
    expect(second?.body.key).not.toBe(first?.body.key);
    const stored = JSON.stringify(await usher.owner('idempotency_keys').where({ key: 'secret' }));
    expect(stored).toBe('[]');
  });

  test.each(['', ' ', 'with space', 'x'.repeat(256), 'ümlaut'])('F6: "%s" is no key', async (key) => {
    const organization = await usher.createOrganization();
    const headers = { Authorization: `Bearer ${organization.key}`, 'Content-Type': 'application/json' };
    const answer = await fetch(`${usher.url}/v1/organizations/current/invitations`, {
      method: 'POST',
      headers: { ...headers, 'Idempotency-Key': Buffer.from(key).toString('latin1') },
      body: JSON.stringify({ email: 'bad-key@f6.test' }),
    });
    expect({ key, status: answer.status }).toEqual({ key, status: 400 });
  });
});

describe('F7: policy changes reach invitations already in flight if asked to', () => {
  test('F7: the term of an open invitation and its reminders follow the policy, with the link that was mailed', async () => {
    const organization = await usher.createOrganization({ timeZone: 'UTC' });
    const email = 'flying@f7.test';
    const invitation = await organization.invite({ email });
    const chosen = await organization.invite({
      email: 'chosen@f7.test',
      expiresAt: moved(invitation.sentAt as string, 40 * dayMs).toISOString(),
    });
    await delivered(organization, invitation);
    const { token } = await usher.linkFor(email);
    const link = () => usher.call('GET', `/v1/invitation-tokens/${token}`, undefined, { key: null });
    const change = (policy: object) => organization.call('PATCH', '/policy', policy);
    const after = (ms: number) => moved(invitation.sentAt as string, ms).toISOString();

    // Not asked to, it reaches later invitations only.
    await change({ invitationLifetime: 'P14D', reminders: ['P7D'] });
    expect((await read(organization, invitation)).body).toMatchObject({
      expiresAt: invitation.expiresAt,
      nextStep: { action: 'expire', at: invitation.expiresAt },
    });

    await change({ applyToPending: true });
    const nextStep = { action: 'remind', at: after(7 * dayMs) };
    expect((await read(organization, invitation)).body).toMatchObject({ expiresAt: after(14 * dayMs), nextStep });
    expect((await organization.call('GET', `/invitations/${invitation.id}/timeline`)).body.nextStep).toEqual(nextStep);
    expect(await link()).toMatchObject({ status: 200, body: { expiresAt: after(14 * dayMs) } });
    // The deadline that an inviter has set is theirs.
    expect((await read(organization, chosen)).body.expiresAt).toBe(chosen.expiresAt);
    expect(mailsTo(email)).toBe(1);

    // The workflow has heard of it: the reminder goes out by the new plan.
    const soonMs = Math.ceil((Date.now() - Date.parse(invitation.sentAt as string)) / 1_000) * 1_000 + 3_000;
    await change({
      invitationLifetime: 'PT1H',
      reminders: [`PT${3_600 - soonMs / 1_000}S`],
      applyToPending: true,
    });
    expect((await read(organization, invitation)).body).toMatchObject({
      expiresAt: after(3_600_000),
      nextStep: { action: 'remind', at: after(soonMs) },
    });
    const reminder = await usher.linkFor(email, 2);
    expect(reminder).toMatchObject({ token, subject: 'Reminder: your invitation to Acme' });

    // Shortened into the past, it ends there and then.
    await change({ invitationLifetime: 'PT1S', reminders: [], applyToPending: true });
    expectProblem(await link(), 'INVITATION_EXPIRED');
    const run = usher.temporal.workflow.getHandle(invitation.workflowId as string);
    expect(await run.result()).toEqual({ status: 'expired' });
    expect((await read(organization, invitation)).body).toMatchObject({ status: 'expired', nextStep: null });
    expect((await read(organization, chosen)).body.status).toBe('pending');
    expect(mailsTo(email)).toBe(2);
  });
});

describe('F10: only a person’s POST accepts or declines', () => {
  test('F10: a thousand GET, HEAD and OPTIONS over page and API change nothing in any table', async () => {
    const organization = await usher.createOrganization();
    const invitation = await organization.invite({ email: 'scanned@f10.test' });
    const { token } = await usher.linkFor('scanned@f10.test');
    await delivered(organization, invitation);
    await eventually(
      () => usher.owner('invitation_outbox').select(),
      (rows) => rows.length === 0,
    );
    const cookie = { Cookie: `usher_link=${token}` };
    const paths = [
      `/v1/invitation-tokens/${token}`,
      `/invitations/${token}`,
      `/invitations/open/${invitation.id}`,
      `/invitations/open/${invitation.id}/decline`,
      `/invitations/open/${invitation.id}/accepted`,
      `/invitations/open/${invitation.id}/requested`,
      `/invitations/open/${invitation.id}/accept`,
      `/invitations/open/${invitation.id}/request-new`,
      `/v1/invitation-tokens/${token}/accept`,
      `/v1/invitation-tokens/${token}/decline`,
    ];
    // Only the counters of the rate limits, which are no one's state.
    const before = await dump(usher, { without: ['rate_limits'] });
    const asked = Array.from({ length: 1_000 }, (_, index) => ({
      path: paths[index % paths.length] ?? '',
      method: ['GET', 'HEAD', 'OPTIONS'][Math.floor(index / paths.length) % 3] ?? '',
    }));
    const statuses = new Set<number>();
    for (let from = 0; from < asked.length; from += 20) {
      const answers = await Promise.all(
        asked.slice(from, from + 20).map(async ({ path, method }) => {
          const answer = await fetch(usher.url + path, { method, headers: cookie, redirect: 'manual' });
          await answer.arrayBuffer();
          return answer.status;
        }),
      );
      answers.forEach((status) => statuses.add(status));
    }
    expect([...statuses].filter((status) => status >= 500 || status === 429)).toEqual([]);
    expect([...statuses]).toContain(200);
    expect(await dump(usher, { without: ['rate_limits'] })).toEqual(before);
    expect((await accept(token)).status).toBe(200);
  });

  test('F10: a scanner that presses the button on the page declines nothing', async () => {
    const organization = await usher.createOrganization();
    const invitation = await organization.invite({ email: 'pressed@f10.test' });
    const visitor = visit(usher);
    await visitor.get(`/invitations/${tokenOf(usher, invitation)}`);
    const page = await visitor.get(`/invitations/open/${invitation.id}/decline`);
    const pressed = await visitor.post(page.action(), { reason: '' });
    expect(pressed.status).toBe(400);
    expect(pressed.text).toContain('Tick the box to confirm that you want to decline.');
    expect((await visitor.post(`/invitations/open/${invitation.id}/accept`)).status).toBe(400);
    expect((await read(organization, invitation)).body.status).toBe('pending');
    const declined = await visitor.post(page.action(), { confirm: 'yes', reason: 'No time' });
    expect(declined.heading).toBe('You declined the invitation');
    expect((await read(organization, invitation)).body).toMatchObject({ status: 'declined', declineReason: 'No time' });
  });
});

/** Everything in a message of Temporal as text, payloads and all. */
function readable(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (Array.isArray(value)) return value.map(readable).join('\n');
  if (value && typeof value === 'object') return Object.entries(value).flat().map(readable).join('\n');
  return typeof value === 'string' ? value : JSON.stringify(value) || '';
}
