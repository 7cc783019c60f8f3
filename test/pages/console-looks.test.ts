import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import type { TestBrowser } from '../support/browser';
import { launchBrowser } from '../support/browser';
import { inspect, look, open, phone, textOf, variants, weigh, windowOf } from '../support/console-screens';
import { inOrganization, openDatabase } from '../../db/database';
import { countGroupMembers } from '../../db/queries/count-group-members';
import { sections } from '../../api/console/sections';
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
});
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
});

test('no list sticks out of its box, however wide the window, in the longer language', async () => {
  const page = await windowOf(browser, admin);
  const faults: string[] = [];
  for (const width of [900, 1024, 1152, 1180, 1280, 1600]) {
    await page.setViewportSize({ width, height: 800 });
    for (const path of ['users', 'invitations', 'guests', 'guest-log', 'audit', 'emails', 'licences', 'groups'])
      faults.push(...(await open(page, `/console/${path}?lang=de`, false)).map((fault) => `${width}: ${fault}`));
  }
  expect(faults).toEqual([]);
  await page.context().close();
});

test('signing out is in sight in a low window, and in the menu of a phone', async () => {
  const inSight = (selector: string) => `(() => {
    const { top, bottom, height } = document.querySelector('${selector}').getBoundingClientRect();
    return height > 0 && top >= 0 && bottom <= innerHeight;
  })()`;
  const within = (nav: string) => `(() => {
    const around = document.querySelector('${nav}').getBoundingClientRect();
    const { top, bottom, height } = document.querySelector('${nav} [aria-current=page]').getBoundingClientRect();
    return height > 0 && top >= around.top && bottom <= around.bottom;
  })()`;
  const low = await windowOf(browser, admin, { viewport: { width: 1280, height: 600 } });
  await open(low, '/console/users', false);
  expect(await low.evaluate(inSight('.side .whoami button'))).toBe(true);
  // Where one is, is in sight, too: the last entry as well as the first.
  for (const path of ['/console/figures', '/console/policy', '/console/api-keys']) {
    await low.setViewportSize({ width: 1280, height: 460 });
    await open(low, path, false);
    expect([path, await low.evaluate(within('.side > nav'))]).toEqual([path, true]);
  }
  await low.context().close();
  const narrow = await windowOf(browser, admin, { ...phone, viewport: { width: 360, height: 420 } });
  await open(narrow, '/console/api-keys', false);
  await narrow.click('.menu-button summary');
  await narrow.waitForFunction(within('.menu-button nav'));
  await narrow.context().close();
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
});

