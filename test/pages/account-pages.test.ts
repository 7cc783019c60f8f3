import { moved, setClock } from '../support/clock';
import { hiddenFields } from '../support/console-forms';
import { elementsOf } from '../support/html';
import { signedInPerson, type Visitor, visitor } from '../support/people';
import { visit } from '../support/visitor';
import {
  eventually,
  goodPassword,
  type Reply,
  startUsher,
  type TestOrganization,
  type TestUsher,
} from '../support/usher';

let usher: TestUsher;
let home: TestOrganization;
let host: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  home = await usher.createOrganization({ name: 'Home' });
  host = await usher.createOrganization({ name: 'Host', locale: 'de' });
});
afterAll(() => usher.stop());

const headers = { 'content-type': 'application/x-www-form-urlencoded' };
const post = (browser: Visitor, path: string, fields: Record<string, string>): Promise<Reply> =>
  browser.call('POST', path, new URLSearchParams(fields).toString(), { headers });
const heading = (reply: Reply) => elementsOf(reply.text).find(({ name }) => name === 'h1')?.text;

test('an account holder follows the link, signs in and accepts; another account is told so', async () => {
  const ada = await signedInPerson(usher, home, 'ada@example.com');
  const bob = await signedInPerson(usher, home, 'bob@example.com');
  await host.invite({ kind: 'guest', email: 'ada@example.com', locale: 'en' });
  const { token } = await usher.linkFor('ada@example.com', 2);

  const browser = visitor(usher);
  const clean = (await browser.call('GET', `/invitations/${token}`)).headers['location'] ?? '';
  const page = await browser.call('GET', clean);
  expect(heading(page)).toBe('Sign in to accept the invitation');
  const link = elementsOf(page.text).find(
    ({ name, attributes }) => name === 'a' && attributes['class'] === 'button primary',
  );
  expect(link?.attributes['href']).toBe(`/sign-in?next=${encodeURIComponent(clean)}`);

  browser.cookies.set('usher_session', bob.cookies.get('usher_session') ?? '');
  const other = await browser.call('GET', clean);
  expect(other.text).toContain('this invitation is for another account');
  expect((await post(browser, `${clean}/accept`, {})).text).toContain('this invitation is for another account');
  const out = await post(browser, '/sign-out', { next: clean });
  expect(out.headers['location']).toBe(`/sign-in?next=${encodeURIComponent(clean)}`);

  const wrong = await post(browser, '/sign-in', { login: 'ada@example.com', password: 'x', next: clean });
  expect(wrong.status).toBe(401);
  expect(wrong.text).toContain('The name or the password is wrong.');
  const right = await post(browser, '/sign-in', { login: 'ada@example.com', password: goodPassword, next: clean });
  expect([right.status, right.headers['location']]).toEqual([303, clean]);
  expect((await browser.call('GET', clean)).text).toContain('You are signed in as Ada Lovelace.');
  const accepted = await post(browser, `${clean}/accept`, {});
  expect(accepted.headers['location']).toBe(`${clean}/accepted`);
  const last = await browser.call('GET', `${clean}/accepted`);
  expect(heading(last)).toBe('Welcome to Host');
  expect(last.text).toContain('with the account you already use');
  expect((await ada.call('GET', '/v1/me/organizations')).body.items).toHaveLength(2);
});

