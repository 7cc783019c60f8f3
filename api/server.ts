import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client, Connection } from '@temporalio/client';
import type { Logger } from 'pino';
import { renderInvitationMail } from '../activities/email/render';
import { createLogger } from '../config/logger';
import { untilStopped } from '../config/process';
import { type ApiSettings, readApiSettings } from '../config/settings';
import { readTemporalSettings, type TemporalSettings } from '../config/temporal';
import { createMailTemplates } from '../activities/email/mail-templates';
import { findOrganizationsOwn } from '../activities/email/own-template';
import { checkRole, openDatabase } from '../db/database';
import { senderAddress } from '../domain/email-address';
import { createMailAnnouncer } from '../relay/account-mails';
import { createAnnouncer } from '../relay/announcer';
import { describeSchedule } from '../relay/schedules';
import { NamespaceError, searchAttributeSwitch } from '../relay/search-attributes';
import { createApp } from './app';
import { createLiveHub } from './live/hub';
import { version } from '../package.json';

export interface RunningServer {
  port: number;
  /** Running requests may finish. */
  stop(): Promise<void>;
}

/** Routes and pages. Any number of them run side by side. */
export async function startServer(
  settings: ApiSettings,
  { logger, temporal }: { logger: Logger; temporal: TemporalSettings },
): Promise<RunningServer> {
  const { connectionOptions, namespace } = temporal;
  const database = openDatabase(settings.DATABASE_URL, {
    poolSize: settings.USHER_DATABASE_POOL,
    applicationName: 'usher-api',
  });
  await checkRole(database);
  // Lazy: invitations are taken while Temporal is away; the relay starts their workflows later.
  const client = new Client({ connection: Connection.lazy(connectionOptions), namespace });
  const searchAttributes = searchAttributeSwitch(client, logger);
  const announcer = createAnnouncer(database, client, searchAttributes, logger);
  const mails = createMailAnnouncer(database, client, logger);
  const live = createLiveHub(database, logger);
  if (settings.USHER_RATE_LIMITS === 'off')
    logger.warn('USHER_RATE_LIMITS=off: request limits are off; those on guessed keys stay');
  const app = createApp({
    database,
    announcer,
    mails,
    mailTemplates: createMailTemplates(settings.USHER_BASE_URL),
    live,
    keys: settings.USHER_SECRET,
    baseUrl: settings.USHER_BASE_URL,
    platformKey: settings.USHER_PLATFORM_KEY,
    rateLimits: settings.USHER_RATE_LIMITS === 'on',
    mailsPerHour: settings.USHER_MAILS_PER_HOUR,
    dsnKey: settings.USHER_DSN_KEY ?? null,
    trustProxy: settings.USHER_TRUST_PROXY,
    logger,
    version,
    describeSchedule: () => describeSchedule(client),
    mailFrom: settings.USHER_MAIL_FROM ?? null,
    temporalUi:
      settings.USHER_TEMPORAL_UI_URL && settings.USHER_OPERATOR_ORGANIZATION
        ? { url: settings.USHER_TEMPORAL_UI_URL, namespace, organizationId: settings.USHER_OPERATOR_ORGANIZATION }
        : null,
    previewInvitation: async (trx, organization, { kind, ...mail }) => {
      const type = kind === 'guest' ? 'guest-invitation' : 'user-invitation';
      return renderInvitationMail({
        ...mail,
        type,
        senderAddress: settings.USHER_MAIL_FROM ? senderAddress(settings.USHER_MAIL_FROM) : 'Usher',
        ...(await findOrganizationsOwn(trx, organization, type, mail.locale, settings.USHER_BASE_URL)),
      });
    },
    checkTemporal: async () => {
      await client.withDeadline(Date.now() + 3_000, () => client.workflowService.describeNamespace({ namespace }));
    },
  });
  await client.withDeadline(Date.now() + 5_000, searchAttributes).catch((error: unknown) => {
    if (error instanceof NamespaceError) throw error;
    logger.warn({ err: error }, 'Temporal cannot be reached yet; invitations are taken all the same');
  });

  const server = createServer(app);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`Port ${settings.PORT} (PORT) is in use already: set PORT to a free one.`)
          : error,
      ),
    );
    server.listen(settings.PORT, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async stop() {
      live.stop();
      server.closeIdleConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        setTimeout(() => server.closeAllConnections(), 10_000).unref();
      });
      await Promise.all([announcer.settled(), mails.settled()]);
      await Promise.allSettled([client.connection.close(), database.destroy()]);
    },
  };
}

async function main(): Promise<void> {
  const settings = readApiSettings();
  const logger = createLogger('api', settings.USHER_LOG_LEVEL);
  const server = await startServer(settings, { logger, temporal: readTemporalSettings() });
  logger.info({ port: server.port }, 'api ready');
  process.send?.('ready');
  await untilStopped();
  logger.info('stopping: running requests may finish');
  await server.stop();
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
