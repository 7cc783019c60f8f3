import type { Pool } from '../../domain/seats';
import { readClock, type Transaction } from '../database';
import { seatHolders } from './count-seats';
import { instantPattern, type Page, type PageRequest, readCursor, toPage, uuidPattern } from './page';

export interface SeatHolder {
  id: string;
  email: string | null;
  username: string | null;
  firstName: string | null;
  lastName: string | null;
  kind: 'member' | 'guest';
  /** Has not come in yet: the invitation holds the seat. */
  invited: boolean;
  groups: number;
  createdAt: Date;
}

/** Who holds the seats that `countSeats` counts, newest first. // D2 */
export async function listSeatHolders(
  trx: Transaction,
  organizationId: string,
  { pool, limit, cursor }: PageRequest & { pool?: Pool | undefined },
): Promise<Page<SeatHolder>> {
  const from = readCursor(cursor, [instantPattern, uuidPattern]);
  const now = await readClock(trx);
  const { rows } = await trx.raw<{ rows: SeatHolder[] }>(
    // Cut off before anybody's name is read.
    `with holder as (${seatHolders}), page as (
       select * from holder h
       where (:pool::text is null
           or :pool = case when h.kind = 'guest' and h.groups < 2 then 'single-group' else 'licence' end)
         and (:fromInstant::timestamptz is null or (h.created_at, h.account_id) < (:fromInstant::timestamptz, :fromId::uuid))
       order by h.created_at desc, h.account_id desc limit :limit
     )
     select h.account_id as id, h.kind, h.invited, h.groups::int, h.created_at as "createdAt",
       case when m.joined_at is null then i.email else coalesce(a.email, a.invited_email) end as email,
       case when m.joined_at is null then i.username else a.username end as username,
       case when m.joined_at is null then i.first_name else a.first_name end as "firstName",
       case when m.joined_at is null then i.last_name else a.last_name end as "lastName"
     from page h join memberships m on m.organization_id = :organizationId and m.account_id = h.account_id
     join accounts a on a.id = m.account_id left join invitations i on i.id = m.invitation_id
     order by h.created_at desc, h.account_id desc`,
    {
      organizationId,
      now,
      pool: pool ?? null,
      fromInstant: from?.[0] ?? null,
      fromId: from?.[1] ?? null,
      limit: limit + 1,
    },
  );
  return toPage(
    rows,
    limit,
    (row) => [row.createdAt.toISOString(), row.id],
    (row) => row,
  );
}
