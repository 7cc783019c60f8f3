import { decide, knownGroups, type UserResource } from '../../domain/permissions';
import { type FactorMethod, presentFactor } from '../../domain/two-factor';
import { readClock, type Transaction } from '../database';
import type { SignInResult } from '../commands/sign-in';
import { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';
import { findAccessFacts } from './find-access-facts';
import { findAccount } from './find-account';
import { rightsOf } from './find-rights';
import { countRecoveryCodes } from './find-two-factor';
import { listSessions, type OpenSession } from './list-sessions';
import { findUser, type User } from './list-users';

export interface SignIn {
  at: Date;
  result: SignInResult;
  ip: string | null;
  userAgent: string | null;
}

/** What an organization may know of how safe one of its users is. // C8 */
export interface SecurityReport {
  now: Date;
  user: User;
  joinedAt: Date | null;
  userType: string | null;
  permissions: string[];
  /** Those that whoever asked may know of. */
  groups: { name: string; role: string; permissions: string[] }[];
  invitations: Pick<Invitation, 'email' | 'kind' | 'role' | 'status' | 'sentAt' | 'expiresAt'>[];
  /** Of its own users only: how a guest signs in is their home's business. */
  account: {
    createdAt: Date;
    activatedAt: Date | null;
    lastSignInAt: Date | null;
    factor: FactorMethod;
    recoveryCodes: number;
    signIns: SignIn[];
    failedSignIns: SignIn[];
    sessions: OpenSession[];
  } | null;
}

const longestList = 20;

/**
 * As it is now, and as whoever asked for it may see it now; null: there is no such user any more, or they may not.
 * @param readerId the person who gets it
 */
export async function findSecurityReport(
  trx: Transaction,
  organizationId: string,
  userId: string,
  readerId: string,
): Promise<SecurityReport | null> {
  const membership = await Membership.query(trx).findById([organizationId, userId]);
  const found = await findAccount(trx, userId);
  const reader = (await findAccessFacts(trx, [organizationId], [readerId], [])).person(organizationId, readerId);
  if (!membership || !found || !reader?.active) return null;
  const planned = membership.invitationId
    ? await Invitation.query(trx).findOne({ id: membership.invitationId, organizationId })
    : null;
  const subject: UserResource = {
    type: 'user',
    self: readerId === userId,
    role: membership.role,
    permissions: await rightsOf(trx, membership, planned ?? null),
    groupIds: [],
  };
  if (!decide(reader.standing, membership.kind === 'guest' ? 'guests.manage' : 'users.manage', subject).allowed)
    return null;
  const { account, factor } = found;
  const isHome = membership.kind === 'member' && account.homeOrganizationId === organizationId;
  const { visibilities, ids } = knownGroups(reader.standing);
  const groups: SecurityReport['groups'] = await trx('group_members as m')
    .join('groups as g', 'g.id', 'm.groupId')
    .where({ 'm.organizationId': organizationId, 'm.accountId': userId })
    .where((known) => known.whereIn('g.visibility', visibilities).orWhereIn('g.id', ids))
    .orderBy('g.name')
    .select<SecurityReport['groups']>('g.name', 'm.role', 'g.permissions');
  const epoch = account.sessionEpoch;
  return {
    now: await readClock(trx),
    user: await findUser(trx, organizationId, userId),
    joinedAt: membership.joinedAt,
    userType: membership.userType,
    permissions: membership.permissions,
    groups,
    invitations: await Invitation.query(trx)
      .where({ organizationId, accountId: userId })
      .where((open) =>
        open
          .where({ status: 'draft' })
          .orWhere((sent) => sent.where({ status: 'pending' }).whereRaw('expires_at > usher_now()')),
      )
      .orderBy('createdAt', 'desc')
      .limit(longestList),
    account: isHome
      ? {
          createdAt: account.createdAt,
          activatedAt: account.activatedAt,
          lastSignInAt: account.lastSignInAt,
          factor: presentFactor(factor),
          recoveryCodes: await countRecoveryCodes(trx, userId),
          signIns: await listSignIns(trx, userId, true),
          failedSignIns: await listSignIns(trx, userId, false),
          sessions: (await listSessions(trx, { accountId: userId, epoch }, { limit: longestList, cursor: undefined }))
            .items,
        }
      : null,
  };
}

/** The newest; `two-factor-required` is half a sign-in, neither done nor failed. */
const listSignIns = (trx: Transaction, accountId: string, done: boolean): Promise<SignIn[]> =>
  trx('sign_ins')
    .select<SignIn[]>('at', 'result', 'ip', 'userAgent')
    .where({ accountId })
    .whereIn('result', done ? ['signed-in'] : ['wrong-password', 'wrong-code', 'not-active'])
    .orderBy('id', 'desc')
    .limit(longestList);
