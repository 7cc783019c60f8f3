import { dayMs, moved, setClock } from '../support/clock';
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

let usher: TestUsher;
let organization: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  organization = await usher.createOrganization({ preset: '28-days' });
});
afterAll(() => usher.stop());
afterEach(() => setClock(usher, null));

const link = (method: string, token: string, action = '', body?: unknown): Promise<Reply> =>
  usher.call(method, `/v1/invitation-tokens/${token}${action}`, body, { key: null });
const accept = (token: string) => link('POST', token, '/accept', { password: goodPassword });
const post = (path: string, body?: unknown) => organization.call('POST', `/invitations${path}`, body);
const userOf = async (email: string) => (await organization.call('GET', `/users?q=${email}`)).body.items[0];

describe('one open invitation per address', () => {
  test('a second one is 409, in other letters, too, and while the first is a draft', async () => {
    await organization.invite({ email: 'open@one.test' });
    expectProblem(await post('', { email: 'open@one.test' }), 'INVITATION_PENDING', ['/email']);
    expectProblem(await post('', { email: 'OPEN@One.Test', kind: 'guest' }), 'INVITATION_PENDING', ['/email']);
    await organization.invite({ email: 'draft@one.test', send: false });
    expectProblem(await post('', { email: 'Draft@one.test', overwrite: true }), 'INVITATION_PENDING', ['/email']);
  });

  test('twenty at once: exactly one is taken, and one mail goes out', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => post('', { email: index % 2 ? 'race@one.test' : 'Race@One.test' })),
    );
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(1);
    for (const answer of answers.filter(({ status }) => status !== 201)) expectProblem(answer, 'INVITATION_PENDING');
    expect((await organization.call('GET', '/invitations?q=race@one')).body.items).toHaveLength(1);
    await usher.linkFor('race@one.test');
    expect(usher.mail.messages.filter(({ to }) => to.includes('race@one.test'))).toHaveLength(1);
  });

  test('who has come in is ALREADY_MEMBER', async () => {
    await accept(tokenOf(usher, await organization.invite({ email: 'in@one.test' })));
    expectProblem(await post('', { email: 'IN@one.test' }), 'ALREADY_MEMBER', ['/email']);
  });
});

describe('inviting again', () => {
  test.each([
    ['cancelled', (id: string) => post(`/${id}/cancel`)],
    ['declined', (id: string) => link('POST', tokenOf(usher, { id, generation: 1 }), '/decline', { reason: 'not me' })],
  ] as const)('what was %s can be invited again without overwrite, as the same user', async (ended, end) => {
    const email = `${ended}@again.test`;
    const first = await organization.invite({ email });
    expect((await end(first.id as string)).status).toBe(200);
    const before = await userOf(email);
    expect(before).toMatchObject({ status: 'inactive', invitation: { status: ended } });
    const second = await organization.invite({ email });
    expect(second).toMatchObject({ status: 'pending', username: first.username });
    expect(await userOf(email)).toMatchObject({ id: before.id, status: 'invited', invitation: { id: second.id } });
    expectProblem(
      await accept(tokenOf(usher, first)),
      ended === 'cancelled' ? 'INVITATION_CANCELLED' : 'INVITATION_ANSWERED',
    );
    expect((await accept(tokenOf(usher, second))).status).toBe(200);
  });

  test('an expired one of a never-active account is ACCOUNT_INACTIVE; overwrite frees username and e-mail (E10)', async () => {
    const person = { email: 'old@again.test', username: 'old-name', firstName: 'Old', message: 'old secret' };
    const first = await organization.invite(person);
    await usher.linkFor('old@again.test');
    await setClock(usher, moved(first.expiresAt as string, dayMs));
    expectProblem(await post('', person), 'ACCOUNT_INACTIVE', ['/email']);
    const old = await userOf('old@again.test');
    const second = await post('', { ...person, firstName: 'New', message: 'hello', overwrite: true });
    expect(second).toMatchObject({ status: 201, body: { email: 'old@again.test', username: 'old-name' } });
    expect(await userOf('old@again.test')).toMatchObject({ status: 'invited', firstName: 'New' });
    expect((await userOf('old@again.test')).id).not.toBe(old.id);
    expectProblem(await organization.call('GET', `/users/${old.id}`), 'NOT_FOUND');
    expectProblem(await accept(tokenOf(usher, first)), 'NOT_FOUND');
    const erased = await organization.call('GET', `/invitations/${first.id}`);
    expect(erased.body).toMatchObject({
      email: null,
      username: null,
      firstName: null,
      message: null,
      status: 'expired',
    });
    expect(JSON.stringify(await usher.owner('emails').where({ invitation_id: first.id }))).toBe('[]');
    expect((await accept(tokenOf(usher, second.body))).status).toBe(200);
  });

  test('overwritten for another address, the username goes to whoever wishes it', async () => {
    const first = await organization.invite({ email: 'leaves@again.test', username: 'wanted' });
    await setClock(usher, moved(first.expiresAt as string, dayMs));
    await post('', { email: 'leaves@again.test', username: 'other', overwrite: true });
    expect((await post('', { email: 'comes@again.test', username: 'Wanted' })).status).toBe(201);
  });
});