test('the profile changes names and password, answers invitations and ends sessions', async () => {
  const eve = await signedInPerson(usher, home, 'eve@example.com');
  const elsewhere = visitor(usher);
  await elsewhere.signIn('eve@example.com');
  await host.invite({ kind: 'guest', email: 'eve@example.com' });
  const page = await eve.call('GET', '/profile');
  const actions = elementsOf(page.text).flatMap(({ name, attributes }) =>
    name === 'form' ? [attributes['action'] ?? ''] : [],
  );
  const action = (pattern: RegExp) => actions.find((path) => pattern.test(path)) ?? '';

  const decline = /href="([^"]+\/decline)"/.exec(page.text)?.[1] ?? '';
  expect(heading(await eve.call('GET', decline))).toContain('Host');
  // Nothing is declined by one click.
  expect((await post(eve, decline, { reason: 'No time' })).status).toBe(400);
  for (let times = 0; times < 2; times += 1)
    expect((await post(eve, decline, { reason: 'No time', confirm: 'yes' })).headers['location']).toBe(
      '/profile?done=declined',
    );
  expect((await post(eve, action(/sessions/), {})).headers['location']).toBe('/profile?done=session');
  expect((await elsewhere.call('GET', '/profile')).headers['location']).toBe('/sign-in?next=%2Fprofile');
  const empty = await post(eve, '/profile', { firstName: ' ', lastName: 'Adler' });
  expect([empty.status, empty.text.includes('Enter your first name.')]).toEqual([400, true]);
  expect((await post(eve, '/profile', { firstName: 'Evelyn', lastName: 'Adler' })).status).toBe(303);
  expect(heading(await eve.call('GET', '/profile?done=data&lang=de'))).toBe('Evelyn Adler');
  eve.cookies.delete('usher_language');
  const weak = await post(eve, '/profile/password', { currentPassword: goodPassword, password: 'short' });
  expect([weak.status, /data-rule="length" data-state="unmet"/.test(weak.text)]).toEqual([400, true]);
  const password = 'Spring-Is-Here-9';
  expect((await post(eve, '/profile/password', { currentPassword: 'no', password })).text).toContain(
    'not your current password',
  );
  expect((await post(eve, '/profile/password', { currentPassword: goodPassword, password })).status).toBe(303);
  expect((await eve.call('GET', '/profile?done=password')).text).toContain('Your password has been changed.');
  expect((await visitor(usher).signIn('eve@example.com', password)).status).toBe(200);
});

test('a reason for declining that was typed before the session ended is kept through signing in again', async () => {
  const person = await signedInPerson(usher, home, 'late@example.com');
  await host.invite({ kind: 'guest', email: 'late@example.com' });
  const page = await person.call('GET', '/profile');
  const decline = /href="([^"]+\/decline)"/.exec(page.text)?.[1] ?? '';
  const tooLong = await post(person, decline, { reason: 'x'.repeat(70_000), confirm: 'yes' });
  expect([tooLong.status, elementsOf(tooLong.text).find(({ name }) => name === 'textarea')?.text.length]).toEqual([
    400, 70_000,
  ]);
  await post(person, '/sign-out', {});
  // A password is never kept: the page says that nothing was done.
  const lost = await post(person, '/profile/password', { currentPassword: goodPassword, password: goodPassword });
  expect(lost.headers['location']).toBe('/sign-in?next=%2Fprofile&done=ended');
  const told = await person.call('GET', lost.headers['location'] ?? '');
  expect(told.text).toContain('Your session has ended, and nothing was changed.');
  const ended = await post(person, decline, { reason: 'No time', confirm: 'yes' });
  expect([ended.status, ended.text.includes('what you typed is kept')]).toEqual([401, true]);
  const [next = '', kept = ''] = ['next', 'kept'].map((name) => hiddenFields(ended.text)[name]?.[0]);
  const back = await post(person, '/sign-in', { login: 'late@example.com', password: goodPassword, next, kept });
  const fields = Object.fromEntries(
    Object.entries(hiddenFields(back.text)).map(([name, [value = '']]) => [name, value]),
  );
  const again = await post(person, decline, fields);
  expect(elementsOf(again.text).find(({ name }) => name === 'textarea')?.text).toBe('No time');
  expect((await person.call('GET', '/v1/me/invitations')).body.items).toHaveLength(1);
  expect((await post(person, decline, { reason: 'No time', confirm: 'yes' })).headers['location']).toBe(
    '/profile?done=declined',
  );
});

