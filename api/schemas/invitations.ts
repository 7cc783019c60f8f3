import { z } from 'zod';
import type { AuditEvent } from '../../db/models/audit-event';
import type { Invitation } from '../../db/models/invitation';
import {
  deliveryStatuses,
  effectiveStatus,
  guestTypes,
  invitationKinds,
  invitationStatuses,
  roles,
} from '../../domain/invitation';
import { nextStep } from '../../domain/next-step';
import { invitationWorkflowId } from '../../workflows/messages';
import { email, id, instant, line, locale, pageOf, pageQuery, paragraphs, searchText, time, username } from './common';

const name = line(100);
const webAddress = z
  .string()
  .max(2_000)
  .refine((text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol), 'Must be an http or https URL.');

const metadata = z
  .record(z.string().max(100), z.unknown())
  .refine(isSmall, 'May have at most 8,192 characters as JSON, nested up to 100 levels.')
  .refine(isStorable, 'Must be valid Unicode without NUL characters.')
  .meta({ type: 'object', additionalProperties: true });

function isSmall(value: unknown): boolean {
  // Level by level: what is nested too deeply must not be recursed into.
  let level = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > 100) return false;
    level = level.flatMap((item) => (item && typeof item === 'object' ? (Object.values(item) as unknown[]) : []));
  }
  return JSON.stringify(value).length <= 8_192;
}

/** PostgreSQL's jsonb takes neither NUL nor half a surrogate pair. */
function isStorable(value: unknown): boolean {
  if (typeof value === 'string') return value.isWellFormed() && !value.includes('\0');
  if (!value || typeof value !== 'object' || !isSmall(value)) return true;
  return Object.entries(value).every(([name, item]) => isStorable(name) && isStorable(item));
}

export const newInvitation = z
  .strictObject({
    kind: z.enum(invitationKinds).default('member'),
    email: email.optional(),
    username: username.optional(),
    firstName: name.optional(),
    lastName: name.optional(),
    groupIds: z.array(id).max(200).optional(),
    additionalOrganizationIds: z
      .array(id)
      .max(20)
      .default([])
      .describe(
        'Invites into these organizations too, with one mail and one answer; their groups are not chosen here (C3)',
      ),
    role: z.enum(roles).optional(),
    permissions: z.array(line(100)).max(100).default([]),
    staff: z.boolean().optional().describe('true is short for role: staff'),
    userType: line(100).optional(),
    guestType: z.enum(guestTypes).optional(),
    message: paragraphs(5_000).optional(),
    locale: locale.optional(),
    send: z.boolean().default(true),
    expiresAt: instant.optional(),
    accessEndsAt: instant.optional(),
    sponsorId: id.optional(),
    externalId: line(200).optional(),
    metadata: metadata.optional(),
    redirectUrl: webAddress.optional(),
    overwrite: z.boolean().default(false).describe('Erases an inactive account of the same address first (E10)'),
  })
  .refine(({ staff, role }) => staff === undefined || role === undefined || staff === (role === 'staff'), {
    path: ['staff'],
    message: 'staff and role contradict each other.',
  })
  .meta({ id: 'NewInvitation' });

export const invitationPatch = z
  .strictObject({
    email: email.optional(),
    firstName: name.nullable().optional(),
    lastName: name.nullable().optional(),
    groupIds: z.array(id).max(200).optional(),
    message: paragraphs(5_000).nullable().optional(),
  })
  .meta({ id: 'InvitationPatch' });

export const actor = z.object({ type: z.string(), id: id.nullable(), displayName: z.string() }).meta({ id: 'Actor' });

const step = z.object({ action: z.enum(['send', 'remind', 'expire']), at: time }).nullable();

export const invitation = z
  .object({
    id,
    organizationId: id,
    kind: z.enum(invitationKinds),
    email: z.string().nullable(),
    username: z.string().nullable(),
    firstName: z.string().nullable(),
    lastName: z.string().nullable(),
    status: z.enum(invitationStatuses),
    delivery: z.object({ status: z.enum(deliveryStatuses), detail: z.string().optional() }),
    generation: z.int(),
    expiresAt: time.nullable(),
    accessEndsAt: time.nullable(),
    groupIds: z.array(id),
    additionalOrganizationIds: z.array(id).describe('Those that the caller may know of'),
    role: z.enum(roles),
    permissions: z.array(z.string()),
    userType: z.string().nullable(),
    guestType: z.enum(guestTypes).nullable(),
    message: z.string().nullable(),
    locale: locale.nullable(),
    sponsorId: id.nullable(),
    redirectUrl: z.string().nullable(),
    invitedBy: actor,
    createdAt: time,
    sentAt: time.nullable(),
    answeredAt: time.nullable(),
    declineReason: z.string().nullable(),
    userId: id.nullable().describe('Once accepted'),
    workflowId: z.string(),
    nextStep: step,
    externalId: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()).nullable(),
  })
  .meta({ id: 'Invitation' });

