import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Handlebars from 'handlebars';
import { formatInstant, translator, type Locale, type Variables } from '../../i18n';
import {
  type HolderMail,
  type MailSection,
  mailTypes,
  type InvitationMail,
  type Mail,
  type MailType,
} from './mail-types';

export type { HolderMail, InvitationMail, Mail, MailType } from './mail-types';

export interface RenderedMail {
  subject: string;
  html: string;
  text: string;
}

/** Throws where the link is no plain http(s) address; every other value is shown as it is, made harmless. */
export function renderInvitationMail(mail: InvitationMail): RenderedMail {
  assertWebAddress(mail.link);
  return render(mail, {
    inviterName: line(mail.inviterName),
    firstName: line(mail.firstName),
    lastName: line(mail.lastName),
    message: paragraphs(mail.message),
    organizationName: line(mail.organizationName),
    senderAddress: line(mail.senderAddress),
    expiresAt: formatInstant(mail.expiresAt, mail.locale, mail.timeZone),
    link: mail.link,
    name: line(fullName(mail)),
    who: line(mail.inviterName) ? 'named' : 'anonymous',
  });
}

/** A mail to the holder of an account, by the same rules. */
export function renderHolderMail(mail: HolderMail): RenderedMail {
  if (mail.link !== null) assertWebAddress(mail.link);
  const context = {
    type: mail.type,
    name: line([mail.firstName, mail.lastName].filter(Boolean).join(' ') || mail.username),
    newAddress: line(mail.newAddress),
    organizationName: line(mail.organizationName),
    personName: line(mail.personName),
    person: line(mail.person ?? null),
    count: mail.count ?? 0,
    detail: paragraphs(mail.detail ?? null),
    sections: (mail.sections ?? []).map(plainSection),
    more: line(mail.more ?? null),
    lasting: mail.lasting ?? false,
    joins: line(mail.joins),
    username: line(mail.account?.username ?? null),
    home: line(mail.account?.home ?? null),
    link: mail.link ?? '',
    code: mail.code ?? '',
    expiresAt: formatInstant(mail.expiresAt, mail.locale, mail.timeZone),
    senderAddress: line(mail.senderAddress),
  };
  const options = { data: { locale: mail.locale } };
  return {
    subject: line(holderTemplates.subject(context, options)),
    html: holderTemplates.html(context, options).trim() + '\n',
    text: holderTemplates.text(context, options).trim() + '\n',
  };
}

/** A table without markup: its columns stand below each other, but for the last one, which may be as long as it likes. */
function plainSection({ title, rows }: MailSection) {
  const cells = rows.map((row) => row.map(line));
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
  return { title: line(title), rows: cells, text: aligned.join('\n') };
}

function render(mail: Mail, values: Record<string, string>): RenderedMail {
  const type = mail.type === 'invitation-reminder' && mail.asGuest ? `${mail.type}.guest` : mail.type;
  const context = { ...values, type };
  const options = { data: { locale: mail.locale } };
  const { subject, html, text } = templates[mail.type];
  return {
    // A name may hold anything; a header may not.
    subject: line(subject(context, options)),
    html: html(context, options).trim() + '\n',
    text: text(context, options).trim() + '\n',
  };
}

function fullName(mail: InvitationMail): string {
  return [mail.firstName, mail.lastName].filter(Boolean).join(' ');
}

/** `{{link}}` in an href lets `javascript:` through, and a space or quote would cut the visible copy short. */
function assertWebAddress(link: string): void {
  const plain = /^https?:\/\/[^\s"'<>\\]+$/i.test(link) && URL.canParse(link);
  if (!plain) throw new Error('The link of a mail must be a plain http or https address.');
}

// Marks that turn the direction of text could make a name read as another sentence; U+2028/9 break lines in some readers.
const hostileMarks = /[\u202a-\u202e\u2066-\u2069]/g;

/** One line: control characters and line breaks become spaces. */
function line(value: string | null): string {
  return (value ?? '')
    .replace(hostileMarks, '')
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim();
}

/** Text with its line breaks (as `\n`) and without other control characters. */
function paragraphs(value: string | null): string {
  return (value ?? '')
    .replace(hostileMarks, '')
    .replace(/\r\n?|[\u2028\u2029]/g, '\n')
    .replace(/[^\P{Cc}\n]+/gu, ' ')
    .trim();
}

type HelperOptions = Omit<Handlebars.HelperOptions, 'data'> & { data: { locale: Locale } };

const helpers = {
  /** `{{t "mail.common.greeting" name=name}}`: a text of the catalogue in the mail's language. */
  t: (key: string, options: HelperOptions): string => translator(options.data.locale)(key, options.hash as Variables),
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

function compileTemplates(): { templates: Record<MailType, MailTemplates>; holderTemplates: MailTemplates } {
  const environment = Handlebars.create();
  environment.registerHelper(helpers);
  for (const shared of ['layout.html', 'button.html']) environment.registerPartial(shared, source(shared));
  const options: CompileOptions = {
    strict: true,
    knownHelpersOnly: true,
    knownHelpers: Object.fromEntries(Object.keys(helpers).map((name) => [name, true])),
  };
  // Subject and text are no HTML: escaping would show `&amp;` to people.
  const plain = { ...options, noEscape: true };
  const subject = environment.compile(
    '{{t (key "mail" type "subject" who) inviterName=inviterName organizationName=organizationName}}',
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
    subject: environment.compile(
      '{{t (key "mail.account" type "subject") organizationName=organizationName personName=personName count=count}}',
      plain,
    ),
    html: environment.compile(source('account.html'), options),
    text: environment.compile(source('account.text'), plain),
  };
  return { templates: Object.fromEntries(entries) as Record<MailType, MailTemplates>, holderTemplates };
}

function source(name: string): string {
  return readFileSync(join(__dirname, 'templates', `${name}.hbs`), 'utf8');
}
