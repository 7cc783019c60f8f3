import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, parse } from 'node:path';
import Handlebars from 'handlebars';
import type { FactorMethod } from '../../domain/two-factor';
import {
  formatInstant,
  formatShort,
  locales,
  translator,
  type Locale,
  type Translate,
  type Variables,
} from '../../i18n';
import { type Brand, stylesheetUrl } from './brand';
import { deviceName, shownAddress } from './device';

export type InviteeKind = 'member' | 'guest';
export type VisiblePasswordRule = 'length' | 'upper' | 'lower' | 'digit' | 'special' | 'common';
export type DeadLinkReason = 'expired' | 'cancelled' | 'superseded' | 'replaced' | 'answered' | 'declined' | 'unknown';

export interface LanguageLink {
  locale: Locale;
  href: string;
}

export interface PasswordRuleItem {
  id: VisiblePasswordRule;
  label: string;
  /** null: not judged yet. */
  met: boolean | null;
}

export interface FieldError<Field extends string> {
  field: Field;
  message: string;
}

interface Chrome {
  /** Links to the same page in the other languages; none where a repeated GET would not show the page again. */
  languageLinks?: LanguageLink[];
  /** Of the organization whose link led here; none where nobody knows it, or nobody may. */
  brand?: Brand;
}

/*
 * `held`: what a form brings along to open its page again once the cookie of the link has run out. `reopened`: that has
 * happened, and nothing was done yet.
 */

