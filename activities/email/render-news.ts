import type { News, NewsItem } from '../../db/queries/gather-news';
import { displayName } from '../../domain/account';
import { noticeEvents } from '../../domain/inviter-notice';
import { formatInstant, type Locale, translator } from '../../i18n';
import type { HolderMail } from './mail-types';

type Told = Pick<HolderMail, 'personName' | 'person' | 'count' | 'detail' | 'sections' | 'more'>;

/** What a mail tells an inviter: of a single invitation in words, of several in a table for each kind of event. // F11 */
export function renderNews({ items, counts, total }: News, locale: Locale, timeZone: string): Partial<Told> {
  const [first] = items;
  if (total === 1 && first) return { personName: displayName(first), person: withAddress(first), detail: first.detail };
  const t = translator(locale);
  const sections = noticeEvents.flatMap((event) => {
    const rows = items
      .filter((item) => item.event === event)
      .map((item) => [
        withAddress(item),
        [formatInstant(item.at, locale, timeZone), item.detail].filter(Boolean).join(' · '),
      ]);
    const count = counts[event] ?? 0;
    return count > 0 ? [{ title: t(`mail.news.${event}`, { count }), rows }] : [];
  });
  const others = total - items.length;
  return { count: total, sections, more: others > 0 ? t('mail.news.more', { count: others }) : null };
}

/** `Ada Lovelace (ada@example.com)`, or whichever of the two is known. */
function withAddress(item: NewsItem): string {
  const name = displayName(item);
  return item.email === null || item.email === name ? name : `${name} (${item.email})`;
}
