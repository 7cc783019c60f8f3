import type { z } from 'zod';
import { guestTypes, invitationKinds, type InvitationStatus, invitationStatuses } from '../../domain/invitation';
import { Problem } from '../../domain/problem';
import { pickLocale, translator } from '../../i18n';
import { toProblem } from '../middleware/problems';
import type { invitation, invitationPage, link, timeline } from '../schemas/invitations';
import { allGroups, type GroupBody } from './all-groups';
import { type FieldSpec, type Form, formOf, typedOrNothing, typedOrNull } from './forms';
import type { Screens } from './index';
import { type StoryEvent, storyOf } from './invitation-story';
import { groupChoices } from './invite';
import type { Page } from './page';
import { initial } from './page';
import { listed, nextPage, queryOf } from './paging';
import { permissionName } from './permissions';
import { refusalNotice } from './refusal';
import { changedFields, mergeBoxes, shownIn } from './shown';
import { groupNamesOf, nameOf, safeBack } from './users';
import { consoleView } from './views';

type InvitationBody = z.infer<typeof invitation>;
type TimelineBody = z.infer<typeof timeline>;
type LinkBody = z.infer<typeof link>;

interface Badge {
  word: string;
  tone: string;
  glyph: string;
}

const statusLooks: Record<InvitationStatus, { tone: string; glyph: string }> = {
  draft: { tone: 'quiet', glyph: 'draft' },
  pending: { tone: 'wait', glyph: 'pending' },
  accepted: { tone: 'good', glyph: 'check' },
  declined: { tone: 'bad', glyph: 'cross' },
  cancelled: { tone: 'quiet', glyph: 'off' },
  expired: { tone: 'warn', glyph: 'expired' },
};

const deliveryLooks: Record<InvitationBody['delivery']['status'], { tone: string; glyph: string }> = {
  none: { tone: 'quiet', glyph: 'mail' },
  queued: { tone: 'wait', glyph: 'pending' },
  sent: { tone: 'good', glyph: 'mail' },
  failed: { tone: 'bad', glyph: 'warn' },
  bounced: { tone: 'bad', glyph: 'warn' },
};

const statusBadge = (page: Page, status: InvitationStatus): Badge => ({
  word: page.t(`console.invitationStatus.${status}`),
  ...statusLooks[status],
});

const deliveryBadge = (page: Page, { status }: InvitationBody['delivery']): Badge => ({
  word: page.t(`console.delivery.${status}`),
  ...deliveryLooks[status],
});

interface Step {
  text: string;
  at: string;
}

const stepOf = (page: Page, step: InvitationBody['nextStep']): Step | null =>
  step && { text: page.t(`console.steps.${step.action}`), at: step.at };

interface ListData {
  rows: {
    href: string;
    name: string;
    initial: string;
    isGuest: boolean;
    email: string | null;
    status: Badge;
    delivery: Badge | null;
    next: Step | null;
    createdAt: string;
  }[];
  q: string;
  filtered: boolean;
  statuses: { value: string; label: string; chosen: boolean }[];
  kinds: { value: string; label: string; chosen: boolean }[];
  mayInvite: boolean;
  next: string | null;
  previous: string | null;
  first: string | null;
}

const listView = consoleView<ListData>('invitations');

interface DetailData {
  id: string;
  name: string;
  isGuest: boolean;
  email: string | null;
  status: Badge;
  delivery: Badge;
  deliveryDetail: string | null;
  /** The server refused the mail, or it came back. */
  undelivered: boolean;
  mailFrom: string | null;
  next: Step | null;
  events: StoryEvent[];
  facts: { label: string; text: string | null; at: string | null }[];
  message: string | null;
  declineReason: string | null;
  may: Record<'send' | 'resend' | 'cancel' | 'link' | 'edit', boolean>;
  /** A link by hand would kill one that was mailed. */
  asksForLink: boolean;
  userHref: string | null;
  mailsHref: string | null;
  workflowHref: string | null;
}

const detailView = consoleView<DetailData>('invitation');
const cancelView = consoleView<{ id: string; name: string; back: string }>('confirm-cancel');
const linkView = consoleView<{ id: string; name: string; url: string; png: string; expiresAt: string | null }>('link');
const confirmLinkView = consoleView<{ id: string; name: string }>('confirm-link');
const editView = consoleView<EditData>('edit-invitation');

