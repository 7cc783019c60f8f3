import { randomUUID } from 'node:crypto';
import { addressKey } from '../../domain/email-address';
import type { InvitationKind } from '../../domain/invitation';
import { Problem } from '../../domain/problem';
import { usernameCandidates } from '../../domain/username';
import type { Transaction } from '../database';
import { Account } from '../models/account';

export interface Invitee {
  email: string | null;
  username: string | null;
  firstName: string | null;
  lastName: string | null;
  locale: string | null;
}

export async function findAccountByEmail(trx: Transaction, email: string): Promise<Account | undefined> {
  return Account.query(trx).whereRaw('lower(email) = ?', addressKey(email)).first().forUpdate();
}

/**
 * The account of this address, made now if there is none. What an account holder calls themselves stays as it is: an
 * inviting organization only ever names people who have not been here before. // A4
 * @param known what findAccountByEmail has found
 * @returns null where somebody else has taken the username in the meantime
 */
export async function findOrCreateAccount(
  trx: Transaction,
  organizationId: string,
  kind: InvitationKind,
  invitee: Invitee,
  now: Date,
  known: Account | undefined,
): Promise<Account | null> {
  if (known) return welcomeBack(trx, known, organizationId, kind, invitee, now);
  const { email, username, firstName, lastName, locale } = invitee;
  const made = await trx<Record<string, unknown>>('accounts')
    .insert({
      id: randomUUID(),
      email,
      username,
      firstName,
      lastName,
      locale,
      status: 'invited',
      homeOrganizationId: kind === 'member' ? organizationId : null,
      createdAt: now,
      updatedAt: now,
    })
    .onConflict()
    .ignore()
    .returning('*');
  if (made[0]) return Account.fromDatabaseJson(made[0]);
  // Two organizations invite the same new address at the same moment: the later one has waited, and finds the other's.
  const other = email === null ? undefined : await findAccountByEmail(trx, email);
  return other ? welcomeBack(trx, other, organizationId, kind, invitee, now) : null;
}

/**
 * A never-active account is invited again. Its home names it, also anew; another organization only where no name was
 * known, for one's wish must not take the name that somebody else has promised.
 */
async function welcomeBack(
  trx: Transaction,
  account: Account,
  organizationId: string,
  kind: InvitationKind,
  invitee: Invitee,
  now: Date,
): Promise<Account> {
  if (account.activatedAt) return account;
  const ours = account.homeOrganizationId === organizationId;
  return account.$query(trx).patchAndFetch({
    status: 'invited',
    inactiveReason: null,
    username: ours ? (invitee.username ?? account.username) : (account.username ?? invitee.username),
    homeOrganizationId: account.homeOrganizationId ?? (kind === 'member' ? organizationId : null),
    version: account.version + 1,
    updatedAt: now,
  });
}

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

/** The first username made of the address that nobody else has; an account of that address may have had it before. // E1 */
export async function deriveUsername(trx: Transaction, email: string): Promise<string> {
  const { numbered } = usernameCandidates(email);
  for (let n = 1; ; n += 50) {
    const candidates = Array.from({ length: 50 }, (_, index) => numbered(n + index));
    const taken = await Account.query(trx)
      .select('username')
      .whereRaw('lower(username) = any(?)', [candidates])
      .whereRaw('lower(email) is distinct from ?', addressKey(email));
    const names = new Set(taken.map((account) => account.username?.toLowerCase()));
    const free = candidates.find((candidate) => !names.has(candidate));
    if (free) return free;
  }
}
