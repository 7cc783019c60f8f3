import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { translator } from '../../i18n';
import { readOtpauth, setUpApp } from '../support/authenticator';
import { accessibilityFaults, launchBrowser, type TestBrowser } from '../support/browser';
import { moved, setClock } from '../support/clock';
import { hiddenFields } from '../support/console-forms';
import { elementsOf } from '../support/html';
import { mailedCode, type Person, signedInPerson, type Visitor, visitor } from '../support/people';
import { goodPassword, type Reply, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let browser: TestBrowser;
let organization: TestOrganization;
let optional: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  browser = await launchBrowser(usher);
  organization = await usher.createOrganization({ preset: 'create-user', name: 'Nordlicht' });
  optional = await usher.createOrganization({ name: 'Free' });
});
afterAll(async () => {
  await browser.close();
  await usher.stop();
});
afterEach(async () => {
  await setClock(usher, null);
  expect(browser.complaints.splice(0)).toEqual([]);
});

const headers = { 'content-type': 'application/x-www-form-urlencoded' };
const post = (person: Visitor, path: string, fields: Record<string, string> = {}): Promise<Reply> =>
  person.call('POST', path, new URLSearchParams(fields).toString(), { headers });
const heading = (reply: Reply) => elementsOf(reply.text).find(({ name }) => name === 'h1')?.text;
const hiddenField = ({ text }: Reply, name: string) => hiddenFields(text)[name]?.[0] ?? '';
const url = (path: string) => `${usher.env['USHER_BASE_URL']}${path}`;

async function inspect(page: Page, language: 'en' | 'de'): Promise<void> {
  const at = await page.locator('h1').innerText();
  expect({ at, language: await page.locator('html').getAttribute('lang') }).toEqual({ at, language });
  expect({ at, faults: await accessibilityFaults(page) }).toEqual({ at, faults: [] });
  const width = await page.evaluate<{ content: number; screen: number }>(
    '({ content: document.documentElement.scrollWidth, screen: window.innerWidth })',
  );
  expect({ at, tooWide: width.content > width.screen }).toEqual({ at, tooWide: false });
}

