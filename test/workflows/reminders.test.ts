import { randomUUID } from 'node:crypto';
import { acceptInvitation } from '../../db/commands/accept-invitation';
import { cancelInvitation } from '../../db/commands/cancel-invitation';
import { changePolicy } from '../../db/commands/change-organization';
import { correctInvitation } from '../../db/commands/correct-invitation';
import { linkInvitation } from '../../db/commands/link-invitation';
import { resendInvitation } from '../../db/commands/resend-invitation';
import type { Invitation } from '../../db/models/invitation';
import { deadlineBefore } from '../../domain/calendar-time';
import { systemActor } from '../../domain/actor';
import type { Policy } from '../../domain/policy';
import { startSkippedTime, type SkippedTime } from '../support/skipped-time';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const zone = 'Europe/Berlin';

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

const mailsTo = (email: string) => time.mail.messages.filter(({ to }) => to.includes(email));
const subjectsTo = (email: string) => mailsTo(email).map(({ parsed }) => parsed.subject);
const linksTo = (email: string) =>
  mailsTo(email).map(({ parsed }) => /\/invitations\/([\w-]+)/.exec(parsed.text ?? '')?.[1]);
const later = (at: Date | null, ms: number) => new Date(Number(at) + ms);
const before = (invitation: Invitation, duration: string) =>
  deadlineBefore(invitation.expiresAt ?? new Date(0), duration, zone);
const result = (invitation: Invitation): Promise<unknown> => time.handle(invitation).result();

async function invited(policy: Partial<Policy> = {}, fields = {}) {
  const organization = await time.createOrganization('21-days', zone, { reminders: ['P7D', 'P1D'], ...policy });
  const email = `${randomUUID()}@example.com`;
  const invitation = await time.invite(organization, { email, ...fields });
  return { organization, email, invitation: await time.delivered(invitation) };
}

test('F3: two reminders before the deadline, each once, with the link of the mail they remind of', async () => {
  const { invitation, email } = await invited();
  expect(invitation.reminderAt).toEqual([before(invitation, 'P7D'), before(invitation, 'P1D')]);
  await time.sleepUntil(later(before(invitation, 'P7D'), -60_000));
  expect(mailsTo(email)).toHaveLength(1);
  await time.sleepUntil(later(before(invitation, 'P7D'), 60_000));
  expect(mailsTo(email)).toHaveLength(2);
  await time.sleepUntil(later(before(invitation, 'P1D'), 60_000));
  expect(subjectsTo(email)).toEqual([
    'Your invitation to Acme',
    'Reminder: your invitation to Acme',
    'Reminder: your invitation to Acme',
  ]);
  const links = linksTo(email);
  expect(new Set(links).size).toBe(1);
  expect(links[0]).toBeDefined();
  expect(new Set(mailsTo(email).map(({ parsed }) => parsed.messageId)).size).toBe(3);
  expect(await result(invitation)).toEqual({ status: 'expired' });
  expect(await time.events(invitation)).toEqual(['created', 'sent', 'delivered', 'reminded', 'reminded', 'expired']);
  const log = (await time.mailLog(invitation)).sort((one, other) => one.ordinal - other.ordinal);
  expect(log.map(({ type, ordinal, status }) => [type, ordinal, status])).toEqual([
    ['user-invitation', 0, 'sent'],
    ['invitation-reminder', 1, 'sent'],
    ['invitation-reminder', 2, 'sent'],
  ]);
  for (const { html, text } of log) expect(`${html}${text}`).not.toContain(links[0]);
});

test('F3: an answer and a cancel stop them', async () => {
  const one = await invited();
  const other = await invited();
  const claim = await time.claimFor(one.email);
  await time.command(one.invitation, (trx, organizationId) =>
    acceptInvitation(trx, organizationId, claim, { passwordHash: 'hashed' }, systemActor),
  );
  await time.command(other.invitation, cancelInvitation);
  await time.sleepUntil(later(other.invitation.expiresAt, dayMs));
  expect([...mailsTo(one.email), ...mailsTo(other.email)]).toHaveLength(2);
});

test('F3: a mail that bounces stops them, whether or not the workflow has heard of it', async () => {
  const { invitation, email } = await invited();
  await time.owner('invitations').where({ id: invitation.id }).update({ delivery_status: 'bounced' });
  expect(await result(invitation)).toEqual({ status: 'expired' });
  expect(mailsTo(email)).toHaveLength(1);
});