/** What each page shows. Values are plain text: the templates escape them all. */
export interface ViewData {
  registration: Chrome & {
    organizationName: string;
    inviterName: string | null;
    kind: InviteeKind;
    email: string | null;
    firstName: string;
    lastName: string;
    /** What the person typed, shown again with its errors. */
    username: string;
    /** Only where the invitation named none. */
    askUsername: boolean;
    usernameRequired: boolean;
    fixedUsername: string | null;
    /** The inviter's personal text, shown literally. // C2 */
    message: string | null;
    expiresAt: Date;
    timeZone: string;
    passwordRules: PasswordRuleItem[];
    minLength: number;
    errors: FieldError<'firstName' | 'lastName' | 'username' | 'password'>[];
    action: string;
    declineUrl: string;
    held: string;
    reopened?: boolean;
  };
  'sign-in-required': Chrome & {
    organizationName: string;
    inviterName: string | null;
    kind: InviteeKind;
    email: string | null;
    signInUrl: string;
    declineUrl: string;
    expiresAt: Date;
    timeZone: string;
  };
  decline: Chrome & {
    organizationName: string;
    inviterName: string | null;
    action: string;
    backUrl: string;
    /** What the person typed, shown again with its errors. */
    reason?: string;
    /** The box was ticked already. */
    confirmed?: boolean;
    /** null: from the profile, where no link is held. */
    held: string | null;
    reopened?: boolean;
    errors: FieldError<'reason' | 'confirm'>[];
  };
  /** Of a signed-in account holder; `rightAccount` false: the invitation is for somebody else. */
  'accept-signed-in': Chrome & {
    organizationName: string;
    inviterName: string | null;
    kind: InviteeKind;
    message: string | null;
    expiresAt: Date;
    timeZone: string;
    name: string;
    rightAccount: boolean;
    action: string;
    declineUrl: string;
    held: string;
    reopened?: boolean;
    signOutAction: string;
    /** Where to come back to after signing in with the other account. */
    next: string;
  };
  accepted: Chrome & { organizationName: string; continueUrl: string | null; signedIn?: boolean; signInUrl: string };
  declined: Chrome & { organizationName: string };
  'dead-link': Chrome & {
    reason: DeadLinkReason;
    organizationName: string | null;
    inviterName: string | null;
    /** Where the form posts that asks for a new invitation; null: not offered. */
    requestNewAction: string | null;
    /** Asking is told to the inviter by mail. // F11 */
    inviterHears?: boolean;
    /** A new password brings the account back. email null: the page may not know where its mail goes. // E8 */
    wayBack?: { action: string; email: string | null } | null;
    held: string | null;
    /** For whom has accepted already. */
    signInUrl: string;
    expiredAt: Date | null;
    timeZone: string;
  };
  /** told: the inviter gets a mail about it. // F11 */
  'request-sent': Chrome & { organizationName: string; told: boolean };
  'open-again': Chrome;
  'sign-in': Chrome & {
    login: string;
    next: string;
    /** A form to go on with afterwards. */
    kept: string | null;
    action: string;
    forgotUrl: string;
    notice: string | null;
    errors: FieldError<'login'>[];
    /** The organization of the invitation that it leads back to. */
    invitedTo?: string | null;
  };
  /** The second half of signing in; byMail false: the app is asked for. */
  'sign-in-code': Chrome & {
    byMail: boolean;
    next: string;
    kept: string | null;
    notice: string | null;
    action: string;
    againAction: string;
    /** Another account, where a form is kept. */
    otherAction: string;
    signInUrl: string;
    errors: FieldError<'code'>[];
  };
  /** setUp null: not begun, because looking makes no secret. */
  'set-up-app': Chrome & {
    mustSetUp: boolean;
    setUp: { otpauthUrl: string; qrCode: string; key: string } | null;
    beginAction: string;
    confirmAction: string;
    cancelUrl: string;
    signOutAction: string;
    errors: FieldError<'code'>[];
  };
  /** renewed: in place of earlier ones, for an app that was there. */
  'recovery-codes': Chrome & {
    recoveryCodes: string[];
    renewed: boolean;
    /** Whose they are, on paper, too. */
    login: string;
    madeAt: Date;
    timeZone: string;
    downloadAction: string;
    nextUrl: string;
  };
  /** Asked for once more by a form that has made its codes; `epoch` makes the button of this page a new wish. */
  'recovery-codes-shown': Chrome & { renewAction: string; epoch: number; nextUrl: string };
  'forgot-password': Chrome & {
    email: string;
    sent: boolean;
    action: string;
    signInUrl: string;
    errors: FieldError<'email'>[];
  };
  'reset-password': Chrome & {
    login: string;
    joins: string | null;
    action: string;
    passwordRules: PasswordRuleItem[];
    minLength: number;
    errors: FieldError<'password'>[];
  };
  /** againUrl null: another link is asked for in the profile. */
  'account-link-dead': Chrome & { againUrl: string | null; profileUrl: string };
  /** isPerson: the one whose account it is, signed in; else they choose a new password afterwards. */
  'confirm-email': Chrome & {
    email: string;
    username: string | null;
    home: string | null;
    isPerson: boolean;
    action: string;
  };
  /** Back to a form that was filled in before signing in again. */
  'go-on': Chrome & { action: string; fields: { name: string; value: string }[] };
  /** name null: nobody is signed in any more. */
  'sign-out': Chrome & { name: string | null; action: string; signInUrl: string };
  profile: Chrome & {
    name: string;
    email: string | null;
    username: string | null;
    firstName: string;
    lastName: string;
    timeZone: string;
    notice: string | null;
    /** The notice tells what was done meanwhile, not what the person did. */
    isNews?: boolean;
    invitations: {
      organizationName: string;
      kind: InviteeKind;
      inviterName: string | null;
      /** The inviter's personal text, shown literally. // C2 */
      message: string | null;
      expiresAt: Date;
      timeZone: string;
      accept: string;
      decline: string;
    }[];
    organizations: {
      organizationName: string;
      kind: InviteeKind;
      current: boolean;
      /** null: it is the home, which nobody leaves alone. */
      leave: string | null;
      switchTo: string;
    }[];
    locale: Locale | null;
    newEmail: string;
    /** Asked for, and not confirmed yet. */
    pendingEmail: string | null;
    sessions: { userAgent: string | null; ip: string | null; lastSeenAt: Date; current: boolean; end: string }[];
    passwordRules: PasswordRuleItem[];
    minLength: number;
    errors: FieldError<'firstName' | 'lastName' | 'email' | 'emailPassword' | 'currentPassword' | 'password'>[];
    factor: {
      method: FactorMethod;
      codesLeft: number;
      hasAddress: boolean;
      required: boolean;
      requiredApp: boolean;
      mayUseEmail: boolean;
      maySwitchOff: boolean;
      /** Of the account's sessions: new recovery codes are asked for once with it. */
      epoch: number;
    };
    paths: {
      data: string;
      email: string;
      password: string;
      signOut: string;
      twoFactor: string;
      setUpApp: string;
      recoveryCodes: string;
    };
    consoleUrl: string | null;
  };
  /** Leaving an organization, asked once more. */
  leave: Chrome & { organizationName: string; action: string; backUrl: string };
  problem: Chrome & { status: number; title: string; detail: string | null; requestId: string | null };
  home: Chrome & {
    signInUrl: string;
    /** Who is signed in, and where they go from here. */
    person: { name: string; toConsole: boolean; nextUrl: string; signOutUrl: string } | null;
  };
}

