import { dayMs, moved, setClock } from '../support/clock';
import { expectProblem } from '../support/problem';
import { eventually, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let organization: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  organization = await usher.createOrganization({ preset: 'create-user' });
});
afterAll(() => usher.stop());
afterEach(() => setClock(usher, null));

const ada = { email: 'ada@b1.test', firstName: 'Ada', lastName: 'Lovelace' };

describe('B1: first name, last name and e-mail are mandatory', () => {
  test('B1: missing ones get a message per field, and nobody is invited', async () => {
    const answer = await organization.call('POST', '/invitations', {});
    expectProblem(answer, 'BAD_INPUT', ['/email', '/firstName', '/lastName']);
    expect((await organization.call('GET', '/users')).body.items).toEqual([]);
  });

  test.each(['email', 'firstName', 'lastName'] as const)('B1: without %s, that field is named', async (field) => {
    const { [field]: _, ...rest } = ada;
    expectProblem(await organization.call('POST', '/invitations', rest), 'BAD_INPUT', [`/${field}`]);
  });

  test('B1: bad ones get a message per field', async () => {
    const bad = { email: 'ada at b1.test', firstName: ' ', lastName: 'Love\nlace' };
    const answer = await organization.call('POST', '/invitations', bad);
    expectProblem(answer, 'BAD_INPUT', ['/email', '/firstName', '/lastName']);
  });

  test('B1: a mandatory name cannot be taken away afterwards', async () => {
    const invitation = await organization.invite({ ...ada, send: false });
    const answer = await organization.call('PATCH', `/invitations/${invitation.id}`, { lastName: null });
    expectProblem(answer, 'BAD_INPUT', ['/lastName']);
  });

  test('B1: the administrator of a new organization is a person with these three, too', async () => {
    const fields = { name: 'Acme', preset: 'create-user', timeZone: 'Europe/Berlin', locale: 'en' };
    const answer = await usher.call('POST', '/v1/organizations', { ...fields, administrator: { email: 'no' } });
    expectProblem(answer, 'BAD_INPUT', ['/administrator/email', '/administrator/firstName', '/administrator/lastName']);
  });
});

describe('B5: sending may be skipped, and done later', () => {
  test('B5: unless it is skipped, the invitation goes out with its creation', async () => {
    const invitation = await organization.invite({ ...ada, email: 'now@b5.test' });
    expect(invitation).toMatchObject({ status: 'pending', generation: 1, sentAt: invitation.createdAt });
    expect((await usher.linkFor('now@b5.test')).subject).toContain('Acme');
  });

  test('B5: a skipped one is a draft without mail, term and workflow, and its user is listed as invited', async () => {
    const draft = await organization.invite({ ...ada, email: 'later@b5.test', send: false });
    expect(draft).toMatchObject({
      status: 'draft',
      generation: 0,
      expiresAt: null,
      sentAt: null,
      nextStep: null,
      delivery: { status: 'none' },
    });
    const { body } = await organization.call('GET', '/users?q=later@b5');
    expect(body.items).toMatchObject([{ status: 'invited', invitation: { id: draft.id, status: 'draft' } }]);
    await expect(usher.temporal.workflow.getHandle(draft.workflowId as string).describe()).rejects.toThrow(/not found/);
  });

  test('B5: sent from the user list nine days later, it is mailed and its term starts then', async () => {
    const draft = await organization.invite({ ...ada, email: 'nine@b5.test', send: false });
    const later = moved(draft.createdAt as string, 9 * dayMs);
    await setClock(usher, later);
    const user = (await organization.call('GET', '/users?q=nine@b5')).body.items[0];
    const sent = await organization.call('POST', `/invitations/${user.invitation.id}/send`);
    expect(sent).toMatchObject({ status: 200, body: { status: 'pending', sentAt: later.toISOString() } });
    const days = (Date.parse(sent.body.expiresAt as string) - later.getTime()) / dayMs;
    // 28 days by the calendar: an hour more or less where the clocks change.
    expect(Math.abs(days - 28)).toBeLessThanOrEqual(1 / 24);
    const { token } = await usher.linkFor('nine@b5.test');
    expect((await usher.call('GET', `/v1/invitation-tokens/${token}`, undefined, { key: null })).status).toBe(200);
    expect(usher.mail.messages.filter(({ to }) => to.includes('nine@b5.test'))).toHaveLength(1);
    await eventually(
      () => organization.call('GET', `/invitations/${draft.id}`),
      ({ body }) => body.delivery.status === 'sent',
    );
  });
});
