import { DateTime } from 'luxon';
import { randomUUID } from 'node:crypto';
import { launchBrowser, type TestBrowser } from '../support/browser';
import {
  activeParts,
  after,
  formIn,
  formOn,
  hostileTexts,
  inspect,
  textOf,
  windowOf,
} from '../support/console-screens';
import { type Person, signedInPerson } from '../support/people';
import { startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let acme: TestOrganization;
let other: TestOrganization;
let browser: TestBrowser;
let chief: Person;
let staff: Person;
let member: Person;
let guest: Person;

beforeAll(async () => {
  usher = await startUsher();
  acme = await usher.createOrganization({ name: 'Acme', preset: 'licensed-guests', licences: 20 });
  other = await usher.createOrganization({ name: 'Other' });
  browser = await launchBrowser(usher);
  chief = await signedInPerson(usher, acme, 'chief@example.com', {
    role: 'administrator',
    firstName: 'Grace',
    lastName: 'Hopper',
  });
  staff = await signedInPerson(usher, acme, 'staff@example.com', {
    role: 'staff',
    firstName: 'Alan',
    lastName: 'Turing',
  });
  member = await signedInPerson(usher, acme, 'member@example.com', { firstName: 'Katherine', lastName: 'Johnson' });
  guest = await signedInPerson(usher, acme, 'guest@example.com', {
    kind: 'guest',
    firstName: 'Annie',
    lastName: 'Easley',
  });
});
afterAll(async () => {
  await browser.close();
  await usher.stop();
});
afterEach(() => expect(browser.complaints).toEqual([]));

const newGroup = async (fields: Record<string, unknown>): Promise<string> =>
  (await acme.call('POST', '/groups', fields)).body.id as string;

test('an administrator makes a group, changes it, and fills it by searching', async () => {
  const send = await formOn(chief, '/console/groups/new', '/console/groups');
  const made = await send({
    name: 'Design',
    visibility: 'private',
    membersMayPublish: 'yes',
    permissions: ['logs.read'],
    otherPermissions: 'tool.use\n tool.admin',
  });
  const page = await after(chief, made);
  expect(textOf(page, 'h1')).toBe('Design');
  expect(page.text).toContain('The group Design is there.');
  expect(page.text).toContain('tool.admin');
  // Sent twice, it is made once.
  expect(
    (
      await send({
        name: 'Design',
        visibility: 'private',
        membersMayPublish: 'yes',
        permissions: ['logs.read'],
        otherPermissions: 'tool.use\n tool.admin',
      })
    ).headers['location'],
  ).toBe(made.headers['location']);
  const path = made.headers['location'] ?? '';

  const found = `${path}?find=Johnson`;
  expect((await chief.call('GET', found)).text).toContain('Katherine Johnson');
  const add = await formOn(chief, found, `${path}/members`);
  expect((await after(chief, await add({ userId: member.id, role: 'member', change: '' }))).text).toContain(
    'Katherine Johnson is in the group now.',
  );
  const put = await formOn(chief, path, `${path}/members`);
  expect((await after(chief, await put({ userId: member.id, role: 'administrator', change: 'yes' }))).text).toContain(
    'administers the group now',
  );
  // A group administrator without any role may do the same, but not give permissions.
  const edit = await member.call('GET', `${path}/edit`);
  expect([edit.status, edit.text.includes('tool.admin')]).toEqual([200, false]);
  const change = await formOn(member, `${path}/edit`, path);
  expect((await after(member, await change({ name: 'Design office' }))).text).toContain('Design office was saved.');
  expect((await acme.call('GET', `/groups/${path.split('/').at(-1)}`)).body.permissions).toHaveLength(3);
  const remove = await formOn(chief, path, `${path}/members`);
  const guestAsAdministrator = await remove({ userId: guest.id, role: 'administrator' });
  expect([guestAsAdministrator.status, textOf(guestAsAdministrator, 'h1')]).toEqual([
    409,
    'A guest administers no group',
  ]);
});

test('an entry that cannot be used is said beside its field, and nothing typed is lost', async () => {
  await newGroup({ name: 'Taken' });
  const send = await formOn(chief, '/console/groups/new', '/console/groups');
  const taken = await send({ name: 'taken', otherPermissions: 'kept.text' });
  expect(taken.status).toBe(409);
  expect(taken.text).toContain('It may be a secret group that you do not see');
  expect(taken.text).toContain('kept.text');
  const blank = await send({ name: ' ' });
  expect([blank.status, blank.text.includes('aria-invalid="true"')]).toEqual([400, true]);
});

test('two who edit the same group see what the other has saved, and choose', async () => {
  const id = await newGroup({ name: 'Shared' });
  const path = `/console/groups/${id}`;
  const mine = await formOn(chief, `${path}/edit`, path);
  const theirs = await formOn(staff, `${path}/edit`, path);
  await after(staff, await theirs({ name: 'Shared by Alan' }));
  const conflict = await mine({ name: 'Shared by Grace', membersMayPublish: 'yes' });
  expect(conflict.status).toBe(412);
  expect(conflict.text).toContain('Somebody else has changed this meanwhile');
  expect(conflict.text).toContain('Shared by Alan');
  expect(conflict.text).toContain('value="Shared by Grace"');
  await after(chief, await formIn(chief, conflict, path)());
  expect((await acme.call('GET', `/groups/${id}`)).body).toMatchObject({
    name: 'Shared by Grace',
    membersMayPublish: true,
  });
  // What only one of them has changed is not taken back by the other, box by box.
  const [again, other] = [await formOn(chief, `${path}/edit`, path), await formOn(chief, `${path}/edit`, path)];
  await after(chief, await other({ name: 'Shared by both', permissions: ['logs.read'], otherPermissions: 'tool.use' }));
  const second = await again({ membersMayInviteGuests: 'yes', permissions: ['users.manage'] });
  expect(second.status).toBe(412);
  await after(chief, await formIn(chief, second, path)());
  const saved = (await acme.call('GET', `/groups/${id}`)).body;
  expect(saved).toMatchObject({ name: 'Shared by both', membersMayInviteGuests: true, membersMayPublish: true });
  expect([...(saved.permissions as string[])].sort()).toEqual(['logs.read', 'tool.use', 'users.manage']);
});

test('a group that guests need is not deleted, and the page says what to do', async () => {
  const id = await newGroup({ name: 'Project' });
  const path = `/console/groups/${id}`;
  await acme.invite({ kind: 'guest', email: 'needs@example.com', groupIds: [id] });
  const send = await formOn(chief, `${path}/delete`, `${path}/delete`);
  const refused = await send();
  expect([refused.status, refused.text.includes('There are guests who have no other group')]).toEqual([409, true]);
  expect(refused.text).toContain('Give each of them another group');
  expect(refused.text).toContain('Show its guests');
  const empty = await newGroup({ name: 'Nobody needs this' });
  const gone = await formOn(chief, `/console/groups/${empty}/delete`, `/console/groups/${empty}/delete`);
  expect((await after(chief, await gone())).text).toContain('was deleted');
  expect((await chief.call('GET', `/console/groups/${empty}`)).status).toBe(404);
});

test('whoever may not know of a group gets 404, who may not change it 403', async () => {
  const secret = await newGroup({ name: 'Secret plans', visibility: 'secret' });
  const open = await newGroup({ name: 'Open house' });
  const foreign = (await other.call('POST', '/groups', { name: 'Foreign' })).body.id as string;
  for (const [person, id, status] of [
    [chief, secret, 404],
    [member, secret, 404],
    [guest, open, 404],
    [chief, foreign, 404],
    [member, open, 200],
  ] as const) {
    const reply = await person.call('GET', `/console/groups/${id}`);
    expect([person.email, reply.status, reply.headers['location']]).toEqual([person.email, status, undefined]);
  }
  expect((await member.call('GET', '/console/groups')).text).not.toContain('Secret plans');
  expect((await guest.call('GET', '/console/groups')).text).not.toContain('Open house');
  for (const path of ['/console/groups/new', `/console/groups/${open}/edit`, `/console/groups/${open}/delete`])
    expect([path, (await member.call('GET', path)).status]).toEqual([path, 403]);
  expect((await chief.call('GET', '/console/groups/not-an-id')).status).toBe(404);
});

test('hostile names are text wherever groups are shown', async () => {
  const texts = hostileTexts();
  await usher.owner('groups').insert(
    texts.slice(1).map((name) => ({
      id: randomUUID(),
      organization_id: acme.id,
      name,
      permissions: [name],
      visibility: 'open',
      is_guest_group: false,
      members_may_invite_guests: false,
      members_may_publish: false,
      version: 1,
      created_at: new Date(),
    })),
  );
  const id = await newGroup({ name: texts[0], permissions: texts.slice(1, 100) });
  let active: string[] = [];
  const paths = [
    `/console/groups/${id}`,
    `/console/groups/${id}/edit`,
    `/console/groups/${id}/delete`,
    '/console/guests',
  ];
  for (const path of paths) active = [...active, ...activeParts(await chief.call('GET', path))];
  let next: string | undefined = '/console/groups';
  while (next) {
    const page = await chief.call('GET', next);
    active = [...active, ...activeParts(page)];
    next = /href="([^"]+)" rel="next"/.exec(page.text)?.[1]?.replace('&#x3D;', '=');
  }
  expect(active).toEqual([]);
  await usher.owner('groups').delete().whereIn('name', texts);
});

