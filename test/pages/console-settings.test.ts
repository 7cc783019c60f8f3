import { randomUUID } from 'node:crypto';
import { launchBrowser, type TestBrowser } from '../support/browser';
import {
  activeParts,
  after,
  formIn,
  formOn,
  hostileTexts,
  inspect,
  look,
  phone,
  textOf,
  variants,
  windowOf,
} from '../support/console-screens';
import { elementsOf } from '../support/html';
import { type Person, signedInPerson, type Visitor, visitor } from '../support/people';
import { png } from '../support/pictures';
import { eventually, type Reply, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let acme: TestOrganization;
let other: TestOrganization;
let browser: TestBrowser;
let chief: Person;
let deputy: Person;
let staff: Person;

beforeAll(async () => {
  usher = await startUsher();
  acme = await usher.createOrganization({ name: 'Acme', licences: 20 });
  other = await usher.createOrganization({ name: 'Other' });
  browser = await launchBrowser(usher);
  chief = await signedInPerson(usher, acme, 'chief@example.com', {
    role: 'administrator',
    firstName: 'Grace',
    lastName: 'Hopper',
  });
  deputy = await signedInPerson(usher, acme, 'deputy@example.com', {
    role: 'administrator',
    firstName: 'Mary',
    lastName: 'Jackson',
  });
  staff = await signedInPerson(usher, acme, 'staff@example.com', {
    role: 'staff',
    firstName: 'Alan',
    lastName: 'Turing',
  });
});
afterAll(async () => {
  await browser.close();
  await usher.stop();
});
afterEach(() => expect(browser.complaints).toEqual([]));

const formHeaders = { 'content-type': 'application/x-www-form-urlencoded' };

/** The form on a page, to be sent elsewhere by another of its buttons. */
async function bodyOf(person: Person, path: string, fields: Record<string, string>): Promise<string> {
  const hidden = elementsOf((await person.call('GET', path)).text).flatMap(({ name, attributes }) =>
    name === 'input' && attributes['type'] === 'hidden' ? [[attributes['name'] ?? '', attributes['value'] ?? '']] : [],
  );
  return new URLSearchParams({ ...Object.fromEntries(hidden), ...fields }).toString();
}

const invitationOf = async (email: string): Promise<string | undefined> =>
  ((await acme.call('GET', `/invitations?q=${email}`)).body as { items: { id: string }[] }).items[0]?.id;

const policyNow = async () => (await acme.call('GET', '/policy')).body as Record<string, unknown>;

test('an administrator changes name, calendar and language; another one who did so meanwhile is not overwritten', async () => {
  const mine = await formOn(chief, '/console/settings', '/console/settings');
  const theirs = await formOn(deputy, '/console/settings', '/console/settings');
  await after(deputy, await theirs({ name: 'Acme Ltd', locale: 'en' }));
  const conflict = await mine({ name: 'Acme Inc', locale: 'de', timeZone: 'Europe/Vienna' });
  expect(conflict.status).toBe(412);
  expect(textOf(conflict, 'main')).toContain('Somebody else has changed this meanwhile');
  expect(conflict.text).toContain('<td data-label="Now saved">Acme Ltd</td>');
  const again = formIn(chief, conflict, '/console/settings');
  // While the choice is made, something else is changed: it is asked once more, and nothing is taken back.
  await after(deputy, await (await formOn(deputy, '/console/settings', '/console/settings'))({ locale: 'en' }));
  await acme.call('PATCH', '', { locale: 'en' });
  const second = await again();
  expect(second.status).toBe(412);
  const saved = await after(chief, await formIn(chief, second, '/console/settings')());
  expect(saved.text).toContain('The settings were saved.');
  expect((await acme.call('GET', '')).body).toMatchObject({
    name: 'Acme Inc',
    timeZone: 'Europe/Vienna',
    locale: 'de',
  });
  const wrong = await formOn(chief, '/console/settings', '/console/settings');
  const refused = await wrong({ name: 'Kept', locale: 'en', timeZone: 'Atlantis/Capital' });
  expect([refused.status, refused.text.includes('Enter a time zone like Europe/Berlin.')]).toEqual([400, true]);
  expect(refused.text).toContain('value="Kept"');
  await acme.call('PATCH', '', { name: 'Acme', timeZone: 'Europe/Berlin', locale: 'en' });
});

test('of two who change the same screen of settings, each saves what they have changed themselves', async () => {
  const before = await policyNow();
  const path = '/console/policy';
  const [mine, theirs] = [await formOn(chief, path, path), await formOn(deputy, path, path)];
  await after(
    deputy,
    await theirs({
      onExpiry: 'keep-invited',
      password: '14',
      reminders: ['P7D', 'P3D'],
      quietHours: 'yes',
      quietFrom: '20:00',
      allowedEmailDomains: 'example.com',
    }),
  );
  const conflict = await mine({
    reminders: ['P3D', 'P1D'],
    requiredFields: ['email'],
    invitationLifetime: 'other',
    invitationLifetimeOther: '45 days',
    redirectOrigins: 'https://app.example.com',
  });
  expect(conflict.status).toBe(412);
  // The form has both, and compares only where they differ.
  expect(conflict.text).toContain('example.com</textarea>');
  expect(conflict.text).not.toContain('<th scope="row">Allowed mail domains</th>');
  await after(chief, await formIn(chief, conflict, path)());
  expect(await policyNow()).toEqual({
    ...before,
    onExpiry: 'keep-invited',
    password: { minLength: 14 },
    quietHours: { from: '20:00', to: '07:00' },
    allowedEmailDomains: ['example.com'],
    requiredFields: ['email'],
    invitationLifetime: 'P45D',
    redirectOrigins: ['https://app.example.com'],
    reminders: expect.arrayContaining(['P7D', 'P3D', 'P1D']) as string[],
  });
  // What is refused is still about the version that it was opened with.
  const late = await formOn(chief, path, path);
  await acme.call('PATCH', '/policy', { ...before });
  const refused = await late({ password: '3' });
  expect([refused.status, (await formIn(chief, refused, path)({ password: '12' })).status]).toEqual([400, 412]);

  const look = '/console/branding';
  const [yours, others] = [await formOn(chief, look, look), await formOn(deputy, look, look)];
  await after(deputy, await others({ colour: '#123456' }));
  const both = await yours({ senderName: 'Acme people' });
  expect(both.status).toBe(412);
  await after(chief, await formIn(chief, both, look)());
  expect((await acme.call('GET', '/branding')).body).toMatchObject({ colour: '#123456', senderName: 'Acme people' });
  await acme.call('PUT', '/branding', { colour: null, senderName: null });
});

test('the policy is changed in plain words, and reaches open invitations only where asked to', async () => {
  const invitation = await acme.invite({ email: 'open@example.com' });
  const selects = { invitationLifetime: 'P28D', guestAccessWarning: 'P7D' };
  const send = await formOn(chief, '/console/policy', '/console/policy');
  const before = await policyNow();
  // Sent as it stands, the form changes nothing.
  await after(chief, await send(selects));
  expect(await policyNow()).toEqual(before);
  const second = await formOn(chief, '/console/policy', '/console/policy');
  const done = await second({
    ...selects,
    invitationLifetime: 'other',
    invitationLifetimeOther: 'P10D',
    reminders: ['P3D', 'P1D'],
    otherReminders: 'PT6H',
    quietHours: 'yes',
    quietFrom: '21:30',
    quietTo: '06:30',
    guestAccessWarning: 'none',
    password: '12',
    allowedEmailDomains: 'example.com\nexample.org',
    redirectOrigins: 'https://app.example.com',
    applyToPending: 'yes',
  });
  expect((await after(chief, done)).text).toContain('the terms of open invitations were counted anew');
  expect(await policyNow()).toMatchObject({
    invitationLifetime: 'P10D',
    reminders: ['P3D', 'P1D', 'PT6H'],
    quietHours: { from: '21:30', to: '06:30' },
    guestAccessWarning: null,
    password: { minLength: 12 },
    allowedEmailDomains: ['example.com', 'example.org'],
    redirectOrigins: ['https://app.example.com'],
  });
  const moved = (await acme.call('GET', `/invitations/${invitation.id}`)).body.expiresAt as string;
  expect(new Date(moved).getTime()).toBeLessThan(new Date(invitation.expiresAt as string).getTime());
  expect((await chief.call('GET', '/console/policy')).text).toContain('value="10 days"');
});

test('durations are typed and read in words, and what cannot be used is marked at the field that it was typed into', async () => {
  const send = await formOn(chief, '/console/policy', '/console/policy');
  const before = await policyNow();
  const choices = { invitationLifetime: 'P28D', guestAccessWarning: 'none' };
  const marked = (reply: Reply) =>
    elementsOf(reply.text).flatMap(({ attributes }) =>
      /-error$/.test(attributes['id'] ?? '') ? [attributes['id']] : [],
    );
  const refused: [Record<string, string | string[]>, string[]][] = [
    [
      { ...choices, invitationLifetime: 'other', invitationLifetimeOther: '400 days' },
      ['invitationLifetimeOther-error'],
    ],
    [{ ...choices, invitationLifetime: 'other', invitationLifetimeOther: '' }, ['invitationLifetimeOther-error']],
    [{ ...choices, invitationLifetime: 'P999D' }, ['invitationLifetime-error']],
    [
      { ...choices, guestAccessWarning: 'other', guestAccessWarningOther: 'a while' },
      ['guestAccessWarningOther-error'],
    ],
    [{ ...choices, reminders: ['P3D', 'P1D'], otherReminders: '6 hours\nsometime' }, ['otherReminders-error']],
    [{ ...choices, reminders: ['P3D', 'P999D'], otherReminders: '6 hours' }, ['reminders-error']],
    [{ ...choices, quietHours: 'yes', quietFrom: '22:00', quietTo: 'late' }, ['quietTo-error']],
  ];
  for (const [fields, expected] of refused) {
    const reply = await send(fields);
    expect([fields, reply.status, marked(reply)]).toEqual([fields, 400, expected]);
  }
  expect(await policyNow()).toEqual(before);
  const words = {
    invitationLifetime: 'other',
    invitationLifetimeOther: '45 Tage',
    otherReminders: '1 day and 12 hours',
  };
  await after(chief, await send({ ...choices, ...words, reminders: [] }));
  expect(await policyNow()).toMatchObject({ invitationLifetime: 'P45D', reminders: ['P1DT12H'] });
  const page = await chief.call('GET', '/console/policy');
  expect(page.text).toContain('value="45 days"');
  expect(page.text).toContain('1 day and 12 hours</textarea>');
  const german = await chief.call('GET', '/console/policy?lang=de');
  expect(german.text).toContain('value="45 Tage"');
  chief.cookies.delete('usher_language');
  expect((await chief.call('GET', '/console/invite')).text).toContain('45 days');
  await acme.call('PATCH', '/policy', before);
});

test('the audit tells in words what changed, and addresses as people know them', async () => {
  const { id } = (await acme.call('POST', '/groups', { name: 'Audited group' })).body as { id: string };
  const guest = await signedInPerson(usher, acme, 'audited@example.com', { kind: 'guest' });
  await acme.call('PUT', `/groups/${id}/members/${deputy.id}`, { role: 'administrator' });
  await acme.call('PATCH', `/groups/${id}`, { membersMayPublish: true });
  const hidden = (await acme.call('POST', '/groups', { name: 'Hidden group', visibility: 'secret' })).body.id as string;
  await acme.call('PATCH', `/groups/${hidden}`, { membersMayPublish: true });
  await acme.call('PATCH', '/policy', { notifyInviter: true, twoFactor: 'optional' });
  await acme.call('PATCH', `/guests/${guest.id}`, { sponsorId: deputy.id });
  await usher.owner('audit_events').where({ organization_id: acme.id }).update({ ip: '::ffff:192.0.2.9' });
  const page = await chief.call('GET', '/console/audit');
  const details = elementsOf(page.text).flatMap(({ name, attributes, text }) =>
    name === 'span' && attributes['class'] === 'detail' ? [text] : [],
  );
  for (const words of [
    'Role: Group administrator · Group: Audited group',
    'Changed: Members may publish in this group · Group: Audited group',
    'Changed: Second factor, Tell the inviter how it went',
    'Sponsor: Mary Jackson',
    'Guest · Role: Member',
    'from 192.0.2.9',
  ])
    expect(details).toContain(words);
  // Nobody outside of a secret group reads of it here.
  expect(details.filter((text) => text.includes('Members may publish'))).toHaveLength(1);
  expect(page.text).not.toMatch(/::ffff|applyToPending|groupId|generation|Hidden group/);
});

test('what cannot be used in the policy is said beside its field', async () => {
  const send = await formOn(chief, '/console/policy', '/console/policy');
  const refused = await send({
    invitationLifetime: 'other',
    invitationLifetimeOther: 'soon',
    guestAccessWarning: 'none',
    password: '3',
    allowedEmailDomains: 'Not a domain',
    redirectOrigins: 'https://app.example.com/path',
  });
  expect(refused.status).toBe(400);
  for (const words of [
    'Enter a duration from one second to 365 days',
    'Enter a whole number from 8 to 100.',
    'Enter domains in lower case like example.com',
    'without a path, one per line.',
    'Not a domain',
  ])
    expect(refused.text).toContain(words);
});

test('the policy warns of reactivation by hand and recommends the way alone', async () => {
  const page = await chief.call('GET', '/console/policy');
  expect(page.text).toContain('Recommended: the person alone');
  expect(page.text).toContain('before 24:00 in Europe/Berlin');
});

test('a key is shown once, made once however often the form is sent, and revoked', async () => {
  const send = await formOn(chief, '/console/api-keys/new', '/console/api-keys');
  const [made, again] = await Promise.all([send({ name: 'Nightly import' }), send({ name: 'Nightly import' })]);
  const first = made.status === 201 ? made : again;
  const second = made.status === 201 ? again : made;
  expect([first.status, second.status]).toEqual([201, 409]);
  expect(first.headers['cache-control']).toBe('no-store');
  expect(second.text).toContain('This key was made already');
  const key = elementsOf(first.text).find(({ attributes }) => attributes['id'] === 'key')?.attributes['value'] ?? '';
  expect((await usher.call('GET', '/v1/organizations/current/policy', undefined, { key })).status).toBe(200);
  const list = await chief.call('GET', '/console/api-keys');
  expect(list.text).not.toContain(key);
  const path =
    /href="(\/console\/api-keys\/[^"]+\/revoke)" aria-label="Revoke Nightly import"/.exec(list.text)?.[1] ?? '';
  const revoke = await formOn(chief, path, path);
  expect((await after(chief, await revoke())).text).toContain('The key Nightly import is revoked.');
  expect((await usher.call('GET', '/v1/organizations/current/policy', undefined, { key })).status).toBe(401);
  const past = await (
    await formOn(chief, '/console/api-keys/new', '/console/api-keys')
  )({ name: 'Old', expiresAt: '2020-01-01T00:00' });
  expect([past.status, past.text.includes('Choose a time in the future.')]).toEqual([400, true]);

  const window = await windowOf(browser, chief);
  await window.goto('http://usher.test/console/api-keys/new');
  await window.fill('#name', 'By hand');
  await window.click('text=Create key');
  await window.waitForSelector('#key');
  expect(await look(window)).toEqual([]);
  await window.context().close();
  // Made and revoked, on every kind of screen and in both languages.
  for (const [options, lang, axe] of variants) {
    await usher.owner('accounts').where({ id: chief.id }).update({ locale: lang });
    const page = await windowOf(browser, chief, options);
    await page.goto('http://usher.test/console/api-keys/new');
    await page.fill('#name', `Wolfeschlegelsteinhausenbergerdorff ${lang}`);
    await page.click('main form .form-end button');
    await page.waitForSelector('#key');
    expect([lang, await look(page, axe)]).toEqual([lang, []]);
    await page.goto(`http://usher.test/console/api-keys`);
    await page
      .getByRole('link', { name: `Wolfeschlegelsteinhausenbergerdorff ${lang}` })
      .first()
      .click();
    await page.click('main form button.danger');
    await page.waitForSelector('.notice.good');
    expect([lang, await look(page, axe)]).toEqual([lang, []]);
    expect(await page.locator('html').getAttribute('lang')).toBe(lang);
    await page.context().close();
  }
  await usher.owner('accounts').where({ id: chief.id }).update({ locale: 'en' });
});

