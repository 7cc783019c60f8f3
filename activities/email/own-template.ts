import type { Logger } from 'pino';
import type { Transaction } from '../../db/database';
import type { Organization } from '../../db/models/organization';
import { brandingOf, logoUrl } from '../../db/queries/find-branding';
import { findOwnTemplate } from '../../db/queries/find-email-templates';
import { brandedSender } from '../../domain/branding';
import { type MailTemplateName, mailTemplateTypes } from '../../domain/mail-templates';
import { senderAddress } from '../../domain/email-address';
import type { Locale } from '../../i18n';
import type { MailBranding, OwnTemplate } from './mail-types';

/** What an organization's mails look like, and its own template for this one. */
export interface OrganizationsOwn {
  branding: MailBranding | null;
  own: OwnTemplate | null;
}

/** @param organization null: somebody who has none gets what is built in */
export async function findOrganizationsOwn(
  trx: Transaction,
  organization: Organization | null,
  type: string,
  locale: Locale,
  baseUrl: string,
): Promise<OrganizationsOwn> {
  if (!organization) return { branding: null, own: null };
  const branding = brandingOf(organization);
  const template =
    type in mailTemplateTypes ? await findOwnTemplate(trx, organization.id, type as MailTemplateName, locale) : null;
  const { subject, html, text, version } = template ?? {};
  return {
    branding: { colour: branding.colour, logo: logoUrl(baseUrl, organization.id, branding) },
    own:
      subject !== undefined && html !== undefined && text !== undefined
        ? { subject, html, text, key: `${organization.id} ${locale} ${version}` }
        : null,
  };
}

/** The sender of an organization's mails: the address is always ours. */
export const senderOf = (from: string, organization: Organization | null): string =>
  brandedSender(from, senderAddress(from), organization?.senderName ?? null);

/** The mail goes out all the same; its row in the log says so, too. */
export const warnOfFallback = (logger: Logger, type: string, organizationId: string | null): void =>
  logger.warn({ type, organizationId }, 'an organization’s own mail template failed; the built-in was used');
