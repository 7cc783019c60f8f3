import pino from 'pino';
import { openDatabase } from '../../db/database';
import { type RelayOptions, relayMarks, sweep } from '../../relay/outbox-relay';
import type { Respond } from '../support/mail-server';
import { eventually, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let organization: TestOrganization;
let options: RelayOptions;
const answers = new Map<string, Respond>();

beforeAll(async () => {
  usher = await startUsher();
  usher.mail.respond = (request) => answers.get(request.to[0] ?? '')?.(request) ?? 'accept';
  organization = await usher.createOrganization({}, { resendAfterExpiry: true });
  options = {
    database: openDatabase(usher.database.url, { poolSize: 2 }),
    client: usher.temporal,
    searchAttributes: () => Promise.resolve(true),
    logger: pino({ level: 'silent' }),
    graceMs: 1_000,
  };
});
afterAll(async () => {
  await options.database.destroy();
  await usher.stop();
});

const mailsTo = (email: string) => usher.mail.messages.filter(({ to }) => to.includes(email));
const status = async (id: string) => (await organization.call('GET', `/invitations/${id}`)).body.status as string;
const run = (workflowId: string) => usher.temporal.workflow.getHandle(workflowId);
const sent = (id: string) =>
  eventually(
    () => organization.call('GET', `/invitations/${id}`),
    ({ body }) => body.delivery.status === 'sent',
  );
/** Its workflow has been told of everything so far. */
const told = (id: string) =>
  eventually(
    () => usher.owner('invitation_outbox').where({ invitation_id: id }),
    (rows) => rows.length === 0,
  );
/** As if the time of the next step had come long ago. */
const overdue = (id: string) =>
  usher.owner.raw(
    `update invitations set expires_at = usher_now() - interval '10 seconds', next_at = usher_now() - interval '10 seconds' where id = ?`,
    [id],
  );

test('a run that was terminated in Temporal is started again, and ends as it should', async () => {
  const { id, workflowId } = await organization.invite({ email: 'terminated@example.com' });
  await sent(id);
  await told(id);
  const { runId } = await run(workflowId).describe();
  await run(workflowId).terminate('an operator’s mistake');

  // Nothing is due yet, so nothing is missed.
  expect(await sweep(options)).toBe(0);
  await overdue(id);
  expect(await sweep(options)).toBe(1);
  // The worker's own relay may be quicker.
  await relayMarks(options);
  expect(await run(workflowId).result()).toEqual({ status: 'expired' });
  expect((await run(workflowId).describe()).runId).not.toBe(runId);
  expect(await status(id)).toBe('expired');
  expect(mailsTo('terminated@example.com')).toHaveLength(1);
  await told(id);
  expect(await sweep(options)).toBe(0);
});

test('a run that was terminated before its mail went out is started again, and the mail goes out once', async () => {
  await usher.stopWorker();
  const { id, workflowId } = await organization.invite({ email: 'unsent@example.com' });
  await told(id);
  await run(workflowId).terminate();
  // Nobody looks after it any more: only the watchdog can tell.
  await eventually(
    () => sweep(options),
    (marked) => marked === 1,
  );
  await relayMarks(options);
  await usher.startWorker();
  await sent(id);
  expect(mailsTo('unsent@example.com')).toHaveLength(1);
  expect(await status(id)).toBe('pending');
});

test('an invitation that no server has ever heard of, as after a restored backup, gets its run', async () => {
  const { id, workflowId } = await organization.invite({ email: 'restored@example.com' });
  await sent(id);
  await told(id);
  await usher.temporal.workflowService.deleteWorkflowExecution({
    namespace: usher.namespace,
    workflowExecution: { workflowId },
  });
  await eventually(
    () =>
      run(workflowId)
        .describe()
        .then(
          () => 'there',
          () => 'gone',
        ),
    (found) => found === 'gone',
  );
  await overdue(id);
  expect(await sweep(options)).toBe(1);
  await relayMarks(options);
  await eventually(
    () => status(id),
    (now) => now === 'expired',
  );
});

test('a mail in its backoff is not overdue: nobody disturbs it', async () => {
  let refuse = true;
  answers.set('backoff@example.com', () => (refuse ? { code: 451, text: 'Later' } : 'accept'));
  const { id, workflowId } = await organization.invite({ email: 'backoff@example.com' });
  await eventually(
    () => usher.owner('emails').where({ invitation_id: id }),
    ([row]) => (row as { attempts: unknown[] } | undefined)?.attempts.length === 1,
  );
  await told(id);
  const asked = usher.mail.replies.filter(({ to }) => to.includes('backoff@example.com')).length;
  // Well past any grace period since the first try, and yet before the time of the next.
  expect(await sweep({ ...options, graceMs: 0 })).toBe(0);
  expect(await relayMarks(options)).toBe(0);
  const { events } = await run(workflowId).fetchHistory();
  expect(events?.filter((event) => event.workflowExecutionSignaledEventAttributes)).toHaveLength(0);
  expect(usher.mail.replies.filter(({ to }) => to.includes('backoff@example.com'))).toHaveLength(asked);
  refuse = false;
  await sent(id);
  expect(mailsTo('backoff@example.com')).toHaveLength(1);
});

test('a mail in its backoff that was asked after all the same goes out once, at its time', async () => {
  let refuse = true;
  answers.set('asked@example.com', () => (refuse ? { code: 451, text: 'Later' } : 'accept'));
  const { id, workflowId } = await organization.invite({ email: 'asked@example.com' });
  const [row] = await eventually(
    () => usher.owner('invitations').where({ id }).select('delivery_due_at', 'delivery_detail'),
    ([found]) => (found as { delivery_detail: string | null }).delivery_detail !== null,
  );
  refuse = false;
  await Promise.all([run(workflowId).signal('changed'), run(workflowId).signal('changed')]);
  await sent(id);
  expect(mailsTo('asked@example.com')).toHaveLength(1);
  const [email] = await usher.owner('emails').where({ invitation_id: id });
  expect(email.attempts).toHaveLength(2);
  expect(new Date(email.attempts[1].at as string).getTime()).toBeGreaterThanOrEqual(
    (row as { delivery_due_at: Date }).delivery_due_at.getTime(),
  );
});
