import type { z } from 'zod';
import { accountEvent } from '../../db/commands/sign-in';
import type { RouteSpec } from '../route';
import { forgotPassword, useConfirmationLink, useResetLink } from '../reset-password';
import {
  credentials,
  emailConfirmation,
  forgottenPassword,
  givenCode,
  passwordReset,
  signedIn,
} from '../schemas/accounts';
import { endSession } from '../session';
import { giveSecondFactor, signIn } from '../sign-in';

const shared = { tag: 'Signing in', access: 'public', beforeSetUp: true } as const;

export const signInRoutes: RouteSpec[] = [
  {
    ...shared,
    method: 'post',
    path: '/v1/auth/sign-in',
    summary: 'Sign in with e-mail address or username, and password',
    sameOrigin: true,
    body: credentials,
    answers: { 200: { description: 'Signed in, or half of it: the second factor is missing', schema: signedIn } },
    problems: ['SIGN_IN_FAILED', 'ACCOUNT_NOT_ACTIVE', 'FOREIGN_ORIGIN'],
    async handle({ services, limits, request, body }) {
      const { login, password } = body as z.infer<typeof credentials>;
      const status = await signIn(services, limits, request, login, password);
      return { status: 200, body: { status }, headers: { 'Cache-Control': 'no-store' } };
    },
  },
  {
    ...shared,
    method: 'post',
    path: '/v1/auth/two-factor',
    summary: 'Finish a sign-in: the code by e-mail, of the authenticator app, or a recovery code',
    sameOrigin: true,
    body: givenCode,
    answers: { 200: { description: 'Signed in', schema: signedIn } },
    problems: ['UNAUTHENTICATED', 'WRONG_CODE', 'FOREIGN_ORIGIN'],
    async handle({ services, request, body }) {
      await giveSecondFactor(services, request, (body as z.infer<typeof givenCode>).code);
      return { status: 200, body: { status: 'signed-in' }, headers: { 'Cache-Control': 'no-store' } };
    },
  },
  {
    ...shared,
    method: 'post',
    path: '/v1/auth/sign-out',
    summary: 'End this session',
    sameOrigin: true,
    answers: { 204: { description: 'Signed out, or nobody was signed in' } },
    problems: ['FOREIGN_ORIGIN'],
    async handle({ services, request, caller, actor }) {
      if (caller?.type === 'user')
        await accountEvent(services.database, caller.account, 'account.signed-out', actor, () => Promise.resolve());
      await endSession(request);
      return { status: 204 };
    },
  },
  {
    ...shared,
    method: 'post',
    path: '/v1/auth/forgot-password',
    summary: 'Ask for a link to choose a new password; the answer does not tell whether there is such an account',
    body: forgottenPassword,
    idempotent: true,
    answers: { 202: { description: 'Taken' } },
    async handle({ services, limits, request, body, command }) {
      const { email } = body as z.infer<typeof forgottenPassword>;
      // Counted before the transaction: it takes a connection of its own.
      const allowed = await limits.allowMail(request, email);
      let mailId: string | null = null;
      const answer = await command(async (trx) => {
        if (allowed) mailId = await forgotPassword(trx, email);
        return { status: 202, body: null };
      }, []);
      if (mailId) services.mails.announce(mailId);
      return answer;
    },
  },
  {
    ...shared,
    method: 'post',
    path: '/v1/auth/reset-password',
    summary: 'Choose a new password by the link; ends all sessions and reactivates an inactive account',
    body: passwordReset,
    answers: { 204: { description: 'Changed; the link is used up' } },
    problems: ['LINK_DEAD', 'WEAK_PASSWORD', 'NO_SEAT'],
    async handle({ services, request, body }) {
      const { token, password } = body as z.infer<typeof passwordReset>;
      await useResetLink(services, request, token, password);
      return { status: 204 };
    },
  },
  {
    ...shared,
    method: 'post',
    path: '/v1/auth/confirm-email',
    summary:
      'Confirm a new e-mail address by the link that was sent to it; who is not signed in as its person has to choose a new password by /auth/forgot-password then',
    body: emailConfirmation,
    answers: { 204: { description: 'Changed; the link is used up' } },
    problems: ['LINK_DEAD', 'EMAIL_TAKEN'],
    async handle({ services, request, body }) {
      await useConfirmationLink(services, request, (body as z.infer<typeof emailConfirmation>).token);
      return { status: 204 };
    },
  },
];
