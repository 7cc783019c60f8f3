import { createHmac } from 'node:crypto';
import { mailboxKey } from '../../domain/email-address';
import type { Transaction } from '../database';

/** Mails an hour to one recipient who has not asked for them, from all organizations together. */
const mailsPerRecipient = 10;
/** Mails an hour of one organization, unless the deployment says otherwise. */
export const defaultMailsPerOrganization = 2_000;
const hourMs = 3_600_000;

/** The name of a counter that hides who is counted: no address of a mailbox gets into the table. */
export const counterKey = (secret: Buffer, text: string): string =>
  createHmac('sha256', secret).update(`limit\0${text}`).digest('base64url');

/**
 * Counts one more in the command's own transaction: a command that is refused gives the point back. Called last, because
 * others wait for the row, and invitations and mails are locked before it everywhere.
 * @returns null, or beyond the limit how many milliseconds it lasts
 */
export async function countOneMore(trx: Transaction, key: string, most: number): Promise<number | null> {
  const { rows } = await trx.raw<{ rows: [{ points: number; wait: string }] }>(
    `with clock as (select (extract(epoch from clock_timestamp()) * 1000)::bigint as now)
     insert into rate_limits as l (key, points, expire) select ?, 1, now + ? from clock
     on conflict (key) do update set
       points = case when l.expire > excluded.expire - ? then l.points + 1 else 1 end,
       expire = case when l.expire > excluded.expire - ? then l.expire else excluded.expire end
     returning points, expire - (select now from clock) as wait`,
    [key, hourMs, hourMs, hourMs],
  );
  const [{ points, wait }] = rows;
  return points > most ? Number(wait) : null;
}

/**
 * Counts a mail that its recipient has not asked for.
 * @param organizationId where an organization wants it: beyond its own limit nothing of the recipient's is spent
 * @returns null, or how many milliseconds they get no more
 */
export type MailCount = (trx: Transaction, recipient: string, organizationId?: string) => Promise<number | null>;

export const countingMails =
  (secret: Buffer, enabled: boolean, mailsPerOrganization = defaultMailsPerOrganization): MailCount =>
  async (trx, recipient, organizationId) => {
    if (!enabled) return null;
    const wait =
      organizationId === undefined ? null : await countOfOrganization(trx, organizationId, mailsPerOrganization);
    const key = `mail-invitation:${counterKey(secret, mailboxKey(recipient))}`;
    return wait ?? countOneMore(trx, key, mailsPerRecipient);
  };

/** A mail that an organization has asked for, whoever gets it. */
export const countOfOrganization = (trx: Transaction, organizationId: string, most: number): Promise<number | null> =>
  countOneMore(trx, `mail-organization:${organizationId}`, most);
