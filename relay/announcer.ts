import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Database } from '../db/database';
import { clearOutboxMarks } from '../db/system/outbox';
import { tell, type Word } from './temporal';

type Marked = Word & { sequence: string };

export interface Announcer {
  /**
   * After the commit: tells Temporal at once. Resolves without waiting for its answer, except under load: then callers
   * wait for their turn (a second at most), so that no more is taken than Temporal can start. What fails is left to the relay.
   */
  announce(changes: Marked[]): Promise<void>;
  /** Until everything announced so far has been told or given up. */
  settled(): Promise<void>;
}

/** Calls under way at most. */
const mostAtOnce = 25;
const patienceMs = 1_000;
/** Marks are cleared a handful at a time. Until then their lease keeps the relay away; cleared late does no harm. */
const clearAfterMs = 100;
/** After a failure nobody is kept waiting for a server that is probably still away. */
const pauseMs = 3_000;

export function createAnnouncer(
  database: Database,
  client: Client,
  searchAttributes: () => Promise<boolean>,
  logger: Logger,
): Announcer {
  const underWay = new Set<Promise<void>>();
  const waiting: (() => void)[] = [];
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

  /** @returns whether a place got free in time */
  async function place(): Promise<boolean> {
    if (underWay.size < mostAtOnce) return true;
    return new Promise((resolve) => {
      const turn = () => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(turn), 1);
        resolve(false);
      }, patienceMs);
      waiting.push(turn);
    });
  }

  return {
    async announce(changes) {
      for (const change of changes) {
        if (Date.now() < pausedUntil || !(await place())) return;
        const call = tellOne(change).finally(() => {
          underWay.delete(call);
          waiting.shift()?.();
        });
        underWay.add(call);
      }
    },
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay);
      await clearing;
    },
  };
}
