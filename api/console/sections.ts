import type { Action } from '../../domain/permissions';

/** One entry of the console's navigation. It shows only to whom its action is allowed; words: `console.sections.<id>`. */
export interface Section {
  id: string;
  path: string;
  action: Action;
  icon: string;
  group: 'people' | 'records' | 'organization';
}

/** In the order of the navigation. An icon is one of `glyphs.ts`, and no other entry's. */
export const sections: readonly Section[] = [
  { id: 'users', path: '/console/users', action: 'users.read', icon: 'people', group: 'people' },
  {
    id: 'invitations',
    path: '/console/invitations',
    action: 'invitations.manage',
    icon: 'invite',
    group: 'people',
  },
  { id: 'groups', path: '/console/groups', action: 'groups.read', icon: 'groups', group: 'people' },
  { id: 'guests', path: '/console/guests', action: 'guests.manage', icon: 'guest', group: 'people' },
  { id: 'guest-log', path: '/console/guest-log', action: 'logs.read', icon: 'log', group: 'records' },
  { id: 'audit', path: '/console/audit', action: 'logs.read', icon: 'shield', group: 'records' },
  { id: 'emails', path: '/console/emails', action: 'logs.read', icon: 'mail', group: 'records' },
  { id: 'licences', path: '/console/licences', action: 'users.manage', icon: 'seat', group: 'organization' },
  { id: 'settings', path: '/console/settings', action: 'settings.manage', icon: 'settings', group: 'organization' },
  { id: 'policy', path: '/console/policy', action: 'policy.manage', icon: 'rules', group: 'organization' },
  {
    id: 'email-templates',
    path: '/console/email-templates',
    action: 'templates.manage',
    icon: 'template',
    group: 'organization',
  },
  { id: 'branding', path: '/console/branding', action: 'templates.manage', icon: 'palette', group: 'organization' },
  { id: 'api-keys', path: '/console/api-keys', action: 'keys.manage', icon: 'key', group: 'organization' },
  { id: 'figures', path: '/console/figures', action: 'settings.manage', icon: 'figures', group: 'records' },
];

export const sectionGroups = ['people', 'records', 'organization'] as const;
