import { proxyLocalActivities, sleep } from '@temporalio/workflow';

const { nothing } = proxyLocalActivities<{ nothing(): Promise<void> }>({ startToCloseTimeout: '5s' });

/** The least that a durable invitation could be: one local activity and a timer. */
export async function bare(): Promise<void> {
  await nothing();
  await sleep('28 days');
}
