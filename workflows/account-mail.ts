import { proxyActivities, proxyLocalActivities, TemporalFailure } from '@temporalio/workflow';
import type { AccountMailActivities } from '../activities/account-mail';
import type { AccountMailInput } from './messages';

const local = proxyLocalActivities<AccountMailActivities>({ startToCloseTimeout: '5s', retry: { maximumAttempts: 1 } });
const regular = proxyActivities<AccountMailActivities>({
  // A mail server that has a mail may take ten minutes to say so; whoever waits for that tells so by heartbeats.
  startToCloseTimeout: '12m',
  heartbeatTimeout: '90s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

/**
 * The story of one mail to the holder of an account: sent at once, and tried again until its link has run out. Whether it
 * is still wanted, and who gets it, PostgreSQL decides at every try.
 */
export async function accountMail({ mailId }: AccountMailInput): Promise<{ status: 'sent' | 'failed' | 'dropped' }> {
  try {
    return await local.sendAccountMail({ mailId });
  } catch (failure) {
    if (!(failure instanceof TemporalFailure)) throw failure;
    return regular.sendAccountMail({ mailId });
  }
}
