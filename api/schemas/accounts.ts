import { z } from 'zod';
import type { Account } from '../../db/models/account';
import type { AccountOrganization } from '../../db/queries/find-account';
import type { OwnInvitation } from '../../db/queries/list-own-invitations';
import type { OpenSession } from '../../db/queries/list-sessions';
import { displayName } from '../../domain/account';
import { invitationKinds } from '../../domain/invitation';
import { factorMethods } from '../../domain/two-factor';
import { idleLimitMs } from '../session';
import { email, id, line, locale, pageOf, time } from './common';

/** As typed: judged by the rules for passwords, and never trimmed. */
export const typedPassword = z.string().min(1, 'Must not be empty.').max(1_000);

export const credentials = z
  .strictObject({
    login: z.string().min(1).max(254).describe('E-mail address or username'),
    password: typedPassword,
  })
  .meta({ id: 'Credentials' });

export const forgottenPassword = z.strictObject({ email }).meta({ id: 'ForgottenPassword' });

const token = z.string().max(200);

export const passwordReset = z.strictObject({ token, password: typedPassword }).meta({ id: 'PasswordReset' });

export const emailConfirmation = z.strictObject({ token }).meta({ id: 'EmailConfirmation' });

export const emailChange = z.strictObject({ currentPassword: typedPassword, email }).meta({ id: 'EmailChange' });

export const signedIn = z.object({ status: z.enum(['signed-in', 'two-factor-required']) }).meta({ id: 'SignedIn' });

/** Six digits of a mail or an app, or a recovery code; spaces, hyphens and the case of letters do not matter. */
export const givenCode = z.strictObject({ code: z.string().min(1).max(100) }).meta({ id: 'GivenCode' });

export const ownFactor = z.object({ method: z.enum(factorMethods) }).meta({ id: 'TwoFactor' });

export const factorSwitch = z.strictObject({ method: z.enum(['none', 'email']) }).meta({ id: 'TwoFactorSwitch' });

export const appSetUp = z
  .object({ otpauthUrl: z.string(), qrCode: z.object({ png: z.string().describe('data URL'), svg: z.string() }) })
  .meta({ id: 'AppSetUp' });

export const recoveryCodes = z.object({ recoveryCodes: z.array(z.string()) }).meta({ id: 'RecoveryCodes' });

export const recoveryCodesLeft = z.object({ left: z.int().min(0) }).meta({ id: 'RecoveryCodesLeft' });

export const me = z
  .object({
    id,
    email: z.string().nullable(),
    username: z.string().nullable(),
    firstName: z.string().nullable(),
    lastName: z.string().nullable(),
    displayName: z.string(),
    locale: locale.nullable(),
    pendingEmail: z.string().nullable().describe('Asked for, and not confirmed yet'),
    homeOrganizationId: id.nullable(),
  })
  .meta({ id: 'Me' });

export const toMe = (account: Account): z.infer<typeof me> => ({
  id: account.id,
  email: account.email,
  username: account.username,
  firstName: account.firstName,
  lastName: account.lastName,
  displayName: displayName(account),
  locale: account.locale,
  pendingEmail: account.pendingEmail,
  homeOrganizationId: account.homeOrganizationId,
});

export const mePatch = z
  .strictObject({ firstName: line(100), lastName: line(100), locale })
  .partial()
  .meta({ id: 'MePatch' });

export const passwordChange = z
  .strictObject({ currentPassword: typedPassword, password: typedPassword })
  .meta({ id: 'PasswordChange' });

export const session = z
  .object({
    id,
    createdAt: time,
    lastSeenAt: time,
    ip: z.string().nullable(),
    userAgent: z.string().nullable(),
    current: z.boolean(),
  })
  .meta({ id: 'Session' });

export const sessionPage = pageOf(session).meta({ id: 'SessionPage' });

export const toSession = (row: OpenSession, currentSid: string): z.infer<typeof session> => ({
  id: row.id,
  createdAt: row.createdAt.toISOString(),
  // Every use moves the end on by the same stretch.
  lastSeenAt: new Date(Math.max(row.expire.getTime() - idleLimitMs, row.createdAt.getTime())).toISOString(),
  ip: row.ip,
  userAgent: row.userAgent,
  current: row.sid === currentSid,
});

export const ownOrganizations = z
  .object({
    items: z.array(z.object({ id, name: z.string(), kind: z.enum(invitationKinds), current: z.boolean() })),
  })
  .meta({ id: 'OwnOrganizations' });

export const toOwnOrganizations = (
  all: AccountOrganization[],
  current: AccountOrganization | undefined,
): z.infer<typeof ownOrganizations> => ({
  items: all.map(({ id, name, kind }) => ({ id, name, kind, current: id === current?.id })),
});

export const ownInvitations = z
  .object({
    items: z.array(
      z.object({
        id,
        organization: z.object({ id, name: z.string() }),
        additionalOrganizations: z.array(z.object({ id, name: z.string() })),
        inviter: z.object({ displayName: z.string() }),
        kind: z.enum(invitationKinds),
        message: z.string().nullable(),
        sentAt: time,
        expiresAt: time,
      }),
    ),
  })
  .meta({ id: 'OwnInvitations' });

export const toOwnInvitation = ({ invitation, organization, others }: OwnInvitation) => ({
  id: invitation.id,
  organization: { id: organization.id, name: organization.name },
  additionalOrganizations: others.map(({ id, name }) => ({ id, name })),
  inviter: { displayName: (invitation.invitedByType === 'user' && invitation.invitedByName) || organization.name },
  kind: invitation.kind,
  message: invitation.message,
  sentAt: invitation.sentAt?.toISOString() ?? '',
  expiresAt: invitation.expiresAt?.toISOString() ?? '',
});
