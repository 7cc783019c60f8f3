import type { VisitReason } from '../../domain/guest-access';
import type { Actor } from '../../domain/actor';
import { addressKey } from '../../domain/email-address';
import type { Transaction } from '../database';
import type { Account } from '../models/account';
import { AccountMail } from '../models/account-mail';
import { Email } from '../models/email';
import { Invitation } from '../models/invitation';
import { InviterNotice } from '../models/inviter-notice';
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
  await forget(trx, organizationId, account, now);
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
  // First, so that what it says of whoever erases themselves is forgotten, too.
  await recordEvents(trx, {
    organizationId,
    type: 'user.erased',
    actor,
    at: now,
    accountId: account.id,
    data: { reason },
  });
  await recordVisit(trx, { organizationId, accountId: account.id }, reason, now);
  await forget(trx, organizationId, account, now);
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
}

/** All that this organization has ever mailed them at, or would: an address may have been corrected after it came back. */
async function addressesOf(trx: Transaction, organizationId: string, account: Account): Promise<string[]> {
  const { id: accountId, email, invitedEmail, pendingEmail } = account;
  const theirs = Invitation.query(trx).where({ organizationId, accountId });
  const invited = await theirs.clone().whereNotNull('email').distinct('email');
  const mails = await Email.query(trx)
    .where({ organizationId })
    .whereIn('invitationId', theirs.clone().select('id'))
    .distinct('recipient');
  const accountMails = await AccountMail.query(trx).where({ organizationId, accountId }).distinct('recipient');
  const addresses = [
    ...[email, invitedEmail, pendingEmail],
    ...invited.map((invitation) => invitation.email),
    ...[...mails, ...accountMails].map(({ recipient }) => recipient),
  ];
  return [...new Set(addresses.flatMap((address) => (address === null ? [] : addressKey(address))))];
}

/** A run that waits for the end of temporary access is told that there is nothing left to wait for. // D11 */
async function forget(trx: Transaction, organizationId: string, account: Account, now: Date): Promise<void> {
  const accountId = account.id;
  const theirs = Invitation.query(trx).where({ organizationId, accountId });
  const addresses = await addressesOf(trx, organizationId, account);
  // Copies go with them. What the person got as holder of an account is theirs, and leaves this organization's log.
  await Email.query(trx).delete().where({ organizationId }).whereIn('invitationId', theirs.clone().select('id'));
  await trx('accountMails').where({ organizationId, accountId }).update({ organizationId: null });
  // That their mails come back, or are not wanted, an organization has to know for good; not whose they are. // decision 25
  await trx('suppressedAddresses')
    .where({ organizationId })
    .whereIn('address', addresses)
    .update({ address: null, detail: null, mailId: null });
  // Answers to invitations that they have sent are no business of theirs any more.
  const sentByThem = Invitation.query(trx)
    .where({ organizationId, invitedByType: 'user', invitedById: accountId })
    .select('id');
  await Email.query(trx)
    .patch({ replyTo: null })
    .where({ organizationId })
    .whereNotNull('replyTo')
    .whereIn('invitationId', sentByThem.clone());
  await AccountMail.query(trx)
    .patch({ replyTo: null })
    .where({ organizationId })
    .whereNotNull('replyTo')
    .whereIn('invitationId', sentByThem.clone());
  // What nobody has been told of them yet, and what they have not been told yet.
  await InviterNotice.query(trx)
    .delete()
    .where({ organizationId })
    .whereIn('invitationId', theirs.clone().select('id'));
  await InviterNotice.query(trx).delete().where({ organizationId, inviterId: accountId });
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
  const gone = await Membership.query(trx)
    .delete()
    .where({ organizationId, accountId })
    .returning(['access_ends_at', 'access_tell_at']);
  if (gone.some(({ accessEndsAt, accessTellAt }) => accessEndsAt ?? accessTellAt))
    await trx('removed_guests')
      .insert({ organizationId, accountId, tellAt: now })
      .onConflict(['organization_id', 'account_id'])
      .merge();
}

/**
 * Nothing but the id is left; name and addresses are free again, sessions and links are over. What organizations have written
 * down of them, as of whoever invited, in the log of guests and in the audit log, goes by a trigger. Mails to other people stay in the log as
 * they were sent, and answers kept for idempotency keys for their day.
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
  // A report about them, that has not gone out yet.
  await trx('accountMails').where({ aboutAccountId: account.id, type: 'security-report' }).delete();
  // Asked for by somebody who was not known then, and never delivered.
  await trx('accountMails')
    .whereNull('accountId')
    .whereNot('status', 'queued')
    .whereRaw('lower(recipient) = any(?)', [addresses])
    .delete();
}