test('at 400 % no list scrolls sideways, and on a desktop a state or a role is one word in one piece', async () => {
  const page = await windowOf(browser, admin, { viewport: { width: 320, height: 700 } });
  const lists = ['users', 'invitations', 'guests', 'guest-log', 'emails', 'audit', 'api-keys', 'licences', 'groups'];
  for (const lang of ['en', 'de']) {
    await page.setViewportSize({ width: 320, height: 700 });
    for (const list of lists) {
      await open(page, `/console/${list}?lang=${lang}`, false);
      expect([list, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([list, 320]);
    }
    for (const width of [1180, 1280, 1440]) {
      await page.setViewportSize({ width, height: 800 });
      for (const list of ['users', 'guests', 'invitations', 'emails']) {
        await open(page, `/console/${list}?lang=${lang}`, false);
        const torn = await page.evaluate<string[]>(`[...document.querySelectorAll('.cards td.word')].flatMap((cell) => {
          const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
          const torn = [];
          while (walker.nextNode())
            for (const { 0: word, index } of walker.currentNode.data.matchAll(/\\S+/g)) {
              const range = document.createRange();
              range.setStart(walker.currentNode, index);
              range.setEnd(walker.currentNode, index + word.length);
              if (new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size > 1) torn.push(word);
            }
          return torn;
        })`);
        expect([list, width, torn]).toEqual([list, width, []]);
      }
    }
  }
  // A menu of a row closes when the keyboard goes on.
  await page.goto('http://usher.test/console/users');
  await page.locator('details.pop summary').first().focus();
  await page.keyboard.press('Enter');
  expect(await page.locator('details.pop[open]').count()).toBe(1);
  while (await page.evaluate(`document.activeElement.closest('details.pop') !== null`))
    await page.keyboard.press('Tab');
  expect(await page.locator('details.pop[open]').count()).toBe(0);
  await page.context().close();
});

test('no section has the symbol of another one', () => {
  expect(new Set(sections.map(({ icon }) => icon)).size).toBe(sections.length);
});

test('an address breaks after “@” and “.”, and in the middle of a word only where a word is wider than its place', async () => {
  const email = 'bartholomew.featherstonehaugh@subsidiary.quillfeather.example.com';
  await home.invite({ email, firstName: 'Bartholomew', lastName: 'Featherstonehaugh' });
  // Who has no name is called by the address.
  const { requiredFields } = (await home.call('GET', '/policy')).body;
  await home.call('PATCH', '/policy', { requiredFields: ['email'] });
  await home.invite({ email: email.replace('bartholomew', 'b'), kind: 'guest' });
  await home.call('PATCH', '/policy', { requiredFields });
  const page = await windowOf(browser, admin, phone);
  for (const list of ['users', 'invitations']) {
    await open(page, `/console/${list}?q=featherstonehaugh`, false);
    const [parts, broken] = await page.evaluate<[number, string[]]>(`(() => {
      const walker = document.createTreeWalker(document.querySelector('.cards tbody'), NodeFilter.SHOW_TEXT);
      const parts = [];
      while (walker.nextNode()) if (/feather|example/.test(walker.currentNode.data)) parts.push(walker.currentNode);
      const lines = (node) => {
        const range = document.createRange();
        range.selectNodeContents(node);
        return new Set(Array.from(range.getClientRects(), ({ top }) => Math.round(top))).size;
      };
      return [parts.length, parts.filter((node) => !/ /.test(node.data) && lines(node) > 1).map(({ data }) => data)];
    })()`);
    expect([list, parts > 4, broken]).toEqual([list, true, []]);
  }
  await page.context().close();
});

test('what the filters of the audit offer and say has room, at every width and in both languages', async () => {
  const page = await windowOf(browser, admin);
  const clipped: string[] = [];
  for (const lang of ['en', 'de'])
    for (const width of [360, 800, 1000, 1280, 1440]) {
      await page.setViewportSize({ width, height: 800 });
      await open(page, `/console/audit?lang=${lang}`, false);
      const texts = await page.evaluate<string[]>(`(() => {
        const pen = document.createElement('canvas').getContext('2d');
        return Array.from(document.querySelectorAll('.filters input[placeholder], .filters select')).flatMap((field) => {
          const style = getComputedStyle(field);
          pen.font = style.font;
          const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
          // A list has an arrow, too. On a phone no more than what stands in it has room.
          const options = Array.from(field.options ?? []).filter(({ selected }) => selected || innerWidth > 500);
          const words = field.options ? options.map(({ text }) => text) : [field.placeholder];
          return words.filter((text) => pen.measureText(text).width > room - (field.options ? 20 : 0));
        });
      })()`);
      clipped.push(...texts.map((text) => `${lang} ${width}: ${text}`));
    }
  expect(clipped).toEqual([]);
  await page.context().close();
});

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

test('two hundred groups of long names to choose from stay below 90 KB, and a word finds one', async () => {
  const called = (index: number) => `Project ${index} `.padEnd(60, 'Wolfeschlegelsteinhausenbergerdorff ');
  await usher.owner('groups').insert(
    Array.from({ length: 200 }, (_, index) => ({
      id: randomUUID(),
      organization_id: home.id,
      name: called(index),
      visibility: 'open',
      created_at: new Date(),
    })),
  );
  const page = await windowOf(browser, admin);
  expect(await open(page, '/console/invite')).toEqual([]);
  expect(await weigh(admin, '/console/invite')).toBeLessThan(90 * 1024);
  // The mail is there before anything was typed.
  await page.frameLocator('iframe[name=preview]').locator('body *').first().waitFor({ state: 'attached' });
  await page.check('#kind-1');
  await page.locator('input:has(+ .many)').fill('Project 17');
  expect(await page.locator('.many label:visible').count()).toBe(12);
  // What is for guests alone is not offered to members, and does not come with them.
  await page.check('#kind-0');
  expect(await page.locator('.many label:visible').count()).toBe(11);
  await page.locator('.many label:visible input').first().check();
  await page.fill('#email', 'member-of-many@nordlicht.example.com');
  await page.fill('#firstName', 'Many');
  await page.fill('#lastName', 'Groups');
  await page.getByRole('button', { name: 'Invite', exact: true }).click();
  await page.getByRole('heading', { name: 'Many Groups' }).waitFor();
  const [made] = (await home.call('GET', '/invitations?q=member-of-many')).body.items as { groupIds: string[] }[];
  const chosen = await usher.owner('groups').first('name').where({ id: made?.groupIds[0] });
  expect([made?.groupIds.length, chosen.name]).toEqual([1, expect.stringMatching(/^Project 17/)]);

  // Lists are filtered by a name that is typed, so that they do not name all groups; some are suggested.
  for (const list of ['users', 'guests']) {
    const { text } = await admin.call('GET', `/console/${list}`);
    // Those of whoever is listed, and no more.
    expect((text.match(/Project \d/g) ?? []).length).toBeLessThan(3);
    await page.goto(`http://usher.test/console/${list}`);
    await page.fill('#group', 'project 17');
    await page.locator('#group-names option').nth(10).waitFor({ state: 'attached' });
    await page.keyboard.press('Enter');
    await page.getByText('Several groups have this in their names').waitFor();
    await page.fill('#group', called(17).trim());
    await page.keyboard.press('Enter');
    await page.waitForURL(/group=Project\+17\+/);
    expect(await page.locator('#group-error').count()).toBe(0);
  }
  await page.goto('http://usher.test/console/users');
  await page.fill('#group', chosen.name.toUpperCase());
  await page.keyboard.press('Enter');
  await page.locator('table').getByRole('link', { name: 'Many Groups' }).waitFor();
  expect(await page.locator('tbody tr').count()).toBe(1);
  expect((await admin.call('GET', '/console/users?group=no+such')).text).toContain('There is no group of this name.');
  // A link to the people of one group leads there still.
  expect(textOf(await admin.call('GET', `/console/users?groupId=${made?.groupIds[0]}`), 'tbody')).toContain(
    'Many Groups',
  );
  await page.context().close();
});

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
  // The mark beside the name says it, and nothing says it again.
  expect((await admin.call('GET', '/console/users?kind=guest')).text).toContain(
    '<td class="word" data-label="Role"><span class="none">',
  );
  expect((await admin.call('GET', '/console/invite')).text).not.toContain('In one group a guest is free');
  expect((await admin.call('GET', `/console/guests/${guest.id}`)).text).not.toContain('uses a licence');
});

