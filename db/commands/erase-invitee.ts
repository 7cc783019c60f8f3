import type { VisitReason } from '../../domain/guest-access';
import type { Actor } from '../../domain/actor';
import { addressKey } from '../../domain/email-address';
import type { Transaction } from '../database';
import type { Account } from '../models/account';
import { Email } from '../models/email';
import { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';
import { belongsElsewhere } from '../system/account-ties';
import { endSessions } from './change-own-account';
import { recordEvents } from './record-event';
import { recordVisit } from './record-visit';

/**
 * Erases an invited person who has never come in: the account that was made for them, membership, groups, and what
 * invitations and mail log say of them. Username and e-mail are free again; audit events keep the ids. // E10
 */
export async function eraseInvitee(
  trx: Transaction,
  organizationId: string,
  account: Account,
  actor: Actor,
  now: Date,
): Promise<void> {
  await forget(trx, organizationId, account.id);
  await eraseAccount(trx, account, now);
  await recordEvents(trx, { organizationId, type: 'user.erased', actor, at: now, accountId: account.id });
}

/**
 * Erases what this organization holds of a person who has come in. The account itself goes too where this is its home
 * and no other organization knows it; a guest, or who belongs elsewhere too, keeps it. // C8, E10
 */
export async function eraseUser(
  trx: Transaction,
  organizationId: string,
  account: Account,
  actor: Actor,
  now: Date,
  reason: VisitReason = 'removed',
): Promise<void> {
  await recordVisit(trx, { organizationId, accountId: account.id }, reason, now);
  await forget(trx, organizationId, account.id);
  if (account.homeOrganizationId === organizationId) {
    if (await belongsElsewhere(trx, account.id, organizationId))
      await account.$query(trx).patch({
        // Nobody is left who could lift it: from now on a new password does, which only the owner of the address gets.
        // Who has no address could get none.
        ...(account.status === 'deactivated' && {
          status: account.email === null ? ('active' as const) : ('inactive' as const),
        }),
        homeOrganizationId: null,
        version: account.version + 1,
        updatedAt: now,
      });
    else await eraseAccount(trx, account, now);
  }
  await recordEvents(trx, {
    organizationId,
    type: 'user.erased',
    actor,
    at: now,
    accountId: account.id,
    data: { reason },
  });
}

async function forget(trx: Transaction, organizationId: string, accountId: string): Promise<void> {
  const theirs = Invitation.query(trx).where({ organizationId, accountId });
  const addresses = (await theirs.clone().whereNotNull('email').distinct('email')).map(({ email }) =>
    addressKey(email ?? ''),
  );
  // Copies go with them. What the person got as holder of an account is theirs, and leaves this organization's log.
  await Email.query(trx).delete().where({ organizationId }).whereIn('invitationId', theirs.clone().select('id'));
  await trx('accountMails').where({ organizationId, accountId }).update({ organizationId: null });
  // That somebody does not want its mails an organization has to know for good. // decision 22
  await trx('suppressedAddresses').where({ organizationId, reason: 'bounce' }).whereIn('address', addresses).delete();
  await theirs.patch({
    email: null,
    username: null,
    firstName: null,
    lastName: null,
    message: null,
    metadata: null,
    externalId: null,
    redirectUrl: null,
    declineReason: null,
    deliveryDetail: null,
  });
  await Membership.query(trx).delete().where({ organizationId, accountId });
}

/**
 * Nothing but the id is left; name and addresses are free again, sessions and links are over. Mails to other people stay in
 * the log as they were sent, and answers kept for idempotency keys for their day.
 */
export async function eraseAccount(trx: Transaction, account: Account, now: Date): Promise<void> {
  const addresses = [account.email, account.invitedEmail, account.pendingEmail].flatMap((address) =>
    address === null ? [] : addressKey(address),
  );
  await account.$query(trx).patch({
    status: 'erased',
    email: null,
    invitedEmail: null,
    pendingEmail: null,
    username: null,
    firstName: null,
    lastName: null,
    locale: null,
    passwordHash: null,
    inactiveReason: null,
    homeOrganizationId: null,
    currentOrganizationId: null,
    lastSignInAt: null,
    reactivationDeadline: null,
    reactivationResetAt: null,
    sessionEpoch: account.sessionEpoch + 1,
    version: account.version + 1,
    updatedAt: now,
  });
  await endSessions(trx, account.id);
  for (const table of ['accountMails', 'signIns', 'twoFactors', 'recoveryCodes', 'mailCodes'])
    await trx(table).where({ accountId: account.id }).delete();
  // Asked for by somebody who was not known then, and never delivered.
  await trx('accountMails')
    .whereNull('accountId')
    .whereNot('status', 'queued')
    .whereRaw('lower(recipient) = any(?)', [addresses])
    .delete();
  const invitedByThem = trx('invitations').select('id').where({ invitedByType: 'user', invitedById: account.id });
  await trx('emails').whereIn('invitationId', invitedByThem).update({ replyTo: null });
  await trx('invitations').where({ invitedByType: 'user', invitedById: account.id }).update({ invitedByName: null });
}
