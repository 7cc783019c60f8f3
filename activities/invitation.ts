import { activityInfo, ApplicationFailure, CancelledFailure } from '@temporalio/activity';
import type { Logger } from 'pino';
import type { MailCount } from '../db/commands/count-mail';
import { once } from '../db/commands/once';
import {
  claimInvitationMail,
  expireInvitation,
  keepMail,
  planInvitation,
  type Plan,
  recordDelivery,
  type RenderedMail,
  stillWaiting,
} from '../db/commands/record-delivery';
import { cancelInvitation } from '../db/commands/cancel-invitation';
import { resendInvitation } from '../db/commands/resend-invitation';
import { claimReminder, recordReminder } from '../db/commands/send-reminder';
import { type Database, inOrganization, type Transaction } from '../db/database';
import type { Invitation } from '../db/models/invitation';
import type { Organization } from '../db/models/organization';
import { operatorActor } from '../domain/actor';
import type { InvitationStatus } from '../domain/invitation';
import { maskFor, unmasked } from '../domain/mail-mask';
import type { Action } from '../domain/next-step';
import { keyPerson } from '../domain/permissions';
import { Problem } from '../domain/problem';
import { invitationToken, type KeyRing, linkClaimName } from '../domain/token';
import type { Mailer, MailLine } from './email/mailer';
import { warnOfFallback } from './email/own-template';
import {
  busyMs,
  leaseMarginMs,
  type SendLimits,
  sendPatiently,
  takeLine,
  usualLimits,
  writtenDown,
} from './email/patience';

/** Ids only: everything else is read from the row. */
export interface It {
  invitationId: string;
  organizationId: string;
}

/** What every step answers: the invitation's state and its next step, relative by the database's clock. Fields are only added. */
export interface PlanAnswer {
  status: InvitationStatus | 'gone';
  action: Action | null;
  at: string | null;
  /** Milliseconds until then; 0 or less: due. */
  inMs: number;
  deadline: string | null;
}

export interface InvitationActivities {
  planNextStep(it: It): Promise<PlanAnswer>;
  /** Sends the mail of the present generation if it is due; the same mail however often it is called. */
  sendInvitation(it: It): Promise<PlanAnswer>;
  /** Reminds of that mail, if it is due. // F3 */
  sendReminder(it: It): Promise<PlanAnswer>;
  expireInvitation(it: It): Promise<PlanAnswer>;
  /** The commands of the API, for operators; once per key. A refusal changes nothing and is logged. */
  resendInvitation(it: It & { key: string }): Promise<PlanAnswer>;
  cancelInvitation(it: It & { key: string }): Promise<PlanAnswer>;
}

export interface InvitationActivityDependencies {
  database: Database;
  mailer: Mailer;
  keys: KeyRing;
  baseUrl: string;
  logger: Logger;
  countMail: MailCount;
  limits?: SendLimits | undefined;
  isStopping?: () => boolean;
  underWay?: Set<Promise<unknown>>;
  render: (
    trx: Transaction,
    invitation: Invitation,
    organization: Organization,
    others: Organization[],
    link: string,
    reminder?: boolean,
  ) => Promise<Omit<RenderedMail, 'host'>>;
}

