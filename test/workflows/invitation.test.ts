import { randomUUID } from 'node:crypto';
import { acceptInvitation, declineInvitation } from '../../db/commands/accept-invitation';
import { cancelInvitation } from '../../db/commands/cancel-invitation';
import { correctInvitation } from '../../db/commands/correct-invitation';
import { resendInvitation } from '../../db/commands/resend-invitation';
import type { Invitation } from '../../db/models/invitation';
import type { Actor } from '../../domain/actor';
import { mailBackoff } from '../../domain/mail-backoff';
import { cancel, changed, resend } from '../../workflows/messages';
import { leaksIn } from '../support/history';
import { startSkippedTime, type SkippedTime } from '../support/skipped-time';
import { eventually } from '../support/usher';

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const invitee: Actor = { type: 'invitee', id: null, name: null };

// A busy machine may take its time.
let time: SkippedTime;
beforeAll(async () => {
  time = await startSkippedTime();
});
afterAll(() => time.stop());
afterEach(() => {
  time.mail.respond = () => 'accept';
  time.around = (_, run) => run();
});

const address = () => `${randomUUID()}@example.com`;
const mailsTo = (email: string) => time.mail.messages.filter(({ to }) => to.includes(email)).length;
const result = (invitation: Invitation, runId?: string): Promise<unknown> => time.handle(invitation, runId).result();
const later = (at: Date | null, ms: number) => new Date(Number(at) + ms);

/** An invitation whose mail has arrived, in an organization of this preset. */
async function invited(preset: '21-days' | '28-days' = '28-days', policy = {}) {
  const organization = await time.createOrganization(preset, 'Europe/Berlin', policy);
  const email = address();
  const invitation = await time.invite(organization, { email });
  return { organization, email, invitation: await time.delivered(invitation) };
}

describe('an answer ends the run', () => {
  test('acceptance: the account is active, and no expiry comes after it', async () => {
    const { invitation, email } = await invited();
    await time.sleepUntil(later(invitation.sentAt, 10 * dayMs));
    const claim = await time.claimFor(email);
    await time.command(invitation, (trx, organizationId) =>
      acceptInvitation(trx, organizationId, claim, { passwordHash: 'hashed' }, invitee),
    );
    expect(await result(invitation)).toEqual({ status: 'accepted' });
    await time.sleepUntil(later(invitation.expiresAt, dayMs));
    expect(await time.read(invitation)).toMatchObject({ status: 'accepted', nextAt: null });
    expect(await time.invitee(invitation)).toMatchObject({ account: 'active', membership: 'active' });
    expect(await time.events(invitation)).toEqual(['created', 'sent', 'delivered', 'accepted']);
  });

  test('decline: the account is inactive', async () => {
    const { invitation, email } = await invited();
    const claim = await time.claimFor(email);
    await time.command(invitation, (trx, organizationId) =>
      declineInvitation(trx, organizationId, claim, 'no time', invitee),
    );
    expect(await result(invitation)).toEqual({ status: 'declined' });
    expect(await time.invitee(invitation)).toMatchObject({ account: 'inactive', membership: 'inactive' });
  });

  test('cancel: the link is dead, and no expiry comes after it', async () => {
    const { invitation, email } = await invited();
    await time.command(invitation, cancelInvitation);
    expect(await result(invitation)).toEqual({ status: 'cancelled' });
    const claim = await time.claimFor(email);
    await expect(
      time.command(invitation, (trx, organizationId) =>
        acceptInvitation(trx, organizationId, claim, { passwordHash: 'hashed' }, invitee),
      ),
    ).rejects.toMatchObject({ code: 'INVITATION_CANCELLED' });
    await time.sleepUntil(later(invitation.expiresAt, dayMs));
    expect(await time.events(invitation)).toEqual(['created', 'sent', 'delivered', 'cancelled']);
  });

  test('without a word to the workflow, it sees at the deadline that nothing is left to do', async () => {
    const { invitation } = await invited();
    await time.command(invitation, cancelInvitation, { told: false });
    expect(await result(invitation)).toEqual({ status: 'cancelled' });
    expect(await time.events(invitation)).toEqual(['created', 'sent', 'delivered', 'cancelled']);
  });
});

