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
  /** Sessions and reset links of an earlier epoch are dead. */
  declare sessionEpoch: number;
  /** What `current` means in paths; null: the first organization there is. */
  declare currentOrganizationId: string | null;
  declare lastSignInAt: Date | null;
  /** The address that is to be the person's as soon as they confirm it there. */
  declare pendingEmail: string | null;
  /** Reactivated by hand: until then a new password and a sign-in are needed, else the account is inactive again. */
  declare reactivationDeadline: Date | null;
  /** When the password was chosen, of the two. */
  declare reactivationResetAt: Date | null;
  declare version: number;
  declare createdAt: Date;
  declare updatedAt: Date;
}
