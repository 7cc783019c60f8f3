import type { Request } from 'express';
import { pickLocale } from '../i18n';
import { reasonIn } from '../i18n/mail-reason';

/** Answers that hold reasons differ by language. */
export const byLanguage = { Vary: 'Accept-Language' };

/** Reasons in the language of whoever asks; in English they are told as the log has them. // E12 */
export const wordsFor = (request: Request): ((words: string) => string) => {
  const locale = pickLocale(request.get('accept-language'));
  return (words) => (locale === 'en' ? words : reasonIn(locale, words));
};
