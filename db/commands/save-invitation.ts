import type { PartialModelObject } from 'objection';
import { nextStep } from '../../domain/next-step';
import { notFound } from '../../domain/problem';
import { mailReason } from '../../domain/mail-reason';
import type { Transaction } from '../database';
import { Email } from '../models/email';
import { Invitation } from '../models/invitation';
import { changeParts, lockParts } from './invitation-parts';

/** What the workflow of an invitation must be told after the commit, by the API at once or by the relay later. */
export interface Change {
  invitationId: string;
  organizationId: string;
  kind: string;
  status: string;
  expiresAt: Date | null;
  /** Whether a run is to exist: signalWithStart, else a plain signal. */
  open: boolean;
  /** Whether the mail is due at once, so that a new run can begin with it. */
  sendDue: boolean;
  /** Whether the invitation is new, so that no run exists yet that would have to hear of it. */
  isNew?: boolean;
  sequence: string;
}

export interface Saved {
  invitation: Invitation;
  change: Change;
}

/** The process that commits has this long to tell Temporal itself before the relay does it. */
const ownLeaseMs = 8_000;

/** The row, with its parts in other organizations, locked until the transaction ends. @throws Problem NOT_FOUND, also for another organization's */
export async function lockInvitation(trx: Transaction, organizationId: string, id: string): Promise<Invitation> {
  const invitation = await Invitation.query(trx).findOne({ id, organizationId }).forUpdate();
  if (!invitation) throw notFound('invitation');
  await lockParts(trx, invitation);
  return invitation;
}

/**
 * Writes the change and what follows from it: the same for the parts in other organizations, the next step for the
 * watchdog, the mark for the workflow.
 */
export async function saveInvitation(
  trx: Transaction,
  invitation: Invitation,
  patch: PartialModelObject<Invitation>,
  now: Date,
): Promise<Saved> {
  const changed = { ...invitation, ...patch } as Invitation;
  const step = nextStep(changed, now);
  const saving = Invitation.query(trx)
    .patch({ ...patch, nextAt: step?.at ?? null, version: invitation.version + 1, updatedAt: now })
    .where({ id: invitation.id, organizationId: invitation.organizationId })
    .returning('*')
    .first()
    .throwIfNotFound();
  const unwanted = whyUnwanted(invitation, changed);
  if (unwanted) void saving.with('unwanted', givingUpMails(trx, invitation, unwanted));
  const saved = await saving;
  await changeParts(trx, invitation, saved, now);
  return { invitation: saved, change: await markChanged(trx, saved) };
}

/** Why mails of the invitation that have not gone out yet never will, or null. */
function whyUnwanted(before: Invitation, after: Invitation): string | null {
  if (before.status === 'draft') return null;
  if (after.status !== before.status && after.status !== 'pending')
    return after.status === 'expired' ? mailReason('deadline') : mailReason('closed', { status: after.status });
  return after.generation === before.generation ? null : mailReason('newer-link');
}

/** The mail log says so of them. One that is on its way at this moment may still arrive, and then is on record as sent. */
const givingUpMails = (trx: Transaction, { id, organizationId }: Invitation, detail: string) =>
  Email.query(trx)
    .where({ invitationId: id, organizationId, status: 'queued' })
    .patch({ status: 'failed', detail, nextTryAt: null });

export async function markChanged(trx: Transaction, invitation: Invitation): Promise<Change> {
  const { rows } = await trx.raw<{ rows: [{ sequence: string }] }>(
    `insert into invitation_outbox as o (invitation_id, organization_id, sequence, lease_until)
     values (?, ?, nextval('invitation_outbox_sequence'), usher_now() + ? * interval '1 millisecond')
     on conflict (invitation_id) do update
       set sequence = excluded.sequence, lease_until = excluded.lease_until, attempts = 0
     returning sequence`,
    [invitation.id, invitation.organizationId, ownLeaseMs],
  );
  return {
    invitationId: invitation.id,
    organizationId: invitation.organizationId,
    kind: invitation.kind,
    status: invitation.status,
    expiresAt: invitation.expiresAt,
    open: invitation.nextAt !== null,
    sendDue: invitation.deliveryStatus === 'queued',
    sequence: rows[0].sequence,
  };
}
