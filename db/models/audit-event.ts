import { BaseModel } from './base-model';

/** What happened, for good: ids and states, no name and no address of anybody. */
export class AuditEvent extends BaseModel {
  static override tableName = 'audit_events';
  static override jsonAttributes = ['data'];

  declare id: string;
  declare organizationId: string;
  declare at: Date;
  declare type: string;
  declare actorType: string;
  declare actorId: string | null;
  declare actorName: string | null;
  declare invitationId: string | null;
  declare accountId: string | null;
  declare data: Record<string, unknown>;
  declare ip: string | null;
  declare userAgent: string | null;
}
