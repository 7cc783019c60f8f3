import { randomUUID } from 'node:crypto';
import { isActive } from '../../domain/account';
import { inviterOf, systemActor, type Actor } from '../../domain/actor';
import { accessOver } from '../../domain/guest-access';
import { deadline } from '../../domain/calendar-time';
import { addressKey } from '../../domain/email-address';
import { effectiveStatus, type GuestType, type InvitationKind, type Role } from '../../domain/invitation';
import { nextStep } from '../../domain/next-step';
import {
  assertAllowed,
  decide,
  mayInvite,
  nobody,
  type Person as Inviter,
  type UserResource,
} from '../../domain/permissions';
import type { Policy } from '../../domain/policy';
import { badInput, type FieldError, Problem } from '../../domain/problem';
import { inOtherOrganization, type Transaction } from '../database';
import { Account } from '../models/account';
import { Group } from '../models/group';
import { Invitation } from '../models/invitation';
import { Membership } from '../models/membership';
import { Organization } from '../models/organization';
import { groupResource } from '../queries/find-groups';
import { rightsOf } from '../queries/find-rights';
import { suppressedWords } from '../queries/find-suppression';
import { judgeGroups } from './change-group-members';
import { eraseInvitee, eraseUser } from './erase-invitee';
import { expireIfOverdue } from './expire-invitation';
import {
  accountInactive,
  alreadyMember,
  assertNotDeactivated,
  assertUsernameFree,
  checkDomain,
  findPerson,
  type Person,
  proposeUsername,
  recallAddress,
} from './invitee';
import { writingEvents } from './record-event';
import { type Change, lockInvitation, markChanged, type Saved } from './save-invitation';
import { nameSuppressed } from './suppress-address';
import { lockSeatsOf, takeSeat } from './take-seat';
import { newTerm } from './start-term';

export interface NewInvitation {
  kind: InvitationKind;
  email: string | null;
  username: string | null;
  firstName: string | null;
  lastName: string | null;
  /** undefined: the group `guest` for guests, none for members. // A2 */
  groupIds: string[] | undefined;
  role: Role;
  permissions: string[];
  userType: string | null;
  guestType: GuestType | null;
  message: string | null;
  locale: string | null;
  send: boolean;
  expiresAt: Date | null;
  accessEndsAt: Date | null;
  sponsorId: string | null;
  externalId: string | null;
  metadata: Record<string, unknown> | null;
  redirectUrl: string | null;
  overwrite: boolean;
}

/** Where else a person is invited by the same invitation. // C3 */
export interface OtherPlace {
  organizationId: string;
  /** What the inviter is there; undefined: it does not exist for them. */
  person: Inviter | undefined;
  /** Of the organization's id in the body. */
  pointer: string;
}

/** Saved, or a draft, of which no workflow needs to hear. */
export interface Created {
  invitation: Invitation;
  changes: Change[];
}

const draftTerm = {
  status: 'draft',
  generation: 0,
  byHand: false,
  sentAt: null,
  expiresAt: null,
  deliveryStatus: 'none',
  deliveryDueAt: null,
} as const;

/**
 * Invites a person into an organization, as a draft or sent at once. The account exists from here on (`invited`). With other
 * places each of their organizations gets a part of it: all of them, or nothing. // C3
 * @param now the database's clock, read after nothing needed locking yet
 * @param inviter who invites: what they may not, or into which group, is FORBIDDEN // A1, D3, D4
 * @throws Problem FORBIDDEN, BAD_INPUT, INVITATION_PENDING, ALREADY_MEMBER, ACCOUNT_INACTIVE, USERNAME_TAKEN
 */
export async function createInvitation(
  trx: Transaction,
  organization: Organization,
  input: NewInvitation,
  actor: Actor,
  now: Date,
  inviter: Inviter,
  others: OtherPlace[] = [],
): Promise<Created> {
  await holdInviter(trx, actor);
  assertAllowed(mayInvite(inviter, input, organization.policy), 'organization');
  for (const place of others) await assertMayInviteAt(trx, place, input);
  const ids = others.map(({ organizationId }) => organizationId);
  const whole = await inviteInto(trx, organization, input, actor, now, inviter, { additionalOrganizationIds: ids });
  const changes = [...whole.changes];
  for (const place of others) changes.push(...(await invitePart(trx, place, whole.invitation, input, actor, now)));
  await seat(trx, whole.invitation, others);
  return { invitation: whole.invitation, changes };
}

