import type { Actor } from '../../domain/actor';
import { assertAllowed, decide, type Decision, type Person, type UserResource } from '../../domain/permissions';
import { Problem } from '../../domain/problem';
import { readClock, type Transaction } from '../database';
import type { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';
import { Organization } from '../models/organization';
import { rightsOf } from '../queries/find-rights';
import { expireIfOverdue } from './expire-invitation';
import { recordEvents } from './record-event';
import { type Change, lockInvitation, type Saved } from './save-invitation';

/** Who manages a user, or the invitation of one. */
export interface Manager {
  actor: Actor;
  /** An operator acts as a key does. */
  person: Person;
}

/** What a command answers: the row as it is now, and which workflows must look again. */
export interface Commanded {
  invitation: Invitation;
  changes: Change[];
}

interface Met {
  invitation: Invitation;
  organization: Organization;
  now: Date;
  expired: Saved | null;
}

/**
 * Locks the row, then reads the clock once, then expires what is overdue: in this order in every command.
 * @throws Problem NOT_FOUND, FORBIDDEN
 */
export async function meet(trx: Transaction, organizationId: string, id: string, manager: Manager): Promise<Met> {
  const invitation = await lockInvitation(trx, organizationId, id);
  assertAllowed(await judgeManager(trx, invitation, manager.person), 'invitation');
  const now = await readClock(trx);
  const organization = await Organization.query(trx).findById(organizationId).throwIfNotFound();
  return { invitation, organization, now, expired: await expireIfOverdue(trx, invitation, now) };
}

/**
 * Who has an invitation sent elsewhere, or takes its link, can come in with the rights that it gives: nobody reaches more
 * than their own by that. They are those planned at this moment, which may have been changed since the invitation.
 */
async function judgeManager(trx: Transaction, invitation: Invitation, person: Person): Promise<Decision> {
  if (person.kind === 'key') return mayDo;
  // Not locked: whoever changes that role has locked the invitation, too.
  const planned = await Membership.query(trx).findById([invitation.organizationId, invitation.accountId]);
  const role = planned?.role ?? invitation.role;
  const permissions = planned ? await rightsOf(trx, planned, invitation) : invitation.permissions;
  if (role === 'member' && permissions.length === 0) return mayDo;
  const invited: UserResource = { type: 'user', self: false, role, permissions, groupIds: [] };
  return decide(person, 'invitations.manage', invited);
}

const mayDo: Decision = { allowed: true, reason: 'ok' };

export const mayManage = async (trx: Transaction, invitation: Invitation, person: Person): Promise<boolean> =>
  (await judgeManager(trx, invitation, person)).allowed;

export async function commanded(
  saved: Saved,
  trx: Transaction,
  event: 'sent' | 'resent' | 'cancelled' | 'corrected' | 'edited' | 'accepted' | 'declined',
  actor: Actor,
  now: Date,
  data: Record<string, unknown> = {},
): Promise<Commanded> {
  const { invitation, change } = saved;
  await recordEvents(trx, {
    organizationId: invitation.organizationId,
    type: `invitation.${event}`,
    actor,
    at: now,
    invitationId: invitation.id,
    accountId: invitation.accountId,
    data: { generation: invitation.generation, ...data },
  });
  return { invitation, changes: [change] };
}

export const closed = (invitation: Invitation): Problem =>
  new Problem('INVITATION_CLOSED', `This invitation is ${invitation.status}.`);

export function assertEmail(invitation: Invitation): asserts invitation is Invitation & { email: string } {
  if (invitation.email === null)
    throw new Problem('NO_EMAIL', 'This invitation has no e-mail address: hand over its link, or add an address.');
}

/** A mail that has not gone out yet never will. */
export const undelivered = (invitation: Invitation): Partial<Pick<Invitation, 'deliveryStatus' | 'deliveryDueAt'>> =>
  invitation.deliveryStatus === 'queued' ? { deliveryStatus: 'none', deliveryDueAt: null } : {};
