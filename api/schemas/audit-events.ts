import { z } from 'zod';
import type { AuditEvent } from '../../db/models/audit-event';
import { id, instant, pageOf, pageQuery, searchText, time } from './common';

export const auditEvent = z
  .object({
    id: z.string(),
    at: time,
    type: z.string(),
    actor: z.object({ type: z.string(), id: id.nullable(), displayName: z.string().nullable() }),
    invitationId: id.nullable(),
    userId: id.nullable(),
    data: z.record(z.string(), z.unknown()),
    ip: z.string().nullable(),
    userAgent: z.string().nullable(),
  })
  .meta({ id: 'AuditEvent' });

export const auditEventPage = pageOf(auditEvent).meta({ id: 'AuditEventPage' });

export const auditEventQuery = z.strictObject({
  ...pageQuery,
  invitationId: id.optional(),
  userId: id.optional(),
  actorId: id.optional().describe('Whoever did it: a person or a key'),
  type: searchText(100).optional(),
  from: instant.optional().describe('From this time on'),
  to: instant.optional().describe('Before this time'),
});

export const toAuditEvent = (row: AuditEvent): z.infer<typeof auditEvent> => ({
  id: row.id,
  at: row.at.toISOString(),
  type: row.type,
  actor: { type: row.actorType, id: row.actorId, displayName: row.actorName },
  invitationId: row.invitationId,
  userId: row.accountId,
  data: row.data,
  ip: row.ip,
  userAgent: row.userAgent,
});

export const auditEventColumns = [
  'id',
  'at',
  'type',
  'actorType',
  'actorId',
  'actorName',
  'invitationId',
  'userId',
  'ip',
  'userAgent',
  'data',
];

export const toAuditRow = (row: AuditEvent): (string | null)[] => [
  row.id,
  row.at.toISOString(),
  row.type,
  row.actorType,
  row.actorId,
  row.actorName,
  row.invitationId,
  row.accountId,
  row.ip,
  row.userAgent,
  JSON.stringify(row.data),
];