describe('drafts', () => {
  test('a draft is sent once; the second time is 409', async () => {
    const draft = await organization.invite({ email: 'once@draft.test', send: false });
    expect(draft).toMatchObject({ status: 'draft', expiresAt: null, generation: 0 });
    expect(await post(`/${draft.id}/send`)).toMatchObject({ status: 200, body: { status: 'pending', generation: 1 } });
    expectProblem(await post(`/${draft.id}/send`), 'INVITATION_NOT_DRAFT');
  });

  test('sent ten times at once, it goes out once', async () => {
    const draft = await organization.invite({ email: 'ten@draft.test', send: false });
    const answers = await Promise.all(Array.from({ length: 10 }, () => post(`/${draft.id}/send`)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(9).fill(409)]);
  });

  test('a draft cannot be resent; it can be corrected without a mail, and cancelled', async () => {
    const draft = await organization.invite({ email: 'typo@draft.test', send: false });
    expectProblem(await post(`/${draft.id}/resend`), 'INVITATION_DRAFT');
    const corrected = await organization.call('PATCH', `/invitations/${draft.id}`, { email: 'right@draft.test' });
    expect(corrected).toMatchObject({
      status: 200,
      body: { status: 'draft', generation: 0, email: 'right@draft.test' },
    });
    expect(await userOf('right@draft.test')).toMatchObject({ status: 'invited' });
    expect((await post(`/${draft.id}/cancel`)).body.status).toBe('cancelled');
    expectProblem(await post(`/${draft.id}/send`), 'INVITATION_NOT_DRAFT');
  });

  test('a deadline that was set holds, and one that has passed is refused at sending', async () => {
    const expiresAt = moved(new Date(), 3 * dayMs).toISOString();
    const sent = await organization.invite({ email: 'set@draft.test', expiresAt });
    expect(sent.expiresAt).toBe(expiresAt);
    const draft = await organization.invite({ email: 'passed@draft.test', expiresAt, send: false });
    await setClock(usher, moved(expiresAt, 1));
    expectProblem(await post(`/${draft.id}/send`), 'DEADLINE_PASSED');
  });
});

