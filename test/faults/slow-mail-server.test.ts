import { claimAccountMail, keepAccountMail, recordAccountMail } from '../../db/commands/account-mail';
import { keepMail, recordDelivery } from '../../db/commands/record-delivery';
import { type Database, inOrganization, openDatabase } from '../../db/database';
import type { SmtpReply } from '../support/mail-server';
import { expectProblem } from '../support/problem';
import { eventually, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

/* eslint-disable @typescript-eslint/no-explicit-any */
let usher: TestUsher;
let organization: TestOrganization;
let database: Database;

beforeAll(async () => {
  // In place of 6, 60 and 20 seconds; ten minutes as they are.
  usher = await startUsher({
    sendLimits: { localMs: 3_000, regularMs: 6_000, stepMs: 200, answerMs: 600_000 },
    env: { USHER_SMTP_CONNECTIONS: '1' },
  });
  organization = await usher.createOrganization();
  database = openDatabase(usher.database.url, { poolSize: 2 });
});
afterAll(async () => {
  await database.destroy();
  await usher.stop();
});

/** A server that takes five minutes to say what became of a mail: until the test lets the answer go. */
function thinkingServer() {
  const answers: (() => void)[] = [];
  let asked = 0;
  usher.mail.respond = async ({ stage }): Promise<SmtpReply> => {
    if (stage === 'RCPT') return 'accept';
    asked += 1;
    await new Promise<void>((resolve) => answers.push(resolve));
    return 'accept';
  };
  return {
    /** How often it has been handed a mail. */
    asked: () => asked,
    answerAll: () => answers.splice(0).forEach((answer) => answer()),
  };
}

const mailsTo = (email: string) => usher.mail.messages.filter(({ to }) => to.includes(email));

test('an answer that takes five minutes is waited for: nobody sends the mail meanwhile, and the log tells what happened', async () => {
  const email = 'patient@example.com';
  const server = thinkingServer();
  const { id, workflowId } = await organization.invite({ email });
  const run = usher.temporal.workflow.getHandle(workflowId as string);
  const read = async () => (await organization.call('GET', `/invitations/${id}`)).body;
  const mail = async () => (await organization.call('GET', `/emails?invitationId=${id}`)).body.items[0];
  const leases = new Set<number>();
  const lease = async () => {
    const [row] = await usher.owner('emails').where({ invitation_id: id }).select('lease_until', 'attempts');
    if (server.asked() === 1 && row.lease_until) leases.add(Number(row.lease_until));
    return leases.size;
  };

  // The activity cannot wait, but the try goes on, and the mail stays its own from step to step.
  await eventually(lease, (count) => count >= 5);
  const queued = await mail();
  expect(queued).toMatchObject({ status: 'queued', attempts: [] });
  expect(await read()).toMatchObject({ status: 'pending', delivery: { status: 'queued' } });
  expectProblem(await organization.call('POST', `/emails/${queued.id}/resend`), 'MAIL_QUEUED');

  // A workflow that hears something asks for the mail again: it is taken.
  await run.signal('changed');
  const pending = async () => (await run.describe()).raw.pendingActivities ?? [];
  await eventually(pending, (activities) =>
    activities.some(({ lastFailure }) => lastFailure?.message?.startsWith('MailBusy') ?? false),
  );
  const before = leases.size;
  await eventually(lease, (count) => count >= before + 3);
  expect(server.asked()).toBe(1);

  server.answerAll();
  const sent = await eventually(mail, (found) => found.status === 'sent');
  expect(sent).toMatchObject({
    status: 'sent',
    detail: null,
    attempts: [{ response: expect.stringMatching(/^250 /) }],
  });
  expect(await read()).toMatchObject({
    status: 'pending',
    delivery: { status: 'sent' },
    nextStep: { action: 'expire' },
  });
  await eventually(pending, (activities) => activities.length === 0);
  expect((await run.describe()).status.name).toBe('RUNNING');
  expect(server.asked()).toBe(1);
  expect(mailsTo(email)).toHaveLength(1);
});

const stranger = '00000000-0000-4000-8000-000000000000';
const refusal = { result: 'refused', response: '550 No' } as const;
const deferral = { result: 'deferred', response: '451 Later' } as const;
const acceptance = { result: 'accepted', response: '250 OK' } as const;

test('who has lost a mail can neither keep it nor write over what its new sender does; only that it was taken is so, whoever heard it', async () => {
  const email = 'taken-over@example.com';
  const server = thinkingServer();
  const { id: invitationId } = await organization.invite({ email });
  const row = () =>
    usher.owner('emails').where({ invitation_id: invitationId }).first('id', 'status', 'lease_until', 'lease_owner');
  await eventually(
    () => Promise.resolve(server.asked()),
    (asked) => asked === 1,
  );
  const { id, lease_owner: owner } = await row();
  const lost = { id, invitationId, leaseOwner: stranger };
  await inOrganization(database, organization.id, async (trx) => {
    expect(await keepMail(trx, organization.id, lost, 60_000)).toBe(false);
    for (const outcome of [deferral, refusal])
      expect(await recordDelivery(trx, organization.id, lost, outcome)).toMatchObject({
        retryInMs: expect.any(Number),
        plan: { status: 'pending', step: { action: 'send' } },
      });
  });
  expect(await row()).toMatchObject({ status: 'queued', lease_owner: owner, lease_until: expect.any(Date) });
  const { delivery } = (await organization.call('GET', `/invitations/${invitationId}`)).body;
  expect(delivery).toEqual({ status: 'queued' });
  const record = () =>
    inOrganization(database, organization.id, (trx) => recordDelivery(trx, organization.id, lost, acceptance));
  expect(await record()).toMatchObject({ retryInMs: null, plan: { step: { action: 'expire' } } });
  expect(await row()).toMatchObject({ status: 'sent', lease_owner: owner });
  server.answerAll();
  const released = await eventually(row, ({ lease_owner: left }) => left === null);
  expect(released).toMatchObject({ status: 'sent', lease_until: null });
  const [{ attempts }] = (await organization.call('GET', `/emails?invitationId=${invitationId}`)).body.items;
  expect(attempts).toMatchObject([
    { response: '451 Later' },
    { response: '550 No' },
    { response: '250 OK' },
    { response: expect.stringMatching(/^250 OK: /) },
  ]);
});

test('so is that to a mail to an account holder', async () => {
  const email = 'holder@example.com';
  usher.mail.respond = () => 'accept';
  await organization.invite({ email });
  const { token } = await usher.linkFor(email);
  const password = 'Winter-Is-Over-7';
  await usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password }, { key: null });
  const server = thinkingServer();
  await usher.call('POST', '/v1/auth/forgot-password', { email }, { key: null });
  const row = async (): Promise<any> =>
    (await usher.owner('account_mails').where({ recipient: email, type: 'password-reset' }))[0];
  const leases = new Set<number>();
  await eventually(
    async () => {
      const found = await row();
      if (server.asked() === 1 && found.lease_until) leases.add(Number(found.lease_until));
      return leases.size;
    },
    (count) => count >= 5,
  );
  const known = await row();
  expect(known).toMatchObject({ status: 'queued', attempts: [] });
  // Nobody else gets it, keeps it, or says what became of it.
  const lost = { id: known.id, organizationId: organization.id, copyOf: null, leaseOwner: stranger };
  expect(
    await claimAccountMail(
      database,
      known.id as string,
      1_000,
      () => Promise.reject(new Error('rendered')),
      () => Promise.resolve(null),
    ),
  ).toMatchObject({ claimed: false, status: 'queued' });
  expect(await keepAccountMail(database, lost, 60_000)).toBe(false);
  for (const outcome of [deferral, refusal])
    expect(await recordAccountMail(database, lost, outcome)).toEqual({ retryInMs: expect.any(Number) });
  expect(await row()).toMatchObject({
    ...{ status: 'queued', lease_owner: known.lease_owner, lease_until: expect.any(Date), due_at: known.due_at },
    attempts: [{ response: '451 Later' }, { response: '550 No' }],
  });
  server.answerAll();
  await eventually(row, ({ status }) => status === 'sent');
  expect(server.asked()).toBe(1);
});