test('the audit says in words who did what, and is filtered by person, event and period', async () => {
  const page = await chief.call('GET', '/console/audit');
  expect(page.text).toContain('Policy changed');
  expect(page.text).toContain('<code>policy.changed</code>');
  const ofChief = await chief.call('GET', '/console/audit?person=Grace+Hopper&side=by&type=policy.changed');
  expect(ofChief.text).toContain('Grace Hopper');
  expect(ofChief.text).not.toContain('<code>organization.changed</code>');
  expect((await chief.call('GET', '/console/audit?from=2020-01-01&to=2020-02-01')).text).toContain(
    'Nothing fits these filters',
  );
  expect((await chief.call('GET', '/console/audit?person=Nobody')).text).toContain(
    'Nobody of this name is in this organization',
  );
  const csv = await chief.call('GET', '/console/audit/csv?type=policy.changed');
  expect(csv.headers['content-type']).toContain('text/csv');
  expect(csv.text.split('\r\n')[0]).toMatch(/^id,at,type,/);
});

test('an administrator words a mail, sees it before saving, sends a test, and goes back to the built-in', async () => {
  const path = '/console/email-templates/user-invitation/en';
  const send = await formOn(chief, path, path);
  const wrong = await send({ html: '<p>{{nonsense}}</p>' });
  expect(wrong.status).toBe(400);
  const told = (reply: Reply) =>
    elementsOf(reply.text).flatMap(({ name, attributes, text }) =>
      name === 'ul' && attributes['class'] === 'faults' ? [text.replace(/\s+/g, ' ').trim()] : [],
    );
  expect(told(wrong)).toEqual([expect.stringMatching(/^HTML Line 1, column 6: There is no variable nonsense here\./)]);
  expect(wrong.text).toContain('&lt;p&gt;{{nonsense}}&lt;/p&gt;');
  const draft = { subject: 'Join us', html: '<p>Come: <a href="{{link}}">here</a></p>', text: 'Come: {{link}}' };
  const preview = await chief.call('POST', `${path}/preview`, await bodyOf(chief, path, draft), {
    headers: formHeaders,
  });
  // Both parts and the subject, the HTML within a frame of its own that leads nowhere.
  const [frame, ...others] = elementsOf(preview.text).filter(({ name }) => name === 'iframe');
  expect(others).toEqual([]);
  expect(frame?.attributes).toMatchObject({
    sandbox: '',
    srcdoc: expect.stringContaining('<p>Come: <a href="https://'),
  });
  expect(frame?.attributes['srcdoc']).toMatch(/^<!doctype html>\n<base target="_blank">\n/);
  expect(textOf(preview, 'pre')).toMatch(/^Come: https:/);
  expect(textOf(preview, 'p')).toBe('Join us');
  for (const action of [path, `${path}/preview`]) {
    const typed = await bodyOf(chief, path, { ...draft, html: '<p style="color:{{firstName}}">{{link}}</p>' });
    const refused = await chief.call('POST', `${action}?lang=de`, typed, { headers: formHeaders });
    expect(refused.text).toContain('Zeile 1, Spalte 17: Hier darf nur eine Farbe eingesetzt werden.');
    expect(refused.text).not.toMatch(/<span lang="en">|Line 1/);
  }
  expect(preview.headers['content-security-policy']).toContain("default-src 'none'");
  expect(preview.headers['content-security-policy']).toContain('sandbox');
  const test = await chief.call('POST', `${path}/test`, await bodyOf(chief, path, draft), { headers: formHeaders });
  expect(test.text).toContain('is on its way to chief@example.com');
  expect(test.text).toContain('Come: {{link}}');
  const saved = await after(chief, await send(draft));
  expect(saved.text).toContain('The template was saved.');
  expect((await acme.call('GET', '/email-templates/user-invitation/en')).body.subject).toBe('Join us');
  expect((await send({ ...draft, subject: 'Late' })).status).toBe(412);
  const reset = await formOn(chief, `${path}/reset`, `${path}/reset`);
  await after(chief, await reset());
  const versions = await formOn(chief, `${path}/versions`, `${path}/versions`);
  await after(chief, await versions({ number: '1' }));
  expect((await acme.call('GET', '/email-templates/user-invitation/en')).body.subject).toBe('Join us');
  await acme.call('DELETE', '/email-templates/user-invitation/en');
  expect((await chief.call('GET', '/console/email-templates/no-such/en')).status).toBe(404);
});

