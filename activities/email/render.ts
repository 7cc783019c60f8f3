import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Handlebars from 'handlebars';
import { defaultColour, textColourOn } from '../../domain/branding';
import { compileTemplate, type FillTemplate, oneLine, paragraphs } from '../../domain/mail-template';
import { type MailParts, type MailTemplateName, mailTemplateTypes, variable } from '../../domain/mail-templates';
import { formatInstant, hasText, type Locale, locales, type Translate, translator, type Variables } from '../../i18n';
import {
  type HolderMail,
  type InvitationMail,
  type MailSection,
  mailTypes,
  type MailType,
  type OwnTemplate,
} from './mail-types';

export type { HolderMail, InvitationMail, Mail, MailType } from './mail-types';

export interface RenderedMail extends MailParts {
  /** What it was made from; fallback: the built-in, in place of an own template that failed. */
  template: 'built-in' | 'own' | 'fallback';
}

/** Throws where the link is no plain http(s) address; every other value is shown as it is, made harmless. */
export function renderInvitationMail(mail: InvitationMail): RenderedMail {
  assertWebAddress(mail.link);
  return fromOwn(mail, invitationValues(mail), (values) => fill(templates[mail.type], mail, values));
}

/** A mail to the holder of an account, by the same rules. */
export function renderHolderMail(mail: HolderMail): RenderedMail {
  for (const link of [mail.link, ...(mail.sections ?? []).flatMap(({ links }) => links ?? [])])
    if (link !== null) assertWebAddress(link);
  return fromOwn(mail, holderValues(mail), (values) => fill(holderTemplates, mail, { ...values, ...laidOut(mail) }));
}

type Values = Record<string, string>;

function invitationValues(mail: InvitationMail): Values {
  return {
    ...commonValues(mail),
    inviterName: oneLine(mail.inviterName),
    message: paragraphs(mail.message),
    name: fullName(mail),
    link: mail.link,
  };
}

function holderValues(mail: HolderMail): Values {
  return {
    ...commonValues(mail),
    name: fullName(mail) || oneLine(mail.username),
    newAddress: oneLine(mail.newAddress),
    personName: oneLine(mail.personName),
    person: oneLine(mail.person ?? null),
    count: String(mail.count ?? ''),
    items: itemsOf(mail),
    joins: oneLine(mail.joins),
    username: oneLine(mail.account?.username ?? null),
    home: oneLine(mail.account?.home ?? null),
    link: mail.link ?? '',
    code: mail.code ?? '',
  };
}

/** What a template of an organization's own has of the tables and texts that the built-in lays out. */
const itemsOf = ({ detail, sections, more }: HolderMail): string =>
  [
    paragraphs(detail ?? null),
    ...(sections ?? []).map(plainSection).map(({ title, text }) => `${title}\n${text}`),
    oneLine(more ?? null),
  ]
    .filter(Boolean)
    .join('\n\n');

/** What only the built-in shows. */
interface Layout {
  /** Whose word stands on the button, whatever variant of the type it is. */
  opener: string;
  items: string;
  detail: string;
  sections: ReturnType<typeof plainSection>[];
  more: string;
  lasting: boolean;
}

const laidOut = ({ type, detail, sections, more, lasting }: HolderMail): Layout => ({
  opener: type,
  items: '',
  detail: paragraphs(detail ?? null),
  sections: (sections ?? []).map(plainSection),
  more: oneLine(more ?? null),
  lasting: lasting ?? false,
});

/** A table without markup: its columns stand below each other, but for the last one, which may be as long as it likes. */
function plainSection({ title, rows, links = [], details = [] }: MailSection) {
  const cells = rows.map((row) => row.map(oneLine));
  const widths = cells.reduce<number[]>(
    (widest, row) => row.map((cell, column) => Math.max(widest[column] ?? 0, [...cell].length)),
    [],
  );
  const aligned = cells.map((row) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat(Math.max(0, (widths[column] ?? 0) - [...cell].length)),
      )
      .join('  ')
      .trimEnd(),
  );
  const said = cells.map((_, index) => oneLine(details[index] ?? null));
  return {
    title: oneLine(title),
    rows: cells.map((row, index) => ({ cells: row, link: links[index] ?? '', detail: said[index] ?? '' })),
    text: aligned.map((row, index) => [row, said[index]].filter(Boolean).join(' · ')).join('\n'),
  };
}

/** What every mail may say: of the person, of the organization, and what it looks like. */
function commonValues(mail: InvitationMail | HolderMail): Values {
  const brandColour = mail.branding?.colour ?? defaultColour;
  return {
    firstName: oneLine(mail.firstName),
    lastName: oneLine(mail.lastName),
    organizationName: oneLine(mail.organizationName),
    expiresAt: formatInstant(mail.expiresAt, mail.locale, mail.timeZone),
    senderAddress: oneLine(mail.senderAddress),
    logo: mail.branding?.logo ?? '',
    brandColour,
    brandTextColour: textColourOn(brandColour),
  };
}