describe('PATCH of an open invitation', () => {
  test('a wrong If-Match is 412 and changes nothing; the right one, and none, are taken', async () => {
    const { id } = await organization.invite({ email: 'etag@patch.test' });
    const patch = (firstName: string, tag?: string) =>
      organization.call('PATCH', `/invitations/${id}`, { firstName }, { headers: tag ? { 'If-Match': tag } : {} });
    const read = await organization.call('GET', `/invitations/${id}`);
    const tag = read.headers['etag'] ?? '';
    expect(tag).toMatch(/^"\d+"$/);
    const done = await patch('Ada', tag);
    expect(done).toMatchObject({ status: 200, body: { firstName: 'Ada' } });
    expect(done.headers['etag']).not.toBe(tag);
    expectProblem(await patch('Eve', tag), 'PRECONDITION_FAILED');
    expectProblem(await patch('Eve', 'W/"1"'), 'PRECONDITION_FAILED');
    expect((await organization.call('GET', `/invitations/${id}`)).body.firstName).toBe('Ada');
    expect((await patch('Bea', `"x", ${done.headers['etag']}`)).status).toBe(200);
    expect((await patch('Cleo', '*')).status).toBe(200);
    expect((await patch('Dora')).status).toBe(200);
  });

  test('of ten who correct it at once with the same If-Match, one wins', async () => {
    const { id } = await organization.invite({ email: 'many@patch.test' });
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        organization.call(
          'PATCH',
          `/invitations/${id}`,
          { firstName: `N${index}` },
          { headers: { 'If-Match': '"1"' } },
        ),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(9).fill(412)]);
  });

  test('a corrected address is mailed at once; the old link says that there is a newer one', async () => {
    const first = await organization.invite({ email: 'wrong@patch.test' });
    const old = await usher.linkFor('wrong@patch.test');
    const corrected = await organization.call('PATCH', `/invitations/${first.id}`, { email: 'right@patch.test' });
    expect(corrected.body).toMatchObject({ generation: 2, email: 'right@patch.test', expiresAt: first.expiresAt });
    const fresh = await usher.linkFor('right@patch.test');
    expectProblem(await accept(old.token), 'INVITATION_SUPERSEDED');
    expect((await accept(fresh.token)).status).toBe(200);
    expect(await userOf('right@patch.test')).toMatchObject({ status: 'active' });
    expect(await userOf('wrong@patch.test')).toBeUndefined();
    expect((await organization.call('POST', '/invitations', { email: 'wrong@patch.test' })).status).toBe(201);
  });

  test('names, groups and text change without a mail, and the link stays', async () => {
    const first = await organization.invite({ email: 'same@patch.test' });
    await usher.linkFor('same@patch.test');
    const patch = { firstName: 'Ada', lastName: 'Lovelace', message: 'Hello', groupIds: [] };
    const changed = await organization.call('PATCH', `/invitations/${first.id}`, patch);
    expect(changed.body).toMatchObject({ ...patch, generation: 1 });
    expect(await userOf('same@patch.test')).toMatchObject({ displayName: 'Ada Lovelace' });
    expect((await link('GET', tokenOf(usher, first))).body).toMatchObject({ firstName: 'Ada', message: 'Hello' });
    expect(usher.mail.messages.filter(({ to }) => to.includes('same@patch.test'))).toHaveLength(1);
  });

  test('an address that is open, or in, already is refused', async () => {
    const first = await organization.invite({ email: 'moving@patch.test' });
    await organization.invite({ email: 'busy@patch.test' });
    const patch = (email: string) => organization.call('PATCH', `/invitations/${first.id}`, { email });
    expectProblem(await patch('Busy@patch.test'), 'INVITATION_PENDING', ['/email']);
    await accept(tokenOf(usher, await organization.invite({ email: 'settled@patch.test' })));
    expectProblem(await patch('settled@patch.test'), 'ALREADY_MEMBER', ['/email']);
    expectProblem(await patch('no address'), 'BAD_INPUT', ['/email']);
    expect((await link('GET', tokenOf(usher, first))).status).toBe(200);
  });

  test('what has ended is changed no more', async () => {
    const first = await organization.invite({ email: 'ended@patch.test' });
    await post(`/${first.id}/cancel`);
    const patch = () => organization.call('PATCH', `/invitations/${first.id}`, { firstName: 'X' });
    expectProblem(await patch(), 'INVITATION_CLOSED');
    for (const action of ['resend', 'link']) expectProblem(await post(`/${first.id}/${action}`), 'INVITATION_CLOSED');
    const expired = await organization.invite({ email: 'expired@patch.test' });
    await setClock(usher, new Date(expired.expiresAt as string));
    expectProblem(
      await organization.call('PATCH', `/invitations/${expired.id}`, { firstName: 'X' }),
      'INVITATION_CLOSED',
    );
  });
});

