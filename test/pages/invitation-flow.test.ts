import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { translator } from '../../i18n';
import { accessibilityFaults, launchBrowser, type TestBrowser } from '../support/browser';
import { setClock } from '../support/clock';
import { tokenOf } from '../support/token';
import { eventually, goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let browser: TestBrowser;
let organization: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  browser = await launchBrowser(usher);
  organization = await usher.createOrganization({ preset: 'create-user', name: 'Nordlicht' });
});
afterAll(async () => {
  await browser.close();
  await usher.stop();
});
afterEach(async () => {
  await setClock(usher, null);
  expect(browser.complaints.splice(0)).toEqual([]);
});

const phone = { viewport: { width: 360, height: 740 } };
const invite = (email: string, fields = {}) =>
  organization.invite({ email, firstName: 'Ada', lastName: 'Lovelace', ...fields });
const statusOf = async ({ id }: { id: string }): Promise<string> =>
  (await organization.call('GET', `/invitations/${id}`)).body.status as string;
const addressOf = (invitation: { id: string; generation: number }): string =>
  `${usher.env['USHER_BASE_URL']}/invitations/${tokenOf(usher, invitation)}`;
const heading = async (page: Page): Promise<string> => (await page.locator('h1').innerText()).trim();

/** What every page must be: of one language, accessible, and no wider than the screen. */
async function inspect(page: Page, language: 'en' | 'de'): Promise<void> {
  const at = await heading(page);
  expect({ at, language: await page.locator('html').getAttribute('lang') }).toEqual({ at, language });
  expect({ at, faults: await accessibilityFaults(page) }).toEqual({ at, faults: [] });
  const width = await page.evaluate<{ content: number; screen: number }>(
    '({ content: document.documentElement.scrollWidth, screen: window.innerWidth })',
  );
  expect({ at, tooWide: width.content > width.screen }).toEqual({ at, tooWide: false });
}

