import { eventually, goodPassword, startUsher, type TestUsher } from '../support/usher';

let usher: TestUsher;
beforeAll(async () => {
  usher = await startUsher();
});
afterAll(() => usher.stop());

test('E4: setting a password confirms the invitation, and the account is active with nothing more to verify', async () => {
  const organization = await usher.createOrganization({ preset: '28-days' });
  const invitation = await organization.invite({ email: 'ada@example.com', username: 'ada' });
  expect(invitation.status).toBe('pending');
  const { token } = await usher.linkFor('ada@example.com');
  const accepted = await usher.call(
    'POST',
    `/v1/invitation-tokens/${token}/accept`,
    { password: goodPassword },
    { key: null },
  );
  expect(accepted.status).toBe(200);
  const users = await organization.call('GET', '/users');
  expect(users.body.items).toMatchObject([{ email: 'ada@example.com', username: 'ada', status: 'active' }]);
  const result = await usher.temporal.workflow.getHandle(invitation.workflowId as string).result();
  expect(result).toEqual({ status: 'accepted' });
});

test('E7: an invitation left alone expires, and its account becomes inactive by itself', async () => {
  const organization = await usher.createOrganization({ preset: '28-days' }, { invitationLifetime: 'PT2S' });
  const invitation = await organization.invite({ email: 'late@example.com' });
  await usher.linkFor('late@example.com');
  const result = await usher.temporal.workflow.getHandle(invitation.workflowId as string).result();
  expect(result).toEqual({ status: 'expired' });
  const users = await eventually(
    () => organization.call('GET', '/users'),
    ({ body }) => body.items[0]?.status === 'inactive',
  );
  expect(users.body.items[0].invitation.status).toBe('expired');
});
