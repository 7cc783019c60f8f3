import type { Transaction } from '../database';

export interface NamedUser {
  id: string;
  email: string | null;
  username: string | null;
  firstName: string | null;
  lastName: string | null;
  kind: 'member' | 'guest';
}

/** Those of these people who belong to the organization or are invited, by id, as it knows them. */
export async function nameUsers(
  trx: Transaction,
  organizationId: string,
  ids: string[],
): Promise<Map<string, NamedUser>> {
  if (ids.length === 0) return new Map();
  const { rows } = await trx.raw<{ rows: NamedUser[] }>(
    `select m.account_id as id, m.kind,
       case when m.joined_at is null then i.email else coalesce(a.email, a.invited_email) end as email,
       case when m.joined_at is null then i.username else a.username end as username,
       case when m.joined_at is null then i.first_name else a.first_name end as "firstName",
       case when m.joined_at is null then i.last_name else a.last_name end as "lastName"
     from memberships m join accounts a on a.id = m.account_id left join invitations i on i.id = m.invitation_id
     where m.organization_id = :organizationId and m.account_id = any(:ids)`,
    { organizationId, ids },
  );
  return new Map(rows.map((row) => [row.id, row]));
}