test('with all lines busy a mail waits for one: no try is recorded, no backoff grows, and a mail that the server has is in nobody’s way', async () => {
  const held = 'held@example.com';
  let letGo = () => undefined as void;
  const released = new Promise<void>((resolve) => {
    letGo = resolve;
  });
  usher.mail.respond = async ({ to }): Promise<SmtpReply> => {
    if (to.includes(held)) await released;
    return 'accept';
  };
  const log = async (id: string) => (await organization.call('GET', `/emails?invitationId=${id}`)).body.items;
  // The server does not even know the mail yet: nothing is left but to wait for the only line.
  await organization.invite({ email: held });
  const { id, workflowId } = await organization.invite({ email: 'next-in-line@example.com' });
  const run = usher.temporal.workflow.getHandle(workflowId as string);
  const pending = async () => (await run.describe()).raw.pendingActivities ?? [];
  await eventually(pending, (activities) => activities.length === 1);
  letGo();
  const [sent] = await eventually(
    () => log(id as string),
    ([mail]) => mail?.status === 'sent',
  );
  expect(sent).toMatchObject({ attempts: [{ response: expect.stringMatching(/^250 /) }] });

  const server = thinkingServer();
  const thought = await organization.invite({ email: 'thought-about@example.com' });
  await eventually(
    () => Promise.resolve(server.asked()),
    (asked) => asked === 1,
  );
  const other = await organization.invite({ email: 'meanwhile@example.com' });
  await eventually(
    () => Promise.resolve(server.asked()),
    (asked) => asked === 2,
  );
  server.answerAll();
  for (const invitation of [thought, other])
    expect(
      await eventually(
        () => log(invitation.id as string),
        ([mail]) => mail?.status === 'sent',
      ),
    ).toMatchObject([{ attempts: [{ response: expect.stringMatching(/^250 /) }] }]);
});