test('the language that was chosen is kept from page to page, through forms and redirects', async () => {
  await signedInPerson(usher, home, 'tongue@example.com');
  await host.invite({ kind: 'guest', email: 'tongue@example.com', locale: 'en' });
  const { token } = await usher.linkFor('tongue@example.com', 2);
  const languageOf = (reply: Reply) => elementsOf(reply.text).find(({ name }) => name === 'html')?.attributes['lang'];
  const browser = visitor(usher);
  const clean = (await browser.call('GET', `/invitations/${token}?lang=de`)).headers['location'] ?? '';
  expect(clean).toMatch(/\?lang=de$/);
  const invited = await browser.call('GET', clean);
  const link = elementsOf(invited.text).find(({ attributes }) => attributes['href']?.startsWith('/sign-in'));
  expect(link?.attributes['href']).toBe(`/sign-in?lang=de&next=${encodeURIComponent(clean)}`);
  expect(languageOf(await browser.call('GET', link?.attributes['href'] ?? ''))).toBe('de');
  // Nothing in these addresses says so.
  const next = '/profile';
  expect(languageOf(await post(browser, '/sign-in', { login: 'tongue@example.com', password: 'x', next }))).toBe('de');
  const signedIn = await post(browser, '/sign-in', { login: 'tongue@example.com', password: goodPassword, next });
  expect(signedIn.headers['location']).toBe('/profile');
  expect(languageOf(await browser.call('GET', '/profile'))).toBe('de');
  const out = await post(browser, '/sign-out', { next });
  expect(languageOf(await browser.call('GET', out.headers['location'] ?? ''))).toBe('de');
  for (const path of ['/', '/forgot-password', clean.replace(/\?.*/, '')])
    expect([path, languageOf(await browser.call('GET', path))]).toEqual([path, 'de']);
  expect(languageOf(await browser.call('GET', '/forgot-password?lang=en'))).toBe('en');
  expect(languageOf(await browser.call('GET', '/sign-in'))).toBe('en');
});

test('the profile names devices and addresses as people know them', async () => {
  const agent =
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36';
  const person = await signedInPerson(usher, home, 'device@example.com');
  await person.call(
    'POST',
    '/v1/auth/sign-in',
    { login: 'device@example.com', password: goodPassword },
    { headers: { 'user-agent': agent } },
  );
  await usher.owner.raw(
    `update sessions set sess = jsonb_set(sess::jsonb, '{ip}', '"::ffff:192.0.2.7"')::json where account_id = ?`,
    [person.id],
  );
  const { text } = await person.call('GET', '/profile');
  expect(text).toContain('Chrome on Windows');
  expect(text).toContain('192.0.2.7 ·');
  expect(text).not.toMatch(/Mozilla|::ffff/);
  expect(text.match(/Europe\/Berlin/g)).toHaveLength(1);
});

test('signing in leads to our own pages only, and forms of other sites are refused', async () => {
  await signedInPerson(usher, home, 'max@example.com');
  for (const next of [
    'https://evil.test/',
    '//evil.test',
    '/\\evil.test',
    'javascript:alert(1)',
    '/v1/auth/sign-out',
  ]) {
    const reply = await post(visitor(usher), '/sign-in', { login: 'max@example.com', password: goodPassword, next });
    expect(reply.headers['location']).toBe('/profile');
  }
  const foreign = { headers: { ...headers, origin: 'https://evil.test' } };
  expect((await visitor(usher).call('POST', '/sign-in', 'login=max', foreign)).status).toBe(403);
  expect((await visitor(usher).call('GET', '/sign-out')).text).toContain('You are signed out');
});

