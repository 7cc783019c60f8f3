import { decide, mayInvite, type Person } from '../../domain/permissions';
import { Problem } from '../../domain/problem';
import type { Transaction } from '../database';
import { Group } from '../models/group';
import type { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';
import { Organization } from '../models/organization';
import { groupResource } from '../queries/find-groups';
import { goesAlong } from '../queries/find-other-organizations';
import { type Manager, mayManage } from './command';
import { forEachPart } from './invitation-parts';

/** What somebody is in an organization; undefined: it does not exist for them. */
export type Standings = (organizationId: string) => Person | undefined;

/**
 * To give the link to somebody else than before is to invite them everywhere anew: into what is planned at this moment, which
 * may be more than was planned when the invitation was made. // C3, D4
 * @throws Problem FORBIDDEN where the caller may not
 */
export async function assertMayRedirect(
  trx: Transaction,
  organization: Organization,
  invitation: Invitation,
  { person }: Manager,
  standingIn: Standings,
): Promise<void> {
  await assertMayInviteIntoGroups(trx, organization, invitation, person);
  await forEachPart(trx, invitation, async (part) => {
    if (!goesAlong(part, invitation)) return;
    const there = standingIn(part.organizationId);
    if (!there || !(await mayInviteInto(trx, part, there)))
      throw new Problem(
        'FORBIDDEN',
        'This invitation is for other organizations too: only who may invite into each of them may do this.',
      );
  });
}

/**
 * Which group it is must not be told: this person may not even know of it.
 * @throws Problem FORBIDDEN
 */
export async function assertMayInviteIntoGroups(
  trx: Transaction,
  organization: Organization,
  invitation: Invitation,
  person: Person,
): Promise<void> {
  if (!(await mayInviteIntoGroups(trx, organization, invitation, person)))
    throw new Problem(
      'FORBIDDEN',
      'This invitation leads into groups: only who may invite into each of them may do this.',
    );
}

async function mayInviteInto(trx: Transaction, part: Invitation, person: Person): Promise<boolean> {
  const organization = await Organization.query(trx).findById(part.organizationId).throwIfNotFound();
  // Not locked: whoever changes what is planned has locked the part, too.
  const planned = await Membership.query(trx).findById([part.organizationId, part.accountId]);
  const { role, permissions } = planned ?? part;
  return (
    mayInvite(person, { kind: part.kind, role, permissions }, organization.policy).allowed &&
    (await mayManage(trx, part, person)) &&
    (await mayInviteIntoGroups(trx, organization, part, person))
  );
}

async function mayInviteIntoGroups(
  trx: Transaction,
  { policy }: Organization,
  { organizationId, kind, groupIds }: Invitation,
  person: Person,
): Promise<boolean> {
  if (person.kind === 'key' || groupIds.length === 0) return true;
  const action = kind === 'guest' ? 'guests.invite' : 'members.invite';
  const groups = await Group.query(trx).where({ organizationId }).whereIn('id', groupIds);
  return groups
    .map(groupResource)
    .every(
      (group) => decide(person, action, group, policy).allowed || decide(person, 'group.administer', group).allowed,
    );
}
