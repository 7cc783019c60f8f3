import { z } from 'zod';
import { requestAccountMail } from '../../db/commands/account-mail';
import { changeEmailTemplate } from '../../db/commands/change-email-template';
import { readClock } from '../../db/database';
import type { EmailTemplate } from '../../db/models/email-template';
import { brandingOf } from '../../db/queries/find-branding';
import {
  findEmailTemplate,
  listNewestTemplates,
  listTemplateVersions,
  partsOf,
} from '../../db/queries/find-email-templates';
import { findOrganization } from '../../db/queries/find-organization';
import { judgeTemplate } from '../../domain/mail-template';
import {
  type MailParts,
  type MailTemplateName,
  type TemplateLocale,
  templateLocales,
} from '../../domain/mail-templates';
import { notFound, Problem } from '../../domain/problem';
import type { MailTemplates } from '../context';
import { type Context, etagOf, ifMatch, type RouteSpec } from '../route';
import { organizationParams, pageQuery } from '../schemas/common';
import {
  emailTemplate,
  optionalParts,
  renderedTemplate,
  templateList,
  templateParams,
  templateParts,
  templateVersionPage,
  testMail,
  toTemplateVersion,
  variablesOf,
} from '../schemas/email-templates';
import { templateProblem } from '../template-words';

const tag = 'Mail templates';
const base = '/v1/organizations/{organizationId}/email-templates';
const one = `${base}/{type}/{locale}`;
const shared = { tag, access: 'organization', action: 'templates.manage', params: templateParams } as const;

/** A test mail that has not gone out by then is of no use any more. */
const testMailHours = 1;

interface Key {
  type: MailTemplateName;
  locale: TemplateLocale;
}

const keyOf = ({ params }: Context): Key => ({
  type: params.type as MailTemplateName,
  locale: params.locale as TemplateLocale,
});

/** @throws Problem NOT_FOUND for a type that is not sent */
const locate = (context: Context): Promise<void> =>
  context.services.mailTemplates.types.includes(keyOf(context).type)
    ? Promise.resolve()
    : Promise.reject(notFound('mail template'));

function toTemplate(
  { type, locale }: Key,
  row: EmailTemplate | null | undefined,
  templates: MailTemplates,
): z.infer<typeof emailTemplate> {
  const own = row ? partsOf(row) : null;
  return {
    type,
    locale,
    overridden: own !== null,
    version: row?.version ?? 0,
    updatedAt: row?.createdAt.toISOString() ?? null,
    variables: variablesOf(type, locale),
    ...(own ?? templates.builtIn(type, locale)),
  };
}

const etagOfTemplate = (row: EmailTemplate | null | undefined): string => etagOf({ version: row?.version ?? 0 });

/** What a preview or a test is made from: the draft of the body, else what is stored, with the organization's looks. */
async function rendered(context: Context): Promise<MailParts> {
  const { type, locale } = keyOf(context);
  const { organizationId, services, body, request } = context;
  const draft = body as z.infer<typeof optionalParts>;
  const ofDraft = draft.subject === undefined ? null : judgeTemplate(type, draft as MailParts);
  if (ofDraft && ofDraft.faults.length > 0) throw templateProblem(request, ofDraft.faults);
  const { organization, stored } = await context.read(async (trx) => ({
    organization: await findOrganization(trx, organizationId),
    stored: await findEmailTemplate(trx, organizationId, type, locale),
  }));
  const own = stored ? partsOf(stored) : null;
  // What is stored and cannot be sent any more is shown as it would be sent: as the built-in.
  const { fill } = ofDraft ?? (own ? judgeTemplate(type, own) : { fill: null });
  const { id, name } = organization;
  return services.mailTemplates.preview(type, locale, fill, { id, name, branding: brandingOf(organization) });
}

