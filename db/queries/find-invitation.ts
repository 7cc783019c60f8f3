import { deadLink, type DeadLink, type InvitationKind, type InvitationStatus } from '../../domain/invitation';
import { notFound } from '../../domain/problem';
import type { LinkClaim } from '../../domain/token';
import { readClock, type Transaction } from '../database';
import { findAccountHolder } from './find-account-holder';
import { Account } from '../models/account';
import { AuditEvent } from '../models/audit-event';
import { Invitation } from '../models/invitation';
import { findOtherOrganizations } from './find-other-organizations';
import { Organization } from '../models/organization';
import {
  areMany,
  glance,
  instantPattern,
  isFound,
  nearby,
  type Page,
  type PageRequest,
  readCursor,
  toPage,
  uuidPattern,
  wordBindings,
} from './page';

/** An invitation as it is at this instant. @throws Problem NOT_FOUND, also for another organization's */
export async function findInvitation(
  trx: Transaction,
  organizationId: string,
  id: string,
): Promise<{ invitation: Invitation; now: Date }> {
  const invitation = await Invitation.query(trx).findOne({ id, organizationId });
  if (!invitation) throw notFound('invitation');
  return { invitation, now: await readClock(trx) };
}

export interface InvitationFilter extends PageRequest {
  status?: InvitationStatus;
  kind?: InvitationKind;
  q?: string;
}

/** The status at an instant, in parts that exclude each other and have each an index. */
const withStatus = (status: InvitationStatus): string[] => {
  if (status === 'expired') return [`status = 'expired'`, `status = 'pending' and expires_at <= :now`];
  return [status === 'pending' ? `status = 'pending' and expires_at > :now` : 'status = :status'];
};

/**
 * Newest first. The status follows the instant: an overdue invitation is listed as expired. Which they are is found in a
 * view that indexes work behind; they themselves are read under row-level security. // decision 13
 */
export async function listInvitations(
  trx: Transaction,
  organizationId: string,
  filter: InvitationFilter,
): Promise<{ page: Page<Invitation>; now: Date }> {
  const { limit, status, kind, q } = filter;
  const now = await readClock(trx);
  const from = readCursor(filter.cursor, [instantPattern, uuidPattern]);
  const among = [
    'organization_id = :organizationId',
    ...(from ? ['(created_at, id) < (:fromInstant::timestamptz, :fromId::uuid)'] : []),
    ...(kind ? ['kind = :kind'] : []),
  ].join(' and ');
  const order = 'order by created_at desc, id desc';
  const idsIn = (source: string): string => {
    const parts = (status ? withStatus(status) : ['true']).map(
      (one) => `(select id, created_at from ${source} m
        where ${among} and ${one} ${q ? `and ${isFound(q)}` : ''} ${order} limit :count)`,
    );
    return `array(select id from (${parts.join(' union all ')}) m ${order} limit :count)`;
  };
  const count = limit + 1;
  const bindings = {
    organizationId,
    now,
    count,
    ...(from && { fromInstant: from[0] ?? '', fromId: from[1] ?? '' }),
    ...(kind && { kind }),
    ...(status && { status }),
    ...(q && wordBindings(q)),
  };
  const read = (source: string) =>
    Invitation.query(trx)
      .where({ organizationId })
      .whereRaw('id = any (?)', [trx.raw(idsIn(source), bindings)])
      .orderBy([
        { column: 'createdAt', order: 'desc' },
        { column: 'id', order: 'desc' },
      ]);
  const next = (rows: number) => `(select * from invitation_search where ${among} ${order} limit ${rows})`;
  const seen = q
    ? (await trx.raw<{ rows: [{ ids: string[] }] }>(`select ${idsIn(next(glance))} as ids`, bindings)).rows
    : [];
  let rows = seen[0] && areMany(seen[0].ids.length, count) ? await read(next(nearby)) : [];
  if (rows.length < count) rows = await read('invitation_search');
  const page = toPage(
    rows,
    limit,
    (row) => [row.createdAt.toISOString(), row.id],
    (row) => row,
  );
  return { page, now };
}

/** Everything that happened to an invitation, oldest first. // F2 */
export function listInvitationEvents(
  trx: Transaction,
  organizationId: string,
  invitationId: string,
): Promise<AuditEvent[]> {
  return AuditEvent.query(trx)
    .where({ organizationId, invitationId })
    .leftJoin('accounts as person', (join) => join.on('person.id', 'actorId').andOnVal('actorType', 'user'))
    .select(
      'auditEvents.*',
      trx.raw(`coalesce(actor_name, nullif(concat_ws(' ', person.first_name, person.last_name), ''),
      person.username, person.email) as actor_name`),
    )
    .orderBy('auditEvents.id')
    .then();
}

async function isErased(trx: Transaction, { accountId, email, byHand }: Invitation): Promise<boolean> {
  if (email !== null || byHand) return false;
  return (await Account.query(trx).findById(accountId).throwIfNotFound()).status === 'erased';
}

export interface OpenedLink {
  invitation: Invitation;
  organization: Organization;
  /** Where else the invitation leads. // C3 */
  others: Organization[];
  /** Of the password: the longest that any of the organizations asks for. // C10 */
  minLength: number;
  dead: DeadLink | null;
  /** The invited person has an account already and must sign in to accept. */
  accountExists: boolean;
  /** Whose account that is. */
  holderId: string | null;
  /** The account's name for signing in, where one was given already. */
  fixedUsername: string | null;
  now: Date;
}

/** What the page behind a link shows; reading changes nothing. // F10, C9 */
export async function openedLink(trx: Transaction, organizationId: string, claim: LinkClaim): Promise<OpenedLink> {
  const { invitation, now } = await findInvitation(trx, organizationId, claim.invitationId);
  const organization = await Organization.query(trx).findById(organizationId).throwIfNotFound();
  const others = await findOtherOrganizations(trx, invitation);
  const minLength = Math.max(...[organization, ...others].map(({ policy }) => policy.password.minLength));
  const dead = (await isErased(trx, invitation)) ? 'NOT_FOUND' : deadLink(invitation, claim.generation, now);
  const holder = dead === null ? await findAccountHolder(trx, invitation) : undefined;
  const found = { accountExists: holder !== undefined, holderId: holder?.id ?? null };
  return { invitation, organization, others, minLength, dead, ...found, fixedUsername: invitation.username, now };
}
