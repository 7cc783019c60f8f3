import {
  activateUser,
  changeUser,
  deactivateUser,
  deleteUser,
  type Managed,
  requestSecurityReport,
  resetTwoFactor,
  sendPasswordReset,
  type UserPatch,
} from '../../db/commands/manage-user';
import type { Manager } from '../../db/commands/command';
import type { Transaction } from '../../db/database';
import type { AuditFilter } from '../../db/queries/list-audit-events';
import type { PageRequest } from '../../db/queries/page';
import { findUser, type User, type UserFilter } from '../../db/queries/list-users';
import { directoryOf, listKnownEvents, listKnownUsers, profileOf, withKnownGroups } from '../known-groups';
import { linkLifetimeMs } from '../reset-password';
import { type Context, etagOf, ifMatch, type Reply, type RouteSpec } from '../route';
import { auditEventColumns, auditEventPage, auditEventQuery, toAuditEvent, toAuditRow } from '../schemas/audit-events';
import { id, organizationParams } from '../schemas/common';
import { allRows, sendCsv, wantsCsv } from '../send-csv';
import { toUser, user, userPage, userPatch, userQuery, userVersion } from '../schemas/users';

const base = '/v1/organizations/{organizationId}';

const one = organizationParams.extend({ id });
const idOf = (context: Context): string => context.params.id ?? '';
const locate = (context: Context) => context.read((trx) => findUser(trx, context.organizationId, idOf(context)));

/** One command, answered with the user as they are afterwards; its mails go out after the commit. */
export async function manage(
  context: Context,
  userId: string,
  run: (trx: Transaction, manager: Manager) => Promise<Managed>,
): Promise<Reply> {
  let mails: string[] = [];
  let etag = '';
  const answer = await context.command(async (trx) => {
    const done = await run(trx, context);
    mails = done.mails;
    const found = await findUser(trx, context.organizationId, userId);
    etag = etagOf(userVersion(found));
    const [known] = await withKnownGroups(trx, context, [found]);
    return { status: 200, body: toUser(known ?? found), changes: done.changes };
  });
  for (const mail of mails) context.services.mails.announce(mail);
  return { ...answer, etag };
}

/**
 * Counts the mails of a command once it has said yes: one that is refused, or answered again, spends nothing.
 * @throws Problem TOO_MANY_REQUESTS
 */
async function countMails(trx: Transaction, context: Context, recipients: (string | null)[]): Promise<void> {
  // In one order everywhere: others wait for the rows.
  for (const recipient of recipients.filter((address) => address !== null).sort())
    await context.limits.forManagedMail(trx, context.organizationId, recipient);
}

/** A new address gets a mail; the old one, of somebody who has come in, a notice. */
const readdressed =
  ({ email }: UserPatch) =>
  (found: User) => {
    if (email === undefined || email === found.email) return [];
    return [email, ['active', 'suspended'].includes(found.status) ? found.email : null];
  };

type Recipients = (found: User, context: Context) => (string | null)[];
type UserCommand = (trx: Transaction, organizationId: string, id: string, manager: Manager) => Promise<Managed>;

const noMails = () => [];

/** `POST O/users/{id}/<name>`. */
export const userAction = (
  name: string,
  summary: string,
  run: UserCommand,
  recipientsOf: Recipients = noMails,
): RouteSpec => ({
  method: 'post',
  path: `${base}/users/{id}/${name}`,
  summary,
  tag: 'Users',
  access: 'organization',
  action: 'users.manage',
  params: one,
  locate,
  idempotent: true,
  answers: { 200: { description: 'The user', schema: user } },
  problems: ['FORBIDDEN', 'STATUS_CONFLICT', 'LAST_ADMINISTRATOR', 'NO_SEAT'],
  async handle(context) {
    const { organizationId } = context;
    return manage(context, idOf(context), async (trx, manager) => {
      const recipients = recipientsOf(await findUser(trx, organizationId, idOf(context)), context);
      const done = await run(trx, organizationId, idOf(context), manager);
      await countMails(trx, context, recipients);
      return done;
    });
  },
});

