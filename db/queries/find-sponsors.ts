import type { Transaction } from '../database';

/** Who is told before a guest's access ends: the sponsor who is named, or else whoever has invited. // D11 */
export interface Sponsorship {
  sponsor: {
    id: string;
    email: string | null;
    username: string | null;
    firstName: string | null;
    lastName: string | null;
  } | null;
  inviter: { type: 'user' | 'api-key' | 'platform'; name: string | null } | null;
}

/** By the ids of the guests. */
export async function findSponsors(
  trx: Transaction,
  organizationId: string,
  guestIds: string[],
): Promise<Map<string, Sponsorship>> {
  if (guestIds.length === 0) return new Map();
  const { rows } = await trx.raw<{ rows: (Sponsorship & { guestId: string })[] }>(
    `select m.account_id as "guestId",
       case when a.id is not null then json_build_object('id', a.id, 'email', coalesce(a.email, a.invited_email),
         'username', a.username, 'firstName', a.first_name, 'lastName', a.last_name) end as sponsor,
       case when i.id is not null then json_build_object('type', i.invited_by_type, 'name', i.invited_by_name) end as inviter
     from memberships m
     left join memberships host on host.organization_id = m.organization_id and host.account_id = m.sponsor_id
     left join accounts a on a.id = host.account_id
     left join invitations i on i.id = m.invitation_id
     where m.organization_id = :organizationId and m.account_id = any(:guestIds)`,
    { organizationId, guestIds },
  );
  return new Map(rows.map(({ guestId, ...sponsorship }) => [guestId, sponsorship]));
}
