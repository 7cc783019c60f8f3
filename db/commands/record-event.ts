import type { Actor } from '../../domain/actor';
import type { Transaction } from '../database';
import { AuditEvent } from '../models/audit-event';
import type { Invitation } from '../models/invitation';

export interface NewEvent {
  organizationId: string;
  type: string;
  actor: Actor;
  at?: Date;
  invitationId?: string | null;
  accountId?: string | null;
  /** Ids, states and numbers only. */
  data?: Record<string, unknown>;
}

/** Writes audit events in the command's own transaction: what was not committed did not happen. */
export async function recordEvents(trx: Transaction, ...events: NewEvent[]): Promise<void> {
  await writingEvents(trx, ...events);
}

/** The same, to go along with another statement (`with`). */
export const writingEvents = (trx: Transaction, ...events: NewEvent[]) =>
  AuditEvent.query(trx)
    .insert(
      events.map(({ actor, ...event }) => ({
        ...event,
        data: event.data ?? {},
        actorType: actor.type,
        actorId: actor.id,
        actorName: actor.type === 'user' ? null : actor.name,
        ip: actor.ip ?? null,
        userAgent: actor.userAgent?.slice(0, 300) ?? null,
      })),
    )
    .returning('id');

/** The deadline of an open invitation was moved: mails that were written before name another, and are not copied any more. // E6, F7 */
export const deadlineChanged = (
  { organizationId, id: invitationId, accountId, generation }: Invitation,
  actor: Actor,
  at: Date,
): NewEvent => ({
  ...{ organizationId, invitationId, accountId, actor, at },
  type: 'invitation.edited',
  data: { generation, fields: ['expiresAt'] },
});