test('the look of an organization goes with whoever opened its link, and with nobody else', async () => {
  const look = await usher.createOrganization({ name: 'Lichtblick' });
  await look.call('PUT', '/branding', { colour: '#ffdd00' });
  await signedInPerson(usher, look, 'looker@example.com');
  await signedInPerson(usher, home, 'lena@example.com');
  await look.invite({ kind: 'guest', email: 'lena@example.com', locale: 'en' });
  const { token } = await usher.linkFor('lena@example.com', 2);
  const shows = ({ html }: { html: string }) => [html.includes('Lichtblick'), html.includes('/brand/ffdd00.css')];
  const [yes, no] = [
    [true, true],
    [false, false],
  ];

  // Signing in for an invitation, and what lies on the way.
  const invited = visit(usher, { 'Accept-Language': 'en' });
  const page = await invited.get(`/invitations/${token}`);
  const next = page.path;
  const signIn = `/sign-in?next=${encodeURIComponent(next)}`;
  const plain = (html: string) => html.replaceAll('&#x3D;', '=');
  expect(plain(page.html)).toContain(`href="${signIn}"`);
  const signingIn = await invited.get(signIn);
  expect(shows(signingIn)).toEqual(yes);
  expect(signingIn.text).toContain('Sign in to answer the invitation to Lichtblick.');
  expect(shows(await invited.post('/sign-in', { login: 'x', password: 'x', next }))).toEqual(yes);
  const forgot = `/forgot-password?next=${encodeURIComponent(next)}`;
  expect(plain(signingIn.html)).toContain(`href="${forgot}"`);
  const asking = await invited.get(forgot);
  expect(shows(asking)).toEqual(yes);
  expect(shows(await invited.post(asking.action(), { email: 'looker@example.com' }))).toEqual(yes);
  const stranger = visit(usher);
  for (const path of [signIn, forgot]) expect(shows(await stranger.get(path))).toEqual(no);
  for (const path of [
    '/sign-in',
    '/sign-in?done=reset',
    '/forgot-password',
    signIn.replace(/.$/, (end) => (end === '0' ? '1' : '0')),
  ])
    expect(shows(await invited.get(path))).toEqual(no);

  // A new password: the link, what is left of it once it was used, and what it led to; a forged one tells nothing.
  const [, mail] = await usher.mail.waitForMail('looker@example.com', 2);
  const reset = /http:\/\/usher.test(\/reset-password\/\S+)/.exec(mail?.parsed.text ?? '')?.[1] ?? '';
  const holder = visit(usher);
  const resetting = await holder.get(reset);
  expect(shows(resetting)).toEqual(yes);
  const forged = `${reset.slice(0, -30)}${'A'.repeat(20)}${reset.slice(-10)}`;
  const dead = await visit(usher).get(forged);
  expect([dead.status, shows(dead)]).toEqual([410, no]);
  const used = await holder.post(resetting.action(), { password: 'Spring-Is-Here-9' });
  expect([used.path, shows(used)]).toEqual(['/sign-in?done=reset', yes]);
  for (const path of ['/reset-password/open', reset]) {
    const late = await holder.get(path);
    expect([path, late.status, shows(late)]).toEqual([path, 410, yes]);
  }
  const elsewhere = await visit(usher).get(reset);
  expect([elsewhere.status, shows(elsewhere)]).toEqual([410, no]);

  // A new address: the page that asks, and the link after its time.
  const person = visitor(usher);
  await person.signIn('looker@example.com', 'Spring-Is-Here-9');
  await person.call('PUT', '/v1/me/email', { currentPassword: 'Spring-Is-Here-9', email: 'looked@example.com' });
  const [confirmation] = await usher.mail.waitForMail('looked@example.com');
  const confirm = /http:\/\/usher.test(\/confirm-email\/\S+)/.exec(confirmation?.parsed.text ?? '')?.[1] ?? '';
  expect(shows(await visit(usher).get(confirm))).toEqual(yes);
  await setClock(usher, moved(new Date(), 3_700_000));
  try {
    const expired = await visit(usher).get(confirm);
    expect([expired.status, shows(expired)]).toEqual([410, yes]);
  } finally {
    await setClock(usher, null);
  }
});

test('a forgotten password: ask, follow the link, choose, sign in; the token is in no address that stays', async () => {
  await signedInPerson(usher, home, 'forgetful@example.com');
  const browser = visitor(usher);
  const asked = await post(browser, '/forgot-password', { email: 'forgetful@example.com' });
  const unknown = await post(visitor(usher), '/forgot-password', { email: 'nobody@example.com' });
  expect([asked.status, asked.text]).toEqual([unknown.status, unknown.text]);
  expect((await post(browser, '/forgot-password', { email: 'no address' })).status).toBe(400);
  const [, mail] = await usher.mail.waitForMail('forgetful@example.com', 2);
  const path = /http:\/\/usher.test(\/reset-password\/\S+)/.exec(mail?.parsed.text ?? '')?.[1] ?? '';
  const followed = await browser.call('GET', path);
  expect(followed.headers['location']).toBe('/reset-password/open');
  expect(followed.headers['referrer-policy']).toBe('no-referrer');
  expect(heading(await browser.call('GET', '/reset-password/open'))).toBe('Choose a new password');
  const weak = await post(browser, '/reset-password/open', { password: 'short' });
  expect([weak.status, /data-rule="length" data-state="unmet"/.test(weak.text)]).toEqual([400, true]);
  const password = 'Spring-Is-Here-9';
  const done = await post(browser, '/reset-password/open', { password });
  expect(done.headers['location']).toBe('/sign-in?done=reset');
  expect((await browser.call('GET', '/sign-in?done=reset')).text).toContain('Your new password is set.');
  await browser.call('GET', path);
  expect((await browser.call('GET', '/reset-password/open')).status).toBe(410);
  expect((await post(browser, '/sign-in', { login: 'forgetful@example.com', password })).status).toBe(303);
});

