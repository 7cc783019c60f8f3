import { signedInPerson, visitor } from '../support/people';
import { goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let organization: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  organization = await usher.createOrganization({ preset: '28-days' });
});
afterAll(() => usher.stop());

const wrong = 'Winter-Is-Coming-8';

describe('signing in', () => {
  it('works with the e-mail address and with the username, in any case of letters', async () => {
    await signedInPerson(usher, organization, 'grace@example.com', { username: 'Grace.H' });
    for (const login of ['grace@example.com', 'GRACE@Example.com', 'grace.h', 'GRACE.H']) {
      const browser = visitor(usher);
      expect((await browser.signIn(login)).body).toEqual({ status: 'signed-in' });
      expect((await browser.call('GET', '/v1/me')).body).toMatchObject({
        email: 'grace@example.com',
        username: 'Grace.H',
      });
    }
  });

  it('gives one answer for unknown, wrong, never active, inactive and deactivated, until the password was right', async () => {
    const person = await signedInPerson(usher, organization, 'once@example.com');
    await organization.invite({ email: 'never@example.com' });
    const answers = [];
    for (const login of ['nobody@example.com', 'never@example.com', 'once@example.com'])
      answers.push(await visitor(usher).signIn(login, wrong));
    for (const status of ['inactive', 'deactivated']) {
      await usher.owner('accounts').where({ id: person.id }).update({ status });
      answers.push(await visitor(usher).signIn('once@example.com', wrong));
    }
    const bodies = answers.map(({ status, body: { requestId: _, ...body } }) => ({ status, body: body as unknown }));
    expect(new Set(bodies.map((answer) => JSON.stringify(answer))).size).toBe(1);
    expect(bodies[0]).toMatchObject({ status: 401, body: { code: 'SIGN_IN_FAILED' } });

    const right = await visitor(usher).signIn('once@example.com');
    expect(right).toMatchObject({ status: 401, body: { code: 'ACCOUNT_NOT_ACTIVE' } });
    expect((await person.call('GET', '/v1/me')).status).toBe(401);
  });

  it('makes a new session id, and takes the cookie of nobody else', async () => {
    const person = await signedInPerson(usher, organization, 'rotate@example.com');
    const first = person.cookies.get('usher_session');
    await person.signIn('rotate@example.com');
    expect(person.cookies.get('usher_session')).not.toBe(first);
    const old = visitor(usher);
    old.cookies.set('usher_session', first ?? '');
    expect((await old.call('GET', '/v1/me')).status).toBe(401);
    old.cookies.set('usher_session', `s%3A${'a'.repeat(32)}.${'b'.repeat(43)}`);
    expect((await old.call('GET', '/v1/me')).status).toBe(401);
  });

  it('gives a cookie that scripts cannot read and other sites cannot send along', async () => {
    await signedInPerson(usher, organization, 'cookie@example.com');
    const reply = await visitor(usher).signIn('cookie@example.com');
    expect(String(reply.headers['set-cookie'])).toMatch(
      /^usher_session=.+; Path=\/; Expires=.+; HttpOnly; SameSite=Lax$/,
    );
    expect((await visitor(usher).call('GET', '/')).headers['set-cookie']).toBeUndefined();
  });

  it('works behind a proxy that sends an Authorization header of its own, and on the page', async () => {
    await signedInPerson(usher, organization, 'proxied@example.com');
    const headers = { Authorization: 'Basic c3RhZ2luZzpzZWNyZXQ=' };
    const credentials = { login: 'proxied@example.com', password: goodPassword };
    const reply = await usher.call('POST', '/v1/auth/sign-in', credentials, { key: null, headers });
    expect(reply).toMatchObject({ status: 200, body: { status: 'signed-in' } });
    const form = { ...headers, 'content-type': 'application/x-www-form-urlencoded' };
    const page = await visitor(usher).call('POST', '/sign-in', new URLSearchParams(credentials).toString(), {
      headers: form,
    });
    expect([page.status, page.headers['location']]).toEqual([303, '/profile']);
  });

  it('stays as old as it is when the password is changed', async () => {
    const person = await signedInPerson(usher, organization, 'stale@example.com');
    const signedInAt = new Date(Date.now() - 3_600_000).toISOString();
    await usher.owner.raw(
      `update sessions set sess = (sess::jsonb || jsonb_build_object('signedInAt', ?::text))::json where account_id = ?`,
      [signedInAt, person.id],
    );
    const change = { currentPassword: goodPassword, password: 'Spring-Is-Here-9' };
    expect((await person.call('PUT', '/v1/me/password', change)).status).toBe(204);
    const [session] = await usher.owner('sessions').where({ account_id: person.id });
    expect(session.sess.signedInAt).toBe(signedInAt);
  });

  it('stops guessing from one address, and locks the owner out nowhere else', async () => {
    const person = await signedInPerson(usher, organization, 'target@example.com');
    const statuses = [];
    for (let guess = 0; guess < 12; guess += 1)
      statuses.push((await visitor(usher).signIn('target@example.com', wrong)).status);
    expect(statuses).toEqual([...Array<number>(10).fill(401), 429, 429]);
    expect((await visitor(usher).signIn('target@example.com')).status).toBe(429);
    expect((await person.call('GET', '/v1/me')).status).toBe(200);
    // From elsewhere, as the counters see it.
    await usher
      .owner('rate_limits')
      .where('key', 'like', 'guess-pair%')
      .update({ key: usher.owner.raw(`key || 'x'`) });
    expect((await visitor(usher).signIn('target@example.com')).status).toBe(200);
    const unknown = [];
    for (let guess = 0; guess < 11; guess += 1)
      unknown.push((await visitor(usher).signIn('no-such@example.com', wrong)).status);
    expect(unknown).toEqual([...Array<number>(10).fill(401), 429]);
  });

  it('counts guesses that come all at once', async () => {
    await signedInPerson(usher, organization, 'parallel@example.com');
    const all = await Promise.all(
      Array.from({ length: 30 }, () => visitor(usher).signIn('parallel@example.com', wrong)),
    );
    expect(all.filter(({ status }) => status === 401)).toHaveLength(10);
  });

  it.each([
    ['with nothing in it', {}, ['/login', '/password']],
    ['with an unknown field', { login: 'x', password: 'y', admin: true }, ['/admin']],
    ['with objects for texts', { login: ['x'], password: { $ne: '' } }, ['/login', '/password']],
    ['of endless texts', { login: 'x'.repeat(300), password: 'y'.repeat(2_000) }, ['/login', '/password']],
  ])('refuses a body %s', async (_what, body, pointers) => {
    const reply = await visitor(usher).call('POST', '/v1/auth/sign-in', body);
    expect(reply.status).toBe(400);
    expect(reply.body.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(pointers);
  });
});

describe('a session', () => {
  it('ends when it was not used for long, and in any case after a week', async () => {
    const idle = await signedInPerson(usher, organization, 'idle@example.com');
    await usher
      .owner('sessions')
      .where({ account_id: idle.id })
      .update({ expire: new Date(Date.now() - 1_000) });
    expect((await idle.call('GET', '/v1/me')).status).toBe(401);
    const old = await signedInPerson(usher, organization, 'old@example.com');
    const set = `jsonb_set(sess::jsonb, '{signedInAt}', to_jsonb((now() - interval '7 days 1 second')::text))`;
    await usher
      .owner('sessions')
      .where({ account_id: old.id })
      .update({ sess: usher.owner.raw(set) });
    expect((await old.call('GET', '/v1/me')).status).toBe(401);
    expect(await usher.owner('sessions').where({ account_id: old.id })).toHaveLength(0);
  });

  it('is listed, and ended from another one', async () => {
    const here = await signedInPerson(usher, organization, 'two@example.com');
    const there = visitor(usher);
    await there.signIn('two@example.com');
    const list = await here.call('GET', '/v1/me/sessions');
    expect(list.body.items.map(({ current }: { current: boolean }) => current)).toEqual([false, true]);
    const other = list.body.items[0].id as string;
    const stranger = await signedInPerson(usher, organization, 'stranger@example.com');
    expect((await stranger.call('DELETE', `/v1/me/sessions/${other}`)).status).toBe(404);
    expect((await here.call('DELETE', `/v1/me/sessions/${other}`)).status).toBe(204);
    expect((await there.call('GET', '/v1/me')).status).toBe(401);
    expect((await here.call('GET', '/v1/me')).status).toBe(200);
  });

  it('is over after signing out, and signing out twice does no harm', async () => {
    const person = await signedInPerson(usher, organization, 'bye@example.com');
    expect((await person.call('POST', '/v1/auth/sign-out')).status).toBe(204);
    expect((await person.call('GET', '/v1/me')).status).toBe(401);
    expect((await person.call('POST', '/v1/auth/sign-out')).status).toBe(204);
  });

  it('does not work for other sites', async () => {
    const person = await signedInPerson(usher, organization, 'csrf@example.com');
    for (const headers of [{ origin: 'https://evil.test' }, { 'sec-fetch-site': 'cross-site' }] as Record<
      string,
      string
    >[]) {
      const changed = await person.call('PATCH', '/v1/me', { firstName: 'Eve' }, { headers });
      expect(changed).toMatchObject({ status: 403, body: { code: 'FOREIGN_ORIGIN' } });
      const planted = await visitor(usher).call(
        'POST',
        '/v1/auth/sign-in',
        { login: 'csrf@example.com', password: goodPassword },
        { headers },
      );
      expect(planted.status).toBe(403);
    }
    const own = await person.call(
      'PATCH',
      '/v1/me',
      { firstName: 'Eve' },
      { headers: { origin: 'http://usher.test' } },
    );
    expect(own.status).toBe(200);
  });
});

describe('the own account', () => {
  it('changes names and language, and nothing that is staff’s to change', async () => {
    const person = await signedInPerson(usher, organization, 'self@example.com', { username: 'self' });
    const changed = await person.call('PATCH', '/v1/me', { firstName: 'Augusta', locale: 'de' });
    expect(changed.body).toMatchObject({ firstName: 'Augusta', lastName: 'Lovelace', locale: 'de' });
    const columns = Object.keys(await usher.owner('accounts').columnInfo());
    const fields = [...columns, 'username', 'role', 'organizationId', 'kind', 'permissions', 'passwordHash', 'status']
      .map((name) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()))
      .filter((name) => !['firstName', 'lastName', 'locale'].includes(name));
    for (const field of fields) {
      const refused = await person.call('PATCH', '/v1/me', { [field]: 'administrator' });
      expect({ field, status: refused.status }).toEqual({ field, status: 400 });
    }
  });

  it('takes a new password only with the present one, and ends every other session', async () => {
    const person = await signedInPerson(usher, organization, 'change@example.com');
    const other = visitor(usher);
    await other.signIn('change@example.com');
    const password = 'Spring-Is-Here-9';
    const refused = await person.call('PUT', '/v1/me/password', { currentPassword: wrong, password });
    expect(refused).toMatchObject({ status: 403, body: { code: 'WRONG_PASSWORD' } });
    const weak = await person.call('PUT', '/v1/me/password', { currentPassword: goodPassword, password: 'short' });
    expect(weak).toMatchObject({ status: 400, body: { code: 'WEAK_PASSWORD' } });
    const done = await person.call('PUT', '/v1/me/password', { currentPassword: goodPassword, password });
    expect(done.status).toBe(204);
    expect((await person.call('GET', '/v1/me')).status).toBe(200);
    expect((await other.call('GET', '/v1/me')).status).toBe(401);
    expect((await visitor(usher).signIn('change@example.com')).status).toBe(401);
    expect((await visitor(usher).signIn('change@example.com', password)).status).toBe(200);
  });
});

