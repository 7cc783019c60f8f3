import type { Page } from 'playwright-core';
import { translator } from '../../i18n';
import { readOtpauth } from '../support/authenticator';
import { accessibilityFaults, launchBrowser, type TestBrowser } from '../support/browser';
import { activeParts, formOn, hostileTexts, look, windowOf } from '../support/console-screens';
import { elementsOf } from '../support/html';
import { type Person, signedInPerson } from '../support/people';
import { png } from '../support/pictures';
import { eventually, goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

const t = translator('en');
const slowly = 30_000;
const newPassword = 'Spring-Is-Here-9';

let usher: TestUsher;
let browser: TestBrowser;
let weeks: TestOrganization;
let staff: Person;
beforeAll(async () => {
  usher = await startUsher();
  browser = await launchBrowser(usher);
  weeks = await usher.createOrganization({ name: 'Institute', preset: '28-days' });
  staff = await signedInPerson(usher, weeks, 'staff@institute.test', { role: 'staff' });
});
afterAll(async () => {
  await browser.close();
  await usher.stop();
});
afterEach(() => expect(browser.complaints.splice(0)).toEqual([]));

const url = (path: string) => `${usher.env['USHER_BASE_URL']}${path}`;
const heading = async (page: Page): Promise<string> => (await page.locator('h1').innerText()).trim();
const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });
const userOf = async (organization: TestOrganization, email: string) =>
  (await organization.call('GET', `/users?q=${encodeURIComponent(email)}`)).body.items[0];

async function fresh(options = {}): Promise<Page> {
  const page = await browser.person(options);
  page.setDefaultTimeout(slowly);
  return page;
}

async function enter(person: Person): Promise<Page> {
  const page = await windowOf(browser, person);
  page.setDefaultTimeout(slowly);
  return page;
}

async function signIn(page: Page, login: string, password = goodPassword): Promise<void> {
  await page.fill('#login', login);
  await page.fill('#password', password);
  await page.getByRole('button', { name: t('pages.signIn.submit'), exact: true }).click();
  await page.waitForURL((address) => address.pathname !== '/sign-in');
}

/** Somebody who did not come in time. */
async function sleeper(email: string): Promise<string> {
  await weeks.invite({ email, firstName: 'Rip', lastName: 'Winkle', expiresAt: in1500ms() });
  const user = await eventually(
    () => userOf(weeks, email),
    ({ status }) => status === 'inactive',
  );
  return user.id as string;
}
const in1500ms = () => new Date(Date.now() + 1_500).toISOString();

async function resetLink(email: string, count: number): Promise<string> {
  const mails = await usher.mail.waitForMail(email, count);
  return /http\S+\/reset-password\/[\w-]+/.exec(mails.at(-1)?.parsed.text ?? '')?.[0] ?? '';
}

async function chooseAndSignIn(page: Page, link: string, email: string): Promise<void> {
  await page.goto(link);
  expect(await page.locator('main').innerText()).toContain(
    t('pages.resetPassword.joins', { organizationName: 'Institute' }),
  );
  await page.fill('#password', newPassword);
  await button(page, t('pages.resetPassword.submit')).click();
  await page.getByText(t('pages.signIn.reset')).waitFor();
  await signIn(page, email, newPassword);
}

test('E9: staff reactivate by hand after a warning; the person chooses a password and signs in the same day', async () => {
  const email = 'rip@institute.test';
  const id = await sleeper(email);
  const page = await enter(staff);
  await page.goto(url(`/console/users/${id}`));
  await page
    .getByRole('link', { name: t('console.userActions.reactivate.label') })
    .or(page.getByRole('link', { name: t('console.userActions.activate.label'), exact: true }))
    .click();
  expect(await page.locator('main').innerText()).toContain('before 24:00 in the time zone of the organization');
  expect(await page.locator('.warning').innerText()).toContain(t('console.userActions.reactivate.better'));
  expect(await look(page)).toEqual([]);
  await button(page, t('console.userActions.reactivate.label')).click();
  await page.locator('.notice', { hasText: t('console.user.reactivated') }).waitFor();

  const person = await fresh();
  await chooseAndSignIn(person, await resetLink(email, 2), email);
  expect(await userOf(weeks, email)).toMatchObject({ id, status: 'active', reactivationDeadline: null });
  await page.reload();
  expect(await page.locator('.notice', { hasText: t('console.user.reactivated') }).count()).toBe(0);
});

