import type { AccountStatus, InactiveReason } from '../../domain/account';
import { BaseModel } from './base-model';

/** One per person in the whole deployment; an organization reads it only through its own membership. */
export class Account extends BaseModel {
  static override tableName = 'accounts';

  declare id: string;
  /** Whose owner has shown that it is theirs, by a link that was mailed to it. */
  declare email: string | null;
  /** What an inviter has written; proves nothing. */
  declare invitedEmail: string | null;
  declare username: string | null;
  declare firstName: string | null;
  declare lastName: string | null;
  declare locale: string | null;
  declare passwordHash: string | null;
  declare status: AccountStatus;
  declare inactiveReason: InactiveReason | null;
  declare homeOrganizationId: string | null;
  /** When the person first set a password; null: never active. */
  declare activatedAt: Date | null;
  declare version: number;
  declare createdAt: Date;
  declare updatedAt: Date;
}
