import { findManagement, type Management } from '../../db/queries/find-management';
import { roles } from '../../domain/invitation';
import type { Resource } from '../../domain/permissions';
import { Problem } from '../../domain/problem';
import { toProblem } from '../middleware/problems';
import { allGroups } from './all-groups';
import { conflictOf } from './conflict';
import { type FieldSpec, type Form, formOf } from './forms';
import type { Screens } from './index';
import { groupChoices, ownPermissions } from './invite';
import { instantOf, localTime } from './local-time';
import type { Page } from './page';
import { permissionChoices, permissionName, splitPermissions } from './permissions';
import { refusalNotice } from './refusal';
import { changedFields, mergeBoxes, shownIn } from './shown';
import { groupNamesOf, personRow, type PersonRow, safeBack, type UserBody } from './users';
import { consoleView } from './views';

/** What can be done to a user, each by the route of the same name; `delete` and `remove` by DELETE. */
const userActions = [
  'activate',
  'resume',
  'reset-password',
  'reset-two-factor',
  'security-report',
  'deactivate',
  'suspend',
  'remove',
  'delete',
] as const;
type UserAction = (typeof userActions)[number];

/** Those that are asked about first, on a page of their own. */
const confirmed: readonly UserAction[] = ['activate', 'reset-two-factor', 'deactivate', 'suspend', 'remove', 'delete'];

interface DetailData {
  user: PersonRow;
  /** Whether there is a list for them to go back to. */
  mayList: boolean;
  username: string | null;
  facts: { label: string; text: string | null; at: string | null }[];
  groups: string[];
  invitation: { href: string; word: string; expiresAt: string | null } | null;
  reactivationDeadline: string | null;
  mayEdit: boolean;
  actions: { path: string; label: string; asks: boolean; danger: boolean }[];
  /** Why little can be changed here; null: everything can. */
  limits: string | null;
  mailsHref: string | null;
}

export interface ConfirmData {
  name: string;
  /** Of `console.userActions`. */
  words: string;
  path: string;
  back: string;
  /** Reactivating by hand: the way that is better. // E8 */
  better: string | null;
}

interface EditData {
  user: PersonRow;
  form: Form;
  version: string;
  was: string;
  has: Record<'account' | 'email' | 'role' | 'rights' | 'permissions' | 'groups' | 'accessEndsAt', boolean>;
  theirs: { label: string; theirs: string; mine: string }[] | null;
}

const detailView = consoleView<DetailData>('user');
const confirmView = consoleView<ConfirmData>('confirm-user');
const editView = consoleView<EditData>('edit-user');

/** One person, as this organization sees and manages them. // A5, C8, D11, D12, E2, E9 */
export function userScreens({ get, post }: Screens): void {
  get('/console/users/:id', async (page) => {
    const { user } = await find(page);
    const manages = mayManage(page, user);
    const [groupNames, management] = await Promise.all([
      groupNamesOf(page),
      manages ? page.read((trx) => findManagement(trx, page.organization.id, user.id)) : null,
    ]);
    const row = personRow(page, user, groupNames);
    const link = page.may('invitations.manage') && user.invitation;
    page.show(detailView, {
      user: row,
      mayList: page.may('users.read'),
      username: user.username,
      facts: factsOf(page, user, management),
      groups: user.groupIds.flatMap((id) => groupNames.get(id) ?? []),
      invitation: link
        ? {
            href: `/console/invitations/${link.id}`,
            word: page.t(`console.invitationStatus.${link.status}`),
            expiresAt: link.status === 'pending' ? link.expiresAt : null,
          }
        : null,
      reactivationDeadline: user.reactivationDeadline,
      mayEdit: management !== null,
      actions: management
        ? actionsFor(page, user, management).map((action) => ({
            path: `/console/users/${user.id}/${action}`,
            label: page.t(`console.userActions.${action}.label`),
            asks: confirmed.includes(action) && !(action === 'activate' && user.status === 'deactivated'),
            danger: ['delete', 'remove'].includes(action),
          }))
        : [],
      limits: management && limitsOf(page, user, management),
      mailsHref: page.may('logs.read') ? `/console/emails?userId=${user.id}` : null,
    });
  });

  for (const action of userActions) {
    const path = `/console/users/:id/${action}`;
    get(path, async (page) => {
      const { user } = await find(page);
      await assertFits(page, action, user);
      const name = personRow(page, user, new Map()).name;
      const words = wordsFor(page, action, user);
      const back = `/console/users/${user.id}`;
      page.show(confirmView, {
        name,
        words,
        path: `${back}/${action}`,
        back,
        better: words === 'reactivate' && user.email !== null ? `${back}/reset-password` : null,
      });
    });
    post(path, async (page) => {
      const { user } = await find(page);
      const { name } = personRow(page, user, new Map());
      const back = safeBack(page, `/console/users/${user.id}`);
      let done: UserBody | null;
      try {
        done = await carryOut(page, action, user.id);
      } catch (error) {
        const problem = toProblem(error);
        // How the seats are used takes a page of its own.
        if (problem.status !== 409 || problem.code === 'NO_SEAT') throw error;
        return page.go(back, 'refused', refusalNotice(page, problem), 'bad');
      }
      const gone = action === 'delete' || action === 'remove';
      page.go(
        gone ? '/console/users' : back,
        action === 'activate' && done
          ? activationNotice(done)
          : `${action.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())}User`,
        { name },
      );
    });
  }

  get('/console/users/:id/edit', (page) => showEdit(page));
  post(
    '/console/users/:id/edit',
    async (page) => {
      const { user } = await find(page);
      try {
        await save(page, user);
        page.go(`/console/users/${user.id}`, 'userSaved');
      } catch (error) {
        const problem = toProblem(error);
        // A refusal of one field is shown there; one of everything is a page of its own.
        if (problem.status >= 500 || (problem.status === 403 && !problem.options.errors)) throw error;
        await showEdit(page, problem, true);
      }
    },
    (page) => showEdit(page, null, true),
  );
}