test('every screen is sound on a desktop and a phone, in both languages, without JavaScript', async () => {
  const id = await newGroup({
    name: 'Winter exhibition of the museum for regional history',
    membersMayPublish: true,
    permissions: ['logs.read', 'tool.use'],
  });
  const path = `/console/groups/${id}`;
  for (const { id: userId } of [chief, staff, member, guest]) await acme.call('PUT', `/groups/${id}/members/${userId}`);
  await acme.call('PUT', `/groups/${id}/members/${staff.id}`, { role: 'administrator' });
  await newGroup({ name: 'Board', visibility: 'private' });
  expect(
    await inspect(browser, chief, [
      '/console/groups',
      '/console/groups?q=nothing',
      '/console/groups/new',
      path,
      `${path}?find=a`,
      `${path}/edit`,
      `${path}/delete`,
    ]),
  ).toEqual([]);
  expect(await inspect(browser, guest, ['/console/groups', path])).toEqual([]);
  expect((await acme.call('DELETE', `/groups/${id}`)).status).toBe(204);
});

const invitedGuest = async (email: string, fields: Record<string, unknown> = {}): Promise<string> => {
  const invitation = (await acme.invite({
    kind: 'guest',
    email,
    firstName: 'Dorothy',
    lastName: 'Vaughan',
    ...fields,
  })) as { id: string };
  const { items } = (await acme.call('GET', `/guests?q=${email}`)).body as {
    items: { id: string; invitation: { id: string } }[];
  };
  return items.find((user) => user.invitation.id === invitation.id)?.id ?? '';
};