interface EditData {
  id: string;
  name: string;
  form: Form;
  version: string;
  was: string;
  hasGroups: boolean;
  sent: boolean;
  /** Somebody else has changed it meanwhile: what is there now. */
  theirs: { label: string; theirs: string; mine: string }[] | null;
}

const wishes = ['send', 'resend', 'cancel'] as const;

/** Invitations: the list, each with its timeline and its next planned step, and what can be done. // C6, C7, D10, F2 */
export function invitationScreens({ get, post }: Screens): void {
  get('/console/invitations', async (page) => {
    const filter = queryOf(page, 'q', 'status', 'kind');
    const found = await page.ask<z.infer<typeof invitationPage>>('GET O/invitations', {
      query: { ...filter, ...listed(page) },
    });
    page.show(listView, {
      rows: found.items.map((row) => {
        const name = nameOf(page, row);
        return {
          href: `/console/invitations/${row.id}`,
          name,
          initial: initial(name),
          isGuest: row.kind === 'guest',
          email: row.email === name ? null : row.email,
          status: statusBadge(page, row.status),
          delivery: row.delivery.status === 'none' ? null : deliveryBadge(page, row.delivery),
          next: stepOf(page, row.nextStep),
          createdAt: row.createdAt,
        };
      }),
      q: filter.q ?? '',
      filtered: Object.keys(filter).length > 0,
      statuses: invitationStatuses.map((value) => ({
        value,
        label: page.t(`console.invitationStatus.${value}`),
        chosen: value === filter.status,
      })),
      kinds: invitationKinds.map((value) => ({
        value,
        label: page.t(`console.kinds.${value}`),
        chosen: value === filter.kind,
      })),
      mayInvite: page.may('invitations.create'),
      ...nextPage(page, found.nextCursor),
    });
  });

  get('/console/invitations/:id', async (page) => {
    const row = await find(page);
    const story = await page.ask<TimelineBody>('GET O/invitations/{id}/timeline', { params: { id: row.id } });
    page.show(detailView, {
      id: row.id,
      name: nameOf(page, row),
      isGuest: row.kind === 'guest',
      email: row.email,
      status: statusBadge(page, row.status),
      delivery: deliveryBadge(page, row.delivery),
      deliveryDetail: row.delivery.detail ?? null,
      undelivered: ['failed', 'bounced'].includes(row.delivery.status),
      mailFrom: page.services.mailFrom,
      next: stepOf(page, story.nextStep),
      events: await storyOf(page, row.id),
      facts: await factsOf(page, row),
      message: row.message,
      declineReason: row.declineReason,
      may: doable(page, row),
      asksForLink: hasMailedLink(row),
      userHref: row.userId === null ? null : `/console/users/${row.userId}`,
      mailsHref: page.may('logs.read') ? `/console/emails?invitationId=${row.id}` : null,
      workflowHref: workflowHref(page, row),
    });
  });

  get('/console/invitations/:id/cancel', async (page) => {
    const row = await find(page);
    page.show(cancelView, { id: row.id, name: nameOf(page, row), back: `/console/invitations/${row.id}` });
  });

  for (const wish of wishes)
    post(`/console/invitations/:id/${wish}`, async (page) => {
      const { id } = await find(page);
      const back = safeBack(page, `/console/invitations/${id}`);
      try {
        const done = await page.ask<InvitationBody>(`POST O/invitations/{id}/${wish}`, { params: { id } });
        page.go(back, `${wish}Done`, { name: nameOf(page, done) });
      } catch (error) {
        const problem = toProblem(error);
        if (problem.status !== 409 || problem.code === 'NO_SEAT') throw error;
        page.go(back, 'refused', refusalNotice(page, problem), 'bad');
      }
    });

  // A link that somebody has been mailed is dead from then on: that is asked about first.
  get('/console/invitations/:id/link', async (page) => {
    const row = await find(page);
    if (!doable(page, row).link) throw new Problem('STATUS_CONFLICT', 'It is not open any more.');
    page.show(confirmLinkView, { id: row.id, name: nameOf(page, row) });
  });

  // The answer is a secret: it is shown this once, and an earlier link is dead.
  post('/console/invitations/:id/link', async (page) => {
    const before = await find(page);
    const { id } = before;
    if (hasMailedLink(before) && page.field('sure') !== 'yes')
      return page.show(confirmLinkView, { id, name: nameOf(page, before) });
    // The same form again, as when the page is loaded anew, would kill the link that has just been handed over.
    if (!(await page.useUp('link'))) return page.show(confirmLinkView, { id, name: nameOf(page, before) }, 409);
    const { url, qrCode } = await page.ask<LinkBody>('POST O/invitations/{id}/link', { params: { id } });
    const row = await find(page);
    page.show(linkView, { id, name: nameOf(page, row), url, png: qrCode.png, expiresAt: row.expiresAt });
  });

  get('/console/invitations/:id/edit', (page) => showEdit(page));
  post(
    '/console/invitations/:id/edit',
    async (page) => {
      const row = await find(page);
      const { id, email } = row;
      const changed = changedFields(page, (await editing(page, row)).specs);
      const body = {
        // An address that was there cannot be taken away: emptied, it is refused.
        ...(changed.has('email') &&
          (email === null ? typedOrNothing(page, 'email') : { email: page.field('email').trim() })),
        ...typedOrNull(page, ...(['firstName', 'lastName', 'message'] as const).filter((name) => changed.has(name))),
        ...(page.field('hasGroups') === 'yes' &&
          changed.has('groupIds') && { groupIds: mergeBoxes(page, 'groupIds', row.groupIds) }),
      };
      try {
        const headers = { 'if-match': page.field('version') || '*' };
        if (Object.keys(body).length > 0) await page.ask('PATCH O/invitations/{id}', { params: { id }, body, headers });
        page.go(`/console/invitations/${id}`, 'invitationSaved');
      } catch (error) {
        const problem = toProblem(error);
        if (problem.status >= 500 || problem.status === 403) throw error;
        await showEdit(page, problem, true);
      }
    },
    (page) => showEdit(page, null, true),
  );
}

