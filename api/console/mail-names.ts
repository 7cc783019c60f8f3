import { hasText } from '../../i18n';
import type { Page } from './page';

/** A kind of mail in words; one that nobody has words for by its own name. */
export function mailName(page: Page, type: string): string {
  const key = `console.mailTypes.${type}`;
  return hasText(page.locale, key) ? page.t(key) : type;
}
