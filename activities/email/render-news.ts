import type { News, NewsItem } from '../../db/queries/gather-news';
import { displayName, type NameWords } from '../../domain/account';
import { noticeEvents } from '../../domain/inviter-notice';
import { knownReason } from '../../domain/mail-reason';
import { formatInstant, type Locale, translator } from '../../i18n';
import { reasonIn } from '../../i18n/mail-reason';
import type { HolderMail } from './mail-types';

type Told = Pick<HolderMail, 'personName' | 'person' | 'count' | 'detail' | 'cause' | 'sections' | 'more'>;

/** Where an inviter sees what a mail tells: the invitation, else the list of all. It wants a sign-in, and is no secret. */
export function linkOfNews({ items: [first], total }: News, baseUrl: string): string {
  return total === 1 && first ? invitationPage(baseUrl, first) : `${baseUrl}/console/invitations`;
}

const invitationPage = (baseUrl: string, { invitationId }: NewsItem): string =>
  `${baseUrl}/console/invitations/${invitationId}`;

/** What a mail tells an inviter: of a single invitation in words, of several in a table for each kind of event. // F11 */
export function renderNews(
  { items, counts, total }: News,
  locale: Locale,
  timeZone: string,
  baseUrl: string,
): Partial<Told> {
  const [first] = items;
  if (total === 1 && first)
    return {
      personName: displayName(first, nameWords(locale)),
      person: withAddress(first, locale),
      detail: detailOf(first, locale),
      cause: causeOf(first),
    };
  const t = translator(locale);
  const sections = noticeEvents.flatMap((event) => {
    const named = items.filter((item) => item.event === event);
    const rows = named.map((item) => [withAddress(item, locale), formatInstant(item.at, locale, timeZone)]);
    const details = named.map((item) => detailOf(item, locale));
    const links = named.map((item) => invitationPage(baseUrl, item));
    const count = counts[event] ?? 0;
    return count > 0 ? [{ title: t(`mail.news.${event}`, { count }), rows, links, details }] : [];
  });
  const others = total - items.length;
  return { count: total, sections, more: others > 0 ? t('mail.news.more', { count: others }) : null };
}

/** `Ada Lovelace (ada@example.com)`, or whichever of the two is known. */
function withAddress(item: NewsItem, locale: Locale): string {
  const name = displayName(item, nameWords(locale));
  return item.email === null || item.email === name ? name : `${name} (${item.email})`;
}

/** Reasons of our own in the reader's language; what people and mail servers have said, as they said it. */
function detailOf({ event, detail }: NewsItem, locale: Locale): string | null {
  // Whoever declines may write what reads like one of ours.
  return event !== 'declined' && detail !== null ? reasonIn(locale, detail) : detail;
}

/** What an inviter can do about it: nothing where the person wants no mails, not the same again where the address is suppressed. */
function causeOf({ event, detail, suppressed }: NewsItem): HolderMail['cause'] {
  if (event !== 'undeliverable') return null;
  const code = detail === null ? null : knownReason(detail)?.code;
  if (code === 'unwanted' || code === 'suppressed-complaint' || suppressed?.reason === 'complaint') return 'unwanted';
  return code === 'suppressed-bounce' || suppressed ? 'dead' : null;
}

/** "Unnamed person" and "(guest)" in the language of a mail. */
export function nameWords(locale: Locale): NameWords {
  const t = translator(locale);
  return { unnamed: t('mail.names.unnamed'), guest: t('mail.names.guest') };
}

/** The same of a name that was written down as it was then, in English. */
export function nameIn(locale: Locale, name: string): string {
  const { unnamed, guest } = nameWords(locale);
  return name === 'Unnamed person' ? unnamed : name.replace(/ \(guest\)$/, ` (${guest})`);
}