test('in a browser the preview follows what is typed', async () => {
  const window = await windowOf(browser, chief);
  await window.goto('http://usher.test/console/email-templates/guest-invitation/en');
  await window.fill('#html', '<p>Typed just now: {{link}}</p>');
  const preview = window.frameLocator('iframe[name=preview]');
  await preview.frameLocator('iframe').getByText('Typed just now').waitFor();
  await window.fill('#text', 'Written just now: {{link}}');
  await preview.locator('pre').getByText('Written just now: https://').waitFor();
  expect(await look(window)).toEqual([]);
  // A click on what the mail leads to leads nowhere.
  await window.fill('#html', '<p><a href="{{link}}">Open it</a></p>');
  const open = preview.frameLocator('iframe').getByText('Open it');
  await open.click();
  await open.click();
  expect(browser.complaints.splice(0).every((complaint) => /Blocked opening/.test(complaint))).toBe(true);
  await window.context().close();
  // In the dark the frame is never a white sheet, and has a picture once one sees it.
  const small = await windowOf(browser, chief, { ...phone, colorScheme: 'dark' });
  await small.goto('http://usher.test/console/email-templates/guest-invitation/en');
  const frame = small.locator('iframe[name=preview]');
  await small.frameLocator('iframe[name=preview]').frameLocator('iframe').locator('.card').waitFor();
  expect(await small.evaluate(`getComputedStyle(document.querySelector('iframe')).backgroundColor`)).toBe(
    await small.evaluate(`getComputedStyle(document.querySelector('.panel')).backgroundColor`),
  );
  await frame.scrollIntoViewIfNeeded();
  const blank = 3_000;
  await eventually(
    () => frame.screenshot(),
    (picture) => picture.length > 3 * blank,
  );
  await small.context().close();
});