export const invitationPage = pageOf(invitation).meta({ id: 'InvitationPage' });

export const invitationQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(invitationStatuses).optional(),
  kind: z.enum(invitationKinds).optional(),
  q: searchText(200).optional(),
});

const inviterNames = { platform: 'Platform', 'api-key': 'API key', user: 'User' } as const;

/** Who created an invitation, as that was remembered. */
export const toInviter = (row: Pick<Invitation, 'invitedByType' | 'invitedById' | 'invitedByName'>) => ({
  type: row.invitedByType,
  id: row.invitedById,
  displayName: row.invitedByName ?? inviterNames[row.invitedByType],
});

/** @param now the database's clock: an overdue invitation is shown as expired */
export const toInvitation = (row: Invitation, now: Date): z.infer<typeof invitation> => {
  const planned = nextStep(row, now);
  return {
    id: row.id,
    organizationId: row.organizationId,
    kind: row.kind,
    email: row.email,
    username: row.username,
    firstName: row.firstName,
    lastName: row.lastName,
    status: effectiveStatus(row, now),
    delivery: { status: row.deliveryStatus, ...(row.deliveryDetail !== null && { detail: row.deliveryDetail }) },
    generation: row.generation,
    expiresAt: iso(row.expiresAt),
    accessEndsAt: iso(row.accessEndsAt),
    groupIds: row.groupIds,
    additionalOrganizationIds: row.additionalOrganizationIds,
    role: row.role,
    permissions: row.permissions,
    userType: row.userType,
    guestType: row.guestType,
    message: row.message,
    locale: row.locale,
    sponsorId: row.sponsorId,
    redirectUrl: row.redirectUrl,
    invitedBy: toInviter(row),
    createdAt: row.createdAt.toISOString(),
    sentAt: iso(row.sentAt),
    answeredAt: iso(row.answeredAt),
    declineReason: row.declineReason,
    userId: row.status === 'accepted' ? row.accountId : null,
    workflowId: invitationWorkflowId(row.id),
    nextStep: planned && { action: planned.action, at: planned.at.toISOString() },
    externalId: row.externalId,
    metadata: row.metadata,
  };
};

const iso = (date: Date | null): string | null => date?.toISOString() ?? null;

const timelineEvents = [
  'created',
  'sent',
  'delivered',
  'refused',
  'reminded',
  'resent',
  'corrected',
  'accepted',
  'declined',
  'cancelled',
  'expired',
] as const;

export const timeline = z
  .object({
    items: z.array(z.object({ at: time, event: z.enum(timelineEvents), actor })),
    nextStep: step,
  })
  .meta({ id: 'Timeline' });

const actorNames: Record<string, string> = {
  ...inviterNames,
  invitee: 'Invited person',
  operator: 'Operator',
  system: 'Usher',
};

/** // F2 */
export const toTimeline = (row: Invitation, events: AuditEvent[], now: Date): z.infer<typeof timeline> => ({
  items: events.flatMap((event) => {
    const known = timelineEvents.find((name) => event.type === `invitation.${name}`);
    if (!known) return [];
    const displayName = event.actorName ?? actorNames[event.actorType] ?? event.actorType;
    return [
      { at: event.at.toISOString(), event: known, actor: { type: event.actorType, id: event.actorId, displayName } },
    ];
  }),
  nextStep: toInvitation(row, now).nextStep,
});

export const link = z
  .object({ url: z.string(), qrCode: z.object({ png: z.string().describe('data URL'), svg: z.string() }) })
  .meta({ id: 'Link' });

export const openedInvitation = z
  .object({
    organization: z.object({ id, name: z.string(), locale: z.string(), timeZone: z.string() }),
    additionalOrganizations: z.array(z.object({ id, name: z.string() })).describe('Accepted or declined together'),
    inviter: z.object({ displayName: z.string() }),
    kind: z.enum(invitationKinds),
    email: z.string().nullable(),
    username: z.string().nullable(),
    firstName: z.string().nullable(),
    lastName: z.string().nullable(),
    message: z.string().nullable(),
    expiresAt: time,
    locale,
    signInRequired: z.boolean().describe('An account for this address exists: sign in to accept'),
    usernameRequired: z.boolean(),
    passwordPolicy: z.object({ minLength: z.int() }),
  })
  .meta({ id: 'OpenedInvitation' });

export const acceptance = z
  .strictObject({
    firstName: name.optional(),
    lastName: name.optional(),
    username: username.optional(),
    password: z.string().max(1_000).optional().describe('Mandatory for a new account'),
  })
  .meta({ id: 'Acceptance' });

export const refusal = z.strictObject({ reason: paragraphs(1_000).optional() }).meta({ id: 'Refusal' });

export const answered = z
  .object({
    status: z.enum(['accepted', 'declined']),
    organization: z.object({ id, name: z.string() }),
    userId: id.nullable(),
    redirectUrl: z.string().nullable(),
  })
  .meta({ id: 'AnsweredInvitation' });