describe.each([
  ['en', {}, 'Welcome to Nordlicht', 'met'],
  ['de', phone, 'Willkommen bei Nordlicht', 'erfüllt'],
] as const)('from the mail to the account (%s)', (language, size, welcome, met) => {
  test('the rules tick off as one types, and the account is active', async () => {
    const email = `journey@${language}.test`;
    const invitation = await invite(email, { locale: language, message: 'Bis bald\n<b>in Turin</b>' });
    const { url } = await usher.linkFor(email);
    const page = await browser.person(size);
    await page.goto(url);
    expect(new URL(page.url()).pathname).toBe(`/invitations/open/${invitation.id}`);
    expect(await heading(page)).toContain('Nordlicht');
    expect(await page.locator('blockquote').innerText()).toContain('<b>in Turin</b>');
    await inspect(page, language);
    const rule = (name: string) => page.locator(`[data-rule="${name}"]`);
    const states = async () =>
      Promise.all(
        ['length', 'upper', 'lower', 'digit', 'special', 'common'].map((name) => rule(name).getAttribute('data-state')),
      );
    expect(await states()).toEqual(['open', 'open', 'open', 'open', 'open', 'pending']);
    const password = page.locator('#password');
    await password.pressSequentially('wI7');
    expect(await states()).toEqual(['open', 'met', 'met', 'met', 'open', 'pending']);
    expect(await rule('digit').innerText()).toContain(met);
    await password.pressSequentially('-nter-');
    expect(await states()).toEqual(['met', 'met', 'met', 'met', 'met', 'pending']);
    await password.fill('nothing');
    expect(await states()).toEqual(['open', 'open', 'met', 'open', 'open', 'pending']);
    await password.fill(goodPassword);
    await page.locator('.toggle').click();
    expect(await password.getAttribute('type')).toBe('text');
    await inspect(page, language);
    await page.locator('#lastName').fill('Byron');
    await page.locator('button[type=submit]').click();
    await page.waitForURL('**/accepted*');
    expect(await heading(page)).toBe(welcome);
    await inspect(page, language);
    const { body } = await organization.call('GET', `/users?q=${email}`);
    expect(body.items).toMatchObject([{ status: 'active', firstName: 'Ada', lastName: 'Byron' }]);
    await page.reload();
    expect(await heading(page)).toBe(welcome);
  });

  test('without JavaScript the server names what is missing, and the same form works', async () => {
    const email = `plain@${language}.test`;
    const invitation = await invite(email, { locale: language });
    const page = await browser.person({ ...size, javaScriptEnabled: false });
    await page.goto(addressOf(invitation));
    await page.locator('#password').fill('password1');
    await page.locator('button[type=submit]').click();
    const state = (name: string) => page.locator(`[data-rule="${name}"]`).getAttribute('data-state');
    expect(await page.locator('.summary').isVisible()).toBe(true);
    expect([await state('upper'), await state('length'), await state('common')]).toEqual(['unmet', 'met', 'unmet']);
    expect(await page.locator('#password').getAttribute('aria-invalid')).toBe('true');
    expect(await page.locator('#password').inputValue()).toBe('');
    await page.locator('#password').fill(goodPassword);
    await page.locator('button[type=submit]').click();
    expect(await heading(page)).toBe(welcome);
    expect(await statusOf(invitation)).toBe('accepted');
  });

  test('an entry that is refused is shown with its errors, readable for all, and the way on works', async () => {
    const email = `errors@${language}.test`;
    const invitation = await invite(email, { locale: language });
    const page = await browser.person(size);
    await page.goto(addressOf(invitation));
    await page.locator('#firstName').fill('Augusta Ada');
    await page.locator('#password').fill('Passw0rd!');
    await page.locator('button[type=submit]').click();
    await page.locator('.summary').waitFor();
    expect(await page.locator('#firstName').inputValue()).toBe('Augusta Ada');
    expect(await page.locator('[data-rule="common"]').getAttribute('data-state')).toBe('unmet');
    expect(await page.evaluate('document.activeElement.className')).toContain('summary');
    await inspect(page, language);
    await page.locator('#password').fill(goodPassword);
    await page.locator('button[type=submit]').click();
    await page.waitForURL('**/accepted*');
    expect(await heading(page)).toBe(welcome);
  });

  test('declining needs a second confirmation', async () => {
    const email = `no@${language}.test`;
    const invitation = await invite(email, { locale: language });
    const page = await browser.person(size);
    await page.goto(addressOf(invitation));
    await page.locator('.aside a').click();
    await page.locator('#confirm').waitFor();
    await inspect(page, language);
    await page.locator('#reason').fill('Keine Zeit');
    await page.locator('button[type=submit]').click();
    expect(await statusOf(invitation)).toBe('pending');
    await page.locator('#confirm').check();
    await page.locator('button[type=submit]').click();
    await page.waitForURL('**/declined*');
    expect(await heading(page)).toMatch(language === 'en' ? 'You declined' : 'abgelehnt');
    await inspect(page, language);
    expect((await organization.call('GET', `/invitations/${invitation.id}`)).body).toMatchObject({
      status: 'declined',
      declineReason: 'Keine Zeit',
    });
  });
});

