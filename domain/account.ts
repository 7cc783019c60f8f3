/** The account itself, as its home sees it. `erased`: deleted, kept for its id. */
export const accountStatuses = ['invited', 'active', 'inactive', 'deactivated', 'erased'] as const;
export type AccountStatus = (typeof accountStatuses)[number];

/** Why a never-active account is inactive; only expiry leaves the door of "forgot password" open. // E8 */
export type InactiveReason = 'expired' | 'cancelled' | 'declined';

/** One organization's own view of a person. */
export type MembershipStatus = 'invited' | 'active' | 'inactive' | 'suspended';

/** What lists say of a user. // C5 */
export const userStatuses = ['invited', 'active', 'inactive', 'deactivated', 'suspended'] as const;
export type UserStatus = (typeof userStatuses)[number];

/** How a person is named wherever Usher names people: "Ada Lovelace (guest)". // D6 */
export function displayName(person: {
  firstName: string | null;
  lastName: string | null;
  username?: string | null;
  email?: string | null;
  kind?: 'member' | 'guest';
}): string {
  const name =
    [person.firstName, person.lastName].filter(Boolean).join(' ') ||
    person.username ||
    person.email ||
    'Unnamed person';
  return person.kind === 'guest' ? `${name} (guest)` : name;
}
