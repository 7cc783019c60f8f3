import { type Client, WorkflowNotFoundError, type WorkflowStartOptions } from '@temporalio/client';
import { TypedSearchAttributes } from '@temporalio/common';
import {
  changed,
  invitationWorkflow,
  type InvitationInput,
  invitationWorkflowId,
  searchAttributes as attributes,
  taskQueue,
} from '../workflows/messages';

/** Of an invitation: whether a run is to exist, and what its search attributes begin with. */
export interface Word {
  invitationId: string;
  organizationId: string;
  kind: string;
  status: string;
  expiresAt: Date | null;
  open: boolean;
  /** Whether its mail is due at once. */
  sendDue?: boolean;
  /** Whether nobody can have started a run for anything else yet: then one that runs need not be told. */
  isNew?: boolean;
}

/** A call that hangs must not hold up the others: after this the relay tries again. */
const callLimitMs = 5_000;

/**
 * Says `changed` to an invitation's workflow: starts it where one is to exist and none runs, else only tells a running
 * one. Saying it twice, or late, does no harm.
 * @throws what the Temporal client throws when the server cannot be reached
 */
export async function tell(client: Client, searchAttributes: boolean, word: Word): Promise<void> {
  const workflowId = invitationWorkflowId(word.invitationId);
  await client.withDeadline(Date.now() + callLimitMs, async () => {
    if (!word.open) {
      await client.workflow
        .getHandle(workflowId)
        .signal(changed)
        .catch((error: unknown) => {
          if (!(error instanceof WorkflowNotFoundError)) throw error;
        });
      return;
    }
    const input: InvitationInput = {
      invitationId: word.invitationId,
      organizationId: word.organizationId,
      searchAttributes,
      ...(word.sendDue && { due: 'send' }),
    };
    const options: WorkflowStartOptions = {
      workflowId,
      taskQueue,
      args: [input],
      workflowIdReusePolicy: 'ALLOW_DUPLICATE',
      workflowIdConflictPolicy: 'USE_EXISTING',
      staticSummary: word.kind === 'guest' ? 'Guest invitation' : 'Member invitation',
      ...(searchAttributes && {
        typedSearchAttributes: new TypedSearchAttributes([
          { key: attributes.organizationId, value: word.organizationId },
          { key: attributes.status, value: word.status },
          { key: attributes.kind, value: word.kind },
          ...(word.expiresAt ? [{ key: attributes.deadline, value: word.expiresAt }] : []),
        ]),
      }),
    };
    // A run that begins with what is due has nothing to learn from a signal, which costs it an event and some work.
    if (word.isNew && word.sendDue) await client.workflow.start(invitationWorkflow, options);
    else await client.workflow.signalWithStart(invitationWorkflow, { ...options, signal: changed });
  });
}
