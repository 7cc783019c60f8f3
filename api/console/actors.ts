import { hasText } from '../../i18n';
import type { Page } from './page';

/** Who did something, in words; a person by the name that is known of them. */
export function actorName(page: Page, type: string, name: string | null): string {
  if (type === 'api-key' && name !== null) return page.t('console.actors.apiKeyNamed', { name });
  const key = `console.actors.${type}`;
  return name ?? (hasText(page.locale, key) ? page.t(key) : type);
}
