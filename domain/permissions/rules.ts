import type { Role } from '../invitation';
import type { DecisionContext, GroupResource, Reason, Standing, UserResource } from './person';

const ranks: Record<Role, number> = { member: 0, staff: 1, administrator: 2 };

export type OrganizationRule = (person: Standing, context: DecisionContext) => Reason;
export type GroupRule = (person: Standing, group: GroupResource, context: DecisionContext) => Reason;
export type UserRule = (person: Standing, user: UserResource) => Reason;

/** A guest reaches no role, whatever the rows say. // A2 */
const hasRole = ({ kind, role }: Standing, needed: Role): boolean => kind === 'member' && ranks[role] >= ranks[needed];

/** Staff, or a member to whom this very action was given beyond the role; never a guest. // A1, C3 */
const isTrusted = (person: Standing, permission: string): boolean =>
  hasRole(person, 'staff') || (person.kind === 'member' && person.permissions.includes(permission));

const isIn = (person: Standing, group: GroupResource): boolean => person.groups.some(({ id }) => id === group.id);

/** A guest is no group administrator, whatever the rows say. // D9 */
const administers = (person: Standing, group: GroupResource): boolean =>
  person.kind === 'member' && person.groups.some(({ id, role }) => id === group.id && role === 'administrator');

const lacking = (person: Standing, reason: Reason): Reason => (person.kind === 'guest' ? 'guest' : reason);

// Of organizations.

export const anybody: OrganizationRule = () => 'ok';

export const atLeast =
  (role: Role): OrganizationRule =>
  (person) =>
    hasRole(person, role) ? 'ok' : lacking(person, 'role');

/** Staff and administrators, and members who were given one of the permissions. */
export const trusted =
  (...permissions: string[]): OrganizationRule =>
  (person) =>
    permissions.some((permission) => isTrusted(person, permission)) ? 'ok' : lacking(person, 'role');

/** All members where the policy lets them; whoever is trusted, and group administrators, in any case. // A1, D3, D9 */
export const invitingGuests: OrganizationRule = (person, { membersMayInviteGuests }) => {
  if (person.kind === 'guest') return 'guest';
  if (membersMayInviteGuests || isTrusted(person, 'guests.invite')) return 'ok';
  return person.groups.some(({ role }) => role === 'administrator') ? 'ok' : 'policy';
};

export const either =
  (...rules: OrganizationRule[]): OrganizationRule =>
  (person, context) => {
    const reasons = rules.map((rule) => rule(person, context));
    return reasons.find((reason) => reason === 'ok') ?? reasons[0] ?? 'role';
  };

// Of groups. Each of them holds only for who may know of the group at all.

/** A member sees every group but the secret ones of others; a guest only their own. // D4, D9 */
export const reading: GroupRule = (person, group) => {
  if (isIn(person, group)) return 'ok';
  if (person.kind === 'guest') return 'not-shared';
  return group.visibility === 'secret' ? 'secret' : 'ok';
};

const seen =
  (rule: GroupRule): GroupRule =>
  (person, group, context) => {
    const reason = reading(person, group, context);
    return reason === 'ok' ? rule(person, group, context) : reason;
  };

/** What is in a group: its own people, and in an open one every member. // D8, D9 */
export const lookingInside = seen((person, group) =>
  isIn(person, group) || group.visibility === 'open' ? 'ok' : 'not-in-group',
);

export const takingPart = seen((person, group) => (isIn(person, group) ? 'ok' : 'not-in-group'));

/** Group administrators always, others of the group where it lets them. // D8 */
export const publishing = seen((person, group) => {
  if (administers(person, group)) return 'ok';
  if (!isIn(person, group)) return 'not-in-group';
  return group.membersMayPublish ? 'ok' : 'group-setting';
});

/**
 * Group administrators; the organization's staff and administrators for open groups and those that they are in. Whoever
 * is trusted by a permission only does not hand out by a group what they may not hand out themselves. // D4
 */
const administering =
  (permission: string): GroupRule =>
  (person, group) => {
    if (person.kind === 'guest') return 'guest';
    if (administers(person, group)) return 'ok';
    if (!isTrusted(person, permission)) return 'role';
    if (!hasRole(person, 'staff') && group.permissions.length > 0) return 'role';
    return group.visibility === 'open' || isIn(person, group) ? 'ok' : 'not-in-group';
  };

export const administeringGroup = seen(administering('groups.manage'));

/** A group administrator who may invite nobody as member does not by the group. */
export const invitingMembersInto = seen((person, group, context) => {
  if (!isTrusted(person, 'members.invite')) return lacking(person, 'role');
  return administering('members.invite')(person, group, context);
});

/** Whoever administers the group in this respect, and its members (of an open one: all members) where both let them. // D3, D4 */
export const invitingGuestsInto = seen((person, group, context) => {
  if (person.kind === 'guest') return 'guest';
  if (administers(person, group)) return 'ok';
  const inside = isIn(person, group) || group.visibility === 'open';
  if (isTrusted(person, 'guests.invite')) return inside ? 'ok' : 'not-in-group';
  if (!inside) return 'not-in-group';
  if (!context.membersMayInviteGuests) return 'policy';
  return group.membersMayInviteGuests ? 'ok' : 'group-setting';
});

// Of people.

/** Members see everybody, guests who shares a group with them. // D8, D9 */
export const seeingProfile: UserRule = (person, user) => {
  if (user.self || person.kind === 'member') return 'ok';
  return person.groups.some(({ id }) => user.groupIds.includes(id)) ? 'ok' : 'not-shared';
};

/** Nobody manages those who stand above them, or lets in with more than they have themselves. */
export const managing =
  (...permissions: string[]): UserRule =>
  (person, user) => {
    const has = (permission: string) => isTrusted(person, permission);
    const above = !hasRole(person, user.role) || !user.permissions.every(has);
    return permissions.some(has) && !above ? 'ok' : lacking(person, 'role');
  };

/** About themselves people may ask anything. */
export const askingAbout: UserRule = (person, user) =>
  user.self || hasRole(person, 'administrator') ? 'ok' : lacking(person, 'role');