test('staff change the groups of a guest, name a sponsor, limit, suspend and remove the access', async () => {
  const dora = await signedInPerson(usher, acme, 'dora@example.com', {
    kind: 'guest',
    firstName: 'Dora',
    lastName: 'Maar',
  });
  const first = await newGroup({ name: 'Painting' });
  const second = await newGroup({ name: 'Photography' });
  const path = `/console/guests/${dora.id}`;
  const groups = async (fields: Record<string, string | string[]>) =>
    (await formOn(staff, path, `${path}/groups`))(fields);
  expect((await after(staff, await groups({ groupIds: [first, second] }))).text).toContain(
    'The groups of Dora Maar were saved.',
  );
  const none = await groups({ groupIds: [] });
  expect([none.status, none.text.includes('A guest is in one group at least.')]).toEqual([400, true]);
  await after(staff, await groups({ groupIds: [first] }));

  const sponsor = async (fields: Record<string, string | string[]>) =>
    (await formOn(staff, path, `${path}/sponsor`))(fields);
  expect((await sponsor({ sponsorId: 'nobody@example.com' })).text).toContain('There is no such member');
  expect((await after(staff, await sponsor({ sponsorId: 'MEMBER@example.com' }))).text).toContain('Katherine Johnson');
  expect((await staff.call('GET', '/console/guests?q=dora')).text).toContain('Katherine Johnson');

  const access = async (fields: Record<string, string | string[]>) =>
    (await formOn(staff, path, `${path}/access`))(fields);
  await after(staff, await access({ accessEndsAt: '2031-05-01T12:00' }));
  expect((await acme.call('GET', `/users/${dora.id}`)).body.accessEndsAt).toBe('2031-05-01T10:00:00.000Z');
  const past = await access({ accessEndsAt: '2020-05-01T12:00' });
  expect([past.status, past.text.includes('Choose a time in the future.')]).toEqual([400, true]);
  const until = /name="until" value="([^"]+)"/.exec((await staff.call('GET', path)).text)?.[1] ?? '';
  for (let time = 0; time < 2; time += 1) await after(staff, await access({ until }));
  expect((await acme.call('GET', `/users/${dora.id}`)).body.accessEndsAt).toBe('2031-05-08T10:00:00.000Z');

  const suspend = await formOn(staff, `${path}/suspend`, `${path}/suspend`);
  await after(staff, await suspend());
  expect((await dora.call('GET', '/v1/organizations/current/groups')).status).not.toBe(200);
  const resume = await formOn(staff, path, `${path}/resume`);
  expect((await after(staff, await resume())).text).toContain('Dora Maar has access again.');
  const remove = await formOn(staff, `${path}/remove`, `${path}/remove`);
  expect((await after(staff, await remove())).text).toContain('Dora Maar was removed.');
  expect((await staff.call('GET', path)).status).toBe(404);

  const log = await staff.call('GET', '/console/guest-log?q=dora');
  for (const word of ['Accepted the invitation', 'Suspended', 'Suspension lifted', 'Removed'])
    expect(log.text).toContain(word);
});

