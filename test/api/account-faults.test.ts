import { type Person, signedInPerson, visitor } from '../support/people';
import { expectProblem } from '../support/problem';
import { eventually, goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let home: TestOrganization;
let host: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  home = await usher.createOrganization({ preset: '28-days', name: 'Home' });
  host = await usher.createOrganization({ preset: '28-days', name: 'Host' });
});
afterAll(() => usher.stop());

const newPassword = 'Spring-Is-Here-9';
const current = '/v1/organizations/current';
const forgot = (email: string) => usher.call('POST', '/v1/auth/forgot-password', { email }, { key: null });
const reset = (token: string) =>
  usher.call('POST', '/v1/auth/reset-password', { token, password: newPassword }, { key: null });
const confirm = (token: string) => usher.call('POST', '/v1/auth/confirm-email', { token }, { key: null });
const tokenIn = async (email: string, count: number, page = 'reset-password'): Promise<string> => {
  const text = (await usher.mail.waitForMail(email, count)).at(-1)?.parsed.text ?? '';
  return new RegExp(`${page}/([A-Za-z0-9_-]+)`).exec(text)?.[1] ?? '';
};
const accountOf = (id: string) => usher.owner('accounts').first().where({ id });

/** A person at home in one organization, who has joined another as member, too. */
async function inBoth(email: string): Promise<Person> {
  const person = await signedInPerson(usher, home, email);
  const { id } = await host.invite({ email });
  const done = await person.call('POST', `/v1/me/invitations/${id}/accept`);
  expect(done.status).toBe(200);
  return person;
}

describe('a link for a new password', () => {
  test('is dead after the address was changed and confirmed, though it was mailed to the right person', async () => {
    const person = await signedInPerson(usher, home, 'before@link.test');
    await forgot('before@link.test');
    const token = await tokenIn('before@link.test', 2);
    await person.call('PUT', '/v1/me/email', { currentPassword: goodPassword, email: 'after@link.test' });
    const confirmation = { token: await tokenIn('after@link.test', 1, 'confirm-email') };
    expect((await person.call('POST', '/v1/auth/confirm-email', confirmation)).status).toBe(204);
    expectProblem(await reset(token), 'LINK_DEAD');
    expect((await visitor(usher).signIn('after@link.test')).status).toBe(200);
  });

  test('of a deleted account is dead, also when the address has come back with a new one', async () => {
    const person = await signedInPerson(usher, home, 'deleted@link.test');
    await forgot('deleted@link.test');
    const token = await tokenIn('deleted@link.test', 2);
    expect((await home.call('DELETE', `/users/${person.id}`)).status).toBe(204);
    expectProblem(await reset(token), 'LINK_DEAD');
    await home.invite({ email: 'deleted@link.test' });
    expectProblem(await reset(token), 'LINK_DEAD');
  });

  test('is used up by the first of many who come with it at once', async () => {
    await signedInPerson(usher, home, 'many@link.test');
    await forgot('many@link.test');
    const token = await tokenIn('many@link.test', 2);
    const answers = await Promise.all(Array.from({ length: 8 }, () => reset(token)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, ...Array<number>(7).fill(410)]);
  });
});

describe('a session', () => {
  test('sees nothing of an organization from the request on that follows the removal from it', async () => {
    const person = await inBoth('removed@session.test');
    await person.call('PUT', '/v1/me/current-organization', { organizationId: host.id });
    const users = `/v1/organizations/${host.id}/users`;
    expect((await person.call('GET', users)).status).toBe(200);
    expect((await host.call('DELETE', `/users/${person.id}`)).status).toBe(204);
    expectProblem(await person.call('GET', users), 'NOT_FOUND');
    expect((await person.call('GET', '/v1/me/organizations')).body.items).toEqual([
      { id: home.id, name: 'Home', kind: 'member', current: true },
    ]);
  });

  test('is over everywhere with a deactivation, a new password and a deletion', async () => {
    for (const end of ['deactivate', 'reset', 'delete'] as const) {
      const email = `${end}@session.test`;
      const person = await signedInPerson(usher, home, email);
      const elsewhere = visitor(usher);
      await elsewhere.signIn(email);
      if (end === 'deactivate') await home.call('POST', `/users/${person.id}/deactivate`);
      if (end === 'delete') await home.call('DELETE', `/users/${person.id}`);
      if (end === 'reset') {
        await forgot(email);
        expect((await reset(await tokenIn(email, 2))).status).toBe(204);
      }
      for (const browser of [person, elsewhere]) expectProblem(await browser.call('GET', '/v1/me'), 'UNAUTHENTICATED');
      expect(await usher.owner('sessions').where({ account_id: person.id })).toEqual([]);
    }
  });
});