test('E8: who did not come in time comes back alone, by “Forgot password”', async () => {
  const email = 'alone@institute.test';
  await sleeper(email);
  const person = await fresh();
  await person.goto(url('/sign-in'));
  await person.getByRole('link', { name: t('pages.signIn.forgot') }).click();
  await person.fill('#email', email);
  await button(person, t('pages.forgotPassword.submit')).click();
  await person.getByRole('heading', { name: t('pages.forgotPassword.sentHeading') }).waitFor();
  await chooseAndSignIn(person, await resetLink(email, 2), email);
  expect(await userOf(weeks, email)).toMatchObject({ status: 'active' });
});

test('D2: at the limit the page says who uses the licences and what to do; then the same form goes through', async () => {
  const full = await usher.createOrganization({ name: 'Full House', preset: 'licensed-guests', licences: 2 });
  const admin = await signedInPerson(usher, full, 'admin@full.test', { role: 'administrator' });
  await full.invite({ email: 'waiting@full.test', firstName: 'Wai', lastName: 'Ting' });
  const page = await enter(admin);
  await page.goto(url('/console/invite'));
  expect(await page.locator('aside').innerText()).toContain(t('console.invite.leftOf', { left: 0, of: 2 }));
  await page.check('#kind-0');
  await page.fill('#email', 'third@full.test');
  await page.fill('#firstName', 'Thi');
  await page.fill('#lastName', 'Rd');
  await button(page, t('console.invite.submit')).click();
  await page.getByText(t('errors.NO_SEAT')).first().waitFor();
  expect(await page.locator('main').innerText()).toContain(t('console.help.NO_SEAT'));
  expect(await page.locator('#email').inputValue()).toBe('third@full.test');
  expect(await look(page)).toEqual([]);

  const other = await page.context().newPage();
  other.setDefaultTimeout(slowly);
  await other.goto(url('/console/licences'));
  expect(await other.locator('main').innerText()).toContain(t('console.licences.full'));
  expect(await other.locator('tbody').innerText()).toContain('Ada Lovelace');
  await other.getByRole('link', { name: 'Wai Ting' }).click();
  await other.getByRole('link', { name: t('console.user.toInvitation') }).click();
  await other.getByRole('link', { name: t('console.invitationActions.cancel') }).click();
  await other.getByRole('button', { name: t('console.invitationActions.cancel') }).click();
  await other.waitForURL(/\/console\/invitations\/[0-9a-f-]+$/);

  await button(page, t('console.invite.submit')).click();
  await page.getByRole('heading', { name: 'Thi Rd' }).waitFor();
});

test('B3: an authenticator app is set up from the profile, and a recovery code opens the account once', async () => {
  const email = 'app@institute.test';
  const page = await enter(await signedInPerson(usher, weeks, email));
  await page.goto(url('/profile'));
  await page.getByRole('link', { name: t('pages.twoFactor.setUp') }).click();
  await button(page, t('pages.twoFactor.next')).click();
  const link = await page.getByRole('link', { name: t('pages.twoFactor.open') }).getAttribute('href');
  await page.fill('#code', readOtpauth(link ?? '').generate());
  await button(page, t('pages.twoFactor.confirm')).click();
  await page.getByRole('heading', { name: t('pages.twoFactor.codesHeading') }).waitFor();
  const codes = await page.locator('.codes li').allInnerTexts();
  expect(codes).toHaveLength(10);
  await page.getByRole('link', { name: t('pages.twoFactor.done') }).click();
  await page.getByText(t('pages.profile.done.factor')).waitFor();

  const elsewhere = await fresh();
  for (const works of [true, false]) {
    await elsewhere.context().clearCookies();
    await elsewhere.goto(url('/sign-in'));
    await signIn(elsewhere, email);
    await elsewhere.fill('#code', codes[0] ?? '');
    await button(elsewhere, t('pages.signInCode.submit')).click();
    if (works) await elsewhere.getByText(t('pages.twoFactor.codesLeft', { count: 9 })).waitFor();
    else await elsewhere.locator('#code-error').waitFor();
  }
});