test('a new address is confirmed by pressing a button, not by opening the link', async () => {
  const person = await signedInPerson(usher, home, 'mover@example.com');
  await person.call('PUT', '/v1/me/email', { currentPassword: goodPassword, email: 'moved@example.com' });
  const [mail] = await usher.mail.waitForMail('moved@example.com');
  const path = /http:\/\/usher.test(\/confirm-email\/\S+)/.exec(mail?.parsed.text ?? '')?.[1] ?? '';
  const browser = visitor(usher);
  browser.cookies.set('usher_session', person.cookies.get('usher_session') ?? '');
  await browser.call('GET', path);
  const page = await browser.call('GET', '/confirm-email/open');
  expect(page.text).toContain('moved@example.com');
  expect(page.text).not.toContain('You are not signed in');
  expect((await person.call('GET', '/v1/me')).body.email).toBe('mover@example.com');
  expect((await post(browser, '/confirm-email/open', {})).headers['location']).toBe('/sign-in?done=confirmed');
  const told = await browser.call('GET', '/sign-in?done=confirmed');
  expect(told.headers['location']).toBe('/profile?done=confirmed');
  expect((await browser.call('GET', '/profile?done=confirmed')).text).toContain('Your new email address is confirmed.');
  expect((await person.call('GET', '/v1/me')).body.email).toBe('moved@example.com');
  expect((await post(browser, '/confirm-email/open', {})).status).toBe(410);
});

test('who confirms an address without being signed in is told whose account it is, and chooses a password there', async () => {
  const trojan = await signedInPerson(usher, home, 'trojan@example.com', { username: 'trojan' });
  await trojan.call('PUT', '/v1/me/email', { currentPassword: goodPassword, email: 'victim@example.com' });
  const [mail] = await usher.mail.waitForMail('victim@example.com');
  expect(mail?.parsed.text).toContain('Username of the account: trojan');
  expect(mail?.parsed.text).toContain('Home organization of the account: Home');
  const path = /http:\/\/usher.test(\/confirm-email\/\S+)/.exec(mail?.parsed.text ?? '')?.[1] ?? '';
  const browser = visit(usher);
  const page = await browser.get(path);
  for (const words of ['victim@example.com', 'Username: trojan', 'Home organization: Home', 'You are not signed in'])
    expect(page.text).toContain(words);
  const choosing = await browser.post('/confirm-email/open');
  expect([choosing.path, choosing.heading]).toEqual(['/reset-password/open', 'Choose a new password']);
  expect((await trojan.call('GET', '/v1/me')).status).toBe(401);
  expect((await visitor(usher).signIn('trojan')).body.code).toBe('SIGN_IN_FAILED');
  const password = 'Spring-Is-Here-9';
  expect((await browser.post('/reset-password/open', { password })).path).toBe('/sign-in?done=reset');
  expect((await visitor(usher).signIn('victim@example.com', password)).status).toBe(200);
});