async function find(page: Page): Promise<{ user: UserBody; etag: string }> {
  const { body, etag = '' } = await page.reply('GET O/users/{id}', { params: { id: page.param('id') } });
  return { user: body as UserBody, etag };
}

/** What somebody was given beyond their role, no list tells: the command looks at that. */
const mayManage = (page: Page, user: UserBody): boolean => {
  const action = user.kind === 'guest' ? 'guests.manage' : 'users.manage';
  const { role, groupIds } = user;
  const managed: Resource = { type: 'user', self: user.id === page.person.id, role, permissions: [], groupIds };
  return page.may(action, managed) && page.may(action);
};

/** Nobody is asked whether they are sure of what they may not do. @throws Problem FORBIDDEN */
async function assertFits(page: Page, action: UserAction, user: UserBody): Promise<void> {
  const forbidden = new Problem('FORBIDDEN', 'Your role in this organization does not allow this.');
  if (!mayManage(page, user)) throw forbidden;
  const management = await page.read((trx) => findManagement(trx, page.organization.id, user.id));
  if (!actionsFor(page, user, management).includes(action)) throw forbidden;
}

/** What fits what the user is; whether it is allowed says the command. */
function actionsFor(page: Page, user: UserBody, { isHome, neverActive, joinedAt }: Management): UserAction[] {
  const { status, kind } = user;
  const limitable = kind === 'guest' && page.organization.policy.guestSuspensionAndEndDate && joinedAt !== null;
  const reachable = isHome && user.email !== null && (status === 'active' || status === 'inactive');
  const fits: Record<UserAction, boolean> = {
    activate: isHome && (status === 'inactive' || status === 'deactivated'),
    resume: limitable && status === 'suspended',
    'reset-password': reachable,
    'reset-two-factor': isHome && !neverActive && user.id !== page.person.id,
    // It goes to whoever asks, by mail.
    'security-report': page.person.account.email !== null && page.canAsk('POST O/users/{id}/security-report'),
    deactivate: isHome && (status === 'active' || status === 'inactive'),
    suspend: limitable && status === 'active',
    remove: kind === 'guest' && page.may('guests.manage'),
    delete: kind === 'member',
  };
  return userActions.filter((action) => fits[action]);
}

function limitsOf(page: Page, user: UserBody, { isHome, neverActive }: Management): string | null {
  const { guestSuspensionAndEndDate: more } = page.organization.policy;
  if (user.kind === 'guest') return page.t(more ? 'console.user.guestLimitsFewer' : 'console.user.guestLimits');
  return isHome || neverActive ? null : page.t('console.user.homeElsewhere');
}