test('A4: a link opened in the wrong account leads to the right one, and the invitation waits', async () => {
  const host = await usher.createOrganization({ name: 'Host', preset: 'guest-portal' });
  await signedInPerson(usher, weeks, 'right@institute.test', { firstName: 'Right', lastName: 'One' });
  const invitation = await host.invite({ kind: 'guest', email: 'right@institute.test' });
  const { url: link } = await usher.linkFor('right@institute.test', 2);
  const page = await enter(staff);
  await page.goto(link);
  expect(await page.locator('.note').innerText()).toContain('this invitation is for another account');
  expect(await button(page, t('pages.acceptSignedIn.submit')).count()).toBe(0);
  await button(page, t('pages.acceptSignedIn.switch')).click();
  await signIn(page, 'right@institute.test');
  await page.getByText(t('pages.acceptSignedIn.as', { name: 'Right One' })).waitFor();
  await button(page, t('pages.acceptSignedIn.submit')).click();
  await page.getByRole('heading', { name: t('pages.accepted.heading', { organizationName: 'Host' }) }).waitFor();
  expect((await host.call('GET', `/invitations/${invitation.id}`)).body.status).toBe('accepted');
  staff = await signedInPerson(usher, weeks, 'staff-2@institute.test', { role: 'staff' });
});

test('C9: the back button after accepting shows that it was answered, and offers nothing to fill in', async () => {
  await weeks.invite({ email: 'back@institute.test', firstName: 'Back', lastName: 'Button' });
  const page = await fresh();
  await page.goto((await usher.linkFor('back@institute.test')).url);
  await page.fill('#password', goodPassword);
  await button(page, t('pages.registration.submit')).click();
  await page.waitForURL('**/accepted*');
  await page.goBack();
  await page.reload();
  expect(await heading(page)).toBe(t('pages.deadLink.answered.heading'));
  expect(await page.locator('form').count()).toBe(0);
  await page.goForward();
  expect(await heading(page)).toBe(t('pages.accepted.heading', { organizationName: 'Institute' }));
  expect((await userOf(weeks, 'back@institute.test')).status).toBe('active');
});

test('E3: the logo and the colour of an organization are on every page behind its links, and nobody else’s', async () => {
  const branded = await usher.createOrganization({ name: 'Gelb & Groß', preset: '21-days' });
  const logo = `data:image/png;base64,${png(120, 40, [20, 90, 60])}`;
  await branded.call('PUT', '/branding', { logo, colour: '#ffdd00', senderName: null });
  const invited = await branded.invite({ email: 'seen@gelb.test', firstName: 'See', lastName: 'N' });
  const { url: link } = await usher.linkFor('seen@gelb.test');
  const style = (page: Page) =>
    page.evaluate<string[]>(
      `['backgroundColor', 'color', 'borderTopColor'].map((name) => getComputedStyle(document.querySelector('.primary'))[name])`,
    );
  const inspect = async (page: Page) => {
    const image = page.locator('main img.logo');
    expect(await image.getAttribute('alt')).toBe('Gelb & Groß');
    expect(await page.evaluate('document.querySelector("main img.logo").naturalWidth')).toBe(120);
    expect(await accessibilityFaults(page)).toEqual([]);
  };
  for (const colorScheme of ['light', 'dark'] as const) {
    const page = await fresh({ colorScheme });
    await page.goto(link);
    await inspect(page);
    const [background, text] = await style(page);
    expect([background, text]).toEqual(['rgb(255, 221, 0)', 'rgb(0, 0, 0)']);
    await page.getByRole('link', { name: t('common.decline') }).click();
    await page.waitForURL('**/decline*');
    await inspect(page);
  }
  const page = await fresh();
  await page.goto(link);
  await usher
    .owner('invitations')
    .where({ id: invited.id })
    .update({ expires_at: new Date(Date.now() - 1_000) });
  await page.reload();
  expect(await heading(page)).toBe(t('pages.deadLink.expired.heading'));
  await inspect(page);
  const sheet = await page.locator('link[href^="/brand/"]').getAttribute('href');
  const served = await usher.call('GET', sheet ?? '', undefined, { key: null });
  expect([served.headers['content-type'], served.headers['cache-control']]).toEqual([
    'text/css; charset=utf-8',
    'public, max-age=31536000, immutable',
  ]);
  for (const wrong of ['/brand/red.css', '/brand/FFDD00.css', '/brand/ffdd00', '/brand/ffdd0;.css'])
    expect([wrong, (await usher.call('GET', wrong, undefined, { key: null })).status]).toEqual([wrong, 404]);

  await weeks.invite({ email: 'plain@institute.test', firstName: 'Pla', lastName: 'In' });
  await page.goto((await usher.linkFor('plain@institute.test')).url);
  expect(await page.locator('main img.logo, link[href^="/brand/"]').count()).toBe(0);
});