test('E8: an expired link leads back in by one button, and the password that is chosen by mail', async () => {
  const weeks = await usher.createOrganization({ name: 'Weeks', preset: '28-days' });
  const email = 'late-comer@example.com';
  const expiresAt = new Date(Date.now() + 1_500).toISOString();
  await weeks.invite({ email, firstName: 'Late', lastName: 'Comer', locale: 'en', expiresAt });
  const { url } = await usher.linkFor(email);
  const of = async () => (await weeks.call('GET', `/users?q=${email}`)).body.items[0].status as string;
  await eventually(of, (status) => status === 'inactive');
  const browser = visit(usher);
  const dead = await browser.get(url);
  expect([dead.status, dead.heading]).toEqual([410, 'This invitation has expired']);
  const sent = await browser.post(dead.action(), { email: hiddenFields(dead.html)['email']?.[0] ?? '' });
  expect([sent.path, sent.heading]).toEqual(['/forgot-password', 'Look into your mailbox']);
  const mails = await usher.mail.waitForMail(email, 2);
  const reset = /http:\/\/usher.test(\/reset-password\/\S+)/.exec(mails.at(-1)?.parsed.text ?? '')?.[1] ?? '';
  const page = await visit(usher).get(reset);
  expect(page.heading).toBe('Choose a new password');
  const choosing = visit(usher);
  await choosing.get(reset);
  expect((await choosing.post('/reset-password/open', { password: goodPassword })).path).toBe('/sign-in?done=reset');
  expect(await of()).toBe('active');
});

test('who signs in without a wish lands where they belong, and the start page says who is there', async () => {
  const boss = await signedInPerson(usher, home, 'boss@example.com', { role: 'administrator', firstName: 'Grace' });
  const aide = await signedInPerson(usher, home, 'aide@example.com', { role: 'staff' });
  const member = await signedInPerson(usher, home, 'member@example.com');
  for (const [person, place] of [
    [boss, '/console'],
    [aide, '/console'],
    [member, '/profile'],
  ] as const) {
    const fresh = visitor(usher);
    const page = await fresh.call('GET', '/sign-in');
    const next = hiddenFields(page.text)['next']?.[0] ?? '';
    const signIn = (to: string) =>
      post(fresh, '/sign-in', { login: person.email, password: goodPassword, next: to }).then(
        (reply) => reply.headers['location'],
      );
    expect([person.email, await signIn(next)]).toEqual([person.email, place]);
    expect((await fresh.call('GET', '/sign-in?lang=de')).headers['location']).toBe(`${place}?lang=de`);
    // What somebody has asked for counts.
    expect(await signIn('/profile')).toBe('/profile');
    const start = await fresh.call('GET', '/?lang=en');
    const links = elementsOf(start.text).flatMap(({ attributes }) => attributes['href'] ?? []);
    expect(start.text).toContain(`You are signed in as ${person === boss ? 'Grace' : 'Ada'} Lovelace.`);
    expect(links).toEqual(expect.arrayContaining([`${place}?lang=en`, '/sign-out?lang=en']));
    expect(links.some((href) => href.startsWith('/sign-in'))).toBe(false);
  }
  const nobody = await visitor(usher).call('GET', '/');
  expect(nobody.text).not.toContain('You are signed in');
  expect(elementsOf(nobody.text).some(({ attributes }) => attributes['href'] === '/sign-in')).toBe(true);
});

test('A3: an invitation in the profile says who invites and why, letter for letter', async () => {
  const inviter = await signedInPerson(usher, host, 'mara@example.com', {
    role: 'administrator',
    firstName: 'Mara',
    lastName: 'Lindqvist',
  });
  const invited = await signedInPerson(usher, home, 'invited@example.com');
  const message = 'Come along,\n<b>bring</b> {{everything}}';
  const body = { kind: 'guest', email: 'invited@example.com', message };
  expect((await inviter.call('POST', `/v1/organizations/${host.id}/invitations`, body)).status).toBe(201);
  const { text } = await invited.call('GET', '/profile?lang=en');
  const elements = elementsOf(text);
  expect(elements.some((element) => element.name === 'p' && element.text === 'from Mara Lindqvist')).toBe(true);
  const quote = elements.find(({ name }) => name === 'blockquote');
  expect([quote?.text, quote?.attributes['dir']]).toEqual([message, 'auto']);
  expect(text).not.toContain('<b>bring');
  // A key has no name, and the organization stands there already.
  const keyed = await signedInPerson(usher, home, 'keyed@example.com');
  await host.invite({ kind: 'guest', email: 'keyed@example.com' });
  const plain = await keyed.call('GET', '/profile?lang=en');
  expect([/>from /.test(plain.text), plain.text.includes('<blockquote')]).toEqual([false, false]);
});

