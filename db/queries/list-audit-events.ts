import { knownGroups, type Person } from '../../domain/permissions';
import type { Transaction } from '../database';
import { AuditEvent } from '../models/audit-event';
import { type Page, type PageRequest, readCursor, toPage } from './page';

export interface AuditFilter extends PageRequest {
  invitationId?: string;
  userId?: string;
  /** Whoever did it: a person or a key. */
  actorId?: string;
  type?: string;
  /** From this instant on. */
  from?: Date;
  /** Before this instant. */
  to?: Date;
}

/** Newest first, without what happened to groups that are, or were to their end, secret to the person. // D4 */
export async function listAuditEvents(
  trx: Transaction,
  organizationId: string,
  person: Person,
  filter: AuditFilter,
): Promise<Page<AuditEvent>> {
  const from = readCursor(filter.cursor, [/^\d{1,18}$/]);
  const query = AuditEvent.query(trx)
    .where({ organizationId })
    .orderBy('id', 'desc')
    .limit(filter.limit + 1);
  const { visibilities, ids } = knownGroups(person);
  if (!visibilities.includes('secret'))
    void query.whereRaw(
      `not (data->>'groupId' is not null and (
         exists (select from groups g where g.id = (data->>'groupId')::uuid
           and g.visibility <> all(:visibilities) and g.id <> all(:ids))
         or exists (select from audit_events gone where gone.organization_id = audit_events.organization_id
           and gone.type = 'group.deleted' and gone.data->>'groupId' = audit_events.data->>'groupId'
           and gone.data->>'visibility' <> all(:visibilities))))`,
      { visibilities, ids },
    );
  if (from?.[0]) void query.where('id', '<', from[0]);
  if (filter.invitationId) void query.where('invitationId', filter.invitationId);
  if (filter.userId) void query.where('accountId', filter.userId);
  if (filter.actorId) void query.where('actorId', filter.actorId);
  if (filter.type) void query.where('type', filter.type);
  if (filter.from) void query.where('at', '>=', filter.from);
  if (filter.to) void query.where('at', '<', filter.to);
  return toPage(
    await query,
    filter.limit,
    (row) => [row.id],
    (row) => row,
  );
}