export const userRoutes: RouteSpec[] = [
  {
    method: 'get',
    path: `${base}/users`,
    summary: 'List the users of an organization, invited ones included, newest first',
    tag: 'Users',
    access: 'organization',
    action: 'users.read',
    resource: directoryOf,
    params: organizationParams,
    query: userQuery,
    answers: { 200: { description: 'A page of users', schema: userPage } },
    async handle(context) {
      const page = await listKnownUsers(context, context.query as UserFilter);
      return { status: 200, body: { ...page, items: page.items.map(toUser) } };
    },
  },
  {
    method: 'get',
    path: `${base}/users/{id}`,
    summary: 'Read a user',
    tag: 'Users',
    access: 'organization',
    action: 'profile.read',
    resource: profileOf,
    params: one,
    versioned: true,
    answers: { 200: { description: 'The user', schema: user } },
    handle: (context) =>
      context.read(async (trx) => {
        const found = await findUser(trx, context.organizationId, idOf(context));
        const [known] = await withKnownGroups(trx, context, [found]);
        return { status: 200, body: toUser(known ?? found), etag: etagOf(userVersion(found)) };
      }),
  },
  {
    method: 'patch',
    path: `${base}/users/{id}`,
    summary: 'Change a user: the person’s own data only at their home, of a guest only the groups',
    tag: 'Users',
    access: 'organization',
    action: 'users.manage',
    params: one,
    locate,
    body: userPatch,
    versioned: true,
    answers: { 200: { description: 'The user', schema: user } },
    problems: [
      ...(['FORBIDDEN', 'USERNAME_TAKEN', 'EMAIL_TAKEN', 'LAST_ADMINISTRATOR'] as const),
      ...(['INVITATION_PENDING', 'NO_SEAT', 'GROUP_NEEDED'] as const),
    ],
    async handle(context) {
      const patch = context.body as UserPatch;
      const matches = ifMatch(context.request);
      return manage(context, idOf(context), async (trx, manager) => {
        let before = null as string | null;
        let recipients: (string | null)[] = [];
        const check = async () => {
          const found = await findUser(trx, context.organizationId, idOf(context));
          matches(userVersion(found));
          before = found.email;
          recipients = readdressed(patch)(found);
        };
        const done = await changeUser(
          trx,
          context.organizationId,
          idOf(context),
          patch,
          manager,
          linkLifetimeMs,
          check,
        );
        await countMails(trx, context, recipients);
        // Whoever has the new address has not asked for what goes there.
        if (patch.email !== undefined && patch.email !== before) await context.limits.forUnaskedMail(trx, patch.email);
        return done;
      });
    },
  },
  {
    method: 'delete',
    path: `${base}/users/{id}`,
    summary: 'Erase a user of this organization; names and addresses are gone, the audit keeps ids',
    tag: 'Users',
    access: 'organization',
    action: 'users.manage',
    params: one,
    locate,
    answers: { 204: { description: 'Erased' } },
    problems: ['FORBIDDEN', 'LAST_ADMINISTRATOR'],
    async handle(context) {
      return context.command(async (trx) => {
        const { changes } = await deleteUser(trx, context.organizationId, idOf(context), context);
        return { status: 204, body: null, changes };
      });
    },
  },
  userAction('deactivate', 'No sign-in any more; every session ends at once', deactivateUser),
  userAction(
    'activate',
    'Active again; an inactive user has until midnight to choose a password and sign in',
    activateUser,
    ({ status, email }) => [status === 'inactive' ? email : null],
  ),
  userAction(
    'reset-password',
    'Mail the user a link to choose a new password',
    (trx, organizationId, id, manager) => sendPasswordReset(trx, organizationId, id, manager, linkLifetimeMs),
    ({ email }) => [email],
  ),
  userAction('reset-two-factor', 'Forget a second factor that the user has lost; every session ends', resetTwoFactor),
  userAction(
    'security-report',
    'Mail the person who asks a report on the user: account, roles, permissions, groups, second factor, sign-ins, sessions, open invitations',
    requestSecurityReport,
    (_, { caller }) => [caller?.type === 'user' ? caller.account.email : null],
  ),
];

export const auditRoutes: RouteSpec[] = [
  {
    method: 'get',
    path: `${base}/audit-events`,
    summary: 'What happened in an organization, newest first; with `Accept: text/csv` all of it as a table',
    tag: 'Audit',
    access: 'organization',
    action: 'logs.read',
    params: organizationParams,
    query: auditEventQuery,
    answers: { 200: { description: 'A page of events', schema: auditEventPage } },
    async handle(context) {
      const list = (request: PageRequest) =>
        listKnownEvents(context, { ...(context.query as AuditFilter), ...request });
      if (wantsCsv(context.request))
        return sendCsv(context.request, 'audit-events', auditEventColumns, allRows(list, toAuditRow));
      const page = await list(context.query as PageRequest);
      return { status: 200, headers: { Vary: 'Accept' }, body: { ...page, items: page.items.map(toAuditEvent) } };
    },
  },
];
