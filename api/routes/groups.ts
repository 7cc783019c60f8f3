import type { z } from 'zod';
import { changeGroup, createGroup, deleteGroup } from '../../db/commands/change-group';
import { putGroupMember, removeGroupMember } from '../../db/commands/change-group-members';
import type { Transaction } from '../../db/database';
import type { Group } from '../../db/models/group';
import { findGroup, type GroupFilter, listGroupMembers, listGroups } from '../../db/queries/find-groups';
import { groupOf } from '../known-groups';
import { type Context, etagOf, ifMatch, type Reply, type RouteSpec } from '../route';
import { id, organizationParams } from '../schemas/common';
import {
  group,
  groupMember,
  groupPage,
  groupPatch,
  groupQuery,
  newGroup,
  toGroup,
  toListedGroup,
} from '../schemas/groups';

const tag = 'Groups';
const base = '/v1/organizations/{organizationId}/groups';
const one = { access: 'organization', resource: groupOf, params: organizationParams.extend({ id }), tag } as const;
const member = { ...one, params: one.params.extend({ userId: id }) } as const;

const idOf = (context: Context): string => context.params.id ?? '';

const shown = async (trx: Transaction, row: Group, { person }: Context) =>
  toGroup(row, await listGroupMembers(trx, row.organizationId, row.id, person));

/** One command, answered with the group as it is afterwards. */
async function answered(context: Context, status: number, run: (trx: Transaction) => Promise<Group>): Promise<Reply> {
  let etag: string | undefined;
  const answer = await context.command(async (trx) => {
    const row = await run(trx);
    etag = etagOf(row);
    return { status, body: await shown(trx, row, context) };
  });
  return { ...answer, ...(etag && { etag }) };
}

export const groupRoutes: RouteSpec[] = [
  {
    method: 'post',
    path: base,
    summary: 'Create a group; a person who does is its first administrator',
    tag,
    access: 'organization',
    action: 'group.create',
    params: organizationParams,
    body: newGroup,
    idempotent: true,
    answers: { 201: { description: 'The group', schema: group } },
    problems: ['GROUP_NAME_TAKEN'],
    async handle(context) {
      const input = context.body as z.infer<typeof newGroup>;
      return context.command(async (trx) => {
        const row = await createGroup(trx, context.organizationId, input, context);
        return { status: 201, body: await shown(trx, row, context) };
      });
    },
  },
  {
    method: 'get',
    path: base,
    summary: 'List the groups that exist for the caller, oldest first: guests see theirs only',
    tag,
    access: 'organization',
    action: 'groups.read',
    params: organizationParams,
    query: groupQuery,
    answers: { 200: { description: 'A page of groups', schema: groupPage } },
    async handle({ read, organizationId, person, query }) {
      const page = await read((trx) => listGroups(trx, organizationId, person, query as GroupFilter));
      return { status: 200, body: { ...page, items: page.items.map(toListedGroup) } };
    },
  },
  {
    ...one,
    method: 'get',
    path: `${base}/{id}`,
    summary: 'Read a group, with who is in it',
    action: 'group.read',
    versioned: true,
    answers: { 200: { description: 'The group', schema: group } },
    handle: (context) =>
      context.read(async (trx) => {
        const row = await findGroup(trx, context.organizationId, idOf(context));
        return { status: 200, body: await shown(trx, row, context), etag: etagOf(row) };
      }),
  },
  {
    ...one,
    method: 'patch',
    path: `${base}/{id}`,
    summary: 'Change a group',
    action: 'group.administer',
    body: groupPatch,
    versioned: true,
    answers: { 200: { description: 'The group', schema: group } },
    problems: ['GROUP_NAME_TAKEN', 'GUEST_GROUP'],
    handle: (context) =>
      answered(context, 200, (trx) => {
        const patch = context.body as z.infer<typeof groupPatch>;
        return changeGroup(trx, context.organizationId, idOf(context), patch, context, ifMatch(context.request));
      }),
  },
  {
    ...one,
    method: 'delete',
    path: `${base}/{id}`,
    summary: 'Delete a group, unless a guest has no other; open invitations lose it',
    action: 'group.administer',
    versioned: true,
    answers: { 204: { description: 'Deleted' } },
    problems: ['GUEST_GROUP', 'GROUP_NEEDED'],
    handle: (context) =>
      context.command(async (trx) => {
        await deleteGroup(trx, context.organizationId, idOf(context), context, ifMatch(context.request));
        return { status: 204, body: null };
      }),
  },
  {
    ...member,
    method: 'put',
    path: `${base}/{id}/members/{userId}`,
    summary: 'Put a user into a group, or change what they are in it',
    action: 'group.administer',
    body: groupMember,
    bodyOptional: true,
    answers: { 200: { description: 'The group', schema: group } },
    problems: ['GUEST_NOT_ADMINISTRATOR', 'STATUS_CONFLICT'],
    handle: (context) =>
      answered(context, 200, (trx) => {
        const { role } = context.body as z.infer<typeof groupMember>;
        const { organizationId, params } = context;
        return putGroupMember(trx, organizationId, idOf(context), params.userId ?? '', role, context);
      }),
  },
  {
    ...member,
    method: 'delete',
    path: `${base}/{id}/members/{userId}`,
    summary: 'Take a user out of a group; a guest keeps the last one',
    action: 'group.administer',
    answers: { 204: { description: 'Not in the group any more' } },
    problems: ['GROUP_NEEDED'],
    handle: (context) =>
      context.command(async (trx) => {
        const { organizationId, params } = context;
        await removeGroupMember(trx, organizationId, idOf(context), params.userId ?? '', context);
        return { status: 204, body: null };
      }),
  },
];
