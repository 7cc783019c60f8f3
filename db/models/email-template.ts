import type { MailTemplateName, TemplateLocale } from '../../domain/mail-templates';
import { BaseModel } from './base-model';

/** One version of an organization's own template; the newest holds. */
export class EmailTemplate extends BaseModel {
  static override tableName = 'email_templates';
  static override idColumn = ['organizationId', 'type', 'locale', 'version'];

  declare organizationId: string;
  declare type: MailTemplateName;
  declare locale: TemplateLocale;
  declare version: number;
  /** All three null: back to the built-in from then on. */
  declare subject: string | null;
  declare html: string | null;
  declare text: string | null;
  declare actorType: string;
  declare actorId: string | null;
  /** A key's name; a person's is looked up. */
  declare actorName: string | null;
  declare createdAt: Date;
}
