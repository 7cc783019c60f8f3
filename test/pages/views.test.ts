import { durationOf, durationWords } from '../../api/console/durations';
import { deviceName, shownAddress } from '../../api/pages/device';
import { passwordRuleItems, renderPage, softBreaks, type ViewData, type ViewName } from '../../api/pages/render';
import { locales, type Locale, translator } from '../../i18n';
import { elementsOf, type HtmlElement } from '../support/html';

const expiresAt = new Date('2026-12-21T13:05:00Z');
const timeZone = 'Europe/Berlin';
const languageLinks = locales.map((locale) => ({ locale, href: `?lang=${locale}` }));

type Example = { [View in ViewName]: { view: View; data: ViewData[View] } }[ViewName];

/** Every view in every shape it can take, with `text` wherever a value comes from people. */
function examples(text: string, locale: Locale): Record<string, Example> {
  const invitation = { organizationName: text, inviterName: text, kind: 'member' as const, email: text };
  const registration: ViewData['registration'] = {
    ...invitation,
    firstName: text,
    lastName: text,
    username: text,
    askUsername: true,
    usernameRequired: false,
    fixedUsername: null,
    message: `${text}\n${text}`,
    expiresAt,
    timeZone,
    passwordRules: passwordRuleItems(locale, 8),
    minLength: 8,
    errors: [],
    action: '/invitations/current',
    declineUrl: '/invitations/current/decline',
    held: 'k.abc',
    languageLinks,
  };
  const signIn = { ...invitation, declineUrl: '/d', expiresAt, timeZone, signInUrl: '/sign-in' };
  const holder = {
    ...invitation,
    message: text,
    expiresAt,
    timeZone,
    name: text,
    action: '/a',
    declineUrl: '/d',
    held: 'h',
  };
  const profile: ViewData['profile'] = {
    name: text,
    email: text,
    username: text,
    firstName: text,
    lastName: text,
    timeZone,
    notice: null,
    invitations: [
      {
        organizationName: text,
        kind: 'guest',
        inviterName: text,
        message: text,
        expiresAt,
        timeZone,
        accept: '/profile/a',
        decline: '/profile/d',
      },
    ],
    organizations: [
      { organizationName: text, kind: 'member', current: true, leave: null, switchTo: '/profile/s' },
      { organizationName: text, kind: 'guest', current: false, leave: '/profile/l', switchTo: '/profile/s' },
    ],
    locale: null,
    newEmail: text,
    pendingEmail: text,
    consoleUrl: '/console',
    sessions: [
      { userAgent: text, ip: '192.0.2.1', lastSeenAt: expiresAt, current: false, end: '/profile/e' },
      { userAgent: null, ip: null, lastSeenAt: expiresAt, current: true, end: '/profile/e' },
    ],
    passwordRules: passwordRuleItems(locale, 8),
    minLength: 8,
    errors: [],
    factor: {
      method: 'email',
      codesLeft: 0,
      hasAddress: true,
      required: true,
      requiredApp: false,
      mayUseEmail: false,
      maySwitchOff: false,
      epoch: 3,
    },
    paths: {
      data: '/profile',
      email: '/profile/email',
      password: '/profile/password',
      signOut: '/sign-out',
      twoFactor: '/profile/two-factor',
      setUpApp: '/profile/two-factor/app',
      recoveryCodes: '/profile/two-factor/recovery-codes',
    },
    languageLinks,
  };
  const signInUrl = '/sign-in';
  const signInForm = { action: '/sign-in', forgotUrl: '/forgot-password', notice: null, kept: text, errors: [] };
  const code = { notice: null, kept: text, action: '/c', againAction: '/n', otherAction: '/o', signInUrl, errors: [] };
  const setUp = { otpauthUrl: 'otpauth://totp/x?secret=ABCD', qrCode: 'data:image/png;base64,AAAA', key: 'ABCD' };
  const settingUp = { beginAction: '/b', confirmAction: '/c', cancelUrl: '/profile', signOutAction: '/o', errors: [] };
  const codes = {
    recoveryCodes: ['ABCD', 'EFGH'],
    login: text,
    madeAt: expiresAt,
    timeZone,
    downloadAction: '/d',
    nextUrl: '/profile',
  };
  const asking = { email: text, sent: false, action: '/f', signInUrl: '/sign-in', errors: [], languageLinks };
  const resetting = {
    joins: text,
    login: text,
    action: '/r',
    minLength: 8,
    languageLinks,
  };
  const decline = { organizationName: text, inviterName: text, action: '/d', backUrl: '/i', held: 'h' };
  const dead = {
    organizationName: text,
    inviterName: text,
    requestNewAction: '/new',
    held: 'h',
    signInUrl,
    expiredAt: expiresAt,
    timeZone,
  };
  const nobody = {
    organizationName: null,
    inviterName: null,
    requestNewAction: null,
    held: null,
    signInUrl,
    expiredAt: null,
    timeZone,
  };
  const brand = { organizationName: text, colour: '#ffdd00', logo: '/organizations/o/logo/l' };
  const reasons = ['expired', 'cancelled', 'superseded', 'answered', 'declined', 'unknown'] as const;
  return {
    registration: { view: 'registration', data: registration },
    'registration of a guest without an address': {
      view: 'registration',
      data: { ...registration, kind: 'guest', inviterName: null, email: null, message: null, usernameRequired: true },
    },
    'registration with a fixed username': {
      view: 'registration',
      data: { ...registration, askUsername: false, fixedUsername: text },
    },
    'registration with errors': {
      view: 'registration',
      data: {
        ...registration,
        passwordRules: passwordRuleItems(locale, 12, ['upper', 'common']),
        errors: (['firstName', 'lastName', 'username', 'password'] as const).map((field) => ({ field, message: text })),
      },
    },
    'registration opened again': { view: 'registration', data: { ...registration, reopened: true } },
    'decline opened again': {
      view: 'decline',
      data: { ...decline, reason: text, confirmed: true, errors: [], reopened: true },
    },
    'accept-signed-in opened again': {
      view: 'accept-signed-in',
      data: { ...holder, rightAccount: true, signOutAction: '/o', next: '/i', reopened: true },
    },
    'sign-in-required': { view: 'sign-in-required', data: signIn },
    'sign-in-required of a guest without an address': {
      view: 'sign-in-required',
      data: { ...signIn, kind: 'guest', inviterName: null, email: null },
    },
    'accept-signed-in': {
      view: 'accept-signed-in',
      data: { ...holder, rightAccount: true, signOutAction: '/sign-out', next: '/i' },
    },
    'accept-signed-in with another account': {
      view: 'accept-signed-in',
      data: {
        ...holder,
        kind: 'guest',
        inviterName: null,
        message: null,
        rightAccount: false,
        signOutAction: '/o',
        next: text,
      },
    },
    'sign-in': {
      view: 'sign-in',
      data: { ...signInForm, kept: null, login: '', next: '/profile', languageLinks },
    },
    'sign-in refused': {
      view: 'sign-in',
      data: { ...signInForm, login: text, next: text, notice: text, errors: [{ field: 'login', message: text }] },
    },
    'go-on': { view: 'go-on', data: { action: '/console/invite', fields: [{ name: 'message', value: text }] } },
    leave: { view: 'leave', data: { organizationName: text, action: '/l', backUrl: '/profile' } },
    'sign-in-code by mail': { view: 'sign-in-code', data: { ...code, byMail: true, next: text, languageLinks } },
    'sign-in-code of the app, refused': {
      view: 'sign-in-code',
      data: { ...code, byMail: false, next: text, notice: text, errors: [{ field: 'code', message: text }] },
    },
    'set-up-app': { view: 'set-up-app', data: { ...settingUp, mustSetUp: true, setUp: null, languageLinks } },
    'set-up-app with the secret': { view: 'set-up-app', data: { ...settingUp, mustSetUp: false, setUp } },
    'set-up-app refused': {
      view: 'set-up-app',
      data: { ...settingUp, mustSetUp: true, setUp, errors: [{ field: 'code', message: text }] },
    },
    'recovery-codes': {
      view: 'recovery-codes',
      data: { ...codes, renewed: false },
    },
    'recovery-codes in place of others': {
      view: 'recovery-codes',
      data: { ...codes, renewed: true },
    },
    'recovery-codes-shown': {
      view: 'recovery-codes-shown',
      data: { renewAction: '/r', epoch: 3, nextUrl: '/profile' },
    },
    'profile with an app and all choices': {
      view: 'profile',
      data: {
        ...profile,
        factor: { ...profile.factor, method: 'app', required: false, mayUseEmail: true, maySwitchOff: true },
      },
    },
    'profile without an address where the app is required': {
      view: 'profile',
      data: { ...profile, factor: { ...profile.factor, method: 'none', hasAddress: false, requiredApp: true } },
    },
    'forgot-password': { view: 'forgot-password', data: asking },
    'forgot-password sent': { view: 'forgot-password', data: { ...asking, sent: true } },
    'forgot-password with errors': {
      view: 'forgot-password',
      data: { ...asking, errors: [{ field: 'email', message: text }] },
    },
    'reset-password': {
      view: 'reset-password',
      data: { ...resetting, passwordRules: passwordRuleItems(locale, 8), errors: [] },
    },
    'reset-password with errors': {
      view: 'reset-password',
      data: {
        ...resetting,
        passwordRules: passwordRuleItems(locale, 8, ['upper']),
        errors: [{ field: 'password', message: text }],
      },
    },
    'account-link-dead': { view: 'account-link-dead', data: { againUrl: '/forgot-password', profileUrl: '/profile' } },
    'account-link-dead with nothing to ask for': {
      view: 'account-link-dead',
      data: { againUrl: null, profileUrl: '/profile' },
    },
    'confirm-email': {
      view: 'confirm-email',
      data: { email: text, username: text, home: text, isPerson: false, action: '/c' },
    },
    'sign-out': { view: 'sign-out', data: { name: text, action: '/sign-out', signInUrl: '/sign-in' } },
    'sign-out done': { view: 'sign-out', data: { name: null, action: '/sign-out', signInUrl: '/sign-in' } },
    profile: { view: 'profile', data: profile },
    'profile with a notice and nothing in it': {
      view: 'profile',
      data: { ...profile, email: null, username: null, notice: text, invitations: [], organizations: [], sessions: [] },
    },
    'profile with errors': {
      view: 'profile',
      data: {
        ...profile,
        passwordRules: passwordRuleItems(locale, 12, ['upper', 'common']),
        errors: (['firstName', 'lastName', 'currentPassword', 'password'] as const).map((field) => ({
          field,
          message: text,
        })),
      },
    },
    'accepted by an account holder': {
      view: 'accepted',
      data: { organizationName: text, continueUrl: null, signedIn: true, signInUrl: '/sign-in' },
    },
    decline: { view: 'decline', data: { ...decline, errors: [] } },
    'decline with errors': {
      view: 'decline',
      data: {
        ...decline,
        inviterName: null,
        reason: text,
        errors: (['reason', 'confirm'] as const).map((field) => ({ field, message: text })),
      },
    },
    accepted: { view: 'accepted', data: { organizationName: text, continueUrl: null, signInUrl: '/sign-in' } },
    'accepted with a way on': {
      view: 'accepted',
      data: { organizationName: text, continueUrl: 'https://app.test/', signInUrl: '/sign-in' },
    },
    declined: { view: 'declined', data: { organizationName: text } },
    ...Object.fromEntries(
      reasons.flatMap((reason): [string, Example][] => [
        [`dead-link ${reason}`, { view: 'dead-link', data: { ...dead, reason } }],
        [`dead-link ${reason}, nothing known`, { view: 'dead-link', data: { ...nobody, reason } }],
      ]),
    ),
    ...(Object.fromEntries(
      Object.entries({
        registration: { view: 'registration', data: { ...registration, brand } },
        'sign-in-required': { view: 'sign-in-required', data: { ...signIn, brand } },
        decline: { view: 'decline', data: { ...decline, errors: [], brand } },
        declined: { view: 'declined', data: { organizationName: text, brand } },
        accepted: {
          view: 'accepted',
          data: { organizationName: text, continueUrl: 'https://app.test/', signInUrl: '/sign-in', brand },
        },
        'dead-link': { view: 'dead-link', data: { ...dead, reason: 'expired', brand } },
        'request-sent': { view: 'request-sent', data: { organizationName: text, told: true, brand } },
        'reset-password': {
          view: 'reset-password',
          data: { ...resetting, passwordRules: passwordRuleItems(locale, 8), errors: [], brand },
        },
        'sign-in': {
          view: 'sign-in',
          data: { ...signInForm, kept: null, login: '', next: '/profile', brand, invitedTo: text },
        },
        'sign-in-code by mail': { view: 'sign-in-code', data: { ...code, byMail: true, next: text, brand } },
        'confirm-email': {
          view: 'confirm-email',
          data: { email: text, username: text, home: text, isPerson: false, action: '/c', brand },
        },
        'account-link-dead': {
          view: 'account-link-dead',
          data: { againUrl: '/forgot-password', profileUrl: '/profile', brand },
        },
        'forgot-password': { view: 'forgot-password', data: { ...asking, brand } },
      } satisfies Record<string, Example>).map(([name, example]) => [`${name} with a brand`, example]),
    ) as Record<string, Example>),
    'request-sent': { view: 'request-sent', data: { organizationName: text, told: false } },
    'open-again': { view: 'open-again', data: {} },
    problem: { view: 'problem', data: { status: 503, title: text, detail: text, requestId: text } },
    'problem without details': { view: 'problem', data: { status: 404, title: text, detail: null, requestId: null } },
    home: { view: 'home', data: { languageLinks, signInUrl, person: null } },
    'home of somebody signed in': {
      view: 'home',
      data: { signInUrl, person: { name: text, toConsole: true, nextUrl: '/console', signOutUrl: '/sign-out' } },
    },
    'dead-link expired with a way back': {
      view: 'dead-link',
      data: { ...dead, reason: 'expired', inviterHears: true, wayBack: { action: '/f', email: text } },
    },
    'dead-link expired with a way back for some address': {
      view: 'dead-link',
      data: { ...dead, reason: 'expired', wayBack: { action: '/f', email: null } },
    },
  };
}

