import type { VisitReason } from '../../domain/guest-access';
import { BaseModel } from './base-model';

/** One coming or going of a guest, with who created the invitation. // A8 */
export class GuestLogEntry extends BaseModel {
  static override tableName = 'guest_log';

  declare id: string;
  declare organizationId: string;
  declare accountId: string;
  declare event: 'entry' | 'exit';
  declare reason: VisitReason;
  declare at: Date;
  /** What the guest was called at the time; null also for somebody whose account is erased. */
  declare name: string | null;
  declare email: string | null;
  declare invitedByType: 'user' | 'api-key' | 'platform' | null;
  declare invitedById: string | null;
  declare invitedByName: string | null;
}
