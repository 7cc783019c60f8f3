import {
  CancellationScope,
  continueAsNew,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  TemporalFailure,
  workflowInfo,
} from '@temporalio/workflow';
import type { AccessAnswer, GuestAccessActivities } from '../activities/guest-access';
import { changed, type GuestAccessInput } from './messages';

const local = proxyLocalActivities<GuestAccessActivities>({ startToCloseTimeout: '5s', retry: { maximumAttempts: 1 } });
const regular = proxyActivities<GuestAccessActivities>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});
const steps = { warn: 'warnOfAccessEnd', end: 'endGuestAccess' } as const;

/**
 * The story of one guest's temporary access: warned ahead, ended at its instant. An extension, an earlier end or a
 * suspension are changes of the row: `changed` makes it look again. A removal takes the row away: it looks, and ends. Guests may stay for years: a long history is continued as new.
 *
 *     ┌▶ planGuestAccess ─▶ warn / end, if due ─▶ wait until then, or until something was heard ─┐
 *     │      └─ none: the end                                                                   │
 *     └─────────────────────────────────────────────────────────────────────────────────────────┘
 */
export async function guestAccess(input: GuestAccessInput): Promise<void> {
  let heard = 0;
  let nap: CancellationScope | undefined;
  setHandler(changed, () => {
    heard += 1;
    nap?.cancel();
  });

  // Cancelled in the Temporal UI it only looks again: access is PostgreSQL's to decide.
  return CancellationScope.nonCancellable(async () => {
    for (;;) {
      const seen = heard;
      let plan = await perform('planGuestAccess', input);
      if (plan.action && plan.inMs <= 0) plan = await perform(steps[plan.action], input);
      setCurrentDetails(plan.action ? `next: **${plan.action}** at ${plan.at}` : 'nothing left to do');
      if (heard !== seen) continue;
      if (!plan.action) return;
      if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof guestAccess>(input);
      nap = new CancellationScope();
      // Never shorter than a second, so that no disagreement of clocks makes a busy loop.
      await nap.run(() => sleep(Math.max(plan.inMs, 1_000), { summary: `until ${plan.action}` })).catch(awake);
      nap = undefined;
    }
  });
}

function awake(failure: unknown): void {
  if (!isCancellation(failure)) throw failure;
}

async function perform(name: keyof GuestAccessActivities, input: GuestAccessInput): Promise<AccessAnswer> {
  try {
    return await local[name](input);
  } catch (failure) {
    if (!(failure instanceof TemporalFailure) || isCancellation(failure)) throw failure;
    return regular[name](input);
  }
}
