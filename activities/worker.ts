import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Runtime, Worker, type WorkerOptions } from '@temporalio/worker';
import type { Logger } from 'pino';
import { createLogger } from '../config/logger';
import { untilStopped } from '../config/process';
import { readWorkerSettings, type WorkerSettings } from '../config/settings';
import { readTemporalSettings, type TemporalSettings } from '../config/temporal';
import { countingMails } from '../db/commands/count-mail';
import { checkRole, openDatabase } from '../db/database';
import { bounceAddress } from '../domain/bounce-address';
import { type RelayOptions, startOutboxRelay } from '../relay/outbox-relay';
import { ensureSchedules } from '../relay/schedules';
import { NamespaceError, searchAttributeSwitch } from '../relay/search-attributes';
import { taskQueue } from '../workflows/messages';
import { createGuestAccessActivities } from './guest-access';
import { startBounceServer } from './email/bounce-server';
import { watchMailServer } from './email/mail-watch';
import { createMailer, type DkimKey } from './email/mailer';
import { type SendLimits, usualLimits } from './email/patience';
import { renderInvitation } from './email/render-invitation';
import { createAccountActivities } from './accounts';
import { createAccountMailActivities } from './account-mail';
import { createInvitationActivities } from './invitation';

export interface RunningWorker {
  /** Settles when the worker has stopped, for whatever reason. */
  running: Promise<void>;
  /** Running sends may finish. */
  stop(): Promise<void>;
}

/** What differs between the worker process and a worker inside a test. */
export interface WorkerSurroundings {
  logger: Logger;
  temporal: TemporalSettings;
  workflowBundle?: string;
  overrides?: Partial<WorkerOptions>;
  relay?: Pick<RelayOptions, 'pollMs' | 'sweepMs' | 'graceMs'>;
  /** How often the mail server is looked after. */
  heartbeatMs?: number | undefined;
  sendLimits?: SendLimits | undefined;
}

/** Workflows, activities, outbox relay and watchdog. Any number of them run side by side. */
export async function startWorker(
  settings: WorkerSettings,
  { logger, temporal, workflowBundle, overrides, relay: relayOptions, heartbeatMs, sendLimits }: WorkerSurroundings,
): Promise<RunningWorker> {
  const { connectionOptions, namespace } = temporal;
  const database = openDatabase(settings.DATABASE_URL, {
    poolSize: settings.USHER_DATABASE_POOL,
    applicationName: 'usher-worker',
  });
  await checkRole(database);
  const bounceDomain = settings.USHER_BOUNCE_DOMAIN;
  const mailer = createMailer({
    url: settings.SMTP_URL,
    from: settings.USHER_MAIL_FROM,
    connections: settings.USHER_SMTP_CONNECTIONS,
    requireTls: settings.USHER_SMTP_REQUIRE_TLS === 'on',
    dkim: dkimKey(settings),
    logger,
    ...(bounceDomain && { returnPath: (mailId: string) => bounceAddress(settings.USHER_SECRET, mailId, bounceDomain) }),
  });

  const client = new Client({ connection: Connection.lazy(connectionOptions), namespace });
  const searchAttributes = searchAttributeSwitch(client, logger);
  await searchAttributes().catch((error: Error) => {
    if (error instanceof NamespaceError) throw error;
    const [reason] = error.message.split('Resolution note:');
    throw new Error(
      `Temporal cannot be reached at ${connectionOptions.address} (TEMPORAL_ADDRESS): ${reason?.trim()}`,
      { cause: error },
    );
  });
  await ensureSchedules(client, logger);
  const connection = await NativeConnection.connect(connectionOptions);
  const keys = settings.USHER_SECRET;
  const countMail = countingMails(
    keys.current.secret,
    settings.USHER_RATE_LIMITS === 'on',
    settings.USHER_MAILS_PER_HOUR,
  );
  const underWay = new Set<Promise<unknown>>();
  const isStopping = () => worker.getState() !== 'RUNNING';
  const dependencies = {
    ...{ database, mailer, keys, baseUrl: settings.USHER_BASE_URL, logger, countMail },
    ...{ limits: sendLimits, isStopping, underWay },
  };
  const worker: Worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    ...(workflowBundle
      ? { workflowBundle: { codePath: workflowBundle } }
      : { workflowsPath: require.resolve('../workflows') }),
    activities: {
      ...createInvitationActivities({
        ...dependencies,
        render: renderInvitation(mailer.sender, settings.USHER_BASE_URL),
      }),
      ...createAccountMailActivities(dependencies),
      ...createAccountActivities(database, logger),
      ...createGuestAccessActivities(database, logger),
    },
    // So that who waits for a slow mail server hears from step to step that its workflow does not.
    maxHeartbeatThrottleInterval: (sendLimits ?? usualLimits).stepMs,
    maxCachedWorkflows: settings.USHER_MAX_CACHED_WORKFLOWS,
    maxConcurrentLocalActivityExecutions: settings.USHER_DATABASE_POOL,
    shutdownGraceTime: `${settings.USHER_SHUTDOWN_SECONDS}s`,
    shutdownForceTime: `${settings.USHER_SHUTDOWN_SECONDS + 60}s`,
    ...versioning(settings.USHER_WORKER_DEPLOYMENT, settings.USHER_WORKER_BUILD_ID),
    ...overrides,
  });
  const bounces =
    settings.USHER_BOUNCE_PORT === undefined || bounceDomain === undefined
      ? null
      : await startBounceServer({
          ...{ port: settings.USHER_BOUNCE_PORT, domain: bounceDomain, database, keys, logger },
          tls: bounceTls(settings),
        });
  const mailRetentionDays = settings.USHER_MAIL_RETENTION_DAYS;
  const relay = startOutboxRelay({ database, client, searchAttributes, logger, mailRetentionDays, ...relayOptions });
  const watch = watchMailServer(database, mailer, logger, heartbeatMs);
  const running = worker.run();
  return {
    running,
    async stop() {
      await Promise.all([relay.stop(), bounces?.stop(), watch.stop()]);
      if (worker.getState() === 'RUNNING') worker.shutdown();
      await running;
      // Tries that their workflows wait for no longer: what comes of them is written down, too.
      await Promise.all(underWay);
      mailer.close();
      await Promise.allSettled([connection.close(), client.connection.close(), database.destroy()]);
    },
  };
}

