import { z } from 'zod';
import { isLifetime } from './calendar-time';
import { longestPassword, shortestPassword } from './password';

export const lifetime = z
  .string()
  .refine(isLifetime, 'Must be an ISO 8601 duration of whole numbers from one second (PT1S) to P365D.')
  .meta({ description: 'ISO 8601 duration; date parts keep the local time of the organization', example: 'P28D' });

const clockTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'Must be a time like 22:00.');

const domainName = z
  .string()
  .max(253)
  .regex(
    /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])$/,
    'Must be a domain in lower case, like example.com.',
  );

const origin = z
  .string()
  .max(300)
  .refine((text) => {
    if (!URL.canParse(text)) return false;
    const url = new URL(text);
    return /^https?:$/.test(url.protocol) && url.origin === text;
  }, 'Must be an origin like https://app.example.com, without path.');

/** What an organization decides about its invitations and accounts. A preset is a set of defaults for it. */
export const policySchema = z.strictObject({
  invitationLifetime: lifetime.describe('How long a link is valid, from its sending'),
  resendAfterExpiry: z.boolean().describe('Whether an expired invitation may be sent again (C7, E10)'),
  onExpiry: z.enum(['inactive', 'keep-invited']).describe('What becomes of a never-active account (E7, C5)'),
  requiredFields: z
    .array(z.enum(['email', 'firstName', 'lastName']))
    .max(3)
    .describe('Mandatory in an invitation (B1)'),
  deriveUsername: z.boolean().describe('Whether a missing username is derived from the e-mail address'),
  reminders: z
    .array(lifetime)
    .max(10)
    .describe('Literal durations before the deadline; those not shorter than the term are dropped'),
  quietHours: z
    .strictObject({ from: clockTime, to: clockTime })
    .nullable()
    .describe("The organization's night, without reminders"),
  membersMayInviteGuests: z.boolean(),
  password: z.strictObject({
    minLength: z
      .int()
      .min(shortestPassword)
      .max(longestPassword / 2),
  }),
  twoFactor: z.enum(['optional', 'email', 'app']),
  guestAccessWarning: lifetime.nullable().describe('How long before the end of temporary access a warning goes out'),
  guestSuspensionAndEndDate: z.boolean(),
  allowedEmailDomains: z.array(domainName).max(500).nullable().describe('null: every domain (F11)'),
  notifyInviter: z.boolean().describe('Whether inviters get a mail about what became of their invitations (F11)'),
  notifyInactive: z
    .boolean()
    .describe('Whether people get a mail when their account becomes inactive, with the way back (E7, E9)'),
  redirectOrigins: z.array(origin).max(50).describe("Origins that an invitation's redirectUrl may point to (F12)"),
});

export type Policy = z.infer<typeof policySchema>;
