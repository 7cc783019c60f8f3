import { Context } from '@temporalio/activity';
import type { Patience } from './mailer';

/** How long a try of a mail may take, in milliseconds. */
export interface SendLimits {
  /** A local activity must be over before its workflow task is; … */
  localMs: number;
  /** … a regular one has time for a slow server, … */
  regularMs: number;
  /** … and for one that has the mail and does not answer: from step to step, … */
  stepMs: number;
  /** … for as long as the standard says. */
  answerMs: number;
}

export const usualLimits: SendLimits = { localMs: 6_000, regularMs: 60_000, stepMs: 20_000, answerMs: 600_000 };

/** A lease is longer than what it is for: nothing goes out over a connection once it has ended. */
export const leaseMarginMs = 5_000;

export interface Waiting {
  limits: SendLimits;
  /** A worker that stops waits no longer. */
  isStopping: () => boolean;
}

/**
 * The present activity waits on: step by step it says that it lives, and keeps the mail. That its workflow gives the activity up is
 * no reason to cut the mail off: then it would go out twice.
 * @param keep the mail's lease, for so many milliseconds from now; false: it is lost
 */
export function patienceOf({ limits, isStopping }: Waiting, keep: (leaseMs: number) => Promise<boolean>): Patience {
  const activity = Context.current();
  return {
    stepMs: limits.stepMs,
    mostMs: limits.answerMs,
    async extend() {
      if (isStopping()) return false;
      if (!activity.cancellationSignal.aborted) activity.heartbeat();
      return keep(limits.stepMs + leaseMarginMs);
    },
  };
}

/**
 * A workflow that has heard something new, such as a better address, does not wait for a server that thinks: the activity ends,
 * the try goes on and writes down what comes of it. Who asks for the same mail meanwhile finds it taken.
 */
export function orGivenUp<T>(
  trying: Promise<T>,
  isStopping: () => boolean,
  failed: (error: unknown) => void,
): Promise<T> {
  const { cancelled } = Context.current();
  const givenUp = new Promise<never>((_, reject) => {
    cancelled.catch((reason: Error) => {
      // A worker that stops lets running sends finish.
      if (isStopping()) return;
      trying.catch(failed);
      reject(reason);
    });
  });
  return Promise.race([trying, givenUp]);
}
