import { z } from 'zod';
import { acceptSignedIn, declineSignedIn } from '../../db/commands/accept-invitation';
import { changeOwnAccount, type OwnAccountPatch, switchOrganization } from '../../db/commands/change-own-account';
import { leaveOrganization } from '../../db/commands/manage-guest';
import { accountEvent } from '../../db/commands/sign-in';
import { currentOrganization, listAccountOrganizations } from '../../db/queries/find-account';
import { findOrganization } from '../../db/queries/find-organization';
import { listOwnInvitations } from '../../db/queries/list-own-invitations';
import { deleteSession, listSessions, switchSession } from '../../db/queries/list-sessions';
import type { PageRequest } from '../../db/queries/page';
import { notFound } from '../../domain/problem';
import type { Person } from '../caller';
import { changeOwnEmail, changeOwnPassword, locateOwnInvitation, type OwnRequest } from '../own-account';
import { type Context, etagOf, ifMatch, type RouteSpec } from '../route';
import {
  emailChange,
  me,
  mePatch,
  ownInvitations,
  ownOrganizations,
  passwordChange,
  sessionPage,
  toMe,
  toOwnInvitation,
  toOwnOrganizations,
  toSession,
} from '../schemas/accounts';
import { id, pageQuery } from '../schemas/common';
import { answered, refusal } from '../schemas/invitations';
import { deadInvitation, toAnswered } from './invitation-tokens';

const shared = { tag: 'Own account', access: 'person' } as const;

/** On these routes the caller is a person: `access` has seen to it. */
export const personOf = (context: Context): Person => context.caller as Person;

export const ownRequest = (context: Context): OwnRequest => ({ ...context, person: personOf(context) });

const locateInvitation = (context: Context): Promise<string> =>
  locateOwnInvitation(context.services, personOf(context), context.params.id ?? '');

