import type { Policy } from '../../domain/policy';
import type { GroupResource, Standing } from '../../domain/permissions';
import type { Transaction } from '../database';
import { Group } from '../models/group';
import { standingOf, type StandingRow } from './find-account';
import { groupResource } from './find-groups';

/** A person in one organization, as decisions see them. */
export interface PersonFacts {
  /** Whether they may act there at this instant. */
  active: boolean;
  standing: Standing;
  policy: Policy;
}

export interface AccessFacts {
  person(organizationId: string, accountId: string): PersonFacts | undefined;
  group(organizationId: string, groupId: string): GroupResource | undefined;
}

type Row = StandingRow & { organizationId: string; accountId: string; active: boolean; policy: Policy };

/**
 * All that a batch of decisions depends on, in two queries however many they are. // D8, D9
 * @param trx scoped to the organizations: nothing of others is found
 */
export async function findAccessFacts(
  trx: Transaction,
  organizationIds: string[],
  accountIds: string[],
  groupIds: string[],
): Promise<AccessFacts> {
  const { rows } = await trx.raw<{ rows: Row[] }>(
    `select m.organization_id as "organizationId", m.account_id as "accountId", m.kind, m.role, m.permissions, o.policy,
       m.status = 'active' and a.status = 'active' and coalesce(a.reactivation_deadline > usher_now(), true)
         and coalesce(m.access_ends_at > usher_now(), true) as active,
       usher_groups_of(m.organization_id, m.account_id) as groups
     from memberships m
     join organizations o on o.id = m.organization_id
     join accounts a on a.id = m.account_id
     where m.organization_id = any(?) and m.account_id = any(?)`,
    [organizationIds, accountIds],
  );
  const groups =
    groupIds.length === 0
      ? []
      : await Group.query(trx).whereIn('organizationId', organizationIds).whereIn('id', groupIds);
  const persons = new Map(
    rows.map((row) => [
      `${row.organizationId} ${row.accountId}`,
      { active: row.active, standing: standingOf(row), policy: row.policy },
    ]),
  );
  const resources = new Map(groups.map((group) => [`${group.organizationId} ${group.id}`, groupResource(group)]));
  return {
    person: (organizationId, accountId) => persons.get(`${organizationId} ${accountId}`),
    group: (organizationId, groupId) => resources.get(`${organizationId} ${groupId}`),
  };
}
