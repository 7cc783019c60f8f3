import type { z } from 'zod';
import { cancelInvitation } from '../../db/commands/cancel-invitation';
import type { Commanded, Manager } from '../../db/commands/command';
import { type Correction, correctInvitation } from '../../db/commands/correct-invitation';
import { createInvitation, missingFields, type NewInvitation } from '../../db/commands/create-invitation';
import { linkInvitation } from '../../db/commands/link-invitation';
import { resendInvitation } from '../../db/commands/resend-invitation';
import { sendInvitation } from '../../db/commands/send-invitation';
import { readClock, type Transaction } from '../../db/database';
import type { Invitation } from '../../db/models/invitation';
import {
  findInvitation,
  type InvitationFilter,
  listInvitationEvents,
  listInvitations,
} from '../../db/queries/find-invitation';
import { findOrganization, findOrganizationAndClock } from '../../db/queries/find-organization';
import type { ProblemCode } from '../../domain/problem';
import { invitationToken } from '../../domain/token';
import { withKnownGroups } from '../known-groups';
import { byLanguage, wordsFor } from '../mail-words';
import { otherPlaces, standingsOf, withKnownOrganizations } from '../other-organizations';
import { qrCodeOf } from '../qr-code';
import { type Context, etagOf, ifMatch, type RouteSpec } from '../route';
import { id, organizationParams } from '../schemas/common';
import {
  invitation,
  invitationPage,
  invitationPatch,
  invitationQuery,
  link,
  newInvitation,
  timeline,
  toInvitation,
  toTimeline,
} from '../schemas/invitations';

const tag = 'Invitations';
const base = '/v1/organizations/{organizationId}/invitations';
const one = {
  access: 'organization',
  action: 'invitations.manage',
  params: organizationParams.extend({ id }),
  tag,
} as const;

/** The row as the caller is to see it: without groups and organizations that do not exist for them. */
async function shown(trx: Transaction, context: Context, row: Invitation, now: Date) {
  const [known = row] = await withKnownOrganizations(trx, context, await withKnownGroups(trx, context, [row]));
  return inWords(context, toInvitation(known, now));
}

/** Why a mail did not go out, in the caller's language. */
function inWords<T extends { delivery: { detail?: string | undefined } }>({ request }: Context, body: T): T {
  const { detail } = body.delivery;
  return detail === undefined ? body : { ...body, delivery: { ...body.delivery, detail: wordsFor(request)(detail) } };
}

const idOf = (context: Context): string => context.params.id ?? '';
/** At the end of the command: one that mails nobody, is refused or was answered before has no part in the limits. */
async function countMail(trx: Transaction, { limits, organizationId }: Context, row: Invitation): Promise<void> {
  if (row.email && row.deliveryStatus === 'queued') await limits.forInvitationMail(trx, organizationId, row.email);
}

const locate = (context: Context) => context.read((trx) => findInvitation(trx, context.organizationId, idOf(context)));

/** What the JSON says, as the command takes it. */
export function toNewInvitation(input: z.infer<typeof newInvitation>): NewInvitation {
  const { staff, role, additionalOrganizationIds: _, ...rest } = input;
  return {
    ...rest,
    role: role ?? (staff ? 'staff' : 'member'),
    email: input.email ?? null,
    username: input.username ?? null,
    firstName: input.firstName ?? null,
    lastName: input.lastName ?? null,
    groupIds: input.groupIds,
    userType: input.userType ?? null,
    guestType: input.guestType ?? null,
    message: input.message ?? null,
    locale: input.locale ?? null,
    expiresAt: input.expiresAt ?? null,
    accessEndsAt: input.accessEndsAt ?? null,
    sponsorId: input.sponsorId ?? null,
    externalId: input.externalId ?? null,
    metadata: input.metadata ?? null,
    redirectUrl: input.redirectUrl ?? null,
  };
}

type InvitationCommand = (trx: Transaction, organizationId: string, id: string, manager: Manager) => Promise<Commanded>;

/** `POST …/{id}/<name>`: one command, answered with the invitation as it is afterwards. */
const action = (name: string, summary: string, run: InvitationCommand, problems: ProblemCode[]): RouteSpec => ({
  ...one,
  method: 'post',
  path: `${base}/{id}/${name}`,
  summary,
  idempotent: true,
  locate,
  answers: { 200: { description: 'The invitation', schema: invitation } },
  problems,
  handle: (context) =>
    context.command(async (trx) => {
      const done = await run(trx, context.organizationId, idOf(context), context);
      if (name !== 'cancel') await countMail(trx, context, done.invitation);
      return {
        status: 200,
        body: await shown(trx, context, done.invitation, await readClock(trx)),
        changes: done.changes,
      };
    }),
});

