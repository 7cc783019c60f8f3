import { z } from 'zod';
import type { EmailTemplate } from '../../db/models/email-template';
import { largestLogo, senderNamePattern } from '../../domain/branding';
import { exampleOf, mailTemplateNames, templateLocales, variable, templateType } from '../../domain/mail-templates';
import type { MailTemplateName, TemplateLocale, VariableName } from '../../domain/mail-templates';
import { line, organizationParams, pageOf, time } from './common';

const type = z.enum(mailTemplateNames as [MailTemplateName, ...MailTemplateName[]]);
const locale = z.enum(templateLocales);

export const templateParams = organizationParams.extend({ type, locale });

const part = (what: string) => z.string('Must be a text.').describe(what);

/** How long a part may be, and what may be in it, is said with the place: `checkTemplate`. */
export const templateParts = z
  .strictObject({
    subject: part('At most 300 bytes, filled in as one line'),
    html: part('At most 100 KB; scripts and whatever loads something are taken out when it is filled in'),
    text: part('At most 100 KB; the same for those who read no HTML'),
  })
  .meta({ id: 'EmailTemplateParts' });

export const optionalParts = templateParts
  .partial()
  .refine(
    ({ subject, html, text }) => new Set([subject, html, text].map((one) => one === undefined)).size === 1,
    'A draft has all three: subject, html and text.',
  )
  .meta({ id: 'EmailTemplateDraft', description: 'All three parts, or none: then what is stored, else the built-in' });

const templateVariable = z
  .object({
    name: z.string(),
    meaning: z.string(),
    example: z.string(),
    mandatory: z.boolean().describe('HTML and text must contain it'),
    optional: z.boolean().describe('May be empty: ask with {{#if}}'),
  })
  .meta({ id: 'EmailTemplateVariable' });

export const templateSummary = z
  .object({
    type,
    locale,
    overridden: z.boolean(),
    version: z.int().describe('Of the newest own one; 0: there never was one'),
    updatedAt: time.nullable(),
    variables: z.array(templateVariable),
  })
  .meta({ id: 'EmailTemplateSummary' });

export const templateList = z.object({ items: z.array(templateSummary) }).meta({ id: 'EmailTemplateList' });

export const emailTemplate = templateSummary
  .extend({ subject: z.string(), html: z.string(), text: z.string() })
  .meta({ id: 'EmailTemplate' });

export const renderedTemplate = z
  .object({ subject: z.string(), html: z.string(), text: z.string() })
  .meta({ id: 'RenderedEmail' });

const templateVersion = z
  .object({
    version: z.int(),
    createdAt: time,
    createdBy: z.object({ type: z.string(), id: z.string().nullable(), displayName: z.string().nullable() }),
    reset: z.boolean().describe('Back to the built-in: there are no parts'),
    subject: z.string().nullable(),
    html: z.string().nullable(),
    text: z.string().nullable(),
  })
  .meta({ id: 'EmailTemplateVersion' });

export const templateVersionPage = pageOf(templateVersion).meta({ id: 'EmailTemplateVersionPage' });

export const toTemplateVersion = (row: EmailTemplate): z.infer<typeof templateVersion> => ({
  version: row.version,
  createdAt: row.createdAt.toISOString(),
  createdBy: { type: row.actorType, id: row.actorId, displayName: row.actorName },
  reset: row.subject === null,
  subject: row.subject,
  html: row.html,
  text: row.text,
});

export const testMail = z.object({ to: z.string() }).meta({ id: 'TestEmail' });

export const variablesOf = (name: MailTemplateName, of: TemplateLocale): z.infer<typeof templateVariable>[] => {
  const { variables, mandatory } = templateType(name);
  return variables.map((one: VariableName) => ({
    name: one,
    meaning: variable(one).meaning,
    example: exampleOf(name, one, of),
    mandatory: one === mandatory,
    optional: variable(one).optional,
  }));
};

export const brandingPatch = z
  .strictObject({
    logo: z
      .string()
      .max(Math.ceil(largestLogo.bytes / 3) * 4 + 40, 'May have at most 100 KB.')
      .nullable()
      .describe('A PNG or JPEG of at most 100 KB as data URL; null: none'),
    colour: z
      .string()
      .regex(/^#[0-9a-fA-F]{6}$/, 'Must be a colour like #4f46e5.')
      .nullable()
      .describe('Of buttons; what is written on them is white or black'),
    senderName: line(60)
      .refine(
        (name) => senderNamePattern.test(name),
        'May not have quotes, brackets, at signs, colons, semicolons or invisible characters.',
      )
      .nullable()
      .describe('Stands before our own name in the sender of mails; the address stays ours'),
  })
  .partial()
  .meta({ id: 'BrandingPatch', description: 'What is left out stays as it is' });

export const branding = z
  .object({
    logo: z.string().nullable().describe('Where it is served, to everybody'),
    colour: z.string().nullable(),
    textColour: z.string().describe('What is readable on the colour'),
    senderName: z.string().nullable(),
  })
  .meta({ id: 'Branding' });