describe('what a role may', () => {
  const path = (suffix: string) => `/v1/organizations/current${suffix}`;
  const guest = { email: 'someone@example.net', kind: 'guest' };

  it('a member reads the directory, and invites guests only where the policy says so', async () => {
    const member = await signedInPerson(usher, organization, 'member@example.com');
    expect((await member.call('GET', path('/users'))).status).toBe(200);
    for (const suffix of ['', '/policy', '/api-keys', '/invitations', '/audit-events'])
      expect((await member.call('GET', path(suffix))).status).toBe(403);
    expect((await member.call('POST', path('/invitations'), 'not even looked at')).status).toBe(403);
    await usher.call('PATCH', `/v1/organizations/${organization.id}/policy`, { membersMayInviteGuests: true });
    const invited = await member.call('POST', path('/invitations'), guest);
    expect(invited).toMatchObject({ status: 201, body: { invitedBy: { type: 'user', displayName: 'Ada Lovelace' } } });
    expect((await member.call('POST', path('/invitations'), { email: 'm@example.net' })).status).toBe(403);
    await usher.call('PATCH', `/v1/organizations/${organization.id}/policy`, { membersMayInviteGuests: false });
  });

  it('staff invite members and guests, but give no roles and change no settings', async () => {
    const staff = await signedInPerson(usher, organization, 'staff@example.com', { staff: true });
    expect((await staff.call('POST', path('/invitations'), { email: 'by-staff@example.net' })).status).toBe(201);
    for (const role of ['staff', 'administrator'])
      expect((await staff.call('POST', path('/invitations'), { email: 'up@example.net', role })).status).toBe(403);
    expect((await staff.call('GET', path('/invitations'))).status).toBe(200);
    expect((await staff.call('PATCH', path('/policy'), { notifyInviter: false })).status).toBe(403);
    expect((await staff.call('POST', path('/api-keys'), { name: 'x' })).status).toBe(403);
  });

  it('an administrator does everything in their organization and nothing in another', async () => {
    const administrator = await signedInPerson(usher, organization, 'admin@example.com', { role: 'administrator' });
    expect((await administrator.call('GET', path('/policy'))).status).toBe(200);
    expect((await administrator.call('POST', path('/api-keys'), { name: 'x' })).status).toBe(201);
    const other = await usher.createOrganization({ name: 'Other' });
    expect((await administrator.call('GET', `/v1/organizations/${other.id}/users`)).status).toBe(404);
    expect((await administrator.call('POST', '/v1/organizations', {})).status).toBe(403);
    const events = await administrator.call('GET', path('/audit-events?type=account.signed-in'));
    expect(events.body.items[0]).toMatchObject({ actor: { type: 'user', id: administrator.id, displayName: null } });
  });

  it('a guest reaches no role, and keys are no persons', async () => {
    const visiting = await signedInPerson(usher, organization, 'guest@example.net', { kind: 'guest' });
    expect((await visiting.call('GET', path('/users'))).status).toBe(403);
    expect((await organization.call('GET', '/users')).status).toBe(200);
    expect((await usher.call('GET', '/v1/me')).status).toBe(403);
    expect((await visiting.call('GET', '/v1/me/organizations')).body.items).toEqual([
      { id: organization.id, name: 'Acme', kind: 'guest', current: true },
    ]);
  });
});