test('the first page leads to signing in, in the language that was chosen, and what never changes is kept', async () => {
  const { text } = await usher.call('GET', '/?lang=de');
  const links = elementsOf(text).flatMap(({ attributes: { href } }) => href ?? []);
  expect(links).toEqual(expect.arrayContaining(['/sign-in?lang=de', '/docs', '/?lang=en']));
  expect(links.indexOf('/sign-in?lang=de')).toBeLessThan(links.indexOf('/docs'));
  const asset = links.find((href) => href.startsWith('/assets/usher.css?v=')) ?? '';
  const { headers } = await usher.call('GET', asset);
  expect(headers['cache-control']).toContain('max-age=31536000');
  expect([headers['content-encoding'], headers['vary'], headers['content-type']]).toEqual([
    'gzip',
    'Accept-Encoding',
    'text/css; charset=utf-8',
  ]);
  const plain = await usher.call('GET', asset, undefined, { headers: { 'accept-encoding': 'identity' } });
  expect([plain.headers['content-encoding'], plain.headers['content-type']]).toEqual([
    undefined,
    'text/css; charset=utf-8',
  ]);
});

test('styles and scripts go out without comments, and say what they said', async () => {
  const page = await windowOf(browser, admin);
  await page.goto('about:blank');
  const rules = (css: string) =>
    page.evaluate<string[]>(`(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(${JSON.stringify(css)});
      // What stands in a variable is kept letter by letter.
      return Array.from(sheet.cssRules, ({ cssText }) => cssText.replace(/,\\s+/g, ','));
    })()`);
  const code = (text: string) =>
    ts.transpileModule(text, { compilerOptions: { removeComments: true, allowJs: true } }).outputText;
  for (const file of ['usher.css', 'console.css', 'console.js', 'live.js', 'invitation.js', 'docs.js']) {
    const source = readFileSync(join(__dirname, '..', '..', 'api', 'public', file), 'utf8');
    const { text, status } = await usher.call('GET', `/assets/${file}`);
    expect([file, status, text.length <= source.length]).toEqual([file, 200, true]);
    if (file.endsWith('.css')) expect(await rules(text)).toEqual(await rules(source));
    else expect(code(text)).toBe(code(source));
  }
  await page.context().close();
});

