import { moved, setClock } from '../support/clock';
import { readOtpauth, setUpApp } from '../support/authenticator';
import { mailedCode, signedInPerson, visitor } from '../support/people';
import { expectProblem } from '../support/problem';
import { startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let organization: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  organization = await usher.createOrganization({ preset: 'create-user' });
});
afterAll(() => usher.stop());
afterEach(() => setClock(usher, null));

describe('B3: a new account has two-factor by e-mail switched on', () => {
  test('B3: the password is half of the sign-in, the mailed code the other half', async () => {
    const person = await signedInPerson(usher, organization, 'new@b3.test');
    expect((await person.call('GET', '/v1/me/two-factor')).body).toEqual({ method: 'email' });

    const browser = visitor(usher);
    expect((await browser.signIn('new@b3.test')).body).toEqual({ status: 'two-factor-required' });
    expect((await browser.call('GET', '/v1/me')).status).toBe(401);
    const code = await mailedCode(usher, 'new@b3.test', 2);
    expect(code).toMatch(/^\d{6}$/);
    expect((await browser.giveCode(code)).body).toEqual({ status: 'signed-in' });
    expect((await browser.call('GET', '/v1/me')).body).toMatchObject({ email: 'new@b3.test' });
  });

  test('B3: the mail comes in the person’s language, as HTML and as text, with the code in neither subject nor log', async () => {
    const person = await signedInPerson(usher, organization, 'sprache@b3.test');
    await person.call('PATCH', '/v1/me', { locale: 'de' });
    await visitor(usher).signIn('sprache@b3.test');
    const code = await mailedCode(usher, 'sprache@b3.test', 2);
    const mail = usher.mail.messages.filter(({ to }) => to.includes('sprache@b3.test')).at(-1)?.parsed;
    expect(mail?.subject).toBe('Ihr Code zur Anmeldung');
    expect(mail?.text).toContain(`${code}\n\nDer Code gilt zehn Minuten`);
    expect(mail?.html).toContain(`>${code}</p>`);
  });
});

describe('B3: the user switches to an authenticator app on their own', () => {
  test('B3: the QR code holds the secret, a code of the app confirms it, and sign-ins ask for the app from then on', async () => {
    const person = await signedInPerson(usher, organization, 'app@b3.test');
    const begun = await person.call('POST', '/v1/me/two-factor/app');
    expect(begun.body.qrCode.png).toMatch(/^data:image\/png;base64,/);
    expect(begun.body.qrCode.svg).toMatch(/^<svg/);
    const totp = readOtpauth(begun.body.otpauthUrl as string);
    expect(totp).toMatchObject({ issuer: 'Usher', label: 'app@b3.test', digits: 6, period: 30, algorithm: 'SHA1' });
    const at = new Date();
    await setClock(usher, at);
    const code = totp.generate({ timestamp: at.getTime() });
    const confirmed = await person.call('POST', '/v1/me/two-factor/app/confirm', { code });
    expect(new Set(confirmed.body.recoveryCodes as string[]).size).toBe(10);
    expect((await person.call('GET', '/v1/me/two-factor')).body).toEqual({ method: 'app' });

    await setClock(usher, moved(at, 30_000));
    const browser = visitor(usher);
    expect((await browser.signIn('app@b3.test')).body).toEqual({ status: 'two-factor-required' });
    const next = totp.generate({ timestamp: at.getTime() + 30_000 });
    expect((await browser.giveCode(next)).body).toEqual({ status: 'signed-in' });
  });

  test('B3: without the app, a recovery code opens the account, each of them once', async () => {
    const person = await signedInPerson(usher, organization, 'lost@b3.test');
    const { recoveryCodes } = await setUpApp(person, new Date());
    for (const expected of [200, 401]) {
      const browser = visitor(usher);
      await browser.signIn('lost@b3.test');
      expect((await browser.giveCode(recoveryCodes[0] ?? '')).status).toBe(expected);
    }
    const browser = visitor(usher);
    await browser.signIn('lost@b3.test');
    expect((await browser.giveCode((recoveryCodes[1] ?? '').toLowerCase().replaceAll('-', ' '))).status).toBe(200);
  });

  test('B3: and back to codes by mail', async () => {
    const person = await signedInPerson(usher, organization, 'back@b3.test');
    const { recoveryCodes } = await setUpApp(person, new Date());
    expect((await person.call('PUT', '/v1/me/two-factor', { method: 'email' })).body).toEqual({ method: 'email' });
    const browser = visitor(usher);
    await browser.signIn('back@b3.test');
    expect((await browser.giveCode(recoveryCodes[0] ?? '')).status).toBe(401);
    expect((await browser.giveCode(await mailedCode(usher, 'back@b3.test', 2))).status).toBe(200);
  });
});

describe('B3: never to "none" where the organization requires it', () => {
  test('B3: where e-mail is required, none is refused and the app is allowed', async () => {
    const person = await signedInPerson(usher, organization, 'never@b3.test');
    expectProblem(await person.call('PUT', '/v1/me/two-factor', { method: 'none' }), 'TWO_FACTOR_REQUIRED');
    await setUpApp(person, new Date());
    expectProblem(await person.call('PUT', '/v1/me/two-factor', { method: 'none' }), 'TWO_FACTOR_REQUIRED');
    expect((await person.call('GET', '/v1/me/two-factor')).body).toEqual({ method: 'app' });
  });

  test('B3: where it is optional there is none, until the user switches it on, and off again', async () => {
    const optional = await usher.createOrganization({ preset: '28-days' });
    const person = await signedInPerson(usher, optional, 'free@b3.test');
    expect((await person.call('GET', '/v1/me/two-factor')).body).toEqual({ method: 'none' });
    expect((await person.call('PUT', '/v1/me/two-factor', { method: 'email' })).body).toEqual({ method: 'email' });
    const browser = visitor(usher);
    expect((await browser.signIn('free@b3.test')).body).toEqual({ status: 'two-factor-required' });
    await browser.giveCode(await mailedCode(usher, 'free@b3.test'));
    expect((await browser.call('PUT', '/v1/me/two-factor', { method: 'none' })).body).toEqual({ method: 'none' });
    expect((await visitor(usher).signIn('free@b3.test')).body).toEqual({ status: 'signed-in' });
  });

  test('B3: who switched it off is asked for it again once the organization requires it', async () => {
    const stricter = await usher.createOrganization({ preset: '28-days' });
    const person = await signedInPerson(usher, stricter, 'later@b3.test');
    await person.call('PUT', '/v1/me/two-factor', { method: 'email' });
    await person.call('PUT', '/v1/me/two-factor', { method: 'none' });
    await stricter.call('PATCH', '/policy', { twoFactor: 'email' });
    expect((await visitor(usher).signIn('later@b3.test')).body).toEqual({ status: 'two-factor-required' });
  });
});
