import { launchBrowser } from '../support/browser';
import { heading, hiddenFields, keptOn, mainText, postForm, submit } from '../support/console-forms';
import { windowOf } from '../support/console-screens';
import { type Person, signedInPerson, visitor } from '../support/people';
import { startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let acme: TestOrganization;
let other: TestOrganization;
let chief: Person;
let member: Person;
let guest: Person;

beforeAll(async () => {
  usher = await startUsher();
  acme = await usher.createOrganization({ name: 'Acme', preset: 'licensed-guests', licences: 40 });
  other = await usher.createOrganization({ name: 'Other', preset: 'licensed-guests' });
  chief = await signedInPerson(usher, acme, 'chief@faults.test', { role: 'administrator', firstName: 'Grace' });
  member = await signedInPerson(usher, acme, 'member@faults.test', { firstName: 'Katherine' });
  guest = await signedInPerson(usher, acme, 'guest@faults.test', { kind: 'guest', firstName: 'Annie' });
});
afterAll(() => usher.stop());

const newGroup = async (name: string, fields: Record<string, unknown> = {}): Promise<string> =>
  (await acme.call('POST', '/groups', { name, ...fields })).body.id as string;

const userOf = async (id: string) => (await acme.call('GET', `/users/${id}`)).body as Record<string, unknown>;

/** What a form of a screen holds before anybody types, its boxes included. */
const formOf = async (person: Person, path: string) => keptOn(await person.call('GET', path));

test('a screen does not refresh itself with people of the organization that another tab has switched to', async () => {
  await signedInPerson(usher, other, 'stranger@faults.test', { firstName: 'Strange' });
  await other.invite({ email: chief.email, role: 'administrator', firstName: 'Grace', lastName: 'Lovelace' });
  const { items } = (await chief.call('GET', '/v1/me/invitations')).body as { items: { id: string }[] };
  await chief.call('POST', `/v1/me/invitations/${items[0]?.id}/accept`);
  const browser = await launchBrowser(usher);
  const page = await windowOf(browser, chief);
  try {
    // The whole screen refreshes itself, and somebody is typing beside it, so that it is not loaded anew.
    await page.addInitScript(`new MutationObserver(() => {
      const main = document.querySelector('main');
      if (main) main.dataset.live = 'users';
    }).observe(document, { childList: true, subtree: true })`);
    await page.goto('http://usher.test/console/users');
    await page.evaluate(`(() => {
      const note = document.createElement('input');
      document.body.append(note);
      note.value = 'typed';
    })()`);
    await acme.invite({ email: 'first@faults.test', firstName: 'Awake' });
    await page.getByText('Awake').first().waitFor();
    await chief.call('PUT', '/v1/me/current-organization', { organizationId: other.id });
    const asked = page.waitForResponse((response) => response.request().headers()['x-usher-refresh'] === 'yes');
    await acme.invite({ email: 'wake@faults.test', firstName: 'Wake' });
    await asked;
    await page.waitForTimeout(500);
    const shown = await page.evaluate<string>('document.body.innerText');
    expect(shown).not.toContain('Strange');
    expect(shown).toContain('Acme');
  } finally {
    await chief.call('PUT', '/v1/me/current-organization', { organizationId: acme.id });
    await browser.close();
  }
});

test('saving a form takes nobody out of a group that it did not show, however many groups there are', async () => {
  const database = usher.owner;
  await database.raw(
    `insert into groups (id, organization_id, name, visibility, created_at)
     select gen_random_uuid(), ?, 'Filler ' || n, 'open', now() - interval '1 day' from generate_series(1, 210) n`,
    [acme.id],
  );
  const late = await newGroup('Late');
  await acme.call('PUT', `/groups/${late}/members/${member.id}`, {});
  await acme.call('PUT', `/groups/${late}/members/${guest.id}`, {});
  const invited = await acme.invite({ email: 'invited@faults.test', kind: 'guest', groupIds: [late] });
  const before = (await userOf(guest.id)).groupIds as string[];

  const opened = await chief.call('GET', `/console/users/${member.id}/edit`);
  expect(opened.text).toContain('Late');
  // A form of the page before this one, which names no group at all, keeps what is there.
  const form = await formOf(chief, `/console/users/${member.id}/edit`);
  const saved = await postForm(chief, `/console/users/${member.id}/edit`, {
    ...form,
    was: JSON.stringify({ ...(JSON.parse(form.was) as object), groupIds: [] }),
    firstName: 'Katherine',
    lastName: 'Johnson',
    username: '',
    email: member.email,
    role: 'member',
  });
  expect(saved.status).toBe(303);
  expect(await userOf(member.id)).toMatchObject({ lastName: 'Johnson', groupIds: [late] });

  const more = await newGroup('More');
  const guestForm = await formOf(chief, `/console/guests/${guest.id}`);
  const hidden = JSON.stringify({ groupIds: before.filter((id) => id !== late) });
  const path = `/console/guests/${guest.id}/groups`;
  const groupIds = [...before.filter((id) => id !== late), more];
  expect((await postForm(chief, path, { ...guestForm, was: hidden, groupIds })).status).toBe(303);
  expect(((await userOf(guest.id)).groupIds as string[]).sort()).toEqual([...before, more].sort());

  const edit = `/console/invitations/${invited.id}/edit`;
  const named = await submit(chief, edit, { email: 'invited@faults.test', firstName: 'Iris', groupIds: [late] });
  expect(named.status).toBe(303);
  expect((await acme.call('GET', `/invitations/${invited.id}`)).body).toMatchObject({
    firstName: 'Iris',
    groupIds: [late],
  });
});

test('rights that were revoked while the form was open do not come back with it', async () => {
  const path = `/console/users/${member.id}/edit`;
  await acme.call('PATCH', `/users/${member.id}`, { permissions: ['logs.read', 'guests.manage'], userType: 'Clerk' });
  const { groupIds } = await userOf(member.id);
  const form = await formOf(chief, path);
  const first = await acme.call('GET', `/users/${member.id}`);
  await acme.call('PATCH', `/users/${member.id}`, { permissions: ['logs.read'] });
  const revoked = await acme.call('GET', `/users/${member.id}`);
  expect(revoked.headers['etag']).not.toBe(first.headers['etag']);
  await acme.call('PATCH', `/users/${member.id}`, { userType: 'Boss' });
  expect((await acme.call('GET', `/users/${member.id}`)).headers['etag']).not.toBe(revoked.headers['etag']);

  const typed = {
    firstName: 'Kate',
    lastName: 'Johnson',
    username: '',
    email: member.email,
    role: 'member',
    userType: 'Clerk',
    externalId: '',
    permissions: ['logs.read', 'guests.manage'],
    groupIds: groupIds as string[],
  };
  const refused = await postForm(chief, path, { ...form, ...typed });
  expect(refused.status).toBe(412);
  // The form stands for what holds now, with the name that was typed.
  expect(refused.text).toMatch(/value="Kate"/);
  expect(refused.text).toMatch(/value="Boss"/);
  expect(refused.text).not.toMatch(/value="guests.manage"[^>]* checked/);
  const { version = [], was = [], once = [] } = hiddenFields(refused.text);
  const again = await postForm(chief, path, {
    ...form,
    ...typed,
    userType: 'Boss',
    permissions: ['logs.read'],
    version: version[0] ?? '',
    was: was[0] ?? '',
    once: once[0] ?? '',
  });
  expect(again.status).toBe(303);
  expect(await userOf(member.id)).toMatchObject({ firstName: 'Kate' });
  const rows = await usher.owner('memberships').where({ account_id: member.id, organization_id: acme.id });
  expect(rows[0]).toMatchObject({ user_type: 'Boss', permissions: ['logs.read'] });
});

test('a guest who was changed meanwhile is shown beside what was typed', async () => {
  const path = `/console/guests/${guest.id}`;
  const form = await formOf(chief, path);
  const { groupIds } = await userOf(guest.id);
  const stale = (await acme.call('GET', `/users/${guest.id}`)).headers['etag'] ?? '';
  const changed = await acme.call('PATCH', `/guests/${guest.id}`, { sponsorId: chief.id });
  expect(changed.status).toBe(200);
  expect(changed.headers['etag']).not.toBe(stale);
  const late = { accessEndsAt: '2030-01-01T00:00:00.000Z' };
  expect((await acme.call('PATCH', `/guests/${guest.id}`, late, { headers: { 'if-match': stale } })).status).toBe(412);
  const refused = await postForm(chief, `${path}/sponsor`, { ...form, sponsorId: member.email });
  expect(refused.status).toBe(412);
  expect(mainText(refused)).toContain(chief.email);
  const { version = [] } = hiddenFields(refused.text);
  const mine = { ...form, version: version[0] ?? '', sponsorId: member.email };
  expect((await postForm(chief, `${path}/sponsor`, mine)).status).toBe(303);
  expect((await userOf(guest.id)).groupIds).toEqual(groupIds);
});

test('whoever may manage guests is offered to suspend them', async () => {
  const helper = await signedInPerson(usher, acme, 'helper@faults.test', { permissions: ['guests.manage'] });
  const page = await helper.call('GET', `/console/guests/${guest.id}`);
  const asked = `/console/guests/${guest.id}/suspend`;
  expect(page.text).toContain(`href="${asked}"`);
  expect(page.text).not.toContain(`action="${asked}"`);
  expect(heading(await helper.call('GET', asked))).toBe('Suspend Annie Lovelace?');
  // The same verb on both screens of the same person, and the one of the status.
  for (const path of [`/console/guests/${guest.id}`, `/console/users/${guest.id}`]) {
    const german = mainText(await helper.call('GET', `${path}?lang=de`));
    expect([path, /\bSperren\b/.test(german), /[Aa]ussetzen/.test(german)]).toEqual([path, true, false]);
  }
  expect((await member.call('GET', asked)).status).toBe(403);
});

test('a guest hears nothing of people who have not come in', async () => {
  const group = await newGroup('Shared');
  await acme.call('PUT', `/groups/${group}/members/${member.id}`, {});
  await acme.call('PUT', `/groups/${group}/members/${guest.id}`, {});
  await acme.invite({ email: 'secret@faults.test', firstName: 'Sybil', kind: 'guest', groupIds: [group] });
  const path = `/v1/organizations/${acme.id}`;
  const ids = (body: { items: { id: string }[] }) => body.items.map(({ id }) => id).sort();
  const known = [member.id, guest.id].sort();
  expect(ids((await guest.call('GET', `${path}/users?groupId=${group}`)).body)).toEqual(known);
  expect((await guest.call('GET', `${path}/groups/${group}`)).body.memberIds.sort()).toEqual(known);
  expect((await guest.call('GET', `/console/groups/${group}`)).text).not.toContain('Sybil');
  expect(ids((await member.call('GET', `${path}/users?groupId=${group}`)).body)).toHaveLength(3);
  expect((await member.call('GET', `${path}/groups/${group}`)).body.memberIds).toHaveLength(3);
});

test('a link by hand is asked about while a mailed one works, and the mailed one then tells of no newer mail', async () => {
  const { id } = await acme.invite({ email: 'hand@faults.test', kind: 'guest' });
  const mailed = await usher.linkFor('hand@faults.test');
  const path = `/console/invitations/${id}/link`;
  const form = await formOf(chief, `/console/invitations/${id}`);
  expect(mainText(await postForm(chief, path, form))).not.toContain('QR');
  expect((await usher.call('GET', `/v1/invitation-tokens/${mailed.token}`, undefined, { key: null })).status).toBe(200);
  // Whatever became of the mail, somebody may have it.
  await usher.owner('invitations').where({ id }).update({ delivery_status: 'bounced' });
  const bounced = await submit(chief, path, {});
  expect(heading(bounced)).toContain('Make a new link for');
  expect(mainText(bounced)).toContain('The link that was mailed is dead from then on');
  const made = await submit(chief, path, { sure: 'yes' });
  expect(made.text).toContain('data:image/png');
  const dead = await usher.call('GET', `/v1/invitation-tokens/${mailed.token}`, undefined, { key: null });
  expect([dead.status, dead.body.code]).toEqual([410, 'INVITATION_SUPERSEDED']);
  const browser = visitor(usher);
  const opened = await browser.call('GET', `/invitations/${mailed.token}`);
  const shown = await browser.call('GET', opened.headers['location'] ?? '');
  expect(heading(shown)).toBe('This link has been replaced');
  expect(mainText(shown)).not.toContain('email');
});

test('nobody is asked whether they are sure of what they may not do', async () => {
  for (const action of ['deactivate', 'delete', 'reset-two-factor', 'activate'])
    expect((await member.call('GET', `/console/users/${chief.id}/${action}`)).status).toBe(403);
  expect((await chief.call('GET', `/console/users/${guest.id}/deactivate`)).status).toBe(403);
  expect((await chief.call('GET', `/console/users/${member.id}/deactivate`)).status).toBe(200);
});

test('a form whose session has ended is kept without its file and its passwords, and however long its text is', async () => {
  const templates = '/console/email-templates/guest-invitation/en';
  const long = `<p>${'x'.repeat(90_000)}</p>`;
  const form = await formOf(chief, templates);
  const stranger = visitor(usher);
  const html = { ...form, subject: 'Hello', html: long, text: 'Hello' };
  const refused = await postForm(stranger, templates, html);
  expect(refused.status).toBe(401);
  const kept = JSON.parse(hiddenFields(refused.text)['kept']?.[0] ?? '{}') as { fields: string[][] };
  expect(kept.fields).toContainEqual(['html', long]);
  // Signed in, a text that the route refuses stays in the form.
  const tooLong = await postForm(chief, templates, { ...html, html: 'y'.repeat(110_000) });
  expect([tooLong.status, tooLong.text.includes('y'.repeat(110_000))]).toEqual([400, true]);

  // A rule for passwords is no password.
  const policy = await postForm(stranger, '/console/policy', {
    ...(await formOf(chief, '/console/policy')),
    password: '14',
  });
  const rules = JSON.parse(hiddenFields(policy.text)['kept']?.[0] ?? '{}') as { fields: string[][] };
  expect(rules.fields).toContainEqual(['password', '14']);

  const email = { email: 'new@faults.test', emailPassword: 'Secret-12345' };
  const profile = await postForm(stranger, '/profile/email', email);
  expect([profile.status, profile.text.includes('new@faults.test')]).toEqual([401, true]);
  expect(profile.text).not.toContain('Secret-12345');
  const again = await postForm(chief, '/profile/email', { redisplay: 'yes', email: 'new@faults.test' });
  expect([again.status, again.text.includes('value="new@faults.test"')]).toEqual([200, true]);
});

test('a page with a link that is loaded anew asks, and leaves the link alive', async () => {
  const { id } = await acme.invite({ firstName: 'By', lastName: 'Hand' });
  const form = await formOf(chief, `/console/invitations/${id}`);
  const [first, second] = [
    await postForm(chief, `/console/invitations/${id}/link`, form),
    await postForm(chief, `/console/invitations/${id}/link`, form),
  ];
  expect([first.status, second.status]).toEqual([200, 409]);
  const [, token] = /usher\.test\/invitations\/([A-Za-z0-9_-]{20,})/.exec(first.text) ?? [];
  expect((await usher.call('GET', `/v1/invitation-tokens/${token}`, undefined, { key: null })).status).toBe(200);
  expect(second.text).not.toContain(token);
});

test('what is sent twice succeeds twice, and is done once', async () => {
  const group = await newGroup('Short-lived');
  const leaver = await signedInPerson(usher, acme, 'leaver@faults.test', { kind: 'guest' });
  const sends: [string, string][] = [
    [`/console/groups/${group}/delete`, '/console/groups'],
    [`/console/guests/${leaver.id}/remove`, '/console/guests'],
  ];
  for (const [path, to] of sends) {
    const form = { ...(await formOf(chief, path)), name: 'Short-lived' };
    const both = await Promise.all([postForm(chief, path, form), postForm(chief, path, form)]);
    const third = await postForm(chief, path, form);
    expect([...both, third].map(({ status, headers }) => [status, headers['location']])).toEqual(
      Array.from({ length: 3 }, () => [303, to]),
    );
  }
  const settings = await formOf(chief, '/console/settings');
  const typed = { ...settings, name: 'Acme', timeZone: 'Europe/Berlin', locale: 'de' };
  for (let times = 0; times < 2; times += 1)
    expect((await postForm(chief, '/console/settings', typed)).status).toBe(303);
  // The same form with another wish is another wish, and is told of the change.
  expect((await postForm(chief, '/console/settings', { ...typed, name: 'Acme 2' })).status).toBe(412);
  expect((await acme.call('GET', '')).body.name).toBe('Acme');
});

test('a form that was stopped on its way can be sent again, and is still done once', async () => {
  const browser = await launchBrowser(usher);
  try {
    const page = await windowOf(browser, chief);
    await page.goto('http://usher.test/console/groups/new');
    await page.fill('#name', 'Stopped');
    let sent = 0;
    // As a browser ends what its person stops: the page stays as it was.
    await page.route('**/console/groups', async (route) => {
      sent += 1;
      await route.abort('aborted');
    });
    const press = async () => {
      await page.locator('main .form-end button').click({ noWaitAfter: true });
      await page.waitForTimeout(200);
      return sent;
    };
    expect(await press()).toBe(1);
    // Pressed twice, it is sent once.
    expect(await press()).toBe(1);
    await page.keyboard.press('Escape');
    expect(await press()).toBe(2);
    // The browser's own button tells nobody: whoever presses it has waited.
    await page.evaluate(`(() => {
      const now = performance.now.bind(performance);
      performance.now = () => now() + 5000;
    })()`);
    expect(await press()).toBe(3);
    await page.unroute('**/console/groups');
    await page.keyboard.press('Escape');
    await press();
    await page.getByRole('heading', { name: 'Stopped' }).waitFor();
    expect((await acme.call('GET', '/groups?q=Stopped')).body.items).toHaveLength(1);
  } finally {
    await browser.close();
  }
});

test('whom somebody had chosen when the session ended is asked about again after signing in', async () => {
  const ids: string[] = [];
  for (const firstName of ['Chosenfirst', 'Chosensecond'])
    ids.push((await acme.invite({ email: `${firstName}@faults.test`, firstName, send: false })).id);
  const chosen = ids.map((id) => `${id}.send`);
  const form = { ...(await formOf(chief, '/console/users')), back: '/console/users?q=chosen', chosen };
  for (const [wish, asked] of [
    ['send', 'Send these invitations again?'],
    ['cancel', 'Cancel these invitations?'],
  ] as const) {
    const refused = await postForm(visitor(usher), '/console/users/many', { ...form, wish });
    const kept = JSON.parse(hiddenFields(refused.text)['kept']?.[0] ?? '{}') as { fields: [string, string][] };
    expect([refused.status, kept.fields.filter(([name]) => name === 'chosen').map(([, value]) => value)]).toEqual([
      401,
      chosen,
    ]);
    const page = await postForm(chief, '/console/users/many', { ...form, wish, redisplay: 'yes' });
    expect([page.status, heading(page)]).toEqual([200, asked]);
    expect(mainText(page)).toMatch(/Chosenfirst.*Chosensecond/);
    // Nothing is done before it is said again.
    for (const id of ids) expect((await acme.call('GET', `/invitations/${id}`)).body.status).toBe('draft');
    expect(hiddenFields(page.text)).toMatchObject({ chosen, wish: [wish], back: [form.back] });
  }
  const again = { ...(await formOf(chief, '/console/users')), chosen, wish: 'send', back: form.back };
  expect(mainText(await postForm(chief, '/console/users/many', again))).toContain('Chosensecond');
  for (const id of ids) expect((await acme.call('GET', `/invitations/${id}`)).body.status).toBe('pending');
});

test('two thousand users are paged through, searched and chosen from by keyboard, and whoever is named exactly is found', async () => {
  const crowd = await usher.createOrganization({ name: 'Crowd' });
  const boss = await signedInPerson(usher, crowd, 'boss@crowd.test', { role: 'administrator' });
  const visiting = await signedInPerson(usher, crowd, 'visiting@crowd.test', { kind: 'guest' });
  await usher.owner.raw(
    `create temporary table crowd on commit drop as
       select n, gen_random_uuid() as id, case when n % 25 = 0 then gen_random_uuid() end as invitation_id,
         case when n = 2000 then 'ada' else 'ada-' || n end as username, now() - interval '2 days' - n * interval '1 second' as at
       from generate_series(1, 2000) n;
     insert into accounts (id, email, invited_email, username, first_name, last_name, status, home_organization_id, activated_at, created_at)
       select id, case when invitation_id is null then username || '@crowd.test' end,
         case when invitation_id is not null then username || '@crowd.test' end, username, 'Ada',
         case when n % 25 = 0 then 'Invited' else 'Present' end || n, case when invitation_id is null then 'active' else 'invited' end,
         '${crowd.id}', case when invitation_id is null then at end, at from crowd;
     insert into invitations (id, organization_id, account_id, kind, status, generation, email, username, first_name, last_name,
         invited_by_type, sent_at, expires_at, created_at)
       select invitation_id, '${crowd.id}', id, 'member', 'pending', 1, username || '@crowd.test', username, 'Ada', 'Invited' || n,
         'platform', at, now() + interval '20 days', at from crowd where invitation_id is not null;
     insert into memberships (organization_id, account_id, kind, status, invitation_id, joined_at, created_at)
       select '${crowd.id}', id, 'member', case when invitation_id is null then 'active' else 'invited' end, invitation_id,
         case when invitation_id is null then at end, at from crowd;`,
  );
  const browser = await launchBrowser(usher);
  try {
    const page = await windowOf(browser, boss);
    const isAt = (so: string) =>
      page.evaluate<boolean>(`Boolean(document.activeElement.matches(${JSON.stringify(so)}))`);
    const tabTo = async (so: string, key = 'Tab') => {
      for (let presses = 0; presses < 60; presses += 1) {
        await page.keyboard.press(key);
        if (await isAt(so)) return;
      }
      throw new Error(`no way by keyboard to ${so}`);
    };
    await page.goto('http://usher.test/console/users');
    await tabTo('#q');
    await page.keyboard.type('invited');
    await page.keyboard.press('Enter');
    await page.waitForURL(/q=invited/);
    const seen: string[] = [];
    for (let pages = 1; ; pages += 1) {
      seen.push(...(await page.locator('tbody th a').allInnerTexts()));
      if ((await page.locator('a[rel=next]').count()) === 0) {
        expect(pages).toBe(4);
        break;
      }
      const before = page.url();
      await tabTo('a[rel=next]', 'Shift+Tab');
      await page.keyboard.press('Enter');
      await page.waitForURL((url) => url.href !== before);
    }
    expect(new Set(seen).size).toBe(80);

    // The last twenty are chosen at once, and one is left out again. Before that there is nothing to press.
    const disabled = () =>
      page.evaluate<boolean[]>(`Array.from(document.querySelectorAll('#many button'), ({ disabled }) => disabled)`);
    expect(await disabled()).toEqual([true, true]);
    await tabTo('thead .choose input');
    await page.keyboard.press('Space');
    expect([await page.locator('#many-label').innerText(), await disabled()]).toEqual(['20 chosen:', [false, false]]);
    await tabTo('tbody .choose input');
    await page.keyboard.press('Space');
    expect(await page.locator('#many-label').innerText()).toBe('19 chosen:');
    await tabTo('#many button[value=send]', 'Shift+Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Invitations sent' }).waitFor();
    expect(await page.locator('main .badge.good').count()).toBe(19);
    expect((await crowd.call('GET', '/audit-events?type=invitation.resent')).body.items).toHaveLength(19);
    expect(browser.complaints).toEqual([]);
  } finally {
    await browser.close();
  }

  // Two thousand have it in their username and are newer; one is called so.
  const audit = await boss.call('GET', '/console/audit?person=ADA');
  expect(audit.text).not.toContain('aria-invalid');
  const at = `/console/guests/${visiting.id}`;
  const sponsor = await postForm(boss, `${at}/sponsor`, { ...(await formOf(boss, at)), sponsorId: 'ada@crowd.test' });
  expect(sponsor.status).toBe(303);
  expect(mainText(await boss.call('GET', at))).toContain('Ada Invited2000');
});

