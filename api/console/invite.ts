import type { z } from 'zod';
import { readClock } from '../../db/database';
import { deadline } from '../../domain/calendar-time';
import { guestTypes, type InvitationKind, invitationKinds, type Role, roles } from '../../domain/invitation';
import { type Action, decide, theOrganization } from '../../domain/permissions';
import type { Problem } from '../../domain/problem';
import { displayName } from '../../domain/account';
import { listNames, locales, pickLocale, translator } from '../../i18n';
import { toProblem } from '../middleware/problems';
import type { invitation } from '../schemas/invitations';
import type { licenceUse } from '../schemas/licences';
import { allGroups, type GroupBody } from './all-groups';
import { demand } from './demand';
import { durationWords } from './durations';
import { type FieldSpec, type Form, formOf, manyChoices, typedOrNothing } from './forms';
import type { Screens } from './index';
import { instantOf } from './local-time';
import type { Page } from './page';
import { permissionChoices } from './permissions';
import { consoleView } from './views';

type InvitationBody = z.infer<typeof invitation>;

interface InviteData {
  form: Form;
  kinds: InvitationKind[];
  /** Of the preview, before anything is typed. */
  kind: InvitationKind;
  /** What there is to choose, beyond the form's fields, for members and for guests. */
  has: Record<
    | 'groups'
    | 'memberGroups'
    | 'guestGroups'
    | 'role'
    | 'permissions'
    | 'accessEndsAt'
    | 'organizations'
    | 'later'
    | 'overwrite',
    boolean
  >;
  withoutEmail: boolean;
  anyMandatory: boolean;
  seats: { left: number; of: number; guestsLeft: number } | null;
  lifetime: string;
}

const inviteView = consoleView<InviteData>('invite');

const invites: Record<InvitationKind, Action> = { member: 'members.invite', guest: 'guests.invite' };

/** Inviting somebody, by the policy of the organization and the rights of the inviter. // A2, B1, C1–C3, D10, E1 */
export function inviteScreens({ get, post, frame }: Screens): void {
  get('/console/invite', (page) => show(page));

  post(
    '/console/invite',
    async (page) => {
      try {
        const created = await page.ask<InvitationBody>('POST O/invitations', { body: toBody(page) });
        const name =
          [created.firstName, created.lastName].filter(Boolean).join(' ') || created.email || created.username;
        const values = { name: name ?? page.t('console.unnamed') };
        if (!page.may('invitations.manage')) return page.go('/console', 'invited', values);
        const notice = created.status === 'draft' ? (created.email ? 'drafted' : 'linkNext') : 'invited';
        // A mail that was not tried yet has something to say only where it will not be.
        if (created.delivery.detail !== undefined)
          return page.go(`/console/invitations/${created.id}`, 'invitedSuppressed', values, 'bad');
        page.go(`/console/invitations/${created.id}`, notice, values);
      } catch (error) {
        const problem = toProblem(error);
        if (problem.status >= 500) throw error;
        await show(page, problem, true);
      }
    },
    (page) => show(page, null, true),
  );

  // To begin with nothing is typed; then what is.
  for (const method of ['get', 'post'] as const) frame(method, '/console/invite/preview', showPreview);
}

/** The mail as it would go out now. */
async function showPreview(page: Page): Promise<void> {
  demand(page, 'invitations.create');
  const now = await page.read(readClock);
  const kind = kindOf(page);
  const locale = pickLocale(page.field('locale'), page.organization.locale);
  const typedEnd = new Date(instantOf(page.field('expiresAt'), page.timeZone));
  const { policy, timeZone } = page.organization;
  const others = page.organizations.filter(({ id }) => page.fields('additionalOrganizationIds').includes(id));
  const invitation = {
    kind,
    locale,
    organizationName: listNames(locale, [page.organization, ...others]),
    inviterName: displayName(page.person.account),
    firstName: page.field('firstName').slice(0, 100).trim() || null,
    lastName: page.field('lastName').slice(0, 100).trim() || null,
    message: page.field('message').slice(0, 5_000).trim() || null,
    // Nobody can use it: the real one is made when the mail goes out.
    link: `${page.services.baseUrl}/invitations/preview`,
    expiresAt: Number.isNaN(typedEnd.getTime()) ? deadline(now, policy.invitationLifetime, timeZone) : typedEnd,
    timeZone,
  };
  const mail = await page.read((trx) => page.services.previewInvitation(trx, page.organization, invitation));
  page.response.send(mail.html);
}