describe.each([
  ['en', phone],
  ['de', {}],
] as const)('dead links (%s)', (language, size) => {
  const headings = {
    en: {
      expired: 'This invitation has expired',
      cancelled: 'This invitation was cancelled',
      superseded: 'There is a newer email for you',
      answered: 'This invitation has already been answered',
      unknown: 'We do not know this link',
      asked: 'Your request has been recorded',
      again: 'Please open the link in your email again',
    },
    de: {
      expired: 'Diese Einladung ist abgelaufen',
      cancelled: 'Diese Einladung wurde zurückgezogen',
      superseded: 'Für Sie gibt es eine neuere E-Mail',
      answered: 'Diese Einladung wurde schon beantwortet',
      unknown: 'Diesen Link kennen wir nicht',
      asked: 'Ihre Anfrage ist festgehalten',
      again: 'Bitte öffnen Sie den Link in Ihrer E-Mail noch einmal',
    },
  }[language];
  const shown = async (page: Page, address: string, expected: string, status: number) => {
    const answer = await page.goto(address);
    expect({ heading: await heading(page), status: answer?.status() }).toEqual({ heading: expected, status });
    await inspect(page, language);
  };
  const visitor = () => browser.person({ ...size, locale: language });
  const post = (id: string, action: string) => organization.call('POST', `/invitations/${id}/${action}`);

  test('expired: it offers to ask for a new one, and asking is confirmed', async () => {
    const invitation = await invite(`expired@${language}.test`, { locale: language });
    const page = await visitor();
    await setClock(usher, new Date(invitation.expiresAt as string));
    await shown(page, addressOf(invitation), headings.expired, 410);
    const t = translator(language);
    expect(await page.locator('button').allInnerTexts()).toEqual([
      t('pages.deadLink.wayBack'),
      t('pages.deadLink.requestNew'),
    ]);
    await page.getByRole('button', { name: t('pages.deadLink.requestNew') }).click();
    await page.waitForURL('**/requested*');
    expect(await heading(page)).toBe(headings.asked);
    await inspect(page, language);
  });

  test('cancelled, superseded, answered and unknown say so', async () => {
    const page = await visitor();
    const cancelled = await invite(`cancelled@${language}.test`, { locale: language });
    await post(cancelled.id as string, 'cancel');
    await shown(page, addressOf(cancelled), headings.cancelled, 410);
    const superseded = await invite(`superseded@${language}.test`, { locale: language });
    await post(superseded.id as string, 'resend');
    await shown(page, addressOf(superseded), headings.superseded, 410);
    const answered = await invite(`answered@${language}.test`, { locale: language });
    const path = `/v1/invitation-tokens/${tokenOf(usher, answered)}/accept`;
    await usher.call('POST', path, { password: goodPassword }, { key: null });
    await shown(page, addressOf(answered), headings.answered, 410);
    await shown(page, `${addressOf(answered)}x`, headings.unknown, 404);
  });

  test('a page that is opened without its link asks to open the link again', async () => {
    const invitation = await invite(`again@${language}.test`, { locale: language });
    const page = await visitor();
    await shown(page, `${usher.env['USHER_BASE_URL']}/invitations/open/${invitation.id}`, headings.again, 400);
    await page.goto(addressOf(invitation));
    expect(await page.locator('#password').isVisible()).toBe(true);
  });
});

test('the language can be changed on the page, and stays', async () => {
  const invitation = await invite('switch@flow.test', { locale: 'de' });
  const page = await browser.person();
  await page.goto(addressOf(invitation));
  expect(await page.locator('html').getAttribute('lang')).toBe('de');
  await page.locator('footer a[hreflang=en]').click();
  await page.waitForURL('**lang=en');
  await inspect(page, 'en');
  await page.locator('#password').fill(goodPassword);
  await page.locator('button[type=submit]').click();
  await page.waitForURL('**/accepted*');
  await inspect(page, 'en');
});

test('the token leaves the address bar; the cookie is out of reach of scripts and of other pages', async () => {
  const invitation = await invite('clean@flow.test');
  const token = tokenOf(usher, invitation);
  const page = await browser.person();
  const referrers: string[] = [];
  page.on('request', (request) => referrers.push(request.headers()['referer'] ?? ''));
  await page.goto(addressOf(invitation));
  expect(page.url()).not.toContain(token);
  expect(referrers.join()).not.toContain(token);
  expect(await page.content()).not.toContain(token);
  expect(await page.evaluate('document.cookie')).toBe('');
  expect(await page.context().cookies()).toMatchObject([
    { name: 'usher_link', value: token, httpOnly: true, sameSite: 'Lax', path: `/invitations/open/${invitation.id}` },
  ]);
});

