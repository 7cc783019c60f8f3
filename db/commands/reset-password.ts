import { isActive, mailedAddress, resetBinding } from '../../domain/account';
import type { Actor } from '../../domain/actor';
import { addressKey } from '../../domain/email-address';
import { effectiveStatus } from '../../domain/invitation';
import { Problem } from '../../domain/problem';
import { type Database, inOrganizations, readClock, type Transaction } from '../database';
import { Account } from '../models/account';
import { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';
import { Organization } from '../models/organization';
import { findAccountByEmail } from '../queries/find-account-holder';
import { isEmailRace } from './change-email';
import { endSessions } from './change-own-account';
import { commanded, undelivered } from './command';
import { expireIfOverdue } from './expire-invitation';
import { settleUsername } from './invitee';
import { joinGroups } from './change-group-members';
import { join } from './join-organization';
import { noticeInviter } from './notice-inviter';
import { recordEvents } from './record-event';
import { type Change, saveInvitation } from './save-invitation';
import { takeSeat } from './take-seat';

/**
 * What a new password opens, or null where it opens nothing: the account as it is; the account of somebody who let their
 * invitation expire; an invitation that is still pending. Only their own organization's membership, never guest access,
 * and nothing after a cancel or a decline. // E8
 */
export type WayBack = 'active' | 'inactive' | 'pending';

export async function wayBack(trx: Transaction, account: Account, now: Date): Promise<WayBack | null> {
  if (isActive(account, now)) return 'active';
  // A reactivation that has lapsed counts as inactive before the job has come by. // E9
  if (account.status === 'inactive' || account.status === 'active')
    return account.activatedAt !== null || (await expiredMembership(trx, account)) ? 'inactive' : null;
  if (account.status !== 'invited') return null;
  const invitation = await pendingInvitation(trx, account);
  if (!invitation) return null;
  // A link by hand was never mailed: its invitation is not this address's to accept.
  if (effectiveStatus(invitation, now) === 'pending') return invitation.byHand ? null : 'pending';
  const { policy } = await Organization.query(trx).findById(invitation.organizationId).throwIfNotFound();
  return policy.onExpiry === 'inactive' ? 'inactive' : null;
}

/**
 * What the holder of an expired link may be told: whether its member comes back by a new password, and the address that the
 * link for it goes to, if it is the one that this invitation was mailed to. // E8
 */
export async function wayBackBehind(
  trx: Transaction,
  { accountId, organizationId, byHand, email }: Invitation,
  now: Date,
): Promise<{ email: string | null } | null> {
  const account = await Account.query(trx).findById(accountId);
  const address = account && mailedAddress(account);
  // Guest access never comes back so, and a membership elsewhere is not this organization's to tell about.
  if (!address || account.homeOrganizationId !== organizationId) return null;
  if ((await wayBack(trx, account, now)) !== 'inactive') return null;
  // Somebody else may have proved the address since: the mail would be theirs.
  const owner = await findAccountByEmail(trx, address);
  if (owner && owner.id !== account.id) return null;
  const isKnown = !byHand && email !== null && addressKey(email) === addressKey(address);
  return { email: isKnown ? address : null };
}

const expiredMembership = (trx: Transaction, account: Account) =>
  Membership.query(trx)
    .findOne({ accountId: account.id, organizationId: account.homeOrganizationId, kind: 'member' })
    .where({ status: 'inactive', inactiveReason: 'expired' });

const pendingInvitation = (trx: Transaction, account: Account) =>
  Invitation.query(trx)
    .findOne({ accountId: account.id, organizationId: account.homeOrganizationId, kind: 'member', status: 'pending' })
    .whereNull('parentId')
    .orderBy('sentAt', 'desc');

/**
 * A new password by a link that was mailed: whoever has it holds the mailbox. Ends all sessions, and the link is used up.
 * @param verify whether the link was made for the account as it is now, under the lock
 * @throws Problem LINK_DEAD
 */
export async function resetPassword(
  database: Database,
  account: Pick<Account, 'id' | 'homeOrganizationId'>,
  passwordHash: string,
  verify: (binding: unknown, now: Date) => boolean,
  actor: Actor,
): Promise<{ changes: Change[] }> {
  const homeId = account.homeOrganizationId;
  return inOrganizations(database, homeId ? [homeId] : [], async (trx) => {
    // The invitation is locked before the account, as in every command that touches both.
    const found = await Account.query(trx).findById(account.id);
    const invitation = found && homeId ? await pendingInvitation(trx, found).forUpdate() : undefined;
    const changes: Change[] = [];
    const opened = await readClock(trx);
    const expired = invitation && (await expireIfOverdue(trx, invitation, opened));
    if (expired) changes.push(expired.change);
    const locked = await Account.query(trx).findById(account.id).forUpdate();
    const now = await readClock(trx);
    if (!locked || locked.homeOrganizationId !== homeId || !verify(resetBinding(locked), now)) throw linkDead();
    const way = await wayBack(trx, locked, now);
    if (!way) throw linkDead();
    const proved = mailedAddress(locked);
    const owner = proved === null ? undefined : await findAccountByEmail(trx, proved);
    if (owner && owner.id !== locked.id) throw linkDead();
    const inItsDay = locked.reactivationDeadline !== null && now < locked.reactivationDeadline;
    await locked
      .$query(trx)
      .patch({
        ...(await provedByMail(trx, locked)),
        passwordHash,
        status: 'active',
        inactiveReason: null,
        activatedAt: locked.activatedAt ?? now,
        // In its day, the first of the two steps; too late for that, it is what everybody may do on their own. // E8, E9
        reactivationDeadline: inItsDay ? locked.reactivationDeadline : null,
        reactivationResetAt: inItsDay ? now : null,
        pendingEmail: null,
        sessionEpoch: locked.sessionEpoch + 1,
        version: locked.version + 1,
        updatedAt: now,
      })
      .catch((error: unknown) => {
        throw isEmailRace(error) ? linkDead() : error;
      });
    await endSessions(trx, locked.id);
    const self: Actor = { ...actor, type: 'user', id: locked.id };
    if (way === 'pending' && invitation) {
      await join(trx, invitation, now);
      const answered = { status: 'accepted', answeredAt: now, ...undelivered(invitation) } as const;
      const saved = await saveInvitation(trx, invitation, answered, now);
      await noticeInviter(trx, saved.invitation, 'accepted', now, { accountId: locked.id });
      changes.push(...(await commanded(saved, trx, 'accepted', self, now, { by: 'password-reset' })).changes);
    }
    if (way !== 'pending') await rejoin(trx, locked, now);
    // Who only changes the password has a seat; who comes back takes one. // D2
    if (homeId && way === 'inactive') await takeSeat(trx, homeId, 'licence');
    if (homeId) {
      const event = { organizationId: homeId, actor: self, at: now, accountId: locked.id };
      const types = ['account.password-reset', ...(way === 'inactive' ? ['account.reactivated'] : [])];
      await recordEvents(trx, ...types.map((type) => ({ ...event, type })));
    }
    return { changes };
  });
}

/** What somebody who has never been here gets by coming in through a link that was mailed: the address, and a name. */
async function provedByMail(trx: Transaction, account: Account) {
  if (account.activatedAt !== null || account.email !== null || account.invitedEmail === null) return {};
  const { invitedEmail: email, homeOrganizationId } = account;
  const invitation = await Invitation.query(trx)
    .where({ accountId: account.id, organizationId: homeOrganizationId })
    .orderBy('createdAt', 'desc')
    .first();
  const username = invitation?.usernameDerived ? await settleUsername(trx, email, account.id) : account.username;
  return { email, invitedEmail: null, username };
}

/** The membership of the own organization that expired, as its invitation had planned it. */
async function rejoin(trx: Transaction, account: Account, now: Date): Promise<void> {
  const membership = await expiredMembership(trx, account);
  if (!membership) return;
  const { organizationId, accountId } = membership;
  await Membership.query(trx)
    .patch({ status: 'active', inactiveReason: null, joinedAt: membership.joinedAt ?? now, updatedAt: now })
    .where({ organizationId, accountId });
  const invitation = membership.invitationId && (await Invitation.query(trx).findById(membership.invitationId));
  if (!invitation || membership.joinedAt) return;
  await joinGroups(trx, { ...invitation, accountId }, now);
}

export const linkDead = (): Problem =>
  new Problem('LINK_DEAD', 'This link has been used, has run out, or was never one of ours: ask for a new one.');
