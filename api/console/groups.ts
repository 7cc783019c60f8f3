import type { z } from 'zod';
import { countGroupMembers } from '../../db/queries/count-group-members';
import { administratorsAmong, findGroup, groupResource } from '../../db/queries/find-groups';
import { type GroupVisibility, groupVisibilities } from '../../domain/group';
import { notFound, type Problem } from '../../domain/problem';
import { etagOf } from '../route';
import { id as uuid } from '../schemas/common';
import { type groupPage, type listedGroup, toListedGroup } from '../schemas/groups';
import type { userPage } from '../schemas/users';
import { type Conflict, editedForm } from './conflict';
import { demand, refusable } from './demand';
import type { FieldSpec, Form } from './forms';
import type { Screens } from './index';
import type { Page } from './page';
import { listed, nextPage, queryOf } from './paging';
import { lines, permissionChoices, permissionName, splitPermissions } from './permissions';
import { type Refusal, refusalWords } from './refusal';
import { changedFields, mergeBoxes } from './shown';
import { type PersonRow, personRow, type UserBody } from './users';
import { consoleView } from './views';

type GroupBody = z.infer<typeof listedGroup>;
type GroupPageBody = z.infer<typeof groupPage>;
type UserPageBody = z.infer<typeof userPage>;

/** How visible a group is, as a badge: a word, a tone and a symbol. // D4 */
const visibilityTones: Record<GroupVisibility, { tone: string; glyph: string }> = {
  open: { tone: 'good', glyph: 'groups' },
  private: { tone: 'wait', glyph: 'seat' },
  secret: { tone: 'warn', glyph: 'shield' },
};

interface Visibility {
  word: string;
  hint: string;
  tone: string;
  glyph: string;
}

const visibilityOf = (page: Page, { visibility }: Pick<GroupBody, 'visibility'>): Visibility => ({
  word: page.t(`console.groups.visibility.${visibility}`),
  hint: page.t(`console.groups.visibilityHint.${visibility}`),
  ...visibilityTones[visibility],
});

interface GroupsData {
  rows: {
    name: string;
    href: string;
    isGuestGroup: boolean;
    visibility: Visibility;
    members: number;
    guests: number;
    rules: string[];
  }[];
  q: string;
  lead: string;
  mayCreate: boolean;
  isGuest: boolean;
  next: string | null;
  previous: string | null;
  first: string | null;
}

const groupsView = consoleView<GroupsData>('groups');

interface GroupData {
  name: string;
  path: string;
  isGuestGroup: boolean;
  visibility: Visibility;
  members: number;
  guests: number;
  createdAt: string;
  rules: string[];
  permissions: string[];
  people: (PersonRow & { administers: boolean; path: string })[];
  mayAdminister: boolean;
  mayDelete: boolean;
  search: { q: string; found: (PersonRow & { inside: boolean })[]; more: boolean } | null;
  next: string | null;
  previous: string | null;
  first: string | null;
}

const groupView = consoleView<GroupData>('group');

interface GroupFormData {
  title: string;
  lead: string | null;
  action: string;
  back: string;
  backText: string;
  submit: string;
  form: Form;
  mayGive: boolean;
  isGuestGroup: boolean;
  version: string;
  was: string;
  conflict: Conflict | null;
}

const groupFormView = consoleView<GroupFormData>('group-form');

interface DeleteData {
  name: string;
  path: string;
  members: number;
  guests: number;
  version: string;
  /** Why it was refused, and what to do. */
  refused: (Refusal & { errors: [] }) | null;
  guestsPath: string | null;
}

const deleteView = consoleView<DeleteData>('group-delete');