test('a preview that cannot be shown says why within its frame, and leads nowhere', async () => {
  const path = '/console/email-templates/user-invitation/en';
  const preview = `${path}/preview`;
  const body = await bodyOf(chief, path, { subject: 'Hi', html: '<p>{{link}}</p>', text: '{{link}}' });
  const faulty = await bodyOf(chief, path, { subject: 'Hi', html: '<p>{{nonsense}}</p>', text: '{{link}}' });
  const huge = await bodyOf(chief, path, { subject: 'Hi', html: 'x'.repeat(1_200_000), text: '{{link}}' });
  const invite = await bodyOf(chief, '/console/invite', { kind: 'member' });
  const elsewhere = body.replace(/for=[^&]*/, 'for=somebody.else');
  const stranger = visitor(usher);
  const asked: [Visitor, string, string, string | undefined, number, string][] = [
    [stranger, 'GET', preview, undefined, 401, 'Your session has ended'],
    [stranger, 'POST', preview, body, 401, 'what you have typed comes along'],
    [stranger, 'POST', '/console/invite/preview', invite, 401, 'Your session has ended'],
    [staff, 'GET', preview, undefined, 403, 'Ask an administrator of the organization.'],
    [chief, 'GET', '/console/email-templates/no-such/en/preview', undefined, 404, 'Not found'],
    [chief, 'POST', preview, elsewhere, 403, 'You are in another organization now'],
    [chief, 'POST', preview, faulty, 200, 'What has to be put right'],
    [chief, 'POST', preview, huge, 413, 'The request is too large'],
  ];
  const said = (reply: Reply) => {
    const policy = reply.headers['content-security-policy'];
    expect(policy).toContain("frame-ancestors 'self'");
    expect(policy).toContain('sandbox');
    const leading = elementsOf(reply.text).filter(({ name }) => ['a', 'form', 'link', 'script'].includes(name));
    expect(leading).toEqual([]);
    return [reply.status, textOf(reply, 'main')];
  };
  for (const [person, method, at, typed, status, words] of asked) {
    const reply = await person.call(method, at, typed, { headers: typed === undefined ? {} : formHeaders });
    expect([at, ...said(reply)]).toEqual([at, status, expect.stringContaining(words)]);
  }
  const foreign = { headers: { ...formHeaders, origin: 'https://evil.test' } };
  expect(said(await chief.call('POST', preview, body, foreign))).toEqual([
    403,
    expect.stringContaining('another site'),
  ]);
});

