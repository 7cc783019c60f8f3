import { DateTime } from 'luxon';
import { userStatusWord } from '../../domain/account';
import { translator } from '../../i18n';
import { dayMs, moved, setClock } from '../support/clock';
import { signedInPerson, visitor } from '../support/people';
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
let organization: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  organization = await usher.createOrganization({ preset: '21-days', name: 'Nordlicht' });
});
afterAll(() => usher.stop());
afterEach(() => setClock(usher, null));

const person = (email: string) => ({ email, firstName: 'Grace', lastName: 'Hopper' });
const link = (method: string, token: string, action = '', body?: unknown): Promise<Reply> =>
  usher.call(method, `/v1/invitation-tokens/${token}${action}`, body, { key: null });
const accept = (token: string, body: object = {}) =>
  link('POST', token, '/accept', { password: goodPassword, ...body });
const userOf = async (email: string) => (await organization.call('GET', `/users?q=${email}`)).body.items[0];
const newLinkRequests = async (id: string): Promise<number> =>
  (await organization.call('GET', `/audit-events?invitationId=${id}&type=invitation.new-link-requested`)).body.items
    .length;

describe('C4: the link is valid 21 days', () => {
  test('C4: to the millisecond, at the same local time', async () => {
    const invitation = await organization.invite(person('term@c4.test'));
    const sent = DateTime.fromISO(invitation.sentAt as string, { zone: 'Europe/Berlin' });
    expect(invitation.expiresAt).toBe(sent.plus({ days: 21 }).toUTC().toISO());
    const token = tokenOf(usher, invitation);
    await setClock(usher, moved(invitation.expiresAt as string, -1));
    expect((await link('GET', token)).status).toBe(200);
    expect((await visit(usher).get(`/invitations/${token}`)).status).toBe(200);
    await setClock(usher, moved(invitation.expiresAt as string, 0));
    expectProblem(await link('GET', token), 'INVITATION_EXPIRED');
    expect((await visit(usher).get(`/invitations/${token}`)).status).toBe(410);
  });

  test('C4: then it is dead for the API, which takes the wish for a new one', async () => {
    const invitation = await organization.invite(person('api@c4.test'));
    const { token } = await usher.linkFor('api@c4.test');
    await setClock(usher, moved(invitation.expiresAt as string, 0));
    expectProblem(await accept(token), 'INVITATION_EXPIRED');
    expectProblem(await link('POST', token, '/decline'), 'INVITATION_EXPIRED');
    expect((await link('POST', token, '/request-new')).status).toBe(202);
    expect(await newLinkRequests(invitation.id as string)).toBe(1);
    expect(await userOf('api@c4.test')).toMatchObject({ status: 'invited', invitation: { status: 'expired' } });
  });

  test('C4: then the page says so and offers to ask for a new one', async () => {
    const invitation = await organization.invite(person('page@c4.test'));
    const visitor = visit(usher);
    const { url } = await usher.linkFor('page@c4.test');
    const form = (await visitor.get(url)).action();
    await setClock(usher, moved(invitation.expiresAt as string, 0));
    const late = await visitor.post(form, { firstName: 'Grace', lastName: 'Hopper', password: goodPassword });
    expect(late).toMatchObject({ status: 410, heading: 'This invitation has expired' });
    const dead = await visitor.get(url);
    expect(dead).toMatchObject({ status: 410, heading: 'This invitation has expired' });
    expect(dead.text).toContain('Ask for a new invitation');
    expect(await newLinkRequests(invitation.id as string)).toBe(0);
    const asked = await visitor.post(dead.action());
    expect(asked).toMatchObject({ status: 200, heading: 'Your request has been recorded' });
    await visitor.post(dead.action());
    expect(await newLinkRequests(invitation.id as string)).toBe(1);
  });
});

