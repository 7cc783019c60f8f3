import { systemActor } from '../../domain/actor';
import { accessOver, type GuestAccessStep, nextAccessStep } from '../../domain/guest-access';
import { readClock, type Transaction } from '../database';
import { Account } from '../models/account';
import { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';
import { Organization } from '../models/organization';
import { requestAccountMail } from './account-mail';
import { eraseUser } from './erase-invitee';
import { recordEvents } from './record-event';

interface Guest {
  organizationId: string;
  accountId: string;
}

/** What the workflow `guest-access` waits for, by the database's clock. */
export interface AccessPlan {
  step: GuestAccessStep | null;
  now: Date;
}

/** The next step of a guest's temporary access; none for somebody who is no guest here any more. */
export async function planGuestAccess(trx: Transaction, guest: Guest): Promise<AccessPlan> {
  return planOf(trx, await Membership.query(trx).findById([guest.organizationId, guest.accountId]));
}

/** Tells the guest, and their sponsor or whoever invited them, once. Not due any more: nothing happens. // D11 */
export async function warnOfAccessEnd(trx: Transaction, guest: Guest): Promise<AccessPlan> {
  const { organizationId, accountId } = guest;
  const membership = await Membership.query(trx).findById([organizationId, accountId]).forUpdate();
  const { step, now } = await planOf(trx, membership);
  if (!membership?.accessEndsAt || step?.action !== 'warn' || step.at > now) return { step, now };
  const wish = { aboutOrganizationId: organizationId, aboutAccountId: accountId, deadline: membership.accessEndsAt };
  const tell = async (type: 'guest-access-ending' | 'guest-access-ending-host', person: Account | undefined) => {
    const { id, email } = person ?? {};
    // Nobody here announces it: the relay does, at once.
    if (id && email) await requestAccountMail(trx, { ...wish, type, recipient: email, accountId: id }, now, 0);
  };
  await tell('guest-access-ending', await Account.query(trx).findById(accountId));
  await tell('guest-access-ending-host', await findHost(trx, membership));
  await membership.$query(trx).patch({ accessWarnedAt: now });
  await recordEvents(trx, { organizationId, type: 'guest.access-warned', actor: systemActor, at: now, accountId });
  return planGuestAccess(trx, guest);
}

/** At its instant, or later where nobody was there to do it; the log says the instant at which access was over. // D11 */
export async function endGuestAccess(trx: Transaction, guest: Guest): Promise<AccessPlan> {
  const { organizationId, accountId } = guest;
  await Organization.query(trx).findById(organizationId).forNoKeyUpdate();
  const known = await Membership.query(trx).findById([organizationId, accountId]);
  if (known?.invitationId) await Invitation.query(trx).findById(known.invitationId).forUpdate();
  const account = await Account.query(trx).findById(accountId).forUpdate();
  const membership = await Membership.query(trx).findById([organizationId, accountId]).forUpdate();
  const { step, now } = await planOf(trx, membership);
  if (!account || !membership?.accessEndsAt || step?.action !== 'end' || !accessOver(membership, now))
    return { step, now };
  await eraseUser(trx, organizationId, account, systemActor, membership.accessEndsAt, 'access-ended');
  return { step: null, now };
}

async function planOf(trx: Transaction, membership: Membership | undefined): Promise<AccessPlan> {
  const now = await readClock(trx);
  return { step: membership ? nextAccessStep(membership, now) : null, now };
}

/** The sponsor, else the person who invited, as long as they are here. */
async function findHost(trx: Transaction, membership: Membership): Promise<Account | undefined> {
  const { organizationId, invitationId, sponsorId } = membership;
  const invitation = invitationId ? await Invitation.query(trx).findById(invitationId) : undefined;
  const inviterId = invitation?.invitedByType === 'user' ? invitation.invitedById : null;
  for (const id of [sponsorId, inviterId]) {
    if (!id) continue;
    const here = await Membership.query(trx).findById([organizationId, id]).where({ status: 'active', kind: 'member' });
    const account = here && (await Account.query(trx).findById(id).where({ status: 'active' }));
    if (account) return account;
  }
  return undefined;
}
