import { randomBytes, randomUUID } from 'node:crypto';
import { accountMailWorkflowId } from '../../workflows/messages';
import { readOtpauth, setUpApp } from '../support/authenticator';
import { moved, setClock } from '../support/clock';
import { dump } from '../support/dump';
import { leaksIn } from '../support/history';
import { mailedCode, type Person, signedInPerson, visitor } from '../support/people';
import { expectProblem } from '../support/problem';
import { tokenOf } from '../support/token';
import { eventually, goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let organization: TestOrganization;
let optional: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  organization = await usher.createOrganization({ preset: 'create-user' });
  optional = await usher.createOrganization({ preset: '28-days' });
});
afterAll(() => usher.stop());
afterEach(() => setClock(usher, null));

const minute = 60_000;
const wrongFor = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, '0');

/** A new browser whose password was right, and the code that was mailed for it. */
async function halfSignedIn(email: string, count: number) {
  const browser = visitor(usher);
  expect((await browser.signIn(email)).body).toEqual({ status: 'two-factor-required' });
  return { browser, code: await mailedCode(usher, email, count) };
}

/** Nobody’s clock goes on while a code of an app is computed and given. */
async function stopClock(at = new Date()): Promise<Date> {
  await setClock(usher, at);
  return at;
}

describe('a half finished sign-in', () => {
  test('counts as not signed in, everywhere', async () => {
    const person = await signedInPerson(usher, organization, 'half@tf.test');
    const { browser, code } = await halfSignedIn('half@tf.test', 2);
    for (const path of ['/v1/me', '/v1/me/two-factor', '/v1/me/sessions', '/v1/organizations/current/users'])
      expectProblem(await browser.call('GET', path), 'UNAUTHENTICATED');
    expectProblem(await browser.call('PUT', '/v1/me/two-factor', { method: 'none' }), 'UNAUTHENTICATED');
    expect((await person.call('GET', '/v1/me/sessions')).body.items).toHaveLength(1);
    const before = browser.cookies.get('usher_session');
    expect((await browser.giveCode(code)).status).toBe(200);
    expect(browser.cookies.get('usher_session')).not.toBe(before);
    const old = visitor(usher);
    old.cookies.set('usher_session', before ?? '');
    expect((await old.call('GET', '/v1/me')).status).toBe(401);
  });

  test('does not exist for a wrong password, and no mail goes out', async () => {
    await signedInPerson(usher, organization, 'guess@tf.test');
    const browser = visitor(usher);
    expectProblem(await browser.signIn('guess@tf.test', 'Winter-Is-Coming-8'), 'SIGN_IN_FAILED');
    expectProblem(await browser.giveCode('123456'), 'UNAUTHENTICATED');
    expectProblem(await visitor(usher).giveCode('123456'), 'UNAUTHENTICATED');
    expect(await usher.owner('account_mails').where({ recipient: 'guess@tf.test' })).toHaveLength(1);
  });

  test('is over with signing out, with a new password and after half an hour', async () => {
    const person = await signedInPerson(usher, organization, 'over@tf.test');
    const out = await halfSignedIn('over@tf.test', 2);
    expect((await out.browser.call('POST', '/v1/auth/sign-out')).status).toBe(204);
    expectProblem(await out.browser.giveCode(out.code), 'UNAUTHENTICATED');
    const late = await halfSignedIn('over@tf.test', 3);
    await setClock(usher, moved(new Date(), 31 * minute));
    expectProblem(await late.browser.giveCode(late.code), 'UNAUTHENTICATED');
    await setClock(usher, null);
    const changed = await halfSignedIn('over@tf.test', 4);
    const passwords = { currentPassword: goodPassword, password: 'Spring-Is-Here-9' };
    expect((await person.call('PUT', '/v1/me/password', passwords)).status).toBe(204);
    expectProblem(await changed.browser.giveCode(changed.code), 'UNAUTHENTICATED');
  });

  test('does not complete a reactivation by hand', async () => {
    const person = await signedInPerson(usher, organization, 'again@tf.test');
    await usher
      .owner('accounts')
      .where({ id: person.id })
      .update({ reactivation_deadline: moved(new Date(), minute), reactivation_reset_at: new Date() });
    const { browser, code } = await halfSignedIn('again@tf.test', 2);
    const deadline = async () => (await usher.owner('accounts').where({ id: person.id }).first()).reactivation_deadline;
    expect(await deadline()).not.toBeNull();
    await setClock(usher, moved(new Date(), 2 * minute));
    expectProblem(await browser.giveCode(code), 'UNAUTHENTICATED');
    await setClock(usher, null);
    const second = await halfSignedIn('again@tf.test', 3);
    expect((await second.browser.giveCode(second.code)).status).toBe(200);
    expect(await deadline()).toBeNull();
  });

  test.each([
    ['nothing', {}, ['/code']],
    ['no text', { code: 123456 }, ['/code']],
    ['an endless text', { code: '1'.repeat(101) }, ['/code']],
    ['more than the code', { code: '123456', accountId: randomUUID() }, ['/accountId']],
  ])('refuses %s for a code', async (_what, body, pointers) => {
    expectProblem(await visitor(usher).call('POST', '/v1/auth/two-factor', body), 'BAD_INPUT', pointers);
  });

  test('takes no code from another site', async () => {
    await signedInPerson(usher, organization, 'site@tf.test');
    const { browser, code } = await halfSignedIn('site@tf.test', 2);
    const headers = { origin: 'https://evil.test' };
    expectProblem(await browser.call('POST', '/v1/auth/two-factor', { code }, { headers }), 'FOREIGN_ORIGIN');
  });
});

