import { signedInPerson, visitor, type Person } from '../support/people';
import { startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let home: TestOrganization;
let host: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  home = await usher.createOrganization({ preset: 'guest-portal', name: 'Home' }, { twoFactor: 'optional' });
  host = await usher.createOrganization({ preset: 'guest-portal', name: 'Host' }, { twoFactor: 'optional' });
});
afterAll(() => usher.stop());

async function guest(email: string, fields: Record<string, unknown> = {}): Promise<Person> {
  const person = await signedInPerson(usher, home, email);
  const invitation = await host.invite({ kind: 'guest', email, ...fields });
  const accepted = await person.call('POST', `/v1/me/invitations/${invitation.id}/accept`);
  if (accepted.status !== 200) throw new Error(accepted.text);
  return person;
}

const switchTo = (person: Person, { id }: TestOrganization) =>
  person.call('PUT', '/v1/me/current-organization', { organizationId: id });
const currentName = async (person: Pick<Person, 'call'>) =>
  (await person.call('GET', '/v1/me/organizations')).body.items.find(({ current }: { current: boolean }) => current)
    ?.name as string;

test('A5, D7: guests are listed as guests, active and inactive, and only their groups can be changed', async () => {
  const ada = await guest('a5@example.com');
  await host.invite({ kind: 'guest', email: 'a5-invited@example.com' });
  const { items } = (await host.call('GET', '/guests')).body;
  expect(items).toMatchObject([
    { email: 'a5-invited@example.com', kind: 'guest', status: 'invited' },
    { id: ada.id, displayName: 'Ada Lovelace (guest)', kind: 'guest', status: 'active' },
  ]);
  expect((await host.call('GET', '/guests?status=active')).body.items).toHaveLength(1);
  for (const patch of [{ firstName: 'X' }, { email: 'x@example.com' }, { username: 'xx' }, { role: 'staff' }])
    expect([patch, (await host.call('PATCH', `/users/${ada.id}`, patch)).status]).toEqual([patch, 403]);
  for (const action of ['deactivate', 'activate', 'reset-password', 'suspend', 'resume'])
    expect([action, (await host.call('POST', `/users/${ada.id}/${action}`)).status]).toEqual([action, 403]);
  const end = { accessEndsAt: new Date(Date.now() + 86_400_000).toISOString() };
  expect(await host.call('PATCH', `/guests/${ada.id}`, end)).toMatchObject({
    status: 403,
    body: { code: 'FORBIDDEN' },
  });
  const { id: groupId } = await usher.owner('groups').first('id').where({ organization_id: host.id });
  expect(await host.call('PATCH', `/guests/${ada.id}`, { groupIds: [groupId] })).toMatchObject({
    status: 200,
    body: { groupIds: [groupId] },
  });
  expect((await host.call('PATCH', `/guests/${ada.id}`, { groupIds: [] })).status).toBe(400);
  const member = (await home.call('GET', '/users?q=a5@')).body.items[0].id as string;
  expect((await home.call('PATCH', `/guests/${member}`, { sponsorId: null })).status).toBe(404);
  expect((await home.call('DELETE', `/guests/${member}`)).status).toBe(404);
  expect((await home.call('PATCH', `/guests/${ada.id}`, { groupIds: [groupId] })).status).toBe(404);
});

test('A6: removal takes effect on the very next request, in every session, and clears all groups', async () => {
  const ben = await guest('a6@example.com');
  const phone = visitor(usher);
  await phone.signIn('a6@example.com');
  for (const device of [ben, phone])
    expect((await device.call('PUT', '/v1/me/current-organization', { organizationId: host.id })).status).toBe(200);
  expect(await usher.owner('group_members').where({ account_id: ben.id })).toHaveLength(1);

  expect((await host.call('DELETE', `/guests/${ben.id}`)).status).toBe(204);
  for (const device of [ben, phone]) {
    // Who was switched there is at home on the next request.
    expect(await currentName(device)).toBe('Home');
    expect((await device.call('GET', `/v1/organizations/${host.id}/users`)).status).toBe(404);
    expect((await device.call('GET', '/v1/me')).status).toBe(200);
  }
  expect(await usher.owner('group_members').where({ account_id: ben.id })).toHaveLength(0);
  expect((await home.call('GET', `/users/${ben.id}`)).body).toMatchObject({
    status: 'active',
    email: 'a6@example.com',
  });
  expect((await host.call('DELETE', `/guests/${ben.id}`)).status).toBe(404);
  // Invited anew they come back with nothing left over.
  const again = await host.invite({ kind: 'guest', email: 'a6@example.com' });
  expect((await ben.call('POST', `/v1/me/invitations/${again.id}/accept`)).status).toBe(200);
});

