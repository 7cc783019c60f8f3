import { setTimeout as sleep } from 'node:timers/promises';
import type { Respond, SmtpReply } from '../support/mail-server';
import { eventually, startUsher, type TestOrganization, type TestUsher } from '../support/usher';
import { build, endLeftProcesses, http, startApi, startWorkerProcess } from './processes';

let usher: TestUsher;
let organization: TestOrganization;
const answers = new Map<string, Respond>();

beforeAll(async () => {
  await build();
  usher = await startUsher({ worker: false });
  usher.mail.respond = (request) => answers.get(request.to[0] ?? '')?.(request) ?? 'accept';
  organization = await usher.createOrganization();
});
afterEach(() => endLeftProcesses());
afterAll(() => usher.stop());

const mailsTo = (email: string) => usher.mail.messages.filter(({ to }) => to.includes(email));
const emailRow = async (invitationId: string) => {
  const [row] = await usher.owner('emails').where({ invitation_id: invitationId });
  return row as { status: string; attempts: unknown[]; lease_until: Date | null };
};

test('a worker that is asked to stop in the middle of a slow send finishes and records it; nobody sends it again', async () => {
  const worker = await startWorkerProcess(usher.env);
  let stopped: ReturnType<typeof worker.end> | undefined;
  answers.set('slow@example.com', async ({ stage }): Promise<SmtpReply> => {
    if (stage === 'RCPT') return 'accept';
    stopped ??= worker.end('SIGTERM');
    // Long, and yet within what a first try may take.
    await sleep(2_000);
    return 'accept';
  });
  const { id } = await organization.invite({ email: 'slow@example.com' });
  await usher.mail.waitForMail('slow@example.com');
  expect(await stopped).toMatchObject({ code: 0, signal: null, stderr: '' });
  expect(await emailRow(id as string)).toMatchObject({ status: 'sent', attempts: [{}], lease_until: null });

  // The next worker finds nothing left to send.
  await startWorkerProcess(usher.env);
  const other = await organization.invite({ email: 'next@example.com' });
  await eventually(
    () => organization.call('GET', `/invitations/${other.id}`),
    ({ body }) => body.delivery.status === 'sent',
  );
  expect((await organization.call('GET', `/invitations/${id}`)).body.delivery.status).toBe('sent');
  expect(mailsTo('slow@example.com')).toHaveLength(1);
});

test('so does one that is at a later try, which may take longer', async () => {
  const worker = await startWorkerProcess(usher.env);
  let stopped: ReturnType<typeof worker.end> | undefined;
  answers.set('slower@example.com', async ({ stage, attempt }): Promise<SmtpReply> => {
    if (stage === 'RCPT') return attempt === 1 ? { code: 451, text: 'Later' } : 'accept';
    stopped ??= worker.end('SIGTERM');
    await sleep(4_000);
    return 'accept';
  });
  const { id } = await organization.invite({ email: 'slower@example.com' });
  await usher.mail.waitForMail('slower@example.com');
  expect(await stopped).toMatchObject({ code: 0, signal: null, stderr: '' });
  expect(await emailRow(id as string)).toMatchObject({ status: 'sent', attempts: [{}, {}], lease_until: null });

  await startWorkerProcess(usher.env);
  const { token } = await usher.linkFor('slower@example.com');
  await usher.call('POST', `/v1/invitation-tokens/${token}/decline`, {}, { key: null });
  const { workflowId } = (await organization.call('GET', `/invitations/${id}`)).body;
  expect(await usher.temporal.workflow.getHandle(workflowId as string).result()).toEqual({ status: 'declined' });
  expect(mailsTo('slower@example.com')).toHaveLength(1);
});

test('a worker whose mail server keeps silent stops all the same, and another one sends the mail, once', async () => {
  const worker = await startWorkerProcess({ ...usher.env, USHER_SHUTDOWN_SECONDS: '1' });
  let letGo = () => {};
  const hanging = new Promise<void>((resolve) => (letGo = resolve));
  let stopped: ReturnType<typeof worker.end> | undefined;
  answers.set('silent@example.com', async ({ stage, attempt }): Promise<SmtpReply> => {
    if (stage === 'RCPT' && attempt === 1) {
      stopped = worker.end('SIGTERM');
      await hanging;
    }
    return 'accept';
  });
  const { id } = await organization.invite({ email: 'silent@example.com' });
  await eventually(
    () => Promise.resolve(stopped !== undefined),
    (asked) => asked,
  );
  expect(await stopped).toMatchObject({ code: 0, stderr: '' });
  letGo();
  await startWorkerProcess(usher.env);
  await eventually(
    () => organization.call('GET', `/invitations/${id}`),
    ({ body }) => body.delivery.status === 'sent',
    45_000,
  );
  expect(mailsTo('silent@example.com')).toHaveLength(1);
});

test('an API that is asked to stop answers what it has begun, and then takes no more', async () => {
  const api = await startApi(usher.env);
  const url = `${api.url}/v1/organizations/${organization.id}/invitations`;
  const calls = Array.from({ length: 10 }, (_, index) =>
    http('POST', url, { key: organization.key, body: { email: `leaving-${index}@example.com` } }),
  );
  // All of them have arrived: the pool has ten connections, and each request holds one.
  await eventually(
    async () => Number((await usher.owner('invitations').whereILike('email', 'leaving-%').count())[0]?.count),
    (count) => count >= 1,
  );
  const ended = api.end('SIGTERM');
  const replies = await Promise.allSettled(calls);
  expect(await ended).toMatchObject({ code: 0, signal: null, stderr: '' });
  const answered = replies.filter((reply) => reply.status === 'fulfilled');
  // Whoever got an answer got the right one, and nothing was half done.
  expect(answered.map(({ value }) => value.status)).toEqual(answered.map(() => 201));
  const rows = await usher.owner('invitations').whereILike('email', 'leaving-%');
  expect(rows).toHaveLength(answered.length);
  await expect(http('GET', `${api.url}/healthz`)).rejects.toThrow();
});