describe('a code by mail', () => {
  test('is refused after five wrong ones, even if it is right; a new one does not reset the count', async () => {
    await signedInPerson(usher, organization, 'five@tf.test');
    const { browser, code } = await halfSignedIn('five@tf.test', 2);
    for (let guess = 0; guess < 3; guess += 1) expectProblem(await browser.giveCode(wrongFor(code)), 'WRONG_CODE');
    const next = await halfSignedIn('five@tf.test', 3);
    for (let guess = 0; guess < 2; guess += 1)
      expectProblem(await next.browser.giveCode(wrongFor(next.code)), 'WRONG_CODE');
    const sixth = await next.browser.giveCode(wrongFor(next.code));
    expectProblem(sixth, 'TOO_MANY_REQUESTS');
    expect(Number(sixth.headers['retry-after'])).toBeGreaterThan(3_000);
    expectProblem(await next.browser.giveCode(next.code), 'TOO_MANY_REQUESTS');
    const last = await halfSignedIn('five@tf.test', 4);
    expectProblem(await last.browser.giveCode(last.code), 'TOO_MANY_REQUESTS');
    // An hour after the first wrong one.
    await setClock(usher, moved(new Date(), 61 * minute));
    const later = await halfSignedIn('five@tf.test', 5);
    expect((await later.browser.giveCode(later.code)).status).toBe(200);
  });

  test('many wrong ones at once are counted like one after the other', async () => {
    await signedInPerson(usher, organization, 'storm@tf.test');
    const { browser, code } = await halfSignedIn('storm@tf.test', 2);
    const all = await Promise.all(Array.from({ length: 20 }, () => browser.giveCode(wrongFor(code))));
    expect(all.filter(({ status }) => status === 401)).toHaveLength(5);
    expect(all.filter(({ status }) => status === 429)).toHaveLength(15);
  });

  test('works in the session that it was mailed for, and in no other', async () => {
    await signedInPerson(usher, organization, 'mine@tf.test');
    const first = await halfSignedIn('mine@tf.test', 2);
    const second = await halfSignedIn('mine@tf.test', 3);
    expectProblem(await second.browser.giveCode(first.code), 'WRONG_CODE');
    expect((await first.browser.giveCode(first.code)).status).toBe(200);
    expect((await second.browser.giveCode(second.code)).status).toBe(200);
    await signedInPerson(usher, organization, 'yours@tf.test');
    const other = await halfSignedIn('yours@tf.test', 2);
    expectProblem(await other.browser.giveCode(second.code), 'WRONG_CODE');
  });

  test('works once, even if it is given twice at the same moment', async () => {
    await signedInPerson(usher, organization, 'twice@tf.test');
    const { browser, code } = await halfSignedIn('twice@tf.test', 2);
    const cookie = browser.cookies.get('usher_session') ?? '';
    const copies = Array.from({ length: 5 }, () => {
      const copy = visitor(usher);
      copy.cookies.set('usher_session', cookie);
      return copy;
    });
    const answers = await Promise.all(copies.map((copy) => copy.giveCode(code)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expectProblem(await browser.giveCode(code), 'UNAUTHENTICATED');
  });

  test('is not mailed more than twenty times an hour, whoever asks', async () => {
    await signedInPerson(usher, organization, 'flood@tf.test');
    const { DATABASE_URL, USHER_SECRET } = usher.env;
    const limited = await startUsher({ worker: false, env: { DATABASE_URL, USHER_SECRET, USHER_RATE_LIMITS: 'on' } });
    try {
      const answers: number[] = [];
      for (let asked = 0; asked < 21; asked += 1) answers.push((await visitor(limited).signIn('flood@tf.test')).status);
      expect(answers).toEqual([...Array<number>(20).fill(200), 429]);
      const mails = await usher.owner('account_mails').where({ recipient: 'flood@tf.test', type: 'two-factor-code' });
      expect(mails).toHaveLength(21);
    } finally {
      await limited.stop();
    }
  });

  test('is dead after ten minutes', async () => {
    await signedInPerson(usher, organization, 'late@tf.test');
    const start = await stopClock();
    const { browser, code } = await halfSignedIn('late@tf.test', 2);
    await setClock(usher, moved(start, 10 * minute));
    expectProblem(await browser.giveCode(code), 'WRONG_CODE');
    await setClock(usher, moved(start, 10 * minute - 1));
    expect((await browser.giveCode(code)).status).toBe(200);
  });
});

describe('the app', () => {
  let count = 0;
  async function appUser(): Promise<Person & { at: Date; app: Awaited<ReturnType<typeof setUpApp>> }> {
    const person = await signedInPerson(usher, optional, `app-${(count += 1)}@tf.test`);
    const at = await stopClock();
    return { ...person, at, app: await setUpApp(person, at) };
  }

  test('takes a code once, in no session again, nor the one that confirmed it', async () => {
    const { email, at, app } = await appUser();
    const browser = visitor(usher);
    await browser.signIn(email);
    expectProblem(await browser.giveCode(app.codeAt(at)), 'WRONG_CODE');
    const next = app.codeAt(await stopClock(moved(at, 30_000)));
    expect((await browser.giveCode(next)).status).toBe(200);
    const other = visitor(usher);
    await other.signIn(email);
    expectProblem(await other.giveCode(next), 'WRONG_CODE');
    expectProblem(await other.giveCode(app.codeAt(moved(at, -30_000))), 'WRONG_CODE');
  });

  test('takes codes of half a minute before and after, and none further away', async () => {
    const { email, at, app } = await appUser();
    const browser = visitor(usher);
    await browser.signIn(email);
    const now = await stopClock(moved(at, 10 * minute));
    for (const away of [-2, 2])
      expectProblem(await browser.giveCode(app.codeAt(moved(now, away * 30_000))), 'WRONG_CODE');
    expect((await browser.giveCode(app.codeAt(moved(now, -30_000)))).status).toBe(200);
    const other = visitor(usher);
    await other.signIn(email);
    expect((await other.giveCode(app.codeAt(moved(now, 30_000)))).status).toBe(200);
  });

  test('stops after five wrong codes, recovery codes included', async () => {
    const { email, app } = await appUser();
    const browser = visitor(usher);
    await browser.signIn(email);
    for (const wrong of ['000', 'AAAA-BBBB-CCCC-DDDD', 'x', 'AAAA', '%'])
      expectProblem(await browser.giveCode(wrong), 'WRONG_CODE');
    expectProblem(await browser.giveCode(app.recoveryCodes[0] ?? ''), 'TOO_MANY_REQUESTS');
  });

  test('a recovery code works once, and new ones make the old ones dead', async () => {
    const { email, app, ...person } = await appUser();
    const answers = [];
    for (const code of [app.recoveryCodes[0], app.recoveryCodes[0], app.recoveryCodes[1]]) {
      const browser = visitor(usher);
      await browser.signIn(email);
      answers.push((await browser.giveCode(code ?? '')).status);
    }
    expect(answers).toEqual([200, 401, 200]);
    const renewed = await setUpApp({ ...person, email }, await stopClock(moved(person.at, minute)));
    const browser = visitor(usher);
    await browser.signIn(email);
    expectProblem(await browser.giveCode(app.recoveryCodes[2] ?? ''), 'WRONG_CODE');
    expect((await browser.giveCode(renewed.recoveryCodes[2] ?? '')).status).toBe(200);
    const events = await optional.call('GET', '/audit-events?type=account.recovery-code-used');
    expect(events.body.items.filter(({ actor }: { actor: { id: string } }) => actor.id === person.id)).toHaveLength(3);
  });

  test('new recovery codes end the old ones at once and every other session; the audit and a mail say so', async () => {
    const { email, app, ...person } = await appUser();
    const path = '/v1/me/two-factor/recovery-codes';
    const other = visitor(usher);
    await other.signIn(email);
    expect((await other.giveCode(app.recoveryCodes[0] ?? '')).status).toBe(200);
    expect((await person.call('GET', path)).body).toEqual({ left: 9 });
    const renewed = await person.call('POST', path);
    expect([renewed.status, renewed.headers['cache-control']]).toEqual([200, 'no-store']);
    const codes = renewed.body.recoveryCodes as string[];
    expect(codes).toHaveLength(10);
    expect((await person.call('GET', path)).body).toEqual({ left: 10 });
    expect((await other.call('GET', '/v1/me')).status).toBe(401);
    await other.signIn(email);
    expectProblem(await other.giveCode(app.recoveryCodes[1] ?? ''), 'WRONG_CODE');
    expect((await other.giveCode(codes[1] ?? '')).status).toBe(200);
    const events = await optional.call('GET', '/audit-events?type=account.recovery-codes-renewed');
    expect(events.body.items).toContainEqual(
      expect.objectContaining({ userId: person.id, actor: expect.objectContaining({ id: person.id }) as unknown }),
    );
    const mails = await usher.owner('account_mails').where({ account_id: person.id, type: 'two-factor-changed' });
    expect(mails).toHaveLength(2);
  });

  test('of two who ask for new recovery codes at once, one is told that they have changed', async () => {
    const { email, app, ...person } = await appUser();
    const ask = () => person.call('POST', '/v1/me/two-factor/recovery-codes');
    const replies = await Promise.all([ask(), ask()]);
    const made = replies.filter(({ status }) => status === 200);
    expect(made).toHaveLength(1);
    const browser = visitor(usher);
    await browser.signIn(email);
    expectProblem(await browser.giveCode(app.recoveryCodes[0] ?? ''), 'WRONG_CODE');
    expect((await browser.giveCode((made[0]?.body.recoveryCodes as string[])[0] ?? '')).status).toBe(200);
  });

  test('there are no recovery codes without it, and none for a sign-in of long ago', async () => {
    const mailed = await signedInPerson(usher, organization, 'no-codes@tf.test');
    expect((await mailed.call('GET', '/v1/me/two-factor/recovery-codes')).body).toEqual({ left: 0 });
    expectProblem(await mailed.call('POST', '/v1/me/two-factor/recovery-codes'), 'STATUS_CONFLICT');
    const { at, ...person } = await appUser();
    await stopClock(moved(at, 11 * minute));
    expectProblem(await person.call('POST', '/v1/me/two-factor/recovery-codes'), 'REAUTHENTICATION_REQUIRED');
  });

  test('is not on before a right code was given; a code of another secret is wrong', async () => {
    const person = await signedInPerson(usher, optional, 'pending@tf.test');
    const confirm = (code: string) => person.call('POST', '/v1/me/two-factor/app/confirm', { code });
    expectProblem(await confirm('123456'), 'STATUS_CONFLICT');
    const first = readOtpauth((await person.call('POST', '/v1/me/two-factor/app')).body.otpauthUrl as string);
    await person.call('POST', '/v1/me/two-factor/app');
    const at = await stopClock();
    expectProblem(await confirm(first.generate({ timestamp: at.getTime() })), 'BAD_INPUT', ['/code']);
    expect((await person.call('GET', '/v1/me/two-factor')).body).toEqual({ method: 'none' });
    expect((await visitor(usher).signIn('pending@tf.test')).body).toEqual({ status: 'signed-in' });
  });

  test('goes on with a new key in front of the ring, and is sealed with it at the next sign-in', async () => {
    const { email, id, at, app } = await appUser();
    const sealed = async () =>
      (await usher.owner('two_factors').where({ account_id: id }).first()).app_secret as string;
    const old = usher.env['USHER_SECRET'] ?? '';
    expect(await sealed()).toMatch(/^test\./);
    const rotated = await startUsher({
      worker: false,
      env: { DATABASE_URL: usher.database.url, USHER_SECRET: `new:${randomBytes(32).toString('base64')},${old}` },
    });
    try {
      await stopClock(moved(at, minute));
      const browser = visitor(rotated);
      await browser.signIn(email);
      expect((await browser.giveCode(app.codeAt(moved(at, minute)))).status).toBe(200);
      expect(await sealed()).toMatch(/^new\./);
    } finally {
      await rotated.stop();
    }
  });

  test('a password chosen by mail does not switch it off', async () => {
    const { email } = await appUser();
    await setClock(usher, null);
    await usher.call('POST', '/v1/auth/forgot-password', { email }, { key: null });
    // The notice of the change may come before or after it.
    const token = await eventually(
      () =>
        Promise.resolve(
          usher.mail.messages
            .filter(({ to }) => to.includes(email))
            .map(({ parsed }) => /\/reset-password\/(\S+)/.exec(parsed.text ?? '')?.[1])
            .find(Boolean),
        ),
      Boolean,
    );
    const password = 'Spring-Is-Here-9';
    const reset = await usher.call('POST', '/v1/auth/reset-password', { token, password }, { key: null });
    expect(reset.status).toBe(204);
    expect((await visitor(usher).signIn(email, password)).body).toEqual({ status: 'two-factor-required' });
  });
});

describe('changing the factor', () => {
  test('needs a sign-in not older than ten minutes; a new password is none', async () => {
    const person = await signedInPerson(usher, organization, 'fresh@tf.test');
    await person.call('POST', '/v1/me/two-factor/app');
    await setClock(usher, moved(new Date(), 11 * minute));
    const attempts = () =>
      Promise.all([
        person.call('POST', '/v1/me/two-factor/app'),
        person.call('POST', '/v1/me/two-factor/app/confirm', { code: '123456' }),
        person.call('PUT', '/v1/me/two-factor', { method: 'email' }),
        person.call('PUT', '/v1/me/two-factor', { method: 'none' }),
      ]);
    for (const reply of await attempts()) expectProblem(reply, 'REAUTHENTICATION_REQUIRED');
    const passwords = { currentPassword: goodPassword, password: 'Spring-Is-Here-9' };
    expect((await person.call('PUT', '/v1/me/password', passwords)).status).toBe(204);
    for (const reply of await attempts()) expectProblem(reply, 'REAUTHENTICATION_REQUIRED');
    expect((await person.call('GET', '/v1/me/two-factor')).body).toEqual({ method: 'email' });
    await person.signIn('fresh@tf.test', passwords.password);
    await person.giveCode(await mailedCode(usher, 'fresh@tf.test', 2));
    expect((await person.call('POST', '/v1/me/two-factor/app')).status).toBe(200);
  });

  test('includes the address that codes go to', async () => {
    const change = { currentPassword: goodPassword, email: 'elsewhere@tf.test' };
    const mailed = await signedInPerson(usher, organization, 'address@tf.test');
    const without = await signedInPerson(usher, optional, 'address2@tf.test');
    await setClock(usher, moved(new Date(), 11 * minute));
    expectProblem(await mailed.call('PUT', '/v1/me/email', change), 'REAUTHENTICATION_REQUIRED');
    expect((await without.call('PUT', '/v1/me/email', change)).status).toBe(202);
  });

  test('ends every other session, is mailed to the person and is in the audit', async () => {
    const person = await signedInPerson(usher, organization, 'notice@tf.test');
    const { browser, code } = await halfSignedIn('notice@tf.test', 2);
    await browser.giveCode(code);
    await setUpApp(person, new Date());
    expect((await browser.call('GET', '/v1/me')).status).toBe(401);
    expect((await person.call('GET', '/v1/me')).status).toBe(200);
    await eventually(
      () => Promise.resolve(usher.mail.messages.filter(({ to }) => to.includes('notice@tf.test'))),
      (mails) => mails.at(-1)?.parsed.subject === 'Your second factor was changed',
    );
    const events = await organization.call('GET', '/audit-events?type=account.two-factor-changed');
    expect(events.body.items).toContainEqual(
      expect.objectContaining({
        actor: expect.objectContaining({ id: person.id }) as unknown,
        data: { method: 'app' },
      }),
    );
  });

  test('to what it is already changes nothing', async () => {
    const person = await signedInPerson(usher, organization, 'same@tf.test');
    const cookie = person.cookies.get('usher_session');
    expect((await person.call('PUT', '/v1/me/two-factor', { method: 'email' })).body).toEqual({ method: 'email' });
    expect(person.cookies.get('usher_session')).toBe(cookie);
    expect(await usher.owner('account_mails').where({ account_id: person.id, type: 'two-factor-changed' })).toEqual([]);
  });

  test('codes by mail stay on, once used, when the policy leaves it open again', async () => {
    const looser = await usher.createOrganization({ preset: 'create-user' });
    await signedInPerson(usher, looser, 'stay@tf.test');
    await looser.call('PATCH', '/policy', { twoFactor: 'optional' });
    expect((await visitor(usher).signIn('stay@tf.test')).body).toEqual({ status: 'two-factor-required' });
  });
});

describe('where an organization requires the app', () => {
  test('a session is good for setting it up and signing out, until it is there', async () => {
    const strict = await usher.createOrganization({ preset: '28-days' }, { twoFactor: 'app' });
    const person = await signedInPerson(usher, strict, 'strict@tf.test', { role: 'administrator' });
    for (const path of ['/v1/me', '/v1/me/sessions', '/v1/me/organizations', '/v1/organizations/current/users'])
      expectProblem(await person.call('GET', path), 'TWO_FACTOR_SETUP_REQUIRED');
    expectProblem(await person.call('PATCH', '/v1/me', { firstName: 'Eve' }), 'TWO_FACTOR_SETUP_REQUIRED');
    const invitation = await strict.invite({ email: 'another@tf.test' });
    const accept = `/v1/invitation-tokens/${tokenOf(usher, invitation)}/accept`;
    expectProblem(await person.call('POST', accept, {}), 'TWO_FACTOR_SETUP_REQUIRED');
    expect((await person.call('GET', '/v1/me/two-factor')).body).toEqual({ method: 'none' });
    for (const method of ['none', 'email'])
      expectProblem(await person.call('PUT', '/v1/me/two-factor', { method }), 'TWO_FACTOR_REQUIRED');
    await setUpApp(person, new Date());
    expect((await person.call('GET', '/v1/me')).status).toBe(200);
    expect((await person.call('GET', '/v1/organizations/current/policy')).body).toMatchObject({ twoFactor: 'app' });
    expectProblem(await person.call('PUT', '/v1/me/two-factor', { method: 'email' }), 'TWO_FACTOR_REQUIRED');
  });

  test('a guest meets the demand as soon as they belong there; mail codes are asked for as before', async () => {
    const strict = await usher.createOrganization({ preset: '28-days' }, { twoFactor: 'app' });
    const person = await signedInPerson(usher, organization, 'visitor@tf.test');
    await strict.invite({ kind: 'guest', email: 'visitor@tf.test' });
    const [{ id }] = (await person.call('GET', '/v1/me/invitations')).body.items as [{ id: string }];
    expect((await person.call('POST', `/v1/me/invitations/${id}/accept`)).status).toBe(200);
    expectProblem(await person.call('GET', '/v1/me'), 'TWO_FACTOR_SETUP_REQUIRED');
    expect((await visitor(usher).signIn('visitor@tf.test')).body).toEqual({ status: 'two-factor-required' });
  });

  test('who has no address for codes needs the app wherever a factor is required', async () => {
    const invitation = await organization.invite({ email: 'byhand@tf.test', firstName: 'No', lastName: 'Mail' });
    const { url } = (await organization.call('POST', `/invitations/${invitation.id}/link`)).body as { url: string };
    const accept = `/v1/invitation-tokens/${url.split('/').at(-1)}/accept`;
    const body = { username: 'byhand', password: goodPassword };
    expect((await usher.call('POST', accept, body, { key: null })).status).toBe(200);
    const browser = visitor(usher);
    expect((await browser.signIn('byhand')).body).toEqual({ status: 'signed-in' });
    expectProblem(await browser.call('GET', '/v1/me'), 'TWO_FACTOR_SETUP_REQUIRED');
    await setUpApp({ ...browser, id: '', email: '' }, new Date());
    expect((await browser.call('GET', '/v1/me')).status).toBe(200);
  });
});

describe('a lost factor', () => {
  const reset = (by: TestOrganization | Person, path: string) => by.call('POST', path);

  test('is reset by the home’s staff: sessions end, it is audited, and the policy says what comes next', async () => {
    const staff = await signedInPerson(usher, organization, 'staff@tf.test', { staff: true });
    const person = await signedInPerson(usher, organization, 'lost@tf.test');
    await setUpApp(person, new Date());
    const done = await reset(staff, `/v1/organizations/current/users/${person.id}/reset-two-factor`);
    expect(done).toMatchObject({ status: 200, body: { id: person.id } });
    expect((await person.call('GET', '/v1/me')).status).toBe(401);
    const { browser, code } = await halfSignedIn('lost@tf.test', 2);
    expect((await browser.giveCode(code)).status).toBe(200);
    const events = await organization.call('GET', '/audit-events?type=user.two-factor-reset');
    expect(events.body.items).toMatchObject([{ actor: { type: 'user', id: staff.id } }]);
  });

  test('of a guest, of somebody above, and one’s own is refused', async () => {
    const staff = await signedInPerson(usher, organization, 'staff2@tf.test', { staff: true });
    const member = await signedInPerson(usher, organization, 'member2@tf.test');
    const boss = await signedInPerson(usher, organization, 'boss@tf.test', { role: 'administrator' });
    const guest = await signedInPerson(usher, organization, 'guest2@tf.test', { kind: 'guest' });
    const path = (id: string) => `/v1/organizations/current/users/${id}/reset-two-factor`;
    expectProblem(await reset(staff, path(guest.id)), 'FORBIDDEN');
    expectProblem(await reset(organization, `/users/${guest.id}/reset-two-factor`), 'FORBIDDEN');
    expectProblem(await reset(staff, path(boss.id)), 'FORBIDDEN');
    expectProblem(await reset(staff, path(staff.id)), 'FORBIDDEN');
    expectProblem(await reset(member, path(staff.id)), 'FORBIDDEN');
    expectProblem(await reset(optional, `/users/${member.id}/reset-two-factor`), 'NOT_FOUND');
  });
});

describe('what is kept', () => {
  test('no code, secret or recovery code is in the database or in a history', async () => {
    const person = await signedInPerson(usher, optional, 'kept@tf.test');
    const begun = await person.call('POST', '/v1/me/two-factor/app');
    const totp = readOtpauth(begun.body.otpauthUrl as string);
    const pending = JSON.stringify(await dump(usher));
    const at = await stopClock();
    const code = totp.generate({ timestamp: at.getTime() });
    const confirmed = await person.call('POST', '/v1/me/two-factor/app/confirm', { code });
    const { recoveryCodes } = confirmed.body as { recoveryCodes: string[] };
    await setClock(usher, null);
    await signedInPerson(usher, organization, 'mailed@tf.test');
    const half = await halfSignedIn('mailed@tf.test', 2);

    const content = JSON.stringify(await dump(usher));
    const secrets = [totp.secret.base32, totp.secret.hex, Buffer.from(totp.secret.bytes).toString('base64')];
    for (const secret of secrets) {
      expect(pending.toLowerCase()).not.toContain(secret.toLowerCase());
      expect(content.toLowerCase()).not.toContain(secret.toLowerCase());
    }
    for (const recovery of recoveryCodes) {
      expect(content).not.toContain(recovery);
      expect(content).not.toContain(recovery.replaceAll('-', ''));
    }
    const mails = await usher.owner('account_mails').where({ recipient: 'mailed@tf.test', type: 'two-factor-code' });
    expect(mails).toHaveLength(2);
    for (const mail of mails) {
      expect(mail.text).toContain('••••••');
      expect(JSON.stringify(mail)).not.toMatch(new RegExp(`\\b${half.code}\\b`));
      const { history } = await eventually(
        async () => {
          const handle = usher.temporal.workflow.getHandle(accountMailWorkflowId(mail.id as string));
          return { history: await handle.fetchHistory(), status: (await handle.describe()).status.name };
        },
        ({ status }) => status === 'COMPLETED',
      );
      expect(leaksIn(history, [half.code, 'mailed@tf.test'])).toEqual([]);
    }
    // Six digits may turn up by chance in a timestamp, but not as a word of their own.
    const sessions = JSON.stringify((await dump(usher))['sessions']);
    expect(sessions).not.toMatch(new RegExp(`\\b${half.code}\\b`));
  });

  test('answers with a secret are in no cache, and take no idempotency key', async () => {
    const person = await signedInPerson(usher, optional, 'cache@tf.test');
    const headers = { 'idempotency-key': 'same' };
    const [first, second] = [
      await person.call('POST', '/v1/me/two-factor/app', undefined, { headers }),
      await person.call('POST', '/v1/me/two-factor/app', undefined, { headers }),
    ];
    expect(first.headers['cache-control']).toBe('no-store');
    expect(first.body.otpauthUrl).not.toBe(second.body.otpauthUrl);
    const { rows } = await usher.owner.raw<{ rows: unknown[] }>(`select 1 from idempotency_keys where key = 'same'`);
    expect(rows).toEqual([]);
  });

  test('nothing is left of an erased account', async () => {
    const person = await signedInPerson(usher, organization, 'erased@tf.test');
    await setUpApp(person, new Date());
    expect((await organization.call('DELETE', `/users/${person.id}`)).status).toBe(204);
    for (const table of ['two_factors', 'recovery_codes', 'mail_codes'])
      expect(await usher.owner(table).where({ account_id: person.id })).toEqual([]);
  });
});