const fullName = ({ firstName, lastName }: { firstName: string | null; lastName: string | null }): string =>
  oneLine([firstName, lastName].filter(Boolean).join(' '));

/** The organization's own template; should it fail, the built-in: a mail in other words beats none. */
function fromOwn(
  { type, own }: InvitationMail | HolderMail,
  values: Values,
  builtIn: (values: Values) => MailParts,
): RenderedMail {
  if (!own || !(type in mailTemplateTypes)) return { ...builtIn(values), template: 'built-in' };
  try {
    const made = compiledOwn(type as MailTemplateName, own)(values);
    // One that was written past the API, or by an older rule, may lack what the mail is for.
    const { mandatory } = mailTemplateTypes[type as MailTemplateName];
    const needed = mandatory === null ? '' : String(values[mandatory]);
    if (!made.html.includes(needed) || !made.text.includes(needed)) throw new Error(`without its ${mandatory}`);
    return { ...made, template: 'own' };
  } catch {
    return { ...builtIn(values), template: 'fallback' };
  }
}

const compiledTemplates = new Map<string, FillTemplate>();
const mostCompiled = 1_000;

/** Compiled once per version, which never changes. */
function compiledOwn(type: MailTemplateName, own: OwnTemplate): FillTemplate {
  if (own.key === null) return compileTemplate(type, own);
  const key = `${type} ${own.key}`;
  const known = compiledTemplates.get(key);
  if (known) return known;
  const compiled = compileTemplate(type, own);
  if (compiledTemplates.size >= mostCompiled) compiledTemplates.clear();
  compiledTemplates.set(key, compiled);
  return compiled;
}

function fill(
  { subject, html, text }: MailTemplates,
  { type, asGuest, cause, locale }: { type: string; asGuest?: boolean; cause?: HolderMail['cause']; locale: Locale },
  values: Record<string, unknown>,
) {
  const variant = variantOf(type, asGuest, cause, Boolean(values['detail']));
  const context = { ...values, type: variant ? `${type}.${variant}` : type };
  const options = { data: { locale } };
  return {
    // A name may hold anything; a header may not.
    subject: oneLine(subject(context, options)),
    html: html(context, options).trim() + '\n',
    text: text(context, options).trim() + '\n',
  };
}

/** A reminder has words of its own for guests, an expiry and a mail that was not delivered for those that never will be. */
function variantOf(type: string, asGuest = false, cause: HolderMail['cause'], hasDetail: boolean): string | null {
  if (type === 'invitation-reminder') return asGuest ? 'guest' : null;
  if (type === 'invitation-expired') return hasDetail ? 'undelivered' : null;
  return type === 'delivery-problem' ? (cause ?? null) : null;
}

