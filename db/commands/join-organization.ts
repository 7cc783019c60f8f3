import { accessOver } from '../../domain/guest-access';
import { notFound, Problem } from '../../domain/problem';
import type { Transaction } from '../database';
import type { Account } from '../models/account';
import { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';
import { joinGroups } from './change-group-members';
import { eraseAccount } from './erase-invitee';
import { alreadyMember } from './invitee';
import { planAccess } from './plan-access';
import { recordVisit } from './record-visit';
import { lockSeatsOf, takeSeat } from './take-seat';

/** Membership and groups, as they are planned at this moment: rights may have been changed since the invitation. // E5 */
export async function join(trx: Transaction, invitation: Invitation, now: Date): Promise<void> {
  const { organizationId, accountId } = invitation;
  if (accessOver(invitation, now))
    throw new Problem('INVITATION_EXPIRED', 'The access that this invitation would give has ended already.');
  const joined = await Membership.query(trx)
    .patch({ status: 'active', inactiveReason: null, joinedAt: now, updatedAt: now })
    .where({ organizationId, accountId, invitationId: invitation.id });
  if (joined === 0) throw new Problem('INVITATION_SUPERSEDED', 'A later invitation has taken the place of this one.');
  await planAccess(trx, { organizationId, accountId }, invitation.accessEndsAt, now);
  await recordVisit(trx, { organizationId, accountId }, 'accepted', now);
  const groups = await joinGroups(trx, invitation, now);
  await lockSeatsOf(trx, invitation);
  await takeSeat(trx, organizationId, { kind: invitation.kind, groups });
}

/** All that this organization has planned for the invited person is the account holder's; the account made for them goes. */
export async function giveWay(
  trx: Transaction,
  { organizationId }: Invitation,
  invitee: Account,
  account: Account,
  now: Date,
): Promise<void> {
  const present = await Membership.query(trx).findById([organizationId, account.id]).forUpdate();
  if (present && present.status !== 'inactive') throw alreadyMember(present);
  if (present) await present.$query(trx).delete();
  const planned = await Membership.query(trx).findById([organizationId, invitee.id]).forUpdate();
  if (!planned) throw notFound('invitation');
  await Membership.query(trx)
    .insert({ ...planned, accountId: account.id })
    .returning('account_id');
  const here = { organizationId, accountId: invitee.id };
  await trx('group_members').where(here).update({ accountId: account.id });
  await Membership.query(trx).patch({ sponsorId: account.id }).where({ organizationId, sponsorId: invitee.id });
  await Invitation.query(trx).patch({ accountId: account.id }).where(here);
  await Membership.query(trx).delete().where(here);
  await eraseAccount(trx, invitee, now);
}
