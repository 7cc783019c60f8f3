import type { Actor } from '../../domain/actor';
import type { Transaction } from '../database';
import type { Account } from '../models/account';
import { Email } from '../models/email';
import { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';
import { recordEvents } from './record-event';

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
  const theirs = Invitation.query(trx).where({ organizationId, accountId: account.id });
  await Email.query(trx).delete().where({ organizationId }).whereIn('invitationId', theirs.clone().select('id'));
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
  await Membership.query(trx).delete().where({ organizationId, accountId: account.id });
  await account.$query(trx).patch({
    status: 'erased',
    email: null,
    invitedEmail: null,
    username: null,
    firstName: null,
    lastName: null,
    locale: null,
    passwordHash: null,
    inactiveReason: null,
    homeOrganizationId: null,
    version: account.version + 1,
    updatedAt: now,
  });
  await recordEvents(trx, { organizationId, type: 'user.erased', actor, at: now, accountId: account.id });
}
