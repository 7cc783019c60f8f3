import type { Action } from '../../domain/permissions';

/** One entry of the console's navigation. It shows only to whom its action is allowed; words: `console.sections.<id>`. */
export interface Section {
  id: string;
  path: string;
  action: Action;
  icon: string;
  group: 'people' | 'records' | 'organization';
}

/** In the order of the navigation. An icon is a shape of `views/console/partials/glyph.hbs`. */
export const sections: readonly Section[] = [
  { id: 'users', path: '/console/users', action: 'users.read', icon: 'people', group: 'people' },
  {
    id: 'invitations',
    path: '/console/invitations',
    action: 'invitations.manage',
    icon: 'mail',
    group: 'people',
  },
  { id: 'figures', path: '/console/figures', action: 'settings.manage', icon: 'figures', group: 'records' },
];

export const sectionGroups = ['people', 'records', 'organization'] as const;