/** `{{link}}` in an href lets `javascript:` through, and a space or quote would cut the visible copy short. */
function assertWebAddress(link: string): void {
  const plain = /^https?:\/\/[^\s"'<>\\]+$/i.test(link) && URL.canParse(link);
  if (!plain) throw new Error('The link of a mail must be a plain http or https address.');
}

type HelperOptions = Omit<Handlebars.HelperOptions, 'data'> & { data: { locale: Locale } };

const translators = Object.fromEntries(locales.map((locale) => [locale, translator(locale)])) as Record<
  Locale,
  Translate
>;

const helpers = {
  /** `{{t "mail.common.greeting"}}`: a text of the catalogue in the mail's language, with all that the mail says. */
  t(this: Variables, key: string, options: HelperOptions): string {
    const more = options.hash as Variables;
    return translators[options.data.locale](key, Object.keys(more).length > 0 ? { ...this, ...more } : this);
  },
  locale: (options: HelperOptions): string => options.data.locale,
  /** Joins the parts of a catalogue key. */
  key: (...parts: unknown[]): string => parts.slice(0, -1).join('.'),
  /** Escaped text with its line breaks, for HTML. */
  lines: (text: string): Handlebars.SafeString =>
    new Handlebars.SafeString(Handlebars.escapeExpression(text).replaceAll('\n', '<br>\n')),
};

interface MailTemplates {
  subject: Handlebars.TemplateDelegate;
  html: Handlebars.TemplateDelegate;
  text: Handlebars.TemplateDelegate;
}

const { templates, holderTemplates } = compileTemplates();

function compileTemplates(more: Record<string, Handlebars.HelperDelegate> = {}): {
  templates: Record<MailType, MailTemplates>;
  holderTemplates: MailTemplates;
} {
  const environment = Handlebars.create();
  environment.registerHelper({ ...helpers, ...more } as Handlebars.HelperDeclareSpec);
  for (const shared of ['layout.html', 'button.html']) environment.registerPartial(shared, source(shared));
  const options: CompileOptions = {
    strict: true,
    knownHelpersOnly: true,
    knownHelpers: Object.fromEntries(Object.keys(helpers).map((name) => [name, true])),
  };
  // Subject and text are no HTML: escaping would show `&amp;` to people.
  const plain = { ...options, noEscape: true };
  const subject = environment.compile(
    '{{#if inviterName}}{{t (key "mail" type "subject" "named")}}{{else}}{{t (key "mail" type "subject" "anonymous")}}{{/if}}',
    plain,
  );
  const entries = Object.entries(mailTypes).map(([type, { body }]) => [
    type,
    {
      subject,
      html: environment.compile(source(`${body}.html`), options),
      text: environment.compile(source(`${body}.text`), plain),
    },
  ]);
  const holderTemplates = {
    subject: environment.compile('{{t (key "mail.account" type "subject")}}', plain),
    html: environment.compile(source('account.html'), options),
    text: environment.compile(source('account.text'), plain),
  };
  return { templates: Object.fromEntries(entries) as Record<MailType, MailTemplates>, holderTemplates };
}

function source(name: string): string {
  return readFileSync(join(__dirname, 'templates', `${name}.hbs`), 'utf8');
}

/**
 * The built-in as a template that an organization could have written: its words of this language, with the variables left
 * open and the conditions that depend on them left in.
 */
export function unfilledTemplate(type: MailTemplateName, locale: Locale): MailParts {
  const { variables } = mailTemplateTypes[type];
  const all = Object.keys({ ...invitationValues(blankInvitation), ...holderValues(blankHolder) });
  const open = (name: string) => ((variables as readonly string[]).includes(name) ? `{{${name}}}` : '');
  const values = Object.fromEntries(all.map((name) => [name, open(name)]));
  unfilled ??= compileTemplates(leftOpen);
  return fill(
    type in mailTypes ? unfilled.templates[type as MailType] : unfilled.holderTemplates,
    { type, locale },
    { ...laidOut({ ...blankHolder, type: type as HolderMail['type'], lasting: !showsEnd(type) }), ...values },
  );
}

/** Whether what the link opens ends. */
const showsEnd = (type: MailTemplateName): boolean =>
  (mailTemplateTypes[type].variables as readonly string[]).includes('expiresAt');

/** Whether the built-in has its words: a type without is not sent. */
export const hasBuiltIn = (type: MailTemplateName): boolean =>
  type in mailTypes || hasText('en', `mail.account.${type}.subject`);

/** A mail with the given values in place of a person's; null: made from the built-in. */
export function renderExample(
  type: MailTemplateName,
  locale: Locale,
  own: FillTemplate | null,
  values: Values,
): MailParts {
  if (own) return own(values);
  const all = { ...invitationValues(blankInvitation), ...holderValues(blankHolder) };
  const templatesOf = type in mailTypes ? templates[type as MailType] : holderTemplates;
  const nothing = Object.fromEntries(Object.keys(all).map((name) => [name, '']));
  const layout = laidOut({ ...blankHolder, type: type as HolderMail['type'], lasting: !showsEnd(type) });
  return fill(templatesOf, { type, locale }, { ...layout, ...nothing, ...values });
}

let unfilled: ReturnType<typeof compileTemplates> | null = null;

type BlockOptions = { fn: (context: unknown) => string; inverse: (context: unknown) => string };

const leftOpen: Record<string, Handlebars.HelperDelegate> = {
  if(this: unknown, value: string, { fn, inverse }: BlockOptions) {
    const name = /^\{\{(\w+)\}\}$/.exec(value)?.[1];
    if (!name) return value ? fn(this) : inverse(this);
    if (!variable(name as never).optional) return fn(this);
    const [then, otherwise] = [fn(this), inverse(this)];
    const onLine = (tag: string, inside: string) => (inside.endsWith('\n') ? `${tag}\n` : tag);
    const end = onLine('{{/if}}', otherwise || then);
    if (!otherwise) return `${onLine(`{{#if ${name}}}`, then)}${then}${end}`;
    return `${onLine(`{{#if ${name}}}`, then)}${then}${onLine('{{else}}', then)}${otherwise}${end}`;
  },
  lines: (value: string) => new Handlebars.SafeString(value.replace('{{', '{{lines ')),
};

const blank = {
  ...{
    locale: 'en' as const,
    firstName: null,
    lastName: null,
    expiresAt: new Date(0),
    timeZone: 'UTC',
    senderAddress: '',
  },
  link: '',
};
const blankInvitation: InvitationMail = {
  ...blank,
  ...{ type: 'user-invitation', organizationName: '', inviterName: null, message: null },
};
const blankHolder: HolderMail = {
  ...blank,
  ...{ type: 'password-reset', username: null, newAddress: null, organizationName: null, personName: null },
  ...{ joins: null, account: null, code: null },
};