export const invitationRoutes: RouteSpec[] = [
  {
    method: 'post',
    path: base,
    summary: 'Invite a person; sent at once unless send is false',
    tag,
    access: 'organization',
    action: 'invitations.create',
    params: organizationParams,
    body: newInvitation,
    idempotent: true,
    async alsoWrong({ read, organizationId }, json) {
      const { policy } = await read((trx) => findOrganization(trx, organizationId));
      const given = Object(json) as Record<string, unknown>;
      return missingFields(policy, (field) => given[field] !== undefined);
    },
    answers: { 201: { description: 'The invitation', schema: invitation } },
    problems: [
      'INVITATION_PENDING',
      'ALREADY_MEMBER',
      'ACCOUNT_INACTIVE',
      'USERNAME_TAKEN',
      'STATUS_CONFLICT',
      'NO_SEAT',
    ],
    async handle(context) {
      const body = context.body as z.infer<typeof newInvitation>;
      return context.command(async (trx) => {
        const others = await otherPlaces(trx, context, body.additionalOrganizationIds);
        const { organization, now } = await findOrganizationAndClock(trx, context.organizationId);
        const input = toNewInvitation(body);
        const created = await createInvitation(trx, organization, input, context.actor, now, context.person, others);
        await countMail(trx, context, created.invitation);
        return { status: 201, body: await shown(trx, context, created.invitation, now), changes: created.changes };
      });
    },
  },
  {
    method: 'get',
    path: base,
    summary: 'List invitations, newest first',
    tag,
    access: 'organization',
    action: 'invitations.manage',
    params: organizationParams,
    query: invitationQuery,
    answers: { 200: { description: 'A page of invitations', schema: invitationPage } },
    handle: (context) =>
      context.read(async (trx) => {
        const filter = context.query as InvitationFilter;
        const { page, now } = await listInvitations(trx, context.organizationId, filter);
        const rows = await withKnownOrganizations(trx, context, await withKnownGroups(trx, context, page.items));
        const items = rows.map((row) => inWords(context, toInvitation(row, now)));
        return { status: 200, body: { ...page, items }, headers: byLanguage };
      }),
  },
  {
    ...one,
    method: 'get',
    path: `${base}/{id}`,
    summary: 'Read an invitation',
    versioned: true,
    answers: { 200: { description: 'The invitation', schema: invitation } },
    handle: (context) =>
      context.read(async (trx) => {
        const { invitation: row, now } = await findInvitation(trx, context.organizationId, idOf(context));
        return { status: 200, body: await shown(trx, context, row, now), etag: etagOf(row), headers: byLanguage };
      }),
  },
  {
    ...one,
    method: 'patch',
    path: `${base}/{id}`,
    summary: 'Correct an open invitation; a new address gets a new link at once',
    body: invitationPatch,
    versioned: true,
    locate,
    answers: { 200: { description: 'The invitation', schema: invitation } },
    problems: [
      'INVITATION_CLOSED',
      'INVITATION_PENDING',
      'ALREADY_MEMBER',
      'ACCOUNT_INACTIVE',
      'NO_SEAT',
      'STATUS_CONFLICT',
    ],
    async handle(context) {
      const { organizationId, request } = context;
      let etag = '';
      const answer = await context.command(async (trx) => {
        const correction = context.body as Correction;
        const standingIn = await standingsOf(trx, context);
        const done = await correctInvitation(
          trx,
          organizationId,
          idOf(context),
          correction,
          context,
          ifMatch(request),
          standingIn,
        );
        etag = etagOf(done.invitation);
        if (correction.email !== undefined) await countMail(trx, context, done.invitation);
        return {
          status: 200,
          body: await shown(trx, context, done.invitation, await readClock(trx)),
          changes: done.changes,
        };
      });
      return { ...answer, etag };
    },
  },
  {
    ...one,
    method: 'get',
    path: `${base}/{id}/timeline`,
    summary: 'What happened to an invitation, and the next planned step',
    answers: { 200: { description: 'The timeline, oldest first', schema: timeline } },
    handle: (context) =>
      context.read(async (trx) => {
        const found = await findInvitation(trx, context.organizationId, idOf(context));
        const events = await listInvitationEvents(trx, context.organizationId, idOf(context));
        return { status: 200, body: toTimeline(found.invitation, events, found.now) };
      }),
  },
  action('send', 'Send a draft; its term starts now', sendInvitation, [
    'NO_SEAT',
    'INVITATION_NOT_DRAFT',
    'STATUS_CONFLICT',
    'NO_EMAIL',
    'DEADLINE_PASSED',
    'ADDRESS_SUPPRESSED',
  ]),
  action('resend', 'Send a new mail with a new link and a full new term', resendInvitation, [
    'NO_SEAT',
    'INVITATION_DRAFT',
    'INVITATION_CLOSED',
    'STATUS_CONFLICT',
    'RESEND_NOT_ALLOWED',
    'NO_EMAIL',
    'ADDRESS_SUPPRESSED',
  ]),
  action('cancel', 'Cancel an open invitation; its link is dead at once', cancelInvitation, ['INVITATION_CLOSED']),
  {
    ...one,
    method: 'post',
    path: `${base}/{id}/link`,
    summary: 'A new link for the inviter to hand over, with a QR code; the old one is dead',
    locate,
    answers: { 200: { description: 'The link', schema: link } },
    problems: ['INVITATION_CLOSED', 'DEADLINE_PASSED', 'NO_SEAT', 'STATUS_CONFLICT'],
    async handle(context) {
      const { keys, baseUrl } = context.services;
      let generation = 0;
      await context.command(async (trx) => {
        const standingIn = await standingsOf(trx, context);
        const done = await linkInvitation(trx, context.organizationId, idOf(context), context, standingIn);
        generation = done.invitation.generation;
        return { status: 200, body: null, changes: done.changes };
      });
      const url = `${baseUrl}/invitations/${invitationToken(keys, { invitationId: idOf(context), generation })}`;
      return { status: 200, body: { url, qrCode: await qrCodeOf(url) }, headers: { 'Cache-Control': 'no-store' } };
    },
  },
];
