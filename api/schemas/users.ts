import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { EditableUser, User } from '../../db/queries/list-users';
import { displayName, userStatuses } from '../../domain/account';
import { invitationKinds, invitationStatuses, roles } from '../../domain/invitation';
import { email, id, line, pageOf, pageQuery, searchText, time, username } from './common';

export const user = z
  .object({
    id,
    email: z.string().nullable(),
    username: z.string().nullable(),
    firstName: z.string().nullable(),
    lastName: z.string().nullable(),
    displayName: z.string(),
    kind: z.enum(invitationKinds),
    status: z.enum(userStatuses),
    role: z.enum(roles),
    groupIds: z.array(id),
    invitation: z.object({ id, status: z.enum(invitationStatuses), expiresAt: time.nullable() }).nullable(),
    reactivationDeadline: time.nullable(),
    accessEndsAt: time.nullable(),
    externalId: z.string().nullable(),
  })
  .meta({ id: 'User' });

export const userPage = pageOf(user).meta({ id: 'UserPage' });

export const userQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(userStatuses).optional(),
  kind: z.enum(invitationKinds).optional(),
  q: searchText(200).optional(),
  groupId: id.optional(),
});

export const toUser = (row: User): z.infer<typeof user> => ({
  id: row.id,
  email: row.email,
  username: row.username,
  firstName: row.firstName,
  lastName: row.lastName,
  displayName: displayName(row),
  kind: row.kind,
  status: row.status,
  role: row.role,
  groupIds: row.groupIds,
  invitation: row.invitation && { ...row.invitation, expiresAt: row.invitation.expiresAt?.toISOString() ?? null },
  reactivationDeadline: row.reactivationDeadline?.toISOString() ?? null,
  accessEndsAt: row.accessEndsAt?.toISOString() ?? null,
  externalId: row.externalId,
});

/** A user is made of several rows; what is shown of them and what may be edited is their version. */
export const userVersion = (row: EditableUser): { version: number } => ({
  version: createHash('sha256')
    .update(JSON.stringify([toUser(row), row.permissions, row.userType, row.sponsorId]))
    .digest()
    .readUIntBE(0, 6),
});

export const userPatch = z
  .strictObject({
    firstName: line(100),
    lastName: line(100),
    email,
    username,
    role: z.enum(roles),
    permissions: z.array(line(100)).max(100),
    userType: line(100).nullable(),
    externalId: line(200).nullable(),
    groupIds: z.array(id).max(200),
  })
  .partial()
  .meta({ id: 'UserPatch' });