function render({ view, data }: Example, locale: Locale): string {
  return renderPage(view, locale, data);
}

const cases = locales.flatMap((locale) =>
  Object.keys(examples('', locale)).map((name) => [name, locale] as [string, Locale]),
);
const page = (name: string, locale: Locale, text = 'Nordlicht'): string => {
  const example = examples(text, locale)[name];
  if (!example) throw new Error(`There is no example ${name}.`);
  return render(example, locale);
};

describe.each(cases)('the page %s in %s', (name, locale) => {
  const elements = elementsOf(page(name, locale));
  const named = (tag: string): HtmlElement[] => elements.filter((element) => element.name === tag);

  it('says its language, and every text is there', () => {
    expect(named('html')[0]?.attributes['lang']).toBe(locale);
    const html = page(name, locale);
    expect(html).not.toMatch(/\b(common|fields|passwordRules|errors|pages|mail)\.[a-zA-Z-]+/);
    expect(html).not.toContain('{{');
    expect(html).not.toContain('[object Object]');
  });

  it('has one heading of the first level and a title', () => {
    expect(named('h1')).toHaveLength(1);
    expect(named('h1')[0]?.text.trim()).not.toBe('');
    expect(named('title')[0]?.text).toMatch(/.+ · Usher$/);
  });

  it('labels every field and resolves every reference to an id', () => {
    const ids = new Set(elements.flatMap(({ attributes }) => (attributes['id'] ? [attributes['id']] : [])));
    const labelled = new Set(named('label').map(({ attributes }) => attributes['for']));
    for (const field of [...named('input'), ...named('textarea')]) {
      if (field.attributes['type'] === 'hidden') continue;
      expect(labelled).toContain(field.attributes['id']);
    }
    for (const { attributes } of elements) {
      const references = [attributes['aria-describedby'], attributes['aria-labelledby'], attributes['for']];
      const fragment = attributes['href']?.startsWith('#') ? attributes['href'].slice(1) : undefined;
      for (const id of [...references, fragment].flatMap((value) => value?.split(' ') ?? [])) expect(ids).toContain(id);
    }
  });

  it('needs nothing that its content security policy forbids', () => {
    for (const { name: tag, attributes, text } of elements) {
      expect(Object.keys(attributes).filter((attribute) => /^(on|style$)/.test(attribute))).toEqual([]);
      expect(tag).not.toBe('style');
      if (tag === 'script') expect([attributes['src'], text]).toEqual([expect.stringMatching(/^\/assets\//), '']);
      if (tag === 'img') expect(attributes['src']).toMatch(/^(\/assets\/|\/organizations\/|data:image\/png;base64,)/);
      if (tag === 'link' && attributes['rel'] === 'stylesheet')
        expect(attributes['href']).toMatch(/^\/(assets|brand)\//);
    }
  });

  it.each([
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) x='",
    '</title></textarea></blockquote><svg onload=alert(1)>',
    '{{constructor.constructor "alert(1)"}} {{> layout}} $t(language)',
  ])('shows %s as text', (hostile) => {
    const shape = (all: HtmlElement[]): string[] =>
      all
        .filter((element) => element.name !== 'wbr')
        .map((element) => `${element.name} ${Object.keys(element.attributes).join(' ')}`);
    const attacked = elementsOf(page(name, locale, hostile));
    expect(shape(attacked)).toEqual(shape(elements));
    // Wherever the page shows a name, it shows it whole.
    const shown = (all: HtmlElement[], text: string): number =>
      all.filter((element) => /^(title|h1|p|a|blockquote|code)$/.test(element.name) && element.text.includes(text))
        .length;
    expect(shown(attacked, hostile)).toBe(shown(elements, 'Nordlicht'));
  });
});

test.each(['registration', 'accept-signed-in', 'decline'])('what people have written runs its own way: %s', (name) => {
  const written = elementsOf(page(name, 'en')).filter(({ name: tag }) => tag === 'blockquote' || tag === 'textarea');
  expect(written.map(({ attributes }) => attributes['dir'])).toEqual(['auto']);
});

describe('the registration page', () => {
  const elements = elementsOf(page('registration', 'en'));
  const field = (id: string): Record<string, string> | undefined =>
    elements.find(({ attributes }) => attributes['id'] === id)?.attributes;

  it('cannot be submitted by pressing its button: names and password must be typed', () => {
    for (const id of ['firstName', 'lastName', 'password']) expect(field(id)).toHaveProperty('required');
    expect(field('password')).not.toHaveProperty('value');
    expect(field('password')).toMatchObject({ autocomplete: 'new-password', minlength: '8' });
  });

  it('sends only the fields that accepting takes', () => {
    const names = elements.flatMap(({ attributes, name }) => (name === 'input' ? [attributes['name']] : []));
    expect(names.filter(Boolean)).toEqual(['held', 'firstName', 'lastName', 'username', 'password']);
  });

  it('keeps the line breaks of the personal text', () => {
    expect(page('registration', 'en')).toContain('<blockquote dir="auto">Nordlicht\nNordlicht</blockquote>');
  });

  it('requires a username where there is no address to sign in with', () => {
    const required = elementsOf(page('registration of a guest without an address', 'en'));
    expect(field('username')).not.toHaveProperty('required');
    expect(required.find(({ attributes }) => attributes['id'] === 'username')?.attributes).toHaveProperty('required');
  });

  it('says who invites to which organization, and a guest that they are one', () => {
    const heading = (kind: 'member' | 'guest', locale: Locale): string | undefined => {
      const { data } = examples('x', locale)['registration'] as { data: ViewData['registration'] };
      const names = { organizationName: 'Nordlicht', inviterName: 'Mara' };
      const html = renderPage('registration', locale, { ...data, ...names, kind });
      return elementsOf(html).find(({ name }) => name === 'h1')?.text;
    };
    expect(heading('member', 'en')).toBe('Mara invites you to join Nordlicht');
    expect(heading('guest', 'en')).toBe('Mara invites you to Nordlicht as a guest');
    expect(heading('member', 'de')).toBe('Mara lädt Sie zu Nordlicht ein');
    expect(heading('guest', 'de')).toBe('Mara lädt Sie als Gast zu Nordlicht ein');
  });

  it('announces errors: in the title, in a summary that takes the focus, and at the field', () => {
    const wrong = elementsOf(page('registration with errors', 'en', 'Not so'));
    expect(wrong.find(({ name }) => name === 'title')?.text).toMatch(/^Error: /);
    expect(wrong.find(({ attributes }) => attributes['role'] === 'alert')?.attributes).toMatchObject({
      tabindex: '-1',
      autofocus: '',
    });
    const username = wrong.find(({ attributes }) => attributes['id'] === 'username');
    expect(username?.attributes).toMatchObject({
      'aria-invalid': 'true',
      'aria-describedby': 'username-error username-hint',
    });
  });

  it('marks which password rules are met, unmet or not judged yet', () => {
    const states = (name: string): string[] =>
      elementsOf(page(name, 'en')).flatMap(({ attributes }) =>
        attributes['data-rule'] ? [`${attributes['data-rule']} ${attributes['data-state']}`] : [],
      );
    expect(states('registration')).toEqual([
      'length open',
      'upper open',
      'lower open',
      'digit open',
      'special open',
      'common pending',
    ]);
    expect(states('registration with errors')).toEqual([
      'length met',
      'upper unmet',
      'lower met',
      'digit met',
      'special met',
      'common unmet',
    ]);
  });
});

it('leaves the rules open for a password that was too long to be judged', () => {
  expect(passwordRuleItems('en', 8, ['tooLong']).map(({ met }) => met)).toEqual(Array(6).fill(null));
});

describe('the page of a dead link', () => {
  it('offers to ask for a new invitation only where it has expired', () => {
    const forms = (name: string): number =>
      elementsOf(page(name, 'en')).filter((element) => element.name === 'form').length;
    expect(forms('dead-link expired')).toBe(1);
    for (const reason of ['cancelled', 'superseded', 'answered', 'unknown'])
      expect(forms(`dead-link ${reason}`)).toBe(0);
  });

  it('says until when it was valid, with the time zone', () => {
    expect(page('dead-link expired', 'de')).toContain('21. Dezember 2026 um 14:05 Uhr (Europe/Berlin, GMT+1)');
  });

  it('tells someone with an unknown link no names', () => {
    expect(page('dead-link unknown', 'en', 'Secret name')).not.toContain('Secret name');
  });
});

describe('the page for declining', () => {
  it('takes a second, typed confirmation', () => {
    const confirm = elementsOf(page('decline', 'en')).find(({ attributes }) => attributes['id'] === 'confirm');
    expect(confirm?.attributes).toMatchObject({ type: 'checkbox', name: 'confirm', value: 'yes', required: '' });
    expect(confirm?.attributes).not.toHaveProperty('checked');
  });
});

test('a page with a brand has its logo once, named, and its colour as a stylesheet; one without has neither', () => {
  const branded = Object.keys(examples('', 'en')).filter((name) => name.endsWith('with a brand'));
  expect(branded).toHaveLength(13);
  for (const name of branded) {
    const elements = elementsOf(page(name, 'en'));
    const logos = elements.filter(({ attributes }) => attributes['src']?.startsWith('/organizations/'));
    expect([name, logos.map(({ attributes }) => attributes['alt'])]).toEqual([name, ['Nordlicht']]);
    const sheets = elements.flatMap(({ attributes }) => (attributes['rel'] === 'stylesheet' ? attributes['href'] : []));
    expect([name, sheets]).toEqual([
      name,
      [expect.stringMatching(/^\/assets\//), expect.stringMatching(/^\/brand\/ffdd00\.css\?v=[0-9a-f]{10}$/)],
    ]);
    const plain = page(name.replace(' with a brand', name.startsWith('dead-link') ? ' expired' : ''), 'en');
    expect(plain).not.toMatch(/\/(brand|organizations)\//);
  }
});

test.each([
  ['ada.lovelace@mail.example.com', 'ada.<wbr>lovelace@<wbr>mail.<wbr>example.<wbr>com'],
  ['You are ada.lovelace@mail.test. Sign in.', 'You are ada.<wbr>lovelace@<wbr>mail.<wbr>test. Sign in.'],
  ['ada@mail.test', 'ada@mail.test'],
  ['Donaudampfschifffahrtsgesellschaft', 'Donaudampfschifffahrtsgesellschaft'],
  [
    '<b>a@b.c</b>a@b.c"a@b.c&a@b.c',
    '&lt;b&gt;a@<wbr>b.<wbr>c&lt;/<wbr>b&gt;a@<wbr>b.<wbr>c&quot;a@<wbr>b.<wbr>c&amp;a@<wbr>b.<wbr>c',
  ],
  ['https://mail.example.com/ada/x', 'https://<wbr>mail.<wbr>example.<wbr>com/<wbr>ada/<wbr>x'],
  ['..................................', '..................................'],
  [null, ''],
])('%s may break as %s', (text, html) => {
  expect(softBreaks(text)).toBe(html);
});

describe('words instead of raw values', () => {
  test.each([
    ['P21D', '21 days', '21 Tage'],
    ['P1D', '1 day', '1 Tag'],
    ['PT12H', '12 hours', '12 Stunden'],
    ['P1DT12H', '1 day and 12 hours', '1 Tag und 12 Stunden'],
    ['P2W', '2 weeks', '2 Wochen'],
    ['PT1S', '1 second', '1 Sekunde'],
    ['soon', 'soon', 'soon'],
    ['', '', ''],
  ])('%s is %s, %s', (duration, en, de) => {
    expect([durationWords('en', duration), durationWords('de', duration)]).toEqual([en, de]);
    for (const words of [en, de]) expect(durationOf(words)).toBe(duration);
  });

  test.each([
    ['10 days', 'P10D'],
    ['  10 Tage ', 'P10D'],
    ['6h', 'PT6H'],
    ['1 day, 2 hours and 3 minutes', 'P1DT2H3M'],
    ['p10d', 'P10D'],
    ['10 days 3 days', '10 days 3 days'],
    ['10 apples', '10 apples'],
    ['-3 days', '-3 days'],
    ['3 days before', '3 days before'],
  ])('%s is taken as %s', (typed, duration) => {
    expect(durationOf(typed)).toBe(duration);
  });

  test.each([
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36',
      'Chrome on Windows',
      'Chrome unter Windows',
    ],
    [
      'Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0',
      'Firefox on Linux',
      'Firefox unter Linux',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1',
      'Safari on iOS',
      'Safari unter iOS',
    ],
    ['Audited/1.0', null, null],
    ['', null, null],
    [null, null, null],
  ])('%s is %s', (agent, en, de) => {
    expect([deviceName(translator('en'), agent), deviceName(translator('de'), agent)]).toEqual([en, de]);
  });

  test.each([
    ['::ffff:127.0.0.1', '127.0.0.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8::1', '2001:db8::1'],
    ['::ffff:7f00:1', '::ffff:7f00:1'],
    [null, null],
  ])('%s is the address %s', (ip, shown) => {
    expect(shownAddress(ip)).toBe(shown);
  });
});
