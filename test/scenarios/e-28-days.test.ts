import { DateTime } from 'luxon';
import { expectProblem } from '../support/problem';
import { tokenOf } from '../support/token';
import { eventually, goodPassword, startUsher, type TestUsher } from '../support/usher';
import { visit } from '../support/visitor';

let usher: TestUsher;
beforeAll(async () => {
  usher = await startUsher();
});
afterAll(() => usher.stop());

const resultOf = (invitation: { workflowId: string }): Promise<unknown> =>
  eventually(() => usher.temporal.workflow.getHandle(invitation.workflowId).result());
const acceptPath = (token: string) => `/v1/invitation-tokens/${token}/accept`;

test('E4: setting a password confirms the invitation, and the account is active with nothing more to verify', async () => {
  const organization = await usher.createOrganization({ preset: '28-days' });
  const invitation = await organization.invite({ email: 'ada@e4.test', username: 'ada' });
  const sent = DateTime.fromISO(invitation.sentAt as string, { zone: 'Europe/Berlin' });
  expect(invitation).toMatchObject({ status: 'pending', expiresAt: sent.plus({ days: 28 }).toUTC().toISO() });
  const { token } = await usher.linkFor('ada@e4.test');
  const accepted = await usher.call('POST', acceptPath(token), { password: goodPassword }, { key: null });
  expect(accepted).toMatchObject({ status: 200, body: { status: 'accepted', organization: { name: 'Acme' } } });
  expect(accepted.headers['set-cookie']).toBeUndefined();
  const users = await organization.call('GET', '/users');
  expect(users.body.items).toMatchObject([
    { id: accepted.body.userId, email: 'ada@e4.test', username: 'ada', status: 'active' },
  ]);
  expect(await resultOf(invitation)).toEqual({ status: 'accepted' });
});

test('E4: the same on the page behind the link', async () => {
  const organization = await usher.createOrganization({ preset: '28-days' });
  const invitation = await organization.invite({ email: 'grace@e4.test' });
  const { url } = await usher.linkFor('grace@e4.test');
  const visitor = visit(usher);
  const page = await visitor.get(url);
  expect(page.value('fixed-username')).toBe('grace');
  const fields = { firstName: 'Grace', lastName: 'Hopper', password: goodPassword };
  expect((await visitor.post(page.action(), fields)).heading).toBe('Welcome to Acme');
  const users = await organization.call('GET', '/users');
  expect(users.body.items).toMatchObject([
    { status: 'active', username: 'grace', invitation: { id: invitation.id, status: 'accepted' } },
  ]);
  expect(await resultOf(invitation)).toEqual({ status: 'accepted' });
});

test('E7: an invitation left alone expires, and its account becomes inactive by itself', async () => {
  const organization = await usher.createOrganization({ preset: '28-days' }, { invitationLifetime: 'PT2S' });
  const invitation = await organization.invite({ email: 'late@e7.test' });
  await usher.linkFor('late@e7.test');
  expect(await resultOf(invitation)).toEqual({ status: 'expired' });
  const account = () =>
    usher.owner('accounts').first('status', 'inactive_reason').where({ invited_email: 'late@e7.test' });
  expect(await eventually(account, (row) => row?.status === 'inactive')).toMatchObject({ inactive_reason: 'expired' });
  const users = await organization.call('GET', '/users');
  expect(users.body.items).toMatchObject([{ status: 'inactive', invitation: { status: 'expired' } }]);
  const timeline = await organization.call('GET', `/invitations/${invitation.id}/timeline`);
  expect(timeline.body.items.at(-1)).toMatchObject({ event: 'expired', actor: { type: 'system' } });
});

test('E7: setting the password through the link counts as the first sign-in: that account outlives the deadline', async () => {
  const organization = await usher.createOrganization({ preset: '28-days' }, { invitationLifetime: 'PT3S' });
  const kept = await organization.invite({ email: 'kept@e7.test' });
  const lost = await organization.invite({ email: 'lost@e7.test' });
  const accepted = await usher.call(
    'POST',
    acceptPath(tokenOf(usher, kept)),
    { password: goodPassword },
    { key: null },
  );
  expect(accepted.status).toBe(200);
  // The later of the two deadlines has passed when this one has expired.
  expect(await resultOf(lost)).toEqual({ status: 'expired' });
  const users = await organization.call('GET', '/users');
  expect(users.body.items).toMatchObject([
    { email: 'lost@e7.test', status: 'inactive' },
    { email: 'kept@e7.test', status: 'active' },
  ]);
});

test('E7: the expired link opens nothing, and this preset does not resend it (E10)', async () => {
  const organization = await usher.createOrganization({ preset: '28-days' }, { invitationLifetime: 'PT1S' });
  const invitation = await organization.invite({ email: 'shut@e7.test' });
  expect(await resultOf(invitation)).toEqual({ status: 'expired' });
  const answer = await usher.call(
    'POST',
    acceptPath(tokenOf(usher, invitation)),
    { password: goodPassword },
    { key: null },
  );
  expectProblem(answer, 'INVITATION_EXPIRED');
  expectProblem(await organization.call('POST', `/invitations/${invitation.id}/resend`), 'RESEND_NOT_ALLOWED');
});
