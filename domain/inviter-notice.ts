/** What an inviter hears of. // F11 */
export const noticeEvents = ['accepted', 'declined', 'expired', 'undeliverable', 'new-link-requested'] as const;
export type NoticeEvent = (typeof noticeEvents)[number];

/** The mail about a single one; several go into one mail of type `invitation-news`. */
export const noticeMails = {
  accepted: 'invitation-accepted',
  declined: 'invitation-declined',
  expired: 'invitation-expired',
  undeliverable: 'delivery-problem',
  'new-link-requested': 'new-link-requested',
} as const satisfies Record<NoticeEvent, string>;
export type NoticeMail = (typeof noticeMails)[NoticeEvent] | 'invitation-news';
export const noticeMailTypes: readonly NoticeMail[] = Object.freeze([...Object.values(noticeMails), 'invitation-news']);

/** After a mail to an inviter, what happens next is collected for so long. */
export const collectMs = 600_000;
/** Many that were sent together expire together, and nobody is in a hurry to hear of it: until none has for so long, … */
export const expiriesMs = 5_000;
/** … but no longer than this. */
export const longestCrowdMs = 120_000;
/** After so long it is no news any more. */
export const staleMs = 7 * 86_400_000;
/** How many a digest names; the others are counted. */
export const longestDigest = 50;

/** When the next mail to an inviter is due. @param last when the one before went out, or is to go out */
export function nextNoticeMail(events: readonly NoticeEvent[], last: Date | null, now: Date): Date {
  const earliest = now.getTime() + (events.every((event) => event === 'expired') ? expiriesMs : 0);
  return new Date(Math.max(earliest, last ? last.getTime() + collectMs : 0));
}

/** When a mail that waits is due after more has come into it: a crowd of expiries may go on. */
export function waitingNoticeMail(
  events: readonly NoticeEvent[],
  mail: { createdAt: Date; dueAt: Date },
  now: Date,
): Date {
  if (!events.every((event) => event === 'expired')) return mail.dueAt;
  const crowd = Math.min(now.getTime() + expiriesMs, mail.createdAt.getTime() + longestCrowdMs);
  return new Date(Math.max(mail.dueAt.getTime(), crowd));
}
