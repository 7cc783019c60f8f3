import type { Actor } from '../../domain/actor';
import type { MailParts, MailTemplateName, TemplateLocale } from '../../domain/mail-templates';
import { notFound } from '../../domain/problem';
import { readClock, type Transaction } from '../database';
import { EmailTemplate } from '../models/email-template';
import { Organization } from '../models/organization';
import { findEmailTemplate, partsOf } from '../queries/find-email-templates';
import { recordEvents } from './record-event';

/** Versions that are kept of each template; older ones go. */
export const keptVersions = 50;

interface TemplateKey {
  organizationId: string;
  type: MailTemplateName;
  locale: TemplateLocale;
}

/**
 * Saves an organization's own template as its newest version; null: back to the built-in, the earlier versions stay. // E3
 * @param check called with the newest version (0: there is none): If-Match
 * @returns the newest version; where there was nothing to take back, the one before
 */
export async function changeEmailTemplate(
  trx: Transaction,
  { organizationId, type, locale }: TemplateKey,
  parts: MailParts | null,
  actor: Actor,
  check: (newest: { version: number }) => void,
): Promise<EmailTemplate | null> {
  // The lock of all of its templates: two who save at once get two versions, one after the other.
  const organization = await Organization.query(trx).findById(organizationId).forNoKeyUpdate();
  if (!organization) throw notFound('organization');
  const newest = await findEmailTemplate(trx, organizationId, type, locale);
  check(newest ?? { version: 0 });
  if (parts === null && (!newest || partsOf(newest) === null)) return newest ?? null;
  const now = await readClock(trx);
  const version = (newest?.version ?? 0) + 1;
  const saved = await EmailTemplate.query(trx)
    .insert({
      ...{ organizationId, type, locale, version },
      ...(parts ?? { subject: null, html: null, text: null }),
      actorType: actor.type,
      actorId: actor.id,
      actorName: actor.type === 'user' ? null : actor.name,
      createdAt: now,
    })
    .returning('*');
  await EmailTemplate.query(trx)
    .delete()
    .where({ organizationId, type, locale })
    .where('version', '<=', version - keptVersions);
  await recordEvents(trx, {
    organizationId,
    type: parts ? 'email-template.changed' : 'email-template.reset',
    actor,
    at: now,
    data: { type, locale, version },
  });
  return saved;
}