describe('nobody sets what is not theirs to set', () => {
  const camel = (name: string) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  /** Every column of accounts and memberships, as JSON and as SQL would name it. */
  async function columns(): Promise<string[]> {
    const { rows } = await usher.owner.raw<{ rows: { column_name: string }[] }>(
      `select distinct column_name from information_schema.columns
       where table_schema = 'public' and table_name in ('accounts', 'memberships')`,
    );
    const names = rows.map(({ column_name: name }) => name);
    expect(names.length).toBeGreaterThan(25);
    return [...new Set(names.flatMap((name) => [name, camel(name)]))];
  }
  const rowsOf = async (id: string): Promise<unknown> => [
    await usher.owner('accounts').where({ id }),
    await usher.owner('memberships').where({ account_id: id }).orderBy('organization_id'),
  ];
  /** Of the type that such a column has, so that it is the name that is refused. */
  const valuesOf = (field: string): unknown[] => {
    if (/(^|_)id$|Id$/.test(field)) return [host.id];
    if (/at$|deadline$/i.test(field)) return ['2031-01-01T00:00:00.000Z', null];
    if (/version|epoch/i.test(field)) return [99];
    if (field === 'status') return ['active', 'deactivated'];
    if (field === 'kind') return ['guest'];
    if (field === 'role') return ['administrator'];
    if (field === 'permissions') return [['everything']];
    return ['text', null, true];
  };

  test('a person changes of themselves names and language, of all columns that there are', async () => {
    const person = await signedInPerson(usher, home, 'self@mass.test', { username: 'self' });
    const allowed = ['firstName', 'lastName', 'locale'];
    const before = await rowsOf(person.id);
    for (const field of (await columns()).filter((name) => !allowed.includes(name)))
      for (const value of valuesOf(field)) {
        const refused = await person.call('PATCH', '/v1/me', { firstName: 'Eve', [field]: value });
        expect({ field, status: refused.status, code: refused.body.code as unknown }).toEqual({
          field,
          status: 400,
          code: 'BAD_INPUT',
        });
        expectProblem(refused, 'BAD_INPUT', [`/${field}`]);
      }
    expect(await rowsOf(person.id)).toEqual(before);
    for (const field of [
      'organizationId',
      'organization',
      'password',
      'staff',
      'twoFactor',
      '__proto__',
      'constructor',
    ])
      expectProblem(await person.call('PATCH', '/v1/me', JSON.parse(`{"${field}":"x"}`)), 'BAD_INPUT');
    expect(await rowsOf(person.id)).toEqual(before);
    expect((await person.call('PATCH', '/v1/me', { firstName: 'Augusta' })).status).toBe(200);
  });

  test('an administrator changes of a user what the contract names, of all columns that there are', async () => {
    const administrator = await signedInPerson(usher, home, 'admin@mass.test', { role: 'administrator' });
    const user = await signedInPerson(usher, home, 'user@mass.test', { username: 'user.mass' });
    const path = `${current}/users/${user.id}`;
    const allowed = ['firstName', 'lastName', 'email', 'username', 'role', 'permissions', 'userType', 'externalId'];
    const before = await rowsOf(user.id);
    for (const field of (await columns()).filter((name) => !allowed.includes(name)))
      for (const value of valuesOf(field)) {
        const refused = await administrator.call('PATCH', path, { firstName: 'Eve', [field]: value });
        expect({ field, status: refused.status }).toEqual({ field, status: 400 });
        expectProblem(refused, 'BAD_INPUT', [`/${field}`]);
      }
    expect(await rowsOf(user.id)).toEqual(before);
    const own = await user.call('PATCH', path, { role: 'administrator' });
    expectProblem(own, 'FORBIDDEN');
    expect(await rowsOf(user.id)).toEqual(before);
  });
});

