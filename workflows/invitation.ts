import type { SearchAttributePair } from '@temporalio/common';
import {
  CancellationScope,
  condition,
  continueAsNew,
  isCancellation,
  proxyActivities,
  proxyLocalActivities,
  setCurrentDetails,
  setHandler,
  sleep,
  TemporalFailure,
  upsertSearchAttributes,
  workflowInfo,
} from '@temporalio/workflow';
import type { InvitationActivities, PlanAnswer } from '../activities/invitation';
import { cancel, changed, type InvitationInput, resend, searchAttributes } from './messages';

const steps = { send: 'sendInvitation', remind: 'sendReminder', expire: 'expireInvitation' } as const;
const wishes = { resend: 'resendInvitation', cancel: 'cancelInvitation' } as const;
type Wish = keyof typeof wishes;

/** Quick and cheap in history; whatever fails once gets its retries, visible to operators, as a regular activity. */
const local = proxyLocalActivities<InvitationActivities>({ startToCloseTimeout: '8s', retry: { maximumAttempts: 1 } });
const regular = proxyActivities<InvitationActivities>({
  // A mail server that has a mail may take ten minutes to say so; whoever waits for that tells so by heartbeats.
  startToCloseTimeout: '12m',
  heartbeatTimeout: '90s',
  retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '1m' },
});

/**
 * The story of one invitation: ask for the next step, do it or wait for its time or a word from outside, until there is
 * none. PostgreSQL decides; this waits and acts, so that a lost or doubled signal does no harm.
 *
 *     ┌▶ carry out operators' wishes ─▶ planNextStep ─▶ send / remind / expire, if due ─▶ wait ─┐
 *     │                                     └─ none: the end                                   │
 *     └───────────────────── its time has come, or something was heard ◀───────────────────────┘
 *
 * Silence is an answer: expiry is a result, not a failure.
 */
export async function invitation(input: InvitationInput): Promise<{ status: PlanAnswer['status'] }> {
  const { invitationId, organizationId } = input;
  const it = { invitationId, organizationId };
  const open: Wish[] = [];
  let nap: CancellationScope | undefined;
  let heard = 0;
  let carriedOut = input.wishes ?? 0;
  // Every step asks under the row's lock whether it is still due, so beginning with it is as good as asking.
  let { due } = input;
  const hear = () => {
    heard += 1;
    nap?.cancel();
  };
  const wish = (what: Wish) => {
    open.push(what);
    hear();
  };
  setHandler(changed, hear);
  setHandler(resend, () => wish('resend'));
  setHandler(cancel, () => wish('cancel'));
  // The cancel button of the Temporal UI means the command, too; the run itself goes on to tell the end of the story.
  CancellationScope.current().cancelRequested.catch(() => wish('cancel'));

  return CancellationScope.nonCancellable(async () => {
    for (;;) {
      const seen = heard;
      const news = () => heard !== seen;
      for (let next = open.shift(); next; next = open.shift()) {
        carriedOut += 1;
        // A resend repeated without a key would send twice.
        const key = `${workflowInfo().firstExecutionRunId}:${carriedOut}`;
        await perform(wishes[next], { ...it, key });
      }
      let plan = due ? await perform(steps[due], it, news) : await perform('planNextStep', it);
      due = undefined;
      if (!plan) continue;
      show(plan, input);
      if (plan.action && plan.inMs <= 0) {
        const done = await perform(steps[plan.action], it, news);
        if (!done) continue;
        plan = done;
        show(plan, input);
      }
      // Before the end, too: an answer that is older than the news (a resend of what had just expired) is none.
      if (news()) continue;
      if (!plan.action) return { status: plan.status };
      if (workflowInfo().continueAsNewSuggested)
        await continueAsNew<typeof invitation>({ ...it, searchAttributes: input.searchAttributes, wishes: carriedOut });
      // Never shorter than a second, so that no disagreement of clocks makes a busy loop.
      const { action, inMs } = plan;
      nap = new CancellationScope();
      await nap.run(() => sleep(Math.max(inMs, 1_000), { summary: `until ${action}` })).catch(awake);
      nap = undefined;
    }
  });
}

/** Something was heard before the time had come. */
function awake(failure: unknown): void {
  if (!isCancellation(failure)) throw failure;
}

type Name = keyof InvitationActivities;
type Step = (typeof steps)[keyof typeof steps];
type Argument<N extends Name> = Parameters<InvitationActivities[N]>[0];

async function perform<N extends Name>(name: N, argument: Argument<N>): Promise<PlanAnswer>;
async function perform(name: Step, argument: Argument<Step>, news: () => boolean): Promise<PlanAnswer | null>;
/** @param news given: the regular try ends with null the moment there is some; a corrected address must not wait for a backoff */
async function perform<N extends Name>(
  name: N,
  argument: Argument<N>,
  news?: () => boolean,
): Promise<PlanAnswer | null> {
  type Perform = (argument: Argument<N>) => Promise<PlanAnswer>;
  try {
    return await (local[name] as Perform)(argument);
  } catch (failure) {
    // Of a local activity the SDK throws the failure itself, not an ActivityFailure around it.
    if (!(failure instanceof TemporalFailure)) throw failure;
  }
  if (!news) return (regular[name] as Perform)(argument);
  const scope = new CancellationScope();
  const attempt = scope.run(() => (regular[name] as Perform)(argument));
  const done = await Promise.race([attempt, condition(news).then(() => null)]);
  if (done) return done;
  scope.cancel();
  await attempt.catch(() => undefined);
  return null;
}

/** What operators see: search attributes where they have changed, and the state in words. */
function show(plan: PlanAnswer, input: InvitationInput): void {
  if (input.searchAttributes && plan.status !== 'gone') {
    const shown = workflowInfo().typedSearchAttributes;
    const deadline = plan.deadline === null ? null : new Date(plan.deadline);
    const stale: SearchAttributePair[] = [];
    if (shown.get(searchAttributes.status) !== plan.status)
      stale.push({ key: searchAttributes.status, value: plan.status });
    if (deadline && shown.get(searchAttributes.deadline)?.getTime() !== deadline.getTime())
      stale.push({ key: searchAttributes.deadline, value: deadline });
    if (stale.length > 0) upsertSearchAttributes(stale);
  }
  const next = plan.action ? `next: **${plan.action}** at ${plan.at}` : 'nothing left to do';
  setCurrentDetails(`**${plan.status}** · ${next}${plan.deadline ? ` · deadline ${plan.deadline}` : ''}`);
}
