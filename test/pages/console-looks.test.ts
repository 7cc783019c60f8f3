import type { TestBrowser } from '../support/browser';
import { launchBrowser } from '../support/browser';
import { inspect, open, phone, textOf, windowOf } from '../support/console-screens';
import { inOrganization, openDatabase } from '../../db/database';
import { countGroupMembers } from '../../db/queries/count-group-members';
import { elementsOf } from '../support/html';
import { type Person, signedInPerson } from '../support/people';
import { startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let browser: TestBrowser;
let home: TestOrganization;
let admin: Person;
let guest: Person;
let groupId: string;

const longWord = 'Wolfeschlegelsteinhausenbergerdorff';

beforeAll(async () => {
  usher = await startUsher();
  browser = await launchBrowser(usher);
  home = await usher.createOrganization({ name: longWord, preset: '21-days' });
  admin = await signedInPerson(usher, home, 'admin@nordlicht.example.com', {
    role: 'administrator',
    firstName: 'Tamsin',
    lastName: 'Elderflower',
  });
  groupId = (await home.call('POST', '/groups', { name: `${longWord} ${longWord}`, membersMayInviteGuests: true })).body
    .id as string;
  guest = await signedInPerson(usher, home, `${longWord.toLowerCase()}@${longWord.toLowerCase()}.example.com`, {
    kind: 'guest',
    firstName: longWord,
    lastName: longWord,
    groupIds: [groupId],
  });
}, 240_000);
afterAll(async () => {
  await browser.close();
  await usher.stop();
});
afterEach(() => expect(browser.complaints.splice(0)).toEqual([]));

test('lists hold long names, addresses and words, on a phone and on a desktop', async () => {
  expect(
    await inspect(browser, admin, [
      '/console/users',
      '/console/invitations',
      '/console/groups',
      `/console/groups/${groupId}`,
      '/console/guests',
      `/console/guests/${guest.id}`,
      '/console/guest-log',
      '/console/audit',
      '/console/emails',
      '/console/licences',
    ]),
  ).toEqual([]);
}, 180_000);

test('signing out is in sight in a low window, and in the menu of a phone', async () => {
  const inSight = (selector: string) => `(() => {
    const { top, bottom, height } = document.querySelector('${selector}').getBoundingClientRect();
    return height > 0 && top >= 0 && bottom <= innerHeight;
  })()`;
  const low = await windowOf(browser, admin, { viewport: { width: 1280, height: 600 } });
  await open(low, '/console/users', false);
  expect(await low.evaluate(inSight('.side .whoami button'))).toBe(true);
  await low.context().close();
  const small = await windowOf(browser, admin, phone);
  await open(small, '/console/users', false);
  await small.click('.menu-button summary');
  expect(await small.evaluate(inSight('.menu-button .whoami button'))).toBe(true);
  // A finger hits what it aims at, and a refresh has a place to be announced.
  expect(
    await small.evaluate(`document.querySelector('.who a').getBoundingClientRect().height`),
  ).toBeGreaterThanOrEqual(24);
  expect(await small.locator('[role=status][data-live-status]').count()).toBe(1);
  await small.context().close();
}, 60_000);

test('a full name finds its person, in lists and beside a group', async () => {
  for (const q of ['Tamsin Elderflower', 'elderflower  tamsin', 'tamsin nordlicht']) {
    const { body } = await home.call('GET', `/users?q=${encodeURIComponent(q)}`);
    expect((body.items as { id: string }[]).map(({ id }) => id)).toEqual([admin.id]);
  }
  expect((await home.call('GET', `/users?q=${encodeURIComponent('Tamsin Nobody')}`)).body.items).toEqual([]);
  await home.invite({ email: 'rowan@nordlicht.example.com', firstName: 'Rowan', lastName: 'Ashby' });
  expect((await home.call('GET', '/invitations?q=ashby%20rowan')).body.items).toHaveLength(1);
  const page = await admin.call('GET', `/console/groups/${groupId}?find=${encodeURIComponent('Tamsin Elderflower')}`);
  expect(page.text).toContain(`name="userId" value="${admin.id}"`);
});

test('a group is counted and shown without reading who else is in it', async () => {
  await admin.call('PUT', `/v1/organizations/${home.id}/groups/${groupId}/members/${admin.id}`, {
    role: 'administrator',
  });
  const database = openDatabase(usher.env['DATABASE_URL'] ?? '');
  try {
    const sizes = await inOrganization(database, home.id, (trx) => countGroupMembers(trx, home.id, [groupId]));
    expect(sizes.get(groupId)).toEqual({ members: 1, guests: 1 });
  } finally {
    await database.destroy();
  }
  const page = await admin.call('GET', `/console/groups/${groupId}`);
  expect(textOf(page, 'main')).toContain('Group administrator');
  expect((await admin.call('GET', '/console/groups/no-group')).status).toBe(404);
});

test('two hundred groups to choose from stay below 64 KB, and a word finds one', async () => {
  for (let from = 0; from < 200; from += 20)
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => home.call('POST', '/groups', { name: `Project ${from + index}` })),
    );
  const page = await windowOf(browser, admin);
  expect(await open(page, '/console/invite')).toEqual([]);
  expect((await admin.call('GET', '/console/invite')).text.length).toBeLessThan(64 * 1024);
  // The mail is there before anything was typed.
  await page.frameLocator('iframe[name=preview]').locator('body *').first().waitFor({ state: 'attached' });
  await page.check('#kind-1');
  await page.locator('.for-guest input[type=search]').fill('Project 17');
  expect(await page.locator('.for-guest .many label:visible').count()).toBe(12);
  await page.context().close();
}, 120_000);

