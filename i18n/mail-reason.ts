import { knownReason } from '../domain/mail-reason';
import { formatDay, type Locale, translator } from './index';

/** A reason of our own in the reader's language; what people and mail servers have said, as they said it. // E12, F11 */
export function reasonIn(locale: Locale, words: string): string {
  const reason = knownReason(words);
  if (!reason) return words;
  const { words: quoted, day, ...values } = reason.values;
  return translator(locale)(`mail.reasons.${reason.code}`, {
    ...values,
    ...(day !== undefined && { day: formatDay(day, locale) }),
    ...(quoted !== undefined && { words: reasonIn(locale, quoted) }),
  });
}
