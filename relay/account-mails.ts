import type { Client } from '@temporalio/client';
import type { Logger } from 'pino';
import type { Database } from '../db/database';
import { leaseAccountMails, postponeAccountMail } from '../db/system/account-mail-outbox';
import { accountMailWorkflow, accountMailWorkflowId, taskQueue } from '../workflows/messages';

/** A mail whose workflow has started is asked after only if it is still queued so much later. */
const watchdogMs = 600_000;
const callLimitMs = 5_000;
const leaseMs = 15_000;
const batchSize = 100;

export interface MailAnnouncer {
  /** After the commit: starts the mail's workflow without waiting. What fails is left to the relay. */
  announce(mailId: string): void;
  settled(): Promise<void>;
}

export function createMailAnnouncer(database: Database, client: Client, logger: Logger): MailAnnouncer {
  const underWay = new Set<Promise<void>>();
  return {
    announce(mailId) {
      const call = startMail(database, client, mailId)
        .catch((error: unknown) => {
          logger.warn({ err: error, mailId }, 'Temporal was not told of a mail; the relay will do it');
        })
        .finally(() => underWay.delete(call));
      underWay.add(call);
    },
    async settled() {
      await Promise.all(underWay);
    },
  };
}

/** Mails whose workflow could not be started, or has been lost. @returns how many were passed on */
export async function relayAccountMails(database: Database, client: Client): Promise<number> {
  const ids = await leaseAccountMails(database, batchSize, leaseMs);
  const results = await Promise.allSettled(ids.map((mailId) => startMail(database, client, mailId)));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  return ids.length;
}

async function startMail(database: Database, client: Client, mailId: string): Promise<void> {
  await client.withDeadline(Date.now() + callLimitMs, () =>
    client.workflow.start(accountMailWorkflow, {
      workflowId: accountMailWorkflowId(mailId),
      taskQueue,
      args: [{ mailId }],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: 'Account mail',
    }),
  );
  await postponeAccountMail(database, mailId, watchdogMs);
}
