import { moveClock, moved, setClock } from '../support/clock';
import { type Person, signedInPerson, visitor } from '../support/people';
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

const newPassword = 'Spring-Is-Here-9';
const open = (method: string, token: string, action = '', body?: unknown): Promise<Reply> =>
  usher.call(method, `/v1/invitation-tokens/${token}${action}`, body, { key: null });
const accept = (token: string) => open('POST', token, '/accept', { password: goodPassword });
const forgot = (email: string) => usher.call('POST', '/v1/auth/forgot-password', { email }, { key: null });
const reset = (token: string) =>
  usher.call('POST', '/v1/auth/reset-password', { token, password: newPassword }, { key: null });
const userOf = async (email: string) => (await organization.call('GET', `/users?q=${email}`)).body.items[0];
const resetToken = async (email: string, count: number): Promise<string> => {
  const text = (await usher.mail.waitForMail(email, count)).at(-1)?.parsed.text ?? '';
  return /reset-password\/([A-Za-z0-9_-]+)/.exec(text)?.[1] ?? '';
};
const quiet = () =>
  eventually(
    () => usher.owner('account_mails').where({ status: 'queued' }),
    (rows) => rows.length === 0,
  );

/** Invited, mailed, and just past the deadline. @returns the invitation */
async function expired(fields: { email: string } & Record<string, unknown>) {
  const invitation = await organization.invite(fields);
  await usher.linkFor(fields.email);
  await moveClock(usher, moved(invitation.expiresAt as string, 100));
  return invitation as { id: string; generation: number };
}

