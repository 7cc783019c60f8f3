import { randomUUID } from 'node:crypto';
import { hasText, locales } from '../../i18n';
import { dayMs, moved, setClock } from '../support/clock';
import { expectProblem } from '../support/problem';
import { eventually, goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

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

describe('B2: one user group at creation, more afterwards', () => {
  const userOf = async (email: string) => (await organization.call('GET', `/users?q=${email}`)).body.items[0];
  const makeGroup = async (name: string): Promise<string> => {
    const [row] = await usher
      .owner('groups')
      .insert({ id: randomUUID(), organization_id: organization.id, name }, 'id');
    return row.id as string;
  };

  test('B2: the user comes into that group by accepting, and into more by being changed', async () => {
    const [sales, support, legal] = [await makeGroup('Sales'), await makeGroup('Support'), await makeGroup('Legal')];
    await organization.invite({ ...ada, email: 'group@b2.test', groupIds: [sales] });
    expect(await userOf('group@b2.test')).toMatchObject({ status: 'invited', groupIds: [sales] });
    const { token } = await usher.linkFor('group@b2.test');
    await usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password: goodPassword }, { key: null });
    const { id } = await userOf('group@b2.test');
    const more = await organization.call('PATCH', `/users/${id}`, { groupIds: [sales, support, legal] });
    expect(new Set(more.body.groupIds as string[])).toEqual(new Set([sales, support, legal]));
    const fewer = await organization.call('PATCH', `/users/${id}`, { groupIds: [legal] });
    expect(fewer.body.groupIds).toEqual([legal]);
    expect((await organization.call('GET', `/users?groupId=${legal}`)).body.items).toMatchObject([{ id }]);
    expect((await organization.call('GET', `/users?groupId=${sales}`)).body.items).toEqual([]);
  });

  test('B2: more groups can be added before the person has answered; one that is not there is named', async () => {
    const [first, second] = [await makeGroup('First'), await makeGroup('Second')];
    await organization.invite({ ...ada, email: 'early@b2.test', groupIds: [first] });
    const { id } = await userOf('early@b2.test');
    const added = await organization.call('PATCH', `/users/${id}`, { groupIds: [first, second] });
    expect(added).toMatchObject({ status: 200, body: { status: 'invited', groupIds: [first, second] } });
    const strange = await organization.call('PATCH', `/users/${id}`, { groupIds: [first, randomUUID()] });
    expectProblem(strange, 'BAD_INPUT', ['/groupIds/1']);
    const { token } = await usher.linkFor('early@b2.test');
    await usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password: goodPassword }, { key: null });
    expect(new Set((await userOf('early@b2.test')).groupIds as string[])).toEqual(new Set([first, second]));
  });
});

test('B6: the list says of a user that the invitation is pending, and stops when it is answered', async () => {
  await organization.invite({ ...ada, email: 'pending@b6.test' });
  const listed = async () => (await organization.call('GET', '/users?q=pending@b6')).body.items[0];
  expect(await listed()).toMatchObject({ status: 'invited', invitation: { status: 'pending' } });
  expect((await organization.call('GET', '/users?status=invited&q=pending@b6')).body.items).toHaveLength(1);
  for (const locale of locales) expect(hasText(locale, 'users.invitationPending')).toBe(true);
  const { token } = await usher.linkFor('pending@b6.test');
  await usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password: goodPassword }, { key: null });
  expect(await listed()).toMatchObject({ status: 'active', invitation: { status: 'accepted' } });
  expect((await organization.call('GET', '/users?status=invited&q=pending@b6')).body.items).toEqual([]);
});
