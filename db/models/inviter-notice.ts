import type { NoticeEvent } from '../../domain/inviter-notice';
import { BaseModel } from './base-model';

/** Something that an inviter has to hear of one of their invitations. */
export class InviterNotice extends BaseModel {
  static override tableName = 'inviter_notices';

  declare id: string;
  declare organizationId: string;
  declare inviterId: string;
  declare invitationId: string;
  declare generation: number;
  declare event: NoticeEvent;
  /** The reason that was given, or what the mail server said. */
  declare detail: string | null;
  /** The mail that did not arrive, where that is what happened. */
  declare aboutMailId: string | null;
  declare at: Date;
  /** The one mail that tells of it; null: not decided yet. */
  declare mailId: string | null;
}