describe('a resend', () => {
  test('before the deadline starts a full new term, and the earlier link is dead', async () => {
    const { invitation, email } = await invited('21-days');
    const early = await time.claimFor(email);
    await time.sleepUntil(later(invitation.sentAt, 20 * dayMs));
    const again = await time.command(invitation, resendInvitation);
    expect(Number(again.expiresAt)).toBeGreaterThan(Number(invitation.expiresAt) + 19 * dayMs);
    expect(await time.claimFor(email, 2)).toEqual({ invitationId: invitation.id, generation: 2 });

    await time.sleepUntil(later(invitation.expiresAt, dayMs));
    expect(await time.read(invitation)).toMatchObject({ status: 'pending', deliveryStatus: 'sent' });
    await expect(
      time.command(invitation, (trx, organizationId) =>
        acceptInvitation(trx, organizationId, early, { passwordHash: 'hashed' }, invitee),
      ),
    ).rejects.toMatchObject({ code: 'INVITATION_SUPERSEDED' });

    expect(await result(invitation)).toEqual({ status: 'expired' });
    expect(await time.events(invitation)).toEqual(['created', 'sent', 'delivered', 'resent', 'delivered', 'expired']);
    expect(mailsTo(email)).toBe(2);
  });

  test('after the expiry is a new run under the same id, which can be accepted', async () => {
    const { invitation, email } = await invited('21-days');
    const first = await time.handle(invitation).describe();
    expect(await result(invitation)).toEqual({ status: 'expired' });
    await time.sleepUntil(later(invitation.expiresAt, 30 * dayMs));
    await time.command(invitation, resendInvitation);
    const claim = await time.claimFor(email, 2);
    const second = await time.handle(invitation).describe();
    expect(second.workflowId).toBe(first.workflowId);
    expect(second.runId).not.toBe(first.runId);

    await time.command(invitation, (trx, organizationId) =>
      acceptInvitation(trx, organizationId, claim, { passwordHash: 'hashed' }, invitee),
    );
    expect(await result(invitation)).toEqual({ status: 'accepted' });
    expect(await result(invitation, first.runId)).toEqual({ status: 'expired' });
    expect(await time.invitee(invitation)).toMatchObject({ account: 'active', membership: 'active' });
  });

  test('after the expiry is refused where the policy says so, and starts nothing', async () => {
    const { invitation, email } = await invited('28-days');
    expect(await result(invitation)).toEqual({ status: 'expired' });
    const { runId } = await time.handle(invitation).describe();
    await expect(time.command(invitation, resendInvitation)).rejects.toMatchObject({ code: 'RESEND_NOT_ALLOWED' });
    expect((await time.handle(invitation).describe()).runId).toBe(runId);
    expect(mailsTo(email)).toBe(1);
  });

  test('that comes between the last look of a run and its end is not lost', async () => {
    const { invitation, email } = await invited('21-days');
    const { runId } = await time.handle(invitation).describe();
    const seen: string[] = [];
    time.around = async ({ name, isLocal }, run) => {
      if (name !== 'planNextStep' || seen.length > 1) return run();
      seen.push(isLocal ? 'local' : 'regular');
      if (isLocal) throw new Error('the database is away for a moment');
      const plan = await run();
      // The answer that nothing is left to do is on its way to the workflow.
      await time.command(invitation, resendInvitation);
      return plan;
    };
    await time.sleepUntil(later(invitation.expiresAt, -minuteMs));
    // Whoever meets the overdue row writes its expiry down; here before the workflow's own timer.
    await time.owner('invitations').where({ id: invitation.id }).update({ status: 'expired', next_at: null });
    await time.tellAgain(invitation);
    expect(await time.claimFor(email, 2)).toMatchObject({ generation: 2 });
    expect(seen).toEqual(['local', 'regular']);
    expect((await time.handle(invitation).describe()).runId).toBe(runId);
    expect(await result(invitation)).toEqual({ status: 'expired' });
  });
});

