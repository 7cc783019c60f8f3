import type { Transaction } from '../database';
import { Group, GroupMember } from '../models/group';
import type { Invitation } from '../models/invitation';
import type { Membership } from '../models/membership';

/** What somebody has beyond their role, or will have once they have joined: given to them, or by their groups. A guest has nothing. */
export async function rightsOf(
  trx: Transaction,
  { organizationId, accountId, kind, permissions, joinedAt }: Membership,
  invitation: Pick<Invitation, 'groupIds'> | null,
): Promise<string[]> {
  if (kind === 'guest') return [];
  const planned = joinedAt === null ? (invitation?.groupIds ?? []) : [];
  const present = GroupMember.query(trx).where({ organizationId, accountId }).select('groupId');
  const groups = await Group.query(trx)
    .where({ organizationId })
    .where((some) => some.whereIn('id', planned).orWhereIn('id', present))
    .select('permissions');
  return [...new Set([...permissions, ...groups.flatMap((group) => group.permissions)])];
}