describe('E1: invited with a wished username and address, a user type, and staff or not', () => {
  test('E1: all of it is so at once, and holds after accepting', async () => {
    const wish = { email: 'Ada.L@e1.test', username: 'Ada.Lovelace', userType: 'editor', staff: true };
    await organization.invite(wish);
    const listed = { email: 'Ada.L@e1.test', username: 'Ada.Lovelace', role: 'staff' };
    expect(await userOf('ada.l@e1.test')).toMatchObject({ ...listed, status: 'invited' });
    const { token } = await usher.linkFor('Ada.L@e1.test');
    const { body } = await accept(token);
    expect(await userOf('ada.l@e1.test')).toMatchObject({ ...listed, id: body.userId, status: 'active' });
    expect(await usher.owner('memberships').first('user_type').where({ account_id: body.userId })).toEqual({
      user_type: 'editor',
    });
    const person = visitor(usher);
    expect((await person.signIn('ada.lovelace')).status).toBe(200);
    expect((await person.call('GET', '/v1/organizations/current/invitations')).status).toBe(200);
  });

  test('E1: without staff there is no access to administration, and a contradiction is refused', async () => {
    const plain = await signedInPerson(usher, organization, 'plain@e1.test', { staff: false });
    expectProblem(await plain.call('GET', '/v1/organizations/current/invitations'), 'FORBIDDEN');
    const both = { email: 'both@e1.test', staff: true, role: 'member' };
    const answer = await organization.call('POST', '/invitations', both);
    expectProblem(answer, 'BAD_INPUT');
  });

  test('E1: a username is taken in any case of letters, by invited people too, and by one of two who want it at once', async () => {
    await organization.invite({ email: 'first@e1.test', username: 'Nova' });
    const second = await organization.call('POST', '/invitations', { email: 'second@e1.test', username: 'nOVA' });
    expectProblem(second, 'USERNAME_TAKEN', ['/username']);
    const other = await usher.createOrganization({ preset: '28-days' });
    expectProblem(
      await other.call('POST', '/invitations', { email: 'third@e1.test', username: 'NOVA' }),
      'USERNAME_TAKEN',
    );
    const answers = await Promise.all(
      ['twin', 'TWIN', 'Twin', 'tWin'].map((username, index) =>
        organization.call('POST', '/invitations', { email: `twin-${index}@e1.test`, username }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
    for (const lost of answers.filter(({ status }) => status === 409)) expectProblem(lost, 'USERNAME_TAKEN');
  });
});

test('E5: the invited user is in the list at once, and rights given right after sending do not touch the link', async () => {
  const invitation = await organization.invite({ email: 'now@e5.test' });
  const [listed] = (await organization.call('GET', '/users')).body.items;
  expect(listed).toMatchObject({ email: 'now@e5.test', status: 'invited', invitation: { id: invitation.id } });
  const rights = { role: 'administrator', permissions: ['reports.read'], userType: 'auditor', externalId: 'x-1' };
  const changed = await organization.call('PATCH', `/users/${listed.id}`, rights);
  expect(changed).toMatchObject({ status: 200, body: { role: 'administrator', externalId: 'x-1', status: 'invited' } });
  expect((await accept(tokenOf(usher, invitation))).status).toBe(200);
  expect(await userOf('now@e5.test')).toMatchObject({ role: 'administrator', externalId: 'x-1', status: 'active' });
  expect(await usher.owner('memberships').first('permissions', 'user_type').where({ account_id: listed.id })).toEqual({
    permissions: ['reports.read'],
    user_type: 'auditor',
  });
  expect(usher.mail.messages.filter(({ to }) => to[0] === 'now@e5.test').length).toBeLessThanOrEqual(1);
});

describe('E8: an inactive user reactivates alone', () => {
  test('E8: whose link had gone by hand, too: the mail goes to the address of the invitation, and proves it', async () => {
    const email = 'hand@e8.test';
    const draft = await organization.invite({ email, send: false });
    const linked = await organization.call('POST', `/invitations/${draft.id}/link`);
    expect(linked.status).toBe(200);
    await forgot(email);
    await quiet();
    expect(usher.mail.messages.filter(({ to }) => to[0] === email)).toEqual([]);
    const { expiresAt } = (await organization.call('GET', `/invitations/${draft.id}`)).body;
    await setClock(usher, moved(expiresAt as string, 0));
    const { id } = await userOf(email);
    const proved = () => usher.owner('accounts').first('email', 'invited_email', 'status').where({ id });
    expect(await proved()).toMatchObject({ email: null, invited_email: email });
    await forgot(email.toUpperCase());
    expect((await reset(await resetToken(email, 1))).status).toBe(204);
    expect(await proved()).toEqual({ email, invited_email: null, status: 'active' });
    expect(await userOf(email)).toMatchObject({ id, status: 'active' });
    expect((await visitor(usher).signIn(email, newPassword)).status).toBe(200);
  });

  test('E8: also before anybody has written down that the invitation has expired', async () => {
    await usher.stopWorker();
    const { id, generation } = await organization.invite({ email: 'unseen@e8.test' });
    await usher.startWorker();
    await usher.linkFor('unseen@e8.test');
    await setClock(usher, moved((await userOf('unseen@e8.test')).invitation.expiresAt as string, 0));
    expect(await userOf('unseen@e8.test')).toMatchObject({ status: 'inactive', invitation: { status: 'expired' } });
    await forgot('unseen@e8.test');
    expect((await reset(await resetToken('unseen@e8.test', 2))).status).toBe(204);
    expect(await userOf('unseen@e8.test')).toMatchObject({ status: 'active', invitation: { status: 'expired' } });
    expectProblem(await open('GET', tokenOf(usher, { id, generation })), 'INVITATION_EXPIRED');
  });
});

describe('E9: by hand', () => {
  test('E9: who is inactive by the instant can be reactivated before anybody has written it down', async () => {
    await expired({ email: 'overdue@e9.test' });
    const { id, status } = await userOf('overdue@e9.test');
    expect(status).toBe('inactive');
    const activated = await organization.call('POST', `/users/${id}/activate`);
    expect(activated).toMatchObject({ status: 200, body: { status: 'active', invitation: { status: 'expired' } } });
    expect((await reset(await resetToken('overdue@e9.test', 2))).status).toBe(204);
    expect((await visitor(usher).signIn('overdue@e9.test', newPassword)).status).toBe(200);
  });
});

describe('E10: after the deadline a new invitation needs the old user deleted or overwritten', () => {
  test('E10: without it the address is refused and the username taken; with overwrite both are free', async () => {
    const old = await expired({ email: 'zoe@e10.test', username: 'zoe' });
    const before = await userOf('zoe@e10.test');
    const again = (fields: object) => organization.call('POST', '/invitations', { email: 'Zoe@e10.test', ...fields });
    expectProblem(await again({ username: 'zoe' }), 'ACCOUNT_INACTIVE', ['/email']);
    expectProblem(await again({ username: 'zoe', overwrite: false }), 'ACCOUNT_INACTIVE', ['/email']);
    const other = await organization.call('POST', '/invitations', { email: 'other@e10.test', username: 'ZOE' });
    expectProblem(other, 'USERNAME_TAKEN', ['/username']);
    expectProblem(await organization.call('POST', `/invitations/${old.id}/resend`), 'RESEND_NOT_ALLOWED');

    const fresh = await again({ username: 'Zoe', overwrite: true });
    expect(fresh).toMatchObject({ status: 201, body: { status: 'pending', email: 'Zoe@e10.test' } });
    expectProblem(await organization.call('GET', `/users/${before.id}`), 'NOT_FOUND');
    const after = await userOf('zoe@e10.test');
    expect(after).toMatchObject({ username: 'Zoe', status: 'invited' });
    expect(after.id).not.toBe(before.id);
    expect(await usher.owner('accounts').first().where({ id: before.id })).toMatchObject({
      status: 'erased',
      email: null,
      invited_email: null,
      username: null,
    });
    // Nothing is known of who was erased.
    expectProblem(await accept(tokenOf(usher, old)), 'NOT_FOUND');
    expect((await accept(tokenOf(usher, fresh.body as typeof old))).status).toBe(200);
    const events = await organization.call('GET', `/audit-events?userId=${before.id}&type=user.erased`);
    expect(events.body.items).toHaveLength(1);
  });

  test('E10: deleted, name and address are free as well', async () => {
    await expired({ email: 'max@e10.test', username: 'max' });
    const { id } = await userOf('max@e10.test');
    expect((await organization.call('DELETE', `/users/${id}`)).status).toBe(204);
    expect(await organization.invite({ email: 'max@e10.test', username: 'MAX' })).toMatchObject({ status: 'pending' });
  });

  test('E10: the same for who came back by hand and left that day unused', async () => {
    await expired({ email: 'half@e10.test', username: 'half' });
    const { id } = await userOf('half@e10.test');
    const { body } = await organization.call('POST', `/users/${id}/activate`);
    expect((await reset(await resetToken('half@e10.test', 2))).status).toBe(204);
    expectProblem(await organization.call('POST', '/invitations', { email: 'half@e10.test' }), 'ALREADY_MEMBER');
    await setClock(usher, moved(body.reactivationDeadline as string, 0));
    expect(await userOf('half@e10.test')).toMatchObject({ id, status: 'inactive' });
    const again = { email: 'half@e10.test', username: 'half' };
    expectProblem(await organization.call('POST', '/invitations', again), 'ACCOUNT_INACTIVE', ['/email']);
    const fresh = await organization.call('POST', '/invitations', { ...again, overwrite: true });
    expect(fresh.status).toBe(201);
    expectProblem(await organization.call('GET', `/users/${id}`), 'NOT_FOUND');
    expect((await accept(tokenOf(usher, fresh.body as { id: string; generation: number }))).status).toBe(200);
  });

  test('E10: overwriting is deleting, so it takes what that takes', async () => {
    const open = { membersMayInviteGuests: true };
    await organization.call('PATCH', '/policy', open);
    const member = await signedInPerson(usher, organization, 'member@e10.test');
    const staff = await signedInPerson(usher, organization, 'staff@e10.test', { staff: true });
    await expired({ email: 'boss@e10.test', role: 'administrator' });
    const { id } = await userOf('boss@e10.test');
    const overwrite = (person: Person, fields: object) =>
      person.call('POST', '/v1/organizations/current/invitations', { email: 'boss@e10.test', ...fields });
    // Sessions are older than any by a clock that is four weeks ahead.
    await usher.owner.raw(`update sessions set sess = jsonb_set(sess::jsonb, '{signedInAt}', to_jsonb(usher_now()))`);
    expectProblem(await overwrite(member, { kind: 'guest', overwrite: true }), 'FORBIDDEN');
    expectProblem(await overwrite(staff, { overwrite: true }), 'FORBIDDEN');
    expect((await organization.call('GET', `/users/${id}`)).body.status).toBe('inactive');
  });

  test('E10: overwriting and coming back at the same moment: one of the two, whole', async () => {
    const outcomes: string[] = [];
    for (let round = 0; round < 12; round += 1) {
      const email = `round-${round}@e10.test`;
      await expired({ email });
      await forgot(email);
      const token = await resetToken(email, 2);
      const { id } = await userOf(email);
      const [back, over] = await Promise.all([
        reset(token),
        new Promise((resolve) => setTimeout(resolve, round * 12)).then(() =>
          organization.call('POST', '/invitations', { email, overwrite: true }),
        ),
      ]);
      outcomes.push(`${back.status} ${over.status}`);
      const rows = (await organization.call('GET', `/users?q=${email}`)).body.items;
      expect(rows).toHaveLength(1);
      if (back.status === 204) {
        expectProblem(over, 'ALREADY_MEMBER');
        expect(rows[0]).toMatchObject({ id, status: 'active' });
      } else {
        expectProblem(back, 'LINK_DEAD');
        expect(over.status).toBe(201);
        expect(rows[0]).toMatchObject({ status: 'invited' });
        expect(rows[0].id).not.toBe(id);
      }
      await setClock(usher, null);
    }
    expect(outcomes).toHaveLength(12);
  });

  test('E10: overwriting and accepting around the deadline: never both', async () => {
    const rounds = Array.from({ length: 10 }, async (_, round) => {
      const email = `border-${round}@e10.test`;
      const expiresAt = new Date(Date.now() + 4_000);
      const invitation = await organization.invite({ email, expiresAt: expiresAt.toISOString() });
      const token = tokenOf(usher, invitation);
      // Checking a password takes its time: some begin to accept before the deadline, some after.
      const until = (instant: number) =>
        new Promise((resolve) => setTimeout(resolve, Math.max(0, instant - Date.now())));
      const [accepted, over] = await Promise.all([
        until(expiresAt.getTime() - 500 + round * 60).then(() => accept(token)),
        until(expiresAt.getTime() + 5).then(() =>
          organization.call('POST', '/invitations', { email, overwrite: true }),
        ),
      ]);
      const rows = (await organization.call('GET', `/users?q=${email}`)).body.items;
      expect(rows).toHaveLength(1);
      expect(over.status).toBe(accepted.status === 200 ? 409 : 201);
      expect([200, 404, 410]).toContain(accepted.status);
      expect(rows[0].status).toBe(accepted.status === 200 ? 'active' : 'invited');
    });
    await Promise.all(rounds);
  });
});

describe('E11: the address was wrong', () => {
  test('E11: corrected for somebody inactive who had come in, it is confirmed there, and then reactivates', async () => {
    await expired({ email: 'was@e11.test' });
    const { id } = await userOf('was@e11.test');
    const { body } = await organization.call('POST', `/users/${id}/activate`);
    expect((await reset(await resetToken('was@e11.test', 2))).status).toBe(204);
    await setClock(usher, moved(body.reactivationDeadline as string, 0));
    expect(await userOf('was@e11.test')).toMatchObject({ id, status: 'inactive' });
    // So it is written down, too.
    await usher.temporal.schedule.getHandle('reset-unused-reactivations').trigger();
    await eventually(
      () => usher.owner('accounts').first('status').where({ id }),
      ({ status }) => status === 'inactive',
    );
    const corrected = await organization.call('PATCH', `/users/${id}`, { email: 'is@e11.test' });
    expect(corrected).toMatchObject({ status: 200, body: { email: 'was@e11.test' } });
    const text = (await usher.mail.waitForMail('is@e11.test', 1))[0]?.parsed.text ?? '';
    const token = /confirm-email\/([A-Za-z0-9_-]+)/.exec(text)?.[1];
    expect((await usher.call('POST', '/v1/auth/confirm-email', { token }, { key: null })).status).toBe(204);
    // The address is theirs; what makes them active is a new password, as ever.
    expect(await userOf('is@e11.test')).toMatchObject({ id, status: 'inactive' });
    await forgot('is@e11.test');
    expect((await reset(await resetToken('is@e11.test', 2))).status).toBe(204);
    expect(await userOf('is@e11.test')).toMatchObject({ id, status: 'active' });
  });

  test('E11: deleted and invited anew, or overwritten after the deadline', async () => {
    const wrong = await organization.invite({ email: 'worng@e11.test', username: 'wright' });
    const { id } = await userOf('worng@e11.test');
    expect((await organization.call('DELETE', `/users/${id}`)).status).toBe(204);
    await organization.invite({ email: 'wright@e11.test', username: 'wright' });
    expectProblem(await accept(tokenOf(usher, wrong)), 'NOT_FOUND');
    expect((await accept((await usher.linkFor('wright@e11.test')).token)).status).toBe(200);
  });

  test('E11: corrected while pending, links of both kinds to the old address are dead', async () => {
    await organization.invite({ email: 'old@e11.test' });
    const { token } = await usher.linkFor('old@e11.test');
    await forgot('old@e11.test');
    const resetOld = await resetToken('old@e11.test', 2);
    const { id } = await userOf('old@e11.test');
    expect((await organization.call('PATCH', `/users/${id}`, { email: 'new@e11.test' })).status).toBe(200);
    expectProblem(await accept(token), 'INVITATION_SUPERSEDED');
    expectProblem(await reset(resetOld), 'LINK_DEAD');
    await usher.linkFor('new@e11.test');
    await forgot('old@e11.test');
    await quiet();
    expect(usher.mail.messages.filter(({ to }) => to[0] === 'old@e11.test')).toHaveLength(2);
    await forgot('new@e11.test');
    expect((await reset(await resetToken('new@e11.test', 2))).status).toBe(204);
    expect(await userOf('new@e11.test')).toMatchObject({ id, status: 'active' });
  });

  test('E11: corrected when inactive, a new password asked for at the right address reactivates', async () => {
    const wrong = await expired({ email: 'gone@e11.test' });
    await forgot('gone@e11.test');
    const resetOld = await resetToken('gone@e11.test', 2);
    const { id } = await userOf('gone@e11.test');
    await organization.call('PATCH', `/users/${id}`, { email: 'found@e11.test' });
    expectProblem(await reset(resetOld), 'LINK_DEAD');
    expect((await accept(tokenOf(usher, wrong))).status).toBe(410);
    await forgot('found@e11.test');
    expect((await reset(await resetToken('found@e11.test', 1))).status).toBe(204);
    expect(await userOf('found@e11.test')).toMatchObject({ id, status: 'active', email: 'found@e11.test' });
  });
});