describe('operators', () => {
  test('the signal resend sends a new link with a full term', async () => {
    const { invitation, email } = await invited();
    await time.sleepUntil(later(invitation.sentAt, dayMs));
    await time.handle(invitation).signal(resend);
    expect(await time.claimFor(email, 2)).toMatchObject({ generation: 2 });
    const again = await time.delivered(invitation);
    expect(Number(again.expiresAt)).toBeGreaterThanOrEqual(Number(invitation.expiresAt) + dayMs);
    const [event] = await time.owner('audit_events').where({ invitation_id: invitation.id, type: 'invitation.resent' });
    expect(event).toMatchObject({ actor_type: 'operator' });
    await time.handle(invitation).terminate();
  });

  test('a resend whose first try is lost after its commit sends once', async () => {
    const { invitation, email } = await invited();
    time.around = async ({ name, isLocal }, run) => {
      const answer = await run();
      if (name === 'resendInvitation' && isLocal) throw new Error('the worker died after the commit');
      return answer;
    };
    await time.handle(invitation).signal(resend);
    await time.claimFor(email, 2);
    await time.handle(invitation).signal(cancel);
    expect(await result(invitation)).toEqual({ status: 'cancelled' });
    expect(await time.read(invitation)).toMatchObject({ generation: 2 });
    expect(mailsTo(email)).toBe(2);
  });

  test.each([
    ['the signal cancel', (invitation: Invitation) => time.handle(invitation).signal(cancel)],
    ['the cancel button of the Temporal UI', (invitation: Invitation) => time.handle(invitation).cancel()],
  ])('%s cancels the invitation, and the run tells it as its result', async (_, act) => {
    const { invitation } = await invited();
    await act(invitation);
    expect(await result(invitation)).toEqual({ status: 'cancelled' });
    expect(await time.read(invitation)).toMatchObject({ status: 'cancelled' });
    expect(await time.invitee(invitation)).toMatchObject({ account: 'inactive', membership: 'inactive' });
    expect(await time.handle(invitation).describe()).toMatchObject({ status: { name: 'COMPLETED' } });
  });

  test('a signal that is refused changes nothing: the answer of the invited person stands', async () => {
    const { invitation, email } = await invited();
    const claim = await time.claimFor(email);
    await time.command(
      invitation,
      (trx, organizationId) => acceptInvitation(trx, organizationId, claim, { passwordHash: 'hashed' }, invitee),
      { told: false },
    );
    await time.handle(invitation).signal(cancel);
    expect(await result(invitation)).toEqual({ status: 'accepted' });
    expect(await time.events(invitation)).toEqual(['created', 'sent', 'delivered', 'accepted']);
  });
});

describe('the workflow is told', () => {
  test('twice: nothing comes of it', async () => {
    const { invitation, email } = await invited();
    const { runId } = await time.handle(invitation).describe();
    for (let n = 0; n < 2; n += 1) await time.tellAgain(invitation);
    for (let n = 0; n < 3; n += 1) await time.handle(invitation).signal(changed);
    await time.sleepUntil(later(invitation.expiresAt, -dayMs));
    expect(await time.read(invitation)).toEqual(invitation);
    expect((await time.handle(invitation).describe()).runId).toBe(runId);
    expect(await result(invitation)).toEqual({ status: 'expired' });
    expect(await time.events(invitation)).toEqual(['created', 'sent', 'delivered', 'expired']);
    expect(mailsTo(email)).toBe(1);
  });

  test('of an ended invitation: no run is started for it', async () => {
    const { invitation } = await invited();
    await time.command(invitation, cancelInvitation);
    await result(invitation);
    const { runId } = await time.handle(invitation).describe();
    await time.tellAgain(invitation);
    expect(await time.handle(invitation).describe()).toMatchObject({ runId, status: { name: 'COMPLETED' } });
  });

  test('that its row has vanished: the run ends with that answer', async () => {
    const { invitation } = await invited();
    await time.owner('invitations').where({ id: invitation.id }).delete();
    await time.handle(invitation).signal(changed);
    expect(await result(invitation)).toEqual({ status: 'gone' });
  });
});