test('F3: a resend plans them anew for its own term', async () => {
  const { invitation, email } = await invited();
  await time.sleepUntil(later(before(invitation, 'P1D'), -hourMs));
  expect(mailsTo(email)).toHaveLength(2);
  const again = await time.command(invitation, resendInvitation);
  expect(again).toMatchObject({ reminderAt: [before(again, 'P7D'), before(again, 'P1D')], remindersSent: 0 });
  expect(await result(invitation)).toEqual({ status: 'expired' });
  expect(mailsTo(email)).toHaveLength(5);
  const links = linksTo(email);
  expect(links.slice(0, 2)).toEqual([links[0], links[0]]);
  expect(links.slice(2)).toEqual([links[2], links[2], links[2]]);
  expect(links[2]).not.toBe(links[0]);
});

test('F3: a corrected address gets those that are left of the term; a link that is handed over, none', async () => {
  const { invitation, email } = await invited();
  await time.sleepUntil(later(before(invitation, 'P7D'), hourMs));
  const right = `${randomUUID()}@example.com`;
  await time.command(invitation, (trx, organizationId, id, manager) =>
    correctInvitation(trx, organizationId, id, { email: right }, manager),
  );
  await time.sleepUntil(later(before(invitation, 'P1D'), hourMs));
  expect(subjectsTo(email)).toHaveLength(2);
  expect(subjectsTo(right)).toEqual(['Your invitation to Acme', 'Reminder: your invitation to Acme']);
  expect(new Set(linksTo(right)).size).toBe(1);

  const handed = await invited();
  const linked = await time.command(handed.invitation, linkInvitation);
  expect(linked).toMatchObject({ byHand: true, reminderAt: [] });
  expect(await result(handed.invitation)).toEqual({ status: 'expired' });
  expect(mailsTo(handed.email)).toHaveLength(1);
});

test('F3: a reminder that is put off by the server goes out later, once', async () => {
  const { invitation, email } = await invited({ reminders: ['P7D'] });
  time.mail.respond = ({ stage, attempt }) =>
    stage === 'RCPT' && attempt <= 3 ? { code: 451, text: 'Later' } : 'accept';
  expect(await result(invitation)).toEqual({ status: 'expired' });
  expect(subjectsTo(email)).toEqual(['Your invitation to Acme', 'Reminder: your invitation to Acme']);
  expect(await time.events(invitation)).toEqual(['created', 'sent', 'delivered', 'reminded', 'expired']);
  const reminder = (await time.mailLog(invitation)).find(({ ordinal }) => ordinal === 1);
  expect(reminder?.attempts.length).toBeGreaterThan(1);
});

test('F3: after an outage over several of them one goes out, and not in the night', async () => {
  const quietHours = { from: '22:00', to: '07:00' };
  const { invitation, email } = await invited({ reminders: ['P7D', 'P6D', 'P5D'], quietHours });
  const back = before(invitation, 'P4D');
  let out = false;
  const answered: Date[] = [];
  time.mail.respond = async ({ stage }) => {
    const now = await time.now();
    out = now < back;
    if (stage === 'DATA' && !out) answered.push(now);
    return out ? { code: 421, text: 'Closed' } : 'accept';
  };
  expect(await result(invitation)).toEqual({ status: 'expired' });
  expect(mailsTo(email)).toHaveLength(2);
  expect(answered).toHaveLength(1);
  const hour = Number(
    new Intl.DateTimeFormat('en-GB', { hour: '2-digit', timeZone: zone }).format(answered[0] ?? new Date(0)),
  );
  expect(hour).toBeGreaterThanOrEqual(7);
  expect(hour).toBeLessThan(22);
  expect(await time.events(invitation)).toEqual(['created', 'sent', 'delivered', 'reminded', 'expired']);
});

test('F3: one that is due while nobody works, and found in the night, waits for its end', async () => {
  const quietHours = { from: '00:00', to: '23:59' };
  const { organization, invitation, email } = await invited({ reminders: ['P7D'] });
  // The night is the organization's of the moment in which it would go out.
  await time.command(invitation, async (trx) => {
    const { changes } = await changePolicy(trx, organization.id, { quietHours }, false, systemActor);
    return { invitation, changes };
  });
  await time.sleepUntil(later(before(invitation, 'P7D'), -60_000));
  expect(mailsTo(email)).toHaveLength(1);
  expect(await result(invitation)).toEqual({ status: 'expired' });
  expect(mailsTo(email)).toHaveLength(2);
  const { minute, hour } = Object.fromEntries(
    new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: zone })
      .formatToParts((await time.mailLog(invitation)).find(({ ordinal }) => ordinal === 1)?.sentAt ?? new Date(0))
      .map(({ type, value }) => [type, value]),
  );
  expect([hour, minute]).toEqual(['23', '59']);
});