test('C2, E3: the preview is in the organization’s own words and colours, for each kind of invitation', async () => {
  const own = await usher.createOrganization({ name: 'Own Words', preset: '21-days' });
  const admin = await signedInPerson(usher, own, 'admin@own.test', { role: 'administrator' });
  const logo = `data:image/png;base64,${png(30, 30)}`;
  await own.call('PUT', '/branding', { logo, colour: '#ffdd00', senderName: null });
  await own.call('PUT', '/email-templates/user-invitation/en', {
    subject: 'Come in',
    html: '<p>Ahoy {{firstName}}, step aboard: <a href="{{link}}">here</a></p><p>{{lines message}}</p>',
    text: '{{link}}',
  });
  const page = await enter(admin);
  await page.goto(url('/console/invite'));
  await page.check('#kind-0');
  await page.fill('#firstName', 'Nemo');
  await page.fill('#message', 'Bring <i>rope</i>');
  const mail = page.frameLocator('iframe[name=preview]');
  await mail.getByText('Ahoy Nemo, step aboard').waitFor();
  await mail.getByText('Bring <i>rope</i>').waitFor();
  // The other kind has no template of its own: the built-in, with logo and colour.
  await page.check('#kind-1');
  await mail.locator('img').waitFor();
  const frame = page.frame({ name: 'preview' });
  expect(await frame?.evaluate('document.querySelector("img").naturalWidth')).toBe(30);
  expect(await mail.locator('body').innerHTML()).toContain('#ffdd00');
});

test('C8: staff ask for a security report on the user’s screen, and it comes by mail', async () => {
  const { id } = await signedInPerson(usher, weeks, 'reported@institute.test', {
    firstName: 'Rae',
    lastName: 'Ported',
  });
  const page = await enter(staff);
  await page.goto(url(`/console/users/${id}`));
  await button(page, t('console.userActions.security-report.label')).click();
  await page.getByText(t('console.notices.securityReportUser', { name: 'Rae Ported' })).waitFor();
  const mails = await eventually(
    () =>
      Promise.resolve(
        usher.mail.messages.filter(({ to, parsed }) => to.includes(staff.email) && parsed.text?.includes('Rae Ported')),
      ),
    ({ length }) => length > 0,
  );
  expect(mails).toHaveLength(1);
});

test('F2: lists of guests, groups, mails and events refresh by themselves', async () => {
  const lively = await usher.createOrganization({ name: 'Lively', preset: 'licensed-guests' });
  const admin = await signedInPerson(usher, lively, 'admin@lively.test', { role: 'administrator' });
  const open = async (path: string) => {
    const page = await enter(admin);
    await page.goto(url(path));
    return page;
  };
  const pages = { guests: await open('/console/guests'), groups: await open('/console/groups') };
  const logs = {
    emails: await open('/console/emails'),
    audit: await open('/console/audit'),
    log: await open('/console/guest-log'),
  };
  const group = (await lively.call('POST', '/groups', { name: 'Newcomers' })).body.id as string;
  await pages.groups.getByRole('link', { name: 'Newcomers' }).waitFor();
  await signedInPerson(usher, lively, 'live@elsewhere.test', {
    kind: 'guest',
    groupIds: [group],
    firstName: 'Liv',
    lastName: 'E',
  });
  for (const page of [pages.guests, logs.log]) await page.getByRole('link', { name: 'Liv E' }).first().waitFor();
  await logs.emails.getByText('live@elsewhere.test').first().waitFor();
  await logs.audit.getByText('invitation.accepted').first().waitFor();
});

