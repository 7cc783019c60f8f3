import type { Logger } from 'pino';
import type { Database, Transaction } from '../db/database';
import type { Organization } from '../db/models/organization';
import type { Branding } from '../domain/branding';
import type { InvitationKind } from '../domain/invitation';
import type { FillTemplate } from '../domain/mail-template';
import type { MailParts, MailTemplateName, TemplateLocale } from '../domain/mail-templates';
import type { KeyRing } from '../domain/token';
import type { Locale } from '../i18n';
import type { MailAnnouncer } from '../relay/account-mails';
import type { Announcer } from '../relay/announcer';
import type { ScheduleState } from '../relay/schedules';
import type { LiveHub } from './live/hub';

export interface PreviewedInvitation {
  kind: InvitationKind;
  locale: Locale;
  organizationName: string;
  inviterName: string | null;
  firstName: string | null;
  lastName: string | null;
  message: string | null;
  link: string;
  expiresAt: Date;
  timeZone: string;
}

/** What the worker makes of templates, for people to look at. */
export interface MailTemplates {
  /** The types that are sent. */
  types: readonly MailTemplateName[];
  /** The built-in, as a template to begin with. */
  builtIn(type: MailTemplateName, locale: TemplateLocale): MailParts;
  /** A mail with sample data; null: made from the built-in. */
  preview(
    type: MailTemplateName,
    locale: TemplateLocale,
    own: FillTemplate | null,
    organization: { id: string; name: string; branding: Branding },
  ): MailParts;
}

/** What the API is built from; made once, in the composition root. */
export interface Services {
  database: Database;
  announcer: Announcer;
  mails: MailAnnouncer;
  mailTemplates: MailTemplates;
  /** Who watches what, for pages that refresh by themselves. */
  live: LiveHub;
  keys: KeyRing;
  baseUrl: string;
  platformKey: string;
  rateLimits: boolean;
  /** Mails that one organization may have sent in an hour. */
  mailsPerHour: number;
  /** Of the mail provider; null: it may report nothing. */
  dsnKey: string | null;
  trustProxy: number;
  logger: Logger;
  /** The mail that an invitation would go out as, made by what makes the real one: in the organization's own words and colours. */
  previewInvitation: (
    trx: Transaction,
    organization: Organization,
    invitation: PreviewedInvitation,
  ) => Promise<{ subject: string; html: string }>;
  /** Where mails come from; null: the API is not told. // E12 */
  mailFrom: string | null;
  /** Where operators look at workflows, and in which organization they are operators; null: nowhere that is known. // F1 */
  temporalUi: { url: string; namespace: string; organizationId: string } | null;
  /** For `/readyz`. @throws when Temporal does not answer */
  checkTemporal: () => Promise<void>;
  /** When the job that resets unused reactivations ran last. @throws when Temporal does not answer */
  describeSchedule: () => Promise<ScheduleState>;
  version: string;
}
