import type { SmtpReply } from '../support/mail-server';
import { expectProblem } from '../support/problem';
import { eventually, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

/* eslint-disable @typescript-eslint/no-explicit-any */
let usher: TestUsher;
let organization: TestOrganization;

beforeAll(async () => {
  // In place of 6, 60 and 20 seconds; ten minutes as they are.
  usher = await startUsher({
    sendLimits: { localMs: 3_000, regularMs: 6_000, stepMs: 200, answerMs: 600_000 },
    env: { USHER_SMTP_CONNECTIONS: '1' },
  });
  organization = await usher.createOrganization();
});
afterAll(() => usher.stop());

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
  expect(await row()).toMatchObject({ status: 'queued', attempts: [] });
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