describe('C6: a pending invitation can be cancelled', () => {
  test('C6: the link in the mail is dead at once, and the workflow ends', async () => {
    const invitation = await organization.invite(person('gone@c6.test'));
    const { token, url } = await usher.linkFor('gone@c6.test');
    const visitor = visit(usher);
    const form = (await visitor.get(url)).action();
    const cancelled = await organization.call('POST', `/invitations/${invitation.id}/cancel`);
    expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled', nextStep: null } });
    expectProblem(await link('GET', token), 'INVITATION_CANCELLED');
    expectProblem(await accept(token), 'INVITATION_CANCELLED');
    expectProblem(await link('POST', token, '/decline'), 'INVITATION_CANCELLED');
    const late = await visitor.post(form, { firstName: 'Grace', lastName: 'Hopper', password: goodPassword });
    expect(late).toMatchObject({ status: 410, heading: 'This invitation was cancelled' });
    expect(await visit(usher).get(url)).toMatchObject({ status: 410, heading: 'This invitation was cancelled' });
    expect(await usher.temporal.workflow.getHandle(invitation.workflowId as string).result()).toEqual({
      status: 'cancelled',
    });
    expect(await userOf('gone@c6.test')).toMatchObject({ status: 'inactive' });
  });

  test('C6: cancelling again changes nothing; what is answered cannot be cancelled', async () => {
    const invitation = await organization.invite({ ...person('twice@c6.test'), send: false });
    const path = `/invitations/${invitation.id}`;
    const first = await organization.call('POST', `${path}/cancel`);
    expect(first.body.status).toBe('cancelled');
    expect((await organization.call('POST', `${path}/cancel`)).body).toEqual(first.body);
    expect((await organization.call('GET', `/audit-events?invitationId=${invitation.id}`)).body.items).toHaveLength(2);
    const other = await organization.invite(person('in@c6.test'));
    expect((await accept(tokenOf(usher, other))).status).toBe(200);
    expectProblem(await organization.call('POST', `/invitations/${other.id}/cancel`), 'INVITATION_CLOSED');
  });
});

describe('C7: an invitation can be resent', () => {
  test('C7: before expiry: a new link with a full new term, and the earlier link knows of a newer mail', async () => {
    const invitation = await organization.invite(person('early@c7.test'));
    const old = await usher.linkFor('early@c7.test');
    const later = moved(invitation.sentAt as string, 5 * dayMs);
    await setClock(usher, later);
    const resent = await organization.call('POST', `/invitations/${invitation.id}/resend`);
    expect(resent).toMatchObject({ status: 200, body: { status: 'pending', generation: 2 } });
    const from = DateTime.fromJSDate(later, { zone: 'Europe/Berlin' });
    expect(resent.body.expiresAt).toBe(from.plus({ days: 21 }).toUTC().toISO());
    const fresh = await usher.linkFor('early@c7.test', 2);
    expect(fresh.token).not.toBe(old.token);
    expectProblem(await accept(old.token), 'INVITATION_SUPERSEDED');
    expectProblem(await link('GET', old.token), 'INVITATION_SUPERSEDED');
    expect(await visit(usher).get(old.url)).toMatchObject({ status: 410, heading: 'There is a newer email for you' });
    const page = await visit(usher).get(fresh.url);
    expect(page.heading).toBe('You are invited to join Nordlicht');
    // Past the first deadline, within the second.
    await setClock(usher, moved(invitation.expiresAt as string, 0));
    expect((await accept(fresh.token)).body).toMatchObject({ status: 'accepted' });
  });

  test('C7: after expiry: the invitation is open again, with a new link; a late click on the old one says so', async () => {
    const invitation = await organization.invite(person('late@c7.test'));
    const old = await usher.linkFor('late@c7.test');
    await setClock(usher, moved(invitation.expiresAt as string, dayMs));
    await usher.temporal.workflow.getHandle(invitation.workflowId as string).signal('changed');
    await eventually(
      () => usher.owner('invitations').first('status').where({ id: invitation.id }),
      (row) => row?.status === 'expired',
    );
    const resent = await organization.call('POST', `/invitations/${invitation.id}/resend`);
    expect(resent).toMatchObject({ status: 200, body: { status: 'pending', generation: 2, answeredAt: null } });
    const fresh = await usher.linkFor('late@c7.test', 2);
    expectProblem(await accept(old.token), 'INVITATION_SUPERSEDED');
    expect(await visit(usher).get(old.url)).toMatchObject({ status: 410, heading: 'There is a newer email for you' });
    expect((await accept(fresh.token)).status).toBe(200);
    expect(await userOf('late@c7.test')).toMatchObject({ status: 'active', invitation: { status: 'accepted' } });
    expect(await usher.temporal.workflow.getHandle(invitation.workflowId as string).result()).toEqual({
      status: 'accepted',
    });
  });

  test('C7: the page of a person who is still typing when it is resent says that a newer mail exists', async () => {
    const invitation = await organization.invite(person('typing@c7.test'));
    const visitor = visit(usher);
    const page = await visitor.get(`/invitations/${tokenOf(usher, invitation)}`);
    await organization.call('POST', `/invitations/${invitation.id}/resend`);
    const late = await visitor.post(page.action(), { firstName: 'G', lastName: 'H', password: goodPassword });
    expect(late).toMatchObject({ status: 410, heading: 'There is a newer email for you' });
    expect(await userOf('typing@c7.test')).toMatchObject({ status: 'invited' });
  });
});

