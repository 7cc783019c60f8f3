import { asSystem, type Database } from '../database';
import { endOfToday, type Figures, mailsOf, readFigures } from '../queries/organization-figures';

/**
 * Of the whole deployment. An invitation into several organizations counts once: its parts have no next step of their own,
 * and by that step, which every open invitation has, they are found. // F1
 */
export async function deploymentFigures(database: Database): Promise<Figures> {
  const [figures, mails] = await Promise.all([
    asSystem(database, (trx) =>
      readFigures(
        trx,
        `select usher_now() as at,
           (select count(*) from invitations
            where next_at is not null and status = 'pending' and expires_at > usher_now()) as open,
           -- The next step of what ends today is today, whatever it is; no day is longer than 25 hours.
           (select count(*) from invitations i join organizations o on o.id = i.organization_id
            where i.next_at < usher_now() + interval '26 hours' and i.status = 'pending'
              and i.expires_at > usher_now() and i.expires_at < ${endOfToday}) as due_today,
           ${mailsOf('emails', 'true')},
           (select count(*) from invitation_outbox) as waiting,
           (select min(marked_at) from invitation_outbox) as oldest_waiting`,
      ),
    ),
    // Mails to account holders belong to no organization, and are open to the plain role.
    readFigures(
      database,
      `select usher_now() as at, 0 as open, 0 as due_today, ${mailsOf('account_mails', 'true')},
       0 as waiting, null::timestamptz as oldest_waiting`,
    ),
  ]);
  return {
    ...figures,
    queued: figures.queued + mails.queued,
    oldestQueuedAt: earlier(figures.oldestQueuedAt, mails.oldestQueuedAt),
    failed: figures.failed + mails.failed,
  };
}

const earlier = (one: Date | null, other: Date | null): Date | null =>
  one && other ? (one < other ? one : other) : (one ?? other);