describe('the mail server', () => {
  test('defers with 451: retried with growing pauses until the deadline, then the invitation expires', async () => {
    const organization = await time.createOrganization('28-days', 'Europe/Berlin', { invitationLifetime: 'PT30M' });
    const email = address();
    time.mail.respond = ({ to }) => (to.includes(email) ? { code: 451, text: 'come back later' } : 'accept');
    const invitation = await time.invite(organization, { email });
    expect(await result(invitation)).toEqual({ status: 'expired' });

    const [mail, ...others] = await time.mailLog(invitation);
    expect(others).toEqual([]);
    const tries = (mail?.attempts ?? []).map(({ at }) => Date.parse(at));
    // 0, 5, 20, 65, 155, 335, 695 and 1,415 seconds after the start; the ninth would come after the deadline.
    expect(tries).toHaveLength(8);
    tries.slice(1).forEach((at, index) => {
      expect(at - (tries[index] ?? 0)).toBeGreaterThanOrEqual(mailBackoff(index + 1));
    });
    expect(Math.max(...tries)).toBeLessThan(Number(invitation.expiresAt));
    expect(await time.read(invitation)).toMatchObject({
      status: 'expired',
      deliveryStatus: 'failed',
      deliveryDetail: expect.stringContaining('come back later') as string,
    });
    expect(await time.events(invitation)).toEqual(['created', 'sent', 'refused', 'expired']);
    expect(mailsTo(email)).toBe(0);
  });

  test('defers and then takes it: the same mail under the same Message-ID, with the link of the first try', async () => {
    const organization = await time.createOrganization('28-days', 'Europe/Berlin');
    const email = address();
    time.mail.respond = ({ stage, to, attempt }) =>
      stage === 'RCPT' && to.includes(email) && attempt <= 4 ? { code: 451, text: 'come back later' } : 'accept';
    const invitation = await time.invite(organization, { email });
    await time.sleepUntil(later(invitation.sentAt, 60 * minuteMs));
    await time.delivered(invitation);
    const [mail] = await time.mailLog(invitation);
    expect(mail).toMatchObject({ status: 'sent', generation: 1 });
    expect(mail?.attempts.map(({ response }) => response.slice(0, 3))).toEqual(['451', '451', '451', '451', '250']);
    expect((await time.mail.waitForMail(email))[0]?.parsed.messageId).toBe(mail?.messageId);
    expect(await time.claimFor(email)).toEqual({ invitationId: invitation.id, generation: 1 });
    await time.command(invitation, cancelInvitation);
    expect(await result(invitation)).toEqual({ status: 'cancelled' });
  });

  test('refuses with 550: not tried again, on record in its words, and the invitation stays open until its deadline', async () => {
    const organization = await time.createOrganization('28-days', 'Europe/Berlin');
    const email = address();
    time.mail.respond = ({ to }) => (to.includes(email) ? { code: 550, text: 'nobody of that name' } : 'accept');
    const invitation = await time.invite(organization, { email });
    await time.sleepUntil(later(invitation.sentAt, 20 * dayMs));
    expect(await time.read(invitation)).toMatchObject({
      status: 'pending',
      deliveryStatus: 'failed',
      deliveryDetail: expect.stringContaining('nobody of that name') as string,
      nextAt: invitation.expiresAt,
    });
    expect(await result(invitation)).toEqual({ status: 'expired' });
    expect((await time.mailLog(invitation)).map(({ attempts }) => attempts.length)).toEqual([1]);
    expect(await time.events(invitation)).toEqual(['created', 'sent', 'refused', 'expired']);
  });

  test('refuses, and the address is corrected: the mail goes to the right one', async () => {
    const organization = await time.createOrganization('28-days', 'Europe/Berlin');
    const wrong = address();
    const right = address();
    time.mail.respond = ({ to }) => (to.includes(wrong) ? { code: 550, text: 'nobody of that name' } : 'accept');
    const invitation = await time.invite(organization, { email: wrong });
    await eventually(
      () => time.read(invitation),
      ({ deliveryStatus }) => deliveryStatus === 'failed',
    );
    await time.command(invitation, (trx, organizationId, id, manager) =>
      correctInvitation(trx, organizationId, id, { email: right }, manager),
    );
    expect(await time.claimFor(right)).toMatchObject({ generation: 2 });
    const corrected = await time.delivered(invitation);
    expect(corrected.expiresAt).toEqual(invitation.expiresAt);
    expect(await result(invitation)).toEqual({ status: 'expired' });
  });

  test('is away for hours, and the address is corrected meanwhile: the mail goes at once, not after the pause', async () => {
    const organization = await time.createOrganization('28-days', 'Europe/Berlin');
    const wrong = address();
    const right = address();
    time.mail.respond = ({ to }) => (to.includes(wrong) ? { code: 451, text: 'come back later' } : 'accept');
    const invitation = await time.invite(organization, { email: wrong });
    await time.sleepUntil(later(invitation.sentAt, 5 * 60 * minuteMs));
    const waiting = await eventually(
      () => time.read(invitation),
      ({ deliveryDueAt }) => Number(deliveryDueAt) > Number(invitation.sentAt) + 5 * 60 * minuteMs,
    );
    await time.command(invitation, (trx, organizationId, id, manager) =>
      correctInvitation(trx, organizationId, id, { email: right }, manager),
    );
    expect(await time.claimFor(right)).toMatchObject({ generation: 2 });
    const corrected = await time.delivered(invitation);
    expect(corrected.expiresAt).toEqual(invitation.expiresAt);
    const [old, fresh] = await time.mailLog(invitation);
    expect(Number(fresh?.sentAt)).toBeLessThan(Number(waiting.deliveryDueAt));

    const tries = old?.attempts.length;
    expect(await result(invitation)).toEqual({ status: 'expired' });
    expect((await time.mailLog(invitation))[0]).toMatchObject({
      status: 'failed',
      detail: 'Not sent: the invitation has a newer link.',
      nextTryAt: null,
    });
    expect((await time.mailLog(invitation))[0]?.attempts).toHaveLength(tries ?? 0);
    expect(mailsTo(wrong)).toBe(0);
    expect(mailsTo(right)).toBe(1);
  });

  test('is away, and meanwhile the row vanishes: the run ends by itself at the next try', async () => {
    const organization = await time.createOrganization('28-days', 'Europe/Berlin');
    const email = address();
    time.mail.respond = ({ to }) => (to.includes(email) ? { code: 451, text: 'come back later' } : 'accept');
    const invitation = await time.invite(organization, { email });
    await eventually(
      () => time.mailLog(invitation),
      ([mail]) => mail?.attempts.length === 1,
    );
    await time.owner('invitations').where({ id: invitation.id }).delete();
    expect(await result(invitation)).toEqual({ status: 'gone' });
  });

  test('is away, and the workflow is told twice for nothing: the pauses stay', async () => {
    const organization = await time.createOrganization('28-days', 'Europe/Berlin');
    const email = address();
    time.mail.respond = ({ stage, to, attempt }) =>
      stage === 'RCPT' && to.includes(email) && attempt <= 6 ? { code: 451, text: 'come back later' } : 'accept';
    const invitation = await time.invite(organization, { email });
    for (let attempts = 1; attempts <= 2; attempts += 1) {
      await eventually(
        () => time.mailLog(invitation),
        ([mail]) => (mail?.attempts.length ?? 0) >= attempts,
      );
      await time.tellAgain(invitation);
      await time.handle(invitation).signal(changed);
      await time.sleepUntil(later(await time.now(), 6_000));
    }
    await time.sleepUntil(later(invitation.sentAt, 60 * minuteMs));
    await time.delivered(invitation);
    const [mail] = await time.mailLog(invitation);
    const tries = (mail?.attempts ?? []).map(({ at }) => Date.parse(at));
    expect(tries).toHaveLength(7);
    tries.slice(1).forEach((at, index) => {
      expect(at - (tries[index] ?? 0)).toBeGreaterThanOrEqual(mailBackoff(index + 1));
    });
    await time.command(invitation, cancelInvitation);
    expect(await result(invitation)).toEqual({ status: 'cancelled' });
  });
});