const kindOf = (page: Page): InvitationKind => {
  const wanted = page.request.method === 'POST' ? page.field('kind') : page.query('kind');
  const allowed = allowedKinds(page);
  return allowed.find((kind) => kind === wanted) ?? allowed[0] ?? 'guest';
};

const allowedKinds = (page: Page): InvitationKind[] => invitationKinds.filter((kind) => page.may(invites[kind]));

/** What was chosen, as the JSON of the route. */
function toBody(page: Page): Record<string, unknown> {
  const kind = kindOf(page);
  const many = (name: string) => page.fields(name).filter((value) => value !== '');
  const instants = Object.fromEntries(
    (['expiresAt', 'accessEndsAt'] as const).flatMap((name) => {
      const typed = page.field(name);
      return typed === '' || (name === 'accessEndsAt' && kind === 'member')
        ? []
        : [[name, instantOf(typed, page.timeZone)]];
    }),
  ) as Record<string, string>;
  const permissions = [...many('permissions'), ...ownPermissions(page)];
  return {
    kind,
    ...typedOrNothing(page, 'email', 'firstName', 'lastName', 'username', 'message', 'locale'),
    ...(kind === 'guest'
      ? { ...typedOrNothing(page, 'guestType'), groupIds: [...many('groupIds'), ...many('guestGroupIds')] }
      : {
          ...typedOrNothing(page, 'userType'),
          groupIds: [...many('groupIds'), ...many('memberGroupIds')],
          ...(page.field('role') !== '' && { role: page.field('role') }),
          ...(permissions.length > 0 && { permissions }),
        }),
    ...(many('additionalOrganizationIds').length > 0 && {
      additionalOrganizationIds: many('additionalOrganizationIds'),
    }),
    ...instants,
    send: page.field('send') !== 'later',
    ...(page.field('overwrite') === 'yes' && { overwrite: true }),
  };
}

/** One a line: permissions of the host product, which Usher only hands on. */
export const ownPermissions = (page: Page): string[] =>
  page
    .field('otherPermissions')
    .split(/[\n,]/)
    .map((text) => text.trim())
    .filter((text) => text !== '');

async function show(page: Page, problem: Problem | null = null, typed = false): Promise<void> {
  const kinds = allowedKinds(page);
  if (kinds.length === 0) await page.ask('POST O/invitations', { body: {} });
  const { policy } = page.organization;
  const mandatory = (field: 'email' | 'firstName' | 'lastName') => policy.requiredFields.includes(field);
  const groups = await allGroups(page);
  const memberGroups = groupChoices(page, groups, 'members.invite').filter(({ isGuestGroup }) => !isGuestGroup);
  const guestGroups = groupChoices(page, groups, 'guests.invite');
  // So many that they are in the page once, for whoever may come into them.
  const inOne =
    kinds.length === invitationKinds.length && [memberGroups, guestGroups].every(({ length }) => length > manyChoices);
  const allChoices = inOne ? everyGroup(memberGroups, guestGroups) : [];
  const mayManage = page.may('invitations.manage');
  const others = page.organizations.filter(
    (organization) =>
      organization.id !== page.organization.id &&
      kinds.some((kind) => decide(organization, invites[kind], theOrganization, organization.policy).allowed),
  );
  const mayGivePermissions = page.may('permissions.give');
  const overwrite =
    (problem?.code === 'ACCOUNT_INACTIVE' || page.field('overwrite') === 'yes') && page.may('users.manage');
  const guestDefaults = {
    ...(page.organization.licences === null && { hint: false as const }),
    value: guestGroups.filter(({ isGuestGroup }) => isGuestGroup).map(({ value }) => value),
  };
  const specs: FieldSpec[] = [
    { name: 'kind', kind: 'radios', value: kindOf(page), choices: kinds.map((kind) => choice(page, 'kind', kind)) },
    { name: 'email', kind: 'email', required: mandatory('email') || !mayManage },
    { name: 'firstName', required: mandatory('firstName'), words: 'console.fields.givenName' },
    { name: 'lastName', required: mandatory('lastName'), words: 'console.fields.familyName' },
    { name: 'username' },
    {
      name: 'groupIds',
      kind: 'checkboxes',
      choices: allChoices,
      words: 'console.fields.guestGroupIds',
      ...guestDefaults,
    },
    { name: 'memberGroupIds', kind: 'checkboxes', choices: inOne ? [] : memberGroups },
    { name: 'guestGroupIds', kind: 'checkboxes', choices: inOne ? [] : guestGroups, ...guestDefaults },
    {
      name: 'guestType',
      kind: 'select',
      choices: [
        { value: '', label: page.t('console.unsaid') },
        ...guestTypes.map((type) => choice(page, 'guestType', type)),
      ],
    },
    { name: 'accessEndsAt', kind: 'instant' },
    { name: 'userType' },
    {
      name: 'role',
      kind: 'radios',
      value: 'member' satisfies Role,
      choices: roles.map((role) => choice(page, 'role', role)),
    },
    {
      name: 'permissions',
      kind: 'checkboxes',
      choices: permissionChoices(page),
    },
    { name: 'otherPermissions', kind: 'textarea', rows: 2 },
    {
      name: 'additionalOrganizationIds',
      kind: 'checkboxes',
      choices: others.map(({ id, name }) => ({ value: id, label: name })),
    },
    { name: 'message', kind: 'textarea', rows: 5 },
    {
      name: 'locale',
      kind: 'select',
      value: pickLocale(page.organization.locale),
      choices: locales.map((locale) => ({ value: locale, label: translator(locale)('language') })),
    },
    { name: 'expiresAt', kind: 'instant' },
    {
      name: 'send',
      kind: 'radios',
      value: 'now',
      choices: (['now', 'later'] as const).map((when) => choice(page, 'send', when)),
    },
    { name: 'overwrite', kind: 'checkbox' },
  ];
  const data: InviteData = {
    form: formOf(page, specs, typed, inOne ? problem : problem && atForm(problem, kindOf(page))),
    kinds,
    kind: kindOf(page),
    has: {
      groups: inOne,
      memberGroups: !inOne && memberGroups.length > 0 && kinds.includes('member'),
      guestGroups: !inOne && kinds.includes('guest'),
      role: page.may('roles.give') && kinds.includes('member'),
      permissions: mayGivePermissions && kinds.includes('member'),
      accessEndsAt: policy.guestSuspensionAndEndDate,
      organizations: others.length > 0,
      later: mayManage,
      overwrite,
    },
    withoutEmail: mayManage && !mandatory('email'),
    anyMandatory: specs.some(({ required }) => required),
    seats: await seatsLeft(page),
    lifetime: durationWords(page.locale, policy.invitationLifetime),
  };
  if (problem) page.showAgain(inviteView, data, problem);
  else page.show(inviteView, data);
}