test('who is erased leaves nothing behind that says where they came from or signed in', async () => {
  const person = await signedInPerson(usher, home, 'traces@erased.test');
  await visitor(usher).signIn('traces@erased.test', 'Not-The-Password-1');
  await forgot('traces@erased.test');
  await usher.mail.waitForMail('traces@erased.test', 2);
  const traces = async () => [
    ...(await usher.owner('sign_ins').where({ account_id: person.id })),
    ...(await usher.owner('sessions').where({ account_id: person.id })),
    ...(await usher.owner('account_mails').where({ account_id: person.id })),
    ...(await usher.owner('memberships').where({ account_id: person.id })),
    ...(await usher.owner('emails').where({ recipient: 'traces@erased.test' })),
  ];
  expect((await traces()).length).toBeGreaterThan(4);
  expect((await home.call('DELETE', `/users/${person.id}`)).status).toBe(204);
  expect(await traces()).toEqual([]);
});

describe('only the home of a person', () => {
  test('changes their address, name, password and status; an organization that they joined as member does not', async () => {
    const person = await inBoth('both@home.test');
    const administrator = await signedInPerson(usher, host, 'host-admin@home.test', { role: 'administrator' });
    const path = `${current}/users/${person.id}`;
    const before = await accountOf(person.id);
    for (const patch of [{ email: 'eve@home.test' }, { username: 'eve' }, { firstName: 'Eve' }, { lastName: 'Eve' }])
      expectProblem(await administrator.call('PATCH', path, patch), 'FORBIDDEN');
    for (const action of ['reset-password', 'deactivate', 'activate'])
      expectProblem(await administrator.call('POST', `${path}/${action}`), 'FORBIDDEN');
    expect(await accountOf(person.id)).toEqual(before);
    expect((await administrator.call('PATCH', path, { role: 'staff' })).body.role).toBe('staff');
  });

  test('who has lost it looks after themselves, and no organization can', async () => {
    const person = await inBoth('homeless@home.test');
    expect((await home.call('DELETE', `/users/${person.id}`)).status).toBe(204);
    expect((await person.call('GET', '/v1/me')).body).toMatchObject({ homeOrganizationId: null });
    for (const patch of [{ email: 'eve@home.test' }, { firstName: 'Eve' }])
      expectProblem(await host.call('PATCH', `/users/${person.id}`, patch), 'FORBIDDEN');
    for (const action of ['reset-password', 'deactivate', 'activate'])
      expectProblem(await host.call('POST', `/users/${person.id}/${action}`), 'FORBIDDEN');
    expect((await person.call('PATCH', '/v1/me', { firstName: 'Free' })).body.firstName).toBe('Free');
    const address = { currentPassword: goodPassword, email: 'free@home.test' };
    expect((await person.call('PUT', '/v1/me/email', address)).status).toBe(202);
    expect((await confirm(await tokenIn('free@home.test', 1, 'confirm-email'))).status).toBe(204);
    await forgot('free@home.test');
    expect((await reset(await tokenIn('free@home.test', 2))).status).toBe(204);
    expect((await person.signIn('free@home.test', newPassword)).status).toBe(200);
    const again = await home.invite({ email: 'free@home.test' });
    expect((await person.call('POST', `/v1/me/invitations/${again.id}/accept`)).status).toBe(200);
    expect((await person.call('GET', '/v1/me')).body).toMatchObject({ homeOrganizationId: home.id });
  });

  test('deactivates; deleted there afterwards, who belongs elsewhere gets in again by a new password, and not without', async () => {
    const person = await inBoth('locked@home.test');
    await home.call('POST', `/users/${person.id}/deactivate`);
    await forgot('locked@home.test');
    expect((await home.call('DELETE', `/users/${person.id}`)).status).toBe(204);
    expectProblem(await person.signIn('locked@home.test'), 'ACCOUNT_NOT_ACTIVE');
    expect((await host.call('GET', `/users/${person.id}`)).body.status).toBe('inactive');
    await eventually(
      () => usher.owner('account_mails').where({ status: 'queued' }),
      (rows) => rows.length === 0,
    );
    const sent = usher.mail.messages.filter(({ to }) => to[0] === 'locked@home.test').length;
    await forgot('locked@home.test');
    expect((await reset(await tokenIn('locked@home.test', sent + 1))).status).toBe(204);
    expect((await person.signIn('locked@home.test', newPassword)).status).toBe(200);
    expect((await host.call('GET', `/users/${person.id}`)).body.status).toBe('active');
  });
});

