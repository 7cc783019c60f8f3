import type { Logger } from 'pino';
import type { Database } from '../db/database';
import type { KeyRing } from '../domain/token';
import type { MailAnnouncer } from '../relay/account-mails';
import type { Announcer } from '../relay/announcer';

/** What the API is built from; made once, in the composition root. */
export interface Services {
  database: Database;
  announcer: Announcer;
  mails: MailAnnouncer;
  keys: KeyRing;
  baseUrl: string;
  platformKey: string;
  rateLimits: boolean;
  /** Mails that one organization may have sent in an hour. */
  mailsPerHour: number;
  /** Of the mail provider; null: it may report nothing. */
  dsnKey: string | null;
  trustProxy: number;
  logger: Logger;
  /** For `/readyz`. @throws when Temporal does not answer */
  checkTemporal: () => Promise<void>;
  version: string;
}
