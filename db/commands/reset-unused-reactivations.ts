import { systemActor } from '../../domain/actor';
import { type Database, readClock } from '../database';
import { Account } from '../models/account';
import { endSessions } from './change-own-account';
import { accountEvent } from './sign-in';

/**
 * Everyone who was reactivated by hand and has not both chosen a password and signed in by the end of that day is inactive
 * again. It goes by the instant that was stored, so it catches up after an outage, and does each account once. // E9
 * @returns how many were reset
 */
export async function resetUnusedReactivations(database: Database): Promise<number> {
  let reset = 0;
  for (;;) {
    const due = await Account.query(database)
      .select('id', 'homeOrganizationId')
      .whereRaw('reactivation_deadline <= usher_now()')
      .limit(500);
    for (const account of due) {
      reset += await accountEvent(database, account, 'account.reactivation-unused', systemActor, async (trx) => {
        const locked = await Account.query(trx).findById(account.id).forUpdate().throwIfNotFound();
        const now = await readClock(trx);
        if (!locked.reactivationDeadline || locked.reactivationDeadline > now) return 0;
        await locked.$query(trx).patch({
          ...(locked.status === 'active' && { status: 'inactive' as const }),
          reactivationDeadline: null,
          reactivationResetAt: null,
          pendingEmail: null,
          sessionEpoch: locked.sessionEpoch + 1,
          version: locked.version + 1,
          updatedAt: now,
        });
        await endSessions(trx, locked.id);
        return 1;
      });
    }
    if (due.length < 500) return reset;
  }
}