/** What is asked about: more than one thing has the same button. */
function wordsFor(page: Page, action: UserAction, { status }: UserBody): string {
  if (action === 'activate' && status === 'inactive') return 'reactivate';
  // An inactive person holds no seat, and where seats are not counted there is none to become free.
  const frees = status === 'active' && page.organization.licences !== null;
  return action === 'deactivate' && frees ? 'deactivateLicensed' : action;
}

/** Activated is who was deactivated, as what they were before; or who was inactive, until the end of the day. // E9 */
function activationNotice({ status, reactivationDeadline }: UserBody): string {
  if (reactivationDeadline !== null) return 'reactivateUser';
  return status === 'active' ? 'activateUser' : 'activateInactiveUser';
}

/** @returns the user as they are now; null: nobody is there any more, or nothing is said of them */
async function carryOut(page: Page, action: UserAction, id: string): Promise<UserBody | null> {
  if (action === 'remove') await page.ask('DELETE O/guests/{userId}', { params: { userId: id } });
  else if (action === 'delete') await page.ask('DELETE O/users/{id}', { params: { id } });
  else {
    const done = await page.ask<UserBody | undefined>(`POST O/users/{id}/${action}`, { params: { id } });
    return done ?? null;
  }
  return null;
}

function factsOf(page: Page, user: UserBody, management: Management | null): DetailData['facts'] {
  const text = (name: string, value: string | null | undefined) =>
    value ? [{ label: page.t(`console.facts.${name}`), text: value, at: null }] : [];
  const at = (name: string, value: Date | string | null | undefined) =>
    value ? [{ label: page.t(`console.facts.${name}`), text: null, at: new Date(value).toISOString() }] : [];
  return [
    ...text('email', user.email),
    ...text('username', user.username),
    ...text('kind', page.t(`console.choices.kind.${user.kind}`)),
    ...text('role', user.kind === 'member' ? page.t(`console.roles.${user.role}`) : null),
    ...text('guestType', management?.guestType && page.t(`console.choices.guestType.${management.guestType}`)),
    ...text('userType', management?.userType),
    ...text('permissions', management?.permissions.map((name) => permissionName(page, name)).join(', ')),
    ...at('accessEndsAt', user.accessEndsAt),
    ...at('joinedAt', management?.joinedAt),
    ...text('externalId', user.externalId),
  ];
}

const accountFields = ['firstName', 'lastName', 'username', 'email'] as const;

interface Editing {
  management: Management;
  specs: FieldSpec[];
}

async function editing(page: Page, user: UserBody): Promise<Editing> {
  const management = await page.read((trx) => findManagement(trx, page.organization.id, user.id));
  const groups = await allGroups(page);
  const administered = new Set(groupChoices(page, groups, 'group.administer').map(({ value }) => value));
  const choices = groups
    .filter(({ id }) => administered.has(id) || user.groupIds.includes(id))
    .map(({ id, name }) => ({ value: id, label: name }));
  const granted = splitPermissions(management.permissions);
  const specs: FieldSpec[] = [
    { name: 'firstName', value: user.firstName, words: 'console.fields.givenName' },
    { name: 'lastName', value: user.lastName, words: 'console.fields.familyName' },
    { name: 'username', value: user.username },
    { name: 'email', kind: 'email', value: user.email },
    {
      name: 'role',
      kind: 'radios',
      value: user.role,
      choices: roles.map((role) => ({
        value: role,
        label: page.t(`console.choices.role.${role}`),
        hint: page.maySay(`console.choices.role.${role}Hint`),
      })),
    },
    { name: 'userType', value: management.userType },
    { name: 'externalId', value: user.externalId },
    {
      name: 'permissions',
      kind: 'checkboxes',
      value: granted.known,
      choices: permissionChoices(page),
    },
    {
      name: 'otherPermissions',
      kind: 'textarea',
      rows: 2,
      value: granted.others.join('\n'),
    },
    { name: 'groupIds', kind: 'checkboxes', value: user.groupIds, choices },
    { name: 'accessEndsAt', kind: 'instant', value: localTime(user.accessEndsAt, page.timeZone) },
  ];
  return { management, specs };
}