test('A6: removing a guest who is accepting at this moment: one comes first, and nothing is left half done', async () => {
  const cem = await signedInPerson(usher, home, 'a6-race@example.com');
  for (let round = 0; round < 8; round += 1) {
    const invitation = await host.invite({ kind: 'guest', email: 'a6-race@example.com' });
    const [invitee] = (await host.call('GET', '/guests?q=a6-race')).body.items;
    const [accepted, removed] = await Promise.all([
      cem.call('POST', `/v1/me/invitations/${invitation.id}/accept`),
      host.call('DELETE', `/guests/${invitee.id}`),
    ]);
    expect([200, 404, 410]).toContain(accepted.status);
    expect([204, 404]).toContain(removed.status);
    const there = (await host.call('GET', '/guests?q=a6-race')).body.items as { id: string; status: string }[];
    if (accepted.status === 200 && removed.status === 404)
      expect(there).toMatchObject([{ id: cem.id, status: 'active' }]);
    else expect(there).toEqual([]);
    if (there[0]) await host.call('DELETE', `/guests/${there[0].id}`);
  }
});

test('A7: each session keeps its own current organization, and a new sign-in begins at the last one', async () => {
  const dan = await guest('a7@example.com');
  const phone = visitor(usher);
  await phone.signIn('a7@example.com');
  expect(await currentName(phone)).toBe('Home');
  expect((await switchTo(dan, host)).status).toBe(200);
  expect([await currentName(dan), await currentName(phone)]).toEqual(['Host', 'Home']);
  const tablet = visitor(usher);
  await tablet.signIn('a7@example.com');
  expect(await currentName(tablet)).toBe('Host');
  await phone.call('PUT', '/v1/me/current-organization', { organizationId: home.id });
  expect([await currentName(dan), await currentName(tablet)]).toEqual(['Host', 'Host']);
});

test('A8: the guest log tells every entry and exit, why, when, and who created the invitation', async () => {
  const eve = await guest('a8-eve@example.com');
  const fay = await guest('a8-fay@example.com');
  const from = new Date().toISOString();
  expect((await eve.call('DELETE', `/v1/me/organizations/${host.id}`)).status).toBe(204);
  expect((await eve.call('DELETE', `/v1/me/organizations/${host.id}`)).status).toBe(404);
  expect((await eve.call('DELETE', `/v1/me/organizations/${home.id}`)).body.code).toBe('STATUS_CONFLICT');
  await host.call('DELETE', `/guests/${fay.id}`);
  const log = (await host.call('GET', '/guest-log?q=a8-')).body;
  const invitedBy = { type: 'api-key', displayName: expect.any(String) as string };
  expect(log.items).toMatchObject([
    { userId: fay.id, displayName: 'Ada Lovelace (guest)', event: 'exit', reason: 'removed', invitedBy },
    { userId: eve.id, event: 'exit', reason: 'left', invitedBy },
    { userId: fay.id, event: 'entry', reason: 'accepted', invitedBy },
    { userId: eve.id, event: 'entry', reason: 'accepted', invitedBy },
  ]);
  expect((await host.call('GET', `/guest-log?q=a8-&from=${from}`)).body.items).toHaveLength(2);
  expect((await host.call('GET', `/guest-log?q=a8-&to=${from}`)).body.items).toHaveLength(2);
  const first = (await host.call('GET', '/guest-log?q=a8-&limit=3')).body;
  const rest = (await host.call('GET', `/guest-log?q=a8-&limit=3&cursor=${first.nextCursor}`)).body;
  expect([...first.items, ...rest.items]).toEqual(log.items);
  const table = await host.call('GET', '/guest-log?q=a8-', undefined, { headers: { accept: 'text/csv' } });
  expect(table.headers['content-type']).toContain('text/csv');
  const [header, ...lines] = table.text.trimEnd().split('\r\n');
  expect(header).toBe('at,userId,displayName,event,reason,invitedByType,invitedById,invitedBy');
  expect(lines).toHaveLength(4);
  expect(lines[0]).toContain(`${fay.id},Ada Lovelace (guest),exit,removed,api-key`);
  // A new name afterwards is no business of an organization that the person has left.
  await eve.call('PATCH', '/v1/me', { firstName: 'Renamed' });
  expect((await host.call('GET', '/guest-log?q=Renamed')).body.items).toEqual([]);
  expect((await home.call('GET', '/guest-log')).body.items).toEqual([]);
});
