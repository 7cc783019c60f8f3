import { proxyActivities } from '@temporalio/workflow';
import type { AccountActivities } from '../activities/accounts';

const { resetUnusedReactivations: reset } = proxyActivities<AccountActivities>({
  startToCloseTimeout: '10 minutes',
  retry: { initialInterval: '1s', maximumInterval: '1m' },
});

/** Run by the schedule of that name, every quarter of an hour. // E9 */
export async function resetUnusedReactivations(): Promise<{ reset: number }> {
  return reset();
}
