import type { Logger } from 'pino';
import type { Database } from '../db/database';
import type { KeyRing } from '../domain/token';
import type { Branding } from '../domain/branding';
import type { MailParts, MailTemplateName, TemplateLocale } from '../domain/mail-templates';
import type { MailAnnouncer } from '../relay/account-mails';
import type { Announcer } from '../relay/announcer';

/** What the worker makes of templates, for people to look at. */
export interface MailTemplates {
  /** The types that are sent. */
  types: readonly MailTemplateName[];
  /** The built-in, as a template to begin with. */
  builtIn(type: MailTemplateName, locale: TemplateLocale): MailParts;
  /** A mail with sample data; null: made from the built-in. @throws Error where the own template is none */
  preview(
    type: MailTemplateName,
    locale: TemplateLocale,
    own: MailParts | null,
    organization: { id: string; name: string; branding: Branding },
  ): MailParts;
}

/** What the API is built from; made once, in the composition root. */
export interface Services {
  database: Database;
  announcer: Announcer;
  mails: MailAnnouncer;
  mailTemplates: MailTemplates;
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
  /** For `/readyz`. @throws when Temporal does not answer */
  checkTemporal: () => Promise<void>;
  version: string;
}
