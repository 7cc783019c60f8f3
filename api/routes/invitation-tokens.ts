import { z } from 'zod';
import { acceptInvitation, acceptSignedIn, declineInvitation, wrongAccount } from '../../db/commands/accept-invitation';
import type { Commanded } from '../../db/commands/command';
import { requestNewLink } from '../../db/commands/request-new-link';
import { badInput, Problem } from '../../domain/problem';
import { pickLocale } from '../../i18n';
import { assertAlive, deadProblem, holdLink, lookBehind, passwordHash } from '../answer-invitation';
import type { Context, RouteSpec } from '../route';
import { acceptance, answered, openedInvitation, refusal } from '../schemas/invitations';

const base = '/v1/invitation-tokens/{token}';
const shared = {
  tag: 'Invitation links',
  access: 'public',
  params: z.object({ token: z.string().max(200) }),
} as const;

export const deadInvitation = [
  'NOT_FOUND',
  'INVITATION_SUPERSEDED',
  'INVITATION_EXPIRED',
  'INVITATION_CANCELLED',
  'INVITATION_ANSWERED',
] as const;

/** The link must open something before anybody judges what is sent to it. */
async function hold(context: Context) {
  const held = await holdLink(context.services, context.params.token ?? '');
  const opened = await lookBehind(context.services, held);
  assertAlive(opened);
  return { held, opened };
}

/** A repeated key must get its answer even though the link is used up; the command asks again under the lock. */
async function holdUnlessRepeated(context: Context): Promise<void> {
  if (context.request.get('idempotency-key') === undefined) await hold(context);
  else await holdLink(context.services, context.params.token ?? '');
}

export const toAnswered = ({ invitation }: Commanded, name: string) => ({
  status: invitation.status,
  organization: { id: invitation.organizationId, name },
  userId: invitation.status === 'accepted' ? invitation.accountId : null,
  redirectUrl: invitation.redirectUrl,
});

export const invitationTokenRoutes: RouteSpec[] = [
  {
    ...shared,
    method: 'get',
    path: base,
    summary: 'What the page behind the link shows; changes nothing',
    answers: { 200: { description: 'The invitation behind the link', schema: openedInvitation } },
    problems: [...deadInvitation],
    async handle(context) {
      const { opened } = await hold(context);
      const { invitation, organization } = opened;
      const body: z.infer<typeof openedInvitation> = {
        organization: {
          id: organization.id,
          name: organization.name,
          locale: organization.locale,
          timeZone: organization.timeZone,
        },
        additionalOrganizations: opened.others.map(({ id, name }) => ({ id, name })),
        inviter: {
          displayName: invitation.invitedByType === 'user' ? (invitation.invitedByName ?? '') : organization.name,
        },
        kind: invitation.kind,
        email: invitation.email,
        username: opened.fixedUsername,
        firstName: invitation.firstName,
        lastName: invitation.lastName,
        message: invitation.message,
        expiresAt: invitation.expiresAt?.toISOString() ?? '',
        locale: pickLocale(invitation.locale, organization.locale),
        signInRequired: opened.accountExists,
        usernameRequired: opened.fixedUsername === null && invitation.email === null,
        passwordPolicy: { minLength: opened.minLength },
      };
      return { status: 200, body, headers: { 'Cache-Control': 'no-store' } };
    },
  },
  {
    ...shared,
    method: 'post',
    path: `${base}/accept`,
    summary: 'Accept: a new person sets a password and is active; an account holder is signed in and sends none',
    answering: true,
    body: acceptance,
    bodyOptional: true,
    idempotent: true,
    locate: holdUnlessRepeated,
    answers: { 200: { description: 'Accepted; signs nobody in', schema: answered } },
    problems: [
      'NO_SEAT',
      ...deadInvitation,
      'SIGN_IN_REQUIRED',
      'WRONG_ACCOUNT',
      'ALREADY_MEMBER',
      'FOREIGN_ORIGIN',
      'USERNAME_TAKEN',
      'WEAK_PASSWORD',
    ],
    async handle(context) {
      const { password, ...names } = context.body as z.infer<typeof acceptance>;
      const held = await holdLink(context.services, context.params.token ?? '');
      const opened = await lookBehind(context.services, held);
      const repeated = opened.dead !== null && context.request.get('idempotency-key') !== undefined;
      if (!repeated) assertAlive(opened);
      const personId = context.caller?.type === 'user' ? context.caller.id : null;
      const signedIn = personId !== null && password === undefined;
      if (!repeated && personId !== null && (opened.accountExists || signedIn)) {
        if (opened.holderId !== personId) throw wrongAccount();
        if (!signedIn)
          throw badInput({ pointer: '/password', message: 'You are signed in: your password stays what it is.' });
      }
      if (signedIn)
        return context.command(
          async (trx) => {
            const { organizationId, claim } = held;
            const done = await acceptSignedIn(trx, organizationId, claim.invitationId, claim, personId, context.actor);
            return { status: 200, body: toAnswered(done, opened.organization.name), changes: done.changes };
          },
          [held.organizationId],
        );
      if (!repeated && opened.accountExists)
        throw new Problem('SIGN_IN_REQUIRED', 'There is an account for this address already: sign in to accept.');
      if (password === undefined) throw badInput({ pointer: '/password', message: 'A password is needed.' });
      const registration = { ...names, password };
      const hashed = repeated ? null : await passwordHash(opened, registration);
      return context.command(
        async (trx) => {
          // Run only where the key is new: then a used-up link has no answer to repeat.
          if (hashed === null) throw deadProblem(opened.dead ?? 'INVITATION_ANSWERED');
          const done = await acceptInvitation(
            trx,
            held.organizationId,
            held.claim,
            { ...names, passwordHash: hashed },
            context.actor,
          );
          return { status: 200, body: toAnswered(done, opened.organization.name), changes: done.changes };
        },
        [held.organizationId],
      );
    },
  },
  {
    ...shared,
    method: 'post',
    path: `${base}/decline`,
    summary: 'Decline; the link opens nothing more',
    answering: true,
    body: refusal,
    bodyOptional: true,
    idempotent: true,
    locate: holdUnlessRepeated,
    answers: { 200: { description: 'Declined', schema: answered } },
    problems: [...deadInvitation],
    async handle(context) {
      const { reason = null } = context.body as z.infer<typeof refusal>;
      const held = await holdLink(context.services, context.params.token ?? '');
      const { organization } = await lookBehind(context.services, held);
      return context.command(
        async (trx) => {
          const done = await declineInvitation(trx, held.organizationId, held.claim, reason, context.actor);
          return { status: 200, body: toAnswered(done, organization.name), changes: done.changes };
        },
        [held.organizationId],
      );
    },
  },
  {
    ...shared,
    method: 'post',
    path: `${base}/request-new`,
    summary: 'Ask the inviter for a new link in place of an expired one, by mail; always 202',
    answering: true,
    answers: { 202: { description: 'Taken' } },
    async handle(context) {
      const held = await holdLink(context.services, context.params.token ?? '').catch((error: unknown) => {
        if (error instanceof Problem) return null;
        throw error;
      });
      if (held)
        await context.read(
          (trx) => requestNewLink(trx, held.organizationId, held.claim, context.actor),
          [held.organizationId],
        );
      return { status: 202 };
    },
  },
];
