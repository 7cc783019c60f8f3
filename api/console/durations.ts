import { Duration } from 'luxon';
import type { Locale } from '../../i18n';

/** "21 days", "1 day and 12 hours"; what is no duration stays as it is. */
export function durationWords(locale: Locale, duration: string): string {
  const read = Duration.fromISO(duration, { locale });
  return read.isValid && duration !== '' ? read.toHuman({ listStyle: 'long' }) : duration;
}

/** Units as people write them, in the order in which a duration names them; those of a day stand behind a T. */
const units: { letter: string; isOfDay: boolean; words: RegExp }[] = [
  { letter: 'Y', isOfDay: false, words: /^(y|years?|jahre?n?)$/i },
  { letter: 'M', isOfDay: false, words: /^(months?|monate?n?)$/i },
  { letter: 'W', isOfDay: false, words: /^(w|weeks?|wochen?)$/i },
  { letter: 'D', isOfDay: false, words: /^(d|days?|tage?n?)$/i },
  { letter: 'H', isOfDay: true, words: /^(h|hours?|stunden?)$/i },
  { letter: 'M', isOfDay: true, words: /^(min|minutes?|minuten?)$/i },
  { letter: 'S', isOfDay: true, words: /^(s|seconds?|sekunden?)$/i },
];

const part = /(\d{1,6})\s*(\p{L}+)/gu;
const between = /^(\s|,|and|und|&)*$/iu;

/** "10 days" or "1 Tag und 12 Stunden" as the API takes it; anything else as it was typed, for the API to judge. */
export function durationOf(typed: string): string {
  const text = typed.trim();
  if (/^p[\dt]/i.test(text)) return text.toUpperCase();
  const parts = [...text.matchAll(part)];
  if (parts.length === 0 || !between.test(text.replace(part, ''))) return text;
  const counts = new Map<(typeof units)[number], string>();
  for (const [, count = '', word = ''] of parts) {
    const unit = units.find(({ words }) => words.test(word));
    if (!unit || counts.has(unit)) return text;
    counts.set(unit, count);
  }
  const written = (isOfDay: boolean): string =>
    units
      .filter((unit) => unit.isOfDay === isOfDay && counts.has(unit))
      .map((unit) => `${Number(counts.get(unit))}${unit.letter}`)
      .join('');
  const ofDay = written(true);
  return `P${written(false)}${ofDay && `T${ofDay}`}`;
}
