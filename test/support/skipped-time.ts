import { randomBytes, randomUUID } from 'node:crypto';
import type { Client, WorkflowHandle } from '@temporalio/client';
import type { TestWorkflowEnvironment } from '@temporalio/testing';
import { bundleWorkflowCode, DefaultLogger, Worker, type WorkflowBundleOption } from '@temporalio/worker';
import knexFactory from 'knex';
import pino from 'pino';
import { createMailer, type Mailer } from '../../activities/email/mailer';
import { renderInvitation } from '../../activities/email/render-invitation';
import { countingMails } from '../../db/commands/count-mail';
import { createInvitationActivities } from '../../activities/invitation';
import { createInvitation, type NewInvitation } from '../../db/commands/create-invitation';
import { createOrganization } from '../../db/commands/create-organization';
import type { Manager } from '../../db/commands/command';
import type { Change } from '../../db/commands/save-invitation';
import { type Database, inOrganization, openDatabase, readClock, type Transaction } from '../../db/database';
import { Email } from '../../db/models/email';
import { Invitation } from '../../db/models/invitation';
import type { Organization } from '../../db/models/organization';
import type { Actor } from '../../domain/actor';
import { keyPerson } from '../../domain/permissions';
import type { Policy } from '../../domain/policy';
import type { Preset } from '../../domain/presets';
import { type LinkClaim, parseKeyRing, verifyInvitationToken } from '../../domain/token';
import { tell } from '../../relay/temporal';
import { invitationWorkflowId, searchAttributes, taskQueue } from '../../workflows/messages';
import { createTestDatabase } from './database';
import { startMailServer, type MailServer } from './mail-server';
import { quietTemporal } from './quiet-temporal';
import { createTimeSkippingEnvironment } from './time-skipping';
import { eventually } from './usher';

const actor: Actor = { type: 'api-key', id: randomUUID(), name: 'tests' };

/**
 * The real workflow, activities, PostgreSQL and SMTP server in skipped time. `usher_now()` of the cloned database reads a
 * table that is set from the skipped clock, before each activity and before each command. There is no relay: a test says
 * `changed` itself, so it knows what the workflow has heard.
 */
export interface SkippedTime {
  client: Client;
  mail: MailServer;
  /** As the owner of the tables, past row-level security. */
  owner: Database;
  /** Wraps every activity from now on: to make one fail, or to let something happen beside it. */
  around: Around;
  /** The skipped time, which the database has from here on. */
  now(): Promise<Date>;
  /** Lets the time jump there; what is due before happens before. */
  sleepUntil(time: Date): Promise<void>;
  createOrganization(preset: Preset, timeZone: string, policy?: Partial<Policy>): Promise<Organization>;
  invite(organization: Organization, fields: Partial<NewInvitation> & { email: string }): Promise<Invitation>;
  /** One command in its transaction, at the skipped time; afterwards its workflow is told, unless `told` is false. */
  command(invitation: Invitation, run: Command, options?: { told?: boolean }): Promise<Invitation>;
  /** Says `changed` about the invitation as it is, like the relay. */
  tellAgain(invitation: Invitation): Promise<void>;
  read(invitation: Invitation): Promise<Invitation>;
  /** How the organization and the deployment see the invited person. */
  invitee(invitation: Invitation): Promise<{ membership: string; account: string; email: string | null }>;
  /** The audit events of an invitation, oldest first, without the prefix `invitation.`. */
  events(invitation: Invitation): Promise<string[]>;
  /** What the link in the newest of `count` mails to this address says. */
  claimFor(email: string, count?: number): Promise<LinkClaim>;
  /** Once the newest mail of the invitation is on record as sent. */
  delivered(invitation: Invitation): Promise<Invitation>;
  /** The mail log of an invitation, oldest generation first. */
  mailLog(invitation: Invitation): Promise<Email[]>;
  handle(invitation: Invitation, runId?: string): WorkflowHandle;
  stop(): Promise<void>;
}

export type Around = (
  activity: { name: string; isLocal: boolean; attempt: number },
  run: () => Promise<unknown>,
) => Promise<unknown>;

export type Command = (
  trx: Transaction,
  organizationId: string,
  id: string,
  manager: Manager,
) => Promise<{ invitation: Invitation; changes: Change[] }>;

/** Usher's own, bundled once for the whole run, or others. */
export async function bundleWorkflows(workflowsPath?: string): Promise<WorkflowBundleOption> {
  quietTemporal();
  return workflowsPath
    ? bundleWorkflowCode({ workflowsPath, logger: new DefaultLogger('ERROR') })
    : { codePath: process.env['USHER_TEST_WORKFLOW_BUNDLE'] ?? '' };
}