test('one of many that is gone holds up no other', async () => {
  const { id } = await acme.invite({ email: 'stays@faults.test', kind: 'guest' });
  const chosen = ['00000000-0000-4000-8000-000000000000.resend', `${id}.resend`];
  const form = await formOf(chief, '/console/users');
  const cancelled = await postForm(chief, '/console/users/many', { ...form, chosen, wish: 'cancel', sure: 'yes' });
  expect(cancelled.status).toBe(200);
  expect(mainText(cancelled)).toContain('It is not there any more.');
  expect((await acme.call('GET', `/invitations/${id}`)).body.status).toBe('cancelled');
});

test('with no seat left the console says how they are used, by whom and what to do, to whoever is refused', async () => {
  const small = await usher.createOrganization({ name: 'Small', preset: 'licensed-guests', licences: 3 });
  const boss = await signedInPerson(usher, small, 'boss@small.test', { role: 'administrator' });
  const clerk = await signedInPerson(usher, small, 'clerk@small.test');
  await small.invite({ email: 'waiting@small.test', firstName: 'Wai', lastName: 'Ting' });
  for (const name of ['one', 'two', 'three']) await small.invite({ kind: 'guest', email: `${name}@small.test` });
  const asMember = { kind: 'member', email: 'late@small.test', send: 'now' };
  const refused = await submit(boss, '/console/invite', asMember);
  expect(refused.status).toBe(409);
  for (const words of [
    'No licence is free',
    'Licences: 3 of 3 are used, 3 by members and 0 by guests in several groups.',
    'Guests in a single group: 3 of 3.',
    'Seats held by open invitations: 4.',
    'Cancel an invitation, remove somebody, or ask for more licences.',
  ])
    expect(mainText(refused)).toContain(words);
  expect(refused.text).toContain('<a href="/console/licences">Licences</a>');

  const guestGroup = ((await small.call('GET', '/groups')).body.items as { id: string }[])[0]?.id ?? '';
  const asGuest = { kind: 'guest', email: 'late@small.test', guestGroupIds: [guestGroup], send: 'now' };
  const toClerk = await submit(clerk, '/console/invite', asGuest);
  expect(toClerk.status).toBe(409);
  expect(mainText(toClerk)).toContain('Guests in a single group: 3 of 3.');
  // They may not see who holds them.
  expect(toClerk.text).not.toContain('href="/console/licences"');

  const draft = (await small.invite({ email: 'draft@small.test', send: false })).id as string;
  const form = await formOf(boss, '/console/users');
  const sent = await postForm(boss, `/console/invitations/${draft}/send`, form);
  expect([sent.status, mainText(sent).includes('Licences: 3 of 3 are used')]).toEqual([409, true]);
  const many = { ...form, chosen: [`${draft}.send`], wish: 'send' };
  expect(mainText(await postForm(boss, '/console/users/many', many))).toContain('Seats held by open invitations: 4.');
});