export type ViewName = keyof ViewData;

/**
 * The items of the rule list under a password field; `unmet` null: nothing has been submitted yet. // C10
 * A password that was too long to be judged leaves every rule open.
 */
export function passwordRuleItems(
  locale: Locale,
  minLength: number,
  unmet: readonly string[] | null = null,
): PasswordRuleItem[] {
  const t = translator(locale);
  const judged = unmet?.includes('tooLong') ? null : unmet;
  const ids: VisiblePasswordRule[] = ['length', 'upper', 'lower', 'digit', 'special', 'common'];
  return ids.map((id) => ({
    id,
    label: t(`passwordRules.${id}`, { minLength }),
    met: judged && !judged.includes(id),
  }));
}

/** A whole HTML page. Every value in `data` is escaped; none is ever taken for template code. */
export function renderPage<View extends ViewName>(view: View, locale: Locale, data: ViewData[View]): string {
  const template = templates[view];
  return template(
    {
      ...present[view](data, locale),
      hasErrors: 'errors' in data && data.errors.length > 0,
      languageLinks: languageLinks(locale, data.languageLinks ?? []),
      brand: presentBrand(data.brand),
    },
    { data: { locale } },
  );
}

/*
 * What the templates need besides the data. Templates run in strict mode, where reading a field that is not there
 * throws: so every field of a view is set here, if only to null.
 */
const present: { [View in ViewName]: (data: ViewData[View], locale: Locale) => object } = {
  registration: (data, locale) => ({
    ...data,
    reopened: data.reopened ?? false,
    who: who(data.inviterName),
    initial: initial(data.organizationName),
    isGuest: data.kind === 'guest',
    expires: instant(data.expiresAt, locale, data.timeZone),
    passwordRules: data.passwordRules.map(ruleState),
    error: errorsByField(['firstName', 'lastName', 'username', 'password'], data.errors),
  }),
  'sign-in-required': (data, locale) => ({
    ...data,
    who: who(data.inviterName),
    initial: initial(data.organizationName),
    isGuest: data.kind === 'guest',
    expires: instant(data.expiresAt, locale, data.timeZone),
  }),
  decline: (data) => ({
    ...data,
    who: who(data.inviterName),
    initial: initial(data.organizationName),
    reason: data.reason ?? '',
    confirmed: data.confirmed ?? false,
    reopened: data.reopened ?? false,
    error: errorsByField(['reason', 'confirm'], data.errors),
  }),
  'accept-signed-in': (data, locale) => ({
    ...data,
    reopened: data.reopened ?? false,
    who: who(data.inviterName),
    initial: initial(data.organizationName),
    isGuest: data.kind === 'guest',
    expires: instant(data.expiresAt, locale, data.timeZone),
  }),
  accepted: (data) => ({ ...data, signedIn: data.signedIn ?? false, initial: initial(data.organizationName) }),
  declined: (data) => ({ ...data, initial: initial(data.organizationName) }),
  'dead-link': (data, locale) => ({
    ...data,
    ...deadLinkTexts(data, locale),
    // A stranger holding an unknown link learns no names.
    organizationName: data.reason === 'unknown' ? null : data.organizationName,
    icon: deadLinkIcons[data.reason],
    requestNewAction: data.reason === 'expired' ? data.requestNewAction : null,
    wayBack: data.reason === 'expired' ? (data.wayBack ?? null) : null,
    signInUrl: data.reason === 'answered' ? data.signInUrl : null,
  }),
  'request-sent': (data) => ({ ...data }),
  'open-again': (data) => data,
  'sign-in': (data) => ({ ...data, invitedTo: data.invitedTo ?? null, error: errorsByField(['login'], data.errors) }),
  // A recovery code has letters, too.
  'sign-in-code': (data) => ({
    ...data,
    inputmode: data.byMail ? 'numeric' : 'text',
    error: errorsByField(['code'], data.errors),
  }),
  'set-up-app': (data) => ({ ...data, error: errorsByField(['code'], data.errors) }),
  'recovery-codes': (data, locale) => ({
    ...data,
    at: formatShort(data.madeAt, locale, data.timeZone),
    codes: data.recoveryCodes.join(' '),
  }),
  'recovery-codes-shown': (data) => ({ ...data }),
  'forgot-password': (data) => ({ ...data, error: errorsByField(['email'], data.errors) }),
  'reset-password': (data) => ({
    ...data,
    passwordRules: data.passwordRules.map(ruleState),
    error: errorsByField(['password'], data.errors),
  }),
  'account-link-dead': (data) => ({ ...data }),
  'confirm-email': (data) => ({ ...data }),
  'go-on': (data) => ({ ...data }),
  'sign-out': (data) => ({ ...data }),
  profile: (data, locale) => ({
    ...data,
    isNews: data.isNews ?? false,
    invitations: data.invitations.map((item) => ({
      ...item,
      who: who(item.inviterName),
      isGuest: item.kind === 'guest',
      expires: instant(item.expiresAt, locale, item.timeZone),
    })),
    organizations: data.organizations.map((item) => ({ ...item, isGuest: item.kind === 'guest' })),
    sessions: data.sessions.map((item) => ({
      ...item,
      device: deviceName(translator(locale), item.userAgent),
      ip: shownAddress(item.ip),
      seen: { iso: item.lastSeenAt.toISOString(), text: formatShort(item.lastSeenAt, locale, data.timeZone) },
    })),
    passwordRules: data.passwordRules.map(ruleState),
    languages: locales.map((language) => ({
      value: language,
      label: translator(language)('language'),
      chosen: language === (data.locale ?? locale),
    })),
    error: errorsByField(
      ['firstName', 'lastName', 'email', 'emailPassword', 'currentPassword', 'password'],
      data.errors,
    ),
  }),
  leave: (data) => ({ ...data, initial: initial(data.organizationName) }),
  problem: (data) => ({ ...data, notFound: data.status === 404 }),
  home: (data) => ({ ...data }),
};