test('who comes in by a forgotten password is told whose invitation that accepts', async () => {
  await host.invite({ email: 'newcomer@example.com', locale: 'en' });
  await usher.mail.waitForMail('newcomer@example.com');
  await post(visitor(usher), '/forgot-password', { email: 'newcomer@example.com' });
  const [, mail] = await usher.mail.waitForMail('newcomer@example.com', 2);
  const words = 'With the new password you accept the invitation of Host and become one of its members.';
  expect(mail?.parsed.text).toContain(words);
  const path = /http:\/\/usher.test(\/reset-password\/\S+)/.exec(mail?.parsed.text ?? '')?.[1] ?? '';
  const page = await visit(usher, { 'Accept-Language': 'en' }).get(path);
  expect(page.text).toContain(words);
});

test.each([
  ['/sign-in', 200, '/sign-in'],
  ['/forgot-password', 200, '/forgot-password'],
  ['/profile', 200, '/sign-in?next=%2Fprofile'],
  ['/sign-out', 200, '/sign-out'],
  ['/reset-password/nonsense', 410, '/reset-password/open'],
  ['/confirm-email/nonsense', 410, '/confirm-email/open'],
])('a browser that goes to %s finds a page that nobody keeps a copy of', async (path, status, at) => {
  const page = await visit(usher).get(path);
  expect([page.status, page.path]).toEqual([status, at]);
  expect(page.headers.get('content-type')).toMatch(/^text\/html/);
  expect(page.headers.get('cache-control')).toBe('no-store');
});

test('a browser that goes to no page of ours is told so in words, also below the account pages', async () => {
  for (const path of ['/nowhere', '/profile/nowhere', '/sign-in/nowhere']) {
    const page = await visit(usher).get(path);
    expect(page.status).toBe(404);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
  }
  const program = await usher.call('GET', '/nowhere', undefined, { key: null });
  expect(program.body.code).toBe('NOT_FOUND');
});

test('what was done while somebody looked at their profile is told there, and nothing breaks', async () => {
  const person = await signedInPerson(usher, home, 'looking@example.com');
  await host.invite({ kind: 'guest', email: 'looking@example.com' });
  const page = await person.call('GET', '/profile');
  const find = (pattern: RegExp, { text }: Reply) => pattern.exec(text)?.[1] ?? '';
  const accept = find(/action="([^"]+\/accept)"/, page);
  const { body } = await person.call('GET', '/v1/me/invitations');
  const id = body.items[0].id as string;
  await host.call('POST', `/invitations/${id}/cancel`);
  const decline = accept.replace(/accept$/, 'decline');
  expect((await post(person, accept, {})).headers['location']).toBe('/profile?done=gone');
  expect((await post(person, decline, { confirm: 'yes' })).headers['location']).toBe('/profile?done=gone');
  expect((await person.call('GET', decline)).headers['location']).toBe('/profile?done=gone');
  expect((await person.call('GET', '/profile?done=gone')).text).toContain('That invitation is not open any more');

  await host.invite({ kind: 'guest', email: 'looking@example.com' });
  const open = find(/action="([^"]+\/accept)"/, await person.call('GET', '/profile'));
  expect((await post(person, open, {})).headers['location']).toBe('/profile?done=accepted');
  const joined = await person.call('GET', '/profile');
  await host.call('DELETE', `/guests/${person.id}`);
  const [leave, switchTo] = [find(/href="([^"]+\/leave)"/, joined), find(/action="([^"]+\/switch)"/, joined)];
  expect((await person.call('GET', leave)).headers['location']).toBe('/profile?done=outside');
  expect((await post(person, leave, {})).headers['location']).toBe('/profile?done=left');
  expect((await post(person, switchTo.replace(home.id, host.id), {})).headers['location']).toBe(
    '/profile?done=outside',
  );
  expect((await person.call('GET', '/profile?done=outside')).text).toContain('You do not belong to that organization');
});

test('an invitation that cannot exist is one that does not exist', async () => {
  const person = await signedInPerson(usher, home, 'nobody-invited@example.com');
  for (const answer of ['accept', 'decline'])
    expect((await post(person, `/profile/invitations/xyz/${answer}`, {})).status).toBe(404);
});
