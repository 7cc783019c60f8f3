import type { Transaction } from '../database';
import { isFound, uuidPattern, wordBindings } from './page';

export interface Called {
  id: string;
  /** By id, e-mail address or username, which are one person's alone here; false: by a name, which others may have, too. */
  alone: boolean;
}

/**
 * Whoever is called exactly so in the organization, in whatever case of letters: by id, e-mail address, username, or the whole
 * name that lists show. However many are called so in part, these are found; of those of one name no more than two.
 */
export async function findCalled(trx: Transaction, organizationId: string, typed: string): Promise<Called[]> {
  const wanted = typed.trim();
  if (wanted === '' || wanted.includes('\0')) return [];
  const { rows } = await trx.raw<{ rows: Called[] }>(
    // First what an index finds, cut down by the search text alone; only what is left is read with its names.
    `with near as materialized (
       select m.account_id from user_search m
       where m.organization_id = :organizationId and ${isFound(wanted)}
         and (strpos(chr(1) || m.search, chr(1) || lower(:wanted) || chr(1)) > 0
           or right(rtrim(replace(m.search, chr(1), ' ')), length(:wanted)) = lower(:wanted))
       union
       select account_id from memberships where organization_id = :organizationId and account_id = :id
     ), named as (
       select m.account_id as id, m.created_at,
         case when m.joined_at is null then i.email else coalesce(a.email, a.invited_email) end as email,
         case when m.joined_at is null then i.username else a.username end as username,
         case when m.joined_at is null then concat_ws(' ', nullif(i.first_name, ''), nullif(i.last_name, ''))
           else concat_ws(' ', nullif(a.first_name, ''), nullif(a.last_name, '')) end as name
       from memberships m join accounts a on a.id = m.account_id left join invitations i on i.id = m.invitation_id
       where m.organization_id = :organizationId and m.account_id in (select account_id from near)
     ), called as (
       select id, created_at, coalesce(id = :id or lower(email) = lower(:wanted) or lower(username) = lower(:wanted), false) as alone,
         lower(name) = lower(:wanted) as named
       from named
     )
     select id, alone from called where alone or named order by alone desc, created_at desc, id limit 2`,
    {
      organizationId,
      wanted,
      id: uuidPattern.test(wanted.toLowerCase()) ? wanted.toLowerCase() : null,
      ...wordBindings(wanted),
    },
  );
  return rows;
}