const ruleState = (rule: PasswordRuleItem) => ({
  ...rule,
  state: rule.met === null ? (rule.id === 'common' ? 'pending' : 'open') : rule.met ? 'met' : 'unmet',
});

const deadLinkIcons: Record<DeadLinkReason, string> = {
  expired: 'clock',
  cancelled: 'cross',
  superseded: 'mail',
  replaced: 'link',
  answered: 'check',
  declined: 'cross',
  unknown: 'link',
};

function deadLinkTexts(
  data: ViewData['dead-link'],
  locale: Locale,
): { title: string; heading: string; texts: string[]; otherText: string | null } {
  const t = translator(locale);
  const { reason, inviterName, expiredAt } = data;
  const text = (name: string, variables?: Variables): string => t(`pages.deadLink.${reason}.${name}`, variables);
  const offersNew = reason === 'expired' && data.requestNewAction !== null;
  // Nobody is named for an unknown link; and who holds a superseded one has the answer in their mailbox.
  const named = inviterName !== null && reason !== 'unknown' && reason !== 'superseded';
  const what =
    reason !== 'expired'
      ? text('what')
      : expiredAt
        ? text('what', { expiredAt: formatInstant(expiredAt, locale, data.timeZone) })
        : text('whatUndated');
  const ask = data.inviterHears ? 'nextButtonTold' : 'nextButton';
  const next = offersNew ? text(ask) : named ? text('nextNamed', { inviterName }) : text('next');
  const titles = { title: text('title'), heading: text('heading') };
  if (reason !== 'expired' || !data.wayBack) return { ...titles, texts: [what, next], otherText: null };
  const { email } = data.wayBack;
  const back = email === null ? text('wayBack') : text('wayBackTo', { email });
  return { ...titles, texts: [what, back], otherText: next };
}

const who = (inviterName: string | null | undefined): 'named' | 'anonymous' => (inviterName ? 'named' : 'anonymous');

const presentBrand = (brand: Brand | undefined) => ({
  organizationName: brand?.organizationName ?? null,
  initial: initial(brand?.organizationName ?? ''),
  logo: brand?.logo ?? null,
  stylesheet: brand?.colour ? stylesheetUrl(brand.colour) : null,
});