test('200 hostile names stay names on the screens of users and invitations', async () => {
  const texts = hostileTexts();
  const zoo = await usher.createOrganization({ name: texts[0], preset: '21-days' });
  const admin = await signedInPerson(usher, zoo, 'admin@zoo.test', { role: 'administrator' });
  const ids: { user: string; invitation: string }[] = [];
  for (let from = 0; from < texts.length; from += 20)
    await Promise.all(
      texts.slice(from, from + 20).map(async (text, index) => {
        const email = `animal-${from + index}@zoo.test`;
        const { id } = await zoo.invite({ email, firstName: 'A', lastName: 'B', send: false });
        const { account_id: account } = await usher.owner('invitations').first('account_id').where({ id });
        // Past the rules for names, as if they had let everything through.
        const names = { first_name: text, last_name: text.slice(0, 60) };
        await usher.owner('accounts').where({ id: account }).update(names);
        await usher
          .owner('invitations')
          .where({ id })
          .update({ ...names, message: text, invited_by_name: text });
        ids.push({ user: account as string, invitation: id as string });
      }),
    );
  let active: string[] = [];
  const seen = async (path: string): Promise<string> => {
    const reply = await admin.call('GET', path);
    if (reply.status !== 200) throw new Error(`${path}: ${reply.status}`);
    expect(reply.text.length).toBeLessThan(100 * 1024);
    active = [...active, ...activeParts(reply)];
    return reply.text;
  };
  for (const list of ['/console/users', '/console/invitations']) {
    let path: string | undefined = list;
    let names = 0;
    while (path) {
      const text = await seen(path);
      names += text.split('hacked').length - 1;
      path = elementsOf(text).find(({ attributes }) => attributes['rel'] === 'next')?.attributes['href'];
    }
    expect(names).toBeGreaterThan(150);
  }
  for (const { user, invitation } of ids.slice(0, 20))
    for (const path of [
      `/console/users/${user}`,
      `/console/users/${user}/edit`,
      `/console/users/${user}/delete`,
      `/console/invitations/${invitation}`,
    ])
      await seen(path);
  const send = await formOn(admin, '/console/invite', '/console/invite');
  for (const text of texts.slice(0, 20)) {
    const reply = await send({
      kind: 'member',
      email: text,
      firstName: text,
      lastName: text,
      username: text,
      message: text,
    });
    expect(reply.status).toBe(400);
    // Its own frame, for the preview, and no other.
    const parts = activeParts(reply);
    expect(parts.filter((part) => part === 'iframe')).toHaveLength(1);
    active = [...active, ...parts.filter((part) => part !== 'iframe')];
  }
  expect(active).toEqual([]);
  const page = await enter(admin);
  for (const path of ['/console/users', '/console/invitations', `/console/users/${ids[0]?.user}`, '/console/invite']) {
    await page.goto(url(path));
    expect([path, await page.evaluate('window.hacked ?? null')]).toEqual([path, null]);
  }
  await page.fill('#firstName', texts[1] ?? '');
  await page.fill('#message', texts[0] ?? '');
  await page.frameLocator('iframe[name=preview]').getByText('<script>window.hacked=1</script>0').first().waitFor();
  expect(await page.evaluate('window.hacked ?? null')).toBeNull();
});

/** What the real parser made of a page that a hostile text could have put there; a policy or not, nothing of it may be. */
const injected = `[
  ...Array.from(document.querySelectorAll('*')).flatMap((element) =>
    Array.from(element.attributes, ({ name }) => name).filter((name) => /^(on|srcdoc$|style$)/i.test(name)),
  ),
  ...Array.from(
    document.querySelectorAll(
      'script:not([src^="/assets/"]), base, style, meta[http-equiv], iframe:not(.mail-preview[sandbox=""]), object, embed, ' +
        'img:not([src^="/"], [src^="data:image/png"]), [href*="script:"], [action*="//"], [formaction*="//"]',
    ),
    ({ outerHTML }) => outerHTML.slice(0, 80),
  ),
  ...('hacked' in window ? ['it ran'] : []),
]`;

