import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Database } from '../db/database';
import { clearOutboxMarks } from '../db/system/outbox';
import { tell, type Word } from './temporal';

export interface Announcer {
  /** After the commit: tells Temporal at once and without waiting. What fails or is too much is left to the relay. */
  announce(changes: (Word & { sequence: string })[]): void;
  /** Until everything announced so far has been told or given up. */
  settled(): Promise<void>;
}

/** Calls under way at most; a burst beyond it is the relay's, whose turn comes when the command's lease is over. */
const mostAtOnce = 100;

export function createAnnouncer(
  database: Database,
  client: Client,
  searchAttributes: () => Promise<boolean>,
  logger: Logger,
): Announcer {
  const underWay = new Set<Promise<void>>();
  const announceOne = async (change: Word & { sequence: string }) => {
    try {
      await tell(client, await searchAttributes(), change);
      await clearOutboxMarks(database, [change]);
    } catch (error) {
      logger.warn({ err: error, invitationId: change.invitationId }, 'Temporal was not told; the relay will do it');
    }
  };
  return {
    announce(changes) {
      for (const change of changes) {
        if (underWay.size >= mostAtOnce) return;
        const call = announceOne(change).finally(() => underWay.delete(call));
        underWay.add(call);
      }
    },
    async settled() {
      await Promise.all(underWay);
    },
  };
}
