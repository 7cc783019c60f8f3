import { z } from 'zod';
import type { AuditEvent } from '../../db/models/audit-event';
import { id, pageOf, pageQuery, searchText, time } from './common';

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
  type: searchText(100).optional(),
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