const find = (page: Page): Promise<InvitationBody> =>
  page.ask<InvitationBody>('GET O/invitations/{id}', { params: { id: page.param('id') } });

/** Whether a link is out in a mail that works still, as far as anybody knows. */
const hasMailedLink = ({ status, delivery }: InvitationBody): boolean =>
  status === 'pending' && (delivery.status === 'sent' || delivery.status === 'queued');

/** What its state has an arrow for; whether it is allowed says the command. */
function doable(page: Page, { status, email }: InvitationBody): DetailData['may'] {
  const open = status === 'draft' || status === 'pending';
  const again = status === 'pending' || (status === 'expired' && page.organization.policy.resendAfterExpiry);
  return {
    send: status === 'draft' && email !== null,
    resend: again && email !== null,
    cancel: open,
    link: open,
    edit: open,
  };
}

async function factsOf(page: Page, row: InvitationBody): Promise<DetailData['facts']> {
  const groupNames = row.groupIds.length > 0 ? await groupNamesOf(page) : new Map<string, string>();
  const others = row.additionalOrganizationIds.flatMap(
    (id) => page.organizations.find((organization) => organization.id === id)?.name ?? [],
  );
  const text = (name: string, value: string | null | undefined) =>
    value ? [{ label: page.t(`console.facts.${name}`), text: value, at: null }] : [];
  const at = (name: string, value: string | null) =>
    value === null ? [] : [{ label: page.t(`console.facts.${name}`), text: null, at: value }];
  const { type, displayName } = row.invitedBy;
  return [
    ...text('email', row.email ?? page.t('console.facts.noEmail')),
    ...text('username', row.username),
    ...text('kind', page.t(`console.choices.kind.${row.kind}`)),
    ...text('role', row.role === 'member' ? null : page.t(`console.roles.${row.role}`)),
    ...text(
      'guestType',
      guestTypes.includes(row.guestType as never) ? page.t(`console.choices.guestType.${row.guestType}`) : null,
    ),
    ...text('userType', row.userType),
    ...text('groups', row.groupIds.flatMap((id) => groupNames.get(id) ?? []).join(', ')),
    ...text('organizations', others.join(', ')),
    ...text('permissions', row.permissions.map((name) => permissionName(page, name)).join(', ')),
    ...at('expiresAt', row.expiresAt),
    ...at('accessEndsAt', row.accessEndsAt),
    ...text('locale', row.locale && translator(pickLocale(row.locale))('language')),
    ...text('invitedBy', type === 'platform' ? page.t('console.actors.platform') : displayName),
    ...at('createdAt', row.createdAt),
    ...at('sentAt', row.sentAt),
    ...at('answeredAt', row.answeredAt),
    ...text('externalId', row.externalId),
  ];
}

