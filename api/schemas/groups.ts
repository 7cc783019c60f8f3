import { z } from 'zod';
import type { Group } from '../../db/models/group';
import { groupRoles, groupVisibilities } from '../../domain/group';
import { id, line, pageOf, pageQuery, searchText, time } from './common';

const fields = {
  name: line(200),
  visibility: z
    .enum(groupVisibilities)
    .describe('open: any member sees and enters it; private: seen, entered by invitation; secret: not even seen (D4)'),
  permissions: z.array(line(100)).max(100).describe('What its members may, beyond their role; guests never'),
  membersMayInviteGuests: z.boolean(),
  membersMayPublish: z.boolean(),
};

export const newGroup = z
  .strictObject({
    ...fields,
    visibility: fields.visibility.default('open'),
    permissions: fields.permissions.default([]),
    membersMayInviteGuests: fields.membersMayInviteGuests.default(false),
    membersMayPublish: fields.membersMayPublish.default(false),
  })
  .meta({ id: 'NewGroup' });

export const groupPatch = z.strictObject(fields).partial().meta({ id: 'GroupPatch' });

const listed = z.object({
  id,
  name: z.string(),
  visibility: z.enum(groupVisibilities),
  permissions: z.array(z.string()),
  membersMayInviteGuests: z.boolean(),
  membersMayPublish: z.boolean(),
  isGuestGroup: z.boolean().describe('The group that guests are invited into unless another is named'),
  createdAt: time,
});

export const listedGroup = listed.meta({ id: 'ListedGroup' });

export const group = listed
  .extend({ memberIds: z.array(id), administratorIds: z.array(id).describe('Of the group; they are members, too') })
  .meta({ id: 'Group' });

export const groupPage = pageOf(listedGroup).meta({ id: 'GroupPage' });

export const groupQuery = z.strictObject({ ...pageQuery, q: searchText(200).optional() });

export const groupMember = z.strictObject({ role: z.enum(groupRoles).default('member') }).meta({ id: 'GroupMember' });

export const toListedGroup = (row: Group): z.infer<typeof listedGroup> => ({
  id: row.id,
  name: row.name,
  visibility: row.visibility,
  permissions: row.permissions,
  membersMayInviteGuests: row.membersMayInviteGuests,
  membersMayPublish: row.membersMayPublish,
  isGuestGroup: row.isGuestGroup,
  createdAt: row.createdAt.toISOString(),
});

export const toGroup = (row: Group, members: { accountId: string; role: string }[]): z.infer<typeof group> => ({
  ...toListedGroup(row),
  memberIds: members.map(({ accountId }) => accountId),
  administratorIds: members.filter(({ role }) => role === 'administrator').map(({ accountId }) => accountId),
});
