import { asSystem, type Database } from '../database';

export interface GuestMark {
  organizationId: string;
  accountId: string;
  /** Whether there is anything to wait for, so that a run is to exist. */
  open: boolean;
  tellAt: Date;
}

/** Takes up to `limit` guests whose workflow is to look again, for `leaseMs`; other relays pass over them. */
export function leaseGuestMarks(database: Database, limit: number, leaseMs: number): Promise<GuestMark[]> {
  return asSystem(database, async (trx) => {
    const { rows } = await trx.raw<{
      rows: { organization_id: string; account_id: string; open: boolean; access_tell_at: Date }[];
    }>(
      `with due as (
         select organization_id, account_id from memberships where access_tell_at <= usher_now()
         order by access_tell_at limit ? for update skip locked
       )
       update memberships m set access_tell_at = usher_now() + ? * interval '1 millisecond' from due
       where m.organization_id = due.organization_id and m.account_id = due.account_id
       returning m.organization_id, m.account_id, m.access_tell_at,
         m.access_ends_at is not null and m.status in ('active', 'suspended') as open`,
      [limit, leaseMs],
    );
    return rows.map((row) => ({
      organizationId: row.organization_id,
      accountId: row.account_id,
      open: row.open,
      tellAt: row.access_tell_at,
    }));
  });
}

/** The same for guests who have been removed: their row is gone, and their run has nothing to wait for any more. */
export function leaseRemovedGuests(database: Database, limit: number, leaseMs: number): Promise<GuestMark[]> {
  return asSystem(database, async (trx) => {
    const { rows } = await trx.raw<{ rows: { organization_id: string; account_id: string; tell_at: Date }[] }>(
      `with due as (
         select organization_id, account_id from removed_guests where tell_at <= usher_now()
         order by tell_at limit ? for update skip locked
       )
       update removed_guests r set tell_at = usher_now() + ? * interval '1 millisecond' from due
       where r.organization_id = due.organization_id and r.account_id = due.account_id
       returning r.organization_id, r.account_id, r.tell_at`,
      [limit, leaseMs],
    );
    return rows.map((row) => ({
      organizationId: row.organization_id,
      accountId: row.account_id,
      open: false,
      tellAt: row.tell_at,
    }));
  });
}

/** Temporal knows, unless the guest has come back and was removed again since. */
export function clearRemovedGuest(database: Database, { organizationId, accountId, tellAt }: GuestMark): Promise<void> {
  return asSystem(database, async (trx) => {
    await trx.raw('delete from removed_guests where organization_id = ? and account_id = ? and tell_at = ?', [
      organizationId,
      accountId,
      tellAt,
    ]);
  });
}

/** Temporal knows, unless a newer command has marked the guest since. */
export function clearGuestMark(database: Database, { organizationId, accountId, tellAt }: GuestMark): Promise<void> {
  return asSystem(database, async (trx) => {
    await trx.raw(
      `update memberships set access_tell_at = null
       where organization_id = ? and account_id = ? and access_tell_at = ?`,
      [organizationId, accountId, tellAt],
    );
  });
}

/** The watchdog: guests whose access should have ended so long ago, as after a lost run. @returns how many were marked */
export function markOverdueGuests(database: Database, graceMs: number, limit: number): Promise<number> {
  return asSystem(database, async (trx) => {
    const { rowCount } = await trx.raw<{ rowCount: number }>(
      `update memberships set access_tell_at = usher_now() where (organization_id, account_id) in (
         select organization_id, account_id from memberships
         where access_ends_at < usher_now() - ? * interval '1 millisecond' and access_tell_at is null
           and status in ('active', 'suspended') limit ?)`,
      [graceMs, limit],
    );
    return rowCount;
  });
}