test('a preview whose session has ended says so beside the form, and saving leads through signing in, also without JavaScript', async () => {
  const plain = await windowOf(browser, chief, { javaScriptEnabled: false });
  await plain.goto('http://usher.test/console/invite');
  // Before anybody asks for it.
  await plain.frameLocator('iframe[name=preview]').getByText('Acme').first().waitFor();
  await plain.context().clearCookies();
  await plain.getByRole('button', { name: 'Show' }).click();
  await plain.frameLocator('iframe[name=preview]').getByText('Your session has ended').waitFor();
  await plain.context().close();

  const window = await windowOf(browser, chief);
  // Answers that are under way would bring the cookie back.
  const first = window.waitForResponse(
    (response) => response.url().endsWith('/preview') && response.request().method() === 'POST',
  );
  await window.goto('http://usher.test/console/email-templates/guest-invitation/en');
  await (await first).finished();
  await window.context().clearCookies();
  await window.fill('#subject', 'Typed before it ended');
  await window.frameLocator('iframe[name=preview]').getByText('Your session has ended').waitFor();
  await window.getByRole('button', { name: 'Save template' }).click();
  await window.locator('#login').waitFor();
  expect(await window.locator('input[name=kept]').inputValue()).toContain('Typed before it ended');
  await window.context().close();
  // The frames were refused, which a browser notes; nothing was blocked.
  expect(browser.complaints.splice(0).filter((complaint) => !complaint.includes('status of 401'))).toEqual([]);
});