describe('administrators', () => {
  const two = async (name: string) => {
    const organization = await usher.createOrganization({ preset: '28-days', name });
    const role = 'administrator';
    return {
      organization,
      one: await signedInPerson(usher, organization, `one@${name}.test`, { role }),
      other: await signedInPerson(usher, organization, `other@${name}.test`, { role }),
    };
  };
  const administrators = async (organization: TestOrganization): Promise<number> =>
    (await organization.call('GET', '/users?status=active')).body.items.filter(
      ({ role }: { role: string }) => role === 'administrator',
    ).length;

  test.each([
    ['demote', (by: Person, whom: Person) => by.call('PATCH', `${current}/users/${whom.id}`, { role: 'member' })],
    ['delete', (by: Person, whom: Person) => by.call('DELETE', `${current}/users/${whom.id}`)],
    ['deactivate', (by: Person, whom: Person) => by.call('POST', `${current}/users/${whom.id}/deactivate`)],
  ])('two who %s each other at once leave one', async (name, act) => {
    for (let round = 0; round < 3; round += 1) {
      const { organization, one, other } = await two(`${name}-${round}`);
      const answers = await Promise.all([act(one, other), act(other, one)]);
      expect(answers.filter(({ status }) => status < 300)).toHaveLength(1);
      expect([401, 403, 404, 409]).toContain(answers.find(({ status }) => status >= 300)?.status);
      expect(await administrators(organization)).toBe(1);
    }
  });

  test('the last one is not demoted, deleted or deactivated, by themselves or by a key', async () => {
    const { organization, one, other } = await two('last');
    expect((await one.call('PATCH', `${current}/users/${one.id}`, { role: 'member' })).body.role).toBe('member');
    const path = `/users/${other.id}`;
    for (const refused of [
      await other.call('PATCH', `${current}${path}`, { role: 'member' }),
      await other.call('PATCH', `${current}${path}`, { role: 'staff' }),
      await other.call('DELETE', `${current}${path}`),
      await other.call('POST', `${current}${path}/deactivate`),
      await organization.call('PATCH', path, { role: 'member' }),
      await organization.call('DELETE', path),
      await organization.call('POST', `${path}/deactivate`),
    ])
      expectProblem(refused, 'LAST_ADMINISTRATOR');
    expect(await administrators(organization)).toBe(1);
  });

  test('one who has never come in is not the last: a wrong address can be deleted or made less', async () => {
    const created = await usher.call('POST', '/v1/organizations', {
      ...{ name: 'New', preset: '28-days', timeZone: 'Europe/Berlin', locale: 'en' },
      administrator: { email: 'wrong@new.test', firstName: 'Ada', lastName: 'Lovelace' },
    });
    const users = `/v1/organizations/${created.body.id}/users`;
    const [{ id }] = (await usher.call('GET', users)).body.items;
    expect((await usher.call('PATCH', `${users}/${id}`, { role: 'staff' })).body.role).toBe('staff');
    expect((await usher.call('PATCH', `${users}/${id}`, { role: 'administrator' })).body.role).toBe('administrator');
    expect((await usher.call('DELETE', `${users}/${id}`)).status).toBe(204);
    expect((await usher.call('GET', users)).body.items).toEqual([]);
  });
});

test('two who confirm the same new address at once: one has it, the other is told that it is taken', async () => {
  for (let round = 0; round < 4; round += 1) {
    const wanted = `wanted-${round}@race.test`;
    const people = [
      await signedInPerson(usher, home, `left-${round}@race.test`),
      await signedInPerson(usher, host, `right-${round}@race.test`),
    ];
    const tokens: string[] = [];
    for (const person of people) {
      await person.call('PUT', '/v1/me/email', { currentPassword: goodPassword, email: wanted });
      tokens.push(await tokenIn(wanted, tokens.length + 1, 'confirm-email'));
    }
    const answers = await Promise.all(
      people.map((person, n) => person.call('POST', '/v1/auth/confirm-email', { token: tokens[n] })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 409]);
    const lost = answers.findIndex(({ status }) => status === 409);
    expectProblem(answers[lost] as (typeof answers)[number], 'EMAIL_TAKEN', ['/email']);
    const emails = await Promise.all(people.map(async (person) => (await person.call('GET', '/v1/me')).body.email));
    expect(emails.filter((email) => email === wanted)).toHaveLength(1);
    expect(emails[lost]).toMatch(/^(left|right)-/);
  }
});
