import { z } from 'zod';
import type { GuestLogEntry } from '../../db/models/guest-log-entry';
import { displayName, userStatuses } from '../../domain/account';
import { visitReasons } from '../../domain/guest-access';
import { actor, toInviter } from './invitations';
import { id, instant, pageOf, pageQuery, searchText, time } from './common';

export const guestQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(userStatuses).optional(),
  q: searchText(200).optional(),
  groupId: id.optional(),
});

export const guestPatch = z
  .strictObject({
    groupIds: z.array(id).min(1, 'A guest is in one group at least.').max(200),
    accessEndsAt: instant.nullable(),
    sponsorId: id.nullable(),
  })
  .partial()
  .meta({ id: 'GuestPatch' });

export const guestLogQuery = z.strictObject({
  ...pageQuery,
  from: instant.optional(),
  to: instant.optional(),
  q: searchText(200).optional(),
});

export const guestVisit = z
  .object({
    userId: id,
    displayName: z.string(),
    event: z.enum(['entry', 'exit']),
    reason: z.enum(visitReasons),
    at: time,
    invitedBy: actor.nullable(),
  })
  .meta({ id: 'GuestVisit' });

export const guestLogPage = pageOf(guestVisit).meta({ id: 'GuestLogPage' });

export const toGuestVisit = (row: GuestLogEntry): z.infer<typeof guestVisit> => ({
  userId: row.accountId,
  displayName: displayName({ firstName: row.name, lastName: null, email: row.email, kind: 'guest' }),
  event: row.event,
  reason: row.reason,
  at: row.at.toISOString(),
  invitedBy:
    row.invitedByType &&
    toInviter({ invitedByType: row.invitedByType, invitedById: row.invitedById, invitedByName: row.invitedByName }),
});

export const guestLogColumns = [
  'at',
  'userId',
  'displayName',
  'event',
  'reason',
  'invitedByType',
  'invitedById',
  'invitedBy',
];

export function toGuestLogRow(row: GuestLogEntry): (string | null)[] {
  const { at, userId, displayName: name, event, reason, invitedBy } = toGuestVisit(row);
  return [
    at,
    userId,
    name,
    event,
    reason,
    invitedBy?.type ?? null,
    invitedBy?.id ?? null,
    invitedBy?.displayName ?? null,
  ];
}
