import type { GroupRole, GroupVisibility } from '../group';
import type { InvitationKind, Role } from '../invitation';

/** What a person is inside one organization. */
export interface Standing {
  kind: InvitationKind;
  role: Role;
  /** Actions that the membership or one of the person's groups grants beyond the role. // C3, E1 */
  permissions: string[];
  groups: { id: string; role: GroupRole }[];
}

/** Who acts: a person, or a key, which counts as administrator of the organization and of every group in it. */
export type Person = Standing | { kind: 'key' };

/** A key of the organization, or the platform's. */
export const keyPerson: Person = { kind: 'key' };

/** Somebody without any right, for routes that belong to no organization. */
export const nobody: Person = { kind: 'guest', role: 'member', permissions: [], groups: [] };

/** A group as far as decisions depend on it. */
export interface GroupResource {
  type: 'group';
  id: string;
  visibility: GroupVisibility;
  /** What the group grants to its members. */
  permissions: string[];
  membersMayInviteGuests: boolean;
  membersMayPublish: boolean;
}

export interface OrganizationResource {
  type: 'organization';
}

/** A person whom another one looks at, or manages. */
export interface UserResource {
  type: 'user';
  /** The very person who acts. */
  self: boolean;
  role: Role;
  /** What they have beyond the role, or will have once they have joined, where somebody wants to manage them. */
  permissions: string[];
  groupIds: string[];
}

export type Resource = OrganizationResource | GroupResource | UserResource;

/** What the organization's policy says. */
export interface DecisionContext {
  membersMayInviteGuests: boolean;
}

/**
 * `ok`, or why not. `secret`: a member may not even know that the group is there; `not-shared`: the same for a guest,
 * whose groups do not include it, or who has none in common with the person; `unknown`: nothing is known of who, where
 * or what; `group-setting`: the group does not let its members.
 */
export type Reason =
  'ok' | 'role' | 'guest' | 'policy' | 'not-in-group' | 'group-setting' | 'secret' | 'not-shared' | 'unknown';

export interface Decision {
  allowed: boolean;
  reason: Reason;
}
