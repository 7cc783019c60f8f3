import type { z } from 'zod';
import { findParts } from '../../db/queries/find-sending';
import { type UserStatus, userStatuses, userStatusWord, type UserStatusWord } from '../../domain/account';
import { invitationKinds } from '../../domain/invitation';
import { toProblem } from '../middleware/problems';
import type { invitation } from '../schemas/invitations';
import type { user, userPage } from '../schemas/users';
import { allGroups } from './all-groups';
import { type GroupFilter, groupFilter } from './group-filter';
import type { Screens } from './index';
import { initial, type Page } from './page';
import { listed, nextPage, queryOf } from './paging';
import { type Refusal, refusalWords } from './refusal';
import { consoleView, type View } from './views';

export type UserBody = z.infer<typeof user>;
type UserPageBody = z.infer<typeof userPage>;

/** How a status looks: a word, a tone and a symbol, never a colour alone. // B6 */
export const statusTones: Record<UserStatusWord, { tone: string; glyph: string }> = {
  notSent: { tone: 'quiet', glyph: 'draft' },
  invited: { tone: 'wait', glyph: 'pending' },
  invitedExpired: { tone: 'warn', glyph: 'expired' },
  accepted: { tone: 'good', glyph: 'check' },
  active: { tone: 'good', glyph: 'check' },
  inactive: { tone: 'quiet', glyph: 'pause' },
  deactivated: { tone: 'bad', glyph: 'off' },
  suspended: { tone: 'warn', glyph: 'pause' },
};

/** How a person appears in lists and headings. */
export interface PersonRow {
  id: string;
  name: string;
  initial: string;
  isGuest: boolean;
  email: string | null;
  status: { word: string; tone: string; glyph: string };
  pending: boolean;
  role: string | null;
  groups: string[];
  moreGroups: number;
  accessEndsAt: string | null;
  href: string;
}

export function personRow(page: Page, user: UserBody, groupNames: Map<string, string>): PersonRow {
  const word = userStatusWord(user, page.organization.policy);
  const name =
    [user.firstName, user.lastName].filter(Boolean).join(' ') ||
    user.username ||
    user.email ||
    page.t('console.unnamed');
  const groups = user.groupIds.flatMap((id) => groupNames.get(id) ?? []);
  return {
    id: user.id,
    name,
    initial: initial(name),
    isGuest: user.kind === 'guest',
    email: user.email === name ? null : user.email,
    status: { word: page.t(`users.status.${word}`), ...statusTones[word] },
    pending: user.status === 'invited' && user.invitation?.status === 'pending',
    role: user.role === 'member' ? null : page.t(`console.roles.${user.role}`),
    groups: groups.slice(0, 2),
    moreGroups: Math.max(0, groups.length - 2),
    accessEndsAt: user.accessEndsAt,
    href: `/console/users/${user.id}`,
  };
}

/** Names of the groups that the person may know of. */
export async function groupNamesOf(page: Page): Promise<Map<string, string>> {
  return new Map((await allGroups(page)).map(({ id, name }) => [id, name]));
}

/** A filter says it in the words of the badges that it finds. // C5 */
export const filterWord = (page: Page, status: UserStatus): UserStatusWord =>
  userStatusWord({ status, invitation: { status: 'accepted' } }, page.organization.policy);

interface Choice {
  value: string;
  label: string;
  chosen: boolean;
}

interface UsersData {
  rows: (PersonRow & { actions: InvitationAction[]; choosable: string | null })[];
  q: string;
  filtered: boolean;
  statuses: Choice[];
  kinds: Choice[];
  groups: GroupFilter['field'];
  mayInvite: boolean;
  mayManage: boolean;
  anyChoosable: boolean;
  next: string | null;
  previous: string | null;
  first: string | null;
  back: string;
}

const usersView = consoleView<UsersData>('users');

interface ResultsData {
  heading: string;
  summary: string;
  rows: { name: string; ok: boolean; text: string; help: string | null; link: Refusal['link']; href: string | null }[];
  back: string;
}

