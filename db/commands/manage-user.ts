import { isActive, mailedAddress } from '../../domain/account';
import { endOfLocalDay } from '../../domain/calendar-time';
import { openStatuses, type Role } from '../../domain/invitation';
import { assertAllowed, decide, type UserResource } from '../../domain/permissions';
import { badInput, notFound, Problem } from '../../domain/problem';
import { readClock, type Transaction } from '../database';
import { Account } from '../models/account';
import { GroupMember } from '../models/group';
import { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';
import { Organization } from '../models/organization';
import { rightsOf } from '../queries/find-rights';
import { requestAccountMail } from './account-mail';
import { groupNeeded, judgeGroups, plan, reseat, setGroups } from './change-group-members';
import { cancelInvitation } from './cancel-invitation';
import { emailTaken, requestEmailChange } from './change-email';
import type { Manager } from './command';
import { endSessions } from './change-own-account';
import { correctInvitation } from './correct-invitation';
import { eraseInvitee, eraseUser } from './erase-invitee';
import { expireIfOverdue } from './expire-invitation';
import { assertUsernameFree, checkDomain, findPerson } from './invitee';
import { recordEvents } from './record-event';
import { assertMayInviteIntoGroups } from './redirect-invitation';
import { wayBack } from './reset-password';
import { factorChanged, forgetFactor } from './two-factor';
import type { Change } from './save-invitation';
import { takeSeat } from './take-seat';

/** What must be done once the command is committed. */
export interface Managed {
  changes: Change[];
  mails: string[];
}

export interface UserPatch {
  firstName?: string;
  lastName?: string;
  email?: string;
  username?: string;
  role?: Role;
  permissions?: string[];
  userType?: string | null;
  externalId?: string | null;
  groupIds?: string[];
}

export interface Met {
  organization: Organization;
  account: Account;
  membership: Membership;
  /** The open or last invitation of this person into this organization. */
  invitation: Invitation | null;
  now: Date;
  /** What meeting the user has changed already: an invitation that was overdue has expired. */
  changes: Change[];
}

const own = ['firstName', 'lastName', 'email', 'username'] as const;

/**
 * Changes a user: what belongs to the account only at its home, everything else in the organization's own membership. The
 * groups of a guest are all that can be changed of them. // A5, C8, E2, E5, E11
 * @param check called with the rows locked, before anything is decided: If-Match
 * @throws Problem NOT_FOUND, FORBIDDEN, BAD_INPUT, USERNAME_TAKEN, EMAIL_TAKEN, LAST_ADMINISTRATOR
 */
export async function changeUser(
  trx: Transaction,
  organizationId: string,
  userId: string,
  patch: UserPatch,
  manager: Manager,
  lifetimeMs: number,
  check: () => Promise<void> = () => Promise.resolve(),
): Promise<Managed> {
  const met = await meetUser(trx, organizationId, userId, manager);
  await check();
  const { account, membership, now } = met;
  const invitee = account.activatedAt === null;
  // The account of an invited guest has no home, but is this organization's alone until they come in.
  if (own.some((field) => patch[field] !== undefined) && !invitee) assertHome(met);
  const rights = (['role', 'permissions', 'userType', 'externalId'] as const).filter(
    (field) => patch[field] !== undefined,
  );
  if (membership.kind === 'guest' && rights.length > 0)
    throw new Problem('FORBIDDEN', 'Of a guest, only the groups can be changed here.');
  if (patch.role !== undefined && patch.role !== membership.role) {
    assertAllowed(decide(manager.person, 'roles.give'), 'user', '/role');
    if (membership.role === 'administrator') await assertNotLastAdministrator(trx, met);
  }
  if (patch.permissions !== undefined)
    assertAllowed(decide(manager.person, 'permissions.give'), 'user', '/permissions');
  const { changes, mails } = await changeAccount(trx, met, patch, manager, lifetimeMs);
  if (rights.length > 0)
    await Membership.query(trx)
      .patch({ ...Object.fromEntries(rights.map((field) => [field, patch[field]])), updatedAt: now })
      .where({ organizationId, accountId: account.id });
  if (patch.groupIds) await changeGroups(trx, met, patch.groupIds, manager);
  await record(trx, met, 'user.changed', manager, { fields: Object.keys(patch) });
  return { changes: [...met.changes, ...changes], mails };
}

/** No sign-in any more, and every session ends at once. // C8 */
export async function deactivateUser(
  trx: Transaction,
  organizationId: string,
  userId: string,
  manager: Manager,
): Promise<Managed> {
  const met = await meetUser(trx, organizationId, userId, manager);
  const { account, membership, now } = met;
  assertHome(met);
  if (account.status === 'deactivated') return done(met);
  if (account.status === 'invited') throw conflict('Nobody is there yet to deactivate: cancel the invitation.');
  if (membership.role === 'administrator') await assertNotLastAdministrator(trx, met);
  // Kept for the day of activation, which gives back what was there before.
  const inactiveReason = isActive(account, now) ? null : (account.inactiveReason ?? 'expired');
  const over = { reactivationDeadline: null, reactivationResetAt: null };
  await setStatus(trx, met, { status: 'deactivated', inactiveReason, ...over });
  await record(trx, met, 'user.deactivated', manager);
  return done(met);
}

/**
 * A deactivated user is again what they were before, active or inactive. An inactive one has until the end of this
 * calendar day, in the organization's time zone, to choose a new password by the link that is mailed and to sign in; else
 * they are inactive again. The instant of that end is stored: a time zone that is changed later counts for later
 * reactivations only. // E9
 */
export async function activateUser(
  trx: Transaction,
  organizationId: string,
  userId: string,
  manager: Manager,
): Promise<Managed> {
  const met = await meetUser(trx, organizationId, userId, manager);
  const { account, organization, now } = met;
  assertHome(met);
  if (isActive(account, now)) return done(met);
  if (account.status === 'deactivated') {
    const wasIn = account.passwordHash !== null && account.inactiveReason === null;
    await setStatus(trx, met, { status: wasIn ? 'active' : 'inactive' });
    await record(trx, met, 'user.activated', manager);
    if (wasIn) await takeSeat(trx, organizationId, 'licence');
    return done(met);
  }
  if (account.status === 'invited' || (await wayBack(trx, account, now)) === null)
    throw conflict('Only somebody who has become inactive can be reactivated: invite this person again.');
  const recipient = mailedAddress(account);
  if (recipient === null) throw conflict('There is no e-mail address that a link could be sent to.');
  const deadline = endOfLocalDay(now, organization.timeZone);
  await setStatus(trx, met, { status: 'active', reactivationDeadline: deadline, reactivationResetAt: null });
  const wish = { type: 'password-reset', recipient, accountId: account.id, deadline } as const;
  const mail = await requestAccountMail(trx, wish, now);
  await record(trx, met, 'user.reactivated', manager, { deadline: deadline.toISOString() });
  await takeSeat(trx, organizationId, 'licence');
  return done(met, mail);
}

/** A link to choose a new password, as the person could ask for themselves. // C8 */
export async function sendPasswordReset(
  trx: Transaction,
  organizationId: string,
  userId: string,
  manager: Manager,
  lifetimeMs: number,
): Promise<Managed> {
  const met = await meetUser(trx, organizationId, userId, manager);
  const { account, now } = met;
  assertHome(met);
  const recipient = mailedAddress(account);
  if (recipient === null || (await wayBack(trx, account, now)) === null)
    throw conflict('A new password would open nothing for this user.');
  const hour = new Date(now.getTime() + lifetimeMs);
  const deadline =
    account.reactivationDeadline && account.reactivationDeadline > now ? account.reactivationDeadline : hour;
  const wish = { type: 'password-reset', recipient, accountId: account.id, deadline } as const;
  const mail = await requestAccountMail(trx, wish, now);
  await record(trx, met, 'user.password-reset-sent', manager);
  return done(met, mail);
}

/**
 * Somebody who has lost their second factor signs in without it, as far as the policy allows, and sets up a new one. Nobody
 * does this for themselves: it would be a way around the sign-in that a change of one's own factor needs. // B3
 */
export async function resetTwoFactor(
  trx: Transaction,
  organizationId: string,
  userId: string,
  manager: Manager,
): Promise<Managed> {
  const met = await meetUser(trx, organizationId, userId, manager);
  // Who is at home nowhere has no administrators who could: the operator of the platform stands in for them.
  if (met.account.homeOrganizationId !== null || manager.actor.type !== 'platform') assertHome(met);
  if (manager.actor.type === 'user' && manager.actor.id === userId)
    throw new Problem('FORBIDDEN', 'Change your own second factor in your profile, or ask somebody else to reset it.');
  if (met.account.activatedAt === null) throw conflict('Nobody is there yet who could have a second factor.');
  await forgetFactor(trx, userId);
  const { mails } = await factorChanged(trx, met.account, met.now);
  await record(trx, met, 'user.two-factor-reset', manager);
  return { changes: [], mails };
}

/**
 * Mails whoever asks what the organization may know of a user's safety. It is gathered when the mail goes out, for them as
 * they are then. // C8
 */
export async function requestSecurityReport(
  trx: Transaction,
  organizationId: string,
  userId: string,
  manager: Manager,
): Promise<Managed> {
  const met = await meetUser(trx, organizationId, userId, manager);
  const { id, type } = manager.actor;
  const reader = type === 'user' && id ? await Account.query(trx).findById(id) : undefined;
  if (!reader)
    throw conflict('The report is mailed to the person who asks for it: a key has no address. Sign in to ask.');
  if (reader.email === null) throw conflict('The report is mailed to you: confirm an e-mail address first.');
  const { now } = met;
  const mail = await requestAccountMail(
    trx,
    {
      type: 'security-report',
      recipient: reader.email,
      accountId: reader.id,
      aboutOrganizationId: organizationId,
      aboutAccountId: userId,
      deadline: new Date(now.getTime() + reportLifetimeMs),
    },
    now,
  );
  await record(trx, met, 'user.security-report-requested', manager);
  return done(met, mail);
}

/** One that could not be sent for so long is not what was asked for any more. */
const reportLifetimeMs = 86_400_000;

/** Erases a user of this organization; the account too, where this is its home and nobody else knows it. // C8, E10 */
export async function deleteUser(
  trx: Transaction,
  organizationId: string,
  userId: string,
  manager: Manager,
): Promise<Managed> {
  const met = await meetUser(trx, organizationId, userId, manager);
  const { account, membership, invitation, now } = met;
  if (membership.role === 'administrator') await assertNotLastAdministrator(trx, met);
  const open = invitation && openStatuses.includes(invitation.status);
  const changes = open ? (await cancelInvitation(trx, organizationId, invitation.id, manager)).changes : [];
  const fresh = await Account.query(trx).findById(account.id).throwIfNotFound();
  const erase = fresh.activatedAt === null ? eraseInvitee : eraseUser;
  await erase(trx, organizationId, fresh, manager.actor, now);
  return { changes: [...met.changes, ...changes], mails: [] };
}

export const done = ({ changes }: Pick<Met, 'changes'>, ...mails: string[]): Managed => ({ changes, mails });

/** Locks in the order of all commands: invitation, account; the organization first, so that administrators are counted once. */
export async function meetUser(
  trx: Transaction,
  organizationId: string,
  userId: string,
  { person, actor }: Manager,
): Promise<Met> {
  // Not FOR UPDATE: that would hold up every row that is being inserted for the organization, and lock each other out.
  const organization = await Organization.query(trx).findById(organizationId).forNoKeyUpdate().throwIfNotFound();
  const known = await Membership.query(trx).findById([organizationId, userId]);
  if (!known) throw notFound('user');
  const locked = known.invitationId
    ? ((await Invitation.query(trx).findById(known.invitationId).forUpdate()) ?? null)
    : null;
  const expired = locked && (await expireIfOverdue(trx, locked, await readClock(trx)));
  const invitation = expired?.invitation ?? locked;
  const account = await Account.query(trx).findById(userId).forUpdate().throwIfNotFound();
  const membership = await Membership.query(trx).findById([organizationId, userId]).forUpdate();
  if (!membership) throw notFound('user');
  // Staff manage users, but not those who stand above them.
  const permissions = person.kind === 'key' ? [] : await rightsOf(trx, membership, invitation);
  const { role, kind } = membership;
  const managed: UserResource = { type: 'user', self: actor.id === userId, role, permissions, groupIds: [] };
  assertAllowed(decide(person, kind === 'guest' ? 'guests.manage' : 'users.manage', managed), 'user');
  const changes = expired ? [expired.change] : [];
  return { organization, account, membership, invitation, now: await readClock(trx), changes };
}

/** @throws Problem FORBIDDEN where the person is at home elsewhere, or nowhere */
function assertHome({ organization, account, membership }: Met): void {
  if (membership.kind === 'guest' || account.homeOrganizationId !== organization.id)
    throw new Problem('FORBIDDEN', 'Only the home organization of a person may do this.');
}

/** Only who acts as one can be the last: an invited or inactive administrator may go. */
export async function assertNotLastAdministrator(
  trx: Transaction,
  { organization, account, membership, now }: Met,
): Promise<void> {
  if (membership.status !== 'active' || !isActive(account, now)) return;
  const others = await Membership.query(trx)
    .where({ organizationId: organization.id, kind: 'member', role: 'administrator', 'memberships.status': 'active' })
    .whereNot('accountId', account.id)
    .join('accounts', 'accounts.id', 'memberships.accountId')
    .where('accounts.status', 'active')
    .where((query) => query.whereNull('reactivationDeadline').orWhere('reactivationDeadline', '>', now))
    .resultSize();
  if (others === 0)
    throw new Problem('LAST_ADMINISTRATOR', 'This is the last administrator: make somebody else one first.');
}

async function changeAccount(
  trx: Transaction,
  met: Met,
  patch: UserPatch,
  manager: Manager,
  lifetimeMs: number,
): Promise<Managed> {
  const { organization, account, membership, invitation, now } = met;
  const { firstName, lastName, email, username } = patch;
  const invitee = account.activatedAt === null;
  // Of somebody who has come in by a link by hand, the invited address is not proved yet.
  const readdressed =
    email !== undefined && email !== (invitee ? (account.email ?? account.invitedEmail) : account.email);
  // Whoever has the mailbox has the account, and with it what the person may do in every other organization.
  if (readdressed && !invitee) assertAllowed(decide(manager.person, 'roles.give'), 'user', '/email');
  if (readdressed) {
    // Whether somebody elsewhere has the address must not show: only those whom this organization knows are in the way.
    const other = await findPerson(trx, organization.id, email);
    if (other && other.account.id !== account.id) throw emailTaken();
    const errors = checkDomain(organization.policy.allowedEmailDomains, email);
    if (invitee && errors.length > 0) throw badInput(...errors);
  }
  if (username !== undefined) await assertUsernameFree(trx, username, account.id);
  const names = { ...(firstName !== undefined && { firstName }), ...(lastName !== undefined && { lastName }) };
  const open = invitation !== null && openStatuses.includes(invitation.status) && membership.joinedAt === null;
  // Nobody has come in by it yet: by a new password, whoever has the new address gets what it has planned. // E8
  if (readdressed && invitation && !open && membership.joinedAt === null)
    await assertMayInviteIntoGroups(trx, organization, invitation, manager.person);
  if (invitation && !open && membership.joinedAt === null)
    await trx('invitations')
      .where({ id: invitation.id })
      .update({ ...names, ...(readdressed && { email }), updatedAt: now });
  if (invitation && username !== undefined && membership.joinedAt === null)
    await trx('invitations').where({ id: invitation.id }).update({ username, usernameDerived: false });
  // A new address of somebody who has not answered gets the link at once, and the old one is dead. // E11
  const corrected =
    open && (readdressed || Object.keys(names).length > 0)
      ? await correctInvitation(
          trx,
          organization.id,
          invitation.id,
          { ...names, ...(readdressed && { email }) },
          manager,
        )
      : null;
  await Account.query(trx)
    .patch({
      ...names,
      ...(username !== undefined && { username }),
      ...(readdressed && invitee && { invitedEmail: email }),
      version: account.version + 1,
      updatedAt: now,
    })
    .findById(account.id);
  // Of somebody who has come in, an address that another has written proves nothing until they confirm it there. // E11
  const mails = readdressed && !invitee ? await requestEmailChange(trx, account.id, email, lifetimeMs) : [];
  return { changes: corrected?.changes ?? [], mails };
}

/** Those of somebody who has not joined yet are kept with the invitation. // E5 */
async function changeGroups(trx: Transaction, met: Met, wished: string[], { person }: Manager): Promise<void> {
  const { organization, account, membership, invitation, now } = met;
  const somebody = { organizationId: organization.id, accountId: account.id };
  const joined = membership.joinedAt !== null;
  const theirs = joined ? await GroupMember.query(trx).where(somebody).select('groupId') : [];
  const present = joined ? theirs.map(({ groupId }) => groupId) : (invitation?.groupIds ?? []);
  const action = 'group.administer';
  const { groupIds, errors } = await judgeGroups(trx, organization, wished, { person, action, present });
  if (errors.length > 0) throw badInput(...errors);
  if (membership.kind === 'guest' && groupIds.length === 0) throw groupNeeded();
  if (joined) await setGroups(trx, somebody, groupIds, now);
  else if (invitation) await plan(trx, await reread(trx, invitation), groupIds, now);
  await reseat(trx, somebody, membership, invitation, present.length);
}

/** Correcting it has changed its version. */
const reread = (trx: Transaction, { id }: Invitation) => Invitation.query(trx).findById(id).throwIfNotFound();

/** Every change of an account's status ends its sessions, its reset links, and a change of address that is not confirmed yet. */
async function setStatus(
  trx: Transaction,
  { account, now }: Met,
  patch: Partial<Pick<Account, 'status' | 'inactiveReason' | 'reactivationDeadline' | 'reactivationResetAt'>>,
): Promise<void> {
  await Account.query(trx)
    .patch({
      ...patch,
      pendingEmail: null,
      sessionEpoch: account.sessionEpoch + 1,
      version: account.version + 1,
      updatedAt: now,
    })
    .findById(account.id);
  await endSessions(trx, account.id);
}

export const record = (
  trx: Transaction,
  met: Met,
  type: string,
  { actor }: Manager,
  data: Record<string, unknown> = {},
) =>
  recordEvents(trx, {
    organizationId: met.organization.id,
    type,
    actor,
    at: met.now,
    accountId: met.account.id,
    data,
  });

export const conflict = (detail: string): Problem => new Problem('STATUS_CONFLICT', detail);
