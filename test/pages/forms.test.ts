import * as password from '../../domain/password';
import { type Locale, locales, translator } from '../../i18n';
import { moved, setClock } from '../support/clock';
import { hiddenFields } from '../support/console-forms';
import { elementsOf } from '../support/html';
import { visitor as callerOf } from '../support/people';
import { tokenOf } from '../support/token';
import { goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';
import { type Page, type Visitor, visit } from '../support/visitor';

// Only counted: estimating a password is the dearest thing that a form may ask for.
jest.mock('../../domain/password', () => {
  const actual = jest.requireActual<typeof password>('../../domain/password');
  return { ...actual, unmetPasswordRules: jest.fn(actual.unmetPasswordRules) };
});
const judged = jest.mocked(password.unmetPasswordRules);

let usher: TestUsher;
let organization: TestOrganization;
beforeAll(async () => {
  usher = await startUsher({ worker: false });
  organization = await usher.createOrganization({ name: 'Nordlicht', preset: 'create-user' });
});
afterAll(() => usher.stop());
afterEach(() => setClock(usher, null));

/** Where the page of an expired link asks for a new one. */
const asking = ({ html }: Page): string =>
  elementsOf(html)
    .flatMap(({ attributes }) => attributes['action'] ?? [])
    .find((action) => action.endsWith('/request-new')) ?? '';

let count = 0;
async function open(
  fields: Record<string, unknown> = {},
): Promise<{ visitor: Visitor; page: Page; path: string; id: string }> {
  const invitation = await organization.invite({
    email: `person-${count++}@forms.test`,
    firstName: 'Ada',
    lastName: 'Lovelace',
    ...fields,
  });
  const visitor = visit(usher);
  const page = await visitor.get(`/invitations/${tokenOf(usher, invitation)}`);
  return { visitor, page, path: `/invitations/open/${invitation.id}`, id: invitation.id as string };
}

const good = { firstName: 'Ada', lastName: 'Lovelace', password: goodPassword };
const long = 'x'.repeat(1_001);

describe.each(locales)('each bad field is told in words (%s)', (locale: Locale) => {
  const t = translator(locale);

  test.each([
    ['fields.firstName.required', { firstName: ' ' }],
    ['fields.firstName.tooLong', { firstName: long }],
    ['fields.firstName.tooLong', { firstName: '🦊'.repeat(101) }],
    ['fields.firstName.invalid', { firstName: 'A\u0007da' }],
    ['fields.lastName.required', { lastName: '' }],
    ['fields.lastName.tooLong', { lastName: long }],
    ['fields.lastName.invalid', { lastName: 'Love\u0000lace' }],
    ['fields.username.invalid', { username: '!' }],
    ['fields.username.invalid', { username: long }],
    ['fields.password.required', { password: '' }],
    ['fields.password.weak', { password: 'Passw0rd!' }],
    ['fields.password.tooLong', { password: long }],
  ])('registration: %s', async (key, fields) => {
    const { visitor, page } = await open({ locale });
    const answer = await visitor.post(page.action(), { ...good, ...fields });
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(t(key, { maxLength: key.includes('password') ? 200 : 100 }));
    expect(answer.text).not.toMatch(/\bfields\./);
  });

  test.each([
    ['fields.reason.tooLong', { reason: long, confirm: 'yes' }],
    ['fields.reason.tooLong', { reason: long.repeat(100), confirm: 'yes' }],
    ['fields.reason.invalid', { reason: 'No\u0007', confirm: 'yes' }],
    ['fields.confirmDecline.required', { reason: 'No' }],
  ])('declining: %s', async (key, fields: Record<string, string>) => {
    const { visitor, path } = await open({ locale });
    const answer = await visitor.post(`${path}/decline`, fields);
    expect(answer.status).toBe(400);
    const shown = elementsOf(answer.html);
    expect(shown.find(({ name }) => name === 'textarea')?.text).toBe(fields['reason']);
    const box = shown.find(({ attributes }) => attributes['id'] === 'confirm');
    expect('checked' in (box?.attributes ?? {})).toBe(fields['confirm'] === 'yes');
    expect(answer.text).toContain(t(key, { maxLength: 1_000 }));
    expect(answer.text).not.toMatch(/\bfields\./);
  });
});

test('the ends of lines in a reason count once, as everywhere', async () => {
  const { visitor, path, id } = await open();
  const reason = 'x\n'.repeat(500).trim();
  const declined = await visitor.post(`${path}/decline`, { reason: reason.replaceAll('\n', '\r\n'), confirm: 'yes' });
  expect(declined.path).toBe(`${path}/declined`);
  expect((await organization.call('GET', `/invitations/${id}`)).body.declineReason).toBe(reason);
});

test('declining twice is declining', async () => {
  const { visitor, path, id } = await open();
  const fields = { reason: 'No time', confirm: 'yes' };
  for (let times = 0; times < 2; times += 1)
    expect(await visitor.post(`${path}/decline`, fields)).toMatchObject({ status: 200, path: `${path}/declined` });
  const back = await visitor.get(path);
  expect([back.status, back.heading, back.text.includes('Sign in')]).toEqual([
    410,
    'This invitation was declined',
    false,
  ]);
  const events = await organization.call('GET', `/audit-events?invitationId=${id}&type=invitation.declined`);
  expect(events.body.items).toHaveLength(1);
});

describe('a page whose cookie has run out before its form was sent', () => {
  const held = ({ html }: Page) => hiddenFields(html)['held']?.[0] ?? '';
  const statusOf = async (id: string) => (await organization.call('GET', `/invitations/${id}`)).body.status as string;

  test('is shown again with all but the password, does nothing, and works when it is sent once more', async () => {
    const { page, path, id } = await open();
    const later = visit(usher);
    const typed = { firstName: 'Augusta', lastName: 'Byron', username: 'augusta', password: goodPassword };
    const again = await later.post(page.action(), { ...typed, held: held(page) });
    expect(again.status).toBe(400);
    expect(again.text).toContain('Nothing has been sent yet, and what you typed is kept');
    expect(['firstName', 'lastName', 'username', 'password'].map(again.value)).toEqual([
      'Augusta',
      'Byron',
      'augusta',
      undefined,
    ]);
    expect(again.html).not.toContain(goodPassword);
    expect(await statusOf(id)).toBe('pending');
    expect((await later.post(again.action(), { ...typed, held: held(again) })).path).toBe(`${path}/accepted`);
  });

  test('keeps the reason for declining, and declines only when it is sent once more', async () => {
    const { visitor, path, id } = await open();
    const page = await visitor.get(`${path}/decline`);
    const later = visit(usher);
    const fields = { reason: 'No time', confirm: 'yes', held: held(page) };
    const again = await later.post(page.action(), fields);
    expect(again.text).toContain('You have not declined yet');
    expect(elementsOf(again.html).find(({ name }) => name === 'textarea')?.text).toBe('No time');
    expect(await statusOf(id)).toBe('pending');
    expect((await later.post(again.action(), fields)).path).toBe(`${path}/declined`);
  });

  test('opens nothing by itself: not another invitation, not the next day, and not by an address', async () => {
    const [one, other] = [await open(), await open()];
    const stranger = visit(usher);
    const heading = 'Please open the link in your email again';
    const token = held(one.page);
    expect((await stranger.post(other.page.action(), { ...good, held: token })).heading).toBe(heading);
    expect((await stranger.post(one.page.action(), { ...good, held: `${token.slice(0, -4)}AAAA` })).heading).toBe(
      heading,
    );
    expect((await stranger.get(`${one.path}?held=${token}`)).heading).toBe(heading);
    expect((await stranger.get(`/invitations/${token}`)).status).toBe(404);
    await setClock(usher, moved(new Date(), 12 * 3_600_000));
    expect((await stranger.post(one.page.action(), { ...good, held: token })).heading).toBe(heading);
  });

  test('of a link that has expired meanwhile asks for a new one all the same', async () => {
    const { visitor, path, id } = await open();
    const { expiresAt } = (await organization.call('GET', `/invitations/${id}`)).body;
    await setClock(usher, moved(expiresAt as string, 1_000));
    const dead = await visitor.get(path);
    expect((await visit(usher).post(asking(dead), { held: held(dead) })).path).toBe(`${path}/requested`);
  });
});

test('a password is estimated once for each time that the form is sent', async () => {
  const { visitor, page } = await open();
  judged.mockClear();
  expect((await visitor.post(page.action(), { ...good, password: 'Passw0rd!' })).status).toBe(400);
  expect(judged).toHaveBeenCalledTimes(1);
  expect((await visitor.post(page.action(), good)).path).toMatch(/\/accepted$/);
  expect(judged).toHaveBeenCalledTimes(2);
});

test('a form that is sent twice welcomes twice, at once and later', async () => {
  const { visitor, page, path } = await open();
  const pages = await Promise.all([visitor.post(page.action(), good), visitor.post(page.action(), good)]);
  pages.push(await visitor.post(page.action(), good));
  for (const answer of pages) expect(answer).toMatchObject({ status: 200, path: `${path}/accepted` });
});

test('who holds a link that was replaced before somebody accepted is not welcomed', async () => {
  const { visitor, page, id } = await open();
  const resent = (await organization.call('POST', `/invitations/${id}/resend`)).body;
  const newer = visit(usher);
  const invitation = await newer.get(`/invitations/${tokenOf(usher, resent)}`);
  expect((await newer.post(invitation.action(), good)).status).toBe(200);
  expect((await visitor.post(page.action(), good)).status).toBe(410);
});

describe('asking for a new invitation', () => {
  const t = translator('en');
  /** Has come in by a link, and is signed in. */
  async function joined(there: TestOrganization, email: string, fields: Record<string, unknown> = {}) {
    const sent = await there.invite({ email, firstName: 'Ada', lastName: 'Lovelace', ...fields });
    const accept = `/v1/invitation-tokens/${tokenOf(usher, sent)}/accept`;
    expect((await usher.call('POST', accept, { password: goodPassword }, { key: null })).status).toBe(200);
    const person = callerOf(usher);
    expect((await person.signIn(email)).status).toBe(200);
    return person;
  }

  test('is answered by what was done: recorded, for administrators to see, where a key has invited', async () => {
    const { visitor, path, id } = await open();
    const { expiresAt } = (await organization.call('GET', `/invitations/${id}`)).body;
    await setClock(usher, moved(expiresAt as string, 1_000));
    const dead = await visitor.get(path);
    expect(dead.status).toBe(410);
    expect(dead.text).toContain(t('pages.deadLink.expired.nextButton'));
    // Not asked yet: nothing to confirm.
    expect((await visitor.get(`${path}/requested`)).status).toBe(410);
    for (let again = 0; again < 2; again++) {
      const asked = await visitor.post(asking(dead));
      expect(asked).toMatchObject({ status: 200, path: `${path}/requested` });
      expect(asked.text).toContain(t('pages.requestSent.text', { organizationName: 'Nordlicht' }));
    }
    const events = (
      await organization.call('GET', `/audit-events?invitationId=${id}&type=invitation.new-link-requested`)
    ).body.items as unknown[];
    expect(events).toHaveLength(1);
  });

  test('is told as mailed to the inviter, where they are: a person with an address, and the policy on', async () => {
    const told = { organizationName: 'Weit', mailed: t('pages.deadLink.expired.nextButtonTold') };
    const recorded = t('pages.deadLink.expired.nextButton');
    const wide = await usher.createOrganization({ name: 'Weit', preset: '28-days' });
    const chief = await joined(wide, 'chief@forms.test', { role: 'administrator' });
    const ask = async (email: string, policy: boolean, laterPolicy = policy) => {
      await wide.call('PATCH', '/policy', { notifyInviter: policy });
      const path = `/v1/organizations/${wide.id}/invitations`;
      const sent = await chief.call('POST', path, { email, firstName: 'Ada', lastName: 'Lovelace' });
      await setClock(usher, moved(sent.body.expiresAt as string, 1_000));
      const browser = visit(usher);
      const dead = await browser.get(`/invitations/${tokenOf(usher, sent.body)}`);
      await browser.post(`/invitations/open/${sent.body.id}/request-new`);
      await wide.call('PATCH', '/policy', { notifyInviter: laterPolicy });
      const after = await browser.get(`/invitations/open/${sent.body.id}/requested`);
      await setClock(usher, null);
      const notices = await usher.owner('inviter_notices').where({ invitation_id: sent.body.id });
      return { before: dead.text, after: after.text, notices: notices.length };
    };
    const mailed = await ask('told@forms.test', true);
    expect(mailed.notices).toBe(1);
    expect(mailed.before).toContain(told.mailed);
    expect(mailed.after).toContain(t('pages.requestSent.textTold', told));
    const off = await ask('untold@forms.test', false);
    expect(off.notices).toBe(0);
    expect(off.before).toContain(recorded);
    expect(off.after).toContain(t('pages.requestSent.text', told));
    // What was done counts, not what the policy says by now.
    expect((await ask('was-told@forms.test', true, false)).after).toContain(t('pages.requestSent.textTold', told));
    expect((await ask('was-not@forms.test', false, true)).after).toContain(t('pages.requestSent.text', told));
  });

  describe('a new password comes first for members who can come back by it', () => {
    const back = t('pages.deadLink.wayBack');
    const expired = async (policy: string, fields: Record<string, unknown>, prepare = async (_id: string) => {}) => {
      const there = await usher.createOrganization({ name: 'Weit', preset: policy });
      const sent = await there.invite({ firstName: 'Ada', lastName: 'Lovelace', ...fields });
      await prepare(sent.id as string);
      await setClock(usher, moved(sent.expiresAt as string, 1_000));
      return visit(usher).get(`/invitations/${tokenOf(usher, sent)}`);
    };
    const buttons = (page: Page) =>
      elementsOf(page.html)
        .filter(({ name }) => name === 'button')
        .map(({ text }) => text.trim());

    test('with one button, to the address that the invitation was mailed to', async () => {
      const page = await expired('28-days', { email: 'back@forms.test' });
      expect([page.status, page.action(), buttons(page)]).toEqual([
        410,
        '/forgot-password',
        [back, t('pages.deadLink.requestNew')],
      ]);
      expect(page.text).toContain(t('pages.deadLink.expired.wayBackTo', { email: 'back@forms.test' }));
      expect(hiddenFields(page.html)['email']).toEqual(['back@forms.test']);
    });

    test.each([
      ['where the expired stay invited', '21-days', {}],
      ['for guests', '28-days', { kind: 'guest' }],
    ])('but not %s', async (name, policy, fields) => {
      const page = await expired(policy, { email: `${name.replaceAll(' ', '-')}@forms.test`, ...fields });
      expect([page.status, buttons(page)]).toEqual([410, [t('pages.deadLink.requestNew')]]);
      expect(page.text).not.toContain('@forms.test');
    });

    test('and nobody without the newest genuine link hears of it', async () => {
      const there = await usher.createOrganization({ name: 'Weit', preset: '28-days' });
      const sent = await there.invite({ email: 'quiet@forms.test', firstName: 'Ada', lastName: 'Lovelace' });
      const newer = (await there.call('POST', `/invitations/${sent.id}/resend`)).body;
      await setClock(usher, moved(newer.expiresAt as string, 1_000));
      for (const token of [tokenOf(usher, sent), `${tokenOf(usher, newer)}x`]) {
        const page = await visit(usher).get(`/invitations/${token}`);
        expect([buttons(page), page.text.includes('quiet@forms.test')]).toEqual([[], false]);
      }
    });

    test('and not once the address is proved somebody else’s', async () => {
      const page = await expired('28-days', { email: 'proved@forms.test' }, async () => {
        const elsewhere = await usher.createOrganization({ name: 'Anders', preset: '28-days' });
        await joined(elsewhere, 'proved@forms.test');
      });
      expect(buttons(page)).toEqual([t('pages.deadLink.requestNew')]);
    });
  });

  test('by a link that is still alive shows the invitation', async () => {
    const { visitor, page, path } = await open();
    expect(await visitor.post(`${path}/request-new`)).toMatchObject({ status: 200, path, heading: page.heading });
  });

  test('without the cookie asks to open the link again', async () => {
    const { path } = await open();
    const stranger = visit(usher);
    expect((await stranger.get(`${path}/requested`)).heading).toMatch(/open the link/);
  });
});

test('the page for declining can be read in every language', async () => {
  const { visitor, path } = await open();
  const toGerman = elementsOf((await visitor.get(`${path}/decline`)).html).find(
    ({ attributes }) => attributes['hreflang'] === 'de',
  );
  expect(toGerman?.attributes['href']).toBe(`${path}/decline?lang=de`);
  expect((await visitor.get(`${path}/decline?lang=de`)).heading).toMatch(/ablehnen/);
});

describe('an address that leads nowhere', () => {
  test('is a page for a browser, in its language', async () => {
    const page = await visit(usher, { Accept: 'text/html,*/*;q=0.8', 'Accept-Language': 'de' }).get('/nowhere');
    expect(page.status).toBe(404);
    expect(page.headers.get('content-type')).toMatch(/^text\/html/);
    expect(page.html).toContain('<html lang="de">');
  });

  test.each([
    ['/v1/nowhere', 'text/html'],
    ['/v1', 'text/html'],
    ['/nowhere', 'application/json'],
    ['/nowhere', '*/*'],
  ])('is a problem for programs: %s for %s', async (path, accept) => {
    const answer = await usher.call('GET', path, undefined, { key: null, headers: { Accept: accept } });
    expect(answer).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
  });
});
