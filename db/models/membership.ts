import type { InactiveReason, MembershipStatus } from '../../domain/account';
import type { GuestType, InvitationKind, Role } from '../../domain/invitation';
import { BaseModel } from './base-model';

export class Membership extends BaseModel {
  static override tableName = 'memberships';
  static override idColumn = ['organizationId', 'accountId'];

  declare organizationId: string;
  declare accountId: string;
  declare kind: InvitationKind;
  declare role: Role;
  declare status: MembershipStatus;
  declare inactiveReason: InactiveReason | null;
  declare permissions: string[];
  declare userType: string | null;
  declare guestType: GuestType | null;
  declare sponsorId: string | null;
  declare externalId: string | null;
  declare accessEndsAt: Date | null;
  /** When the guest and their host are told of the end; fixed when the end is set. */
  declare accessWarnAt: Date | null;
  declare accessWarnedAt: Date | null;
  /** When the workflow `guest-access` is to be told (again); null: it knows. */
  declare accessTellAt: Date | null;
  /** The newest invitation of this person into this organization. */
  declare invitationId: string | null;
  declare joinedAt: Date | null;
  declare createdAt: Date;
  declare updatedAt: Date;
}