test('where the policy neither suspends nor limits guests, the page says so instead of offering it', async () => {
  await acme.call('PATCH', '/policy', { guestSuspensionAndEndDate: false });
  const page = await staff.call('GET', `/console/guests/${guest.id}`);
  expect(page.text).toContain('Suspension and end dates are switched off');
  expect(page.text).not.toContain(`/console/guests/${guest.id}/suspend`);
  await acme.call('PATCH', '/policy', { guestSuspensionAndEndDate: true });
});

test('the guest log is filtered by person and period, and downloaded as a table', async () => {
  // Days are those of the organization; midnight may have been a moment ago.
  const now = DateTime.now().setZone('Europe/Berlin');
  const [from, to] = [now.minus({ minutes: 10 }).toISODate(), now.toISODate()];
  const listed = await staff.call('GET', `/console/guest-log?q=Easley&from=${from}&to=${to}`);
  expect(listed.text).toContain('Annie Easley');
  expect((await staff.call('GET', '/console/guest-log?from=2020-01-01&to=2020-12-31')).text).toContain(
    'Nothing fits these filters',
  );
  const csv = await staff.call('GET', '/console/guest-log/csv?q=Easley');
  expect(csv.headers['content-type']).toContain('text/csv');
  expect(csv.headers['content-disposition']).toBe('attachment; filename="guest-log.csv"');
  expect(csv.text).toMatch(/^at,userId,displayName/);
  expect(csv.text).toContain('Annie Easley');
  expect(csv.text).not.toContain('Dora Maar');
});

test('licences say how many are used, by whom, and which are only promised', async () => {
  const group = await newGroup({ name: 'Second group' });
  const { items } = (await acme.call('GET', '/groups')).body as { items: { id: string; isGuestGroup: boolean }[] };
  const guests = items.find(({ isGuestGroup }) => isGuestGroup)?.id ?? '';
  await acme.invite({
    kind: 'guest',
    email: 'both@example.com',
    firstName: 'Berta',
    lastName: 'Benz',
    groupIds: [guests, group],
  });
  const page = await staff.call('GET', '/console/licences');
  expect(textOf(page, 'main')).toContain('4 of 20 used');
  const several = await staff.call('GET', '/console/licences?pool=licence');
  expect(several.text).toContain('Berta Benz');
  expect(several.text).not.toContain('Annie Easley');
  expect((await staff.call('GET', '/console/licences?pool=single-group')).text).toContain('Annie Easley');
});