export const emailTemplateRoutes: RouteSpec[] = [
  {
    ...shared,
    method: 'get',
    path: base,
    summary: 'List the mail templates: which are the organization’s own, and what they may say',
    params: organizationParams,
    answers: { 200: { description: 'Every type in every language', schema: templateList } },
    async handle({ read, organizationId, services }) {
      const own = await read((trx) => listNewestTemplates(trx, organizationId));
      const items = services.mailTemplates.types.flatMap((type) =>
        templateLocales.map((locale) => {
          const newest = own.find((row) => row.type === type && row.locale === locale);
          return {
            type,
            locale,
            overridden: newest?.own ?? false,
            version: newest?.version ?? 0,
            updatedAt: newest?.createdAt.toISOString() ?? null,
            variables: variablesOf(type, locale),
          };
        }),
      );
      return { status: 200, body: { items } };
    },
  },
  {
    ...shared,
    method: 'get',
    path: one,
    summary: 'Read a mail template: the organization’s own, else the built-in to begin with',
    locate,
    versioned: true,
    answers: { 200: { description: 'The template', schema: emailTemplate } },
    async handle(context) {
      const { read, organizationId, services } = context;
      const { type, locale } = keyOf(context);
      const row = await read((trx) => findEmailTemplate(trx, organizationId, type, locale));
      const body = toTemplate({ type, locale }, row, services.mailTemplates);
      return { status: 200, body, etag: etagOfTemplate(row) };
    },
  },
  {
    ...shared,
    method: 'put',
    path: one,
    summary: 'Save the organization’s own template; earlier versions are kept',
    locate,
    body: templateParts,
    versioned: true,
    answers: { 200: { description: 'The template', schema: emailTemplate } },
    async handle(context) {
      const { command, organizationId, services, actor, request } = context;
      const key = keyOf(context);
      const parts = context.body as z.infer<typeof templateParts>;
      const { faults } = judgeTemplate(key.type, parts);
      if (faults.length > 0) throw templateProblem(request, faults);
      let etag = '';
      const answer = await command(async (trx) => {
        const row = await changeEmailTemplate(trx, { organizationId, ...key }, parts, actor, ifMatch(request));
        etag = etagOfTemplate(row);
        return { status: 200, body: toTemplate(key, row, services.mailTemplates) };
      });
      return { ...answer, etag };
    },
  },
  {
    ...shared,
    method: 'delete',
    path: one,
    summary: 'Back to the built-in; earlier versions are kept',
    locate,
    versioned: true,
    answers: { 204: { description: 'The built-in is used from now on' } },
    async handle(context) {
      const { command, organizationId, actor, request } = context;
      return command(async (trx) => {
        await changeEmailTemplate(trx, { organizationId, ...keyOf(context) }, null, actor, ifMatch(request));
        return { status: 204, body: null };
      });
    },
  },
  {
    ...shared,
    method: 'post',
    path: `${one}/preview`,
    summary: 'See a template filled in with sample data: a draft, else what is stored, else the built-in',
    locate,
    body: optionalParts,
    bodyOptional: true,
    answers: { 200: { description: 'The mail', schema: renderedTemplate } },
    async handle(context) {
      return { status: 200, body: await rendered(context) };
    },
  },
  {
    ...shared,
    method: 'post',
    path: `${one}/test`,
    summary: 'Send the preview to oneself',
    locate,
    body: optionalParts,
    bodyOptional: true,
    idempotent: true,
    answers: { 202: { description: 'It is on its way', schema: testMail } },
    problems: ['NO_MAILBOX'],
    async handle(context) {
      const { caller, organizationId, services, limits, command } = context;
      const { locale } = keyOf(context);
      if (caller?.type !== 'user' || caller.account.email === null)
        throw new Problem(
          'NO_MAILBOX',
          'A test mail goes to the address of whoever asks for it: sign in as somebody who has one.',
        );
      const { id: accountId, email: to } = caller.account;
      const parts = { ...(await rendered(context)), locale };
      let mailId = '';
      const answer = await command(async (trx) => {
        const now = await readClock(trx);
        const deadline = new Date(now.getTime() + testMailHours * 3_600_000);
        const wish = { type: 'template-test' as const, recipient: to, accountId, aboutOrganizationId: organizationId };
        mailId = await requestAccountMail(trx, { ...wish, deadline, parts }, now);
        await limits.forManagedMail(trx, organizationId, to);
        return { status: 202, body: { to } };
      });
      if (mailId) services.mails.announce(mailId);
      return answer;
    },
  },
  {
    ...shared,
    method: 'get',
    path: `${one}/versions`,
    summary: 'List the versions of a template; to restore one is to save it again',
    locate,
    query: z.strictObject(pageQuery),
    answers: { 200: { description: 'A page of versions, newest first', schema: templateVersionPage } },
    async handle(context) {
      const { type, locale } = keyOf(context);
      const query = context.query as { limit: number; cursor: string | undefined };
      const page = await context.read((trx) => listTemplateVersions(trx, context.organizationId, type, locale, query));
      return { status: 200, body: { ...page, items: page.items.map(toTemplateVersion) } };
    },
  },
];