/** The letter of an organization's tile. */
const initial = (name: string): string => (/[\p{L}\p{N}]/u.exec(name)?.[0] ?? '·').toLocaleUpperCase();

const instant = (date: Date, locale: Locale, timeZone: string): { iso: string; text: string } => ({
  iso: date.toISOString(),
  text: formatInstant(date, locale, timeZone),
});

/** The first message per field, null where there is none. */
function errorsByField<Field extends string>(
  fields: readonly Field[],
  errors: readonly FieldError<Field>[],
): Record<string, string | null> {
  return Object.fromEntries(
    fields.map((field) => [field, errors.find((error) => error.field === field)?.message ?? null]),
  );
}

function languageLinks(current: Locale, links: readonly LanguageLink[]): object[] {
  return links.map(({ locale, href }) => ({
    locale,
    href,
    label: translator(locale)('language'),
    current: locale === current,
  }));
}

export const viewsFolder = join(__dirname, '..', 'views');
const publicFolder = join(__dirname, '..', 'public');

const assetVersions = new Map(
  readdirSync(publicFolder).map((file) => [
    file,
    createHash('sha256')
      .update(readFileSync(join(publicFolder, file)))
      .digest('hex')
      .slice(0, 10),
  ]),
);

type HelperOptions = Omit<Handlebars.HelperOptions, 'data'> & { data: { locale: Locale } };

/** What is shorter fits into the line of a phone. */
const longWord = /\S{21,}/g;

/**
 * Text as HTML in which long words, such as addresses, break after `@`, `.` and `/` where they must break at all, and within a
 * word only where that is not enough.
 */
export function softBreaks(text: unknown): string {
  const whole = typeof text === 'string' ? text : '';
  const places = [...whole.matchAll(longWord)].flatMap(({ 0: word, index }) =>
    [...word.matchAll(/[@./](?=[^@./])/g)].map((mark) => index + mark.index + 1),
  );
  return [0, ...places].map((from, part) => Handlebars.escapeExpression(whole.slice(from, places[part]))).join('<wbr>');
}

const helpers = {
  /** `{{t "pages.home.title" name=value}}`: a text of the catalogue in the page's language. */
  t: (key: string, options: HelperOptions): string => texts(options)(key, options.hash as Variables),
  locale: (options: HelperOptions): string => options.data.locale,
  /** The address of a file in public/, which changes with its content, so that it may be cached for good. */
  asset: (file: string): string => {
    const version = assetVersions.get(file);
    if (!version) throw new Error(`There is no asset ${file}.`);
    return `/assets/${file}?v=${version}`;
  },
  /** Joins the parts of a catalogue key. */
  key: (...parts: unknown[]): string => parts.slice(0, -1).join('.'),
  eq: (a: unknown, b: unknown): boolean => a === b,
  softBreaks: (text: unknown): Handlebars.SafeString => new Handlebars.SafeString(softBreaks(text)),
};

const texts = (options: HelperOptions): Translate => translator(options.data.locale);

/** Own properties only is Handlebars' default at run time; strict refuses fields that are not there. */
export const compileOptions: CompileOptions = {
  strict: true,
  knownHelpersOnly: true,
  knownHelpers: Object.fromEntries(Object.keys(helpers).map((name) => [name, true])),
};

/** The helpers of all pages; the console has some of its own besides. */
export const registerWith = (environment: typeof Handlebars): void => environment.registerHelper(helpers);

const templates = compileViews();

function compileViews(): Record<ViewName, Handlebars.TemplateDelegate> {
  const environment = Handlebars.create();
  registerWith(environment);
  for (const [name, source] of templateSources(join(viewsFolder, 'partials'))) {
    environment.registerPartial(name, source);
  }
  const sources = new Map(templateSources(viewsFolder));
  const compile = (view: string): Handlebars.TemplateDelegate => {
    const source = sources.get(view);
    if (source === undefined) throw new Error(`The template of the view ${view} is missing in ${viewsFolder}.`);
    return environment.compile(source, compileOptions);
  };
  return Object.fromEntries(Object.keys(present).map((view) => [view, compile(view)])) as Record<
    ViewName,
    Handlebars.TemplateDelegate
  >;
}

export function templateSources(folder: string): [string, string][] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.hbs'))
    .map((file) => [parse(file).name, readFileSync(join(folder, file), 'utf8')]);
}