test('permissions are told in words, those of the product by their own name', async () => {
  const { id } = await acme.invite({
    email: 'permitted@faults.test',
    permissions: ['groups.manage', 'tool.use'],
  });
  const page = mainText(await chief.call('GET', `/console/invitations/${id}`));
  expect(page).toContain('Manage open groups and their own, tool.use');
  expect(page).not.toContain('groups.manage');
  const group = await newGroup('Permitted', { permissions: ['logs.read'] });
  for (const path of [`/console/groups/${group}`, `/console/groups/${group}/edit`, `/console/users/${member.id}/edit`])
    expect([path, mainText(await chief.call('GET', path))]).toEqual([path, expect.stringContaining('Read logs')]);
  expect(mainText(await chief.call('GET', `/console/groups/${group}/edit`))).not.toContain('logs.read');
});

test('an address that is invited already is called that, and a slip on the page for a new password locks nobody out', async () => {
  await acme.invite({ email: 'pending@faults.test', kind: 'guest' });
  const refused = await submit(chief, '/console/invite', {
    kind: 'guest',
    email: 'pending@faults.test',
    guestGroupIds: [await newGroup('Invited into')],
    send: 'now',
  });
  expect(refused.status).toBe(409);
  expect(mainText(refused)).not.toMatch(/not an email address|valid email/i);
  for (const email of ['ada@gmail', 'ada@exa_mple.com', 'ada@example..com']) {
    const mistyped = await submit(chief, '/console/invite', { kind: 'guest', email, send: 'now' });
    expect([mistyped.status, mainText(mistyped)]).toEqual([
      400,
      expect.not.stringMatching(/does not accept addresses/),
    ]);
  }
  // However long a text is, the form comes back with it.
  const long = 'ä'.repeat(20_000);
  const wordy = await submit(chief, '/console/invite', { kind: 'guest', email: 'w@faults.test', message: long });
  expect([wordy.status, wordy.text.includes(long)]).toEqual([400, true]);
  const slip = await postForm(visitor(usher), '/forgot-password', { email: 'nonsense' });
  expect([slip.status, slip.headers['referrer-policy']]).toEqual([400, 'same-origin']);
});
