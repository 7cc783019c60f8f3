/** The account itself, as its home sees it. `erased`: deleted, kept for its id. */
export const accountStatuses = ['invited', 'active', 'inactive', 'deactivated', 'erased'] as const;
export type AccountStatus = (typeof accountStatuses)[number];

/** Why a never-active account is inactive; only expiry leaves the door of "forgot password" open. // E8 */
export type InactiveReason = 'expired' | 'cancelled' | 'declined';

/** One organization's own view of a person. */
export type MembershipStatus = 'invited' | 'active' | 'inactive' | 'suspended';

/** The instant decides, not the job: a reactivation that was not used in its day is over at midnight. // E9 */
export const isActive = (account: { status: AccountStatus; reactivationDeadline: Date | null }, now: Date): boolean =>
  account.status === 'active' && (account.reactivationDeadline === null || now < account.reactivationDeadline);

/** Whose new address can be confirmed: an inactive person's too, whom only the right one brings back. // E11 */
export const mayConfirmEmail = ({ status }: { status: AccountStatus }): boolean =>
  status === 'active' || status === 'inactive';

/** Where mail about the account goes: the proved address, or the invited one of somebody who has never been here. */
export const mailedAddress = (account: {
  email: string | null;
  invitedEmail: string | null;
  activatedAt: Date | null;
}): string | null => account.email ?? (account.activatedAt === null ? account.invitedEmail : null);

/** What a reset link is bound to: using it, a new address, and whatever ends all sessions make it void. */
export const resetBinding = (
  account: Parameters<typeof mailedAddress>[0] & { passwordHash: string | null; sessionEpoch: number },
) => [account.passwordHash, mailedAddress(account), account.sessionEpoch];

/** What a confirmation of a new address is bound to; whatever ends all sessions gives up the address that was asked for, too. */
export const confirmationBinding = (account: {
  email: string | null;
  pendingEmail: string | null;
  sessionEpoch: number;
}) => [account.email, account.pendingEmail, account.sessionEpoch];

/** What lists say of a user. // C5 */
export const userStatuses = ['invited', 'active', 'inactive', 'deactivated', 'suspended'] as const;
export type UserStatus = (typeof userStatuses)[number];

/** The words that lists have for users: `users.status` of the catalogue. // B6, C5 */
export type UserStatusWord = 'notSent' | 'invited' | 'invitedExpired' | 'accepted' | Exclude<UserStatus, 'invited'>;

/**
 * What a list says of a user. Where expired invitations stay invited, an expired one is marked as such, and who has come
 * in has accepted. // C5
 */
export function userStatusWord(
  user: { status: UserStatus; invitation: { status: string } | null },
  { onExpiry }: { onExpiry: 'inactive' | 'keep-invited' },
): UserStatusWord {
  const invitation = user.invitation?.status;
  if (user.status === 'invited')
    return invitation === 'expired' ? 'invitedExpired' : invitation === 'draft' ? 'notSent' : 'invited';
  return user.status === 'active' && onExpiry === 'keep-invited' && invitation === 'accepted'
    ? 'accepted'
    : user.status;
}

/** The words of a name, where they are not English. */
export interface NameWords {
  unnamed: string;
  guest: string;
}

/** How a person is named wherever Usher names people: "Ada Lovelace (guest)". // D6 */
export function displayName(
  person: {
    firstName: string | null;
    lastName: string | null;
    username?: string | null;
    email?: string | null;
    kind?: 'member' | 'guest';
  },
  { unnamed, guest }: NameWords = { unnamed: 'Unnamed person', guest: 'guest' },
): string {
  const name =
    [person.firstName, person.lastName].filter(Boolean).join(' ') || person.username || person.email || unnamed;
  return person.kind === 'guest' ? `${name} (${guest})` : name;
}