/** Who is being erased meanwhile invites nobody any more; whose name is written down now is erased with it later. // A8, C8 */
async function holdInviter(trx: Transaction, { type, id }: Actor): Promise<void> {
  if (type !== 'user' || id === null) return;
  const account = await Account.query(trx).findById(id).forKeyShare();
  if (!account || account.status === 'erased') throw new Problem('UNAUTHENTICATED', 'This account is gone.');
}

/** Before anything else is said of any of them. @throws Problem BAD_INPUT, FORBIDDEN */
async function assertMayInviteAt(trx: Transaction, place: OtherPlace, input: NewInvitation): Promise<void> {
  const { organizationId, person, pointer } = place;
  const there = await inOtherOrganization(trx, organizationId, async () =>
    Organization.query(trx).findById(organizationId),
  );
  if (!there || !person) throw badInput({ pointer, message: 'There is no such organization.' });
  assertAllowed(mayInvite(person, input, there.policy), 'organization', pointer);
}

/** What only the organization that sends the invitation knows, or has names for, stays there. */
async function invitePart(
  trx: Transaction,
  { organizationId, person, pointer }: OtherPlace,
  whole: Invitation,
  input: NewInvitation,
  actor: Actor,
  now: Date,
): Promise<Change[]> {
  const own = {
    username: null,
    groupIds: undefined,
    sponsorId: null,
    externalId: null,
    metadata: null,
    redirectUrl: null,
  };
  try {
    return await inOtherOrganization(trx, organizationId, async () => {
      const there = await Organization.query(trx).findById(organizationId).throwIfNotFound();
      const made = await inviteInto(trx, there, { ...input, ...own }, actor, now, person ?? nobody, { whole });
      return made.changes;
    });
  } catch (error) {
    throw pointingAt(pointer, error);
  }
}

/** A refusal that comes from another organization than the one in the path names it by its place in the body. */
function pointingAt(pointer: string, error: unknown): unknown {
  if (!(error instanceof Problem)) return error;
  const message = error.options.errors?.[0]?.message ?? error.message;
  return new Problem(error.code, message, { errors: [{ pointer, message }] });
}

/** Last of all, in the order of the organizations' ids. */
async function seat(trx: Transaction, whole: Invitation, others: OtherPlace[]): Promise<void> {
  if (whole.status !== 'pending') return;
  await lockSeatsOf(trx, whole);
  await takeSeat(trx, whole.organizationId, { kind: whole.kind, groups: whole.groupIds.length });
  for (const { organizationId, pointer } of others)
    await inOtherOrganization(trx, organizationId, async () => {
      const part = await Invitation.query(trx).findOne({ parentId: whole.id, organizationId }).throwIfNotFound();
      await takeSeat(trx, organizationId, { kind: part.kind, groups: part.groupIds.length });
    }).catch((error: unknown) => {
      throw pointingAt(pointer, error);
    });
}

/** One row: with the link, or a part of the one that has it. */
type Shape = { additionalOrganizationIds: string[]; whole?: undefined } | { whole: Invitation };

async function inviteInto(
  trx: Transaction,
  organization: Organization,
  input: NewInvitation,
  actor: Actor,
  now: Date,
  inviter: Inviter,
  shape: Shape,
): Promise<Created> {
  const { whole } = shape;
  const groupIds = await checkInput(trx, organization, input, now, inviter);
  const changes: Change[] = [];
  let person: Person | undefined;
  const recalled = input.email === null ? null : await recallAddress(trx, organization.id, input.email);
  if (input.email !== null && recalled?.known) {
    const expired = await makeRoom(trx, organization, input.email, now);
    if (expired) changes.push(expired.change);
    person = await findPerson(trx, organization.id, input.email);
  }
  const known = person && (await makeWay(trx, person, input, actor, now, inviter)) ? undefined : person?.account;
  if (input.username !== null) await assertUsernameFree(trx, input.username, known?.id ?? null);
  const usernameDerived =
    !whole && input.username === null && organization.policy.deriveUsername && input.email !== null;
  const username = usernameDerived
    ? await proposeUsername(trx, organization.id, input.email ?? '', known?.id ?? null)
    : input.username;

  const account = await prepareAccount(trx, organization.id, input, now, known);
  const id = randomUUID();
  await enrol(trx, organization.id, account.id, id, input, now);

  const { send, overwrite: _, expiresAt, groupIds: __, ...fields } = input;
  const { accessEndsAt } = input;
  const draft = { generation: 0, email: input.email, requestedExpiresAt: expiresAt, accessEndsAt };
  const sent = send && input.email !== null;
  const own = sent ? newTerm(organization, draft, now) : draftTerm;
  const term = whole ? { ...draftTerm, status: whole.status, sentAt: whole.sentAt, expiresAt: whole.expiresAt } : own;
  const row = {
    ...fields,
    ...draft,
    id,
    organizationId: organization.id,
    accountId: account.id,
    username,
    usernameDerived,
    groupIds,
    ...inviterOf(actor),
    ...term,
    // Said at once; the mail log says so when its turn comes.
    ...(!whole && sent && recalled?.suppressed && { deliveryDetail: suppressedWords(recalled.suppressed) }),
    ...(whole ? { parentId: whole.id } : { additionalOrganizationIds: shape.additionalOrganizationIds }),
    nextAt: whole ? null : (nextStep(term, now)?.at ?? null),
    createdAt: now,
    updatedAt: now,
  };
  const event = { organizationId: organization.id, actor, at: now, invitationId: id, accountId: account.id };
  const told = writingEvents(
    trx,
    { ...event, type: 'invitation.created', data: { kind: input.kind, role: input.role } },
    ...(sent ? [{ ...event, type: 'invitation.sent', data: { generation: term.generation } }] : []),
  );
  const invitation = await Invitation.query(trx).with('told', told).insert(row).returning('*');
  // Now, as a draft is refused when it is to be sent: whoever reads why must find what to release.
  if (!whole && input.email !== null && recalled?.suppressed) await nameSuppressed(trx, organization.id, input.email);
  if (invitation.nextAt) changes.push({ ...(await markChanged(trx, invitation)), isNew: true });
  return { invitation, changes };
}

