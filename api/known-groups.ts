import type { Transaction } from '../db/database';
import {
  findGroupResource,
  findUserResource,
  groupResource,
  keepVisible,
  lookForGroup,
} from '../db/queries/find-groups';
import { listUsers, type User, type UserFilter } from '../db/queries/list-users';
import { type AuditFilter, listAuditEvents } from '../db/queries/list-audit-events';
import type { AuditEvent } from '../db/models/audit-event';
import type { Page } from '../db/queries/page';
import { decide, type GroupResource, type Resource, theOrganization } from '../domain/permissions';
import type { Context } from './route';
import { id as uuid } from './schemas/common';

/** The group of the path. @throws Problem NOT_FOUND */
export const groupOf = ({ services, organizationId, params }: Context): Promise<GroupResource> =>
  findGroupResource(services.database, organizationId, params.id ?? '');

/** The person of the path, as another one looks at them. @throws Problem NOT_FOUND */
export const profileOf = ({ read, organizationId, params, caller }: Context): Promise<Resource> =>
  read((trx) => findUserResource(trx, organizationId, params.id ?? '', caller?.type === 'user' ? caller.id : null));

/** Whose directory is asked for: that of a group which the caller knows of, or the whole organization's. // D7, D8 */
export async function directoryOf({ read, organizationId, request, person }: Context): Promise<Resource> {
  const groupId = uuid.safeParse(request.query.groupId);
  if (!groupId.success) return theOrganization;
  const group = await read((trx) => lookForGroup(trx, organizationId, groupId.data));
  if (!group) return theOrganization;
  const resource = groupResource(group);
  return decide(person, 'group.read', resource).allowed ? resource : theOrganization;
}

/** A page of users as the caller may see them; a group that the caller does not know of has nobody in it. // D4, D9 */
export async function listKnownUsers(context: Context, filter: UserFilter): Promise<Page<User>> {
  const directory = await directoryOf(context);
  if (filter.groupId !== undefined && directory.type !== 'group') return { items: [], nextCursor: null };
  return context.read(async (trx) => {
    const page = await listUsers(trx, context.organizationId, { ...filter, joined: context.person.kind === 'guest' });
    return { ...page, items: await withKnownGroups(trx, context, page.items) };
  });
}

/** What happened, without what groups did that do not exist for the caller; nor the ids of those that are no more. // D4 */
export const listKnownEvents = (
  { read, organizationId, person }: Context,
  filter: AuditFilter,
): Promise<Page<AuditEvent>> =>
  read(async (trx) => {
    const page = await listAuditEvents(trx, organizationId, person, filter);
    const ids = page.items.flatMap(({ data: { groupId } }) => (typeof groupId === 'string' ? [groupId] : []));
    const known = await keepVisible(trx, organizationId, person, ids);
    for (const event of page.items) {
      const { groupId, ...data } = event.data;
      if (typeof groupId === 'string' && !known.has(groupId)) event.data = data;
    }
    return page;
  });

/** The same with only those groups that exist for the caller. // D4, D9 */
export async function withKnownGroups<T extends { groupIds: string[] }>(
  trx: Transaction,
  { organizationId, person }: Pick<Context, 'organizationId' | 'person'>,
  rows: T[],
): Promise<T[]> {
  const known = await keepVisible(
    trx,
    organizationId,
    person,
    rows.flatMap(({ groupIds }) => groupIds),
  );
  return rows.map((row) => ({ ...row, groupIds: row.groupIds.filter((id) => known.has(id)) }));
}
