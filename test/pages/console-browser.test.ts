import type { Page } from 'playwright-core';
import { translator } from '../../i18n';
import { accessibilityFaults, launchBrowser, type TestBrowser } from '../support/browser';
import { turnsOf } from '../support/long';
import { type Person, signedInPerson } from '../support/people';
import { goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let browser: TestBrowser;
let home: TestOrganization;
let admin: Person;
let invitationId: string;
beforeAll(async () => {
  usher = await startUsher({
    env: { USHER_TEMPORAL_UI_URL: 'http://localhost:8233', USHER_OPERATOR_ORGANIZATION: '*' },
  });
  browser = await launchBrowser(usher);
  home = await usher.createOrganization({ name: 'Nordlicht & Söhne', preset: 'licensed-guests', licences: 20 });
  admin = await signedInPerson(usher, home, 'admin@nordlicht.test', { role: 'administrator' });
  await signedInPerson(usher, home, 'gast@elsewhere.test', { kind: 'guest', firstName: 'Maximiliane-Friederike' });
  invitationId = (
    await home.invite({
      email: 'a-very-long-address-that-has-to-break-somewhere@subdomain.of-a-long-domain.test',
      firstName: 'Wolfeschlegelsteinhausenbergerdorff',
      lastName: 'Oberkommandierender',
      message: 'Bis Montag!',
    })
  ).id as string;
});
afterAll(async () => {
  await browser.close();
  await usher.stop();
});
afterEach(() => expect(browser.complaints.splice(0)).toEqual([]));

const url = (path: string) => `${usher.env['USHER_BASE_URL']}${path}`;
const slowly = 30_000;

async function signIn(page: Page, login: string, next = '/console'): Promise<void> {
  page.setDefaultTimeout(slowly);
  await page.goto(url(`/sign-in?next=${encodeURIComponent(next)}`));
  await page.fill('#login', login);
  await page.fill('#password', goodPassword);
  await page.click('button[type=submit]');
  await page.waitForLoadState();
}

/** Compared with what the window was given: on a phone `innerWidth` grows with what is too wide. */
const isTooWide = (page: Page) =>
  page.evaluate<boolean>(`document.documentElement.scrollWidth > ${page.viewportSize()?.width ?? 0}`);

test.each([
  ['en', 0, 'desktop', { viewport: { width: 1280, height: 800 } }],
  ['de', 1, 'phone', { viewport: { width: 360, height: 740 }, locale: 'de-DE', isMobile: true, hasTouch: true }],
  ['de', 2, 'dark desktop', { viewport: { width: 1280, height: 800 }, locale: 'de-DE', colorScheme: 'dark' }],
] as const)('every screen is accessible and fits: %s, %i: %s', async (language, variant, _, options) => {
  const page = await browser.person(options);
  await signIn(page, 'admin@nordlicht.test');
  const user = (await home.call('GET', '/users?q=gast@')).body.items[0].id as string;
  const paths = [
    '/console/users',
    '/console/users?q=nobody-has-this-name',
    '/console/invite',
    '/console/invitations',
    `/console/invitations/${invitationId}`,
    `/console/invitations/${invitationId}/edit`,
    `/console/invitations/${invitationId}/cancel`,
    `/console/users/${user}`,
    `/console/users/${user}/edit`,
    `/console/users/${user}/remove`,
    `/console/users/${admin.id}`,
    `/console/users/${admin.id}/edit`,
    '/console/nowhere',
    '/profile',
  ];
  for (const path of turnsOf(paths, variant, 3)) {
    await page.goto(url(`${path}${path.includes('?') ? '&' : '?'}lang=${language}`));
    expect({ path, language: await page.locator('html').getAttribute('lang') }).toEqual({ path, language });
    expect({ path, faults: await accessibilityFaults(page) }).toEqual({ path, faults: [] });
    expect({ path, tooWide: await isTooWide(page) }).toEqual({ path, tooWide: false });
  }
});

test('without JavaScript: invite with a preview, follow the mail, register, and come into the console', async () => {
  const t = translator('en');
  const page = await browser.person({ javaScriptEnabled: false });
  await signIn(page, 'admin@nordlicht.test', '/console/invite');
  await page.check('#kind-0');
  await page.fill('#email', 'journey@nordlicht.test');
  await page.fill('#firstName', 'Jo');
  await page.fill('#lastName', 'Urney');
  await page.fill('#message', 'See you <b>soon</b>');
  await page.getByRole('button', { name: t('console.invite.showPreview') }).click();
  await page.frameLocator('iframe').getByText('See you <b>soon</b>').waitFor();
  await page.getByRole('button', { name: t('console.invite.submit'), exact: true }).click();
  await page.getByRole('heading', { name: 'Jo Urney' }).waitFor();
  expect(await page.locator('.notice').innerText()).toContain('Jo Urney is invited.');

  const { url: link } = await usher.linkFor('journey@nordlicht.test');
  const invitee = await browser.person({ javaScriptEnabled: false });
  invitee.setDefaultTimeout(slowly);
  await invitee.goto(link);
  await invitee.fill('#password', goodPassword);
  await invitee.getByRole('button', { name: t('pages.registration.submit') }).click();
  await invitee.getByRole('heading', { name: 'Welcome to Nordlicht & Söhne' }).waitFor();
  await signIn(invitee, 'journey@nordlicht.test');
  await invitee.getByRole('heading', { name: t('console.sections.users') }).waitFor();
  await page.reload();
  await page.locator('.timeline strong', { hasText: t('console.events.accepted') }).waitFor();
});

test('a link that has expired: its person asks for a new one, and it is sent again from the list', async () => {
  const t = translator('en');
  const { id } = await home.invite({ email: 'late@nordlicht.test', firstName: 'La', lastName: 'Te' });
  const { url: link } = await usher.linkFor('late@nordlicht.test');
  await usher
    .owner('invitations')
    .where({ id })
    .update({ expires_at: new Date(Date.now() - 1_000) });
  const invitee = await browser.person();
  invitee.setDefaultTimeout(slowly);
  await invitee.goto(link);
  await invitee.getByRole('button', { name: t('pages.deadLink.requestNew') }).click();
  await invitee.getByRole('heading', { name: t('pages.requestSent.heading') }).waitFor();

  const page = await browser.person();
  await signIn(page, 'admin@nordlicht.test', '/console/users?q=late@');
  await page.locator('.row-actions summary').click();
  await page.getByRole('button', { name: t('console.invitationActions.resend') }).click();
  await page.getByText('A new email with a new link goes out to La Te.').waitFor();
  const { url: fresh } = await usher.linkFor('late@nordlicht.test', 2);
  await invitee.goto(fresh);
  await invitee.getByRole('heading', { name: t('pages.registration.formHeading') }).waitFor();
  await invitee.goto(link);
  await invitee.getByRole('heading', { name: t('pages.deadLink.superseded.heading') }).waitFor();
});

test('A3, A6, A7: a guest accepts in the profile, switches, and is taken home when removed while looking', async () => {
  const t = translator('en');
  const host = await usher.createOrganization({ name: 'Host', preset: 'licensed-guests' });
  const person = await signedInPerson(usher, home, 'roamer@nordlicht.test');
  await host.invite({ kind: 'guest', email: 'roamer@nordlicht.test' });
  const page = await browser.person();
  await signIn(page, 'roamer@nordlicht.test', '/profile');
  await page.getByRole('button', { name: new RegExp(`^${t('pages.profile.accept')}.*Host$`) }).click();
  await page.getByText(t('pages.profile.done.accepted')).waitFor();
  await page.getByRole('button', { name: new RegExp(`^${t('pages.profile.switch')}.*Host$`) }).click();
  await page.waitForLoadState();
  await host.call('DELETE', `/guests/${person.id}`);
  await page.goto(url('/console'));
  await page.getByText('You are now in Nordlicht & Söhne.').waitFor();
});
