import { randomUUID } from 'node:crypto';
import { type Actor, systemActor } from '../../domain/actor';
import { isDeadAddress, statusIn } from '../../domain/dead-address';
import { addressKey } from '../../domain/email-address';
import { notFound } from '../../domain/problem';
import { readClock, type Transaction } from '../database';
import { SuppressedAddress } from '../models/suppressed-address';
import { hashOf } from '../queries/find-suppression';
import { recordEvents } from './record-event';

interface Suppression {
  organizationId: string;
  recipient: string;
  reason: SuppressedAddress['reason'];
  detail: string | null;
  mailId: string;
  invitationId: string | null;
}

/**
 * From now on this organization does not mail the address; the first reason stays, and so does what is known by its hash
 * alone. // decisions 22, 25
 */
export async function suppressAddress(trx: Transaction, it: Suppression, now: Date): Promise<void> {
  const { organizationId, reason, detail, mailId, invitationId } = it;
  const row = { id: randomUUID(), organizationId, address: addressKey(it.recipient), reason, detail, mailId, at: now };
  const written = await trx('suppressed_addresses').insert(row).onConflict().ignore().returning('id');
  if (written.length === 0) return nameSuppressed(trx, organizationId, it.recipient);
  const data = { reason, mailId };
  await recordEvents(trx, {
    organizationId,
    type: 'email.address-suppressed',
    actor: systemActor,
    at: now,
    invitationId,
    data,
  });
}

/** A server that refuses a mail at once because there is no such mailbox says what a bounce would say later. // decision 25 */
export async function suppressRefused(
  trx: Transaction,
  mail: { id: string; organizationId: string | null; recipient: string; invitationId: string | null },
  { result, response }: { result: string; response: string },
  now: Date,
): Promise<void> {
  const { id: mailId, organizationId, recipient, invitationId } = mail;
  if (result !== 'refused' || organizationId === null || !isDeadAddress(statusIn(response), response)) return;
  const detail = response.slice(0, 500);
  await suppressAddress(trx, { organizationId, recipient, reason: 'bounce', detail, mailId, invitationId }, now);
}

/** An address that was known by its hash alone has been invited again: the list names it, so that it can be released. */
export async function nameSuppressed(trx: Transaction, organizationId: string, recipient: string): Promise<void> {
  await SuppressedAddress.query(trx)
    .patch({ address: addressKey(recipient) })
    .where({ organizationId })
    .whereNull('address')
    .where('addressHash', hashOf(trx, recipient));
}

/** Somebody knows better: the address is mailed again. @throws Problem NOT_FOUND */
export async function releaseAddress(
  trx: Transaction,
  organizationId: string,
  id: string,
  actor: Actor,
): Promise<void> {
  const found = await SuppressedAddress.query(trx).findOne({ id, organizationId }).forUpdate();
  if (!found) throw notFound('suppressed address');
  await SuppressedAddress.query(trx).delete().where({ id, organizationId });
  const at = await readClock(trx);
  const data = { reason: found.reason, mailId: found.mailId };
  await recordEvents(trx, { organizationId, type: 'email.address-released', actor, at, data });
}