/** Faults of `/groupIds` belong to the boxes that were shown for this kind of person. */
function atForm(problem: Problem, kind: InvitationKind): Problem {
  for (const error of problem.options.errors ?? [])
    error.pointer = error.pointer.replace(/^\/groupIds/, kind === 'guest' ? '/guestGroupIds' : '/memberGroupIds');
  return problem;
}

type GroupChoice = ReturnType<typeof groupChoices>[number];

/** Groups that the person may put others into. */
export function groupChoices(page: Page, groups: readonly GroupBody[], action: Action) {
  return groups
    .filter((group) => page.may(action, { ...group, type: 'group' }))
    .map(({ id, name, visibility, isGuestGroup }) => ({
      value: id,
      label: name,
      hint: visibility === 'open' ? null : page.t(`console.visibilities.${visibility}`),
      isGuestGroup,
    }));
}

/** Those for one kind of person are hidden from the other, and not heard with them. */
function everyGroup(memberGroups: readonly GroupChoice[], guestGroups: readonly GroupChoice[]) {
  const idsOf = (choices: readonly GroupChoice[]) => new Set(choices.map(({ value }) => value));
  const [forMembers, forGuests] = [idsOf(memberGroups), idsOf(guestGroups)];
  return [
    ...guestGroups.map((group) =>
      forMembers.has(group.value) ? group : { ...group, name: 'guestGroupIds', within: 'for-guest' },
    ),
    ...memberGroups
      .filter(({ value }) => !forGuests.has(value))
      .map((group) => ({ ...group, name: 'memberGroupIds', within: 'for-member' })),
  ];
}

const choice = (page: Page, field: string, value: string) => {
  const hint = `console.choices.${field}.${value}Hint`;
  return { value, label: page.t(`console.choices.${field}.${value}`), hint: page.maySay(hint) };
};

async function seatsLeft(page: Page): Promise<InviteData['seats']> {
  // Where there are no licences, nobody needs to be counted.
  if (page.organization.licences === null || !page.may('users.manage')) return null;
  const use = await page.ask<z.infer<typeof licenceUse>>('GET O/licences');
  if (use.licences === null) return null;
  return {
    left: Math.max(0, use.licences - use.used.members - use.used.multiGroupGuests),
    of: use.licences,
    guestsLeft: Math.max(0, (use.singleGroupGuests.limit ?? 0) - use.singleGroupGuests.used),
  };
}
