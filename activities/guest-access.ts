import { ApplicationFailure } from '@temporalio/activity';
import type { Logger } from 'pino';
import { type AccessPlan, endGuestAccess, planGuestAccess, warnOfAccessEnd } from '../db/commands/guest-access';
import { type Database, inOrganization, type Transaction } from '../db/database';
import type { GuestAccessStep } from '../domain/guest-access';

/** Ids only: everything else is read from the row. */
export interface Guest {
  organizationId: string;
  accountId: string;
}

/** The next step, relative by the database's clock; null: the access has no end, or there is none any more. */
export interface AccessAnswer {
  action: GuestAccessStep['action'] | null;
  at: string | null;
  inMs: number;
}

export interface GuestAccessActivities {
  planGuestAccess(guest: Guest): Promise<AccessAnswer>;
  /** Mails the guest and their host, once. */
  warnOfAccessEnd(guest: Guest): Promise<AccessAnswer>;
  endGuestAccess(guest: Guest): Promise<AccessAnswer>;
}

export function createGuestAccessActivities(database: Database, logger: Logger): GuestAccessActivities {
  const step =
    (name: string, command: (trx: Transaction, guest: Guest) => Promise<AccessPlan>) =>
    async (guest: Guest): Promise<AccessAnswer> => {
      try {
        const { step: next, now } = await inOrganization(database, guest.organizationId, (trx) => command(trx, guest));
        if (!next) return { action: null, at: null, inMs: 0 };
        return { action: next.action, at: next.at.toISOString(), inMs: next.at.getTime() - now.getTime() };
      } catch (error) {
        logger.error({ err: error, ...guest }, `${name} failed`);
        throw ApplicationFailure.create({ message: `${name} failed; the log says why` });
      }
    };
  return {
    planGuestAccess: step('planGuestAccess', planGuestAccess),
    warnOfAccessEnd: step('warnOfAccessEnd', warnOfAccessEnd),
    endGuestAccess: step('endGuestAccess', endGuestAccess),
  };
}
