/**
 * The kinds of mail that an organization may word itself, and what their templates may say. A new kind is a row here, and
 * its words in i18n; a new variable is a row below.
 */

export const templateLocales = ['en', 'de'] as const;
export type TemplateLocale = (typeof templateLocales)[number];

/** The three parts of a mail, as templates or as what came of them. */
export interface MailParts {
  subject: string;
  html: string;
  text: string;
}

interface Variable {
  meaning: string;
  example: string | Record<TemplateLocale, string>;
  /** What its value is known to be: only an address may stand as one, only a colour in a style. */
  kind: 'text' | 'address' | 'colour';
  /** May be empty: ask for it with `{{#if}}`. */
  optional: boolean;
}

const text = (meaning: string, example: Variable['example'], optional = false): Variable => ({
  meaning,
  example,
  kind: 'text',
  optional,
});

export const templateVariables = {
  link: {
    meaning: 'The address that the person is to open; different in every mail',
    example: 'https://usher.example/invitations/example',
    kind: 'address',
    optional: false,
  },
  code: text('The code that the person is to type in', '123456'),
  name: text('First and last name, else the username', 'Ada Lovelace', true),
  firstName: text('First name of the person who gets the mail', 'Ada', true),
  lastName: text('Last name of the person who gets the mail', 'Lovelace', true),
  username: text('Username of the account', 'ada.lovelace', true),
  organizationName: text('Name of the organization, or of all that the invitation is for', 'Nordlicht Energie', true),
  inviterName: text('Who invites; empty where no person did', 'Mara Lindqvist', true),
  message: text(
    'The personal text of the inviter; {{lines message}} keeps its line breaks',
    {
      en: 'Welcome!\nI am looking forward to working with you.',
      de: 'Willkommen!\nIch freue mich auf die Zusammenarbeit.',
    },
    true,
  ),
  expiresAt: text('When the link, the code or the access ends, with the time zone', {
    en: '21 December 2026 at 14:05 (Europe/Berlin, GMT+1)',
    de: '21. Dezember 2026 um 14:05 Uhr (Europe/Berlin, GMT+1)',
  }),
  newAddress: text('The address that the account is to have', 'ada@new.example', true),
  personName: text('Whom the mail is about', 'Grace Hopper', true),
  person: text('The same with their address', 'Grace Hopper (grace@example.com)', true),
  count: text('How many things have happened', '3', true),
  joins: text('The organization whose invitation the new password accepts', 'Nordlicht Energie', true),
  home: text('The organization that the account belongs to', 'Nordlicht Energie', true),
  // What there is to report differs by type.
  items: text('What there is to report, one line each: {{lines items}}', '', true),
  senderAddress: text('The address that the mail comes from', 'no-reply@usher.example'),
  logo: {
    meaning: 'The address of the organization’s logo',
    example: 'https://usher.example/organizations/example/logo/example',
    kind: 'address',
    optional: true,
  },
  brandColour: { meaning: 'The organization’s colour', example: '#4f46e5', kind: 'colour', optional: false },
  brandTextColour: {
    meaning: 'White or black, whichever is easier to read on that colour',
    example: '#ffffff',
    kind: 'colour',
    optional: false,
  },
} as const satisfies Record<string, Variable>;

export type VariableName = keyof typeof templateVariables;

export const variable = (name: VariableName): Variable => templateVariables[name];

export interface MailTemplateType {
  variables: readonly VariableName[];
  /** Without it the mail would be of no use: a template must hold it in HTML and in text. // E3 */
  mandatory: 'link' | 'code' | null;
  /** Of what there is to report. */
  items?: Variable['example'];
}

const everywhere = [
  'name',
  'firstName',
  'lastName',
  'organizationName',
  'senderAddress',
  'logo',
  'brandColour',
  'brandTextColour',
] as const;

const invitation: MailTemplateType = {
  variables: ['link', 'inviterName', 'message', 'expiresAt', ...everywhere],
  mandatory: 'link',
};
const opening = (...more: VariableName[]): MailTemplateType => ({
  variables: ['link', 'expiresAt', ...more, ...everywhere],
  mandatory: 'link',
});
const telling = (...more: VariableName[]): MailTemplateType => ({
  variables: [...more, ...everywhere],
  mandatory: null,
});
/** It leads to what it tells of, but a template may do without. */
const newsOfInvitation = telling('link', 'personName', 'person', 'items');
const reporting = (type: MailTemplateType, items: Variable['example']): MailTemplateType => ({ ...type, items });

export const mailTemplateTypes = {
  'user-invitation': invitation,
  'guest-invitation': invitation,
  'invitation-reminder': invitation,
  'guest-access-ending': telling('expiresAt'),
  'guest-access-ending-host': telling('expiresAt', 'personName'),
  'password-reset': opening('joins'),
  'two-factor-code': {
    variables: ['code', 'expiresAt', ...everywhere],
    mandatory: 'code',
  },
  'two-factor-changed': telling(),
  'email-confirmation': opening('username', 'home'),
  'email-change-notice': telling('newAddress'),
  'account-inactive': { variables: ['link', ...everywhere], mandatory: 'link' },
  'security-report': reporting(telling('personName', 'expiresAt', 'items'), {
    en: 'Account\nName: Grace Hopper\nStatus: Active\n\nSecond factor\nMethod: Authenticator app',
    de: 'Konto\nName: Grace Hopper\nStatus: Aktiv\n\nZweiter Faktor\nVerfahren: Authenticator-App',
  }),
  'delivery-problem': reporting(newsOfInvitation, '550 5.1.1 <grace@example.com>: no such mailbox'),
  'invitation-accepted': newsOfInvitation,
  'invitation-declined': reporting(newsOfInvitation, {
    en: 'Thank you, but I have an account already.',
    de: 'Vielen Dank, ich habe schon ein Konto.',
  }),
  'invitation-expired': newsOfInvitation,
  'new-link-requested': newsOfInvitation,
  'invitation-news': reporting(telling('link', 'count', 'items'), {
    en: 'Accepted: 2\nGrace Hopper (grace@example.com)\nAlan Turing (alan@example.com)\n\nDeclined: 1\nMary Jackson (mary@example.com)',
    de: 'Angenommen: 2\nGrace Hopper (grace@example.com)\nAlan Turing (alan@example.com)\n\nAbgelehnt: 1\nMary Jackson (mary@example.com)',
  }),
} as const satisfies Record<string, MailTemplateType>;

export type MailTemplateName = keyof typeof mailTemplateTypes;

export const mailTemplateNames = Object.keys(mailTemplateTypes) as MailTemplateName[];

export const templateType = (name: MailTemplateName): MailTemplateType => mailTemplateTypes[name];

/** What a variable could be in a mail of this type. */
export const exampleOf = (type: MailTemplateName, name: VariableName, locale: TemplateLocale): string => {
  const example = (name === 'items' && templateType(type).items) || variable(name).example;
  return typeof example === 'string' ? example : example[locale];
};
