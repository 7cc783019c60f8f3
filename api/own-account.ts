import type { Request } from 'express';
import { acceptSignedIn, declineSignedIn } from '../db/commands/accept-invitation';
import { requestEmailChange } from '../db/commands/change-email';
import type { Commanded } from '../db/commands/command';
import { setPassword } from '../db/commands/change-own-account';
import { accountEvent } from '../db/commands/sign-in';
import { assertFresh } from '../db/commands/two-factor';
import { inOrganization } from '../db/database';
import { type AccountOrganization, listAccountOrganizations, passwordPolicyFor } from '../db/queries/find-account';
import { isInvited } from '../db/queries/find-account-holder';
import { findInvitation } from '../db/queries/find-invitation';
import { findInvitationOrganization } from '../db/system/find-owner';
import type { Actor } from '../domain/actor';
import { mailedAddress } from '../domain/account';
import { notFound, Problem } from '../domain/problem';
import { presentFactor } from '../domain/two-factor';
import type { Person } from './caller';
import type { Services } from './context';
import type { RateLimits } from './middleware/rate-limits';
import { assertStrong, hashPassword, isPassword } from './passwords';
import { startSession } from './session';

/** What a signed-in person does about themselves, behind both the JSON routes and the pages. */
export interface OwnRequest {
  services: Services;
  limits: RateLimits;
  request: Request;
  person: Person;
  actor: Actor;
}

/** Whoever sits at an open session must show that it is theirs. @throws Problem WRONG_PASSWORD, TOO_MANY_REQUESTS */
export async function confirmPassword({ limits, request, person }: OwnRequest, currentPassword: string): Promise<void> {
  const { account } = person;
  const right = await limits.guess(request, account.id, async () =>
    (await isPassword(account.passwordHash, currentPassword)) ? true : null,
  );
  if (!right)
    throw new Problem('WRONG_PASSWORD', 'The current password is wrong.', {
      errors: [{ pointer: '/currentPassword', message: 'The current password is wrong.' }],
    });
}

/** What an attacker would try first. */
export const personalWords = (account: Person['account'], organizations: AccountOrganization[]) => [
  mailedAddress(account),
  account.username,
  account.firstName,
  account.lastName,
  ...organizations.map(({ name }) => name),
];

/** A new password ends every other session; this one goes on under a new id. @throws Problem WRONG_PASSWORD, WEAK_PASSWORD */
export async function changeOwnPassword(own: OwnRequest, currentPassword: string, password: string): Promise<void> {
  const { account, signedInAt } = own.person;
  const { database } = own.services;
  await confirmPassword(own, currentPassword);
  const organizations = await listAccountOrganizations(database, account.id);
  assertStrong(password, passwordPolicyFor(organizations), personalWords(account, organizations));
  const hashed = await hashPassword(password);
  const { secondFactor = 'none' } = own.request.session;
  const saved = await accountEvent(database, account, 'account.password-changed', own.actor, (trx) =>
    setPassword(trx, account.id, hashed),
  );
  await startSession(own.request, { accountId: account.id, epoch: saved.sessionEpoch, secondFactor, signedInAt });
}

/**
 * Where codes go by mail, the address is the second factor: changing it needs as fresh a sign-in. // B3
 * @throws Problem WRONG_PASSWORD, REAUTHENTICATION_REQUIRED, TOO_MANY_REQUESTS
 */
export async function changeOwnEmail(own: OwnRequest, currentPassword: string, email: string): Promise<void> {
  const { services, limits, person, actor } = own;
  if (presentFactor(person.factor) === 'email') assertFresh(person.signedInAt, person.now);
  const { account } = person;
  await confirmPassword(own, currentPassword);
  await limits.forOwnMail(account.id);
  const mails = await accountEvent(services.database, account, 'account.email-change-requested', actor, async (trx) => {
    const asked = await requestEmailChange(trx, account.id, email, confirmationLifetimeMs);
    await limits.forUnaskedMail(trx, email);
    return asked;
  });
  for (const mail of mails) services.mails.announce(mail);
}

/** How long the link to confirm a new address opens something. */
const confirmationLifetimeMs = 3_600_000;

/** The organization of an invitation to this person. @throws Problem NOT_FOUND for everybody else's */
export async function locateOwnInvitation({ database }: Services, { id, account }: Person, invitationId: string) {
  const organizationId = await findInvitationOrganization(database, invitationId);
  if (!organizationId) throw notFound('invitation');
  const { invitation } = await inOrganization(database, organizationId, (trx) =>
    findInvitation(trx, organizationId, invitationId),
  );
  if (invitation.accountId !== id && !isInvited(invitation, account)) throw notFound('invitation');
  return organizationId;
}

/** From the profile page. // A3 */
export async function answerOwnInvitation(
  own: OwnRequest,
  invitationId: string,
  answer: 'accept' | 'decline',
  reason: string | null = null,
): Promise<Commanded> {
  const { services, person, actor } = own;
  const organizationId = await locateOwnInvitation(services, person, invitationId);
  const done = await inOrganization(services.database, organizationId, (trx) =>
    answer === 'accept'
      ? acceptSignedIn(trx, organizationId, invitationId, null, person.id, actor)
      : declineSignedIn(trx, organizationId, invitationId, person.id, reason, actor),
  );
  await services.announcer.announce(done.changes);
  return done;
}

/** What became of an invitation to this person. @throws Problem NOT_FOUND for everybody else's */
export async function ownAnswer({ services, person }: OwnRequest, invitationId: string) {
  const organizationId = await locateOwnInvitation(services, person, invitationId);
  const { invitation } = await inOrganization(services.database, organizationId, (trx) =>
    findInvitation(trx, organizationId, invitationId),
  );
  return invitation.status;
}