describe('C9: accepting shows a registration page with the personal data to check and correct', () => {
  test('C9: on the page, what is corrected there is what the organization sees', async () => {
    await organization.invite(person('page@c9.test'));
    const { url } = await usher.linkFor('page@c9.test');
    const visitor = visit(usher);
    const page = await visitor.get(url);
    expect(page).toMatchObject({ status: 200, heading: 'You are invited to join Nordlicht' });
    expect(['email', 'firstName', 'lastName'].map(page.value)).toEqual(['page@c9.test', 'Grace', 'Hopper']);
    const typed = { firstName: 'Grace Brewster', lastName: 'Murray Hopper', password: goodPassword };
    const welcome = await visitor.post(page.action(), typed);
    expect(welcome).toMatchObject({ status: 200, heading: 'Welcome to Nordlicht' });
    expect(await userOf('page@c9.test')).toMatchObject({
      status: 'active',
      firstName: 'Grace Brewster',
      lastName: 'Murray Hopper',
      email: 'page@c9.test',
    });
  });

  test('C9: the page keeps what was typed, except the password, and marks what is missing', async () => {
    const invitation = await organization.invite(person('again@c9.test'));
    const visitor = visit(usher);
    const page = await visitor.get(`/invitations/${tokenOf(usher, invitation)}`);
    const again = await visitor.post(page.action(), { firstName: 'Gracie', lastName: '', password: goodPassword });
    expect(again.status).toBe(400);
    expect(['firstName', 'lastName', 'password'].map(again.value)).toEqual(['Gracie', '', undefined]);
    expect(again.text).toContain('Enter your last name.');
    expect(again.html).not.toContain(goodPassword);
    expect(await userOf('again@c9.test')).toMatchObject({ status: 'invited', lastName: 'Hopper' });
  });

  test('C9: by the API, the link shows the data and accepting corrects it', async () => {
    const invitation = await organization.invite(person('api@c9.test'));
    const token = tokenOf(usher, invitation);
    expect((await link('GET', token)).body).toMatchObject({ ...person('api@c9.test'), signInRequired: false });
    expect((await accept(token, { lastName: 'Murray' })).status).toBe(200);
    expect(await userOf('api@c9.test')).toMatchObject({ firstName: 'Grace', lastName: 'Murray', status: 'active' });
  });
});

