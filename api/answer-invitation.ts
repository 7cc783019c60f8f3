import { acceptInvitation } from '../db/commands/accept-invitation';
import type { Commanded } from '../db/commands/command';
import { inOrganization } from '../db/database';
import { type OpenedLink, openedLink } from '../db/queries/find-invitation';
import { findInvitationOrganization } from '../db/system/find-owner';
import type { Actor } from '../domain/actor';
import type { DeadLink } from '../domain/invitation';
import { type PasswordRule, unmetPasswordRules } from '../domain/password';
import { notFound, Problem, problems } from '../domain/problem';
import { type LinkClaim, verifyInvitationToken } from '../domain/token';
import type { Services } from './context';
import { assertMet, hashPassword } from './passwords';

export interface HeldLink {
  claim: LinkClaim;
  organizationId: string;
}

/** The invitation behind a token that we made. @throws Problem NOT_FOUND for every other one */
export async function holdLink({ database, keys }: Services, token: string): Promise<HeldLink> {
  const claim = verifyInvitationToken(keys, token);
  const organizationId = claim && (await findInvitationOrganization(database, claim.invitationId));
  if (!organizationId) throw notFound('invitation');
  return { claim, organizationId };
}

export const lookBehind = ({ database }: Services, { organizationId, claim }: HeldLink): Promise<OpenedLink> =>
  inOrganization(database, organizationId, (trx) => openedLink(trx, organizationId, claim));

/** Who invites, where that is a person. */
export const inviterNameOf = ({
  invitedByType,
  invitedByName,
}: Pick<OpenedLink['invitation'], 'invitedByType' | 'invitedByName'>): string | null =>
  invitedByType === 'user' ? invitedByName : null;

/** Why a link opens nothing, as a refusal. */
export const deadProblem = (dead: DeadLink): Problem =>
  dead === 'NOT_FOUND' ? notFound('invitation') : new Problem(dead, `${problems[dead][1]}.`);

/** @throws Problem NOT_FOUND or INVITATION_* while the link opens nothing */
export function assertAlive({ dead }: OpenedLink): void {
  if (dead) throw deadProblem(dead);
}

export interface Registration {
  firstName?: string | undefined;
  lastName?: string | undefined;
  username?: string | undefined;
  password: string;
}

/** What an attacker would try first: everything that this link tells about its person. */
const personal = ({ invitation, organization, others }: OpenedLink, registration: Registration) => [
  invitation.email,
  invitation.username,
  registration.username,
  registration.firstName ?? invitation.firstName,
  registration.lastName ?? invitation.lastName,
  organization.name,
  ...others.map(({ name }) => name),
];

/** What a password still lacks. */
export const unmetRules = (link: OpenedLink, registration: Registration): PasswordRule[] =>
  unmetPasswordRules(registration.password, link, personal(link, registration));

/**
 * Judges the password and hashes it (argon2id), before the command locks anything.
 * @param unmet what was judged already: estimating costs more than anything else here
 * @throws Problem WEAK_PASSWORD naming every unmet rule // C10
 */
export async function passwordHash(
  link: OpenedLink,
  registration: Registration,
  unmet = unmetRules(link, registration),
): Promise<string> {
  assertMet(unmet, link);
  return hashPassword(registration.password);
}

/** The command behind both the JSON route and the page. */
export async function acceptLink(
  services: Services,
  held: HeldLink,
  link: OpenedLink,
  registration: Registration,
  actor: Actor,
  unmet?: PasswordRule[],
): Promise<Commanded> {
  const hashed = await passwordHash(link, registration, unmet);
  const { firstName, lastName, username } = registration;
  const done = await inOrganization(services.database, held.organizationId, (trx) =>
    acceptInvitation(
      trx,
      held.organizationId,
      held.claim,
      {
        passwordHash: hashed,
        ...(firstName !== undefined && { firstName }),
        ...(lastName !== undefined && { lastName }),
        ...(username !== undefined && { username }),
      },
      actor,
    ),
  );
  await services.announcer.announce(done.changes);
  return done;
}