export const meRoutes: RouteSpec[] = [
  {
    ...shared,
    method: 'get',
    path: '/v1/me',
    summary: 'Who is signed in',
    versioned: true,
    answers: { 200: { description: 'The account', schema: me } },
    handle(context) {
      const { account } = personOf(context);
      return Promise.resolve({ status: 200, body: toMe(account), etag: etagOf(account) });
    },
  },
  {
    ...shared,
    method: 'patch',
    path: '/v1/me',
    summary: 'Change one’s own name and language',
    body: mePatch,
    versioned: true,
    answers: { 200: { description: 'The account', schema: me } },
    async handle(context) {
      const { account } = personOf(context);
      const patch = context.body as OwnAccountPatch;
      const saved = await accountEvent(context.services.database, account, 'account.changed', context.actor, (trx) =>
        changeOwnAccount(trx, account.id, patch, ifMatch(context.request)),
      );
      return { status: 200, body: toMe(saved), etag: etagOf(saved) };
    },
  },
  {
    ...shared,
    method: 'put',
    path: '/v1/me/password',
    summary: 'Change one’s own password; every other session ends',
    body: passwordChange,
    answers: { 204: { description: 'Changed' } },
    problems: ['WRONG_PASSWORD', 'WEAK_PASSWORD'],
    async handle(context) {
      const { currentPassword, password } = context.body as z.infer<typeof passwordChange>;
      await changeOwnPassword(ownRequest(context), currentPassword, password);
      return { status: 204 };
    },
  },
  {
    ...shared,
    method: 'put',
    path: '/v1/me/email',
    summary: 'Change one’s own e-mail address; it has to be confirmed there',
    body: emailChange,
    answers: { 202: { description: 'A link was sent to the new address, a notice to the old one' } },
    problems: ['WRONG_PASSWORD', 'REAUTHENTICATION_REQUIRED'],
    async handle(context) {
      const { currentPassword, email } = context.body as z.infer<typeof emailChange>;
      await changeOwnEmail(ownRequest(context), currentPassword, email);
      return { status: 202 };
    },
  },
  {
    ...shared,
    method: 'get',
    path: '/v1/me/sessions',
    summary: 'List one’s own sessions, newest first',
    query: z.strictObject(pageQuery),
    answers: { 200: { description: 'A page of sessions', schema: sessionPage } },
    async handle(context) {
      const { account } = personOf(context);
      const whose = { accountId: account.id, epoch: account.sessionEpoch };
      const page = await listSessions(context.services.database, whose, context.query as PageRequest);
      const items = page.items.map((row) => toSession(row, context.request.sessionID));
      return { status: 200, body: { ...page, items } };
    },
  },
  {
    ...shared,
    method: 'delete',
    path: '/v1/me/sessions/{id}',
    summary: 'End one of one’s own sessions; it is refused from the next request on',
    params: z.object({ id }),
    answers: { 204: { description: 'Ended' } },
    problems: ['NOT_FOUND'],
    async handle(context) {
      const { account } = personOf(context);
      const { database } = context.services;
      const ended = await accountEvent(database, account, 'account.session-ended', context.actor, async (trx) =>
        (await deleteSession(trx, account.id, context.params.id ?? '')) ? 1 : 0,
      );
      if (ended === 0) throw notFound('session');
      return { status: 204 };
    },
  },
  {
    ...shared,
    method: 'get',
    path: '/v1/me/organizations',
    summary: 'List the organizations that one belongs to, home and as a guest',
    answers: { 200: { description: 'The organizations, the earliest joined first', schema: ownOrganizations } },
    async handle(context) {
      const { account } = personOf(context);
      const all = await listAccountOrganizations(context.services.database, account.id);
      return {
        status: 200,
        body: toOwnOrganizations(all, currentOrganization(account, all, context.request.session.currentOrganizationId)),
      };
    },
  },
  {
    ...shared,
    method: 'put',
    path: '/v1/me/current-organization',
    summary: 'Switch to another organization that one belongs to; it outlives the session',
    body: z.strictObject({ organizationId: id }),
    answers: { 200: { description: 'The organizations', schema: ownOrganizations } },
    problems: ['NOT_FOUND'],
    async handle(context) {
      const { account } = personOf(context);
      const { database } = context.services;
      const { organizationId } = context.body as { organizationId: string };
      const all = await listAccountOrganizations(database, account.id);
      const chosen = all.find((organization) => organization.id === organizationId);
      if (!chosen) throw notFound('organization');
      await context.read((trx) => switchOrganization(trx, account.id, organizationId, context.actor), [organizationId]);
      await switchSession(database, context.request.sessionID, organizationId);
      return { status: 200, body: toOwnOrganizations(all, chosen) };
    },
  },
  {
    ...shared,
    method: 'delete',
    path: '/v1/me/organizations/{id}',
    summary: 'Leave an organization that is not one’s home; access is over at once',
    params: z.object({ id }),
    answers: { 204: { description: 'Left' } },
    problems: ['NOT_FOUND', 'STATUS_CONFLICT', 'LAST_ADMINISTRATOR'],
    async handle(context) {
      const { account } = personOf(context);
      const organizationId = context.params.id ?? '';
      const all = await listAccountOrganizations(context.services.database, account.id);
      if (!all.some((organization) => organization.id === organizationId)) throw notFound('organization');
      await context.read((trx) => leaveOrganization(trx, organizationId, account.id, context.actor), [organizationId]);
      return { status: 204 };
    },
  },
  {
    ...shared,
    method: 'get',
    path: '/v1/me/invitations',
    summary: 'List the open invitations to oneself, by whichever organization',
    answers: { 200: { description: 'The invitations, the earliest sent first', schema: ownInvitations } },
    async handle(context) {
      const found = await listOwnInvitations(context.services.database, personOf(context).account.email);
      return { status: 200, body: { items: found.map(toOwnInvitation) } };
    },
  },
  {
    ...shared,
    method: 'post',
    path: '/v1/me/invitations/{id}/accept',
    summary: 'Accept an invitation to oneself, with no link',
    params: z.object({ id }),
    idempotent: true,
    locate: locateInvitation,
    answers: { 200: { description: 'Accepted', schema: answered } },
    problems: [...deadInvitation, 'ALREADY_MEMBER', 'NO_SEAT'],
    async handle(context) {
      const organizationId = await locateInvitation(context);
      return context.command(
        async (trx) => {
          const { id: personId } = personOf(context);
          const done = await acceptSignedIn(
            trx,
            organizationId,
            context.params.id ?? '',
            null,
            personId,
            context.actor,
          );
          const { name } = await findOrganization(trx, organizationId);
          return { status: 200, body: toAnswered(done, name), changes: done.changes };
        },
        [organizationId],
      );
    },
  },
  {
    ...shared,
    method: 'post',
    path: '/v1/me/invitations/{id}/decline',
    summary: 'Decline an invitation to oneself, with no link',
    params: z.object({ id }),
    body: refusal,
    bodyOptional: true,
    idempotent: true,
    locate: locateInvitation,
    answers: { 200: { description: 'Declined', schema: answered } },
    problems: [...deadInvitation],
    async handle(context) {
      const { reason = null } = context.body as z.infer<typeof refusal>;
      const organizationId = await locateInvitation(context);
      return context.command(
        async (trx) => {
          const { id: personId } = personOf(context);
          const invitationId = context.params.id ?? '';
          const done = await declineSignedIn(trx, organizationId, invitationId, personId, reason, context.actor);
          const { name } = await findOrganization(trx, organizationId);
          return { status: 200, body: toAnswered(done, name), changes: done.changes };
        },
        [organizationId],
      );
    },
  },
];
