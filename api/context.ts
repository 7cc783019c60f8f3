import type { Logger } from 'pino';
import type { Database } from '../db/database';
import type { KeyRing } from '../domain/token';
import type { MailAnnouncer } from '../relay/account-mails';
import type { Announcer } from '../relay/announcer';
import type { ScheduleState } from '../relay/schedules';
import type { LiveHub } from './live/hub';

/** What the API is built from; made once, in the composition root. */
export interface Services {
  database: Database;
  announcer: Announcer;
  mails: MailAnnouncer;
  /** Who watches what, for pages that refresh by themselves. */
  live: LiveHub;
  keys: KeyRing;
  baseUrl: string;
  platformKey: string;
  rateLimits: boolean;
  trustProxy: number;
  logger: Logger;
  /** For `/readyz`. @throws when Temporal does not answer */
  checkTemporal: () => Promise<void>;
  /** When the job that resets unused reactivations ran last. @throws when Temporal does not answer */
  describeSchedule: () => Promise<ScheduleState>;
  version: string;
}
