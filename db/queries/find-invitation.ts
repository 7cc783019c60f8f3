import { deadLink, type DeadLink, type InvitationKind, type InvitationStatus } from '../../domain/invitation';
import { notFound } from '../../domain/problem';
import type { LinkClaim } from '../../domain/token';
import { readClock, type Transaction } from '../database';
import { findAccountHolder } from './find-account-holder';
import { Account } from '../models/account';
import { AuditEvent } from '../models/audit-event';
import { Invitation } from '../models/invitation';
import { Organization } from '../models/organization';
import { containing, instantPattern, type Page, type PageRequest, readCursor, toPage, uuidPattern } from './page';

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

/** Newest first. The status follows the instant: an overdue invitation is listed as expired. */
export async function listInvitations(
  trx: Transaction,
  organizationId: string,
  filter: InvitationFilter,
): Promise<{ page: Page<Invitation>; now: Date }> {
  const now = await readClock(trx);
  const from = readCursor(filter.cursor, [instantPattern, uuidPattern]);
  const query = Invitation.query(trx)
    .where({ organizationId })
    .orderBy([
      { column: 'createdAt', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(filter.limit + 1);
  if (from) void query.whereRaw('(created_at, id) < (?::timestamptz, ?::uuid)', from);
  if (filter.kind) void query.where('kind', filter.kind);
  if (filter.status === 'expired')
    void query.where((either) =>
      either
        .where('status', 'expired')
        .orWhere((open) => open.where('status', 'pending').where('expiresAt', '<=', now)),
    );
  else if (filter.status === 'pending') void query.where('status', 'pending').where('expiresAt', '>', now);
  else if (filter.status) void query.where('status', filter.status);
  if (filter.q) {
    const pattern = containing(filter.q);
    void query.where((any) => {
      for (const column of ['email', 'username', 'firstName', 'lastName']) void any.orWhere(column, 'ilike', pattern);
    });
  }
  const rows = await query;
  const page = toPage(
    rows,
    filter.limit,
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
  const dead = (await isErased(trx, invitation)) ? 'NOT_FOUND' : deadLink(invitation, claim.generation, now);
  const holder = dead === null ? await findAccountHolder(trx, invitation) : undefined;
  const found = { accountExists: holder !== undefined, holderId: holder?.id ?? null };
  return { invitation, organization, dead, ...found, fixedUsername: invitation.username, now };
}
