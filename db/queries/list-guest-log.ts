import type { Transaction } from '../database';
import { GuestLogEntry } from '../models/guest-log-entry';
import { containing, type Page, type PageRequest, readCursor, toPage } from './page';

export interface GuestLogFilter extends PageRequest {
  /** Included. */
  from?: Date;
  /** Not included. */
  to?: Date;
  /** A part of the guest's e-mail address, username or name. */
  q?: string;
}

/** Newest first. */
export async function listGuestLog(
  trx: Transaction,
  organizationId: string,
  filter: GuestLogFilter,
): Promise<Page<GuestLogEntry>> {
  const from = readCursor(filter.cursor, [/^\d{1,18}$/]);
  const query = GuestLogEntry.query(trx)
    .select(
      'guest_log.*',
      trx.raw(`case when a.status <> 'erased' then guest_log.name end as name`),
      trx.raw(`case when a.status <> 'erased' then guest_log.email end as email`),
    )
    .join('accounts as a', 'a.id', 'guest_log.accountId')
    .where('guest_log.organizationId', organizationId)
    .orderBy('guest_log.id', 'desc')
    .limit(filter.limit + 1);
  if (from?.[0]) void query.where('guest_log.id', '<', from[0]);
  if (filter.from) void query.where('guest_log.at', '>=', filter.from);
  if (filter.to) void query.where('guest_log.at', '<', filter.to);
  if (filter.q) {
    const pattern = containing(filter.q);
    void query.whereRaw(`a.status <> 'erased' and (guest_log.name ilike ? or guest_log.email ilike ?)`, [
      pattern,
      pattern,
    ]);
  }
  return toPage(
    await query,
    filter.limit,
    (row) => [row.id],
    (row) => row,
  );
}
