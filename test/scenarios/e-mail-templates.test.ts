import type { Person } from '../support/people';
import { signedInPerson } from '../support/people';
import { onePixel, onePixelJpeg, png } from '../support/pictures';
import { expectProblem } from '../support/problem';
import { elementsOf } from '../support/html';
import { eventually, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let acme: TestOrganization;
let other: TestOrganization;
let admin: Person;
beforeAll(async () => {
  usher = await startUsher({ env: { USHER_RATE_LIMITS: 'on' } });
  acme = await usher.createOrganization({ name: 'Acme & Söhne', preset: '21-days' });
  other = await usher.createOrganization({ name: 'Other' });
  admin = await signedInPerson(usher, acme, 'admin@templates.test', { role: 'administrator', locale: 'de' });
});
afterAll(() => usher.stop());

const path = '/email-templates/user-invitation/en';
const own = {
  subject: '{{inviterName}} {{organizationName}}: welcome {{firstName}}',
  html: '<html><body><h1>Welcome {{firstName}}</h1><p>{{lines message}}</p><a href="{{link}}">Come in</a></body></html>',
  text: 'Welcome {{firstName}}\n{{message}}\n{{link}}',
};
let people = 0;
/** Invites somebody and waits for the mail. */
async function mailedTo(fields: Record<string, unknown> = {}, organization = acme) {
  const email = `person-${(people += 1)}@templates.test`;
  await organization.invite({ email, firstName: 'Ada', lastName: 'Lovelace', ...fields });
  const [mail] = await usher.mail.waitForMail(email);
  const row = await usher.owner('emails').where({ recipient: email }).first('template', 'html');
  return {
    template: row?.template as string,
    subject: mail?.parsed.subject ?? '',
    html: mail?.parsed.html || '',
    text: mail?.parsed.text ?? '',
    from: mail?.parsed.from?.value[0],
    raw: mail?.raw ?? '',
  };
}
const bodyOf = (html: string) =>
  elementsOf(html.replace(/<!doctype html>/i, '')).find(({ name }) => name === 'body')?.text ?? '';

describe('E3 the mail comes from an editable template', () => {
  afterEach(() => acme.call('DELETE', path));

  test('E3 the built-in is read, worded anew, used for the next mail, and taken back', async () => {
    const before = await acme.call('GET', path);
    expect(before.body).toMatchObject({ type: 'user-invitation', locale: 'en', overridden: false });
    expect(before.body.html).toContain('href="{{link}}"');
    expect(before.body.variables).toContainEqual(
      expect.objectContaining({ name: 'link', mandatory: true, example: expect.stringContaining('https://') }),
    );

    // As it is, it may be saved; and worded anew, too.
    const { subject, html, text } = before.body as typeof own;
    const etag = before.headers['etag'] ?? '';
    const same = await acme.call('PUT', path, { subject, html, text }, { headers: { 'If-Match': etag } });
    expect(same.status).toBe(200);
    const changed = await acme.call('PUT', path, own, { headers: { 'If-Match': same.headers['etag'] ?? '' } });
    expect(changed.body).toMatchObject({ ...own, overridden: true });
    expectProblem(await acme.call('PUT', path, own, { headers: { 'If-Match': etag } }), 'PRECONDITION_FAILED');

    const mail = await mailedTo({ message: 'Line <1>\nLine 2' });
    expect(mail.subject).toBe('Acme & Söhne: welcome Ada');
    expect(mail.html).toContain('<h1>Welcome Ada</h1><p>Line &lt;1&gt;<br>\nLine 2</p>');
    const link = /http:\/\/usher\.test\/invitations\/[\w-]+/.exec(mail.text)?.[0] ?? 'none';
    expect(mail.html).toContain(`<a href="${link}">Come in</a>`);
    expect(mail.template).toBe('own');
    expect(
      (await usher.call('GET', `/v1/invitation-tokens/${link.split('/').at(-1)}`, undefined, { key: null })).status,
    ).toBe(200);

    const list = (await acme.call('GET', '/email-templates')).body.items as { type: string; overridden: boolean }[];
    expect(list.filter(({ overridden }) => overridden)).toMatchObject([{ type: 'user-invitation', locale: 'en' }]);
    expect((await acme.call('DELETE', path)).status).toBe(204);
    expect((await acme.call('GET', path)).body).toMatchObject({
      ...before.body,
      version: expect.any(Number),
      updatedAt: expect.any(String),
    });
    expect(await mailedTo()).toMatchObject({ template: 'built-in', subject: 'Your invitation to Acme & Söhne' });

    const { body } = await acme.call('GET', '/audit-events?limit=200');
    const events = (body.items as { type: string; data: object }[]).filter(({ type }) =>
      type.startsWith('email-template'),
    );
    expect(events.map(({ type }) => type).sort()).toEqual([
      'email-template.changed',
      'email-template.changed',
      'email-template.reset',
    ]);
    expect(JSON.stringify(events)).not.toContain('Welcome');
  });

  test('E3 earlier versions are kept with who made them and when; one is restored by saving it again', async () => {
    const first = (await acme.call('GET', `${path}/versions`)).body.items.length as number;
    await acme.call('PUT', path, own);
    const answer = await admin.call('PUT', `/v1/organizations/${acme.id}${path}`, { ...own, subject: 'Second' });
    expect(answer.status).toBe(200);
    await acme.call('DELETE', path);
    const { items } = (await acme.call('GET', `${path}/versions?limit=3`)).body;
    expect(items).toMatchObject([
      { reset: true, subject: null },
      { subject: 'Second', createdBy: { type: 'user', id: admin.id, displayName: 'Ada Lovelace' }, reset: false },
      { ...own, createdBy: { type: 'api-key', displayName: 'tests' }, createdAt: expect.any(String) },
    ]);
    const page = (await acme.call('GET', `${path}/versions?limit=1`)).body;
    const next = (await acme.call('GET', `${path}/versions?limit=200&cursor=${page.nextCursor}`)).body;
    expect(next.items).toHaveLength(first + 2);
    const { subject, html, text } = items[1] as typeof own;
    expect((await acme.call('PUT', path, { subject, html, text })).body).toMatchObject({ subject: 'Second' });
    for (let version = 0; version < 51; version += 1) await acme.call('PUT', path, { ...own, subject: `V${version}` });
    expect((await acme.call('GET', `${path}/versions?limit=200`)).body.items).toHaveLength(50);
  });

  test('E3 a preview shows a draft, what is stored, or the built-in, with sample data in both parts', async () => {
    const builtIn = await acme.call('POST', `${path}/preview`);
    expect(builtIn.body.subject).toBe('Mara Lindqvist invites you to join Acme & Söhne');
    await acme.call('PUT', path, own);
    const stored = await acme.call('POST', `${path}/preview`, {});
    expect(stored.body.subject).toBe('Mara Lindqvist Acme & Söhne: welcome Ada');
    const draft = await acme.call('POST', `${path}/preview`, {
      ...own,
      html: `${own.html}<script>alert(1)</script><b onclick="x()">bold</b>`,
    });
    expect(draft.body.html).toContain('<b>bold</b>');
    expect(draft.body.html).not.toMatch(/script|onclick/);
    expect(draft.body.text).toContain('https://usher.example/invitations/example');
    expectProblem(await acme.call('POST', `${path}/preview`, { subject: 'x' }), 'BAD_INPUT');
    const german = await acme.call('POST', '/email-templates/guest-invitation/de/preview');
    expect(german.body.text).toContain('Guten Tag Ada Lovelace');
  });

  test('E3 a test mail goes to whoever asks for it and to nobody else, ten an hour', async () => {
    const test = `/v1/organizations/${acme.id}${path}/test`;
    expectProblem(await acme.call('POST', `${path}/test`, own), 'NO_MAILBOX');
    const before = usher.mail.messages.length;
    const headers = { 'Idempotency-Key': 'test-mail' };
    for (let time = 0; time < 2; time += 1)
      expect(await admin.call('POST', test, own, { headers })).toMatchObject({
        status: 202,
        body: { to: admin.email },
      });
    const mails = await eventually(
      () => Promise.resolve(usher.mail.messages.slice(before)),
      (all) => all.some(({ parsed }) => parsed.subject?.includes('welcome Ada')),
    );
    expect(mails.map(({ to }) => to)).toEqual([[admin.email]]);
    const statuses = [];
    for (let time = 0; time < 10; time += 1) statuses.push((await admin.call('POST', test)).status);
    // One has gone out before, whose repeated question has sent and spent nothing.
    expect(statuses).toEqual([...Array<number>(9).fill(202), 429]);
  });

  test('E3 what could not be sent is refused when it is saved, with line and column', async () => {
    const faults = async (parts: object) => {
      const answer = await acme.call('PUT', path, { ...own, ...parts });
      expectProblem(answer, 'BAD_INPUT');
      return answer.body.errors as object[];
    };
    expect(await faults({ html: '<p>no link</p>' })).toMatchObject([{ pointer: '/html' }]);
    expect(await faults({ text: 'no link' })).toMatchObject([{ pointer: '/text' }]);
    expect(await faults({ text: '{{link}}\n {{nobody}}' })).toMatchObject([{ pointer: '/text', line: 2, column: 4 }]);
    expect(await faults({ html: '{{link}}{{#if message}}' })).toMatchObject([
      { pointer: '/html', line: 1, column: 24 },
    ]);
    expect(await faults({ subject: '{{constructor.constructor}}' })).toMatchObject([{ pointer: '/subject', line: 1 }]);
    expect(await faults({ html: `{{link}}${'{{#if message}}'.repeat(6_000)}` })).toMatchObject([{ pointer: '/html' }]);
    expect(await faults({ html: { type: 'Program', body: [] } })).toMatchObject([
      { pointer: '/html', message: 'Must be a text.' },
    ]);
    expect(await faults({ html: undefined })).toMatchObject([{ pointer: '/html', message: 'This field is missing.' }]);
    expect(await faults({ partials: {} })).toMatchObject([{ pointer: '/partials' }]);
    // In words of the reader's language, as the title is.
    const german = { headers: { 'Accept-Language': 'de' } };
    for (const [method, at] of [
      ['PUT', path],
      ['POST', `${path}/preview`],
    ] as const) {
      const answer = await acme.call(method, at, { ...own, text: '{{link}}\n {{nobody}}', html: '<p>x</p>' }, german);
      expect(answer.body).toMatchObject({
        title: 'Die Angaben können so nicht verwendet werden',
        detail: expect.stringMatching(/^Die Vorlage ist nicht gültig: html: Muss {{link}} enthalten.* text: Zeile 2/),
        errors: [
          { pointer: '/html', message: expect.stringContaining('Muss {{link}} enthalten, wo man es sieht') },
          {
            ...{ pointer: '/text', line: 2, column: 4 },
            message: expect.stringMatching(/^Zeile 2, Spalte 4: Eine Variable nobody gibt es hier nicht\./),
          },
        ],
      });
    }
    expect(await faults({ text: '{{link}}{{#if message}}x{{/unless}}' })).toMatchObject([
      { message: 'Line 1, column 12: {{#if}} is closed by {{/unless}}.' },
    ]);
    expect(await faults({ html: `{{link}}${'x'.repeat(200_000)}` })).toMatchObject([{ pointer: '/html' }]);
    expectProblem(await acme.call('PUT', path, { ...own, html: 'x'.repeat(3_000_000) }), 'TOO_LARGE');
    const code = '/email-templates/two-factor-code/de';
    expectProblem(await acme.call('PUT', code, { ...own, html: 'no code', text: 'no code' }), 'BAD_INPUT');
    expectProblem(await acme.call('GET', '/email-templates/nothing/en'), 'NOT_FOUND');
    expectProblem(await acme.call('GET', '/email-templates/user-invitation/fr'), 'NOT_FOUND');
    expect((await acme.call('GET', path)).body.overridden).toBe(false);
  });

  test.each([
    ['fails', '{{#if x}}'],
    ['has lost its link', '<p>Welcome</p>'],
  ])('E3 a template that %s all the same falls back to the built-in, and the log says so', async (_, html) => {
    await acme.call('PUT', path, own);
    await usher.owner('email_templates').where({ organization_id: acme.id }).whereNotNull('html').update({ html });
    // Compiled templates are remembered by their version, which the API never changes.
    await usher.owner.raw('update email_templates set version = version + 1000 where organization_id = ?', [acme.id]);
    const mail = await mailedTo();
    expect(mail).toMatchObject({ template: 'fallback', subject: 'Your invitation to Acme & Söhne' });
    const log = (await acme.call('GET', '/emails?limit=1')).body.items as { id: string }[];
    expect(log).toMatchObject([{ subject: mail.subject, template: 'fallback' }]);
    expect((await acme.call('GET', `/emails/${log[0]?.id}`)).body.template).toBe('fallback');
    expect(mail.text).toMatch(/http:\/\/usher\.test\/invitations\/\w/);
    expect((await acme.call('POST', `${path}/preview`)).body.subject).toContain('invites you');
  });

  test('E3 a language without an own template gets the built-in of that language; another organization sees nothing', async () => {
    await acme.call('PUT', path, own);
    const german = await mailedTo({ locale: 'de' });
    expect(german).toMatchObject({ template: 'built-in', subject: 'Ihre Einladung zu Acme & Söhne' });
    expect((await other.call('GET', path)).body).toMatchObject({ overridden: false, version: 0 });
    expect(await mailedTo({}, other)).toMatchObject({ template: 'built-in' });
  });

  test('E3 an own template also serves mails to account holders, the code unspoilt', async () => {
    const code = '/email-templates/password-reset/de';
    const parts = { subject: 'Neu: {{firstName}}', html: '<a href="{{link}}">Los</a>', text: 'Los {{link}}' };
    expect((await acme.call('PUT', code, parts)).status).toBe(200);
    await usher.owner('accounts').where({ id: admin.id }).update({ locale: 'de' });
    await usher.call('POST', '/v1/auth/forgot-password', { email: admin.email }, { key: null });
    const mails = await eventually(
      () => Promise.resolve(usher.mail.messages.filter(({ parsed }) => parsed.subject === 'Neu: Ada')),
      (found) => found.length > 0,
    );
    expect(mails[0]?.parsed.text).toMatch(/^Los http:\/\/usher\.test\/reset-password\/[\w-]+/);
    await acme.call('DELETE', code);
  });

  test('E3 templates and branding are for administrators', async () => {
    const staff = await signedInPerson(usher, acme, 'staff@templates.test', { role: 'staff' });
    for (const route of ['email-templates', 'branding', path.slice(1)])
      expectProblem(await staff.call('GET', `/v1/organizations/${acme.id}/${route}`), 'FORBIDDEN');
    expectProblem(await staff.call('PUT', `/v1/organizations/${acme.id}${path}`, { nonsense: 1 }), 'FORBIDDEN');
  });
});

describe('E3 logo, colour and sender name without touching a template', () => {
  test('E3 they are in the next mail; the address stays ours', async () => {
    const logo = `data:image/png;base64,${png(40, 20)}`;
    const saved = await acme.call('PUT', '/branding', { logo, colour: '#FFDD00', senderName: 'Acme & Söhne' });
    expect(saved.body).toMatchObject({ colour: '#ffdd00', textColour: '#000000', senderName: 'Acme & Söhne' });
    const mail = await mailedTo();
    expect(mail.from).toEqual({ name: 'Acme & Söhne via Usher', address: 'usher@usher.test' });
    expect(mail.html).toContain('background-color:#ffdd00');
    expect(mail.html).toContain(`src="${saved.body.logo}"`);

    const { pathname } = new URL(saved.body.logo as string);
    const picture = await usher.call('GET', pathname, undefined, { key: null });
    expect(picture.headers).toMatchObject({
      'content-type': 'image/png',
      'x-content-type-options': 'nosniff',
      'cache-control': 'public, max-age=31536000, immutable',
      'cross-origin-resource-policy': 'cross-origin',
    });
    expect(Buffer.from(picture.body as Buffer).toString('base64')).toBe(png(40, 20));
    expect((await usher.call('GET', pathname.replace(acme.id, other.id), undefined, { key: null })).status).toBe(404);

    // What is left out stays, and a newer logo has another address; the older one is still there for older mails.
    const next = await acme.call('PUT', '/branding', { logo: `data:image/jpeg;base64,${onePixelJpeg}` });
    expect(next.body).toMatchObject({ colour: '#ffdd00' });
    expect(next.body.logo).not.toBe(saved.body.logo);
    expect((await usher.call('GET', pathname, undefined, { key: null })).status).toBe(200);
    const stale = { headers: { 'If-Match': saved.headers['etag'] ?? '' } };
    expectProblem(await acme.call('PUT', '/branding', { colour: null }, stale), 'PRECONDITION_FAILED');
    const none = await acme.call('PUT', '/branding', { logo: null, colour: null, senderName: null });
    expect(none.body).toEqual({ logo: null, colour: null, textColour: '#ffffff', senderName: null });
    const plain = await mailedTo();
    expect(plain.from?.name).toBe('Usher');
    expect(plain.html).not.toContain('<img');
  });

  test.each([
    ['an SVG', { logo: `data:image/svg+xml;base64,${Buffer.from('<svg onload="alert(1)"/>').toString('base64')}` }],
    [
      'an SVG that says it is a PNG',
      { logo: `data:image/png;base64,${Buffer.from('<svg onload="alert(1)"/>').toString('base64')}` },
    ],
    ['a page', { logo: 'data:text/html,<script>alert(1)</script>' }],
    ['an address', { logo: 'https://evil.test/logo.png' }],
    ['half a PNG', { logo: `data:image/png;base64,${onePixel.slice(0, 40)}` }],
    ['a picture of 3,000 pixels', { logo: `data:image/png;base64,${png(3_000, 1)}` }],
    ['more than 100 KB', { logo: `data:image/png;base64,${'A'.repeat(140_000)}` }],
    ['no colour', { colour: 'red' }],
    ['a style', { colour: '#fff;}' }],
    ['a header', { senderName: 'Acme\r\nBcc: victim@example.test' }],
    ['another address', { senderName: 'boss@bank.test' }],
    ['a quote', { senderName: 'Acme" <boss@bank.test>' }],
    ['a turned name', { senderName: 'Acme\u202e' }],
    ['a long name', { senderName: 'x'.repeat(61) }],
  ])('%s is refused', async (_, change) => {
    const answer = await acme.call('PUT', '/branding', change);
    expectProblem(answer, 'BAD_INPUT');
    const pointers = (answer.body.errors as { pointer: string }[]).map(({ pointer }) => pointer);
    expect(new Set(pointers)).toEqual(new Set([`/${Object.keys(change)[0]}`]));
  });
});

describe('C2 the personal text is shown literally', () => {
  const message =
    'Hi {{link}} {{{organizationName}}} {{#if x}} <b>bold</b> <script>alert(1)</script> & "so" $t(language)\n\n{{> layout}}\n\tlast';

  test.each([
    ['the built-in', null],
    ['an own template', own],
  ])('C2 in both parts of %s, line breaks kept, no markup, no code', async (_, template) => {
    if (template) await acme.call('PUT', path, template);
    const mail = await mailedTo({ message });
    const plain = await mailedTo({ message: 'plain' });
    await acme.call('DELETE', path);
    const literal = message.replace('\t', ' ');
    expect(mail.text).toContain(literal);
    expect(bodyOf(mail.html)).toContain(literal);
    const shape = (html: string) => elementsOf(html).flatMap(({ name }) => (name === 'br' ? [] : [name]));
    expect(shape(mail.html)).toEqual(shape(plain.html));
    expect(mail.html).toContain('<br>\n<br>\n');
  });

  test('C2 marks that turn the direction of text are left out, letters of such languages are not', async () => {
    const mail = await mailedTo({ message: 'abc\u202edef\u2066ghi שלום' });
    for (const part of [mail.text, bodyOf(mail.html)]) expect(part).toContain('abcdefghi שלום');
  });

  test('C2 10,000 characters are refused', async () => {
    const invitation = { email: 'long@templates.test', firstName: 'A', lastName: 'B', message: 'x'.repeat(10_000) };
    const answer = await acme.call('POST', '/invitations', invitation);
    expectProblem(answer, 'BAD_INPUT');
    expect(answer.body.errors).toMatchObject([{ pointer: '/message' }]);
  });
});
