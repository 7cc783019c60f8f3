import type { Respond, SmtpReply } from '../support/mail-server';
import { eventually, startUsher, type TestOrganization, type TestUsher } from '../support/usher';
import { freePort } from '../../scripts/local/ports';
import { build, endLeftProcesses, http, startApi, startWorkerProcess } from './processes';

// Real processes of the build, killed at the worst moment.

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

const invitationsOf = (url: string) => `${url}/v1/organizations/${organization.id}/invitations`;
const invite = async (url: string, email: string) => {
  const created = await http('POST', invitationsOf(url), { key: organization.key, body: { email } });
  expect(created.status).toBe(201);
  return created.body as { id: string; workflowId: string };
};
const delivered = (id: string) =>
  eventually(
    () => organization.call('GET', `/invitations/${id}`),
    ({ body }) => body.delivery.status === 'sent',
    // One whose answer was not heard on a busy machine is tried again a minute later.
    120_000,
  );
const mailsTo = (email: string) => usher.mail.messages.filter(({ to }) => to.includes(email));

/** All runs that an invitation's workflow ever had: from the server itself, its lists lag behind. */
async function runsOf(workflowId: string): Promise<string[]> {
  const runs: string[] = [];
  for await (const run of usher.temporal.workflow.list({ query: `WorkflowId = '${workflowId}'` })) runs.push(run.runId);
  const newest = await usher.temporal.workflow.getHandle(workflowId).describe();
  return [...new Set([...runs, newest.runId])];
}

/** Events of one type in the newest run's history. */
async function countEvents(workflowId: string, attribute: 'workflowExecutionSignaledEventAttributes'): Promise<number> {
  const { events } = await usher.temporal.workflow.getHandle(workflowId).fetchHistory();
  return (events ?? []).filter((event) => event[attribute]).length;
}

test('an API killed between its commit and the start of the workflow: the relay starts it, once', async () => {
  const unreachable = `127.0.0.1:${await freePort()}`;
  const api = await startApi({ ...usher.env, TEMPORAL_ADDRESS: unreachable });
  const invitation = await invite(api.url, 'between@example.com');
  const { signal } = await api.end('SIGKILL');
  expect(signal).toBe('SIGKILL');
  await expect(usher.temporal.workflow.getHandle(invitation.workflowId).describe()).rejects.toThrow();

  await startWorkerProcess(usher.env);
  await delivered(invitation.id);
  expect(mailsTo('between@example.com')).toHaveLength(1);
  expect(await runsOf(invitation.workflowId)).toHaveLength(1);
  const left = await eventually(
    () => usher.owner('invitation_outbox').where({ invitation_id: invitation.id }),
    (rows) => rows.length === 0,
  );
  expect(left).toEqual([]);
});

test('a worker killed between the 250 and its record: the same mail again, with the same link, and it counts as sent', async () => {
  const victim = await startWorkerProcess(usher.env);
  answers.set('unrecorded@example.com', async ({ stage, attempt }): Promise<SmtpReply> => {
    // The mail is in the server's hands; the one who was to write that down dies.
    if (stage === 'DATA' && attempt === 1) await victim.end('SIGKILL');
    return 'accept';
  });
  const invitation = await invite(usher.url, 'unrecorded@example.com');
  expect((await victim.exited).signal).toBe('SIGKILL');
  await startWorkerProcess(usher.env);
  await delivered(invitation.id);

  const [first, second, ...more] = mailsTo('unrecorded@example.com');
  expect(more).toEqual([]);
  expect(second?.raw).toBe(first?.raw);
  expect(second?.parsed.messageId).toBe(first?.parsed.messageId);
  const { token } = await usher.linkFor('unrecorded@example.com', 2);
  expect(first?.parsed.text).toContain(token);
  expect((await usher.call('GET', `/v1/invitation-tokens/${token}`, undefined, { key: null })).status).toBe(200);
  const rows = await usher.owner('emails').where({ invitation_id: invitation.id });
  expect(rows).toMatchObject([{ status: 'sent', message_id: first?.parsed.messageId, lease_until: null }]);
  expect(await runsOf(invitation.workflowId)).toHaveLength(1);
});

test('a worker killed while it has nothing to do: another one takes over its invitations', async () => {
  const victim = await startWorkerProcess(usher.env);
  const waiting = await invite(usher.url, 'waiting@example.com');
  await delivered(waiting.id);
  await victim.end('SIGKILL');

  await startWorkerProcess(usher.env);
  const { token } = await usher.linkFor('waiting@example.com');
  const declined = await usher.call('POST', `/v1/invitation-tokens/${token}/decline`, {}, { key: null });
  expect(declined.status).toBe(200);
  const result = await usher.temporal.workflow.getHandle(waiting.workflowId).result();
  expect(result).toEqual({ status: 'declined' });
  expect(mailsTo('waiting@example.com')).toHaveLength(1);
});

test('two workers and two API processes side by side: thirty invitations, thirty mails, one run each', async () => {
  const [first, second] = await Promise.all([
    startApi(usher.env),
    startApi(usher.env),
    startWorkerProcess(usher.env),
    startWorkerProcess(usher.env),
  ]);
  const emails = Array.from({ length: 30 }, (_, index) => `crowd-${index}@example.com`);
  const invitations = await Promise.all(emails.map((email, index) => invite((index % 2 ? first : second).url, email)));
  // Both relays tell what the APIs have told already: it must make no difference.
  await usher.owner.raw(
    `insert into invitation_outbox (invitation_id, organization_id, sequence, lease_until)
     select id, organization_id, nextval('invitation_outbox_sequence'), usher_now() from invitations
     where id = any(?::uuid[])
     on conflict (invitation_id) do update set sequence = excluded.sequence, lease_until = excluded.lease_until`,
    [invitations.map(({ id }) => id)],
  );
  await Promise.all(invitations.map(({ id }) => delivered(id)));
  await eventually(
    () => usher.owner('invitation_outbox'),
    (rows) => rows.length === 0,
  );
  const log = await usher.owner('emails').whereIn('recipient', emails).select('recipient', 'attempts');
  expect(log).toHaveLength(30);
  for (const { recipient, attempts } of log as { recipient: string; attempts: { response: string }[] }[]) {
    const mails = mailsTo(recipient);
    expect(new Set(mails.map(({ raw }) => raw)).size).toBe(1);
    // One try, one mail; a machine too busy to hear the answer in time tries again, and its log says so.
    const unheard = attempts.filter(({ response }) => /did not answer in time/.test(response));
    expect(attempts).toHaveLength(1 + unheard.length);
    expect(mails.length).toBeLessThanOrEqual(attempts.length);
  }
  for (const { workflowId } of invitations) {
    expect(await runsOf(workflowId)).toHaveLength(1);
    expect(await countEvents(workflowId, 'workflowExecutionSignaledEventAttributes')).toBeGreaterThanOrEqual(1);
  }
});