const resultsView = consoleView<ResultsData>('results');

interface ConfirmBulkData {
  names: { id: string; name: string }[];
  back: string;
}

const confirmCancelView = consoleView<ConfirmBulkData>('confirm-cancel-many');
const confirmSendView = consoleView<ConfirmBulkData>('confirm-send-many');

/** Who belongs here, and where their invitations stand. // B6, C5, D7 */
export function usersScreens({ get, post }: Screens): void {
  get('/console/users', async (page) => {
    const groupNames = await groupNamesOf(page);
    const { groupId, field: groups } = groupFilter(page, groupNames);
    const filter = { ...queryOf(page, 'q', 'status', 'kind'), ...(groupId && { groupId }) };
    const users = groups?.trouble
      ? { items: [], nextCursor: null }
      : await page.ask<UserPageBody>('GET O/users', { query: { ...filter, ...listed(page) } });
    const mayManage = page.may('invitations.manage');
    const back = page.request.originalUrl;
    const parts = mayManage ? await partsAmong(page, users.items) : new Set<string>();
    const rows = users.items.map((user) => {
      const isPart = user.invitation !== null && parts.has(user.invitation.id);
      const actions = mayManage ? invitationActions(page, user, isPart) : [];
      return {
        ...personRow(page, user, groupNames),
        actions,
        choosable:
          actions[0] && user.invitation ? `${user.invitation.id}.${isPart ? 'resend' : actions[0].wish}` : null,
      };
    });
    const choices = (values: readonly string[], chosen: string | undefined, label: (value: string) => string) =>
      values.map((value) => ({ value, label: label(value), chosen: value === chosen }));
    page.show(usersView, {
      rows,
      q: filter.q ?? '',
      filtered: Object.keys(filter).length > 0 || Boolean(groups?.trouble),
      statuses: choices(userStatuses, filter.status, (value) =>
        page.t(`users.status.${filterWord(page, value as UserStatus)}`),
      ),
      kinds: choices(invitationKinds, filter.kind, (value) => page.t(`console.kinds.${value}`)),
      groups,
      mayInvite: page.may('invitations.create'),
      mayManage,
      anyChoosable: rows.some(({ choosable }) => choosable !== null),
      ...nextPage(page, users.nextCursor),
      back,
    });
  });

  // Many at once: each of them is asked for alone, so that one refusal holds up no other.
  const many = async (page: Page) => {
    const chosen = page.fields('chosen').flatMap(readChoice).slice(0, 200);
    const wish = page.field('wish');
    if (chosen.length === 0) return page.go(safeBack(page), 'noneChosen', {}, 'info');
    if (wish === 'cancel' && page.field('sure') !== 'yes') return confirm(page, confirmCancelView, chosen);
    const rows: ResultsData['rows'] = [];
    for (const { id, action } of chosen) rows.push(await actOn(page, id, wish === 'cancel' ? 'cancel' : action));
    const done = rows.filter(({ ok }) => ok).length;
    page.show(resultsView, {
      heading: page.t(`console.results.${wish === 'cancel' ? 'cancelled' : 'sent'}`),
      summary: page.t('console.results.summary', { done, total: rows.length }),
      rows,
      back: safeBack(page),
    });
  };
  // Whoever had to sign in meanwhile sees again whom they had chosen, and says it once more.
  post('/console/users/many', many, (page) => {
    const chosen = page.fields('chosen').flatMap(readChoice).slice(0, 200);
    if (chosen.length === 0) return page.go(safeBack(page), 'noneChosen', {}, 'info');
    return confirm(page, page.field('wish') === 'cancel' ? confirmCancelView : confirmSendView, chosen);
  });
}

async function confirm(page: Page, view: View<ConfirmBulkData>, chosen: Choosable[]): Promise<void> {
  const names = await Promise.all(
    chosen.map(async ({ id, value }) => ({
      id: value,
      name: (await inviteeName(page, id)) ?? page.t('console.results.gone'),
    })),
  );
  page.show(view, { names, back: safeBack(page) });
}

