import { isActive } from '../../domain/account';
import type { Actor } from '../../domain/actor';
import { deadLink } from '../../domain/invitation';
import { badInput, notFound, Problem, problems } from '../../domain/problem';
import type { LinkClaim } from '../../domain/token';
import { readClock, type Transaction } from '../database';
import { Account } from '../models/account';
import type { Invitation } from '../models/invitation';
import { findAccountHolder, isInvited } from '../queries/find-account-holder';
import { closeInvitee } from './close-invitee';
import { assertUsernameFree, settleUsername } from './invitee';
import { giveWay, join } from './join-organization';
import { noticeInviter } from './notice-inviter';
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
    reactivationDeadline: null,
    reactivationResetAt: null,
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
  await noticeInviter(trx, saved.invitation, 'accepted', now, { accountId: account.id });
  return commanded(saved, trx, 'accepted', { ...actor, id: account.id }, now);
}

/**
 * A person who has an account accepts, signed in: by the link, or from their profile with no link. Password, names and
 * username stay what they are; the account that the invitation had made gives way to theirs. // A3, A4
 * @param claim of the link; null: from the profile, where other people's invitations do not exist
 * @throws Problem NOT_FOUND, INVITATION_*, WRONG_ACCOUNT, ALREADY_MEMBER
 */
export async function acceptSignedIn(
  trx: Transaction,
  organizationId: string,
  invitationId: string,
  claim: LinkClaim | null,
  accountId: string,
  actor: Actor,
): Promise<Commanded> {
  const { invitation, now } = await openOwn(trx, organizationId, invitationId, claim, accountId);
  // In the order of their ids: two who accept at once must not wait for each other.
  const locked = await Account.query(trx).findByIds([accountId, invitation.accountId]).orderBy('id').forUpdate();
  const account = locked.find(({ id }) => id === accountId);
  const invitee = locked.find(({ id }) => id === invitation.accountId);
  if (!account || !invitee || !isActive(account, now) || invitee.status === 'erased') throw notFound('invitation');
  // The address may have changed hands until the lock was there.
  if (!isInvited(invitation, account)) throw claim === null ? notFound('invitation') : wrongAccount();
  if (invitee.id !== account.id) await giveWay(trx, invitation, invitee, account, now);
  if (invitation.kind === 'member' && account.homeOrganizationId === null)
    await account
      .$query(trx)
      .patch({ homeOrganizationId: organizationId, version: account.version + 1, updatedAt: now });
  const theirs = Object.assign(invitation, { accountId });
  await join(trx, theirs, now);
  const answered = { status: 'accepted', answeredAt: now, accountId, ...undelivered(invitation) } as const;
  const data = invitee.id === account.id ? {} : { inPlaceOf: invitee.id };
  const saved = await saveInvitation(trx, theirs, answered, now);
  await noticeInviter(trx, saved.invitation, 'accepted', now, { accountId });
  return commanded(saved, trx, 'accepted', actor, now, data);
}

/** The same from the profile, the other way. */
export async function declineSignedIn(
  trx: Transaction,
  organizationId: string,
  invitationId: string,
  accountId: string,
  reason: string | null,
  actor: Actor,
): Promise<Commanded> {
  const { invitation, now } = await openOwn(trx, organizationId, invitationId, null, accountId);
  return decline(trx, invitation, reason, actor, now, accountId);
}

async function openOwn(
  trx: Transaction,
  organizationId: string,
  invitationId: string,
  claim: LinkClaim | null,
  accountId: string,
): Promise<{ invitation: Invitation; now: Date }> {
  const opened = await openLink(trx, organizationId, claim ?? { invitationId, generation: null });
  if ((await findAccountHolder(trx, opened.invitation))?.id === accountId) return opened;
  if (claim === null) throw notFound('invitation');
  throw wrongAccount();
}

export const wrongAccount = (): Problem =>
  new Problem('WRONG_ACCOUNT', 'This invitation is for another account than the one that is signed in.');

/** The invited person says no; once said, the link opens nothing more. */
export async function declineInvitation(
  trx: Transaction,
  organizationId: string,
  claim: LinkClaim,
  reason: string | null,
  actor: Actor,
): Promise<Commanded> {
  const { invitation, now } = await openLink(trx, organizationId, claim);
  return decline(trx, invitation, reason, actor, now);
}

async function decline(
  trx: Transaction,
  invitation: Invitation,
  reason: string | null,
  actor: Actor,
  now: Date,
  accountId: string | null = null,
): Promise<Commanded> {
  const saved = await saveInvitation(
    trx,
    invitation,
    { status: 'declined', answeredAt: now, declineReason: reason, ...undelivered(invitation) },
    now,
  );
  await closeInvitee(trx, saved.invitation, 'declined', now);
  await noticeInviter(trx, saved.invitation, 'declined', now, { detail: reason, accountId });
  return commanded(saved, trx, 'declined', actor, now);
}

/** Locks the invitation of a link and makes sure that the link still opens it; no generation: whichever is the newest. */
async function openLink(
  trx: Transaction,
  organizationId: string,
  claim: { invitationId: string; generation: number | null },
): Promise<{ invitation: Invitation; now: Date }> {
  const invitation = await lockInvitation(trx, organizationId, claim.invitationId);
  // A part is answered with the whole. // C3
  if (invitation.parentId !== null) throw notFound('invitation');
  const now = await readClock(trx);
  const dead = deadLink(invitation, claim.generation ?? invitation.generation, now);
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
