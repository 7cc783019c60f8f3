import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Database } from '../db/database';
import { clearOutboxMarks } from '../db/system/outbox';
import { tell, type Word } from './temporal';

type Marked = Word & { sequence: string };

export interface Announcer {
  /** After the commit: tells Temporal at once and without waiting. What fails or is too much is left to the relay. */
  announce(changes: Marked[]): void;
  /** Until everything announced so far has been told or given up. */
  settled(): Promise<void>;
}

/** Calls under way at most, and announcements waiting for their turn; a burst beyond both is the relay's. */
const mostAtOnce = 50;
const mostWaiting = 500;
/** Marks are cleared a handful at a time. Until then their lease keeps the relay away; cleared late does no harm. */
const clearAfterMs = 100;

export function createAnnouncer(
  database: Database,
  client: Client,
  searchAttributes: () => Promise<boolean>,
  logger: Logger,
): Announcer {
  const underWay = new Set<Promise<void>>();
  const waiting: Marked[] = [];
  let told: Marked[] = [];
  let clearing: Promise<void> | null = null;

  async function clearSoon(): Promise<void> {
    await sleep(clearAfterMs);
    clearing = null;
    const marks = told;
    told = [];
    await clearOutboxMarks(database, marks).catch((error: unknown) => {
      logger.warn({ err: error, marks: marks.length }, 'marks were not cleared; Temporal will be told once more');
    });
  }

  async function announceOne(change: Marked): Promise<void> {
    try {
      await tell(client, await searchAttributes(), change);
    } catch (error) {
      logger.warn({ err: error, invitationId: change.invitationId }, 'Temporal was not told; the relay will do it');
      return;
    }
    told.push(change);
    clearing ??= clearSoon();
  }

  function begin(change: Marked): void {
    const call = announceOne(change).finally(() => {
      underWay.delete(call);
      const next = waiting.shift();
      if (next) begin(next);
    });
    underWay.add(call);
  }

  return {
    announce(changes) {
      for (const change of changes) {
        if (underWay.size < mostAtOnce) begin(change);
        else if (waiting.length < mostWaiting) waiting.push(change);
      }
    },
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay);
      await clearing;
    },
  };
}