test('a double click on the button is one answer, and ends where one click does', async () => {
  const invitation = await invite('double@flow.test');
  const page = await browser.person();
  await page.goto(addressOf(invitation));
  await page.locator('#password').fill(goodPassword);
  await page.locator('button[type=submit]').dblclick();
  await page.waitForURL('**/accepted*');
  expect(await heading(page)).toBe('Welcome to Nordlicht');
  const events = await organization.call('GET', `/audit-events?invitationId=${invitation.id}&type=invitation.accepted`);
  expect(events.body.items).toHaveLength(1);
});

test('two windows with the same form: both are welcomed, for both hold the link that was accepted', async () => {
  const invitation = await invite('windows@flow.test');
  const first = await browser.person();
  await first.goto(addressOf(invitation));
  const second = await first.context().newPage();
  await second.goto(first.url());
  for (const page of [first, second]) {
    await page.locator('#password').fill(goodPassword);
    await page.locator('button[type=submit]').click();
    await page.waitForLoadState();
  }
  await eventually(
    () => heading(second),
    (text) => text === 'Welcome to Nordlicht',
  );
  expect(await statusOf(invitation)).toBe('accepted');
});

test('two invitations open in one browser do not get in each other’s way', async () => {
  const [one, two] = [await invite('one@flow.test'), await invite('two@flow.test')];
  const page = await browser.person();
  await page.goto(addressOf(one));
  await page.goto(addressOf(two));
  await page.goto(`${usher.env['USHER_BASE_URL']}/invitations/open/${one.id}`);
  expect(await page.locator('#email').inputValue()).toBe('one@flow.test');
  await page.locator('#password').fill(goodPassword);
  await page.locator('button[type=submit]').click();
  await page.waitForURL('**/accepted*');
  expect([await statusOf(one), await statusOf(two)]).toEqual(['accepted', 'pending']);
});

describe('a form of another site', () => {
  test('does nothing with a person’s cookie: 403', async () => {
    const invitation = await invite('foreign@flow.test');
    const page = await browser.person();
    await page.goto(addressOf(invitation));
    const target = `${usher.env['USHER_BASE_URL']}/invitations/open/${invitation.id}/decline`;
    const evil = createServer((_, response) => {
      response.setHeader('Content-Type', 'text/html');
      response.end(`<!doctype html><link rel="icon" href="data:,"><title>Evil</title>
        <form method="post" action="${target}"><input name="confirm" value="yes"><button>Win</button></form>`);
    });
    await new Promise<void>((resolve) => evil.listen(0, '127.0.0.1', resolve));
    try {
      await page.goto(`http://localhost:${(evil.address() as AddressInfo).port}/`);
      const answer = page.waitForResponse(target);
      await page.locator('button').click();
      expect((await answer).status()).toBe(403);
    } finally {
      evil.closeAllConnections();
      evil.close();
    }
    expect(await statusOf(invitation)).toBe('pending');
  });

  test.each([
    ['Origin', { Origin: 'https://evil.test' }, 403],
    ['an opaque Origin', { Origin: 'null' }, 403],
    ['Sec-Fetch-Site: cross-site', { 'Sec-Fetch-Site': 'cross-site' }, 403],
    ['Sec-Fetch-Site: same-site', { 'Sec-Fetch-Site': 'same-site', Origin: 'http://usher.test' }, 403],
    ['Sec-Fetch-Site: same-origin, whatever the Origin', { 'Sec-Fetch-Site': 'same-origin', Origin: 'null' }, 303],
    ['our own Origin', { Origin: 'http://usher.test' }, 303],
  ])('is known by %s', async (name, headers, status) => {
    const invitation = await invite(`${name.replace(/\W+/g, '-')}@origin.test`);
    const answer = await fetch(`${usher.url}/invitations/open/${invitation.id}/decline`, {
      method: 'POST',
      redirect: 'manual',
      headers: { ...headers, Cookie: `usher_link=${tokenOf(usher, invitation)}` },
      body: new URLSearchParams({ confirm: 'yes' }),
    });
    expect(answer.status).toBe(status);
    expect(await statusOf(invitation)).toBe(status === 403 ? 'pending' : 'declined');
  });
});