test('F3: a reminder that is refused for good shows in the delivery, and none follows', async () => {
  const { invitation, email } = await invited();
  time.mail.respond = () => ({ code: 550, text: 'No such mailbox' });
  await time.sleepUntil(later(before(invitation, 'P7D'), hourMs));
  const refused = await time.read(invitation);
  expect(refused).toMatchObject({ deliveryStatus: 'failed', reminderAt: [], status: 'pending' });
  expect(refused.deliveryDetail).toContain('No such mailbox');
  time.mail.respond = () => 'accept';
  expect(await result(invitation)).toEqual({ status: 'expired' });
  expect(mailsTo(email)).toHaveLength(1);
  expect(await time.events(invitation)).toEqual(['created', 'sent', 'delivered', 'refused', 'expired']);
});

test('F3: what was due while the invitation itself could not go out reminds of nothing', async () => {
  const organization = await time.createOrganization('21-days', zone, { reminders: ['P20D', 'P1D'] });
  const email = `${randomUUID()}@example.com`;
  let until = new Date(8_640_000_000_000_000);
  time.mail.respond = async () => ((await time.now()) < until ? { code: 451, text: 'Later' } : 'accept');
  const invitation = await time.invite(organization, { email });
  until = later(invitation.sentAt, 2 * dayMs);
  await time.sleepUntil(later(until, 2 * hourMs));
  expect(subjectsTo(email)).toEqual(['Your invitation to Acme']);
  expect((await time.read(invitation)).reminderAt).toEqual([before(invitation, 'P1D')]);
  expect(await result(invitation)).toEqual({ status: 'expired' });
  expect(mailsTo(email)).toHaveLength(2);
});

test('F7: a policy that is applied to open invitations plans their reminders anew; one that is not leaves them', async () => {
  const first = await invited({ reminders: [] });
  const change = (policy: Partial<Policy>, applyToPending: boolean) =>
    time.command(first.invitation, async (trx) => {
      const { changes } = await changePolicy(trx, first.organization.id, policy, applyToPending, systemActor);
      return { invitation: first.invitation, changes };
    });
  await change({ reminders: ['P7D'] }, false);
  expect((await time.read(first.invitation)).reminderAt).toEqual([]);
  await change({ reminders: ['P7D', 'P1D'] }, true);
  expect((await time.read(first.invitation)).reminderAt).toHaveLength(2);
  await time.sleepUntil(later(before(first.invitation, 'P7D'), hourMs));
  expect(mailsTo(first.email)).toHaveLength(2);
  // What has been sent is not sent again.
  await change({ reminders: ['P7D', 'P2D'] }, true);
  expect((await time.read(first.invitation)).reminderAt).toEqual([before(first.invitation, 'P2D')]);
  expect(await result(first.invitation)).toEqual({ status: 'expired' });
  expect(mailsTo(first.email)).toHaveLength(3);
});

test('F7: a reminder that waits for its next try is given up with its old deadline, and the log says why', async () => {
  const { organization, invitation } = await invited({ reminders: ['P7D'] });
  time.mail.respond = () => ({ code: 451, text: 'Later' });
  await time.sleepUntil(later(before(invitation, 'P7D'), hourMs));
  const reminder = async () => (await time.mailLog(invitation)).find(({ ordinal }) => ordinal === 1);
  expect(await reminder()).toMatchObject({ status: 'queued', nextTryAt: expect.any(Date) });
  await time.command(invitation, async (trx) => {
    const { changes } = await changePolicy(trx, organization.id, { reminders: ['P1D'] }, true, systemActor);
    return { invitation, changes };
  });
  expect(await reminder()).toMatchObject({
    status: 'failed',
    detail: 'Not sent: the term has changed.',
    nextTryAt: null,
  });
  time.mail.respond = () => 'accept';
  expect(await result(invitation)).toEqual({ status: 'expired' });
});

test('F3: two workers at once send one reminder', async () => {
  const { invitation, email } = await invited({ reminders: ['P7D'] });
  let tries = 0;
  time.around = async ({ name, isLocal }, run) => {
    if (name !== 'sendReminder') return run();
    tries += 1;
    if (!isLocal) return run();
    // The try succeeds, but its worker dies before it can say so.
    await run();
    throw new Error('gone');
  };
  expect(await result(invitation)).toEqual({ status: 'expired' });
  expect(tries).toBe(2);
  expect(mailsTo(email)).toHaveLength(2);
  expect(await time.events(invitation)).toEqual(['created', 'sent', 'delivered', 'reminded', 'expired']);
});
