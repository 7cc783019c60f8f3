import { nextNoticeMail, noticeMailTypes, staleMs, waitingNoticeMail } from '../../domain/inviter-notice';
import { readClock, type Transaction } from '../database';
import { AccountMail } from '../models/account-mail';
import { InviterNotice } from '../models/inviter-notice';
import { findInviter } from '../queries/find-inviter';
import { requestAccountMail } from './account-mail';

/**
 * Puts what an inviter has to hear into a mail: into the one that waits, else into a new one. That is due at once, or, where
 * they had one a short while ago, at the end of that while. Each notice gets into exactly one mail. // F11
 */
export async function bundleNotices(trx: Transaction, organizationId: string, inviterId: string): Promise<void> {
  // Two relays must not make a mail each; the second finds nothing left to do at its next round.
  const { rows } = await trx.raw<{ rows: [{ mine: boolean }] }>(
    `select pg_try_advisory_xact_lock(hashtext('inviter notices'), hashtext(?)) as mine`,
    [`${organizationId} ${inviterId}`],
  );
  if (!rows[0].mine) return;
  const open = InviterNotice.query(trx).where({ organizationId, inviterId }).whereNull('mailId');
  const events = await open.clone().distinct('event');
  if (events.length === 0) return;
  const inviter = await findInviter(trx, organizationId, inviterId);
  if (!inviter?.email) {
    await open.clone().delete();
    return;
  }
  const theirs = AccountMail.query(trx)
    .where({ accountId: inviterId, aboutOrganizationId: organizationId })
    .whereIn('type', noticeMailTypes);
  // Once it is rendered, it says what it says.
  const waiting = await theirs.clone().where({ status: 'queued' }).whereNull('messageId').forUpdate().first();
  const now = await readClock(trx);
  if (waiting) {
    await open.clone().patch({ mailId: waiting.id });
    const all = await InviterNotice.query(trx).where({ organizationId, mailId: waiting.id }).distinct('event');
    const dueAt = waitingNoticeMail(
      all.map(({ event }) => event),
      waiting,
      now,
    );
    if (dueAt > waiting.dueAt) await waiting.$query(trx).patch({ dueAt, tellAt: dueAt });
    return;
  }
  const last = await theirs.clone().orderBy('createdAt', 'desc').first();
  const dueAt = nextNoticeMail(
    events.map(({ event }) => event),
    last ? (last.sentAt ?? last.dueAt) : null,
    now,
  );
  const mailId = await requestAccountMail(
    trx,
    {
      type: 'invitation-news',
      recipient: inviter.email,
      accountId: inviterId,
      aboutOrganizationId: organizationId,
      deadline: new Date(dueAt.getTime() + staleMs),
      dueAt,
    },
    now,
    0,
  );
  await open.clone().patch({ mailId });
}
