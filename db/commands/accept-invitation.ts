import type { Actor } from '../../domain/actor';
import { deadLink } from '../../domain/invitation';
import { badInput, notFound, Problem, problems } from '../../domain/problem';
import type { LinkClaim } from '../../domain/token';
import { readClock, type Transaction } from '../database';
import { Account } from '../models/account';
import { Group, GroupMember } from '../models/group';
import type { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';
import { closeInvitee } from './close-invitee';
import { findAccountHolder } from '../queries/find-account-holder';
import { assertUsernameFree, settleUsername } from './invitee';
import { lockInvitation, saveInvitation } from './save-invitation';
import { type Commanded, commanded, undelivered } from './command';

export interface Acceptance {
  firstName?: string;
  lastName?: string;
  username?: string;
  /** argon2id; hashed before the row is locked. */
  passwordHash: string;
}

/**
 * The invited person sets a password: the account is active, with nothing more to verify. Whoever comes second, late or
 * with an older link is told so; the deadline is compared with the database's clock under the lock. // E4, C9
 * @throws Problem NOT_FOUND, INVITATION_*, SIGN_IN_REQUIRED, USERNAME_TAKEN, BAD_INPUT
 */
export async function acceptInvitation(
  trx: Transaction,
  organizationId: string,
  claim: LinkClaim,
  acceptance: Acceptance,
  actor: Actor,
): Promise<Commanded> {
  const { invitation, now } = await openLink(trx, organizationId, claim);
  const account = await Account.query(trx).findById(invitation.accountId).forUpdate().throwIfNotFound();
  if (account.status === 'erased') throw notFound('invitation');
  if (await findAccountHolder(trx, invitation))
    throw new Problem('SIGN_IN_REQUIRED', 'There is an account for this address already: sign in to accept.');
  await account.$query(trx).patch({
    // A link that was mailed there proves the address; one that was handed over does not.
    ...(invitation.byHand ? {} : { email: invitation.email, invitedEmail: null }),
    firstName: acceptance.firstName ?? invitation.firstName,
    lastName: acceptance.lastName ?? invitation.lastName,
    username: await chosenUsername(trx, invitation, account, acceptance.username),
    locale: account.locale ?? invitation.locale,
    passwordHash: acceptance.passwordHash,
    status: 'active',
    inactiveReason: null,
    activatedAt: now,
    homeOrganizationId: invitation.kind === 'member' ? organizationId : null,
    version: account.version + 1,
    updatedAt: now,
  });
  await join(trx, invitation, now);
  const saved = await saveInvitation(
    trx,
    invitation,
    { status: 'accepted', answeredAt: now, ...undelivered(invitation) },
    now,
  );
  return commanded(saved, trx, 'accepted', { ...actor, id: account.id }, now);
}

/** The invited person says no; once said, the link opens nothing more. */
export async function declineInvitation(
  trx: Transaction,
  organizationId: string,
  claim: LinkClaim,
  reason: string | null,
  actor: Actor,
): Promise<Commanded> {
  const { invitation, now } = await openLink(trx, organizationId, claim);
  const saved = await saveInvitation(
    trx,
    invitation,
    { status: 'declined', answeredAt: now, declineReason: reason, ...undelivered(invitation) },
    now,
  );
  await closeInvitee(trx, saved.invitation, 'declined', now);
  return commanded(saved, trx, 'declined', actor, now);
}

/** Locks the invitation of a link and makes sure that the link still opens it. */
async function openLink(
  trx: Transaction,
  organizationId: string,
  claim: LinkClaim,
): Promise<{ invitation: Invitation; now: Date }> {
  const invitation = await lockInvitation(trx, organizationId, claim.invitationId);
  const now = await readClock(trx);
  const dead = deadLink(invitation, claim.generation, now);
  if (dead === 'NOT_FOUND') throw notFound('invitation');
  if (dead) throw new Problem(dead, `${problems[dead][1]}.`);
  return { invitation, now };
}

/** The invitation's username stands; only where it names none the person chooses, and must where no address is proved. // E2 */
async function chosenUsername(
  trx: Transaction,
  invitation: Invitation,
  account: Account,
  wish: string | undefined,
): Promise<string | null> {
  if (invitation.username !== null) {
    if (wish !== undefined && wish !== invitation.username)
      throw badInput({
        pointer: '/username',
        message: 'The username was set by the invitation and cannot be changed.',
      });
    return invitation.usernameDerived ? settleUsername(trx, invitation.email ?? '', account.id) : invitation.username;
  }
  if (wish !== undefined) {
    await assertUsernameFree(trx, wish, account.id);
    return wish;
  }
  if (!invitation.byHand) return null;
  if (invitation.email !== null) return settleUsername(trx, invitation.email, account.id);
  throw badInput({ pointer: '/username', message: 'A username is needed to sign in later.' });
}

/** Membership and groups, as they are planned at this moment: rights may have been changed since the invitation. // E5 */
async function join(trx: Transaction, invitation: Invitation, now: Date): Promise<void> {
  const { organizationId, accountId } = invitation;
  const joined = await Membership.query(trx)
    .patch({ status: 'active', inactiveReason: null, joinedAt: now, updatedAt: now })
    .where({ organizationId, accountId, invitationId: invitation.id });
  if (joined === 0) throw new Problem('INVITATION_SUPERSEDED', 'A later invitation has taken the place of this one.');
  const groups = await Group.query(trx).where({ organizationId }).whereIn('id', invitation.groupIds).select('id');
  if (groups.length === 0) return;
  await GroupMember.query(trx)
    .insert(groups.map((group) => ({ organizationId, groupId: group.id, accountId, createdAt: now })))
    .onConflict(['group_id', 'account_id'])
    .ignore()
    .returning('group_id');
}