async function main(): Promise<void> {
  const settings = readWorkerSettings();
  const logger = createLogger('worker', settings.USHER_LOG_LEVEL);
  Runtime.install({
    logger: {
      log: () => {},
      trace: () => {},
      debug: () => {},
      info: (message) => logger.debug(message),
      warn: (message) => logger.warn(message),
      error: (message) => logger.error(message),
    },
  });
  const bundle = join(__dirname, '..', 'workflow-bundle.js');
  const temporal = readTemporalSettings();
  const worker = await startWorker(settings, {
    logger,
    temporal,
    ...(existsSync(bundle) && { workflowBundle: bundle }),
  });
  logger.info({ taskQueue, namespace: temporal.namespace }, 'worker ready');
  process.send?.('ready');
  await Promise.race([untilStopped(), worker.running]);
  logger.info('stopping: running sends may finish');
  await worker.stop();
}

function dkimKey(settings: WorkerSettings): DkimKey | undefined {
  const { USHER_DKIM_DOMAIN, USHER_DKIM_SELECTOR, USHER_DKIM_PRIVATE_KEY } = settings;
  if (!USHER_DKIM_DOMAIN || !USHER_DKIM_SELECTOR || !USHER_DKIM_PRIVATE_KEY) return undefined;
  return { domainName: USHER_DKIM_DOMAIN, keySelector: USHER_DKIM_SELECTOR, privateKey: USHER_DKIM_PRIVATE_KEY };
}

function bounceTls({ USHER_BOUNCE_TLS_CERT: cert, USHER_BOUNCE_TLS_KEY: key }: WorkerSettings) {
  return cert && key ? { cert, key } : undefined;
}

/** Versioned workers, where the deployment names itself; open invitations move on to new code by themselves. */
function versioning(deploymentName?: string, buildId?: string): Pick<WorkerOptions, 'workerDeploymentOptions'> {
  if (!deploymentName || !buildId) return {};
  return {
    workerDeploymentOptions: {
      useWorkerVersioning: true,
      version: { deploymentName, buildId },
      defaultVersioningBehavior: 'AUTO_UPGRADE',
    },
  };
}

if (require.main === module) {
  main().then(
    () => process.exit(0),
    (error: Error) => {
      process.stderr.write(`${error.message}\n`);
      process.exit(1);
    },
  );
}
