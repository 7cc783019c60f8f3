import type { z } from 'zod';
import { readClock } from '../../db/database';
import { findSponsors, type Sponsorship } from '../../db/queries/find-sponsors';
import { userStatuses } from '../../domain/account';
import { deadline } from '../../domain/calendar-time';
import { badInput, notFound, Problem } from '../../domain/problem';
import type { userPage } from '../schemas/users';
import { actorName } from './actors';
import { allGroups } from './all-groups';
import { type Conflict, conflictOf } from './conflict';
import { demand, refusable } from './demand';
import { findPeople } from './find-person';
import { type FieldSpec, type Form, formOf } from './forms';
import { type GroupFilter, groupFilter } from './group-filter';
import type { Screens } from './index';
import { instantOf, localTime } from './local-time';
import type { Page } from './page';
import { listed, nextPage, queryOf } from './paging';
import { mergeBoxes, shownIn } from './shown';
import type { ConfirmData } from './user';
import { filterWord, groupNamesOf, nameOf, type PersonRow, personRow, type UserBody } from './users';
import { consoleView } from './views';

type UserPageBody = z.infer<typeof userPage>;

interface GuestsData {
  rows: (PersonRow & { sponsor: string | null; over: boolean; manage: string })[];
  q: string;
  filtered: boolean;
  statuses: { value: string; label: string; chosen: boolean }[];
  groups: GroupFilter['field'];
  mayInvite: boolean;
  mayReadLog: boolean;
  next: string | null;
  previous: string | null;
  first: string | null;
}

const guestsView = consoleView<GuestsData>('guests');

interface GuestData {
  guest: PersonRow;
  path: string;
  version: string;
  /** What each form shows before anybody types. */
  was: Record<Part, string>;
  conflicts: Record<Part, Conflict | null>;
  sponsor: string | null;
  groups: Form;
  sponsoring: Form;
  /** Whether there is a number of licences, and a second group counts. */
  licensed: boolean;
  access: Form;
  /** Whether suspending and end dates are allowed here, and apply to this guest as things are. */
  mayLimit: boolean;
  over: boolean;
  joined: boolean;
  suspended: boolean;
  maySuspend: boolean;
  /** Refreshes itself; where a form was refused it does not: what is asked for again would be another screen. */
  live: boolean;
  extensions: { value: string; label: string; at: string }[];
}

const guestView = consoleView<GuestData>('guest');

interface RemoveData {
  name: string;
  path: string;
}

const removeView = consoleView<RemoveData>('guest-remove');
const confirmView = consoleView<ConfirmData>('confirm-user');

type Part = 'groups' | 'sponsor' | 'access';

