import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Database } from '../../db/database';
import { recordHeartbeat, removeHeartbeat } from '../../db/system/heartbeats';
import type { Mailer } from './mailer';

const usualMs = 20_000;

/**
 * Tells PostgreSQL every 20 seconds that this worker lives and whether the mail server answers it, for `/readyz` of the API,
 * which has no settings of the mail server. Only a server that has had nothing to do is asked. A change is in the log, too.
 */
export function watchMailServer(
  database: Database,
  mailer: Mailer,
  logger: Logger,
  everyMs = usualMs,
): { stop(): Promise<void> } {
  const workerId = randomUUID();
  const stopping = new AbortController();
  let last: 'ok' | 'failing' | undefined;
  const look = async () => {
    const heard = Date.now() - mailer.lastAnswerAt() < everyMs;
    const failure = heard
      ? null
      : await mailer.verify().then(
          () => null,
          (error: unknown) => ({ err: error }),
        );
    const state = failure ? 'failing' : 'ok';
    if (failure && last !== 'failing') logger.warn(failure, 'the mail server does not answer; mails wait');
    if (!failure && last === 'failing') logger.info('the mail server answers again');
    last = state;
    if (!stopping.signal.aborted) await recordHeartbeat(database, workerId, state);
  };
  const watching = (async () => {
    while (!stopping.signal.aborted) {
      await look().catch((error: unknown) => logger.warn({ err: error }, 'no heartbeat was written'));
      await sleep(everyMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  })();
  return {
    async stop() {
      stopping.abort();
      // A mail server that does not answer must not hold up the end.
      await Promise.race([watching, sleep(2_000, undefined, { ref: false })]);
      await removeHeartbeat(database, workerId).catch(() => undefined);
    },
  };
}