test('a form that somebody else was quicker with, and one that is refused, are sound in every variant', async () => {
  const rival = await usher.createOrganization({ name: 'Rivals', preset: 'licensed-guests' });
  const chief = await signedInPerson(usher, rival, 'chief@rivals.example.com', { role: 'administrator' });
  const { id } = await signedInPerson(usher, rival, `${longWord.toLowerCase()}@rivals.example.com`, {
    firstName: longWord,
    lastName: longWord,
    userType: 'Clerk',
  });
  await rival.invite({ email: 'pending@rivals.example.com' });
  for (const [index, [options, lang, axe]] of variants.entries()) {
    // What a form comes back with is in the language of the person.
    await usher.owner('accounts').where({ id: chief.id }).update({ locale: lang });
    const page = await windowOf(browser, chief, options);
    const screen = async (path: string) => {
      await page.goto(`http://usher.test${path}?lang=${lang}`);
      expect(await page.locator('html').getAttribute('lang')).toBe(lang);
    };
    await screen(`/console/users/${id}/edit`);
    const changed = await rival.call('PATCH', `/users/${id}`, { userType: `${longWord} ${index}` });
    expect(changed.status).toBe(200);
    await page.fill('#userType', 'Typed');
    await page.click('main form .form-end button');
    await page.locator('.warning').waitFor();
    expect(await page.locator('.warning').innerText()).toContain(`${longWord} ${index}`);
    expect({ lang, faults: await look(page, axe) }).toEqual({ lang, faults: [] });
    await screen('/console/settings');
    await rival.call('PATCH', '', { name: `${longWord} ${index}` });
    await page.fill('#name', 'Typed');
    await page.click('main form .form-end button');
    await page.locator('.warning').waitFor();
    expect({ lang, faults: await look(page, axe) }).toEqual({ lang, faults: [] });
    // What a rule refuses says why, in the form and as a screen of its own.
    await screen('/console/invite');
    await page.fill('#email', 'pending@rivals.example.com');
    await page.click('#invite .form-end button');
    await page.locator('.summary').waitFor();
    expect({ lang, faults: await look(page, axe) }).toEqual({ lang, faults: [] });
    await page.context().close();
  }
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
});
