import i18next from 'i18next';
import { DateTime } from 'luxon';
import de from './de.json';
import en from './en.json';

export const locales = ['en', 'de'] as const;
export type Locale = (typeof locales)[number];

/** Values put into a text; null and undefined appear as nothing. */
export type Variables = Record<string, string | number | null | undefined>;
export type Translate = (key: string, variables?: Variables) => string;

const catalogue = i18next.createInstance();
void catalogue.init({
  // With resources at hand and this off, init is done when it returns: callers need no promise.
  initAsync: false,
  supportedLngs: locales,
  fallbackLng: 'en',
  nsSeparator: false,
  resources: { en: { translation: en }, de: { translation: de } },
  // Handlebars escapes, once. Plain text and subjects must not be escaped at all.
  interpolation: { escapeValue: false, skipOnVariables: true },
});

/**
 * The texts of one language, by key (`pages.accepted.heading`). An unknown key answers itself; in a test it throws.
 * Values are literal: neither `{{…}}` nor `$t(…)` inside a name or message is ever resolved.
 */
export function translator(locale: string): Translate {
  const lng = pickLocale(locale);
  return (key, variables = {}) => {
    if (process.env.NODE_ENV === 'test' && !hasText(lng, key)) throw new Error(`The catalogue has no text ${key}.`);
    return catalogue.t(key, { lng, replace: variables, nest: false });
  };
}

/** "A, B and C", as the language writes it. */
export const listNames = (locale: string, named: readonly { name: string }[]): string =>
  // American English would put a comma before the "and".
  new Intl.ListFormat(pickLocale(locale) === 'en' ? 'en-GB' : pickLocale(locale)).format(named.map(({ name }) => name));

/** Whether the catalogue itself (without falling back to English) has a text under this key. */
export function hasText(locale: Locale, key: string): boolean {
  return typeof catalogue.getResource(locale, 'translation', key) === 'string';
}

/**
 * The first candidate that we speak, else English. Takes language tags (`de-AT`, `de_CH`) and whole
 * `Accept-Language` headers, whose parts are tried by their weight.
 */
export function pickLocale(...candidates: (string | null | undefined)[]): Locale {
  for (const candidate of candidates) {
    for (const tag of byWeight(candidate ?? '')) {
      const language = tag.split(/[-_]/, 1)[0]?.toLowerCase();
      const found = locales.find((locale) => locale === language);
      if (found) return found;
    }
  }
  return 'en';
}

function byWeight(header: string): string[] {
  return header
    .split(',', 50)
    .map((part) => {
      const [tag = '', ...parameters] = part.split(';').map((piece) => piece.trim());
      const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
      return { tag, weight: Number(weight) || 0 };
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ tag }) => tag);
}

const dateLocales = { en: 'en-GB', de: 'de' } as const;

/**
 * An instant for people, to the minute, with the zone it is told in: "21 December 2026 at 14:05 (Europe/Berlin, GMT+1)".
 * An unknown zone is told in UTC and says so: a mail with another zone beats no mail.
 */
export function formatInstant(date: Date, locale: Locale, timeZone: string): string {
  const zoned = DateTime.fromJSDate(date).setZone(timeZone);
  const local = (zoned.isValid ? zoned : DateTime.fromJSDate(date, { zone: 'utc' })).setLocale(dateLocales[locale]);
  return translator(locale)('instant', {
    date: local.toFormat(locale === 'de' ? 'd. LLLL yyyy' : 'd LLLL yyyy'),
    time: local.toFormat('HH:mm'),
    zone: zoneName(local),
  });
}

/** The same where space is short and the zone is said elsewhere: "21 Dec 2026, 14:05". */
export function formatShort(date: Date, locale: Locale, timeZone: string): string {
  const zoned = DateTime.fromJSDate(date).setZone(timeZone);
  const local = (zoned.isValid ? zoned : DateTime.fromJSDate(date, { zone: 'utc' })).setLocale(dateLocales[locale]);
  return local.toFormat(locale === 'de' ? 'd. LLL yyyy, HH:mm' : 'd LLL yyyy, HH:mm');
}

function zoneName(local: DateTime): string {
  if (local.zoneName === 'UTC' || local.zoneName === null) return 'UTC';
  return local.offset === 0 ? `${local.zoneName}, GMT` : `${local.zoneName}, GMT${local.toFormat('Z')}`;
}