/** What the organization's policy asks of an invitation, and whether what it names exists. @returns the group ids */
async function checkInput(
  trx: Transaction,
  organization: Organization,
  input: NewInvitation,
  now: Date,
  inviter: Inviter,
): Promise<string[]> {
  const { id, policy, timeZone } = organization;
  const { groupIds, errors } = await judgeInvitedGroups(trx, organization, input, inviter);
  errors.push(...missingFields(policy, (field) => Boolean(input[field])));
  errors.push(...checkDomain(policy.allowedEmailDomains, input.email));
  if (input.kind === 'guest' && input.role !== 'member')
    errors.push({ pointer: '/role', message: 'A guest cannot be staff or administrator.' });
  if (input.kind === 'member' && input.guestType)
    errors.push({ pointer: '/guestType', message: 'guestType is for guests only.' });
  if (input.kind === 'member' && input.accessEndsAt)
    errors.push({ pointer: '/accessEndsAt', message: 'Temporary access is for guests only.' });
  if (input.expiresAt && (input.expiresAt <= now || input.expiresAt > deadline(now, 'P365D', timeZone)))
    errors.push({ pointer: '/expiresAt', message: 'expiresAt must lie in the future, at most a year from now.' });
  if (input.accessEndsAt && input.accessEndsAt <= now)
    errors.push({ pointer: '/accessEndsAt', message: 'accessEndsAt must lie in the future.' });
  if (input.redirectUrl && !policy.redirectOrigins.includes(new URL(input.redirectUrl).origin))
    errors.push({
      pointer: '/redirectUrl',
      message: "The origin of redirectUrl is not in the policy's redirectOrigins.",
    });
  if (input.sponsorId) {
    const sponsor = await Membership.query(trx).findById([id, input.sponsorId]);
    if (sponsor?.kind !== 'member')
      errors.push({ pointer: '/sponsorId', message: 'There is no such member in this organization.' });
  }
  if (errors.length > 0) throw badInput(...errors);
  return groupIds;
}

/** Nobody invites into a group that is not theirs to invite into, the group `guest` included. // A2, D4 */
async function judgeInvitedGroups(
  trx: Transaction,
  organization: Organization,
  { kind, groupIds }: Pick<NewInvitation, 'kind' | 'groupIds'>,
  inviter: Inviter,
): Promise<{ groupIds: string[]; errors: FieldError[] }> {
  const action = kind === 'guest' ? 'guests.invite' : 'members.invite';
  if (kind === 'guest' && groupIds?.length === 0) return { groupIds, errors: [noGroup] };
  if (groupIds || kind === 'member') return judgeGroups(trx, organization, groupIds ?? [], { person: inviter, action });
  const guests = await Group.query(trx).findOne({ organizationId: organization.id, isGuestGroup: true });
  if (!guests) return { groupIds: [], errors: [] };
  assertAllowed(decide(inviter, action, groupResource(guests), organization.policy), 'group');
  return { groupIds: [guests.id], errors: [] };
}

/** // A2 */
export const noGroup: FieldError = { pointer: '/groupIds', message: 'A guest needs a group.' };

