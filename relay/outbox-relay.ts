import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Database } from '../db/database';
import { markOverdueGuests } from '../db/system/guest-access-outbox';
import { deleteOldKeys } from '../db/system/delete-old';
import {
  clearOutboxMarks,
  leaseOutboxMarks,
  markOverdueInvitations,
  type OutboxMark,
  postponeOutboxMarks,
} from '../db/system/outbox';
import { relayAccountMails } from './account-mails';
import { relayGuestAccess } from './guest-access';
import { tell } from './temporal';

export interface Relay {
  /** Lets the present round end. */
  stop(): Promise<void>;
}

export interface RelayOptions {
  database: Database;
  client: Client;
  searchAttributes: () => Promise<boolean>;
  logger: Logger;
  pollMs?: number;
  sweepMs?: number;
  /** How long past its time a step may be before the watchdog asks after it. */
  graceMs?: number;
  /** How long it is kept what mails said. */
  mailRetentionDays?: number;
}

const batchSize = 100;
const leaseMs = 15_000;

/**
 * Carries to Temporal what no API process could, and asks after invitations that nobody seems to look after any more.
 * Every worker process runs one; leases with SKIP LOCKED keep them out of each other's way.
 */
export function startOutboxRelay(options: RelayOptions): Relay {
  const { pollMs = 1_000, sweepMs = 60_000, logger } = options;
  const stopping = new AbortController();
  const every = async (ms: number, name: string, round: () => Promise<unknown>) => {
    while (!stopping.signal.aborted) {
      await round().catch((error: unknown) => logger.warn({ err: error }, `${name} failed; it will be tried again`));
      await sleep(ms, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const loops = [
    every(pollMs, 'the outbox relay', () => relayMarks(options, stopping.signal)),
    every(pollMs, 'the relay of account mails', () => relayAccountMails(options.database, options.client)),
    every(pollMs, 'the relay of guest access', () => relayGuestAccess(options.database, options.client)),
    every(sweepMs, 'the watchdog', () => sweep(options)),
  ];
  return {
    async stop() {
      stopping.abort();
      await Promise.all(loops);
    },
  };
}

/** Batches until nothing is due. @returns how many marks were passed on */
export async function relayMarks(options: RelayOptions, signal?: AbortSignal): Promise<number> {
  let told = 0;
  while (!signal?.aborted) {
    const marks = await leaseOutboxMarks(options.database, batchSize, leaseMs);
    if (marks.length === 0) break;
    const results = await Promise.allSettled(marks.map((mark) => tellMark(options, mark)));
    const failed = marks.filter((_, index) => results[index]?.status === 'rejected');
    const done = marks.filter((_, index) => results[index]?.status === 'fulfilled');
    if (done.length > 0) await clearOutboxMarks(options.database, done);
    told += done.length;
    if (failed.length > 0) {
      const reason = results.find((result) => result.status === 'rejected')?.reason as unknown;
      options.logger.warn({ err: reason, marks: failed.length }, 'Temporal was not told; tried again soon');
      const attempts = Math.max(...failed.map((mark) => mark.attempts));
      const ids = failed.map((mark) => mark.invitationId);
      await postponeOutboxMarks(options.database, ids, Math.min(1_000 * 2 ** Math.min(attempts, 4), 10_000));
    }
    if (marks.length < batchSize) break;
  }
  return told;
}

const tellMark = async ({ client, searchAttributes }: RelayOptions, mark: OutboxMark): Promise<void> =>
  tell(client, await searchAttributes(), {
    invitationId: mark.invitationId,
    organizationId: mark.organizationId,
    kind: mark.invitation?.kind ?? 'member',
    status: mark.invitation?.status ?? 'gone',
    expiresAt: mark.invitation?.expiresAt ?? null,
    open: Boolean(mark.invitation?.nextAt),
  });

/** One look of the watchdog, and forgetting what is old. */
export async function sweep({ database, logger, graceMs = 120_000, mailRetentionDays }: RelayOptions): Promise<number> {
  const marked = await markOverdueInvitations(database, graceMs, 1_000);
  if (marked > 0) logger.warn({ marked }, 'the watchdog found overdue invitations');
  const guests = await markOverdueGuests(database, graceMs, 1_000);
  if (guests > 0) logger.warn({ guests }, 'the watchdog found guests whose access should have ended');
  await deleteOldKeys(database, mailRetentionDays);
  return marked;
}
