import { randomUUID } from 'node:crypto';
import { heading, hiddenFields, mainText, postForm, submit } from '../support/console-forms';
import { weigh } from '../support/console-screens';
import { elementsOf } from '../support/html';
import { type Person, signedInPerson, type Visitor, visitor } from '../support/people';
import { goodPassword, type Reply, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let home: TestOrganization;
let other: TestOrganization;
let admin: Person;
let member: Person;
let guest: Person;
beforeAll(async () => {
  usher = await startUsher();
  home = await usher.createOrganization({ name: 'Northwind', preset: 'licensed-guests', licences: 500 });
  other = await usher.createOrganization({ name: 'Contoso', preset: '21-days' });
  admin = await signedInPerson(usher, home, 'admin@northwind.test', { role: 'administrator' });
  member = await signedInPerson(usher, home, 'member@northwind.test', { firstName: 'Mary', lastName: 'Jackson' });
  guest = await signedInPerson(usher, home, 'guest@elsewhere.test', { kind: 'guest', firstName: 'Gil' });
});
afterAll(() => usher.stop());

const location = (reply: Reply) => reply.headers['location'] ?? '';
const idIn = (reply: Reply) => /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(location(reply))?.[0] ?? '';
const mailsTo = (email: string) => usher.mail.messages.filter(({ to }) => to.includes(email));
/** Where a session is. */
const currentOf = async (person: Visitor): Promise<string> => {
  const { items } = (await person.call('GET', '/v1/me/organizations')).body as {
    items: { name: string; current: boolean }[];
  };
  return items.find(({ current }) => current)?.name ?? '';
};
/** Where the link to the page before or after leads. */
const linked = (reply: Reply, rel: 'prev' | 'next'): string | null =>
  elementsOf(reply.text).find(({ attributes }) => attributes['rel'] === rel)?.attributes['href'] ?? null;
/** Another browser of the same person. */
const again = async (email: string) => {
  const fresh = visitor(usher);
  await fresh.signIn(email);
  return fresh;
};

test('who is not signed in is sent to sign in, and back to the screen that they wanted', async () => {
  const stranger = visitor(usher);
  const sent = await stranger.call('GET', '/console/users?status=invited');
  expect([sent.status, location(sent)]).toEqual([
    303,
    `/sign-in?next=${encodeURIComponent('/console/users?status=invited')}`,
  ]);
  const back = await postForm(stranger, '/sign-in', {
    login: 'admin@northwind.test',
    password: goodPassword,
    next: '/console/users?status=invited',
  });
  expect(location(back)).toBe('/console/users?status=invited');
});

test('each sees the sections that they may use, and a page that says no at the others', async () => {
  const links = async (person: Person) =>
    elementsOf((await person.call('GET', '/console/users')).text).flatMap(({ name, attributes }) =>
      name === 'a' && /^\/console\/[a-z]+$/.test(attributes['href'] ?? '') ? [attributes['href']] : [],
    );
  expect(await links(admin)).toEqual(expect.arrayContaining(['/console/users', '/console/invitations']));
  expect(await links(member)).not.toContain('/console/invitations');
  for (const [person, path] of [
    [member, '/console/invitations'],
    [guest, '/console/users'],
    [guest, '/console/invite'],
    [member, `/console/users/${admin.id}/edit`],
  ] as const) {
    const refused = await person.call('GET', path);
    expect([path, refused.status, heading(refused)]).toEqual([path, 403, 'Not allowed']);
    expect(refused.text).toContain('Ask an administrator of the organization.');
  }
  expect((await admin.call('GET', '/console/nowhere')).status).toBe(404);
});

test('ids of another organization lead nowhere', async () => {
  const theirs = await other.invite({ email: 'x@contoso.test', firstName: 'X', lastName: 'Y' });
  const person = await signedInPerson(usher, other, 'p@contoso.test', { firstName: 'P', lastName: 'Q' });
  const owner = hiddenFields((await admin.call('GET', '/console/invite')).text)['for']?.[0] ?? '';
  const guard = () => ({ once: randomUUID(), for: owner });
  const invitation = `/console/invitations/${theirs.id}`;
  for (const path of [invitation, `${invitation}/edit`, `${invitation}/cancel`])
    expect([path, (await admin.call('GET', path)).status]).toEqual([path, 404]);
  for (const wish of ['send', 'resend', 'cancel', 'link', 'edit'])
    expect([wish, (await postForm(admin, `${invitation}/${wish}`, guard())).status]).toEqual([wish, 404]);
  const user = `/console/users/${person.id}`;
  for (const path of ['', '/edit', '/deactivate', '/delete', '/remove'])
    expect([path, (await admin.call('GET', `${user}${path}`)).status]).toEqual([path, 404]);
  for (const action of [
    'deactivate',
    'activate',
    'suspend',
    'resume',
    'reset-password',
    'reset-two-factor',
    'remove',
    'delete',
    'edit',
  ])
    expect([action, (await postForm(admin, `${user}/${action}`, guard())).status]).toEqual([action, 404]);
  const switching = await postForm(admin, '/console/switch', { organizationId: other.id });
  expect(switching.status).toBe(404);
  expect((await other.call('GET', `/invitations/${theirs.id}`)).body.status).toBe('pending');
});

test('a form of another site does nothing', async () => {
  const foreign = { headers: { 'content-type': 'application/x-www-form-urlencoded', origin: 'https://evil.test' } };
  const owner = hiddenFields((await admin.call('GET', '/console/invite')).text)['for']?.[0] ?? '';
  const body = new URLSearchParams({ for: owner, kind: 'member', email: 'evil@northwind.test' }).toString();
  expect((await admin.call('POST', '/console/invite', body, foreign)).status).toBe(403);
  expect((await home.call('GET', '/users?q=evil@northwind.test')).body.items).toEqual([]);
});

test('B1, C1: mandatory fields are marked by the policy, faults are told in the language of the person, nothing typed is lost', async () => {
  const manager = await signedInPerson(usher, other, 'chef@contoso.test', {
    role: 'administrator',
    firstName: 'Karl',
    lastName: 'Chef',
    locale: 'de',
  });
  const page = await manager.call('GET', '/console/invite');
  expect(heading(page)).toBe('Zu Contoso einladen');
  expect(elementsOf(page.text).filter(({ attributes }) => 'required' in attributes)).toHaveLength(3);
  const refused = await submit(manager, '/console/invite', {
    kind: 'member',
    email: 'kein-at-zeichen',
    firstName: 'Ilse',
    lastName: '',
    message: 'Bis bald',
  });
  expect(refused.status).toBe(400);
  expect(refused.text).toContain('Das ist keine E-Mail-Adresse wie name@example.com.');
  expect(refused.text).toContain('Geben Sie den Nachnamen ein.');
  expect(refused.text).toContain('value="kein-at-zeichen"');
  expect(refused.text).toContain('Bis bald</textarea>');
  const closed = await submit(manager, '/console/invite', {
    kind: 'member',
    email: 'p@contoso.test',
    firstName: 'P',
    lastName: 'Q',
  });
  expect([closed.status, closed.text.includes('Suchen Sie die Person in der Liste der Benutzer.')]).toEqual([
    409,
    true,
  ]);
});

test('inviting counts once however often the form is sent; sent with other entries, it asks', async () => {
  const page = await admin.call('GET', '/console/invite');
  const { once = [], for: owner = [] } = hiddenFields(page.text);
  const form = {
    once: once[0] ?? '',
    for: owner[0] ?? '',
    kind: 'member',
    email: 'twice@northwind.test',
    firstName: 'Tw',
    lastName: 'Ice',
  };
  const [first, second] = await Promise.all([
    postForm(admin, '/console/invite', form),
    postForm(admin, '/console/invite', form),
  ]);
  expect([first.status, second.status]).toEqual([303, 303]);
  expect(idIn(second)).toBe(idIn(first));
  const detail = await admin.call('GET', location(first));
  expect(mainText(detail)).toContain('Tw Ice is invited.');
  expect(mainText(detail)).toContain('Next planned step');
  expect(mainText(await admin.call('GET', location(first)))).not.toContain('Tw Ice is invited.');
  const other = await postForm(admin, '/console/invite', { ...form, email: 'thrice@northwind.test' });
  expect(other.status).toBe(422);
  expect(other.text).toContain('This form was sent already, with other entries.');
  expect(hiddenFields(other.text)['once']).not.toEqual(once);
  await usher.linkFor('twice@northwind.test');
  expect(mailsTo('twice@northwind.test')).toHaveLength(1);
});

test('A2: the group of guests is preselected, and others can be chosen', async () => {
  const group = (await home.call('POST', '/groups', { name: 'Design' })).body;
  const page = await admin.call('GET', '/console/invite?kind=guest');
  const boxes = elementsOf(page.text).filter(({ attributes }) => attributes['name'] === 'guestGroupIds');
  expect(boxes.filter(({ attributes }) => 'checked' in attributes)).toHaveLength(1);
  const sent = await submit(admin, '/console/invite', {
    kind: 'guest',
    email: 'g2@elsewhere.test',
    guestGroupIds: group.id,
  });
  expect((await home.call('GET', `/invitations/${idIn(sent)}`)).body.groupIds).toEqual([group.id]);
  const none = await submit(admin, '/console/invite', { kind: 'guest', email: 'g3@elsewhere.test' });
  expect([none.status, none.text.includes('A guest is in one group at least.')]).toEqual([400, true]);
});

test('B5, B6: an invitation sent later is suggested to be sent, and goes out from the list', async () => {
  const drafted = await submit(admin, '/console/invite', {
    kind: 'member',
    email: 'later@northwind.test',
    firstName: 'La',
    lastName: 'Ter',
    send: 'later',
  });
  const detail = await admin.call('GET', location(drafted));
  expect(mainText(detail)).toContain('This invitation has not been sent.');
  const id = idIn(drafted);
  const list = await admin.call('GET', '/console/users?q=later@');
  expect(mainText(list)).toContain('Invitation not sent');
  const sent = await submit(
    admin,
    '/console/users?q=later@',
    { back: '/console/users?q=later@' },
    `/console/invitations/${id}/send`,
  );
  expect(location(sent)).toBe('/console/users?q=later@');
  const listed = mainText(await admin.call('GET', '/console/users?q=later@'));
  expect(listed).toContain('The invitation to La Ter goes out now.');
  expect(listed).toContain('Invited, Invitation pending');
  expect((await usher.linkFor('later@northwind.test')).token).not.toBe('');
});

test('D10: without an address there is a link with a QR code, and the earlier one is dead', async () => {
  const drafted = await submit(admin, '/console/invite', {
    kind: 'guest',
    firstName: 'Tom',
    lastName: 'Baker',
    guestGroupIds: (await guestGroup()).id,
  });
  const at = location(drafted);
  expect(mainText(await admin.call('GET', at))).toContain('There is no email address. Make a link and hand it over');
  expect(mainText(await admin.call('GET', `${at}/cancel`))).toContain('It was never sent, and there is no link to it.');
  const link = await submit(admin, at, {}, `${at}/link`);
  const url = elementsOf(link.text).find(({ attributes }) => attributes['id'] === 'link')?.attributes['value'] ?? '';
  expect(url).toMatch(/^http:\/\/usher\.test\/invitations\/[\w-]+$/);
  expect(link.text).toContain('src="data:image/png;base64,');
  expect(link.headers['cache-control']).toBe('no-store');
  const token = url.split('/').at(-1) ?? '';
  const opened = async () =>
    (await usher.call('GET', `/v1/invitation-tokens/${token}`, undefined, { key: null })).status;

  // The link is out: the screen says so, and nobody ends it without being asked.
  const made = await admin.call('GET', at);
  expect(mainText(made)).toMatch(/A link to hand over was made on .+; a new one ends it at once\./);
  expect(mainText(made)).not.toContain('There is no email address. Make a link');
  expect(made.text).toContain(`href="${at}/link"`);
  expect(mainText(made)).toContain('Link made');
  expect(mainText(made)).not.toContain('Sent');
  expect(mainText(await admin.call('GET', `${at}/cancel`))).toContain('The link that was made to hand over is dead');
  const asked = await submit(admin, `${at}/link`, {});
  expect([heading(asked), await opened()]).toEqual(['Make a new link for Tom Baker?', 200]);
  expect(mainText(asked)).toMatch(/A link to hand over was made on .+ It is dead from then on/);
  await submit(admin, `${at}/link`, { sure: 'yes' });
  expect(await opened()).toBe(410);
  expect(mainText(await admin.call('GET', at))).toContain('New link made');
  expect(mainText(await admin.call('GET', at))).not.toContain('Sent');
});

test('C3: the part of an invitation that another organization sends can be cancelled, and offers nothing in vain', async () => {
  const first = await usher.createOrganization({ name: 'Fabrikam', preset: '28-days' });
  const second = await usher.createOrganization({ name: 'Litware', preset: '28-days' });
  const here = await signedInPerson(usher, second, 'here@litware.test', { role: 'administrator' });
  const both = await signedInPerson(usher, second, 'both@litware.test', { role: 'administrator' });
  await first.invite({ email: both.email });
  const [own] = (await both.call('GET', '/v1/me/invitations')).body.items;
  await both.call('POST', `/v1/me/invitations/${own.id}/accept`);
  await both.call('PUT', '/v1/me/current-organization', { organizationId: second.id });
  const partOf = async (email: string, fields: Record<string, unknown> = {}) => {
    const body = { email, firstName: 'Grace', lastName: email, additionalOrganizationIds: [second.id], ...fields };
    expect((await usher.call('POST', `/v1/organizations/${first.id}/invitations`, body)).status).toBe(201);
    return (await second.call('GET', `/invitations?q=${encodeURIComponent(email)}`)).body.items[0] as { id: string };
  };
  const part = await partOf('part@fabrikam.test');
  const at = `/console/invitations/${part.id}`;
  const page = await here.call('GET', at);
  const text = mainText(page);
  expect(text).toContain('Part of an invitation by another organization. It is sent, sent again and changed there.');
  expect(text).toContain('The invitation expires');
  for (const untrue of ['Fabrikam', 'No email', 'Nothing is planned', 'Send again', 'Link by hand', 'Edit'])
    expect(text).not.toContain(untrue);
  // Whoever belongs there is told where it is sent.
  expect(mainText(await both.call('GET', at))).toContain('Part of an invitation by Fabrikam.');
  // What was offered by an older screen is refused in words that are true, and nobody is asked in vain.
  for (const wish of ['resend', 'link', 'edit']) {
    const refused = await submit(here, '/console/invite', { sure: 'yes' }, `${at}/${wish}`);
    expect([wish, refused.status, location(refused)]).toEqual([wish, 303, at]);
    expect(mainText(await here.call('GET', at))).toContain('This is part of an invitation by another organization');
  }
  for (const asked of ['link', 'edit']) expect(location(await here.call('GET', `${at}/${asked}`))).toBe(at);
  // Lists: the same.
  expect(mainText(await here.call('GET', '/console/invitations?q=part@fabrikam.test'))).toContain(
    'The invitation expires',
  );
  const list = await here.call('GET', '/console/users?q=part@fabrikam.test');
  expect(list.text).toContain(`${at}/cancel`);
  expect(list.text).not.toContain(`${at}/resend`);
  const many = { wish: 'send', chosen: `${part.id}.resend` };
  expect(mainText(await submit(here, '/console/invite', many, '/console/users/many'))).toContain(
    'It is part of an invitation by another organization, and is sent there.',
  );
  const cancelling = mainText(await here.call('GET', `${at}/cancel`));
  expect(cancelling).toContain('Only the part for Litware is cancelled.');
  expect(location(await submit(here, `${at}/cancel`, {}))).toBe(at);
  expect((await second.call('GET', `/invitations/${part.id}`)).body.status).toBe('cancelled');
  expect((await first.call('GET', '/invitations?q=part@fabrikam.test')).body.items[0].status).toBe('pending');

  const draft = await partOf('unsent@fabrikam.test', { send: false });
  const drafted = mainText(await here.call('GET', `/console/invitations/${draft.id}`));
  expect(drafted).toContain('Here you can only cancel this part.');
  expect(drafted).not.toContain('Send it now');
});

test('the preview shows the mail with the personal text, literally, and can do nothing', async () => {
  const preview = await submit(
    admin,
    '/console/invite',
    { kind: 'guest', firstName: 'Eva', message: 'See <b>you</b> {{link}}' },
    '/console/invite/preview',
  );
  expect(preview.status).toBe(200);
  expect(preview.text).toContain('Eva');
  expect(preview.text).toContain('See &lt;b&gt;you&lt;/b&gt; {{link}}');
  expect(preview.headers['content-security-policy']).toMatch(/default-src 'none'.*sandbox/);
  expect((await home.call('GET', '/users?q=Eva')).body.items).toEqual([]);
});

test('many are sent again or cancelled at once, and each says how it went', async () => {
  const names = ['one', 'two', 'three'];
  for (const name of names) await home.invite({ email: `${name}@many.test`, firstName: name });
  await Promise.all(names.map((name) => usher.linkFor(`${name}@many.test`)));
  const list = await admin.call('GET', '/console/users?q=many.test');
  const boxes = elementsOf(list.text).flatMap(({ attributes }) =>
    attributes['name'] === 'chosen' ? [attributes['value'] ?? ''] : [],
  );
  expect(boxes).toHaveLength(3);
  const { once = [], for: owner = [] } = hiddenFields(list.text);
  const form = { once: once[0] ?? '', for: owner[0] ?? '', back: '/console/users?q=many.test', chosen: boxes };
  const sent = await postForm(admin, '/console/users/many', { ...form, wish: 'send' });
  expect(mainText(sent)).toContain('3 of 3 done');
  // Sent once more, it is the same wish.
  await postForm(admin, '/console/users/many', { ...form, wish: 'send' });
  await usher.linkFor('one@many.test', 2);
  expect((await home.call('GET', `/invitations/${boxes[0]?.slice(0, 36)}`)).body.generation).toBe(2);
  const asked = await postForm(admin, '/console/users/many', { ...form, wish: 'cancel' });
  expect(heading(asked)).toBe('Cancel these invitations?');
  const { token } = await usher.linkFor('two@many.test', 2);
  const body = { lastName: 'Two', password: goodPassword };
  await usher.call('POST', `/v1/invitation-tokens/${token}/accept`, body, { key: null });
  const cancelled = await postForm(admin, '/console/users/many', { ...form, wish: 'cancel', sure: 'yes' });
  expect(mainText(cancelled)).toContain('2 of 3 done');
  expect(mainText(cancelled)).toContain('The invitation has ended');
  const none = await postForm(admin, '/console/users/many', { ...form, chosen: [], wish: 'send' });
  expect(location(none)).toBe('/console/users?q=many.test');
  expect(mainText(await admin.call('GET', location(none)))).toContain('Choose somebody first.');
});

test('a session that ends while a form is open loses nothing that was typed', async () => {
  const browser = await again('admin@northwind.test');
  const { once = [], for: owner = [] } = hiddenFields((await browser.call('GET', '/console/invite')).text);
  await browser.call('POST', '/v1/auth/sign-out');
  const typed = {
    once: once[0] ?? '',
    for: owner[0] ?? '',
    kind: 'member',
    email: 'kept@northwind.test',
    firstName: 'Kept',
    message: 'Line one\nLine "two" <b>',
  };
  const asked = await postForm(browser, '/console/invite', typed);
  expect([asked.status, heading(asked)]).toEqual([401, 'Sign in']);
  expect(mainText(asked)).toContain('Your session has ended.');
  const kept = hiddenFields(asked.text)['kept']?.[0] ?? '';
  const wrong = await postForm(browser, '/sign-in', { login: 'admin@northwind.test', password: 'no', kept });
  expect(hiddenFields(wrong.text)['kept']).toEqual([kept]);
  const back = await postForm(browser, '/sign-in', { login: 'admin@northwind.test', password: goodPassword, kept });
  expect(heading(back)).toBe('You are signed in again');
  const form = elementsOf(back.text).find(({ name }) => name === 'form')?.attributes['action'] ?? '';
  const shown = await postForm(browser, form, hiddenFields(back.text));
  expect(shown.status).toBe(200);
  expect(shown.text).toContain('value="kept@northwind.test"');
  expect(shown.text).toContain('Line one\nLine &quot;two&quot; &lt;b&gt;</textarea>');
  expect((await home.call('GET', '/users?q=kept@northwind.test')).body.items).toEqual([]);
  // Whoever else signs in there sees none of it.
  const stranger = await postForm(visitor(usher), '/sign-in', {
    login: 'member@northwind.test',
    password: goodPassword,
    kept,
  });
  const theirs = await again('member@northwind.test');
  const refused = await postForm(theirs, '/console/invite', hiddenFields(stranger.text));
  expect([refused.status, refused.text.includes('kept@northwind.test')]).toEqual([409, false]);
  const planted = JSON.stringify({ path: 'https://evil.test/', fields: [['a', 'b']] });
  const nowhere = await postForm(visitor(usher), '/sign-in', {
    login: 'member@northwind.test',
    password: goodPassword,
    kept: planted,
  });
  expect(location(nowhere)).toBe('/profile');
});

test('a second factor in between keeps the form, too', async () => {
  const careful = await usher.createOrganization({ name: 'Careful', preset: 'create-user' });
  await signedInPerson(usher, careful, 'careful@example.test', { role: 'administrator' });
  const kept = JSON.stringify({ path: '/console/invite', fields: [['email', 'x@example.test']] });
  const code = await postForm(visitor(usher), '/sign-in', {
    login: 'careful@example.test',
    password: goodPassword,
    kept,
  });
  expect(heading(code)).toBe('Confirm your sign-in');
  expect(hiddenFields(code.text)['kept']).toEqual([kept]);
});

test('A7: switching changes what is seen; a form of the other organization waits for going back', async () => {
  const third = await usher.createOrganization({ name: 'Harbor', locale: 'en' });
  await third.invite({ kind: 'guest', email: 'admin@northwind.test', locale: 'en' });
  const browser = await again('admin@northwind.test');
  const mine = await browser.call('GET', '/v1/me/invitations');
  await browser.call('POST', `/v1/me/invitations/${mine.body.items[0].id}/accept`);
  const { once = [], for: owner = [] } = hiddenFields((await browser.call('GET', '/console/invite')).text);
  const switched = await postForm(browser, '/console/switch', { organizationId: third.id });
  expect(location(switched)).toBe('/console');
  expect(await currentOf(browser)).toBe('Harbor');
  const stale = await postForm(browser, '/console/invite', {
    once: once[0] ?? '',
    for: owner[0] ?? '',
    kind: 'member',
    email: 'stale@northwind.test',
  });
  expect([stale.status, heading(stale)]).toEqual([409, 'You have switched meanwhile']);
  const back = await postForm(browser, '/console/switch', {
    organizationId: home.id,
    kept: hiddenFields(stale.text)['kept']?.[0] ?? '',
  });
  const shown = await postForm(browser, '/console/invite', hiddenFields(back.text));
  expect([shown.status, shown.text.includes('value="stale@northwind.test"')]).toEqual([200, true]);

  // Removed while looking. // A6
  await postForm(browser, '/console/switch', { organizationId: third.id });
  await third.call('DELETE', `/guests/${admin.id}`);
  const lost = await browser.call('GET', '/console/users');
  expect([lost.status, location(lost)]).toEqual([303, '/console']);
  await browser.call('GET', '/console');
  const after = await browser.call('GET', '/console/users');
  expect(mainText(after)).toContain(
    'You no longer have access to the organization that you were in. You are now in Northwind.',
  );
});

test('two who edit the same user: the later one sees both versions and chooses', async () => {
  const { id } = await signedInPerson(usher, home, 'edited@northwind.test');
  const at = `/console/users/${id}/edit`;
  const page = await admin.call('GET', at);
  const { version = [], has = [], once = [], for: owner = [] } = hiddenFields(page.text);
  await home.call('PATCH', `/users/${id}`, { lastName: 'Theirs' });
  const typed = {
    once: once[0] ?? '',
    for: owner[0] ?? '',
    has,
    firstName: 'Ada',
    lastName: 'Mine',
    username: '',
    email: 'edited@northwind.test',
    role: 'member',
    userType: '',
    externalId: '',
    otherPermissions: '',
  };
  const conflict = await postForm(admin, at, { ...typed, version: version[0] ?? '' });
  expect(conflict.status).toBe(412);
  expect(mainText(conflict)).toMatch(/Last name ?Theirs ?Mine/);
  expect(conflict.text).toContain('Save my version');
  expect((await home.call('GET', `/users/${id}`)).body.lastName).toBe('Theirs');
  const mine = await postForm(admin, at, {
    ...typed,
    once: randomUUID(),
    version: hiddenFields(conflict.text)['version']?.[0] ?? '',
  });
  expect(location(mine)).toBe(`/console/users/${id}`);
  expect((await home.call('GET', `/users/${id}`)).body.lastName).toBe('Mine');
});

test('C8, E2, E9: a user is renamed, deactivated, activated and deleted; refusals say why and what to do', async () => {
  const { id } = await signedInPerson(usher, home, 'managed@northwind.test', { firstName: 'Man', lastName: 'Aged' });
  const at = `/console/users/${id}`;
  const renamed = await submit(admin, `${at}/edit`, {
    firstName: 'Man',
    lastName: 'Aged',
    username: 'man.aged',
    email: 'managed@northwind.test',
    role: 'staff',
    userType: 'tester',
    externalId: '',
    permissions: [],
    otherPermissions: '',
  });
  expect(location(renamed)).toBe(at);
  expect((await home.call('GET', `/users/${id}`)).body).toMatchObject({ username: 'man.aged', role: 'staff' });
  expect(mainText(await admin.call('GET', at))).toContain('tester');
  const taken = await submit(admin, `/console/users/${member.id}/edit`, {
    firstName: 'Mary',
    lastName: 'Jackson',
    username: 'MAN.aged',
    email: 'member@northwind.test',
    role: 'member',
    userType: '',
    externalId: '',
    otherPermissions: '',
  });
  expect([taken.status, taken.text.includes('Choose another username, or leave the field empty.')]).toEqual([
    409,
    true,
  ]);
  expect(mainText(await admin.call('GET', `${at}/deactivate`))).toContain('A licence becomes free.');
  expect(location(await submit(admin, `${at}/deactivate`, {}))).toBe(at);
  expect(mainText(await admin.call('GET', at))).toContain('Deactivated');
  expect(location(await submit(admin, at, {}, `${at}/activate`))).toBe(at);
  expect(mainText(await admin.call('GET', at))).toContain('Man Aged is active again.');
  expect(location(await submit(admin, `${at}/delete`, {}))).toBe('/console/users');
  expect((await admin.call('GET', at)).status).toBe(404);
  await submit(admin, `/console/users/${admin.id}/deactivate`, {});
  const last = mainText(await admin.call('GET', `/console/users/${admin.id}`));
  expect(last).toContain('The last administrator stays. Make somebody else an administrator first.');
  const expired = await home.invite({ email: 'gone@northwind.test', firstName: 'Go', lastName: 'Ne' });
  await usher.linkFor('gone@northwind.test');
  await usher
    .owner('invitations')
    .where({ id: expired.id })
    .update({ expires_at: new Date(Date.now() - 1_000) });
  const inactive = (await home.call('GET', '/users?q=gone@northwind.test')).body.items[0];
  expect(inactive.status).toBe('inactive');
  const warned = mainText(await admin.call('GET', `/console/users/${inactive.id}/activate`));
  expect(warned).toContain('must both happen today, before 24:00 in the time zone of the organization');
  expect(warned).toContain('Recommended: a new password instead');
  const back = `/console/users/${inactive.id}`;
  expect(location(await submit(admin, back, {}, `${back}/activate`))).toBe(back);
  expect(mainText(await admin.call('GET', back))).toContain(
    'A password link goes out to Go Ne, who has until tonight to come back.',
  );
});

test('what is said of activating and deactivating is what happens: no licence where none are counted, and the status as it was', async () => {
  const boss = await signedInPerson(usher, other, 'boss@contoso.test', { role: 'administrator' });
  const { id } = await signedInPerson(usher, other, 'off@contoso.test', { firstName: 'Of', lastName: 'Fon' });
  const at = `/console/users/${id}`;
  const asked = mainText(await boss.call('GET', `${at}/deactivate`));
  expect(asked).toContain('You can activate them again.');
  expect(asked).not.toContain('licence');
  // Deactivated while inactive, somebody comes back as that.
  await usher.owner('accounts').where({ id }).update({ status: 'inactive' });
  await submit(boss, `${at}/deactivate`, {});
  await submit(boss, at, {}, `${at}/activate`);
  const text = mainText(await boss.call('GET', at));
  expect(text).toContain('Of Fon is not deactivated any more, but inactive as before.');
  expect((await other.call('GET', `/users/${id}`)).body.status).toBe('inactive');
});

test('an invitation is to somebody, in either language', async () => {
  const { id } = await home.invite({ email: 'to@northwind.test', firstName: 'To', lastName: 'Whom' });
  const at = `/console/invitations/${id}`;
  const german = await signedInPerson(usher, home, 'deutsch@northwind.test', { role: 'administrator' });
  const title = elementsOf((await german.call('GET', `${at}?lang=de`)).text).find(({ name }) => name === 'title');
  expect(title?.text).toContain('Einladung an To Whom');
  expect(heading(await german.call('GET', `${at}/cancel`))).toBe('Einladung an To Whom zurückziehen?');
  expect((await admin.call('GET', at)).text).toContain('<title>Invitation to To Whom');
  expect(heading(await admin.call('GET', `${at}/cancel`))).toBe('Cancel the invitation to To Whom?');
  expect(mainText(await admin.call('GET', `${at}/cancel`))).toContain('The link in the email is dead at once.');
  await submit(admin, `${at}/cancel`, {});
  expect(mainText(await admin.call('GET', at))).toContain('The invitation to To Whom is cancelled.');
});

test('D11, D12: a guest is suspended, resumed, limited in time and removed; elsewhere the policy says no', async () => {
  const { id } = await signedInPerson(usher, home, 'limited@elsewhere.test', {
    kind: 'guest',
    firstName: 'Li',
    lastName: 'Mited',
  });
  const at = `/console/users/${id}`;
  await submit(admin, `${at}/suspend`, {});
  expect(mainText(await admin.call('GET', at))).toContain('Suspended');
  await submit(admin, at, {}, `${at}/resume`);
  expect((await home.call('GET', `/users/${id}`)).body.status).toBe('active');
  const edit = await admin.call('GET', `${at}/edit`);
  expect(edit.text).not.toContain('name="firstName"');
  const { has = [] } = hiddenFields(edit.text);
  expect(has).toEqual(['groups', 'accessEndsAt']);
  const limited = await submit(admin, `${at}/edit`, {
    groupIds: (await guestGroup()).id,
    accessEndsAt: '2035-06-01T12:00',
  });
  expect(location(limited)).toBe(at);
  expect((await home.call('GET', `/users/${id}`)).body.accessEndsAt).toBe('2035-06-01T10:00:00.000Z');
  const past = await submit(admin, `${at}/edit`, {
    groupIds: (await guestGroup()).id,
    accessEndsAt: '2020-06-01T12:00',
  });
  expect([past.status, past.text.includes('This must lie in the future.')]).toEqual([400, true]);
  expect(location(await submit(admin, `${at}/remove`, {}))).toBe('/console/users');
  expect((await home.call('GET', `/users/${id}`)).status).toBe(404);
});

test('an invitation is corrected, and its undelivered mail names the server’s answer and the sender', async () => {
  const sent = await submit(admin, '/console/invite', {
    kind: 'member',
    email: 'typo@northwind.test',
    firstName: 'Ty',
    lastName: 'Po',
  });
  const at = location(sent);
  await usher.linkFor('typo@northwind.test');
  const corrected = await submit(admin, `${at}/edit`, {
    email: 'right@northwind.test',
    firstName: 'Ty',
    lastName: 'Po',
    message: '',
  });
  expect(location(corrected)).toBe(at);
  await usher.linkFor('right@northwind.test');
  const emptied = await submit(admin, `${at}/edit`, { email: '', firstName: 'Ty', lastName: 'Po', message: '' });
  expect([emptied.status, emptied.text.includes('Enter an email address.')]).toEqual([400, true]);
  await usher
    .owner('invitations')
    .where({ id: idIn(sent) })
    .update({ delivery_status: 'failed', delivery_detail: '550 no such user' });
  const text = mainText(await admin.call('GET', at));
  expect(text).toContain('Address corrected');
  expect(text).toContain('550 no such user');
  expect(text).toContain('allow mail from');
  expect(location(await submit(admin, `${at}/cancel`, {}))).toBe(at);
  expect(mainText(await admin.call('GET', at))).toContain('Nothing is planned any more.');
});

test('the profile switches and leaves organizations, changes address and language', async () => {
  const host = await usher.createOrganization({ name: 'Host' });
  const person = await signedInPerson(usher, home, 'roamer@northwind.test');
  await host.invite({ kind: 'guest', email: 'roamer@northwind.test' });
  const [invited] = (await person.call('GET', '/v1/me/invitations')).body.items;
  await person.call('POST', `/v1/me/invitations/${invited.id}/accept`);
  expect(location(await postForm(person, `/profile/organizations/${host.id}/switch`, {}))).toBe('/console');
  expect(await currentOf(person)).toBe('Host');
  expect(heading(await person.call('GET', `/profile/organizations/${host.id}/leave`))).toBe('Leave Host?');
  expect(location(await postForm(person, `/profile/organizations/${host.id}/leave`, {}))).toBe('/profile?done=left');
  // Sent twice, it says the same.
  expect(location(await postForm(person, `/profile/organizations/${host.id}/leave`, {}))).toBe('/profile?done=left');
  const wrong = await postForm(person, '/profile/email', { email: 'new@northwind.test', emailPassword: 'no' });
  expect([wrong.status, wrong.text.includes('value="new@northwind.test"')]).toEqual([400, true]);
  const asked = await postForm(person, '/profile/email', { email: 'new@northwind.test', emailPassword: goodPassword });
  expect(location(asked)).toBe('/profile?done=email');
  expect(mainText(await person.call('GET', '/profile'))).toContain('new@northwind.test is waiting to be confirmed.');
  await postForm(person, '/profile', { firstName: 'Ada', lastName: 'Lovelace', locale: 'de' });
  expect(heading(await person.call('GET', '/console/users'))).toBe('Benutzer');
});

const hostile = [
  '<script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '{{t "language"}} {{{x}}} {{#if 1}}',
  '</textarea><svg onload=alert(1)>',
  'javascript:alert(1)',
  '$t(language) &lt;b&gt; \u202eevil\u202c',
];

test('hostile names and texts are shown on every screen, and none is active', async () => {
  const group = (await home.call('POST', '/groups', { name: `${hostile[0]} group` })).body;
  const made: string[] = [];
  for (const [index, text] of hostile.entries()) {
    const name = text.slice(0, 100);
    const fields = {
      email: `h${index}@hostile.test`,
      firstName: name,
      lastName: name,
      message: hostile.join('\n'),
      groupIds: [group.id],
      userType: name,
      externalId: name,
    };
    made.push((await home.invite(fields)).id);
  }
  const user = (await home.call('GET', '/users?q=h1@hostile.test')).body.items[0];
  const at = (id = '') => `/console/invitations/${id}`;
  const paths = [
    ...['/console/users', '/console/users?q=%3Cscript%3E%22', '/console/invitations', '/console/invite'],
    ...made.flatMap((id) => [at(id), `${at(id)}/edit`, `${at(id)}/cancel`]),
    ...['', '/edit', '/delete', '/deactivate'].map((rest) => `/console/users/${user.id}${rest}`),
  ];
  const pages = await Promise.all(paths.map(async (path) => ({ path, reply: await admin.call('GET', path) })));
  const refused = await submit(admin, '/console/invite', {
    kind: 'member',
    email: hostile[1] ?? '',
    firstName: `${hostile[0]}\u0000`,
    message: hostile.join('\n'),
  });
  for (const { path, reply } of [...pages, { path: 'refused', reply: refused }]) {
    const elements = elementsOf(reply.text);
    const active = elements.filter(
      ({ name, attributes }) =>
        (name === 'script' && !/^\/assets\//.test(attributes['src'] ?? '')) ||
        (name === 'img' && !/^(\/assets\/|data:image\/png)/.test(attributes['src'] ?? '')) ||
        Object.keys(attributes).some((attribute) => /^on|^style$/.test(attribute)) ||
        /^\s*javascript:/i.test(attributes['href'] ?? attributes['formaction'] ?? attributes['action'] ?? ''),
    );
    expect({ path, status: reply.status < 500, active }).toEqual({ path, status: true, active: [] });
  }
  expect(pages[0]?.reply.text).toContain('&lt;script&gt;alert(1)&lt;/script&gt;');
});

test('the language is switched by a link of every screen, stays on the next ones, and is changed again in the profile', async () => {
  const person = await again('member@northwind.test');
  const languageOf = (reply: Reply) => elementsOf(reply.text).find(({ name }) => name === 'html')?.attributes['lang'];
  const users = await person.call('GET', '/console/users?q=Mary');
  expect(languageOf(users)).toBe('en');
  const german = elementsOf(users.text).find(({ attributes }) => attributes['hreflang'] === 'de')?.attributes['href'];
  expect(german).toBe('/console/users?q=Mary&lang=de');
  expect(languageOf(await person.call('GET', german ?? ''))).toBe('de');
  for (const path of ['/console/groups', '/profile', '/console/nowhere'])
    expect([path, languageOf(await person.call('GET', path))]).toEqual([path, 'de']);
  // Its own language counts before it has chosen one, and the browser's where it has none.
  expect(languageOf(await (await again('member@northwind.test')).call('GET', '/console/groups'))).toBe('en');
  const form = { firstName: 'Mary', lastName: 'Jackson', locale: 'de' };
  expect(location(await postForm(person, '/profile', form))).toBe('/profile?done=data');
  expect(location(await postForm(person, '/profile', { ...form, locale: 'en' }))).toBe('/profile?done=data');
  for (const path of ['/profile', '/console/groups'])
    expect([path, languageOf(await person.call('GET', path))]).toEqual([path, 'en']);
});

test('a screen says once whose time it tells', async () => {
  const { text } = await admin.call('GET', '/console/users');
  expect(text.match(/Times are those of Europe\/Berlin\./g)).toHaveLength(1);
});

test('the Temporal UI is linked for administrators of the operator’s organization, and for nobody else', async () => {
  const ui = 'http://temporal.test';
  const second = await startUsher({
    worker: false,
    env: {
      DATABASE_URL: usher.database.url,
      USHER_SECRET: usher.env['USHER_SECRET'] ?? '',
      USHER_TEMPORAL_UI_URL: ui,
      USHER_OPERATOR_ORGANIZATION: home.id,
    },
  });
  try {
    const chief = await signedInPerson(usher, other, 'chief@contoso.test', { role: 'administrator' });
    // A part has no workflow of its own. // C3
    const whole = {
      email: 'whole@contoso.test',
      firstName: 'Wh',
      lastName: 'Ole',
      additionalOrganizationIds: [home.id],
    };
    expect((await usher.call('POST', `/v1/organizations/${other.id}/invitations`, whole)).status).toBe(201);
    const part = (await home.call('GET', '/invitations?q=whole@contoso.test')).body.items[0].id as string;
    const staff = await signedInPerson(usher, home, 'helper@northwind.test', { role: 'staff' });
    const ours = (await home.invite({ email: 'linked@northwind.test' })).id as string;
    const theirs = (await other.invite({ email: 'linked@contoso.test', firstName: 'Lin', lastName: 'Ked' }))
      .id as string;
    const shown = async (person: Person, id: string) => {
      const there = visitor(second);
      there.cookies.set('usher_session', person.cookies.get('usher_session') ?? '');
      const page = await there.call('GET', `/console/invitations/${id}`);
      return [page.status, page.text.includes(ui)];
    };
    expect(await shown(admin, ours)).toEqual([200, true]);
    expect(await shown(admin, part)).toEqual([200, false]);
    expect(await shown(chief, theirs)).toEqual([200, false]);
    expect(await shown(staff, ours)).toEqual([200, false]);
    expect(await shown(chief, ours)).toEqual([404, false]);
  } finally {
    await second.stop();
  }
});

test('the largest lists stay below 100 KB with their styles and scripts, however long the names are', async () => {
  const sixty = (text: string) => text.padEnd(60, ' Wolfeschlegelsteinhausenbergerdorff');
  const full = await usher.createOrganization({ name: sixty('Full'), preset: 'licensed-guests' });
  const [firstName, lastName] = [sixty('Maximiliane').slice(0, 29), sixty('Oberhuber').slice(0, 30)];
  const boss = await signedInPerson(usher, full, 'boss@full.test', { role: 'administrator', firstName, lastName });
  const groups: string[] = [];
  for (let index = 0; index < 3; index += 1) {
    const created = await full.call('POST', '/groups', { name: sixty(`Group ${index}`), membersMayInviteGuests: true });
    groups.push(created.body.id as string);
  }
  // The widest row there is: a pending guest of three groups, with an end and somebody who vouches for them.
  const address = (index: number) => `${index}-`.padEnd(36, 'a').concat('@', 'b'.repeat(18), '.test');
  for (let from = 0; from < 40; from += 10)
    await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        full.invite({
          kind: 'guest',
          email: address(from + index),
          firstName,
          lastName,
          groupIds: groups,
          accessEndsAt: '2040-01-01T00:00:00.000Z',
          sponsorId: boss.id,
        }),
      ),
    );
  await usher.linkFor(address(19));
  const weights: Record<string, number> = {};
  for (const path of [
    '/console/users',
    '/console/guests',
    '/console/invitations?status=pending',
    '/console/licences',
    '/console/emails',
    '/console/audit',
    `/console/groups/${groups[0]}`,
    '/console/invite',
  ])
    weights[path] = await weigh(boss, path);
  expect(Object.entries(weights).filter(([, weight]) => weight >= 100_000)).toEqual([]);
  // A page has 20 rows, and the next ones follow.
  const rowsOf = async (path: string) => {
    const elements = elementsOf((await boss.call('GET', path)).text);
    const next = elements.find(({ attributes }) => attributes['rel'] === 'next')?.attributes['href'] ?? null;
    return { rows: elements.filter(({ name }) => name === 'tr').length - 1, next };
  };
  const first = await rowsOf('/console/guests');
  const second = await rowsOf(first.next ?? '');
  expect([first.rows, second.rows, second.next]).toEqual([20, 20, null]);
});

test('a list leads back the way one came, page by page, with its filters', async () => {
  const many = await usher.createOrganization({ name: 'Many', preset: 'licensed-guests' });
  const boss = await signedInPerson(usher, many, 'boss@many.test', { role: 'administrator' });
  await usher.owner.raw(
    `insert into groups (id, organization_id, name, visibility, created_at)
     select gen_random_uuid(), ?, 'Filler ' || n, 'open', now() from generate_series(1, 50) n`,
    [many.id],
  );
  const open = (path: string | null) => boss.call('GET', path ?? '');
  const rows = (reply: Reply) =>
    elementsOf(reply.text).flatMap(({ attributes: { href = '' } }) =>
      /^\/console\/groups\/[0-9a-f]{8}-/.test(href) ? [href] : [],
    );
  const first = await open('/console/groups?q=Filler');
  const second = await open(linked(first, 'next'));
  const third = await open(linked(second, 'next'));
  expect([rows(first), rows(second), rows(third)].map(({ length }) => length)).toEqual([20, 20, 10]);
  expect(linked(third, 'next')).toBeNull();
  const back = await open(linked(third, 'prev'));
  expect(rows(back)).toEqual(rows(second));
  expect(rows(await open(linked(back, 'next')))).toEqual(rows(third));
  expect(linked(back, 'prev')).toBe('/console/groups?q=Filler');
  expect(third.text).toContain('href="/console/groups?q&#x3D;Filler">First page');
  expect((await open('/console/groups?cursor=nonsense&trail=nonsense')).status).toBe(400);
});

async function guestGroup(): Promise<{ id: string }> {
  const { items } = (await home.call('GET', '/groups')).body as { items: { id: string; isGuestGroup: boolean }[] };
  const found = items.find(({ isGuestGroup }) => isGuestGroup);
  if (!found) throw new Error('no group of guests');
  return found;
}