test('a logo is uploaded, a colour and a sender name are chosen, and what is no picture is refused', async () => {
  const window = await windowOf(browser, chief);
  await window.goto('http://usher.test/console/branding');
  await window.fill('#colour', '#0f766e');
  await window.fill('#senderName', 'Acme people');
  await window.setInputFiles('#logo', {
    name: 'logo.png',
    mimeType: 'image/png',
    buffer: Buffer.from(png(40, 20), 'base64'),
  });
  await window.click('text=Save branding');
  await window.getByText('The branding was saved.').waitFor();
  expect((await acme.call('GET', '/branding')).body).toMatchObject({ colour: '#0f766e', senderName: 'Acme people' });
  expect(await window.locator('.logo-box img').count()).toBe(1);
  expect(await look(window)).toEqual([]);
  await window.setInputFiles('#logo', { name: 'logo.png', mimeType: 'image/png', buffer: Buffer.from('no picture') });
  await window.click('text=Save branding');
  await window.getByText('Choose a PNG or JPEG').waitFor();
  await window.context().close();
});

test('the mail log tells what came back, names the sender, and sends a copy', async () => {
  await acme.invite({ email: 'copied@example.com', firstName: 'Ida', lastName: 'Rhodes' });
  await usher.linkFor('copied@example.com');
  const list = await staff.call('GET', '/console/emails?q=copied');
  const path = /href="(\/console\/emails\/[0-9a-f-]{36})"/.exec(list.text)?.[1] ?? '';
  const mail = await eventually(
    () => staff.call('GET', path),
    (reply) => reply.text.includes('250'),
  );
  expect(mail.text).toContain('usher@usher.test');
  expect(mail.text).toContain('Built-in template');
  // Both of its parts, masked, and what was written above them.
  const shown = await staff.call('GET', `${path}/preview`);
  expect(shown.headers['content-security-policy']).toContain('sandbox');
  for (const part of [shown.text, textOf(mail, 'pre')]) {
    expect(part).toContain('Hello Ida Rhodes');
    expect(part).toContain('http://usher.test/invitations/masked-link');
    expect(part).not.toMatch(/\/invitations\/(?!masked-link)/);
  }
  expect(mail.text).toContain('<dt>Subject</dt><dd lang="en">Your invitation to Acme</dd>');
  expect(mail.text).toContain(`src="${path}/preview"`);
  const stranger = await signedInPerson(usher, other, 'elsewhere@example.com', { role: 'administrator' });
  for (const [person, status] of [
    [stranger, 404],
    [visitor(usher), 401],
  ] as const)
    expect((await person.call('GET', `${path}/preview`)).status).toBe(status);
  const id = path.split('/').at(-1) ?? '';
  await usher.owner('emails').where({ id }).update({ template: 'fallback' });
  expect((await staff.call('GET', path)).text).toContain('The own template could not be used');
  const copy = await formOn(staff, path, `${path}/copy`);
  expect((await after(staff, await copy())).text).toContain('A copy is on its way to copied@example.com.');
  const invitation = (await invitationOf('copied@example.com')) ?? '';
  for (const [type, data] of [
    ['invitation.new-link-requested', { generation: 1 }],
    ['email.address-suppressed', { reason: 'complaint' }],
  ] as const) {
    const about = { organization_id: acme.id, invitation_id: invitation, type, data: JSON.stringify(data) };
    await usher.owner('audit_events').insert({ ...about, actor_type: 'system', actor_name: 'Usher' });
  }
  // The timeline of the screen tells it all, by whom; that of the API what has a name in the contract.
  const story = elementsOf((await staff.call('GET', `/console/invitations/${invitation}`)).text)
    .filter(({ name, attributes }) => name === 'ol' && attributes['class'] === 'timeline')
    .map(({ text }) => text.replace(/\s+/g, ' '))[0];
  expect(story).toMatch(/Created.*Sent.*Taken by the mail server.*A copy of the mail was asked for.*· Alan Turing/);
  expect(story).toMatch(/A new link was asked for.*· Usher.*Reported as unwanted; the address is not mailed any more/);
  const told = (await acme.call('GET', `/invitations/${invitation}/timeline`)).body as { items: { event: string }[] };
  expect(told.items.map(({ event }) => event)).toEqual(['created', 'sent', 'delivered']);
  await acme.call('POST', `/invitations/${invitation}/cancel`);
  const late = await formOn(staff, path, `${path}/copy`);
  const refused = await late();
  expect(refused.status).toBe(409);
  expect(refused.text).toContain('The invitation has ended');
});

