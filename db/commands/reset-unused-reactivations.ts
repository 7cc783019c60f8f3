import { mailedAddress } from '../../domain/account';
import { systemActor } from '../../domain/actor';
import { staleMs } from '../../domain/inviter-notice';
import { type Database, readClock, type Transaction } from '../database';
import { Account } from '../models/account';
import { Organization } from '../models/organization';
import { requestAccountMail } from './account-mail';
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
        // Patching changes the object, too.
        const wasActive = locked.status === 'active';
        await locked.$query(trx).patch({
          ...(wasActive && { status: 'inactive' as const }),
          reactivationDeadline: null,
          reactivationResetAt: null,
          pendingEmail: null,
          sessionEpoch: locked.sessionEpoch + 1,
          version: locked.version + 1,
          updatedAt: now,
        });
        await endSessions(trx, locked.id);
        if (wasActive) await tellInactive(trx, locked, now);
        return 1;
      });
    }
    if (due.length < 500) return reset;
  }
}

/** Where the home's policy wants it, the person hears of the way that needs no administrator. // E8, E9 */
async function tellInactive(trx: Transaction, account: Account, now: Date): Promise<void> {
  const { id: accountId, homeOrganizationId } = account;
  const recipient = mailedAddress(account);
  if (!homeOrganizationId || recipient === null) return;
  const { policy } = await Organization.query(trx).findById(homeOrganizationId).throwIfNotFound();
  if (!policy.notifyInactive) return;
  const deadline = new Date(now.getTime() + staleMs);
  await requestAccountMail(trx, { type: 'account-inactive', recipient, accountId, deadline }, now, 0);
}