/** Sends only what was changed: what stays as it is needs no right, and is not brought back where it was taken away. */
async function save(page: Page, user: UserBody): Promise<void> {
  const { management, specs } = await editing(page, user);
  const changed = changedFields(page, specs);
  const isNew = (name: string, part = name) => page.fields('has').includes(part) && changed.has(name);
  const groups = isNew('groupIds', 'groups') ? { groupIds: mergeBoxes(page, 'groupIds', user.groupIds) } : {};
  const headers = { 'if-match': page.field('version') || '*' };
  if (user.kind === 'guest') {
    const end = page.field('accessEndsAt');
    const accessEndsAt = end === '' ? null : instantOf(end, page.timeZone);
    const body = { ...groups, ...(isNew('accessEndsAt') && { accessEndsAt }) };
    if (Object.keys(body).length > 0)
      await page.ask('PATCH O/guests/{userId}', { params: { userId: user.id }, body, headers });
    return;
  }
  const account = accountFields
    .filter((field) => isNew(field, field === 'email' ? 'email' : 'account'))
    .map((field) => [field, page.field(field).trim()]);
  const rights = (['userType', 'externalId'] as const)
    .filter((field) => isNew(field, 'rights'))
    .map((field) => [field, page.field(field).trim() || null]);
  const granted = splitPermissions(management.permissions);
  const permissions = [
    ...(isNew('permissions') ? page.fields('permissions') : granted.known),
    ...(isNew('otherPermissions', 'permissions') ? ownPermissions(page) : granted.others),
  ];
  const body = {
    ...(Object.fromEntries([...account, ...rights]) as Record<string, string | null>),
    ...(isNew('role') && { role: page.field('role') }),
    ...((isNew('permissions') || isNew('otherPermissions', 'permissions')) && { permissions }),
    ...groups,
  };
  if (Object.keys(body).length === 0) return;
  await page.ask('PATCH O/users/{id}', { params: { id: user.id }, body, headers });
}

async function showEdit(page: Page, problem: Problem | null = null, typed = false): Promise<void> {
  const { user, etag } = await find(page);
  // The same question as the command's, so that nobody fills in a form in vain.
  if (!mayManage(page, user)) await page.ask('PATCH O/users/{id}', { params: { id: user.id }, body: {} });
  const { management, specs } = await editing(page, user);
  const isMember = user.kind === 'member';
  const account = isMember && (management.isHome || management.neverActive);
  const mayGiveRoles = page.may('roles.give');
  const conflict = problem?.code === 'PRECONDITION_FAILED';
  const changed = changedFields(page, specs);
  // After a conflict the form stands for what holds now, with what the person has changed themselves.
  const mine = specs.map((spec) =>
    conflict && spec.name === 'groupIds' ? { ...spec, value: mergeBoxes(page, 'groupIds', user.groupIds) } : spec,
  );
  changed.delete('groupIds');
  const form = formOf(page, mine, conflict ? changed : typed, problem);
  const has: EditData['has'] = {
    account,
    email: account && (mayGiveRoles || management.neverActive),
    role: isMember && mayGiveRoles,
    rights: isMember,
    permissions: isMember && page.may('permissions.give'),
    groups: specs.some(({ name, choices = [] }) => name === 'groupIds' && choices.length > 0),
    accessEndsAt: !isMember && page.organization.policy.guestSuspensionAndEndDate,
  };
  const data: EditData = {
    user: personRow(page, user, new Map()),
    form,
    version: typed && !conflict ? page.field('version') : etag,
    was: typed && !conflict ? page.field('was') : shownIn(specs),
    has,
    theirs: conflict ? compared(page, formOf(page, specs), form, shownParts(has)) : null,
  };
  if (problem) page.showAgain(editView, data, problem);
  else page.show(editView, data);
}

/** The fields that the form has. */
const shownParts = (has: EditData['has']): string[] => [
  ...(has.account ? ['firstName', 'lastName', 'username'] : []),
  ...(has.email ? ['email'] : []),
  ...(has.role ? ['role'] : []),
  ...(has.rights ? ['userType', 'externalId'] : []),
  ...(has.permissions ? ['permissions', 'otherPermissions'] : []),
  ...(has.groups ? ['groupIds'] : []),
  ...(has.accessEndsAt ? ['accessEndsAt'] : []),
];

/** What stands there now against what was typed, where the two differ. */
function compared(page: Page, saved: Form, typed: Form, parts: string[]): EditData['theirs'] {
  const of = ({ fields }: Form): Form => ({
    fields: Object.fromEntries(Object.entries(fields).filter(([name]) => parts.includes(name))),
    refused: null,
  });
  return conflictOf(page, of(typed), of(saved), '').rows.map(({ label, now, yours }) => ({
    label,
    theirs: now,
    mine: yours,
  }));
}
