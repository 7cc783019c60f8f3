import type { GroupRole, GroupVisibility } from '../../domain/group';
import { BaseModel } from './base-model';

export class Group extends BaseModel {
  static override tableName = 'groups';

  declare id: string;
  declare organizationId: string;
  declare name: string;
  declare isGuestGroup: boolean;
  declare visibility: GroupVisibility;
  /** Given to everybody in it but guests. */
  declare permissions: string[];
  declare membersMayInviteGuests: boolean;
  declare membersMayPublish: boolean;
  declare version: number;
  declare createdAt: Date;
}

export class GroupMember extends BaseModel {
  static override tableName = 'group_members';
  static override idColumn = ['groupId', 'accountId'];

  declare organizationId: string;
  declare groupId: string;
  declare accountId: string;
  declare role: GroupRole;
  declare createdAt: Date;
}