describe('a link for the inviter’s hands', () => {
  test('without e-mail: a draft until its first link, which starts the term; a later one keeps it and kills the first', async () => {
    const guests = await usher.createOrganization({ preset: 'licensed-guests' });
    const draft = await guests.invite({ kind: 'guest', firstName: 'Tove', lastName: 'Jansson' });
    expect(draft).toMatchObject({ status: 'draft', delivery: { status: 'none' }, email: null });
    expectProblem(await guests.call('POST', `/invitations/${draft.id}/send`), 'NO_EMAIL');
    const ask = () => guests.call('POST', `/invitations/${draft.id}/link`);
    const first = await ask();
    expect(first.status).toBe(200);
    expect(first.headers['cache-control']).toBe('no-store');
    expect(first.body.qrCode.png).toMatch(/^data:image\/png;base64,iVBOR/);
    expect(first.body.qrCode.svg).toMatch(/^<svg [^>]*>[\s\S]*<\/svg>\s*$/);
    const started = (await guests.call('GET', `/invitations/${draft.id}`)).body;
    expect(started).toMatchObject({ status: 'pending', delivery: { status: 'none' }, nextStep: { action: 'expire' } });
    await setClock(usher, moved(started.sentAt as string, 7 * dayMs));
    const second = await ask();
    expect(second.body.url).not.toBe(first.body.url);
    expect((await guests.call('GET', `/invitations/${draft.id}`)).body).toMatchObject({
      expiresAt: started.expiresAt,
      generation: 2,
    });
    const [old, fresh] = [first, second].map(({ body }) => (body.url as string).replace(/.*\//, ''));
    expectProblem(await link('GET', old ?? ''), 'INVITATION_SUPERSEDED');
    expect((await link('GET', fresh ?? '')).body).toMatchObject({ email: null, usernameRequired: true });
    expectProblem(await guests.call('POST', `/invitations/${draft.id}/resend`), 'NO_EMAIL');
  });

  test('instead of a mail: the mailed link is dead, and what became of the mail stays on record', async () => {
    const invitation = await organization.invite({ email: 'mailed@link.test' });
    const mailed = await usher.linkFor('mailed@link.test');
    await eventually(
      () => organization.call('GET', `/invitations/${invitation.id}`),
      ({ body }) => body.delivery.status === 'sent',
    );
    const { body } = await post(`/${invitation.id}/link`);
    expectProblem(await accept(mailed.token), 'INVITATION_SUPERSEDED');
    expect((await organization.call('GET', `/invitations/${invitation.id}`)).body).toMatchObject({
      delivery: { status: 'sent' },
      expiresAt: invitation.expiresAt,
    });
    expect((await accept((body.url as string).replace(/.*\//, ''))).status).toBe(200);
    expect(usher.mail.messages.filter(({ to }) => to.includes('mailed@link.test'))).toHaveLength(1);
  });

  test('no answer but this one ever holds a token', async () => {
    const invitation = await organization.invite({ email: 'quiet@link.test' });
    const token = tokenOf(usher, invitation);
    for (const path of [
      `/invitations/${invitation.id}`,
      `/invitations/${invitation.id}/timeline`,
      '/invitations',
      '/users',
      '/audit-events',
    ])
      expect((await organization.call('GET', path)).text).not.toContain(token);
  });
});

describe('policy', () => {
  const termDays = (invitation: { sentAt: string; expiresAt: string }) =>
    Math.round((Date.parse(invitation.expiresAt) - Date.parse(invitation.sentAt)) / dayMs);

  test('a change applies to later invitations and resends, not to open ones', async () => {
    const ours = await usher.createOrganization({ preset: '28-days' });
    const open = await ours.invite({ email: 'open@policy.test' });
    const changed = await ours.call('PATCH', '/policy', { invitationLifetime: 'P3D' });
    expect(changed).toMatchObject({ status: 200, body: { invitationLifetime: 'P3D', onExpiry: 'inactive' } });
    expect((await ours.call('GET', `/invitations/${open.id}`)).body.expiresAt).toBe(open.expiresAt);
    expect(termDays(await ours.invite({ email: 'later@policy.test' }))).toBe(3);
    const resent = await ours.call('POST', `/invitations/${open.id}/resend`);
    expect(termDays(resent.body)).toBe(3);
  });

  test('with applyToPending the open ones move, counted from their sending; others do not (F7)', async () => {
    const ours = await usher.createOrganization({ preset: '28-days' });
    const [open, chosen, draft, ended] = [
      await ours.invite({ email: 'open@policy.test' }),
      await ours.invite({ email: 'chosen@policy.test', expiresAt: moved(new Date(), 40 * dayMs).toISOString() }),
      await ours.invite({ email: 'draft@policy.test', send: false }),
      await ours.invite({ email: 'ended@policy.test' }),
    ];
    await ours.call('POST', `/invitations/${ended.id}/cancel`);
    const { body } = await ours.call('PATCH', '/policy', { invitationLifetime: 'P5D', applyToPending: true });
    expect(body).not.toHaveProperty('applyToPending');
    const now = async ({ id }: { id: string }) => (await ours.call('GET', `/invitations/${id}`)).body;
    expect(termDays(await now(open))).toBe(5);
    expect((await now(open)).nextStep.at).toBeDefined();
    expect((await now(chosen)).expiresAt).toBe(chosen.expiresAt);
    expect((await now(draft)).expiresAt).toBeNull();
    expect((await now(ended)).expiresAt).toBe(ended.expiresAt);
    const handle = usher.temporal.workflow.getHandle(open.workflowId as string);
    const { expiresAt } = await now(open);
    await eventually(
      async () => (await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails,
      (details) => details.includes(expiresAt as string),
    );
  });

  test('a term shortened into the past ends the invitation there and then', async () => {
    const ours = await usher.createOrganization({ preset: '28-days' });
    const open = await ours.invite({ email: 'cut@policy.test' });
    await usher.linkFor('cut@policy.test');
    await setClock(usher, moved(open.sentAt as string, 2 * dayMs));
    await ours.call('PATCH', '/policy', { invitationLifetime: 'P1D', applyToPending: true });
    expectProblem(await accept(tokenOf(usher, open)), 'INVITATION_EXPIRED');
    expect(await usher.temporal.workflow.getHandle(open.workflowId as string).result()).toEqual({ status: 'expired' });
  });

  test('policy and organization are guarded by If-Match, each change with a new ETag', async () => {
    const ours = await usher.createOrganization();
    for (const [path, patch] of [
      ['', { name: 'Renamed' }],
      ['/policy', { notifyInviter: false }],
    ] as const) {
      const tag = (await ours.call('GET', path)).headers['etag'] ?? '';
      const ask = () => ours.call('PATCH', path, patch, { headers: { 'If-Match': tag } });
      const done = await ask();
      expect(done).toMatchObject({ status: 200, body: patch });
      expect(done.headers['etag']).not.toBe(tag);
      expectProblem(await ask(), 'PRECONDITION_FAILED');
    }
  });
});
