import { signedInPerson, type Person } from '../support/people';
import { startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let home: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  home = await usher.createOrganization({ preset: '28-days', name: 'Home' });
});
afterAll(() => usher.stop());

async function guestOf(host: TestOrganization, email: string, fields: Record<string, unknown> = {}): Promise<Person> {
  const person = await signedInPerson(usher, home, email);
  const invitation = await host.invite({ kind: 'guest', email, ...fields });
  const accepted = await person.call('POST', `/v1/me/invitations/${invitation.id}/accept`);
  if (accepted.status !== 200) throw new Error(accepted.text);
  return person;
}

test.each(['standard', 'premium'])('D5: an organization with the plan %s has guests', async (plan) => {
  const host = await usher.createOrganization({ preset: 'licensed-guests', plan, licences: 3 });
  const guest = await guestOf(host, `${plan}@example.com`);
  expect((await host.call('GET', '/guests')).body.items).toMatchObject([{ id: guest.id, status: 'active' }]);
  expect((await host.call('GET', '/licences')).body.singleGroupGuests).toEqual({ used: 1, limit: 3 });
});

test('D6: "guest" stands beside the name wherever a user is named', async () => {
  const host = await usher.createOrganization({ preset: 'licensed-guests', name: 'Host' });
  const guest = await guestOf(host, 'd6@example.com');
  const marked = 'Ada Lovelace (guest)';
  expect((await host.call('GET', '/users')).body.items).toMatchObject([{ displayName: marked, kind: 'guest' }]);
  expect((await host.call('GET', `/users/${guest.id}`)).body.displayName).toBe(marked);
  expect((await host.call('GET', '/guests')).body.items[0].displayName).toBe(marked);
  expect((await host.call('GET', '/guest-log')).body.items[0].displayName).toBe(marked);
  const [group] = (await host.call('GET', '/groups')).body.items;
  const inGroup = (await host.call('GET', `/users?groupId=${group.id}`)).body.items;
  expect(inGroup).toMatchObject([{ displayName: marked }]);
  // At home the same person is a member like any other.
  expect((await home.call('GET', `/users/${guest.id}`)).body.displayName).toBe('Ada Lovelace');
});

test('C1: inviting from the users of the current organization, and from an organization’s own page, is the same', async () => {
  const other = await usher.createOrganization({ preset: '21-days', name: 'Other' });
  const ada = await signedInPerson(usher, home, 'c1@example.com', { role: 'administrator' });
  const invitation = await other.invite({
    email: 'c1@example.com',
    firstName: 'A',
    lastName: 'L',
    role: 'administrator',
  });
  await ada.call('POST', `/v1/me/invitations/${invitation.id}/accept`);
  const invite = (organization: string, fields: object) =>
    ada.call('POST', `/v1/organizations/${organization}/invitations`, fields);
  // The list of users is that of the current organization; on an organization's page that one is preset.
  expect((await invite('current', { email: 'c1-list@example.com' })).body.organizationId).toBe(home.id);
  const named = { email: 'c1-page@example.com', firstName: 'Grace', lastName: 'Hopper' };
  expect((await invite(other.id, named)).body.organizationId).toBe(other.id);
  // Which fields are mandatory is to be read before anything is typed, and told for each that is missing.
  const { requiredFields } = (await ada.call('GET', `/v1/organizations/${other.id}/policy`)).body;
  expect(requiredFields).toEqual(['email', 'firstName', 'lastName']);
  const missing = await invite(other.id, {});
  expect(missing.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual([
    '/email',
    '/firstName',
    '/lastName',
  ]);
});
