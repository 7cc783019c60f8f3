import {
  activateUser,
  changeUser,
  deactivateUser,
  deleteUser,
  type Managed,
  sendPasswordReset,
  type UserPatch,
} from '../../db/commands/manage-user';
import type { Manager } from '../../db/commands/command';
import type { Transaction } from '../../db/database';
import type { AuditFilter } from '../../db/queries/list-audit-events';
import { listAuditEvents } from '../../db/queries/list-audit-events';
import { findUser, listUsers, type User, type UserFilter } from '../../db/queries/list-users';
import { linkLifetimeMs } from '../reset-password';
import { type Context, etagOf, ifMatch, type Reply, type RouteSpec } from '../route';
import { auditEventPage, auditEventQuery, toAuditEvent } from '../schemas/audit-events';
import { id, organizationParams } from '../schemas/common';
import { toUser, user, userPage, userPatch, userQuery, userVersion } from '../schemas/users';

const base = '/v1/organizations/{organizationId}';

const one = organizationParams.extend({ id });
const idOf = (context: Context): string => context.params.id ?? '';
const locate = (context: Context) => context.read((trx) => findUser(trx, context.organizationId, idOf(context)));

/** One command, answered with the user as they are afterwards; its mails go out after the commit. */
async function manage(context: Context, run: (trx: Transaction, manager: Manager) => Promise<Managed>): Promise<Reply> {
  let mails: string[] = [];
  let etag = '';
  const answer = await context.command(async (trx) => {
    const done = await run(trx, { actor: context.actor, standing: context.standing });
    mails = done.mails;
    const found = await findUser(trx, context.organizationId, idOf(context));
    etag = etagOf(userVersion(found));
    return { status: 200, body: toUser(found), changes: done.changes };
  });
  for (const mail of mails) context.services.mails.announce(mail);
  return { ...answer, etag };
}

/**
 * Counts the mails that a command would send, before its transaction: each count takes a connection of its own.
 * @throws Problem TOO_MANY_REQUESTS
 */
async function countMails(context: Context, recipientsOf: (found: User) => (string | null)[]): Promise<void> {
  for (const recipient of recipientsOf(await locate(context)))
    if (recipient !== null) await context.limits.forManagedMail(recipient);
}

/** A new address gets a mail; the old one, of somebody who has come in, a notice. */
const readdressed =
  ({ email }: UserPatch) =>
  (found: User) => {
    if (email === undefined || email === found.email) return [];
    return [email, ['active', 'suspended'].includes(found.status) ? found.email : null];
  };

type UserCommand = (trx: Transaction, organizationId: string, id: string, manager: Manager) => Promise<Managed>;

const noMails = () => [];

const action = (
  name: string,
  summary: string,
  run: UserCommand,
  recipientsOf: (found: User) => (string | null)[] = noMails,
): RouteSpec => ({
  method: 'post',
  path: `${base}/users/{id}/${name}`,
  summary,
  tag: 'Users',
  access: 'organization',
  role: 'staff',
  params: one,
  locate,
  idempotent: true,
  answers: { 200: { description: 'The user', schema: user } },
  problems: ['FORBIDDEN', 'STATUS_CONFLICT', 'LAST_ADMINISTRATOR'],
  async handle(context) {
    await countMails(context, recipientsOf);
    return manage(context, (trx, manager) => run(trx, context.organizationId, idOf(context), manager));
  },
});

export const userRoutes: RouteSpec[] = [
  {
    method: 'get',
    path: `${base}/users`,
    summary: 'List the users of an organization, invited ones included, newest first',
    tag: 'Users',
    access: 'organization',
    role: 'member',
    params: organizationParams,
    query: userQuery,
    answers: { 200: { description: 'A page of users', schema: userPage } },
    async handle({ read, organizationId, query }) {
      const page = await read((trx) => listUsers(trx, organizationId, query as UserFilter));
      return { status: 200, body: { ...page, items: page.items.map(toUser) } };
    },
  },
  {
    method: 'get',
    path: `${base}/users/{id}`,
    summary: 'Read a user',
    tag: 'Users',
    access: 'organization',
    role: 'member',
    params: organizationParams.extend({ id }),
    versioned: true,
    answers: { 200: { description: 'The user', schema: user } },
    async handle({ read, organizationId, params }) {
      const found = await read((trx) => findUser(trx, organizationId, params.id ?? ''));
      return { status: 200, body: toUser(found), etag: etagOf(userVersion(found)) };
    },
  },
  {
    method: 'patch',
    path: `${base}/users/{id}`,
    summary: 'Change a user: the person’s own data only at their home, of a guest only the groups',
    tag: 'Users',
    access: 'organization',
    role: 'staff',
    params: one,
    locate,
    body: userPatch,
    versioned: true,
    answers: { 200: { description: 'The user', schema: user } },
    problems: ['FORBIDDEN', 'USERNAME_TAKEN', 'EMAIL_TAKEN', 'LAST_ADMINISTRATOR', 'INVITATION_PENDING'],
    async handle(context) {
      const patch = context.body as UserPatch;
      await countMails(context, readdressed(patch));
      const matches = ifMatch(context.request);
      return manage(context, (trx, manager) => {
        const check = async () => matches(userVersion(await findUser(trx, context.organizationId, idOf(context))));
        return changeUser(trx, context.organizationId, idOf(context), patch, manager, linkLifetimeMs, check);
      });
    },
  },
  {
    method: 'delete',
    path: `${base}/users/{id}`,
    summary: 'Erase a user of this organization; names and addresses are gone, the audit keeps ids',
    tag: 'Users',
    access: 'organization',
    role: 'staff',
    params: one,
    locate,
    answers: { 204: { description: 'Erased' } },
    problems: ['FORBIDDEN', 'LAST_ADMINISTRATOR'],
    async handle(context) {
      const manager = { actor: context.actor, standing: context.standing };
      return context.command(async (trx) => {
        const { changes } = await deleteUser(trx, context.organizationId, idOf(context), manager);
        return { status: 204, body: null, changes };
      });
    },
  },
  action('deactivate', 'No sign-in any more; every session ends at once', deactivateUser),
  action(
    'activate',
    'Active again; an inactive user has until midnight to choose a password and sign in',
    activateUser,
    ({ status, email }) => [status === 'inactive' ? email : null],
  ),
  action(
    'reset-password',
    'Mail the user a link to choose a new password',
    (trx, organizationId, id, manager) => sendPasswordReset(trx, organizationId, id, manager, linkLifetimeMs),
    ({ email }) => [email],
  ),
];

export const auditRoutes: RouteSpec[] = [
  {
    method: 'get',
    path: `${base}/audit-events`,
    summary: 'What happened in an organization, newest first',
    tag: 'Audit',
    access: 'organization',
    params: organizationParams,
    query: auditEventQuery,
    answers: { 200: { description: 'A page of events', schema: auditEventPage } },
    async handle({ read, organizationId, query }) {
      const page = await read((trx) => listAuditEvents(trx, organizationId, query as AuditFilter));
      return { status: 200, body: { ...page, items: page.items.map(toAuditEvent) } };
    },
  },
];