/** Groups and who is in them. Whoever may not know of one gets the same 404 as for one that there is not. // D4 */
export function groupsScreens({ get, post }: Screens): void {
  get('/console/groups', async (page) => {
    const filter = queryOf(page, 'q');
    const groups = await page.ask<GroupPageBody>('GET O/groups', { query: { ...filter, ...listed(page) } });
    const sizes = await sizesOf(
      page,
      groups.items.map(({ id }) => id),
    );
    const isGuest = page.standing.kind === 'guest';
    page.show(groupsView, {
      rows: groups.items.map((item) => ({
        name: item.name,
        href: `/console/groups/${item.id}`,
        isGuestGroup: item.isGuestGroup,
        visibility: visibilityOf(page, item),
        ...sizes(item.id),
        rules: (['membersMayInviteGuests', 'membersMayPublish'] as const)
          .filter((rule) => item[rule])
          .map((rule) => page.t(`console.groups.rules.${rule}`)),
      })),
      q: filter.q ?? '',
      lead: page.t(isGuest ? 'console.groups.leadGuest' : 'console.groups.lead', {
        organizationName: page.organization.name,
      }),
      mayCreate: page.may('group.create'),
      isGuest,
      ...nextPage(page, groups.nextCursor),
    });
  });

  // Before the path of one group: no group is called so.
  get('/console/groups/names', async (page) => {
    const groups = await page.ask<GroupPageBody>('GET O/groups', { query: { ...queryOf(page, 'q'), limit: '20' } });
    page.response.json(groups.items.map(({ name }) => name));
  });
  get('/console/groups/new', (page) => showForm(page, null));
  post(
    '/console/groups',
    async (page) => {
      const body = typedGroup(page, null);
      await refusable(
        async () => {
          const made = await page.ask<GroupBody>('POST O/groups', { body });
          page.go(`/console/groups/${made.id}`, 'groupCreated', { name: made.name });
        },
        (problem) => showForm(page, null, problem),
      );
    },
    (page) => showForm(page, null, null, true),
  );

  get('/console/groups/:id', showGroup);
  get('/console/groups/:id/edit', async (page) => showForm(page, await readGroup(page)));
  post(
    '/console/groups/:id',
    async (page) => {
      const params = { id: page.param('id') };
      await refusable(
        async () => {
          const { body: now } = await readGroup(page);
          const headers = { 'if-match': page.field('version') || '*' };
          const body = typedGroup(page, now);
          const saved =
            Object.keys(body).length > 0
              ? await page.ask<GroupBody>('PATCH O/groups/{id}', { params, body, headers })
              : now;
          page.go(`/console/groups/${now.id}`, 'groupSaved', { name: saved.name });
        },
        async (problem) => showForm(page, await readGroup(page), problem),
      );
    },
    async (page) => showForm(page, await readGroup(page), null, true),
  );

  get('/console/groups/:id/delete', async (page) => showDelete(page));
  post(
    '/console/groups/:id/delete',
    async (page) => {
      const name = page.field('name');
      await refusable(
        async () => {
          const headers = { 'if-match': page.field('version') || '*' };
          await page.ask('DELETE O/groups/{id}', { params: { id: page.param('id') }, headers });
          page.go('/console/groups', 'groupDeleted', { name });
        },
        (problem) => showDelete(page, problem),
      );
    },
    (page) => showDelete(page),
  );

  // Who is in it. One route puts somebody in and says what they are there.
  post('/console/groups/:id/members', async (page) => {
    const role = page.field('role') === 'administrator' ? 'administrator' : 'member';
    const userId = page.field('userId');
    await page.ask('PUT O/groups/{id}/members/{userId}', { params: { id: page.param('id'), userId }, body: { role } });
    const notice = { '': 'groupMemberAdded', administrator: 'groupMemberAdministrator', member: 'groupMemberOrdinary' };
    page.go(
      `/console/groups/${page.param('id')}`,
      notice[page.field('change') === 'yes' ? role : ''],
      await nameOfUser(page, userId),
    );
  });
  post('/console/groups/:id/members/remove', async (page) => {
    const userId = page.field('userId');
    const name = await nameOfUser(page, userId);
    await page.ask('DELETE O/groups/{id}/members/{userId}', { params: { id: page.param('id'), userId } });
    page.go(`/console/groups/${page.param('id')}`, 'groupMemberRemoved', name);
  });
}