describe('what can be read in Temporal', () => {
  test('is ids, states and times: no address, name, text, link, nor the words of the mail server', async () => {
    const organization = await time.createOrganization('28-days', 'Europe/Berlin');
    const email = address();
    const corrected = address();
    const words = 'Zebulon has moved to another office';
    time.mail.respond = ({ stage, to, attempt }) => {
      if (to.includes(email)) return { code: 451, text: words };
      return stage === 'RCPT' && to.includes(corrected) && attempt < 3 ? { code: 451, text: words } : 'accept';
    };
    const person = { firstName: 'Zebulon', lastName: 'Quirinus', message: 'Bring your own lantern.' };
    const invitation = await time.invite(organization, { email, ...person });
    const { runId } = await time.handle(invitation).describe();
    const handle = time.handle(invitation, runId);
    await time.sleepUntil(later(invitation.sentAt, 60 * minuteMs));

    const shown: unknown[] = [(await handle.describe()).raw, await handle.query('__temporal_workflow_metadata')];
    await time.command(invitation, (trx, organizationId, id, manager) =>
      correctInvitation(trx, organizationId, id, { email: corrected }, manager),
    );
    await time.sleepUntil(later(await time.now(), minuteMs));
    const claim = await time.claimFor(corrected);
    const link = (await time.mail.waitForMail(corrected))[0]?.parsed.text?.match(/invitations\/([A-Za-z0-9_-]+)/)?.[1];
    await handle.signal(cancel);
    expect(await result(invitation)).toEqual({ status: 'cancelled' });
    shown.push((await handle.describe()).raw, await handle.fetchHistory());

    // The waiting for a retry, the sending and the end are all in there, and would be found.
    expect(leaksIn(shown, [claim.invitationId, 'sendInvitation', 'MailDeferred', 'cancelled'])).toHaveLength(4);
    const secrets = [email, corrected, '@example.com', ...Object.values(person), words, link ?? ''];
    expect(link?.length).toBeGreaterThan(70);
    expect(leaksIn(shown, secrets)).toEqual([]);
  });
});