describe('C10: the rules of passwords', () => {
  const sentences = {
    length: 'The password needs at least 8 characters.',
    upper: 'The password needs an upper case letter.',
    lower: 'The password needs a lower case letter.',
    digit: 'The password needs a digit.',
    special: 'The password needs a special character.',
    common: 'The password is common, breached or easily guessed.',
  };
  type Rule = keyof typeof sentences;
  const weak: [password: string, unmet: Rule[]][] = [
    ['kV7-qzW', ['length']],
    ['winter-is-over-7', ['upper']],
    ['WINTER-IS-OVER-7', ['lower']],
    ['Winter-Is-Over', ['digit']],
    ['WinterIsOver77x', ['special']],
    ['Passw0rd!', ['common']],
    ['P@ssw0rd', ['common']],
    ['nordlicht', ['upper', 'digit', 'special', 'common']],
    ['a', ['length', 'upper', 'digit', 'special', 'common']],
  ];

  describe.each(weak)('%s', (password, unmet) => {
    test('C10: by the API, each unmet rule is named and no other', async () => {
      const invitation = await organization.invite(person(`api-${Buffer.from(password).toString('hex')}@c10.test`));
      const answer = await accept(tokenOf(usher, invitation), { password });
      expectProblem(answer, 'WEAK_PASSWORD', ['/password']);
      expect(answer.body.errors).toEqual(unmet.map((rule) => ({ pointer: '/password', message: sentences[rule] })));
    });

    test('C10: on the page, each unmet rule is marked and the others are ticked off', async () => {
      const invitation = await organization.invite(person(`page-${Buffer.from(password).toString('hex')}@c10.test`));
      const visitor = visit(usher);
      const page = await visitor.get(`/invitations/${tokenOf(usher, invitation)}`);
      const again = await visitor.post(page.action(), { firstName: 'Grace', lastName: 'Hopper', password });
      expect(again.status).toBe(400);
      const states = [...again.html.matchAll(/data-rule="(\w+)" data-state="(\w+)"/g)].map(([, rule, state]) => [
        rule,
        state,
      ]);
      expect(Object.fromEntries(states)).toEqual(
        Object.fromEntries(
          Object.keys(sentences).map((rule) => [rule, unmet.includes(rule as Rule) ? 'unmet' : 'met']),
        ),
      );
      expect((await organization.call('GET', `/invitations/${invitation.id}`)).body.status).toBe('pending');
    });
  });

  test('C10: an organization may ask for more', async () => {
    const strict = await usher.createOrganization({ preset: '21-days' }, { password: { minLength: 20 } });
    const token = tokenOf(usher, await strict.invite(person('more@c10.test')));
    const answer = await accept(token);
    expectProblem(answer, 'WEAK_PASSWORD', ['/password']);
    expect(answer.body.detail).toBe('The password needs at least 20 characters.');
    const visitor = visit(usher);
    const page = await visitor.get(`/invitations/${token}`);
    expect(page.text).toContain('At least 20 characters');
    const fields = { firstName: 'Grace', lastName: 'Hopper' };
    expect((await visitor.post(page.action(), { ...fields, password: goodPassword })).status).toBe(400);
    const long = await visitor.post(page.action(), { ...fields, password: `${goodPassword}-and-more` });
    expect(long.heading).toBe('Welcome to Acme');
  });

  test('C10: never for less', async () => {
    const answer = await organization.call('PATCH', '/policy', { password: { minLength: 7 } });
    expectProblem(answer, 'BAD_INPUT', ['/password/minLength']);
  });
});