export function createInvitationActivities(dependencies: InvitationActivityDependencies): InvitationActivities {
  const { database, mailer, keys, baseUrl, logger, render, countMail } = dependencies;
  const { limits = usualLimits, isStopping = () => false, underWay = new Set() } = dependencies;
  const waiting = { limits, isStopping, underWay };
  const within = <T>(it: It, command: (trx: Transaction) => Promise<T>) =>
    inOrganization(database, it.organizationId, command);
  const plan = (it: It) => within(it, (trx) => planInvitation(trx, it.organizationId, it.invitationId));

  const operator = { actor: operatorActor, person: keyPerson };
  /** As the API counts: a signal is no way around the limits. What mails nobody has no part in them. */
  async function countWish(trx: Transaction, { organizationId, email, deliveryStatus }: Invitation): Promise<void> {
    const wait = email && deliveryStatus === 'queued' ? await countMail(trx, email, organizationId) : null;
    if (wait !== null) throw new Problem('TOO_MANY_REQUESTS', 'This organization or recipient has had too many mails.');
  }
  async function operatorsWish(it: It & { key: string }, command: typeof cancelInvitation): Promise<PlanAnswer> {
    const key = {
      caller: `workflow:${it.invitationId}`,
      route: 'signal',
      key: it.key,
      bodyHmac: Buffer.from(command.name),
    };
    try {
      await within(it, (trx) =>
        once(trx, key, async () => {
          const { invitation } = await command(trx, it.organizationId, it.invitationId, operator);
          await countWish(trx, invitation);
          return { status: 200, body: null };
        }),
      );
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      logger.warn({ invitationId: it.invitationId, code: error.code }, 'an operator’s signal was refused');
    }
    return answer(await plan(it));
  }

  /** Claims a mail, sends it and records what came of it; both kinds by the same steps. */
  const mailing =
    (reminder: boolean, claimMail: typeof claimReminder, record: typeof recordDelivery) =>
    async (it: It, line: MailLine, limitMs: number) => {
      const claim = await within(it, (trx) =>
        claimMail(
          trx,
          it.organizationId,
          it.invitationId,
          limitMs + leaseMarginMs,
          async (invitation, organization, others) => {
            const mask = maskFor(keys, 'link', linkClaimName({ ...it, generation: invitation.generation }));
            const link = `${baseUrl}/invitations/${mask}`;
            const rendered = await render(trx, invitation, organization, others, link, reminder);
            if (rendered.template === 'fallback') warnOfFallback(logger, rendered.type, organization.id);
            return { ...rendered, host: mailer.host };
          },
          countMail,
        ),
      );
      if (!claim.claimed && 'busyMs' in claim) throw later('MailBusy', 'another try is under way', claim.busyMs);
      if (!claim.claimed) {
        const next = answer(claim.plan);
        // A regular attempt that comes before its time waits visibly in its own retries.
        if (!activityInfo().isLocal && next.action === 'send') throw later('MailDeferred', 'not due yet', next.inMs);
        return next;
      }
      const { email } = claim;
      const link = { invitationId: it.invitationId, generation: email.generation };
      const token = invitationToken(keys, link);
      const revealed = (part: string) => unmasked(keys, 'link', linkClaimName(link), token, part);
      const mail = { ...email, html: revealed(email.html), text: revealed(email.text), date: email.createdAt };
      const recorded = await sendPatiently(
        waiting,
        (leaseMs) => within(it, (trx) => keepMail(trx, it.organizationId, email, leaseMs)),
        async (patience) => {
          const outcome = await line.send(mail, limitMs, patience);
          const written = await writtenDown(() => within(it, (trx) => record(trx, it.organizationId, email, outcome)));
          return { code: outcome.code, ...written };
        },
        (forMs) => later('MailBusy', 'the mail server has it', forMs),
        (error) => logger.error({ err: error, ...it }, 'what came of a mail was not written down'),
      );
      if (recorded.retryInMs !== null) throw later('MailDeferred', recorded.code, recorded.retryInMs);
      return answer(recorded.plan);
    };

  /** That all lines are busy is no try of the mail: nothing is written to the log, and no backoff grows. */
  const overALine =
    (action: Action, send: (it: It, line: MailLine, limitMs: number) => Promise<PlanAnswer>) => async (it: It) => {
      const free = await takeLine(mailer, limits);
      if (!free) {
        // What has become due instead, such as the end of the term, waits for no line.
        const found = await plan(it);
        if (found?.step?.action !== action) return answer(found);
        await within(it, (trx) => stillWaiting(trx, it.organizationId, it.invitationId));
        const leftMs = (found.expiresAt?.getTime() ?? Infinity) - found.now.getTime();
        throw later('MailBusy', 'no line to the mail server is free', Math.min(busyMs, leftMs));
      }
      try {
        return await send(it, free.line, free.limitMs);
      } finally {
        free.line.release();
      }
    };

  return guarded(logger, {
    planNextStep: async (it) => answer(await plan(it)),

    sendInvitation: overALine('send', mailing(false, claimInvitationMail, recordDelivery)),
    sendReminder: overALine('remind', mailing(true, claimReminder, recordReminder)),

    expireInvitation: async (it) =>
      answer(await within(it, (trx) => expireInvitation(trx, it.organizationId, it.invitationId))),

    resendInvitation: (it) => operatorsWish(it, resendInvitation),
    cancelInvitation: (it) => operatorsWish(it, cancelInvitation),
  });
}

function answer(plan: Plan | null): PlanAnswer {
  if (!plan) return { status: 'gone', action: null, at: null, inMs: 0, deadline: null };
  return {
    status: plan.status,
    action: plan.step?.action ?? null,
    at: plan.step?.at.toISOString() ?? null,
    inMs: plan.step ? plan.step.at.getTime() - plan.now.getTime() : 0,
    deadline: plan.expiresAt?.toISOString() ?? null,
  };
}

/** A failure for the retry policy: what an operator reads in the Temporal UI, without the server's words (they name people). */
const later = (type: string, message: string, delayMs: number): ApplicationFailure =>
  ApplicationFailure.create({ type, message: `${type}: ${message}`, nextRetryDelay: Math.max(delayMs, 1_000) });

/** What fails unexpectedly is told to the log; the workflow's history, which others can read, gets a name only. */
function guarded<T extends object>(logger: Logger, activities: T): T {
  return Object.fromEntries(
    Object.entries(activities as Record<string, (argument: It) => Promise<unknown>>).map(([name, run]) => [
      name,
      async (argument: It) => {
        try {
          return await run(argument);
        } catch (error) {
          if (error instanceof ApplicationFailure || error instanceof CancelledFailure) throw error;
          logger.error({ err: error, activity: name, invitationId: argument.invitationId }, 'a step failed');
          const type = error instanceof Error ? error.name : 'Error';
          throw ApplicationFailure.create({ type, message: `${name} failed; the log says why` });
        }
      },
    ]),
  ) as T;
}
