import { setTimeout as sleep } from 'node:timers/promises';
import { Context } from '@temporalio/activity';
import type { Mailer, MailLine, Patience } from './mailer';

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

/** With all lines busy, a mail is tried again so soon: it has waited for one already, and its server has not said no. */
export const busyMs = 5_000;

/**
 * A line for a mail, before the mail itself is taken: what is decided about it holds when it goes out.
 * @returns it, and how much time is left of the try's; null: all are busy
 */
export async function takeLine(
  mailer: Mailer,
  limits: SendLimits,
): Promise<{ line: MailLine; limitMs: number } | null> {
  const { info, cancellationSignal } = Context.current();
  const limitMs = info.isLocal ? limits.localMs : limits.regularMs;
  const startedAt = Date.now();
  const line = await mailer.line(limitMs / 3, cancellationSignal);
  return line && { line, limitMs: limitMs - (Date.now() - startedAt) };
}

export interface Waiting {
  limits: SendLimits;
  /** A worker that stops waits no longer. */
  isStopping: () => boolean;
  /** Tries that go on without their activity; a worker that stops waits for them. */
  underWay: Set<Promise<unknown>>;
}

/**
 * One try of a mail. Once the server has all of it, it is waited for: what is cut off then would go out twice. Step by step the
 * activity says that it lives, and keeps the mail. A local activity cannot wait, and a workflow that has heard something new, such as
 * a better address, does not: the activity ends, the try goes on and writes down what comes of it. Who asks for the same mail
 * meanwhile finds it taken.
 * @param keep the mail's lease, for so many milliseconds from now; false: it is lost
 * @param busy what a local activity ends with
 */
export async function sendPatiently<T>(
  { limits, isStopping, underWay }: Waiting,
  keep: (leaseMs: number) => Promise<boolean>,
  send: (patience: Patience) => Promise<T>,
  busy: (forMs: number) => Error,
  failed: (error: unknown) => void,
): Promise<T> {
  const activity = Context.current();
  const { isLocal } = activity.info;
  let giveUp: (reason: Error) => void = () => undefined;
  const givenUp = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  const trying = send({
    stepMs: limits.stepMs,
    mostMs: limits.answerMs,
    async extend() {
      if (isStopping()) return false;
      if (!isLocal && !activity.cancellationSignal.aborted) activity.heartbeat();
      const leaseMs = limits.stepMs + leaseMarginMs;
      const kept = await keep(leaseMs);
      if (kept && isLocal) giveUp(busy(leaseMs));
      return kept;
    },
  });
  const settled = trying.then(
    () => undefined,
    () => undefined,
  );
  underWay.add(settled);
  void settled.then(() => underWay.delete(settled));
  // A worker that stops lets running sends finish.
  activity.cancelled.catch((reason: Error) => !isStopping() && giveUp(reason));
  givenUp.catch(() => trying.catch(failed));
  return Promise.race([trying, givenUp]);
}

/** What a server has said is not forgotten because PostgreSQL is away for a moment: the mail would go out again. */
export async function writtenDown<T>(write: () => Promise<T>): Promise<T> {
  const tries = Context.current().info.isLocal ? 3 : 15;
  for (let left = tries - 1; ; left -= 1)
    try {
      return await write();
    } catch (error) {
      if (left === 0) throw error;
      await sleep(500);
    }
}