type InvitationBody = z.infer<typeof invitation>;

/** null: it is gone meanwhile. */
const inviteeName = async (page: Page, id: string): Promise<string | null> => {
  try {
    return nameOf(page, await page.ask<InvitationBody>('GET O/invitations/{id}', { params: { id } }));
  } catch (error) {
    if (toProblem(error).status !== 404) throw error;
    return null;
  }
};

export const nameOf = (
  page: Page,
  person: Pick<InvitationBody, 'firstName' | 'lastName' | 'username' | 'email'>,
): string =>
  [person.firstName, person.lastName].filter(Boolean).join(' ') ||
  person.username ||
  person.email ||
  page.t('console.unnamed');

/** What a list's box stands for: an invitation, and what sending meant when the list was shown, so that twice is once. */
interface Choosable {
  id: string;
  action: 'send' | 'resend';
  value: string;
}

function readChoice(value: string): Choosable[] {
  const [, id, action] = /^([0-9a-f-]{36})\.(send|resend)$/.exec(value) ?? [];
  return id ? [{ id, action: action === 'send' ? 'send' : 'resend', value }] : [];
}

/** One of many; says how it went. */
async function actOn(page: Page, id: string, action: InvitationAction['wish']): Promise<ResultsData['rows'][number]> {
  const href = `/console/invitations/${id}`;
  const name = await inviteeName(page, id);
  const gone = page.t('console.results.gone');
  if (name === null)
    return { name: page.t('console.unnamed'), ok: false, text: gone, help: null, link: null, href: null };
  try {
    await page.ask(`POST O/invitations/{id}/${action}`, { params: { id } });
    return { name, ok: true, text: page.t(`console.results.${action}`), help: null, link: null, href };
  } catch (error) {
    const problem = toProblem(error);
    if (problem.status >= 500) throw error;
    if (problem.status === 404) return { name, ok: false, text: gone, help: null, link: null, href: null };
    if (
      problem.code === 'STATUS_CONFLICT' &&
      (await page.read((trx) => findParts(trx, page.organization.id, [id]))).has(id)
    )
      return { name, ok: false, text: page.t('console.results.part'), help: null, link: null, href };
    const { title, numbers, help, link } = refusalWords(page, problem);
    return { name, ok: false, text: title, help: [...numbers, help ?? ''].join(' ').trim() || null, link, href };
  }
}

interface InvitationAction {
  wish: 'send' | 'resend' | 'cancel';
  path: string;
  label: string;
}

const partsAmong = (page: Page, users: UserBody[]): Promise<ReadonlySet<string>> => {
  const ids = users.flatMap(({ invitation: open }) =>
    open && ['draft', 'pending', 'expired'].includes(open.status) ? [open.id] : [],
  );
  return page.read((trx) => findParts(trx, page.organization.id, ids));
};

/**
 * What can be done about somebody's invitation, by what it is; whether it is allowed says the command. A part is sent by
 * another organization, and can only be cancelled here. // C3
 */
function invitationActions(page: Page, { invitation: open }: UserBody, isPart: boolean): InvitationAction[] {
  if (!open) return [];
  const ours: InvitationAction['wish'][] =
    open.status === 'draft'
      ? ['send', 'cancel']
      : open.status === 'pending'
        ? ['resend', 'cancel']
        : open.status === 'expired' && page.organization.policy.resendAfterExpiry
          ? ['resend']
          : [];
  const wishes = isPart ? ours.filter((wish) => wish === 'cancel') : ours;
  return wishes.map((wish) => ({
    wish,
    path: `/console/invitations/${open.id}/${wish}`,
    label: page.t(`console.invitationActions.${wish}`),
  }));
}

/** Where a list's form leads back to: a screen of ours, whatever the form says. */
export function safeBack(page: Page, otherwise = '/console/users'): string {
  const back = page.field('back');
  return /^\/console(\/[\w-]+)*(\?[\w=&%.+@~-]*)?$/.test(back) ? back : otherwise;
}