/** // B1 */
export const missingFields = (
  policy: Policy,
  isGiven: (field: Policy['requiredFields'][number]) => boolean,
): FieldError[] =>
  policy.requiredFields
    .filter((field) => !isGiven(field))
    .map((field) => ({ pointer: `/${field}`, message: `${field} is mandatory in this organization.` }));

/**
 * At most one open invitation per address; one whose deadline has passed is not in the way. Only that one is locked:
 * two commands that want each other's address must not wait for each other.
 */
export async function makeRoom(
  trx: Transaction,
  organization: Organization,
  email: string,
  now: Date,
  except?: string,
): Promise<Saved | null> {
  const open = await Invitation.query(trx)
    .where('organizationId', organization.id)
    .whereRaw('lower(email) = ?', addressKey(email))
    .whereIn('status', ['draft', 'pending'])
    .modify((query) => void (except && query.whereNot('id', except)))
    .first();
  if (!open) return null;
  if (effectiveStatus(open, now) !== 'expired') throw invitationPending();
  return expireIfOverdue(trx, await lockInvitation(trx, organization.id, open.id), now);
}

export const invitationPending = (): Problem =>
  new Problem('INVITATION_PENDING', 'This address has an open invitation: resend, correct or cancel that one.', {
    errors: [{ pointer: '/email', message: 'This address has an open invitation.' }],
  });

/**
 * Who is inactive, because the invitation expired or a reactivation by hand was not used, gives way if asked to; which is
 * to delete a user, and takes what that takes. // E10
 * @returns whether the person of before was erased
 */
async function makeWay(
  trx: Transaction,
  { account, membership }: Person,
  input: NewInvitation,
  actor: Actor,
  now: Date,
  inviter: Inviter,
): Promise<boolean> {
  const { organizationId } = membership;
  if (membership.status === 'invited') return false;
  if (membership.accessEndsAt && accessOver(membership, now)) {
    // Nobody has carried out the end of a guest's access yet. // D11
    await eraseUser(trx, organizationId, account, systemActor, membership.accessEndsAt, 'access-ended');
    return true;
  }
  const joined = membership.status !== 'inactive';
  if (joined && !isInactiveAtHome(account, organizationId, now)) throw alreadyMember(membership);
  if (!joined && membership.inactiveReason !== 'expired') {
    assertNotDeactivated(account);
    return false;
  }
  if (!input.overwrite) throw accountInactive(': repeat with overwrite to replace it');
  const { role, invitationId } = membership;
  const planned = invitationId ? ((await Invitation.query(trx).findById(invitationId)) ?? null) : null;
  const permissions = await rightsOf(trx, membership, planned);
  const overwritten: UserResource = { type: 'user', self: false, role, permissions, groupIds: [] };
  assertAllowed(decide(inviter, 'users.manage', overwritten), 'user');
  const erase = account.activatedAt === null ? eraseInvitee : eraseUser;
  await erase(trx, organizationId, account, actor, now);
  return true;
}

const isInactiveAtHome = (account: Account, organizationId: string, now: Date): boolean =>
  account.homeOrganizationId === organizationId && account.status !== 'deactivated' && !isActive(account, now);

/**
 * The account of an invited person. It is this organization's own until they come in: whether the address belongs to
 * somebody who has an account already is found out by the mail that goes there, and by nothing else.
 */
async function prepareAccount(
  trx: Transaction,
  organizationId: string,
  input: NewInvitation,
  now: Date,
  known: Account | undefined,
): Promise<Account> {
  const fields = {
    invitedEmail: input.email,
    username: input.username,
    firstName: input.firstName,
    lastName: input.lastName,
    locale: input.locale,
    status: 'invited' as const,
    inactiveReason: null,
    homeOrganizationId: input.kind === 'member' ? organizationId : null,
    updatedAt: now,
  };
  if (known) return known.$query(trx).patchAndFetch({ ...fields, version: known.version + 1 });
  return Account.query(trx)
    .insert({ id: randomUUID(), ...fields, createdAt: now })
    .returning('*');
}

/** The organization's own view of the person: listed as invited from now on. // E5 */
async function enrol(
  trx: Transaction,
  organizationId: string,
  accountId: string,
  invitationId: string,
  input: NewInvitation,
  now: Date,
): Promise<void> {
  await Membership.query(trx)
    .insert({
      organizationId,
      accountId,
      invitationId,
      kind: input.kind,
      role: input.role,
      status: 'invited',
      inactiveReason: null,
      permissions: input.permissions,
      userType: input.userType,
      guestType: input.guestType,
      sponsorId: input.sponsorId,
      externalId: input.externalId,
      accessEndsAt: input.accessEndsAt,
      createdAt: now,
      updatedAt: now,
    })
    .onConflict(['organization_id', 'account_id'])
    .merge();
}