describe('C5: the status of each user', () => {
  const words = async (email: string) => {
    const user = await userOf(email);
    const { policy } = (await organization.call('GET', '')).body;
    const word = userStatusWord(user, policy);
    return ['en', 'de'].map((locale) => translator(locale)(`users.status.${word}`));
  };

  test('C5: Invited, also after the deadline, then marked as expired; Invite accepted; Deactivated', async () => {
    const invitation = await organization.invite(person('status@c5.test'));
    await usher.linkFor('status@c5.test');
    expect(await userOf('status@c5.test')).toMatchObject({ status: 'invited', invitation: { status: 'pending' } });
    expect(await words('status@c5.test')).toEqual(['Invited', 'Eingeladen']);

    await setClock(usher, moved(invitation.expiresAt as string, 0));
    const expired = { status: 'invited', invitation: { status: 'expired', expiresAt: invitation.expiresAt } };
    expect(await userOf('status@c5.test')).toMatchObject(expired);
    await usher.temporal.workflow.getHandle(invitation.workflowId as string).signal('changed');
    await eventually(
      () => usher.owner('invitations').first('status').where({ id: invitation.id }),
      (row) => row?.status === 'expired',
    );
    // The same once it has been written down.
    expect(await userOf('status@c5.test')).toMatchObject(expired);
    expect(await words('status@c5.test')).toEqual(['Invited (link expired)', 'Eingeladen (Link abgelaufen)']);

    await organization.call('POST', `/invitations/${invitation.id}/resend`);
    expect(await words('status@c5.test')).toEqual(['Invited', 'Eingeladen']);
    const { token } = await usher.linkFor('status@c5.test', 2);
    await accept(token);
    expect(await userOf('status@c5.test')).toMatchObject({ status: 'active', invitation: { status: 'accepted' } });
    expect(await words('status@c5.test')).toEqual(['Invite accepted', 'Einladung angenommen']);
    const { id } = await userOf('status@c5.test');
    await organization.call('POST', `/users/${id}/deactivate`);
    expect(await words('status@c5.test')).toEqual(['Deactivated', 'Deaktiviert']);
  });

  test('C5: who has only been entered is told from who has been invited', async () => {
    await organization.invite({ ...person('draft@c5.test'), send: false });
    expect(await userOf('draft@c5.test')).toMatchObject({ status: 'invited', invitation: { status: 'draft' } });
    expect(await words('draft@c5.test')).toEqual(['Invitation not sent', 'Einladung nicht gesendet']);
  });
});

test('C8: an administrator edits, deactivates, activates and deletes a user, and has them choose a new password', async () => {
  const administrator = await signedInPerson(usher, organization, 'admin@c8.test', { role: 'administrator' });
  const user = await signedInPerson(usher, organization, 'user@c8.test');
  const path = `/v1/organizations/current/users/${user.id}`;
  const edited = await administrator.call('PATCH', path, { firstName: 'Augusta', role: 'staff', externalId: 'hr-7' });
  expect(edited).toMatchObject({
    status: 200,
    body: { displayName: 'Augusta Lovelace', role: 'staff', externalId: 'hr-7' },
  });
  expect((await user.call('GET', '/v1/me')).body.firstName).toBe('Augusta');

  expect((await administrator.call('POST', `${path}/deactivate`)).body.status).toBe('deactivated');
  expectProblem(await user.call('GET', '/v1/me'), 'UNAUTHENTICATED');
  expectProblem(await user.signIn('user@c8.test'), 'ACCOUNT_NOT_ACTIVE');
  expect((await administrator.call('POST', `${path}/activate`)).body.status).toBe('active');
  expect((await user.signIn('user@c8.test')).status).toBe(200);

  expect((await administrator.call('POST', `${path}/reset-password`)).status).toBe(200);
  const text = (await usher.mail.waitForMail('user@c8.test', 2)).at(-1)?.parsed.text ?? '';
  const token = /reset-password\/([A-Za-z0-9_-]+)/.exec(text)?.[1];
  const chosen = { token, password: 'Spring-Is-Here-9' };
  expect((await usher.call('POST', '/v1/auth/reset-password', chosen, { key: null })).status).toBe(204);
  expect((await user.call('GET', '/v1/me')).status).toBe(401);
  expect((await visitor(usher).signIn('user@c8.test', 'Spring-Is-Here-9')).status).toBe(200);

  expect((await administrator.call('DELETE', path)).status).toBe(204);
  expectProblem(await administrator.call('GET', path), 'NOT_FOUND');
  expectProblem(await visitor(usher).signIn('user@c8.test', 'Spring-Is-Here-9'), 'SIGN_IN_FAILED');
  const events = await administrator.call('GET', `/v1/organizations/current/audit-events?userId=${user.id}`);
  expect(events.body.items.map(({ type }: { type: string }) => type)).toEqual(
    expect.arrayContaining([
      'user.changed',
      'user.deactivated',
      'user.activated',
      'user.password-reset-sent',
      'account.password-reset',
      'user.erased',
    ]),
  );
  expect(events.text).not.toMatch(/Augusta|Lovelace|c8\.test/);
});