interface ReadGroup {
  body: GroupBody;
  version: string;
}

/** The group alone: the route tells everybody who is in it, too, and that may be fifty thousand. */
async function readGroup(page: Page): Promise<ReadGroup> {
  const id = uuid.safeParse(page.param('id'));
  if (!id.success) throw notFound('group');
  const row = await page.read((trx) => findGroup(trx, page.organization.id, id.data));
  demand(page, 'group.read', groupResource(row));
  return { body: toListedGroup(row), version: etagOf(row) };
}

const resourceOf = (group: GroupBody) => ({ type: 'group', ...group }) as const;

async function sizesOf(page: Page, ids: string[]) {
  const sizes = await page.read((trx) => countGroupMembers(trx, page.organization.id, ids));
  return (id: string) => sizes.get(id) ?? { members: 0, guests: 0 };
}

function rulesOf(page: Page, group: Pick<GroupBody, 'membersMayInviteGuests' | 'membersMayPublish'>): string[] {
  const rule = (allowed: boolean, yes: string, no: string) => page.t(`console.groups.rules.${allowed ? yes : no}`);
  return [
    rule(group.membersMayInviteGuests, 'membersMayInviteGuests', 'onlyAdministratorsInvite'),
    rule(group.membersMayPublish, 'membersMayPublish', 'onlyAdministratorsPublish'),
  ];
}

async function nameOfUser(page: Page, id: string): Promise<{ name: string }> {
  const user = await page.ask<UserBody>('GET O/users/{id}', { params: { id } });
  return { name: personRow(page, user, new Map()).name };
}

const foundAtOnce = 8;

async function showGroup(page: Page): Promise<void> {
  const { body } = await readGroup(page);
  const path = `/console/groups/${body.id}`;
  const mayAdminister = page.may('group.administer', resourceOf(body));
  const people = await page.ask<UserPageBody>('GET O/users', {
    query: { groupId: body.id, ...listed(page) },
  });
  const find = mayAdminister ? page.query('find').trim() : '';
  const found =
    find === ''
      ? null
      : await page.ask<UserPageBody>('GET O/users', { query: { q: find.slice(0, 200), limit: String(foundAtOnce) } });
  const sizes = await sizesOf(page, [body.id]);
  const ids = people.items.map(({ id }) => id);
  const administrators = await page.read((trx) => administratorsAmong(trx, page.organization.id, body.id, ids));
  const none = new Map<string, string>();
  page.show(groupView, {
    name: body.name,
    path,
    isGuestGroup: body.isGuestGroup,
    visibility: visibilityOf(page, body),
    ...sizes(body.id),
    createdAt: body.createdAt,
    rules: rulesOf(page, body),
    permissions: body.permissions.map((permission) => permissionName(page, permission)),
    people: people.items.map((user) => ({
      ...personRow(page, user, none),
      administers: administrators.has(user.id),
      path,
    })),
    mayAdminister,
    mayDelete: mayAdminister && !body.isGuestGroup,
    search: mayAdminister
      ? {
          q: find,
          found: (found?.items ?? []).map((user) => ({
            ...personRow(page, user, none),
            inside: user.groupIds.includes(body.id),
          })),
          more: found !== null && found.nextCursor !== null,
        }
      : null,
    ...nextPage(page, people.nextCursor),
  });
}

const words = (name: string): string => `console.groups.fields.${name}`;

