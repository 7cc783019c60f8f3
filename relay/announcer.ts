import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Database } from '../db/database';
import { clearOutboxMarks } from '../db/system/outbox';
import { tell, type Word } from './temporal';

type Marked = Word & { sequence: string };

export interface Announcer {
  /**
   * After the commit: tells Temporal, so that the run exists when the caller has their answer and no more is taken than
   * can be started. Waits a second at most; what fails or takes longer is left to the relay, and the command stands.
   */
  announce(changes: Marked[]): Promise<void>;
  /** Until everything announced so far has been told or given up. */
  settled(): Promise<void>;
}

/** Of one command's changes; the rest of many is the relay's. */
const mostAtOnce = 100;
const patienceMs = 1_000;
/** After a failure nobody is kept waiting for a server that is probably still away. */
const pauseMs = 3_000;
/** Marks are cleared a handful at a time. Until then their lease keeps the relay away; cleared late does no harm. */
const clearAfterMs = 100;

export function createAnnouncer(
  database: Database,
  client: Client,
  searchAttributes: () => Promise<boolean>,
  logger: Logger,
): Announcer {
  const underWay = new Set<Promise<void>>();
  let told: Marked[] = [];
  let clearing: Promise<void> | null = null;
  let pausedUntil = 0;

  async function clearSoon(): Promise<void> {
    await sleep(clearAfterMs);
    clearing = null;
    const marks = told;
    told = [];
    await clearOutboxMarks(database, marks).catch((error: unknown) => {
      logger.warn({ err: error, marks: marks.length }, 'marks were not cleared; Temporal will be told once more');
    });
  }

  async function tellOne(change: Marked): Promise<void> {
    try {
      await tell(client, await searchAttributes(), change);
    } catch (error) {
      pausedUntil = Date.now() + pauseMs;
      logger.warn({ err: error, invitationId: change.invitationId }, 'Temporal was not told; the relay will do it');
      return;
    }
    told.push(change);
    clearing ??= clearSoon();
  }

  return {
    async announce(changes) {
      if (changes.length === 0 || Date.now() < pausedUntil) return;
      const call = Promise.all(changes.slice(0, mostAtOnce).map(tellOne)).then(() => {
        underWay.delete(call);
      });
      underWay.add(call);
      const patience = new AbortController();
      const late = sleep(patienceMs, undefined, { signal: patience.signal }).catch(() => undefined);
      await Promise.race([call, late]);
      patience.abort();
    },
    async settled() {
      await Promise.all(underWay);
      await clearing;
    },
  };
}