test('nobody is led to what is not there: guests who were removed, a list that guests may not see', async () => {
  const other = await usher.createOrganization({ name: 'Elsewhere' });
  const chief = await signedInPerson(usher, other, 'chief@elsewhere.example.com', { role: 'administrator' });
  const leaver = await signedInPerson(usher, other, 'leaver@elsewhere.example.com', { kind: 'guest' });
  expect((await chief.call('GET', '/console/guest-log')).text).toContain(`/console/users/${leaver.id}`);
  expect((await leaver.call('GET', `/console/users/${leaver.id}`)).text).not.toContain('href="/console/users"');
  await other.call('DELETE', `/guests/${leaver.id}`);
  const log = await chief.call('GET', '/console/guest-log');
  expect(log.text).toContain('Removed');
  expect(log.text).not.toContain(`/console/users/${leaver.id}`);
});

test('words are those of the preset: guests are no members, and nothing speaks of licences that are not there', async () => {
  const users = await admin.call('GET', '/console/users');
  expect(users.text).toMatch(/<option value="active">Invite accepted<\/option>/);
  expect(users.text).toContain('<span class="hint">Guest</span>');
  expect((await admin.call('GET', '/console/invite')).text).not.toContain('In one group a guest is free');
  expect((await admin.call('GET', `/console/guests/${guest.id}`)).text).not.toContain('uses a licence');
});

test('the first page leads to signing in, in the language that was chosen, and what never changes is kept', async () => {
  const { text } = await usher.call('GET', '/?lang=de');
  const links = elementsOf(text).flatMap(({ attributes: { href } }) => href ?? []);
  expect(links).toEqual(expect.arrayContaining(['/sign-in?lang=de', '/docs', '/?lang=en']));
  expect(links.indexOf('/sign-in?lang=de')).toBeLessThan(links.indexOf('/docs'));
  const asset = links.find((href) => href.startsWith('/assets/usher.css?v=')) ?? '';
  expect((await usher.call('GET', asset)).headers['cache-control']).toContain('max-age=31536000');
});

test('whoever has registered, or comes back to an answered link, can go on to signing in', async () => {
  const invitation = await home.invite({ email: 'new@nordlicht.example.com', firstName: 'New', lastName: 'Comer' });
  const { url } = await usher.linkFor('new@nordlicht.example.com');
  const page = await browser.person();
  await page.goto(url);
  await page.fill('#password', 'Horse-Battery-9-Staple');
  await page.click('button.primary');
  await page.getByRole('link', { name: 'Sign in' }).waitFor();
  expect(invitation.id).toBeTruthy();
  await page.goto(url);
  await page.getByRole('link', { name: 'Sign in' }).click();
  await page.locator('#login').waitFor();
  await page.context().close();
}, 60_000);