/** Who comes from outside: their groups, who vouches for them, and until when. // A5, D7, D11, D12 */
export function guestsScreens({ get, post }: Screens): void {
  get('/console/guests', async (page) => {
    const groupNames = await groupNamesOf(page);
    const { groupId, field: groups } = groupFilter(page, groupNames);
    const filter = { ...queryOf(page, 'q', 'status'), ...(groupId && { groupId }) };
    const [guests, now] = await Promise.all([
      groups?.trouble
        ? { items: [], nextCursor: null }
        : page.ask<UserPageBody>('GET O/guests', { query: { ...filter, ...listed(page) } }),
      page.read(readClock),
    ]);
    const ids = guests.items.map(({ id }) => id);
    const sponsors = await page.read((trx) => findSponsors(trx, page.organization.id, ids));
    page.show(guestsView, {
      rows: guests.items.map((user) => ({
        ...personRow(page, user, groupNames),
        sponsor: sponsorName(page, sponsors.get(user.id)),
        over: user.accessEndsAt !== null && new Date(user.accessEndsAt) <= now,
        manage: `/console/guests/${user.id}`,
      })),
      q: filter.q ?? '',
      filtered: Object.keys(filter).length > 0 || Boolean(groups?.trouble),
      statuses: userStatuses.map((value) => ({
        value,
        label: page.t(`users.status.${filterWord(page, value)}`),
        chosen: value === filter.status,
      })),
      groups,
      mayInvite: page.may('guests.invite'),
      mayReadLog: page.may('logs.read'),
      ...nextPage(page, guests.nextCursor),
    });
  });

  get('/console/guests/:id', (page) => showGuest(page));

  /** One part of the guest's screen, saved by itself. */
  const part = (name: Part, notice: string, bodyOf: (page: Page) => Promise<object> | object) =>
    post(
      `/console/guests/:id/${name}`,
      (page) =>
        refusable(
          async () => {
            demand(page, 'guests.manage');
            const params = { userId: page.param('id') };
            const headers = { 'if-match': page.field('version') || '*' };
            const body = await bodyOf(page);
            const guest = await page.ask<UserBody>('PATCH O/guests/{userId}', { params, body, headers });
            page.go(`/console/guests/${guest.id}`, notice, { name: nameOf(page, guest) });
          },
          (problem) => showGuest(page, name, problem),
        ),
      (page) => showGuest(page, name),
    );

  part('groups', 'guestGroupsSaved', async (page) => ({
    groupIds: mergeBoxes(page, 'groupIds', (await readGuest(page)).guest.groupIds),
  }));
  part('sponsor', 'guestSponsorSaved', async (page) => ({ sponsorId: await findMember(page) }));
  part('access', 'guestAccessSaved', (page) => {
    // A button for an extension says until when: pressed twice, it extends once.
    const typed = page.field('until') || page.field('accessEndsAt').trim();
    return { accessEndsAt: typed === '' || typed === 'none' ? null : instantOf(typed, page.timeZone) };
  });

  get('/console/guests/:id/suspend', async (page) => {
    const { guest } = await readGuest(page);
    if (guest.status !== 'active' || !page.organization.policy.guestSuspensionAndEndDate)
      throw new Problem('STATUS_CONFLICT', 'This guest cannot be suspended.');
    const back = `/console/guests/${guest.id}`;
    page.show(confirmView, {
      name: nameOf(page, guest),
      words: 'suspend',
      path: `${back}/suspend`,
      back,
      better: null,
    });
  });

  for (const [wish, notice] of [
    ['suspend', 'guestSuspended'],
    ['resume', 'guestResumed'],
  ] as const)
    post(`/console/guests/:id/${wish}`, async (page) => {
      const guest = await page.ask<UserBody>(`POST O/users/{id}/${wish}`, { params: { id: page.param('id') } });
      page.go(`/console/guests/${guest.id}`, notice, { name: nameOf(page, guest) });
    });

  get('/console/guests/:id/remove', async (page) => {
    const { guest } = await readGuest(page);
    page.show(removeView, { name: nameOf(page, guest), path: `/console/guests/${guest.id}` });
  });
  post('/console/guests/:id/remove', async (page) => {
    const { guest } = await readGuest(page);
    await page.ask('DELETE O/guests/{userId}', { params: { userId: guest.id } });
    page.go('/console/guests', 'guestRemoved', { name: nameOf(page, guest) });
  });
}

async function readGuest(page: Page): Promise<{ guest: UserBody; version: string }> {
  demand(page, 'guests.manage');
  const { body, etag = '' } = await page.reply('GET O/users/{id}', { params: { id: page.param('id') } });
  const guest = body as UserBody;
  if (guest.kind !== 'guest') throw notFound('guest');
  return { guest, version: etag };
}

function sponsorName(page: Page, sponsorship: Sponsorship | undefined): string | null {
  const { sponsor = null, inviter = null } = sponsorship ?? {};
  if (sponsor) return nameOf(page, sponsor);
  return inviter && actorName(page, inviter.type, inviter.name);
}

