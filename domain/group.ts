/** Who sees that a group is there: all members, all members but entered by invitation only, or nobody outside. // D4 */
export const groupVisibilities = ['open', 'private', 'secret'] as const;
export type GroupVisibility = (typeof groupVisibilities)[number];

/** What somebody is in a group. */
export const groupRoles = ['member', 'administrator'] as const;
export type GroupRole = (typeof groupRoles)[number];
