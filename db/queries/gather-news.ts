import { longestDigest, type NoticeEvent } from '../../domain/inviter-notice';
import type { Transaction } from '../database';
import { type Suppressed, suppressionOf } from './find-suppression';

/** One thing that happened, and to whose invitation. */
export interface NewsItem {
  event: NoticeEvent;
  detail: string | null;
  at: Date;
  invitationId: string;
  firstName: string | null;
  lastName: string | null;
  email: string | null;
  /** Why that address is not mailed any more, where it is not. */
  suppressed: Suppressed | null;
}

export interface News {
  /** The first of them, in the order in which they happened. */
  items: NewsItem[];
  counts: Partial<Record<NoticeEvent, number>>;
  total: number;
}

/** All that one mail tells an inviter. */
export async function gatherNews(trx: Transaction, organizationId: string, mailId: string): Promise<News> {
  const { rows: counts } = await trx.raw<{ rows: { event: NoticeEvent; count: string }[] }>(
    'select event, count(*) from inviter_notices where organization_id = ? and mail_id = ? group by event',
    [organizationId, mailId],
  );
  const { rows: items } = await trx.raw<{ rows: NewsItem[] }>(
    `select n.event, n.detail, n.at, i.id as "invitationId", i.first_name as "firstName", i.last_name as "lastName", i.email,
       ${suppressionOf('i.organization_id', 'i.email')} as suppressed
     from inviter_notices n join invitations i on i.id = n.invitation_id
     where n.organization_id = ? and n.mail_id = ? order by n.at, n.id limit ?`,
    [organizationId, mailId, longestDigest],
  );
  return {
    items,
    counts: Object.fromEntries(counts.map(({ event, count }) => [event, Number(count)])),
    total: counts.reduce((sum, { count }) => sum + Number(count), 0),
  };
}
