import type { z } from 'zod';
import { findParts, findSender, findSending, type Sending } from '../../db/queries/find-sending';
import { guestTypes, invitationKinds, type InvitationStatus, invitationStatuses } from '../../domain/invitation';
import { Problem } from '../../domain/problem';
import { pickLocale, translator } from '../../i18n';
import { toProblem } from '../middleware/problems';
import type { invitation, invitationPage, link } from '../schemas/invitations';
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
import { workflowHref } from './workflow-link';

type InvitationBody = z.infer<typeof invitation>;
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

/** A part has no steps of its own; but it ends when the whole of it does. // C3 */
function stepOf(page: Page, { nextStep, status, expiresAt }: InvitationBody, isPart: boolean): Step | null {
  if (nextStep) return { text: page.t(`console.steps.${nextStep.action}`), at: nextStep.at };
  if (!isPart || status !== 'pending' || expiresAt === null) return null;
  return { text: page.t('console.steps.expire'), at: expiresAt };
}

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
  delivery: Badge | null;
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
  /** A link is out that a new one would kill. */
  asksForLink: boolean;
  /** When the present link was made, if that went into the inviter's hands. */
  linkedAt: string | null;
  /** Of a part: who sends it, and where, in a sentence. // C3 */
  part: string | null;
  userHref: string | null;
  mailsHref: string | null;
  workflowHref: string | null;
}

