import type { DeliveryStatus, GuestType, InvitationKind, InvitationStatus, Role } from '../../domain/invitation';
import { BaseModel } from './base-model';

export type InviterType = 'user' | 'api-key' | 'platform';

export class Invitation extends BaseModel {
  static override tableName = 'invitations';
  static override jsonAttributes = ['metadata'];

  declare id: string;
  declare organizationId: string;
  declare accountId: string;
  /** Where else this invitation leads: each has a part of it as a row of its own. // C3 */
  declare additionalOrganizationIds: string[];
  /** Of a part: the invitation with the link, in the organization that sent it. A part has neither mail nor workflow. */
  declare parentId: string | null;
  declare kind: InvitationKind;
  declare status: InvitationStatus;
  /** Which link is the valid one; each new link kills the older ones. 0 while draft. */
  declare generation: number;
  /** Whether the present link went into the inviter's hands: then it proves nothing about the address. */
  declare byHand: boolean;
  declare email: string | null;
  declare username: string | null;
  /** Made of the address: it is settled only when the person comes in, and may get a number then. */
  declare usernameDerived: boolean;
  declare firstName: string | null;
  declare lastName: string | null;
  declare groupIds: string[];
  declare role: Role;
  declare permissions: string[];
  declare userType: string | null;
  declare guestType: GuestType | null;
  declare message: string | null;
  declare locale: string | null;
  declare sponsorId: string | null;
  declare externalId: string | null;
  declare metadata: Record<string, unknown> | null;
  declare redirectUrl: string | null;
  /** The deadline that the inviter asked for; null: the policy's lifetime. */
  declare requestedExpiresAt: Date | null;
  declare accessEndsAt: Date | null;
  declare invitedByType: InviterType;
  declare invitedById: string | null;
  declare invitedByName: string | null;
  /** Start of the present term. */
  declare sentAt: Date | null;
  declare expiresAt: Date | null;
  declare answeredAt: Date | null;
  declare declineReason: string | null;
  declare deliveryStatus: DeliveryStatus;
  declare deliveryDetail: string | null;
  declare deliveryDueAt: Date | null;
  /** When the invited person is reminded in the present term, as far as that is still to come: the earliest first. // F3 */
  declare reminderAt: Date[];
  /** How many reminders of the present term went out. */
  declare remindersSent: number;
  /** Whoever got the present link by mail has complained of that: the address is not mailed, and nobody reminded. // decision 22 */
  declare unwanted: boolean;
  /** When the next step is due, for the watchdog; null: no workflow is needed. */
  declare nextAt: Date | null;
  declare version: number;
  declare createdAt: Date;
  declare updatedAt: Date;
}