test('licences, groups and who is in a group refresh themselves', async () => {
  const group = await newGroup({ name: 'Watched group' });
  const window = await windowOf(browser, staff);
  await window.goto('http://usher.test/console/licences');
  const before = await window.locator('#seats').innerText();
  await acme.invite({ email: 'seated@example.com', firstName: 'Sea', lastName: 'Ted' });
  await window.locator('#holders').getByText('Sea Ted').waitFor();
  expect(await window.locator('#seats').innerText()).not.toBe(before);

  const page = await windowOf(browser, chief);
  await page.goto(`http://usher.test/console/groups/${group}`);
  await acme.call('PUT', `/groups/${group}/members/${member.id}`, {});
  await page.locator('#people').getByText('Katherine Johnson').waitFor();
  await acme.call('PATCH', `/groups/${group}`, { visibility: 'private' });
  await page.locator('#about').getByText('only its own people see what is in it').waitFor();
  await page.goto('http://usher.test/console/groups');
  await newGroup({ name: 'Brand new group' });
  await page.locator('#groups-list').getByText('Brand new group').waitFor();
  // A guest, while somebody looks at them; and what is typed beside it stays.
  const watched = await invitedGuest('watched@example.com', { firstName: 'Wat', lastName: 'Ched' });
  await window.goto(`http://usher.test/console/guests/${watched}`);
  await window.fill('#sponsorId', 'typed');
  await acme.call('PATCH', `/guests/${watched}`, { accessEndsAt: '2031-05-06T10:00:00Z' });
  await window.locator('#access').getByText('6 May 2031').first().waitFor();
  expect(await window.inputValue('#sponsorId')).toBe('typed');
  await page.goto('http://usher.test/console/api-keys');
  await acme.call('POST', '/api-keys', { name: 'Made meanwhile' });
  await page.locator('#keys-list').getByText('Made meanwhile').waitFor();
  await page.goto('http://usher.test/console/suppressed-addresses');
  const suppressed = { organization_id: acme.id, address: 'gone@example.com', reason: 'bounce' };
  await usher.owner('suppressed_addresses').insert({ ...suppressed, id: randomUUID() });
  await usher.owner('audit_events').insert({
    organization_id: acme.id,
    type: 'email.address-suppressed',
    actor_type: 'system',
    data: '{}',
  });
  await page.locator('#suppressed-list').getByText('gone@example.com').waitFor();
  for (const each of [window, page]) await each.context().close();
});

test('lists of guests, the log and licences are not for everybody', async () => {
  const foreign = await signedInPerson(usher, other, 'foreign@example.com');
  const plain = await signedInPerson(usher, acme, 'plain@example.com');
  for (const path of [
    '/console/guests',
    '/console/guest-log',
    '/console/guest-log/csv',
    '/console/licences',
    `/console/guests/${guest.id}`,
  ])
    for (const person of [plain, guest]) expect([path, (await person.call('GET', path)).status]).toEqual([path, 403]);
  for (const id of [foreign.id, member.id, 'x'])
    expect([id, (await staff.call('GET', `/console/guests/${id}`)).status]).toEqual([id, 404]);
});

test('the screens of guests are sound everywhere', async () => {
  const pending = await invitedGuest('pending@example.com', { accessEndsAt: '2031-01-01T00:00:00Z' });
  expect(
    await inspect(browser, staff, [
      '/console/guests',
      '/console/guests?q=nobody-is-called-so',
      `/console/guests/${guest.id}`,
      `/console/guests/${pending}`,
      `/console/guests/${guest.id}/remove`,
      '/console/guest-log',
      '/console/guest-log?q=nothing',
      '/console/licences',
    ]),
  ).toEqual([]);
});
