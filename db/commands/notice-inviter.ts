import type { NoticeEvent } from '../../domain/inviter-notice';
import type { Transaction } from '../database';
import type { Invitation } from '../models/invitation';
import { InviterNotice } from '../models/inviter-notice';

/** The inviter who hears of it: where the policy wants it, and they are a person who is still there and has an address. */
const whoHears = `
     from organizations o
     join memberships m on m.organization_id = o.id and m.account_id = :invitedById
     join accounts a on a.id = m.account_id
     where o.id = :organizationId and (o.policy ->> 'notifyInviter')::boolean
       and m.kind = 'member' and m.status = 'active' and a.status = 'active' and a.email is not null`;

/** A part of an invitation into several organizations was sent by the one that has the whole. // C3 */
const inviterOf = ({ invitedByType, invitedById, parentId }: Invitation): string | null =>
  invitedByType === 'user' && parentId === null ? invitedById : null;

/**
 * Notes, in the command's own transaction, what the inviter is to hear: once for each generation, and only where the policy
 * wants it and the inviter is a person who is still there and has an address. Nobody hears of what they did themselves. It
 * locks nothing, so that thousands may happen at once; the relay puts it into a mail. // F11
 * @param detail text from people or servers, shown as it is
 * @param accountId who did it, where that is known
 * @param aboutMailId the mail that did not arrive: of each mail once, a copy may have arrived in between
 */
export async function noticeInviter(
  trx: Transaction,
  invitation: Invitation,
  event: NoticeEvent,
  now: Date,
  {
    detail = null,
    accountId = null,
    aboutMailId = null,
  }: { detail?: string | null; accountId?: string | null; aboutMailId?: string | null } = {},
): Promise<void> {
  const { id, organizationId, generation } = invitation;
  const invitedById = inviterOf(invitation);
  if (invitedById === null || invitedById === accountId) return;
  await trx.raw(
    `insert into inviter_notices (organization_id, inviter_id, invitation_id, generation, event, detail, at, about_mail_id)
     select o.id, a.id, :id, :generation, :event, :detail, :now, :aboutMailId
     ${whoHears}
     on conflict do nothing`,
    { id, organizationId, generation, event, detail, now, aboutMailId, invitedById },
  );
}

/** Whether anybody would hear of what happens to this invitation now. */
export async function hearsOf(trx: Transaction, invitation: Invitation): Promise<boolean> {
  const invitedById = inviterOf(invitation);
  if (invitedById === null) return false;
  const { organizationId } = invitation;
  const { rows } = await trx.raw<{ rows: object[] }>(`select a.id ${whoHears}`, { organizationId, invitedById });
  return rows.length > 0;
}

/** Whether the inviter was told, or is about to be. */
export async function isTold(
  trx: Transaction,
  { id: invitationId, organizationId }: Invitation,
  event: NoticeEvent,
  generation: number,
): Promise<boolean> {
  const noted = await InviterNotice.query(trx).findOne({ organizationId, invitationId, event, generation });
  return noted !== undefined;
}