/** The member whose address, username or id was typed; null for nobody. @throws Problem BAD_INPUT */
async function findMember(page: Page): Promise<string | null> {
  const typed = page.field('sponsorId').trim();
  if (typed === '') return null;
  const found = (await findPeople(page, typed)).find(({ alone, user }) => alone && user.kind === 'member');
  if (!found) throw badInput({ pointer: '/sponsorId', message: 'There is no such member.' });
  return found.id;
}

const extensions = ['P7D', 'P30D', 'P90D'] as const;

async function showGuest(page: Page, part: Part | null = null, problem: Problem | null = null): Promise<void> {
  const { guest, version } = await readGuest(page);
  const [groups, sponsors, now] = await Promise.all([
    allGroups(page),
    page.read((trx) => findSponsors(trx, page.organization.id, [guest.id])),
    page.read(readClock),
  ]);
  const sponsorship = sponsors.get(guest.id);
  const choices = groups
    .filter((group) => guest.groupIds.includes(group.id) || page.may('group.administer', { type: 'group', ...group }))
    .map(({ id, name }) => ({ value: id, label: name }));
  const specs: Record<Part, FieldSpec[]> = {
    groups: [{ name: 'groupIds', kind: 'checkboxes', choices, value: guest.groupIds }],
    sponsor: [{ name: 'sponsorId', value: sponsorship?.sponsor?.email ?? sponsorship?.sponsor?.username ?? '' }],
    access: [{ name: 'accessEndsAt', kind: 'instant', value: localTime(guest.accessEndsAt, page.timeZone) }],
  };
  const conflicting = problem?.code === 'PRECONDITION_FAILED';
  const worded = (name: Part) => specs[name].map((spec) => ({ ...spec, words: `console.guests.fields.${spec.name}` }));
  const form = (name: Part): Form => {
    // After a conflict the boxes stand for what holds now, with what the person has ticked and unticked.
    const merged = (spec: FieldSpec): FieldSpec =>
      conflicting && spec.name === 'groupIds' ? { ...spec, value: mergeBoxes(page, 'groupIds', guest.groupIds) } : spec;
    const typed = part === name && !(conflicting && name === 'groups');
    return formOf(page, worded(name).map(merged), typed, part === name && !conflicting ? problem : null);
  };
  const conflict = (name: Part): Conflict | null =>
    conflicting && part === name
      ? conflictOf(page, form(name), formOf(page, worded(name)), `/console/guests/${guest.id}`)
      : null;
  // A form that is shown again for another reason is as old as it was.
  const old = (name: Part) => part === name && !conflicting && page.request.method === 'POST';
  const was = (name: Part): string => (old(name) ? page.field('was') : shownIn(specs[name]));
  const names = new Map(groups.map(({ id, name }) => [id, name]));
  const end = guest.accessEndsAt === null ? null : new Date(guest.accessEndsAt);
  const over = end !== null && end <= now;
  const data: GuestData = {
    guest: personRow(page, guest, names),
    path: `/console/guests/${guest.id}`,
    version: part !== null && old(part) ? page.field('version') : version,
    was: { groups: was('groups'), sponsor: was('sponsor'), access: was('access') },
    conflicts: { groups: conflict('groups'), sponsor: conflict('sponsor'), access: conflict('access') },
    sponsor: sponsorName(page, sponsorship),
    groups: form('groups'),
    sponsoring: form('sponsor'),
    licensed: page.organization.licences !== null,
    access: form('access'),
    mayLimit: page.organization.policy.guestSuspensionAndEndDate,
    over,
    joined: guest.status === 'active' || guest.status === 'suspended',
    suspended: guest.status === 'suspended',
    maySuspend: page.may('guests.manage'),
    live: page.request.method === 'GET',
    extensions: extensions.map((by) => {
      const at = deadline(end ?? now, by, page.timeZone).toISOString();
      return { value: at, label: page.t(`console.guests.extendBy.${by}`), at };
    }),
  };
  if (problem) page.showAgain(guestView, data, problem);
  else page.show(guestView, data);
}
