import type { InvitationKind, Role } from './invitation';

/** A person inside one organization. */
export interface Standing {
  kind: InvitationKind;
  role: Role;
}

const ranks: Record<Role, number> = { member: 0, staff: 1, administrator: 2 };

/** Whether a person may do what needs at least this role; a guest reaches no role, whatever their groups. // A2 */
export const hasRole = ({ kind, role }: Standing, needed: Role): boolean =>
  kind === 'member' && ranks[role] >= ranks[needed];

/**
 * Whether a person may invite: staff invite anybody but staff and administrators, whose roles are an administrator's to
 * give; members invite guests where the organization lets them. // A1, D3
 */
export function mayInvite(
  person: Standing,
  invitation: { kind: InvitationKind; role: Role; permissions: string[] },
  policy: { membersMayInviteGuests: boolean },
): boolean {
  if (invitation.role !== 'member') return hasRole(person, 'administrator');
  if (hasRole(person, 'staff')) return true;
  const plainGuest = invitation.kind === 'guest' && invitation.permissions.length === 0;
  return hasRole(person, 'member') && plainGuest && policy.membersMayInviteGuests;
}
