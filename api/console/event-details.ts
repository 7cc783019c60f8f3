import { formatShort, hasText } from '../../i18n';
import { permissionName } from './permissions';
import { mailName } from './mail-names';
import type { Page } from './page';

/** Names of what an event tells the ids of; what is missing is not named. */
export interface KnownNames {
  groups: ReadonlyMap<string, string>;
  people: ReadonlyMap<string, string>;
}

/** Where the words of the fields are that an event of this subject names. */
const fieldWords: Record<string, string> = {
  policy: 'console.policy.fields',
  organization: 'console.settings.fields',
  group: 'console.groups.fields',
  branding: 'console.branding.fields',
};
/** Fields that are called otherwise there. */
const otherWords: Record<string, string> = {
  firstName: 'console.fields.givenName.label',
  lastName: 'console.fields.familyName.label',
  licences: 'console.licences.licences',
  plan: 'console.licences.plan',
  logo: 'console.branding.logo',
};

function fieldName(page: Page, subject: string, field: string): string {
  const places = [`${fieldWords[subject]}.${field}.label`, otherWords[field] ?? '', `console.fields.${field}.label`];
  const key = places.find((place) => hasText(page.locale, place));
  return key === undefined ? field : page.t(key);
}

/**
 * What an event says beyond its name, in words. Ids of what has no name here are left to the CSV and the API: they say
 * nothing to people.
 */
export function eventDetails(page: Page, type: string, data: Record<string, unknown>, known: KnownNames): string[] {
  const [subject = ''] = type.split('.', 1);
  const said = (name: string, value: string): string => page.t(`console.audit.details.${name}`, { value });
  const word = (key: string, value: string): string =>
    hasText(page.locale, `${key}.${value}`) ? page.t(`${key}.${value}`) : value;
  const flag = (name: string) => (value: unknown) => (value === true ? page.t(`console.audit.details.${name}`) : null);
  const named = (names: ReadonlyMap<string, string>, name: string) => (value: unknown) => {
    const found = names.get(String(value));
    return found === undefined ? null : said(name, found);
  };
  const inWords: Record<string, (value: unknown) => string | null> = {
    // Of a part of an invitation into several organizations there is no link: 0.
    generation: (value) => (Number(value) > 0 ? said('generation', plain(value)) : null),
    reminder: (value) => said('reminder', plain(value)),
    fields: (value) => {
      const fields = Array.isArray(value) ? value.map((field) => fieldName(page, subject, String(field))) : [];
      return fields.length === 0 ? null : said('fields', fields.join(', '));
    },
    permissions: (value) =>
      Array.isArray(value) ? value.map((name) => permissionName(page, String(name))).join(', ') : null,
    kind: (value) => word('console.choices.kind', plain(value)),
    role: (value) => said('role', word(subject === 'group' ? 'console.groups' : 'console.roles', plain(value))),
    reason: (value) =>
      said('reason', word(subject === 'email' ? 'console.emails.reasons' : 'console.guestLog.reasons', plain(value))),
    method: (value) => word('console.audit.details.methods', plain(value)),
    preset: (value) => word('console.settings.presets', plain(value)),
    type: (value) => mailName(page, plain(value)),
    locale: (value) => word('console.settings.locales', plain(value)),
    version: (value) => page.t('console.templates.version', { number: plain(value) }),
    by: (value) => word('console.audit.details.by', plain(value)),
    applyToPending: flag('applyToPending'),
    suppressed: flag('suppressed'),
    bounced: flag('bounced'),
    byHand: flag('byHand'),
    groupId: named(known.groups, 'group'),
    sponsorId: named(known.people, 'sponsor'),
    accessEndsAt: (value) =>
      said(
        'accessEndsAt',
        typeof value === 'string'
          ? formatShort(new Date(value), page.locale, page.timeZone)
          : page.t('console.guests.noEnd'),
      ),
  };
  return Object.entries(data).flatMap(([name, value]) => {
    const words = inWords[name];
    if (words) return words(value) ?? [];
    return /Id$/.test(name) ? [] : `${name}: ${plain(value)}`;
  });
}

const plain = (value: unknown): string =>
  typeof value === 'string' ? value : Array.isArray(value) ? value.map(plain).join(', ') : JSON.stringify(value);