test('an address that is not mailed any more: what sends to it says so, and where it is released', async () => {
  const email = 'not-mailed@example.com';
  const person = { email, firstName: 'Hedy', lastName: 'Lamarr' };
  await acme.invite(person);
  await usher.linkFor(email);
  const id = (await invitationOf(email)) ?? '';
  const list = await staff.call('GET', '/console/emails?q=not-mailed');
  const mail = /href="(\/console\/emails\/[0-9a-f-]{36})"/.exec(list.text)?.[1] ?? '';
  const copying = `action="${mail}/copy"`;
  expect((await staff.call('GET', mail)).text).toContain(copying);
  await usher
    .owner('suppressed_addresses')
    .insert({ id: randomUUID(), organization_id: acme.id, address: email, reason: 'complaint' });
  const link = '<a href="/console/suppressed-addresses">Suppressed addresses</a>';
  const says = (text: string) => {
    expect(text).toContain('This address is not mailed any more');
    expect(text).toContain('have an administrator release it');
    expect(text).toContain(link);
  };
  const shown = (await staff.call('GET', mail)).text;
  says(shown);
  expect(shown).not.toContain(copying);

  const path = `/console/invitations/${id}`;
  const resend = await formOn(staff, path, `${path}/resend`);
  says((await after(staff, await resend())).text);
  const many = await formOn(staff, '/console/users', '/console/users/many');
  says((await many({ chosen: `${id}.resend`, wish: 'send' })).text);
  expect((await acme.call('GET', `/invitations/${id}`)).body).toMatchObject({ generation: 1 });

  await acme.call('POST', `/invitations/${id}/cancel`);
  const invite = await formOn(staff, '/console/invite', '/console/invite');
  const invited = await after(staff, await invite({ ...person, kind: 'member' }));
  expect(invited.text).toContain('is invited, but gets no email: this address is not mailed any more');
});

test('from an invitation and from a person one comes to their mails, which stay theirs while other filters change', async () => {
  const invited = { email: 'mails.ada@example.com', firstName: 'Ada', lastName: 'Yonath' };
  const { id } = await acme.invite(invited);
  await acme.invite({ email: 'mails.other@example.com', firstName: 'Rita', lastName: 'Colwell' });
  await usher.linkFor('mails.ada@example.com');
  await usher.linkFor('mails.other@example.com');
  const [user] = (await acme.call('GET', '/users?q=mails.ada')).body.items as { id: string }[];
  const rows = ({ text }: Reply) =>
    [...text.matchAll(/<td data-label="To">(.*?)<\/td>/g)].map(([, to]) => to?.replaceAll('<wbr>', ''));
  for (const [screen, name, value, words] of [
    [`/console/invitations/${id}`, 'invitationId', id, 'Invitation: Ada Yonath'],
    [`/console/users/${user?.id}`, 'userId', user?.id, 'To: Ada Yonath'],
  ]) {
    const there = `/console/emails?${name}=${value}`;
    expect((await staff.call('GET', screen ?? '')).text).toContain(`href="${there.replace('=', '&#x3D;')}"`);
    const list = await staff.call('GET', there);
    expect(rows(list)).toEqual([invited.email]);
    // As the form sends it, and as the chip takes it away again.
    expect(list.text).toContain(`<input type="hidden" name="${name}" value="${value}">`);
    const narrowed = await staff.call('GET', `${there}&q=mails.&type=user-invitation`);
    expect(rows(narrowed)).toEqual([invited.email]);
    const chip = elementsOf(narrowed.text).find(({ attributes }) => attributes['class'] === 'chip');
    expect(chip?.text).toBe(`Remove the filter: ${words}`);
    const without = await staff.call('GET', chip?.attributes['href'] ?? '');
    expect(rows(without).sort()).toEqual([invited.email, 'mails.other@example.com']);
    expect(elementsOf(without.text).some(({ attributes }) => attributes['class'] === 'chip')).toBe(false);
  }
  const unknown = await staff.call('GET', `/console/emails?invitationId=${randomUUID()}&userId=${randomUUID()}`);
  expect(unknown.status).toBe(200);
  expect(unknown.text).toContain('One invitation');
  expect(unknown.text).toContain('One person');
});

