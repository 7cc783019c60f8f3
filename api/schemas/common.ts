import { z } from 'zod';
import { isTimeZone } from '../../domain/calendar-time';
import { parseEmailAddress } from '../../domain/email-address';
import { usernamePattern } from '../../domain/username';

const hasControls = /[\p{Cc}\u2028\u2029]/u;
const hasForbiddenControls = /[^\P{Cc}\n\r\t]/u;

/** One line of text as people type it; not trimmed, not repaired. */
export const line = (max: number) =>
  z
    .string()
    .min(1, 'Must not be empty.')
    .max(max, `May have at most ${max} characters.`)
    .refine((text) => text.trim().length > 0, 'Must not be blank.')
    .refine((text) => !hasControls.test(text), 'Must be one line, without control characters.')
    .refine((text) => text.isWellFormed(), 'Must be valid Unicode.');

/** Text with line breaks. */
export const paragraphs = (max: number) =>
  z
    .string()
    .max(max, `May have at most ${max} characters.`)
    .refine((text) => !hasForbiddenControls.test(text), 'Must not contain control characters.')
    .refine((text) => text.isWellFormed(), 'Must be valid Unicode.');

export const id = z.uuid('Must be a UUID.').toLowerCase();

export const email = z
  .string()
  .transform((text, context) => {
    const parsed = parseEmailAddress(text);
    if ('address' in parsed) return parsed.address;
    context.addIssue({ code: 'custom', message: parsed.fault });
    return z.NEVER;
  })
  .meta({
    description: 'One plain address; an internationalized domain is kept in its ASCII form',
    format: 'idn-email',
  });

export const username = z
  .string()
  .regex(
    usernamePattern,
    'Must have 2 to 64 letters, digits, dots, hyphens or underscores, and begin and end with a letter or digit.',
  )
  // JSON Schema has no flags; its patterns are Unicode ones anyway.
  .meta({ pattern: usernamePattern.source });

export const timeZone = z
  .string()
  .max(64)
  .refine(isTimeZone, 'Must be an IANA time zone like Europe/Berlin.')
  .meta({ example: 'Europe/Berlin' });

export const locale = z
  .string()
  .regex(/^(en|de)(-[A-Z]{2})?$/, 'Must be en or de, also with a country like de-AT.')
  .meta({ example: 'de' });

const isOurAge = (year: number): boolean => Number.isNaN(year) || (year >= 2000 && year <= 9999);

/** An instant with an offset, kept in UTC; of an age that people mean, and that PostgreSQL and JSON write with four digits. */
export const instant = z.iso
  .datetime({ offset: true, error: 'Must be an ISO 8601 time with its offset, like 2027-01-31T12:00:00Z.' })
  .refine((text) => isOurAge(new Date(text).getUTCFullYear()), 'Must be in the years 2000 to 9999.')
  .transform((text) => new Date(text));

/** An instant as answers give it. */
export const time = z.iso.datetime().meta({ description: 'ISO 8601, UTC' });

/** What a list is searched for; PostgreSQL has no NUL. */
export const searchText = (max: number) =>
  z
    .string()
    .min(1)
    .max(max)
    .refine((text) => !text.includes('\0'), 'Must not contain NUL characters.');

export const pageQuery = {
  limit: z.coerce.number().int('Must be a whole number.').min(1).max(200).default(50),
  cursor: z.string().max(500).optional(),
};

export const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

export const organizationParams = z.object({
  organizationId: z.string().meta({ description: 'Id of the organization, or `current`' }),
});
