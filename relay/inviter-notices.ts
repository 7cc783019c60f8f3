import type { Logger } from 'pino';
import { bundleNotices } from '../db/commands/bundle-notices';
import { type Database, inOrganization } from '../db/database';
import { findOpenNotices } from '../db/system/inviter-notices';

const batchSize = 100;

/** Puts what inviters have to hear into mails. One inviter who makes trouble does not hold up the others. */
export async function relayNotices(database: Database, logger: Logger): Promise<void> {
  for (const { organizationId, inviterId } of await findOpenNotices(database, batchSize))
    await inOrganization(database, organizationId, (trx) => bundleNotices(trx, organizationId, inviterId)).catch(
      (error: unknown) => logger.warn({ err: error, organizationId }, 'notices wait for the next round'),
    );
}