/** For operators, where they have said where they look: the run of this invitation. // F1 */
function workflowHref(page: Page, { workflowId, sentAt }: InvitationBody): string | null {
  const ui = page.services.temporalUi;
  if (!ui || sentAt === null || !page.may('settings.manage')) return null;
  // It shows the workflows of every organization.
  if (ui.organizationId !== '*' && ui.organizationId !== page.organization.id) return null;
  return `${ui.url}/namespaces/${encodeURIComponent(ui.namespace)}/workflows/${encodeURIComponent(workflowId)}`;
}

async function showEdit(page: Page, problem: Problem | null = null, typed = false): Promise<void> {
  const { body: row, etag = '' } = (await page.reply('GET O/invitations/{id}', {
    params: { id: page.param('id') },
  })) as { body: InvitationBody; etag?: string };
  const { specs, groups } = await editing(page, row);
  const conflict = problem?.code === 'PRECONDITION_FAILED';
  const changed = changedFields(page, specs);
  // After a conflict the form stands for what holds now, with what the person has changed themselves.
  const merged = mergeBoxes(page, 'groupIds', row.groupIds);
  const mine = specs.map((spec) => (conflict && spec.name === 'groupIds' ? { ...spec, value: merged } : spec));
  changed.delete('groupIds');
  const groupNames = new Map(groups.map(({ id, name }) => [id, name]));
  const named = (ids: readonly string[]) => ids.flatMap((id) => groupNames.get(id) ?? []).join(', ');
  const compared = [
    ...(['email', 'firstName', 'lastName', 'message'] as const).map((field) => ({
      label: page.t(
        `console.fields.${{ email: 'email', firstName: 'givenName', lastName: 'familyName', message: 'message' }[field]}.label`,
      ),
      theirs: row[field] ?? '',
      mine: changed.has(field) ? page.field(field) : (row[field] ?? ''),
    })),
    {
      label: page.t('console.fields.groupIds.label'),
      theirs: named(row.groupIds),
      mine: named(merged),
    },
  ];
  const data: EditData = {
    id: row.id,
    name: nameOf(page, row),
    form: formOf(page, mine, conflict ? changed : typed, problem),
    version: typed && !conflict ? page.field('version') : etag,
    was: typed && !conflict ? page.field('was') : shownIn(specs),
    hasGroups: specs.some(({ name, choices = [] }) => name === 'groupIds' && choices.length > 0),
    sent: row.sentAt !== null,
    theirs: conflict ? compared.filter(({ theirs, mine }) => theirs !== mine) : null,
  };
  if (problem) page.showAgain(editView, data, problem);
  else page.show(editView, data);
}

async function editing(page: Page, row: InvitationBody): Promise<{ specs: FieldSpec[]; groups: GroupBody[] }> {
  const { policy } = page.organization;
  const groups = await allGroups(page);
  const action = row.kind === 'guest' ? 'guests.invite' : 'members.invite';
  const choosable = new Set(groupChoices(page, groups, action).map(({ value }) => value));
  const choices = groups
    .filter(({ id }) => choosable.has(id) || row.groupIds.includes(id))
    .map(({ id, name }) => ({ value: id, label: name }));
  const required = (field: 'email' | 'firstName' | 'lastName') => policy.requiredFields.includes(field);
  const specs: FieldSpec[] = [
    { name: 'email', kind: 'email', value: row.email, required: row.email !== null } as const,
    { name: 'firstName', value: row.firstName, required: required('firstName'), words: 'console.fields.givenName' },
    { name: 'lastName', value: row.lastName, required: required('lastName'), words: 'console.fields.familyName' },
    { name: 'groupIds', kind: 'checkboxes', value: row.groupIds, choices } as const,
    { name: 'message', kind: 'textarea', value: row.message, rows: 5 } as const,
  ];
  return { specs, groups };
}
