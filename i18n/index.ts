import i18next from 'i18next';
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
    const told = phraseOf(lng, key)?.(variables) ?? null;
    if (told !== null) return told;
    if (process.env.NODE_ENV === 'test' && !hasText(lng, key)) throw new Error(`The catalogue has no text ${key}.`);
    return catalogue.t(key, { lng, replace: variables, nest: false });
  };
}

type Phrase = (variables: Variables) => string | null;

/** A mail has a dozen sentences, and going through the library for each of them costs more than all the rest of it. */
const phrases = new Map<string, Phrase | null>();

/** A text of plain variables, taken apart once; null: leave it to the library. */
function phraseOf(lng: Locale, key: string): Phrase | null {
  const name = `${lng} ${key}`;
  const known = phrases.get(name);
  if (known !== undefined) return known;
  const text: unknown = catalogue.getResource(lng, 'translation', key);
  // Names that are made up elsewhere are not remembered.
  if (typeof text !== 'string') return null;
  const phrase = takenApart(text);
  phrases.set(name, phrase);
  return phrase;
}

function takenApart(text: string): Phrase | null {
  // Every second one is the name of a variable.
  const parts = text.split(/\{\{([a-zA-Z]\w*)\}\}/);
  if (parts.some((part) => /\{\{|\}\}|\$t\(/.test(part))) return null;
  return (variables) => {
    let told = '';
    for (const [index, part] of parts.entries()) {
      if (index % 2 === 0) {
        told += part;
        continue;
      }
      const value = Object.hasOwn(variables, part) ? variables[part] : undefined;
      // What becomes of one that is missing, the library says.
      if (value === undefined) return null;
      told += value ?? '';
    }
    return told;
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

/** Making one costs a hundred times what using it does, and every mail tells an instant. */
const formats = new Map<string, { format: Intl.DateTimeFormat; zone: string }>();
const mostFormats = 1_000;

function formatOf(
  locale: Locale,
  timeZone: string,
  month: 'long' | 'short' = 'long',
): { format: Intl.DateTimeFormat; zone: string } {
  const key = `${locale} ${month} ${timeZone}`;
  const known = formats.get(key);
  if (known) return known;
  const zone = isKnownZone(timeZone) ? timeZone : 'UTC';
  const format = new Intl.DateTimeFormat(dateLocales[locale], {
    ...({ day: 'numeric', month, year: 'numeric', hour: '2-digit', minute: '2-digit' } as const),
    ...({ hourCycle: 'h23', timeZoneName: 'shortOffset', timeZone: zone } as const),
  });
  if (formats.size >= mostFormats) formats.clear();
  formats.set(key, { format, zone });
  return { format, zone };
}

/**
 * An instant for people, to the minute, with the zone it is told in: "21 December 2026 at 14:05 (Europe/Berlin, GMT+1)".
 * An unknown zone is told in UTC and says so: a mail with another zone beats no mail.
 */
export function formatInstant(date: Date, locale: Locale, timeZone: string): string {
  const { format, zone } = formatOf(locale, timeZone);
  const { day, month, year, hour, minute, timeZoneName } = partsOf(format, date);
  return translator(locale)('instant', {
    date: locale === 'de' ? `${day}. ${month} ${year}` : `${day} ${month} ${year}`,
    time: `${hour}:${minute}`,
    zone: zone === 'UTC' ? 'UTC' : `${zone}, ${timeZoneName?.replace(/^GMT[+-]0$/, 'GMT')}`,
  });
}

function partsOf(format: Intl.DateTimeFormat, date: Date): Partial<Record<Intl.DateTimeFormatPartTypes, string>> {
  return Object.fromEntries(format.formatToParts(date).map(({ type, value }) => [type, value]));
}

function isKnownZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions();
    return true;
  } catch {
    return false;
  }
}

/** A day by its UTC date: "25 November 2026"; what is no date stays as it is. */
export function formatDay(isoDay: string, locale: Locale): string {
  const instant = new Date(isoDay);
  if (Number.isNaN(instant.getTime())) return isoDay;
  const { day: number, month, year } = partsOf(formatOf(locale, 'UTC').format, instant);
  return locale === 'de' ? `${number}. ${month} ${year}` : `${number} ${month} ${year}`;
}

/** The same where space is short and the zone is said elsewhere: "21 Dec 2026, 14:05". */
export function formatShort(date: Date, locale: Locale, timeZone: string): string {
  const { day, month, year, hour, minute } = partsOf(formatOf(locale, timeZone, 'short').format, date);
  return `${locale === 'de' ? `${day}. ${month} ${year}` : `${day} ${month} ${year}`}, ${hour}:${minute}`;
}
