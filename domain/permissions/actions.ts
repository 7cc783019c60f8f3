import {
  administeringGroup,
  anybody,
  askingAbout,
  atLeast,
  either,
  type GroupRule,
  invitingGuests,
  invitingGuestsInto,
  invitingMembersInto,
  lookingInside,
  managing,
  type OrganizationRule,
  publishing,
  reading,
  seeingProfile,
  takingPart,
  trusted,
  type UserRule,
} from './rules';

interface Rules {
  organization?: OrganizationRule;
  group?: GroupRule;
  user?: UserRule;
}

/**
 * Everything that is decided, and on what. A permission string that is named here gives a member what staff may; what
 * administrators keep to themselves, and giving permissions away, no string gives.
 */
export const actions = {
  // Directory and groups
  'users.read': { organization: atLeast('member'), group: reading },
  'users.manage': { organization: trusted('users.manage'), user: managing('users.manage') },
  'profile.read': { user: seeingProfile },
  'orgchart.read': { organization: anybody },
  'groups.read': { organization: anybody },
  'group.create': { organization: trusted('groups.create') },
  'group.read': { group: reading },
  'group.administer': { group: administeringGroup },
  'directory.read': { group: reading },
  'drive.read': { group: lookingInside },
  'discussion.write': { group: takingPart },
  'content.publish': { group: publishing },
  // Invitations
  'guests.invite': { organization: invitingGuests, group: invitingGuestsInto },
  'members.invite': { organization: trusted('members.invite'), group: invitingMembersInto },
  'invitations.create': { organization: either(invitingGuests, trusted('members.invite')) },
  'invitations.manage': {
    organization: trusted('invitations.manage'),
    user: managing('invitations.manage', 'users.manage'),
  },
  // Whoever manages users manages guests as well.
  'guests.manage': {
    organization: trusted('guests.manage', 'users.manage'),
    user: managing('guests.manage', 'users.manage'),
  },
  'logs.read': { organization: trusted('logs.read') },
  // What is given away
  'permissions.give': { organization: atLeast('staff') },
  'roles.give': { organization: atLeast('administrator') },
  // Settings
  'settings.manage': { organization: atLeast('administrator') },
  'policy.manage': { organization: atLeast('administrator') },
  'keys.manage': { organization: atLeast('administrator') },
  'templates.manage': { organization: atLeast('administrator') },
  'webhooks.manage': { organization: atLeast('administrator') },
  'decisions.read': { organization: atLeast('administrator'), user: askingAbout },
} as const satisfies Record<string, Rules>;

export type Action = keyof typeof actions;

/** What host products may ask about their users. // D8, D9 */
export const hostActions: readonly Action[] = [
  'content.publish',
  'drive.read',
  'directory.read',
  'discussion.write',
  'group.read',
  'group.administer',
  'group.create',
  'orgchart.read',
  'guests.invite',
  'members.invite',
  'profile.read',
];
