import { addressKey } from '../../domain/email-address';
import { type FieldError, Problem } from '../../domain/problem';
import { usernameCandidates } from '../../domain/username';
import type { Transaction } from '../database';
import { Account } from '../models/account';
import { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';
import { type Suppressed, suppressionOf } from '../queries/find-suppression';

/** A person as this organization knows them. */
export interface Person {
  account: Account;
  membership: Membership;
}

/** What this organization knows of an address, in one look: usually nothing. */
export async function recallAddress(
  trx: Transaction,
  organizationId: string,
  email: string,
): Promise<{ known: boolean; suppressed: Suppressed | null }> {
  const { rows } = await trx.raw<{ rows: [{ known: boolean; suppressed: Suppressed | null }] }>(
    `select exists (
         select from invitations
         where organization_id = :organizationId and lower(email) = :key and status in ('draft', 'pending')
       )
         or exists (
           select from memberships m join accounts a on a.id = m.account_id
           where m.organization_id = :organizationId and (lower(a.email) = :key or lower(a.invited_email) = :key)
         ) as known,
         ${suppressionOf(':organizationId', ':key')} as suppressed`,
    { organizationId, key: addressKey(email) },
  );
  return rows[0];
}

export const isNewAddress = async (trx: Transaction, organizationId: string, email: string): Promise<boolean> =>
  !(await recallAddress(trx, organizationId, email)).known;

/**
 * Whom this organization knows by an address, locked: their invitations, then the account, then the membership, the
 * order of all commands. What other organizations know is not asked.
 */
export async function findPerson(trx: Transaction, organizationId: string, email: string): Promise<Person | undefined> {
  const key = addressKey(email);
  const found = await Membership.query(trx)
    .select('memberships.accountId')
    .join('accounts as a', 'a.id', 'memberships.accountId')
    .where('memberships.organizationId', organizationId)
    .whereRaw('(lower(a.email) = ? or lower(a.invited_email) = ?)', [key, key])
    .orderByRaw('memberships.joined_at nulls last')
    .first();
  if (!found) return undefined;
  const { accountId } = found;
  await Invitation.query(trx).select('id').where({ organizationId, accountId }).orderBy('id').forUpdate();
  const account = await Account.query(trx).findById(accountId).forUpdate();
  const membership = await Membership.query(trx).findById([organizationId, accountId]).forUpdate();
  return account && membership ? { account, membership } : undefined;
}

/** // F11 */
export function checkDomain(allowed: string[] | null, email: string | null): FieldError[] {
  if (!allowed || email === null) return [];
  const domain = email.slice(email.lastIndexOf('@') + 1).toLowerCase();
  if (allowed.includes(domain)) return [];
  return [{ pointer: '/email', message: 'Addresses of this domain cannot be invited into this organization.' }];
}

export const alreadyMember = (membership: Membership): Problem => {
  const message = `This person is a ${membership.kind} of the organization already.`;
  return new Problem('ALREADY_MEMBER', message, { errors: [{ pointer: '/email', message }] });
};

/** An invitation does not lift what somebody has decided. @throws Problem STATUS_CONFLICT */
export function assertNotDeactivated({ status }: Account): void {
  if (status === 'deactivated')
    throw new Problem('STATUS_CONFLICT', 'This person has been deactivated: activate or delete them first.');
}

export const accountInactive = (advice: string): Problem =>
  new Problem('ACCOUNT_INACTIVE', `This address belongs to an inactive account${advice}.`, {
    errors: [{ pointer: '/email', message: 'This address belongs to an inactive account.' }],
  });

/** Whether nobody else has the name, in any case of letters. */
export async function isUsernameFree(trx: Transaction, username: string, accountId: string | null): Promise<boolean> {
  const taken = await Account.query(trx)
    .whereRaw('lower(username) = lower(?)', username)
    .modify((query) => void (accountId && query.whereNot('id', accountId)))
    .first();
  return !taken;
}

/** @throws Problem USERNAME_TAKEN when the name belongs to somebody else */
export async function assertUsernameFree(trx: Transaction, username: string, accountId: string | null): Promise<void> {
  if (!(await isUsernameFree(trx, username, accountId))) throw usernameTaken();
}

export const usernameTaken = (): Problem =>
  new Problem('USERNAME_TAKEN', 'This username is taken.', {
    errors: [{ pointer: '/username', message: 'This username is taken.' }],
  });

/**
 * A username made of the address that no other invitation of this organization has. It is a proposal: whether somebody
 * elsewhere has it must not show here, so that is settled when the person comes in. // E1
 */
export async function proposeUsername(
  trx: Transaction,
  organizationId: string,
  email: string,
  accountId: string | null,
): Promise<string> {
  // Those who derive the same name in one organization wait for each other.
  await trx.raw('select pg_advisory_xact_lock(hashtext(?), hashtext(?))', [
    organizationId,
    usernameCandidates(email).base,
  ]);
  return firstFree(email, async (candidates) => {
    const taken = await Invitation.query(trx)
      .select('username')
      .where({ organizationId })
      .whereRaw('lower(username) = any(?)', [candidates])
      .modify((query) => void (accountId && query.whereNot('accountId', accountId)));
    return taken.map(({ username }) => username);
  });
}

/** The first name made of the address that nobody in the whole deployment has. */
export async function settleUsername(trx: Transaction, email: string, accountId: string): Promise<string> {
  return firstFree(email, async (candidates) => {
    const taken = await Account.query(trx)
      .select('username')
      .whereRaw('lower(username) = any(?)', [candidates])
      .whereNot('id', accountId);
    return taken.map(({ username }) => username);
  });
}

async function firstFree(
  email: string,
  takenOf: (candidates: string[]) => Promise<(string | null)[]>,
): Promise<string> {
  const { numbered } = usernameCandidates(email);
  for (let n = 1; ; n += 50) {
    const candidates = Array.from({ length: 50 }, (_, index) => numbered(n + index));
    const taken = new Set((await takenOf(candidates)).map((username) => username?.toLowerCase()));
    const free = candidates.find((candidate) => !taken.has(candidate));
    if (free) return free;
  }
}