describe.each([
  ['en', {}],
  ['de', { viewport: { width: 360, height: 740 }, javaScriptEnabled: true, locale: 'de-DE' }],
] as const)('in a browser (%s)', (language, options) => {
  const t = translator(language);

  test('B3: from the code by mail to the app: sign in, scan, confirm, keep the recovery codes', async () => {
    const email = `journey@${language}-pages.test`;
    await signedInPerson(usher, organization, email, { locale: language });
    const page = await browser.person(options);
    await page.goto(url('/sign-in'));
    await page.fill('#login', email);
    await page.fill('#password', goodPassword);
    await page.click('button[type=submit]');
    expect(await page.locator('h1').innerText()).toBe(t('pages.signInCode.heading'));
    await inspect(page, language);
    const field = page.locator('#code');
    expect([await field.getAttribute('autocomplete'), await field.getAttribute('inputmode')]).toEqual([
      'one-time-code',
      'numeric',
    ]);
    const first = await mailedCode(usher, email, 2);
    await page.getByRole('button', { name: t('pages.signInCode.again') }).click();
    expect(await page.locator('[role=status]').innerText()).toBe(t('pages.signInCode.sent'));
    const second = await mailedCode(usher, email, 3);
    await field.fill(first);
    await page.getByRole('button', { name: t('pages.signInCode.submit') }).click();
    expect(await page.locator('#code-error').innerText()).toContain(t('fields.code.wrong'));
    await inspect(page, language);
    await field.fill(second);
    await page.getByRole('button', { name: t('pages.signInCode.submit') }).click();
    await page.waitForURL(/\/profile/);
    const section = page.getByRole('region', { name: t('pages.twoFactor.heading') });
    expect(await section.innerText()).toContain(t('pages.twoFactor.weaker'));
    expect(await section.getByRole('button').count()).toBe(0);
    await inspect(page, language);

    await section.getByRole('link', { name: t('pages.twoFactor.setUp') }).click();
    await inspect(page, language);
    await page.getByRole('button', { name: t('pages.twoFactor.next') }).click();
    expect(await page.evaluate<number>('document.querySelector("img.qr").naturalWidth')).toBeGreaterThan(0);
    await inspect(page, language);
    const link = await page.getByRole('link', { name: t('pages.twoFactor.open') }).getAttribute('href');
    const totp = readOtpauth(link ?? '');
    expect((await page.locator('.secret').innerText()).replaceAll(' ', '')).toBe(totp.secret.base32);
    await page.fill('#code', 'no code');
    await page.getByRole('button', { name: t('pages.twoFactor.confirm') }).click();
    expect(await page.locator('#code-error').innerText()).toContain(t('fields.code.wrongApp'));
    expect(await page.getByRole('link', { name: t('pages.twoFactor.open') }).getAttribute('href')).toBe(link);
    await page.fill('#code', totp.generate());
    await page.getByRole('button', { name: t('pages.twoFactor.confirm') }).click();
    const codes = await page.locator('.codes code').allInnerTexts();
    expect(codes).toHaveLength(10);
    await inspect(page, language);
    await page.getByRole('button', { name: t('pages.twoFactor.copyCodes') }).click();
    await page.getByRole('button', { name: t('pages.twoFactor.codesCopied') }).waitFor();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: t('pages.twoFactor.downloadCodes') }).click(),
    ]);
    expect([download.suggestedFilename(), download.url()]).toEqual([
      'usher-recovery-codes.txt',
      url('/profile/two-factor/recovery-codes/download'),
    ]);
    const file = readFileSync(await download.path(), 'utf8').split('\r\n');
    expect(file.filter((line) => codes.includes(line))).toEqual(codes);
    expect(file).toContain(email);
    // On paper: the codes and whose they are, and nothing to press.
    await page.emulateMedia({ media: 'print' });
    expect(
      await page
        .locator('.codes, .codes-box .hint')
        .evaluateAll((all) => all.map((one) => (one as { offsetHeight: number }).offsetHeight > 0)),
    ).toEqual([true, true]);
    expect(await page.getByRole('button').count()).toBe(0);
    await page.emulateMedia({ media: null });
    // What sent the code sends it again, and nothing is made or shown anew.
    await page.reload();
    expect(await page.locator('h1').innerText()).toBe(t('pages.twoFactor.shownHeading'));
    expect(await page.locator('.codes').count()).toBe(0);
    await inspect(page, language);
    await page.getByRole('link', { name: t('pages.twoFactor.cancel') }).click();
    await page.locator('#firstName').fill('');
    await page.locator('#firstName').press('Control+V');
    expect(await page.locator('#firstName').inputValue()).toBe(codes.join(' '));
    expect(await section.innerText()).toContain(t('pages.twoFactor.codesLeft', { count: 10 }));
    await inspect(page, language);
  });
});

