import { hasText } from '../../i18n';
import type { Page } from './page';

/** What Usher itself understands; any other permission is for the host product. See domain/permissions/actions.ts. */
export const knownPermissions = [
  'members.invite',
  'guests.invite',
  'invitations.manage',
  'users.manage',
  'guests.manage',
  'groups.create',
  'groups.manage',
  'logs.read',
] as const;

const isKnown = (permission: string): boolean => (knownPermissions as readonly string[]).includes(permission);

/** A permission in words; one of the host product's by its own name. */
export function permissionName(page: Page, permission: string): string {
  const key = `console.permissions.${permission}`;
  return isKnown(permission) && hasText(page.locale, key) ? page.t(key) : permission;
}

export const permissionChoices = (page: Page) =>
  knownPermissions.map((value) => ({ value, label: permissionName(page, value) }));

/** Those that have a box of their own, and the rest, one per line. */
export const splitPermissions = (permissions: readonly string[]) => ({
  known: permissions.filter(isKnown),
  others: permissions.filter((permission) => !isKnown(permission)),
});

export const lines = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter(Boolean);
