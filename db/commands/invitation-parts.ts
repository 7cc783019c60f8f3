import { type Actor, systemActor } from '../../domain/actor';
import { Problem } from '../../domain/problem';
import { inOtherOrganization, type Transaction } from '../database';
import { Account } from '../models/account';
import { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';
import { Organization } from '../models/organization';
import { goesAlong } from '../queries/find-other-organizations';
import { closeInvitee, reopenInvitee } from './close-invitee';
import { alreadyMember, checkDomain, findPerson, isNewAddress } from './invitee';
import { giveWay, join } from './join-organization';
import { recordEvents } from './record-event';
import { lockSeatsOf, takeSeat } from './take-seat';

/** Each part of an invitation, locked, in the order of the organizations' ids; what runs for it sees that organization only. */
export async function forEachPart(
  trx: Transaction,
  { id, additionalOrganizationIds }: Pick<Invitation, 'id' | 'additionalOrganizationIds'>,
  run: (part: Invitation) => Promise<void>,
): Promise<void> {
  for (const organizationId of [...additionalOrganizationIds].sort())
    await inOtherOrganization(trx, organizationId, async () => {
      const part = await Invitation.query(trx).findOne({ parentId: id, organizationId }).forUpdate();
      if (part) await run(part);
    });
}

export const lockParts = (trx: Transaction, invitation: Invitation): Promise<void> =>
  forEachPart(trx, invitation, () => Promise.resolve());

/**
 * What becomes of an invitation becomes of its parts in the other organizations, in the same transaction: all or nothing.
 * Who did it there is not told here: only that the invited person did, or Usher. // C3
 * @throws Problem NO_SEAT, ALREADY_MEMBER, INVITATION_PENDING, BAD_INPUT
 */
export async function changeParts(trx: Transaction, before: Invitation, after: Invitation, now: Date): Promise<void> {
  if (after.additionalOrganizationIds.length === 0) return;
  const seated = after.status === 'accepted' || (after.status === 'pending' && before.status !== 'pending');
  if (seated) await lockSeatsOf(trx, after);
  await forEachPart(trx, after, async (part) => {
    if (goesAlong(part, before)) await changePart(trx, part, after, now);
  });
}

async function changePart(trx: Transaction, part: Invitation, whole: Invitation, now: Date): Promise<void> {
  const { organizationId } = part;
  const { status, email, firstName, lastName, message, sentAt, expiresAt, answeredAt, declineReason } = whole;
  const opened = status === 'pending' && part.status !== 'pending';
  if (opened && part.status === 'expired') {
    const membership = await Membership.query(trx).findById([organizationId, part.accountId]);
    const stillTheirs = membership?.invitationId === part.id && membership.joinedAt === null;
    if (!stillTheirs) return;
    await reopenInvitee(trx, part, now);
  }
  if (email !== part.email && email !== null) await assertAddressFree(trx, organizationId, email);
  if (status === 'accepted') await acceptPart(trx, part, whole.accountId, now);
  const saved = await Invitation.query(trx)
    .patch({
      ...{ status, email, firstName, lastName, message, sentAt, expiresAt, answeredAt, declineReason },
      version: part.version + 1,
      updatedAt: now,
    })
    .where({ id: part.id, organizationId })
    .returning('*')
    .first()
    .throwIfNotFound();
  await Account.query(trx)
    .patch({ invitedEmail: email, firstName, lastName, updatedAt: now })
    .findById(saved.accountId)
    .whereNull('activatedAt')
    .whereNot('status', 'erased');
  if (status === 'cancelled' || status === 'declined') await closeInvitee(trx, saved, status, now);
  if (status === 'expired') {
    const { policy } = await Organization.query(trx).findById(organizationId).throwIfNotFound();
    if (policy.onExpiry === 'inactive') await closeInvitee(trx, saved, 'expired', now);
  }
  await recordPart(trx, part, saved, now);
  if (opened) await takeSeat(trx, organizationId, { kind: part.kind, groups: part.groupIds.length });
}

/** The account that has come in, or is there already, takes the place of the one that was made here. */
async function acceptPart(trx: Transaction, part: Invitation, accountId: string, now: Date): Promise<void> {
  const invitee = await Account.query(trx).findById(part.accountId).forUpdate().throwIfNotFound();
  const account = await Account.query(trx).findById(accountId).throwIfNotFound();
  if (invitee.id !== account.id) await giveWay(trx, part, invitee, account, now);
  await join(trx, Object.assign(part, { accountId }), now);
}

/** An address that this organization knows already is not taken over by a correction elsewhere. */
async function assertAddressFree(trx: Transaction, organizationId: string, email: string): Promise<void> {
  const { policy } = await Organization.query(trx).findById(organizationId).throwIfNotFound();
  const [fault] = checkDomain(policy.allowedEmailDomains, email);
  if (fault) throw new Problem('BAD_INPUT', fault.message, { errors: [fault] });
  if (await isNewAddress(trx, organizationId, email)) return;
  const known = await findPerson(trx, organizationId, email);
  if (known && ['active', 'suspended'].includes(known.membership.status)) throw alreadyMember(known.membership);
  throw new Problem('INVITATION_PENDING', 'This address is known already in another organization of this invitation.', {
    errors: [{ pointer: '/email', message: 'This address is known already.' }],
  });
}

async function recordPart(trx: Transaction, before: Invitation, after: Invitation, now: Date): Promise<void> {
  const { organizationId, id: invitationId, accountId, status } = after;
  const what = whatHappened(before, after);
  if (!what) return;
  const answered = status === 'accepted' || status === 'declined';
  const actor: Actor = answered
    ? { type: 'invitee', id: status === 'accepted' ? accountId : null, name: null }
    : systemActor;
  await recordEvents(trx, { organizationId, type: `invitation.${what}`, actor, at: now, invitationId, accountId });
}

function whatHappened(before: Invitation, after: Invitation): string | null {
  if (after.status !== 'pending' && after.status !== before.status) return after.status;
  if (before.status === 'draft' && after.status === 'pending') return 'sent';
  if (before.sentAt?.getTime() !== after.sentAt?.getTime()) return 'resent';
  if (before.email !== after.email) return 'corrected';
  return (['firstName', 'lastName', 'message'] as const).some((field) => before[field] !== after[field])
    ? 'edited'
    : null;
}

/** Of a part, its organization decides no more than whether it stays. @throws Problem STATUS_CONFLICT */
export function assertWhole({ parentId }: Invitation): void {
  if (parentId !== null)
    throw new Problem(
      'STATUS_CONFLICT',
      'Another organization has sent this invitation, and it is changed there; here it can only be cancelled.',
    );
}
