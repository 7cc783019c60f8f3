import type { Policy } from './policy';

export const presets = ['guest-portal', 'create-user', '21-days', '28-days', 'licensed-guests'] as const;
export type Preset = (typeof presets)[number];

const common: Policy = {
  invitationLifetime: 'P28D',
  resendAfterExpiry: true,
  onExpiry: 'inactive',
  requiredFields: ['email'],
  deriveUsername: false,
  reminders: [],
  quietHours: null,
  membersMayInviteGuests: true,
  password: { minLength: 8 },
  twoFactor: 'optional',
  guestAccessWarning: 'P7D',
  guestSuspensionAndEndDate: false,
  allowedEmailDomains: null,
  notifyInviter: true,
  notifyInactive: false,
  redirectOrigins: [],
};

/** How each of the five products behaves, as defaults of `policy`. Nothing else in the code knows a preset's name. */
export const presetPolicies: Readonly<Record<Preset, Policy>> = {
  'guest-portal': { ...common, twoFactor: 'email', membersMayInviteGuests: false },
  'create-user': {
    ...common,
    requiredFields: ['email', 'firstName', 'lastName'],
    twoFactor: 'email',
    membersMayInviteGuests: false,
  },
  '21-days': {
    ...common,
    invitationLifetime: 'P21D',
    onExpiry: 'keep-invited',
    requiredFields: ['email', 'firstName', 'lastName'],
    membersMayInviteGuests: false,
  },
  '28-days': { ...common, resendAfterExpiry: false, deriveUsername: true, membersMayInviteGuests: false },
  'licensed-guests': { ...common, requiredFields: [], guestSuspensionAndEndDate: true },
};
