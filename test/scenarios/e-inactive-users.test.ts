import { resetUnusedReactivations } from '../../db/commands/reset-unused-reactivations';
import { openDatabase } from '../../db/database';
import { signedInPerson, visitor } from '../support/people';
import { tokenOf } from '../support/token';
import { eventually, goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let organization: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  organization = await usher.createOrganization({ preset: '28-days' });
});
afterAll(() => usher.stop());

const newPassword = 'Spring-Is-Here-9';
const reset = (token: string) =>
  usher.call('POST', '/v1/auth/reset-password', { token, password: newPassword }, { key: null });
const accept = (token: string) =>
  usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password: goodPassword }, { key: null });
const tokenFor = (email: string, page: 'reset-password' | 'confirm-email'): Promise<string> =>
  eventually(
    () =>
      Promise.resolve(
        usher.mail.messages
          .filter(({ to }) => to.includes(email))
          .flatMap(({ parsed }) => new RegExp(`${page}/([A-Za-z0-9_-]+)`).exec(parsed.text ?? '')?.[1] ?? [])
          .at(-1) ?? '',
      ),
    (token) => token !== '',
  );

interface Somebody {
  id: string;
  invitationId: string;
}

/** Somebody who has let their invitation expire. */
async function expired(of: TestOrganization, email: string, fields: Record<string, unknown> = {}): Promise<Somebody> {
  const expiresAt = new Date(Date.now() + 1_500).toISOString();
  const invitation = await of.invite({ email, expiresAt, ...fields });
  await usher.temporal.workflow.getHandle(invitation.workflowId as string).result();
  const [user] = (await of.call('GET', `/users?q=${email}`)).body.items;
  expect(user.status).toBe('inactive');
  return { id: user.id as string, invitationId: invitation.id as string };
}

/** Somebody who came back by hand, chose a password, and did not sign in on that day. */
async function onceBack(email: string): Promise<Somebody> {
  const somebody = await expired(organization, email);
  await organization.call('POST', `/users/${somebody.id}/activate`);
  expect((await reset(await tokenFor(email, 'reset-password'))).status).toBe(204);
  await dayIsOver(somebody.id);
  expect((await organization.call('GET', `/users/${somebody.id}`)).body.status).toBe('inactive');
  return somebody;
}

async function dayIsOver(id: string): Promise<void> {
  await usher
    .owner('accounts')
    .where({ id })
    .whereNotNull('reactivation_deadline')
    .update({ reactivation_deadline: new Date(Date.now() - 1_000) });
  const database = openDatabase(usher.database.url);
  await resetUnusedReactivations(database).finally(() => database.destroy());
}

test('E9: who is reactivated by hand, invited again and accepts is active, and nothing ends at midnight', async () => {
  const portal = await usher.createOrganization({ preset: 'guest-portal' });
  const { id, invitationId } = await expired(portal, 'resent@back.test');
  expect((await portal.call('POST', `/users/${id}/activate`)).body.status).toBe('active');
  expect((await portal.call('POST', `/invitations/${invitationId}/resend`)).status).toBe(200);
  expect((await portal.call('GET', `/users/${id}`)).body).toMatchObject({
    status: 'invited',
    reactivationDeadline: null,
  });
  const { body } = await portal.call('GET', `/invitations/${invitationId}`);
  expect((await accept(tokenOf(usher, body))).status).toBe(200);
  expect((await visitor(usher).signIn('resent@back.test')).status).toBe(200);
  await dayIsOver(id);
  expect((await portal.call('GET', `/users/${id}`)).body.status).toBe('active');
});

test('E9: to deactivate and activate an inactive user makes nobody active who was not', async () => {
  const { id } = await onceBack('laundered@back.test');
  expect((await organization.call('POST', `/users/${id}/deactivate`)).body.status).toBe('deactivated');
  expect((await organization.call('POST', `/users/${id}/activate`)).body.status).toBe('inactive');
  expect((await visitor(usher).signIn('laundered@back.test', newPassword)).body.code).toBe('ACCOUNT_NOT_ACTIVE');
  const again = (await organization.call('POST', `/users/${id}/activate`)).body;
  expect(again.status).toBe('active');
  expect(again.reactivationDeadline).not.toBeNull();
  const active = await signedInPerson(usher, organization, 'plain@back.test');
  await organization.call('POST', `/users/${active.id}/deactivate`);
  expect((await organization.call('POST', `/users/${active.id}/activate`)).body.status).toBe('active');
});

test('E10: who has been in once and is inactive now is overwritten only if asked to', async () => {
  const { id } = await onceBack('once@over.test');
  const again = (fields = {}) => organization.call('POST', '/invitations', { email: 'once@over.test', ...fields });
  expect((await again()).body.code).toBe('ACCOUNT_INACTIVE');
  expect((await again({ overwrite: true })).status).toBe(201);
  expect((await organization.call('GET', `/users/${id}`)).status).toBe(404);
});

test('E10: overwriting takes what deleting takes', async () => {
  await expired(organization, 'boss@over.test', { role: 'administrator' });
  const member = await signedInPerson(usher, organization, 'member@over.test');
  const staff = await signedInPerson(usher, organization, 'staff@over.test', { staff: true });
  const wish = { email: 'boss@over.test', kind: 'guest', overwrite: true };
  for (const person of [member, staff])
    expect((await person.call('POST', '/v1/organizations/current/invitations', wish)).status).toBe(403);
  expect((await organization.call('POST', '/invitations', wish)).status).toBe(201);
});

test('E11: the address of who has been in once and is inactive is corrected, confirmed, and opens the way back', async () => {
  const { id } = await onceBack('wrnog@right.test');
  expect((await organization.call('PATCH', `/users/${id}`, { email: 'corrected@right.test' })).status).toBe(200);
  const token = await tokenFor('corrected@right.test', 'confirm-email');
  expect((await usher.call('POST', '/v1/auth/confirm-email', { token }, { key: null })).status).toBe(204);
  await usher.call('POST', '/v1/auth/forgot-password', { email: 'corrected@right.test' }, { key: null });
  expect((await reset(await tokenFor('corrected@right.test', 'reset-password'))).status).toBe(204);
  expect((await visitor(usher).signIn('corrected@right.test', newPassword)).status).toBe(200);
});

test('a deactivation is lifted by nobody but who activates: not by inviting again, not by resending', async () => {
  const cancelled = await organization.invite({ email: 'cancelled@off.test' });
  await organization.call('POST', `/invitations/${cancelled.id}/cancel`);
  const [{ id }] = (await organization.call('GET', '/users?q=cancelled@off.test')).body.items;
  expect((await organization.call('POST', `/users/${id}/deactivate`)).body.status).toBe('deactivated');
  const again = () => organization.call('POST', '/invitations', { email: 'cancelled@off.test' });
  expect(await again()).toMatchObject({ status: 409, body: { code: 'STATUS_CONFLICT' } });
  expect((await organization.call('GET', `/users/${id}`)).body.status).toBe('deactivated');
  await organization.call('POST', `/users/${id}/activate`);
  expect((await again()).status).toBe(201);

  const portal = await usher.createOrganization({ preset: 'guest-portal' });
  const late = await expired(portal, 'late@off.test');
  await portal.call('POST', `/users/${late.id}/deactivate`);
  expect((await portal.call('POST', `/invitations/${late.invitationId}/resend`)).body.code).toBe('STATUS_CONFLICT');
});
