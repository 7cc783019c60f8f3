import type { Request } from 'express';
import { requestAccountMail } from '../db/commands/account-mail';
import { confirmEmail } from '../db/commands/change-email';
import { linkDead, resetPassword } from '../db/commands/reset-password';
import { type Database, inOrganization, readClock } from '../db/database';
import { findAccount, listAccountOrganizations, passwordPolicyFor } from '../db/queries/find-account';
import { findOrganization } from '../db/queries/find-organization';
import { confirmationBinding, resetBinding } from '../domain/account';
import { type PasswordRule, unmetPasswordRules } from '../domain/password';
import type { Account } from '../db/models/account';
import type { Organization } from '../db/models/organization';
import { type AccountPurpose, accountToken, readAccountToken, verifyAccountToken } from '../domain/token';
import { findPerson, inviteeActor } from './caller';
import type { Services } from './context';
import { personalWords } from './own-account';
import { assertStrong, hashPassword } from './passwords';

/** How long a link for a new password or a new address opens something. */
export const linkLifetimeMs = 3_600_000;

/**
 * The same work for every address: whether anybody has it is found out only when the mail is sent.
 * @returns the mail to announce after the commit
 */
export async function forgotPassword(trx: Database, email: string): Promise<string> {
  const now = await readClock(trx);
  const deadline = new Date(now.getTime() + linkLifetimeMs);
  const wish = { type: 'password-reset', recipient: email, accountId: null, deadline } as const;
  return requestAccountMail(trx, wish, now);
}

export interface OpenedResetLink {
  account: Account;
  policy: { minLength: number };
  /** What an attacker would try first. */
  words: (string | null)[];
  unmet: (password: string) => PasswordRule[];
  /** The organization whose invitation the new password accepts; null: the person has come in before. // E8 */
  joins: string | null;
  /** Where the account is at home. */
  home: Organization | null;
}

/** The account behind a link that still opens something; looking changes nothing. @throws Problem LINK_DEAD */
export async function openResetLink({ database, keys }: Services, token: string): Promise<OpenedResetLink> {
  const claim = readAccountToken(token);
  const found = claim && (await findAccount(database, claim.accountId));
  if (!claim || !found || found.now >= claim.expiresAt) throw linkDead();
  const { account } = found;
  if (!verifyAccountToken(keys, 'password-reset', token, resetBinding(account))) throw linkDead();
  const organizations = await listAccountOrganizations(database, account.id);
  const homeId = account.homeOrganizationId;
  const home = homeId && (await inOrganization(database, homeId, (trx) => findOrganization(trx, homeId)));
  const policy = {
    minLength: Math.max(passwordPolicyFor(organizations).minLength, home ? home.policy.password.minLength : 0),
  };
  const words = [...personalWords(account, organizations), home ? home.name : null];
  const joins = home && account.activatedAt === null ? home.name : null;
  return {
    account,
    policy,
    words,
    joins,
    home: home || null,
    unmet: (password) => unmetPasswordRules(password, policy, words),
  };
}

/** @throws Problem LINK_DEAD, WEAK_PASSWORD */
export async function useResetLink(
  services: Services,
  request: Request,
  token: string,
  password: string,
): Promise<void> {
  const { account, policy, words } = await openResetLink(services, token);
  assertStrong(password, policy, words);
  const hashed = await hashPassword(password);
  const expiresAt = readAccountToken(token)?.expiresAt ?? new Date(0);
  const { changes } = await resetPassword(
    services.database,
    account,
    hashed,
    (binding, now) => now < expiresAt && verifyAccountToken(services.keys, 'password-reset', token, binding),
    inviteeActor(request),
  );
  await services.announcer.announce(changes);
}

/**
 * The new address is the account's from now on. Whoever is not signed in as its person may be somebody else, to whom the
 * account was foisted: they choose a new password before anything else.
 * @returns the token for that; null: it is the person, who keeps their password
 * @throws Problem LINK_DEAD, EMAIL_TAKEN
 */
export async function useConfirmationLink(services: Services, request: Request, token: string): Promise<string | null> {
  const claim = readAccountToken(token);
  const found = claim && (await findAccount(services.database, claim.accountId));
  if (!claim || !found) throw linkDead();
  const isPerson = (await findPerson(services, request))?.id === claim.accountId;
  const saved = await confirmEmail(
    services.database,
    found.account,
    isPerson,
    (account, now) =>
      now < claim.expiresAt &&
      account.pendingEmail !== null &&
      verifyAccountToken(services.keys, 'email-confirmation', token, confirmationBinding(account)),
    inviteeActor(request),
  );
  if (isPerson) return null;
  const expiresAt = new Date(found.now.getTime() + linkLifetimeMs);
  return accountToken(services.keys, 'password-reset', { accountId: saved.id, expiresAt }, resetBinding(saved));
}

export interface OpenedConfirmation {
  email: string;
  username: string | null;
  accountId: string;
  home: Organization | null;
  isPerson: boolean;
}

/** What a confirmation link still opens, or null; looking changes nothing. */
export async function openConfirmation(
  services: Services,
  request: Request,
  token: string,
): Promise<OpenedConfirmation | null> {
  const { database, keys } = services;
  const claim = readAccountToken(token);
  const found = claim && (await findAccount(database, claim.accountId));
  if (!claim || !found || found.now >= claim.expiresAt) return null;
  const { id, pendingEmail: email, username, homeOrganizationId: homeId } = found.account;
  const alive = verifyAccountToken(keys, 'email-confirmation', token, confirmationBinding(found.account));
  if (!alive || email === null) return null;
  const home = homeId ? await inOrganization(database, homeId, (trx) => findOrganization(trx, homeId)) : null;
  const isPerson = (await findPerson(services, request))?.id === id;
  return { email, username, accountId: id, home, isPerson };
}

/**
 * The home of the account whose link has only run out: that we made it can still be told, unlike of one that was used.
 * null: nobody knows, or there is none.
 */
export async function homeOfExpired(
  { database, keys }: Services,
  purpose: AccountPurpose,
  token: string,
): Promise<Organization | null> {
  const claim = readAccountToken(token);
  const account = claim && (await findAccount(database, claim.accountId))?.account;
  if (!account?.homeOrganizationId) return null;
  const binding = purpose === 'password-reset' ? resetBinding(account) : confirmationBinding(account);
  if (!verifyAccountToken(keys, purpose, token, binding)) return null;
  const { homeOrganizationId: homeId } = account;
  return inOrganization(database, homeId, (trx) => findOrganization(trx, homeId));
}