test('hostile texts stay texts on every other screen and page and in mails: parsed, in Chromium, and there without a policy', async () => {
  const everyText = hostileTexts();
  const texts = everyText.slice(0, 20);
  const all = texts.join(' ');
  const zoo = await usher.createOrganization({ name: 'Ark', preset: 'licensed-guests', licences: 50 });
  const keeper = await signedInPerson(usher, zoo, 'keeper@ark.test', { role: 'administrator' });
  const groupId = (await zoo.call('POST', '/groups', { name: 'Cage' })).body.id as string;
  const ape = await signedInPerson(usher, zoo, 'ape@ark.test', {
    kind: 'guest',
    groupIds: [groupId],
    sponsorId: keeper.id,
  });
  const member = await signedInPerson(usher, zoo, 'member@ark.test', { groupIds: [groupId] });
  const path = `/organizations/${zoo.id}`;
  // What the rules let through goes all the way, into the mail.
  const lion = await keeper.call('POST', `/v1${path}/invitations`, {
    kind: 'guest',
    email: 'lion@ark.test',
    firstName: texts[1],
    lastName: texts[0],
    message: all,
    groupIds: [groupId],
    userType: texts[2],
    externalId: texts[3],
  });
  expect(lion.status).toBe(201);
  const invitation = lion.body.id as string;
  const { url: link } = await usher.linkFor('lion@ark.test');
  const refusedTemplates: string[] = [];
  const template = `${path}/email-templates/guest-invitation/en`;
  const previews = await Promise.all(
    texts.map(async (text) => {
      const parts = { subject: text, html: `<p>${text} <a href="{{link}}">x</a></p>`, text: `${text} {{link}}` };
      const reply = await keeper.call('POST', `/v1${template}/preview`, parts);
      if (reply.status !== 200) refusedTemplates.push(reply.body.code as string);
      return reply.status === 200 ? (reply.body.html as string) : '';
    }),
  );
  expect(new Set(refusedTemplates)).toEqual(new Set(['BAD_INPUT']));
  const saved = { subject: 'Come', html: '<p><a href="{{link}}">Come</a></p>', text: 'Come: {{link}}' };
  expect((await keeper.call('PUT', `/v1${template}`, saved)).status).toBe(200);

  // Past the rules, as if they had let everything through: everything that has a place for words.
  const of = (table: string, column = 'organization_id', value = zoo.id) =>
    usher.owner(table).where({ [column]: value });
  const put = async (shown: readonly string[]): Promise<void> => {
    const words = shown.join(' ');
    // What an index has a place for is shorter.
    const key = shown.slice(-20).join(' ');
    await of('organizations', 'id').update({ name: words, sender_name: words });
    await of('accounts', 'id', keeper.id).update({ first_name: words, last_name: texts[1] });
    await of('accounts', 'id', ape.id).update({ first_name: words, last_name: texts[2] });
    await of('memberships')
      .update({ user_type: words, external_id: key, permissions: [...shown] })
      .whereNot({ account_id: keeper.id });
    await of('groups')
      .where({ id: groupId })
      .update({ name: key, permissions: [...shown] });
    await of('api_keys').update({ name: words });
    await of('email_templates').update({ subject: words, text: words, actor_name: words });
    await of('guest_log').update({ name: words, email: words, invited_by_name: words });
    await of('invitations').update({
      invited_by_name: words,
      delivery_detail: words,
      user_type: words,
      external_id: key,
      message: words,
    });
    await of('emails').update({
      subject: words,
      text: words,
      html: words,
      detail: words,
      attempts: JSON.stringify([{ at: new Date(), response: words }]),
    });
    await of('suppressed_addresses').delete();
    await usher.owner('suppressed_addresses').insert({
      id: invitation,
      organization_id: zoo.id,
      address: key,
      reason: 'bounce',
      detail: words,
    });
    for (const type of ['invitation.resent', key])
      await usher.owner('audit_events').insert({
        organization_id: zoo.id,
        type,
        actor_type: 'user',
        actor_name: words,
        invitation_id: invitation,
        account_id: ape.id,
        data: JSON.stringify({ [words]: words, generation: 2 }),
        user_agent: words,
      });
  };
  await put(texts);
  const agent = { headers: { 'user-agent': (texts[1] ?? '') + texts[0] } };
  await keeper.call('POST', '/v1/auth/sign-in', { login: 'keeper@ark.test', password: goodPassword }, agent);

  const [mail] = (await zoo.call('GET', `/emails?invitationId=${invitation}`)).body.items as { id: string }[];
  const [key] = (await zoo.call('GET', '/api-keys')).body.items as { id: string }[];
  const editor = '/console/email-templates/guest-invitation/en';
  const screens = [
    ...['/console/users', `/console/users/${ape.id}`, `/console/users/${member.id}`, `/console/users/${keeper.id}`],
    ...['edit', 'delete', 'deactivate', 'reset-two-factor'].map((rest) => `/console/users/${member.id}/${rest}`),
    ...['', '/edit', '/cancel', '/link'].map((rest) => `/console/invitations/${invitation}${rest}`),
    ...['/console/invitations', '/console/invite', '/console/guests', '/console/guest-log', '/console/licences'],
    ...['', '/remove'].map((rest) => `/console/guests/${ape.id}${rest}`),
    ...['/console/groups', ...['', '?find=a', '/edit', '/delete'].map((rest) => `/console/groups/${groupId}${rest}`)],
    ...['/console/emails', `/console/emails/${mail?.id}`, '/console/suppressed-addresses'],
    ...['/console/email-templates', editor, `${editor}/versions`, `${editor}/reset`],
    ...['/console/audit', `/console/audit?person=${encodeURIComponent(texts[2] ?? '')}`],
    ...['/console/settings', '/console/policy', '/console/branding'],
    ...['/console/api-keys', '/console/api-keys/new', `/console/api-keys/${key?.id}/revoke`],
    ...['/profile', `/console/${encodeURIComponent(texts[0] ?? '')}`, link.replace(url(''), '')],
    ...[`/sign-in?next=${encodeURIComponent(texts[6] ?? '')}`, '/profile/two-factor/app'],
  ];
  const framed = new Set(['/console/invite', editor, `/console/emails/${mail?.id}`]);
  const active: string[] = [];
  const unseen: string[] = [];
  const parse = async (word: string) => {
    unseen.splice(0);
    for (const screen of screens) {
      let reply = await keeper.call('GET', screen);
      while (reply.status >= 300 && reply.status < 400)
        reply = await keeper.call('GET', reply.headers['location'] ?? '');
      const parts = activeParts(reply).filter((part) => !(part === 'iframe' && framed.has(screen)));
      active.push(...parts.map((part) => `${screen}: ${part}`));
      if (reply.status >= 500) active.push(`${screen}: ${reply.status}`);
      if (!reply.text.includes(word)) unseen.push(screen);
    }
    expect(active).toEqual([]);
    // The texts were there at all, but on what names nobody.
    expect(unseen).toEqual(screens.slice(-1));
  };
  await parse('hacked');

  // Mails: what was sent, and what templates would send.
  const sent = usher.mail.messages
    .filter(({ to }) => to.includes('lion@ark.test'))
    .map(({ parsed }) => parsed.html || '');
  expect(sent[0]).toContain('&lt;script&gt;');
  for (const html of [...sent, ...previews])
    expect(
      elementsOf(html).filter(
        ({ name, attributes }) =>
          ['script', 'iframe', 'base', 'form', 'svg', 'object'].includes(name) ||
          (name === 'meta' && attributes['http-equiv']?.toLowerCase() === 'refresh') ||
          Object.entries(attributes).some(
            ([key, value]) =>
              /^on|^srcdoc$/i.test(key) || /script:|evil\.test/i.test(/^(href|src|action)$/.test(key) ? value : ''),
          ),
      ),
    ).toEqual([]);

  for (const bypassCSP of [false, true]) {
    // All two hundred, out of whatever they stand in; without a policy there is nothing but the escaping.
    if (bypassCSP) {
      await put(everyText);
      await parse('language) $&amp; %s \\&quot; &lt;!-- --&gt;199');
    }
    const page = await windowOf(browser, keeper, { viewport: { width: 1280, height: 900 }, bypassCSP });
    page.setDefaultTimeout(slowly);
    page.on('dialog', (dialog) => {
      active.push(`${page.url()}: ${dialog.type()}`);
      void dialog.dismiss();
    });
    for (const screen of screens) {
      await page.goto(url(screen), { waitUntil: 'load' });
      active.push(...(await page.evaluate<string[]>(injected)).map((part) => `${screen}: ${part}`));
      // A frame that is filled anew at this moment is asked again.
      const hacked = await eventually(() =>
        Promise.all(page.frames().map((frame) => frame.evaluate<boolean>('"hacked" in window'))),
      );
      if (hacked.includes(true)) active.push(`${screen}: a script ran`);
    }
    await page.context().close();
  }
  expect(active).toEqual([]);
  // A mail that no rule has seen runs nothing in its frame, and loads nothing from there.
  const ofMail = new RegExp(`/emails/${mail?.id}/(preview|x)|about:srcdoc|ERR_BLOCKED_BY_RESPONSE`);
  expect(browser.complaints.splice(0).filter((complaint) => !ofMail.test(complaint))).toEqual([]);
});
