import { proxyActivities } from '@temporalio/workflow';
import type { InvitationActivities } from '../../../activities/invitation';
import type { InvitationInput } from '../../../workflows/messages';

const { planNextStep } = proxyActivities<InvitationActivities>({ startToCloseTimeout: '5s' });

/** Asks for its next step as a regular activity first, which no recorded run has done: it must fail to replay. */
export async function invitation({ invitationId, organizationId }: InvitationInput): Promise<{ status: string }> {
  const { status } = await planNextStep({ invitationId, organizationId });
  return { status };
}