const detailView = consoleView<DetailData>('invitation');
const cancelView = consoleView<{ id: string; name: string; text: string; back: string }>('confirm-cancel');
const linkView = consoleView<{ id: string; name: string; url: string; png: string; expiresAt: string | null }>('link');
const confirmLinkView = consoleView<{ id: string; name: string; linkedAt: string | null }>('confirm-link');
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
    const ids = found.items.map(({ id }) => id);
    const parts = await page.read((trx) => findParts(trx, page.organization.id, ids));
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
          next: stepOf(page, row, parts.has(row.id)),
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
    const sending = await sendingOf(page, row);
    const isPart = sending.parentId !== null;
    page.show(detailView, {
      id: row.id,
      name: nameOf(page, row),
      isGuest: row.kind === 'guest',
      email: row.email,
      status: statusBadge(page, row.status),
      // Whether the mail of the whole arrived is known where that was sent.
      delivery: isPart ? null : deliveryBadge(page, row.delivery),
      deliveryDetail: row.delivery.detail ?? null,
      undelivered: ['failed', 'bounced'].includes(row.delivery.status),
      mailFrom: page.services.mailFrom,
      next: stepOf(page, row, isPart),
      events: await storyOf(page, row.id),
      facts: await factsOf(page, row, isPart),
      message: row.message,
      declineReason: row.declineReason,
      may: doable(page, row, isPart),
      asksForLink: hasLink(row),
      linkedAt: hasLink(row) ? linkTime(sending) : null,
      part: await partWords(page, sending),
      userHref: row.userId === null ? null : `/console/users/${row.userId}`,
      mailsHref: page.may('logs.read') && !isPart ? `/console/emails?invitationId=${row.id}` : null,
      workflowHref: isPart ? null : runOf(page, row),
    });
  });

  get('/console/invitations/:id/cancel', async (page) => {
    const row = await find(page);
    const text = cancelWords(page, row, await sendingOf(page, row));
    page.show(cancelView, { id: row.id, name: nameOf(page, row), text, back: `/console/invitations/${row.id}` });
  });

  for (const wish of wishes)
    post(`/console/invitations/:id/${wish}`, async (page) => {
      const row = await find(page);
      const { id } = row;
      const back = safeBack(page, `/console/invitations/${id}`);
      if (wish !== 'cancel' && (await isPartOf(page, row))) return page.go(back, 'partElsewhere', {}, 'bad');
      try {
        const done = await page.ask<InvitationBody>(`POST O/invitations/{id}/${wish}`, { params: { id } });
        page.go(back, `${wish}Done`, { name: nameOf(page, done) });
      } catch (error) {
        const problem = toProblem(error);
        if (problem.status !== 409 || problem.code === 'NO_SEAT') throw error;
        page.go(back, 'refused', refusalNotice(page, problem), 'bad');
      }
    });

  const confirmLink = async (page: Page, row: InvitationBody, status = 200) => {
    const linkedAt = linkTime(await sendingOf(page, row));
    page.show(confirmLinkView, { id: row.id, name: nameOf(page, row), linkedAt }, status);
  };

  // A link that somebody has is dead from then on, mailed or handed over: that is asked about first.
  get('/console/invitations/:id/link', async (page) => {
    const row = await find(page);
    if (await isPartOf(page, row)) return page.go(`/console/invitations/${row.id}`);
    if (!doable(page, row, false).link) throw new Problem('STATUS_CONFLICT', 'It is not open any more.');
    await confirmLink(page, row);
  });

  // The answer is a secret: it is shown this once, and an earlier link is dead.
  post('/console/invitations/:id/link', async (page) => {
    const before = await find(page);
    const { id } = before;
    if (await isPartOf(page, before)) return page.go(`/console/invitations/${id}`, 'partElsewhere', {}, 'bad');
    // The same form again, as when the page is loaded anew, would kill the link that has just been handed over.
    if (!(await page.useUp('link'))) return confirmLink(page, before, 409);
    if (hasLink(before) && page.field('sure') !== 'yes') return confirmLink(page, before);
    const { url, qrCode } = await page.ask<LinkBody>('POST O/invitations/{id}/link', { params: { id } });
    const row = await find(page);
    page.show(linkView, { id, name: nameOf(page, row), url, png: qrCode.png, expiresAt: row.expiresAt });
  });

  get('/console/invitations/:id/edit', async (page) => {
    const row = await find(page);
    if (await isPartOf(page, row)) return page.go(`/console/invitations/${row.id}`);
    await showEdit(page);
  });
  post(
    '/console/invitations/:id/edit',
    async (page) => {
      const row = await find(page);
      const { id, email } = row;
      if (await isPartOf(page, row)) return page.go(`/console/invitations/${id}`, 'partElsewhere', {}, 'bad');
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

const sendingOf = (page: Page, { id }: InvitationBody): Promise<Sending> =>
  page.read((trx) => findSending(trx, page.organization.id, id));

const isPartOf = async (page: Page, row: InvitationBody): Promise<boolean> =>
  (await sendingOf(page, row)).parentId !== null;

const linkTime = ({ linkedAt }: Sending): string | null => linkedAt?.toISOString() ?? null;

/** Whether a link is out, mailed or handed over: what became of the mail says nothing of who has it. */
const hasLink = ({ status }: InvitationBody): boolean => status === 'pending';

/** The organization is named to whoever belongs to it: others may not even know that there is one of this name. // C3 */
async function partWords(page: Page, { parentId }: Sending): Promise<string | null> {
  if (parentId === null) return null;
  const known = page.organizations.map(({ id }) => id);
  const senderId = await findSender(page.services.database, known, parentId);
  const sender = page.organizations.find(({ id }) => id === senderId);
  return sender
    ? page.t('console.invitation.partOf', { organizationName: sender.name })
    : page.t('console.invitation.partOfAnother');
}

/** What cancelling does to whoever has the link. */
function cancelWords(page: Page, { status }: InvitationBody, { linkedAt, parentId }: Sending): string {
  if (parentId !== null) return page.t('console.invitation.cancelPart', { organizationName: page.organization.name });
  if (status === 'draft') return page.t('console.invitation.cancelDraft');
  return page.t(linkedAt === null ? 'console.invitation.cancelText' : 'console.invitation.cancelLinked');
}

/** What its state has an arrow for; whether it is allowed says the command. Of a part, no more than its end. // C3 */
function doable(page: Page, { status, email }: InvitationBody, isPart: boolean): DetailData['may'] {
  const open = status === 'draft' || status === 'pending';
  if (isPart) return { send: false, resend: false, cancel: open, link: false, edit: false };
  const again = status === 'pending' || (status === 'expired' && page.organization.policy.resendAfterExpiry);
  return {
    send: status === 'draft' && email !== null,
    resend: again && email !== null,
    cancel: open,
    link: open,
    edit: open,
  };
}

async function factsOf(page: Page, row: InvitationBody, isPart: boolean): Promise<DetailData['facts']> {
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
    // Where no mail went out, the term began with a link by hand.
    ...at(row.delivery.status === 'none' && !isPart ? 'termStartedAt' : 'sentAt', row.sentAt),
    ...at('answeredAt', row.answeredAt),
    ...text('externalId', row.externalId),
  ];
}

/** The run of this invitation; a draft has none. // F1 */
const runOf = (page: Page, { workflowId, sentAt }: InvitationBody): string | null =>
  sentAt === null ? null : workflowHref(page, workflowId);

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