function fieldsOf(page: Page, group: GroupBody | null, mayGive: boolean): FieldSpec[] {
  const yes = (on: boolean | undefined) => (on ? 'yes' : '');
  const { known, others } = splitPermissions(group?.permissions ?? []);
  const visibilities = groupVisibilities
    .filter((value) => !group?.isGuestGroup || value === 'open')
    .map((value) => ({
      value,
      label: page.t(`console.groups.visibility.${value}`),
      hint: page.t(`console.groups.visibilityHint.${value}`),
    }));
  const specs: FieldSpec[] = [
    { name: 'name', required: true, value: group?.name ?? '' },
    { name: 'visibility', kind: 'radios', choices: visibilities, value: group?.visibility ?? 'open' },
    { name: 'membersMayInviteGuests', kind: 'checkbox', value: yes(group?.membersMayInviteGuests) },
    { name: 'membersMayPublish', kind: 'checkbox', value: yes(group?.membersMayPublish) },
  ];
  if (mayGive)
    specs.push(
      { name: 'permissions', kind: 'checkboxes', choices: permissionChoices(page), value: known },
      { name: 'otherPermissions', kind: 'textarea', rows: 2, value: others.join('\n') },
    );
  return specs.map((spec) => ({ ...spec, words: words(spec.name) }));
}

/**
 * What was typed, and of a group that is there already only what was changed. Whoever may not give permissions is not
 * shown them in the form, and does not send any.
 */
function typedGroup(page: Page, now: GroupBody | null): Record<string, unknown> {
  const mayGive = page.may('permissions.give');
  const specs = fieldsOf(page, now, mayGive);
  const changed = now ? changedFields(page, specs) : new Set(specs.map(({ name }) => name));
  const { known, others } = splitPermissions(now?.permissions ?? []);
  const permissions = [
    ...mergeBoxes(page, 'permissions', known),
    ...(changed.has('otherPermissions') ? lines(page.field('otherPermissions')) : others),
  ];
  const body = {
    name: page.field('name'),
    visibility: page.field('visibility') || undefined,
    membersMayInviteGuests: page.field('membersMayInviteGuests') === 'yes',
    membersMayPublish: page.field('membersMayPublish') === 'yes',
    permissions: [...new Set(permissions)],
  };
  if (mayGive && changed.has('otherPermissions')) changed.add('permissions');
  return Object.fromEntries(Object.entries(body).filter(([name]) => changed.has(name)));
}

function showForm(page: Page, group: ReadGroup | null, problem: Problem | null = null, again = false): void {
  const mayGive = page.may('permissions.give');
  const body = group?.body ?? null;
  const specs = fieldsOf(page, body, mayGive);
  // The route says so itself when the form is sent; nobody is to fill it in for nothing.
  if (body) demand(page, 'group.administer', resourceOf(body));
  else demand(page, 'group.create');
  const path = body ? `/console/groups/${body.id}` : '/console/groups';
  const etag = group?.version ?? '';
  const edited = editedForm(page, specs, { etag, reload: `${path}/edit`, problem, again });
  const data: GroupFormData = {
    ...edited,
    title: page.t(body ? 'console.groups.editTitle' : 'console.groups.createTitle'),
    lead: body ? null : page.t('console.groups.createLead'),
    action: path,
    back: path,
    backText: body ? body.name : page.t('console.sections.groups'),
    submit: page.t(
      edited.conflict ? 'console.changed.keepMine' : body ? 'console.groups.save' : 'console.groups.createSubmit',
    ),
    mayGive,
    isGuestGroup: body?.isGuestGroup ?? false,
  };
  if (problem) page.showAgain(groupFormView, data, problem);
  else page.show(groupFormView, data);
}

async function showDelete(page: Page, problem: Problem | null = null): Promise<void> {
  const { body, version } = await readGroup(page);
  demand(page, 'group.administer', resourceOf(body));
  const sizes = await sizesOf(page, [body.id]);
  const data: DeleteData = {
    name: body.name,
    path: `/console/groups/${body.id}`,
    ...sizes(body.id),
    version,
    refused: problem && { ...refusalWords(page, problem), errors: [] },
    guestsPath:
      problem?.code === 'GROUP_NEEDED' && page.may('guests.manage') ? `/console/guests?groupId=${body.id}` : null,
  };
  if (problem) page.showAgain(deleteView, data, problem);
  else page.show(deleteView, data);
}
