import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import type { Database } from '../db/database';
import {
  clearGuestMark,
  clearRemovedGuest,
  type GuestMark,
  leaseGuestMarks,
  leaseRemovedGuests,
} from '../db/system/guest-access-outbox';
import { changed, guestAccessWorkflow, guestAccessWorkflowId, taskQueue } from '../workflows/messages';

const callLimitMs = 5_000;
const leaseMs = 15_000;
const batchSize = 100;

/** Tells the workflows of guests whose temporary access has changed, or who have been removed. @returns how many */
export async function relayGuestAccess(database: Database, client: Client): Promise<number> {
  const marks = await leaseGuestMarks(database, batchSize, leaseMs);
  const removed = await leaseRemovedGuests(database, batchSize, leaseMs);
  const results = await Promise.allSettled([
    ...marks.map((mark) => tellGuestAccess(client, mark).then(() => clearGuestMark(database, mark))),
    ...removed.map((mark) => tellGuestAccess(client, mark).then(() => clearRemovedGuest(database, mark))),
  ]);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
  return results.length;
}

async function tellGuestAccess(client: Client, mark: GuestMark): Promise<void> {
  const { organizationId, accountId } = mark;
  const workflowId = guestAccessWorkflowId(organizationId, accountId);
  await client.withDeadline(Date.now() + callLimitMs, async () => {
    if (mark.open)
      await client.workflow.signalWithStart(guestAccessWorkflow, {
        workflowId,
        taskQueue,
        args: [{ organizationId, accountId }],
        signal: changed,
        workflowIdReusePolicy: 'ALLOW_DUPLICATE',
        workflowIdConflictPolicy: 'USE_EXISTING',
        staticSummary: 'Temporary guest access',
      });
    else
      await client.workflow
        .getHandle(workflowId)
        .signal(changed)
        .catch((error: unknown) => {
          if (!(error instanceof WorkflowNotFoundError)) throw error;
        });
  });
}