describe('without JavaScript', () => {
  async function halfWay(email: string, next = '/profile'): Promise<Visitor> {
    const person = visitor(usher);
    const reply = await post(person, '/sign-in', { login: email, password: goodPassword, next });
    expect(reply.headers['location']).toBe(`/sign-in/code?next=${encodeURIComponent(next)}`);
    return person;
  }

  test('the code page leads where one wanted to go, and nowhere else', async () => {
    await signedInPerson(usher, organization, 'next@pages.test');
    const next = '/invitations/open/00000000-0000-4000-8000-000000000000';
    const person = await halfWay('next@pages.test', next);
    expect((await person.call('GET', '/profile')).headers['location']).toBe('/sign-in?next=%2Fprofile');
    const code = await mailedCode(usher, 'next@pages.test', 2);
    expect((await post(person, '/sign-in/code', { code, next })).headers['location']).toBe(next);
    const other = await halfWay('next@pages.test');
    const fields = { code: await mailedCode(usher, 'next@pages.test', 3), next: 'https://evil.test/' };
    expect((await post(other, '/sign-in/code', fields)).headers['location']).toBe('/profile');
  });

  test('without a password before it, the code page leads to the sign-in', async () => {
    const nobody = visitor(usher);
    for (const reply of [
      await nobody.call('GET', '/sign-in/code'),
      await post(nobody, '/sign-in/code', { code: '123456' }),
      await post(nobody, '/sign-in/code/new'),
    ])
      expect(reply.headers['location']).toBe('/sign-in');
    const foreign = { headers: { ...headers, origin: 'https://evil.test' } };
    for (const path of ['/sign-in/code', '/sign-in/code/new', '/profile/two-factor', '/profile/two-factor/app'])
      expect((await nobody.call('POST', path, 'code=123456', foreign)).status).toBe(403);
  });

  test('what was typed before is kept on every way back to the name and the password', async () => {
    await signedInPerson(usher, organization, 'kept@pages.test', { role: 'administrator' });
    const kept = JSON.stringify({ path: '/console/invite', fields: [['message', 'Line one\nLine "two" <b>']] });
    const login = { login: 'kept@pages.test', password: goodPassword, next: '/console', kept };
    const shows = (reply: Reply, status: number) => {
      expect([reply.status, heading(reply), hiddenField(reply, 'kept')]).toEqual([status, 'Sign in', kept]);
      expect(hiddenField(reply, 'next')).toBe('/console');
      expect(reply.text).toContain('what you typed is kept');
    };
    const person = visitor(usher);
    const page = await post(person, '/sign-in', login);
    const other = elementsOf(page.text).find(({ attributes }) => attributes['action'] === '/sign-in/code/other');
    expect(other?.name).toBe('form');
    expect(elementsOf(page.text).some(({ attributes }) => attributes['href']?.startsWith('/sign-in?'))).toBe(false);
    expect(hiddenFields(page.text)['kept']?.every((text) => text === kept)).toBe(true);
    shows(await post(person, '/sign-in/code/other', { next: '/console', kept }), 200);
    // After half an hour nobody is half signed in any more.
    for (const [path, fields] of [
      ['/sign-in/code', { code: '123456' }],
      ['/sign-in/code/new', {}],
    ] as const) {
      const late = visitor(usher);
      await post(late, '/sign-in', login);
      await setClock(usher, moved(new Date(), 31 * 60_000));
      shows(await post(late, path, { ...fields, next: '/console', kept }), 401);
      await setClock(usher, null);
    }
    const planted = JSON.stringify({ path: 'https://evil.test/', fields: [['a', 'b']] });
    const refused = await post(visitor(usher), '/sign-in/code/other', { kept: planted });
    expect([refused.status, refused.headers['location']]).toEqual([303, '/sign-in']);
  });

  test('after five wrong codes the page says how long to wait', async () => {
    await signedInPerson(usher, organization, 'wait@pages.test');
    const person = await halfWay('wait@pages.test');
    for (let guess = 0; guess < 5; guess += 1)
      expect((await post(person, '/sign-in/code', { code: 'x' })).status).toBe(401);
    const stopped = await post(person, '/sign-in/code', { code: await mailedCode(usher, 'wait@pages.test', 2) });
    expect([stopped.status, stopped.text.includes('Too many wrong codes. Wait an hour')]).toEqual([429, true]);
    expect(Number(stopped.headers['retry-after'])).toBeGreaterThan(0);
  });

  test('the profile switches between app, mail and none, as far as the organization allows', async () => {
    const free = await signedInPerson(usher, optional, 'free@pages.test');
    const methods = (reply: Reply) =>
      elementsOf(reply.text).flatMap(({ attributes }) =>
        attributes['name'] === 'method' ? [attributes['value']] : [],
      );
    expect(methods(await free.call('GET', '/profile'))).toEqual(['email']);
    expect((await post(free, '/profile/two-factor', { method: 'email' })).headers['location']).toBe(
      '/profile?done=factor',
    );
    expect(methods(await free.call('GET', '/profile'))).toEqual(['none']);
    await setUpApp(free, new Date());
    expect(methods(await free.call('GET', '/profile'))).toEqual(['email', 'none']);
    expect((await post(free, '/profile/two-factor', { method: 'none' })).status).toBe(303);
    expect((await free.call('GET', '/v1/me/two-factor')).body).toEqual({ method: 'none' });
    const bound = await signedInPerson(usher, organization, 'bound@pages.test');
    expect(methods(await bound.call('GET', '/profile'))).toEqual([]);
    expect((await post(bound, '/profile/two-factor', { method: 'none' })).status).toBe(409);
  });

  test('whoever has an app gets new recovery codes, which are shown once, after a fresh sign-in', async () => {
    const person = await signedInPerson(usher, optional, 'codes@pages.test');
    const path = '/profile/two-factor/recovery-codes';
    expect((await person.call('GET', '/profile')).text).not.toContain(path);
    const app = await setUpApp(person, new Date());
    const profile = await person.call('GET', '/profile');
    expect(profile.text).toContain('Recovery codes left: 10');
    expect(profile.text).toContain(`action="${path}"`);
    const epoch = hiddenField(profile, 'epoch');
    // A form that says not which codes it means to replace is asked once more.
    expect([(await post(person, path)).status, (await post(person, path, { epoch: 'x' })).status]).toEqual([409, 409]);
    const renewed = await post(person, path, { epoch });
    expect([renewed.status, renewed.headers['cache-control'], heading(renewed)]).toEqual([
      200,
      'no-store',
      'Keep your recovery codes',
    ]);
    const codes = elementsOf(renewed.text).flatMap(({ name, text }) => (name === 'code' ? [text] : []));
    expect(codes).toHaveLength(10);
    expect(codes).not.toContain(app.recoveryCodes[0]);
    expect(renewed.text).toContain('Your earlier recovery codes have ended.');
    expect((await person.call('GET', '/profile?done=codes')).text).toContain('You have new recovery codes.');
    // Loaded again, the page makes none and shows none: those that it has shown go on.
    const reloaded = await post(person, path, { epoch });
    expect([reloaded.status, heading(reloaded)]).toEqual([409, 'Your recovery codes are not shown again']);
    expect(elementsOf(reloaded.text).filter(({ name }) => name === 'code')).toEqual([]);
    expect((await person.call('GET', '/v1/me/two-factor/recovery-codes')).body).toEqual({ left: 10 });
    await person.signIn('codes@pages.test');
    expect((await person.giveCode(codes[0] ?? '')).status).toBe(200);
    const anew = await post(person, path, { epoch: hiddenField(reloaded, 'epoch') });
    expect([anew.status, elementsOf(anew.text).filter(({ name }) => name === 'code').length]).toEqual([200, 10]);
    // The file is what the page sends, and nothing else can be made one.
    const file = await post(person, `${path}/download`, { codes: codes.join(' ') });
    expect(file.headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'content-disposition': 'attachment; filename="usher-recovery-codes.txt"',
      'cache-control': 'no-store',
    });
    for (const text of [
      '',
      `${codes[0]} <script>`,
      Array<string>(21)
        .fill(codes[0] ?? '')
        .join(' '),
    ])
      expect((await post(person, `${path}/download`, { codes: text })).status).toBe(404);
    await setClock(usher, moved(new Date(), 11 * 60_000));
    const late = await post(person, path, { epoch: hiddenField(await person.call('GET', '/profile'), 'epoch') });
    expect(late.headers['location']).toBe('/sign-in?again=yes&next=%2Fprofile');
  });

  test('a change long after signing in leads through a new sign-in, and back', async () => {
    const person = await signedInPerson(usher, optional, 'old@pages.test');
    await setClock(usher, moved(new Date(), 11 * 60_000));
    const refused = await post(person, '/profile/two-factor/app');
    expect(refused.headers['location']).toBe('/sign-in?again=yes&next=%2Fprofile%2Ftwo-factor%2Fapp');
    const page = await person.call('GET', refused.headers['location'] ?? '');
    expect([heading(page), page.text.includes('For this change, sign in again')]).toEqual(['Sign in', true]);
    const next = '/profile/two-factor/app';
    const again = await post(person, '/sign-in', { login: 'old@pages.test', password: goodPassword, next });
    expect(again.headers['location']).toBe(next);
    expect((await post(person, next)).status).toBe(200);
    const other = await signedInPerson(usher, optional, 'old2@pages.test');
    await setClock(usher, moved(new Date(), 30 * 60_000));
    expect((await post(other, '/profile/two-factor', { method: 'email' })).headers['location']).toBe(
      '/sign-in?again=yes&next=%2Fprofile',
    );
  });

  test('where the app is required, every page leads to setting it up first', async () => {
    const strict = await usher.createOrganization({ name: 'Strict' }, { twoFactor: 'app' });
    const person: Person = await signedInPerson(usher, strict, 'strict@pages.test');
    for (const path of ['/profile', '/sign-in'])
      expect((await person.call('GET', path)).headers['location']).toBe('/profile/two-factor/app');
    for (const path of ['/profile', '/profile/password', '/profile/two-factor'])
      expect((await post(person, path)).headers['location']).toBe('/profile/two-factor/app');
    const page = await person.call('GET', '/profile/two-factor/app?lang=de');
    expect(page.text).toContain('Ihre Organisation verlangt eine Authenticator-App.');
    expect(page.text).not.toContain('otpauth:');
    // The rest is read in English.
    person.cookies.delete('usher_language');
    const begun = await post(person, '/profile/two-factor/app');
    expect(begun.headers['cache-control']).toBe('no-store');
    const link = elementsOf(begun.text).find(({ attributes }) => attributes['href']?.startsWith('otpauth:'));
    const code = readOtpauth(link?.attributes['href'] ?? '').generate();
    expect(heading(await post(person, '/profile/two-factor/app/confirm', { code }))).toBe('Keep your recovery codes');
    expect((await person.call('GET', '/profile')).status).toBe(200);
  });
});
