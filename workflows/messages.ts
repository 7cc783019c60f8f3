import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import { defineSignal } from '@temporalio/workflow';

/** What goes between Usher's processes and its workflows: names, ids, states and times; nothing personal. */
export const taskQueue = 'usher';
export const invitationWorkflow = 'invitation';
export const invitationWorkflowId = (invitationId: string): string => `invitation:${invitationId}`;

export interface InvitationInput {
  invitationId: string;
  organizationId: string;
  /** Whether the server knows our search attributes; where it does not, using them would fail every run. */
  searchAttributes: boolean;
  /** What was due when the run was started: the first step, that nobody needs to ask for. */
  due?: 'send';
  /** Only of a run that continues another: operators' wishes carried out so far. */
  wishes?: number;
}

/** One mail to the holder of an account. */
export const accountMailWorkflow = 'accountMail';
export const accountMailWorkflowId = (mailId: string): string => `account-mail:${mailId}`;

export interface AccountMailInput {
  mailId: string;
}

/** The temporary access of one guest. */
export const guestAccessWorkflow = 'guestAccess';
export const guestAccessWorkflowId = (organizationId: string, accountId: string): string =>
  `guest-access:${organizationId}:${accountId}`;

export interface GuestAccessInput {
  organizationId: string;
  accountId: string;
}

export const resetUnusedReactivationsWorkflow = 'resetUnusedReactivations';

/** The row has changed: look again. Said by the API after its commit, or by the relay; once too often does no harm. */
export const changed = defineSignal('changed');
/** For operators in the Temporal UI: a new mail with a new link and a full term. */
export const resend = defineSignal('resend');
/** For operators in the Temporal UI: the link is dead at once. The UI's own cancel button means the same. */
export const cancel = defineSignal('cancel');

export const searchAttributes = {
  organizationId: defineSearchAttributeKey('UsherOrganizationId', SearchAttributeType.KEYWORD),
  status: defineSearchAttributeKey('UsherInvitationStatus', SearchAttributeType.KEYWORD),
  kind: defineSearchAttributeKey('UsherInvitationKind', SearchAttributeType.KEYWORD),
  deadline: defineSearchAttributeKey('UsherDeadline', SearchAttributeType.DATETIME),
};
