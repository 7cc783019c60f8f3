import type { InvitationKind, Role } from '../invitation';
import { notFound, Problem } from '../problem';
import { type Action, actions } from './actions';
import type { Decision, DecisionContext, GroupResource, Person, Reason, Resource } from './person';
import type { GroupRule, OrganizationRule, UserRule } from './rules';

export { type Action, actions, hostActions } from './actions';
export * from './person';

export const theOrganization: Resource = { type: 'organization' };

/** The one place where it is decided who may do what; everybody who asks about another organization is `unknown` to it. */
export function decide(
  person: Person,
  action: Action,
  resource: Resource = theOrganization,
  context: DecisionContext = { membersMayInviteGuests: false },
): Decision {
  const reason = judge(person, action, resource, context);
  return { allowed: reason === 'ok', reason };
}

function judge(person: Person, action: Action, resource: Resource, context: DecisionContext): Reason {
  const rules: { organization?: OrganizationRule; group?: GroupRule; user?: UserRule } = actions[action];
  if (!rules[resource.type]) return 'unknown';
  if (person.kind === 'key') return 'ok';
  switch (resource.type) {
    case 'organization':
      return rules.organization?.(person, context) ?? 'unknown';
    case 'group':
      return rules.group?.(person, resource, context) ?? 'unknown';
    case 'user':
      return rules.user?.(person, resource) ?? 'unknown';
  }
}

/** What the invitation wants beyond its groups, each an action of its own. // A1, C3, D3 */
export function mayInvite(
  person: Person,
  invitation: { kind: InvitationKind; role: Role; permissions: string[]; overwrite?: boolean },
  context: DecisionContext,
): Decision {
  const needed: Action[] = [
    ...(invitation.role === 'member' ? [] : (['roles.give'] as const)),
    invitation.kind === 'guest' ? 'guests.invite' : 'members.invite',
    ...(invitation.permissions.length > 0 ? (['permissions.give'] as const) : []),
    ...(invitation.overwrite ? (['users.manage'] as const) : []),
  ];
  const decisions = needed.map((action) => decide(person, action, theOrganization, context));
  return decisions.find(({ allowed }) => !allowed) ?? { allowed: true, reason: 'ok' };
}

/** Which groups exist for a person, as a query can ask for them: those of these visibilities, and these. */
export function knownGroups(person: Person): { visibilities: GroupResource['visibility'][]; ids: string[] } {
  if (person.kind === 'key') return { visibilities: ['open', 'private', 'secret'], ids: [] };
  const outside = (visibility: GroupResource['visibility']): GroupResource => ({
    type: 'group',
    id: '',
    visibility,
    permissions: [],
    membersMayInviteGuests: false,
    membersMayPublish: false,
  });
  return {
    visibilities: (['open', 'private', 'secret'] as const).filter(
      (visibility) => decide(person, 'group.read', outside(visibility)).allowed,
    ),
    ids: person.groups.map(({ id }) => id),
  };
}

/** Reasons that must not be given: for this person the thing does not exist. */
const hiding: readonly Reason[] = ['secret', 'not-shared'];

export const hides = ({ reason }: Decision): boolean => hiding.includes(reason);

const details: Partial<Record<Reason, string>> = {
  guest: 'Guests may not do this.',
  policy: 'The policy of this organization does not allow this.',
  'not-in-group': 'Only people of this group may do this.',
  'group-setting': 'This group does not allow this to its members.',
};

/** @throws Problem FORBIDDEN, or NOT_FOUND where even knowing is too much */
export function assertAllowed(decision: Decision, what: string, pointer?: string): void {
  if (decision.allowed) return;
  if (hides(decision)) throw notFound(what);
  const message = details[decision.reason] ?? 'Your role in this organization does not allow this.';
  throw new Problem('FORBIDDEN', message, pointer === undefined ? {} : { errors: [{ pointer, message }] });
}
