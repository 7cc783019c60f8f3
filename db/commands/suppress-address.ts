import { randomUUID } from 'node:crypto';
import { type Actor, systemActor } from '../../domain/actor';
import { addressKey } from '../../domain/email-address';
import { notFound } from '../../domain/problem';
import { readClock, type Transaction } from '../database';
import { SuppressedAddress } from '../models/suppressed-address';
import { recordEvents } from './record-event';

interface Suppression {
  organizationId: string;
  recipient: string;
  reason: SuppressedAddress['reason'];
  detail: string | null;
  mailId: string;
  invitationId: string | null;
}

/** From now on this organization does not mail the address; the first reason stays. // decision 22 */
export async function suppressAddress(trx: Transaction, it: Suppression, now: Date): Promise<void> {
  const { organizationId, reason, detail, mailId, invitationId } = it;
  const row = { id: randomUUID(), organizationId, address: addressKey(it.recipient), reason, detail, mailId, at: now };
  const written = await trx('suppressed_addresses')
    .insert(row)
    .onConflict(['organization_id', 'address'])
    .ignore()
    .returning('id');
  if (written.length === 0) return;
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