/** @param given in place of the SMTP server: a mailer that answers as the test says, for thousands of tries */
export async function startSkippedTime({ mailer: given }: { mailer?: Mailer } = {}): Promise<SkippedTime> {
  const [environment, database, mail, workflowBundle] = await Promise.all([
    createTimeSkippingEnvironment(),
    createTestDatabase(),
    startMailServer(),
    bundleWorkflows(),
  ]);
  const { client } = environment;
  await addSearchAttributes(environment);
  const owner = knexFactory({ client: 'pg', connection: database.url, pool: { min: 0, max: 3 } });
  await owner.raw(`
    create table test_clock (now timestamptz(3) not null);
    insert into test_clock values (to_timestamp(0));
    grant select on test_clock to usher_app, usher_system;
    create or replace function usher_now() returns timestamptz language sql volatile as $$ select now from test_clock $$;
  `);
  const now = async () => {
    const time = new Date(await environment.currentTimeMs());
    // Two activities may ask at once and write in the other order: time never goes back.
    await owner.raw('update test_clock set now = greatest(now, ?)', [time]);
    return time;
  };

  const pool = openDatabase(database.url, { poolSize: 10 });
  const mailer = given ?? createMailer({ url: mail.url, from: 'Usher <usher@usher.test>' });
  const logger = pino({ level: process.env['USHER_TEST_LOG'] ?? 'silent' });
  const keys = parseKeyRing(`test:${randomBytes(32).toString('base64')}`);
  const baseUrl = 'http://usher.test';
  const worker = await Worker.create({
    connection: environment.nativeConnection,
    namespace: environment.namespace ?? 'default',
    taskQueue,
    workflowBundle,
    activities: createInvitationActivities({
      database: pool,
      mailer,
      keys,
      baseUrl,
      logger,
      countMail: countingMails(keys.current.secret, false),
      render: renderInvitation(mailer.sender, baseUrl),
    }),
    interceptors: {
      activity: [
        ({ info: { activityType: name, isLocal, attempt } }) => ({
          inbound: {
            async execute(input, next) {
              await now();
              return skipped.around({ name, isLocal, attempt }, () => next(input));
            },
          },
        }),
      ],
    },
  });
  const running = worker.run();

  async function announce(changes: Change[]): Promise<void> {
    for (const change of changes) await tell(client, true, change);
  }

  const skipped: SkippedTime = {
    client,
    mail,
    owner,
    around: (_, run) => run(),
    now,
    async sleepUntil(time) {
      const ms = time.getTime() - (await environment.currentTimeMs());
      if (ms < 0) throw new Error(`${time.toISOString()} is over: time goes one way only`);
      await environment.sleep(ms);
      await now();
    },
    async createOrganization(preset, timeZone, policy = {}) {
      await now();
      const id = randomUUID();
      return inOrganization(pool, id, async (trx) => {
        const { organization } = await createOrganization(
          trx,
          { id, name: 'Acme', preset, timeZone, locale: 'en', licences: null, plan: 'standard' },
          actor,
        );
        return organization.$query(trx).patchAndFetch({ policy: { ...organization.policy, ...policy } });
      });
    },
    async invite(organization, fields) {
      await now();
      const created = await inOrganization(pool, organization.id, async (trx) =>
        createInvitation(trx, organization, { ...nobody, ...fields }, actor, await readClock(trx), keyPerson),
      );
      await announce(created.changes);
      return created.invitation;
    },
    async command({ id, organizationId }, run, { told = true } = {}) {
      await now();
      const done = await inOrganization(pool, organizationId, (trx) =>
        run(trx, organizationId, id, { actor, person: keyPerson }),
      );
      if (told) await announce(done.changes);
      return done.invitation;
    },
    async tellAgain(invitation) {
      const row = await skipped.read(invitation);
      await tell(client, true, {
        invitationId: row.id,
        organizationId: row.organizationId,
        kind: row.kind,
        status: row.status,
        expiresAt: row.expiresAt,
        open: row.nextAt !== null,
      });
    },
    read: ({ id, organizationId }) =>
      inOrganization(pool, organizationId, async (trx) => Invitation.query(trx).findById(id).throwIfNotFound()),
    async invitee({ organizationId, accountId }) {
      const [row] = await owner('accounts')
        .join('memberships', 'memberships.account_id', 'accounts.id')
        .where({ account_id: accountId, organization_id: organizationId })
        .select('memberships.status as membership', 'accounts.status as account', 'accounts.email');
      return row as { membership: string; account: string; email: string | null };
    },
    async events({ id }) {
      const rows = await owner('audit_events').where({ invitation_id: id }).orderBy('id').select('type');
      return rows.map(({ type }: { type: string }) => type.replace('invitation.', ''));
    },
    async claimFor(email, count = 1) {
      const text = (await mail.waitForMail(email, count)).at(-1)?.parsed.text ?? '';
      const token = /\/invitations\/([A-Za-z0-9_-]+)/.exec(text)?.[1] ?? '';
      const claim = verifyInvitationToken(keys, token);
      if (!claim) throw new Error(`no link in the mail to ${email}: ${text}`);
      return claim;
    },
    delivered: (invitation) =>
      eventually(
        () => skipped.read(invitation),
        ({ deliveryStatus }) => deliveryStatus === 'sent',
      ),
    mailLog: ({ id, organizationId }) =>
      inOrganization(pool, organizationId, async (trx) =>
        Email.query(trx).where({ invitationId: id }).orderBy('generation'),
      ),
    handle: ({ id }, runId) => client.workflow.getHandle(invitationWorkflowId(id), runId),
    async stop() {
      worker.shutdown();
      await running;
      mailer.close();
      await Promise.all([pool.destroy(), owner.destroy(), mail.stop(), environment.teardown()]);
      await database.drop();
    },
  };
  return skipped;
}

/** An invitation of which nothing is said. */
const nobody: NewInvitation = {
  kind: 'member',
  email: null,
  username: null,
  firstName: 'Ada',
  lastName: 'Lovelace',
  groupIds: undefined,
  role: 'member',
  permissions: [],
  userType: null,
  guestType: null,
  message: null,
  locale: null,
  send: true,
  expiresAt: null,
  accessEndsAt: null,
  sponsorId: null,
  externalId: null,
  metadata: null,
  redirectUrl: null,
  overwrite: false,
};

/** The test server cannot be asked which ones it has. */
async function addSearchAttributes({ connection, namespace }: TestWorkflowEnvironment): Promise<void> {
  const types = { KEYWORD: 2, DATETIME: 6 } as const;
  await connection.operatorService.addSearchAttributes({
    namespace: namespace ?? 'default',
    searchAttributes: Object.fromEntries(
      Object.values(searchAttributes).map(({ name, type }) => [
        name,
        type === 'DATETIME' ? types.DATETIME : types.KEYWORD,
      ]),
    ),
  });
}
