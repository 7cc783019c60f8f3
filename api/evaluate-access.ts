import { type AccessFacts, findAccessFacts } from '../db/queries/find-access-facts';
import { currentOrganization, listAccountOrganizations } from '../db/queries/find-account';
import {
  type Action,
  assertAllowed,
  decide,
  type Decision,
  hides,
  hostActions,
  keyPerson,
  type Person,
  type Resource,
  theOrganization,
} from '../domain/permissions';
import { badInput } from '../domain/problem';
import type { Context } from './route';
import { id as uuid } from './schemas/common';
import type { Evaluation } from './schemas/access';

/** Who asks: what they are in each organization, and which one they mean if they name none. */
interface Asker {
  accountId: string | null;
  in(organizationId: string): Person | undefined;
  home: string | undefined;
}

const unknown: Decision = { allowed: false, reason: 'unknown' };

/**
 * Answers any number of questions with the same few queries. Whoever, whatever or wherever is not known, or not for the
 * asker to know, is a plain no. // D8, D9
 * @param pointer into the body, to each of the questions
 * @throws Problem FORBIDDEN for questions about others in an organization of which the asker is no administrator
 */
export async function evaluateAccess(
  context: Context,
  questions: Evaluation[],
  pointer: (index: number) => string,
): Promise<Decision[]> {
  const asker = await askerOf(context);
  const placed = questions.map((question, index) => {
    const organizationId = placeOf(question, asker, pointer(index));
    return { question, organizationId, person: organizationId === null ? undefined : asker.in(organizationId) };
  });
  for (const { question, person } of placed) {
    const self = question.subject.id.toLowerCase() === asker.accountId;
    if (person)
      assertAllowed(
        decide(person, 'decisions.read', { type: 'user', self, role: 'member', permissions: [], groupIds: [] }),
        'user',
      );
  }
  const known = placed.filter(({ person }) => person !== undefined);
  const organizationIds = [...new Set(known.flatMap(({ organizationId }) => organizationId ?? []))];
  const ids = (type: string) =>
    known.flatMap(({ question: { resource } }) => (resource.type === type ? [resource.id] : []));
  const subjects = known.map(({ question }) => question.subject.id);
  const facts = await context.read(
    (trx) => findAccessFacts(trx, organizationIds, uuids([...subjects, ...ids('user')]), uuids(ids('group'))),
    organizationIds,
  );
  return placed.map(({ question, organizationId, person }) =>
    person && organizationId !== null ? answer(question, organizationId, person, asker, facts) : unknown,
  );
}

async function askerOf({ caller, services, request }: Context): Promise<Asker> {
  if (caller?.type === 'user') {
    const all = await listAccountOrganizations(services.database, caller.id);
    const own = new Map(all.map((organization) => [organization.id, organization]));
    const home = currentOrganization(caller.account, all, request.session.currentOrganizationId)?.id;
    return { accountId: caller.id, in: (id) => own.get(id), home };
  }
  const only = caller?.type === 'api-key' ? caller.organizationId : undefined;
  return { accountId: null, in: (id) => (only === undefined || id === only ? keyPerson : undefined), home: only };
}

/** @returns null where no organization can be meant */
function placeOf({ resource, context }: Evaluation, asker: Asker, pointer: string): string | null {
  const named = context?.organizationId ?? (resource.type === 'organization' ? resource.id : asker.home);
  if (named === undefined && asker.accountId === null)
    throw badInput({
      pointer: `${pointer}/context/organizationId`,
      message: 'The platform has to name an organization.',
    });
  return uuid.safeParse(named).data ?? null;
}

const uuids = (ids: string[]): string[] => [...new Set(ids.flatMap((id) => uuid.safeParse(id).data ?? []))];

function answer(
  { subject, action, resource }: Evaluation,
  organizationId: string,
  asking: Person,
  asker: Asker,
  facts: AccessFacts,
): Decision {
  const subjectId = subject.id.toLowerCase();
  const person = subject.type === 'user' ? facts.person(organizationId, subjectId) : undefined;
  const target = resourceOf(resource, organizationId, subjectId, facts);
  if (!person?.active || !target || !isHostAction(action.name)) return unknown;
  if (target.type === 'group' && !decide(asking, 'group.read', target).allowed) return unknown;
  const decision = decide(person.standing, action.name, target, person.policy);
  // The reason must not tell a person that something exists which does not for them.
  return asker.accountId !== null && hides(decision) ? unknown : decision;
}

const isHostAction = (name: string): name is Action => hostActions.some((action) => action === name);

function resourceOf(
  { type, id }: Evaluation['resource'],
  organizationId: string,
  subjectId: string,
  facts: AccessFacts,
): Resource | undefined {
  const key = id.toLowerCase();
  if (type === 'organization') return key === organizationId ? theOrganization : undefined;
  if (type === 'group') return facts.group(organizationId, key);
  const user = type === 'user' ? facts.person(organizationId, key) : undefined;
  if (!user) return undefined;
  const { role, permissions, groups } = user.standing;
  return { type: 'user', self: key === subjectId, role, permissions, groupIds: groups.map((group) => group.id) };
}
