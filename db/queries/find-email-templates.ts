import type { MailParts, MailTemplateName, TemplateLocale } from '../../domain/mail-templates';
import type { Transaction } from '../database';
import { EmailTemplate } from '../models/email-template';
import { type Page, type PageRequest, readCursor, toPage } from './page';

/** A template that an organization has worded itself. */
export interface OwnTemplate extends MailParts {
  organizationId: string;
  type: MailTemplateName;
  locale: TemplateLocale;
  version: number;
}

export const partsOf = ({ subject, html, text }: EmailTemplate): MailParts | null =>
  subject === null || html === null || text === null ? null : { subject, html, text };

/** The newest version, also one that stands for the built-in; undefined: there never was an own one. */
export const findEmailTemplate = (
  trx: Transaction,
  organizationId: string,
  type: MailTemplateName,
  locale: TemplateLocale,
): Promise<EmailTemplate | undefined> =>
  EmailTemplate.query(trx).where({ organizationId, type, locale }).orderBy('version', 'desc').first().then();

/** What a mail of this type and language is to be made from; null: from the built-in. */
export async function findOwnTemplate(
  trx: Transaction,
  organizationId: string,
  type: MailTemplateName,
  locale: TemplateLocale,
): Promise<OwnTemplate | null> {
  const newest = await findEmailTemplate(trx, organizationId, type, locale);
  const parts = newest && partsOf(newest);
  return newest && parts ? { ...parts, organizationId, type, locale, version: newest.version } : null;
}

/** The newest version of each of the organization's templates, without what they say. */
export const listNewestTemplates = (
  trx: Transaction,
  organizationId: string,
): Promise<(Pick<EmailTemplate, 'type' | 'locale' | 'version' | 'createdAt'> & { own: boolean })[]> =>
  EmailTemplate.query(trx)
    .distinctOn(['type', 'locale'])
    .select('type', 'locale', 'version', 'createdAt', trx.raw('subject is not null as own'))
    .where({ organizationId })
    .orderBy(['type', 'locale', { column: 'version', order: 'desc' }])
    .then() as unknown as Promise<(EmailTemplate & { own: boolean })[]>;

/** Newest first, with who made them. */
export async function listTemplateVersions(
  trx: Transaction,
  organizationId: string,
  type: MailTemplateName,
  locale: TemplateLocale,
  { limit, cursor }: PageRequest,
): Promise<Page<EmailTemplate>> {
  const from = readCursor(cursor, [/^\d{1,9}$/]);
  const query = EmailTemplate.query(trx)
    .where({
      'emailTemplates.organizationId': organizationId,
      'emailTemplates.type': type,
      'emailTemplates.locale': locale,
    })
    .leftJoin('accounts as person', (join) => join.on('person.id', 'actorId').andOnVal('actorType', 'user'))
    .select(
      'emailTemplates.*',
      trx.raw(`coalesce(actor_name, nullif(concat_ws(' ', person.first_name, person.last_name), ''),
      person.username, person.email) as actor_name`),
    )
    .orderBy('emailTemplates.version', 'desc')
    .limit(limit + 1);
  if (from) void query.where('emailTemplates.version', '<', Number(from[0]));
  return toPage(
    await query,
    limit,
    (row) => [String(row.version)],
    (row) => row,
  );
}