test('settings are the administrators’; what belongs to another organization is not there', async () => {
  for (const path of [
    '/console/settings',
    '/console/policy',
    '/console/api-keys',
    '/console/api-keys/new',
    '/console/email-templates',
    '/console/branding',
  ])
    expect([path, (await staff.call('GET', path)).status]).toEqual([path, 403]);
  expect((await staff.call('GET', '/console/audit')).status).toBe(200);
  const { items } = (await other.call('GET', '/api-keys')).body as { items: { id: string }[] };
  for (const id of [items[0]?.id, 'x'])
    expect((await chief.call('GET', `/console/api-keys/${id}/revoke`)).status).toBe(404);
});

test('hostile texts stay texts in settings, policy, keys and audit', async () => {
  let active: string[] = [];
  const texts = hostileTexts();
  for (const name of texts.slice(0, 20)) await acme.call('POST', '/api-keys', { name });
  const send = await formOn(chief, '/console/policy', '/console/policy');
  active = [
    ...active,
    ...activeParts(
      await send({
        redirectOrigins: texts.join('\n'),
        allowedEmailDomains: texts.join('\n'),
        password: texts[1] ?? '',
      }),
    ),
  ];
  const settings = await formOn(chief, '/console/settings', '/console/settings');
  for (const text of texts.slice(0, 20))
    active = [...active, ...activeParts(await settings({ name: text, timeZone: text }))];
  for (const path of [
    '/console/api-keys',
    '/console/audit',
    `/console/audit?person=${encodeURIComponent(texts[0] ?? '')}`,
  ])
    active = [...active, ...activeParts(await chief.call('GET', path))];
  expect(active).toEqual([]);
  await acme.call('PATCH', '', { name: 'Acme' });
});

test('every screen is sound on a desktop and a phone, in both languages, without JavaScript', async () => {
  await acme.invite({ email: 'sound@example.com', firstName: 'Sound', lastName: 'Asleep', message: 'Until Monday.' });
  await usher.linkFor('sound@example.com');
  const [mail] = (await acme.call('GET', '/emails?q=sound')).body.items as { id: string; invitationId: string }[];
  const [key] = (await acme.call('GET', '/api-keys')).body.items as { id: string }[];
  const own = '/console/email-templates/account-inactive/de';
  const path = `/v1/organizations/${acme.id}${own.replace('/console', '')}`;
  const built = (await chief.call('GET', path)).body as { subject: string; html: string; text: string };
  for (const subject of ['Erste Fassung', 'Zweite Fassung']) {
    const { html, text } = built;
    expect((await chief.call('PUT', path, { subject, html, text })).status).toBe(200);
  }
  await usher.owner('suppressed_addresses').insert({
    id: randomUUID(),
    organization_id: acme.id,
    address: `${'nobody'.repeat(8)}@${'subdomain.'.repeat(5)}example.com`,
    reason: 'bounce',
    detail: `550 5.1.1 <${'nobody'.repeat(12)}@example.com>: no such mailbox`,
    mail_id: mail?.id,
  });
  expect(
    await inspect(browser, chief, [
      '/console/settings',
      '/console/policy',
      '/console/api-keys',
      '/console/api-keys/new',
      '/console/audit',
      '/console/audit?person=nobody',
      '/console/email-templates',
      '/console/email-templates/user-invitation/en',
      '/console/branding',
      '/console/emails',
      '/console/suppressed-addresses',
      `/console/emails?invitationId=${mail?.invitationId}`,
      `/console/emails/${mail?.id}`,
      own,
      `${own}/versions`,
      `${own}/reset`,
      `/console/api-keys/${key?.id}/revoke`,
    ]),
  ).toEqual([]);
  // A screen that is refused, or not there, is a screen, too; twice each, for those that take turns.
  const refusals = ['/console/settings', '/console/nowhere'].flatMap((refused) => [refused, refused]);
  expect(new Set(await inspect(browser, staff, refusals))).toEqual(
    new Set(
      variants.flatMap(([, lang]) => [
        `/console/settings?lang=${lang}: status 403`,
        `/console/nowhere?lang=${lang}: status 404`,
      ]),
    ),
  );
});
