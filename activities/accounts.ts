import { ApplicationFailure } from '@temporalio/activity';
import type { Logger } from 'pino';
import { resetUnusedReactivations } from '../db/commands/reset-unused-reactivations';
import type { Database } from '../db/database';

export interface AccountActivities {
  resetUnusedReactivations(): Promise<{ reset: number }>;
}

export const createAccountActivities = (database: Database, logger: Logger): AccountActivities => ({
  async resetUnusedReactivations() {
    try {
      return { reset: await resetUnusedReactivations(database) };
    } catch (error) {
      logger.error({ err: error }, 'unused reactivations could not be reset');
      throw ApplicationFailure.create({ message: 'resetUnusedReactivations failed; the log says why' });
    }
  },
});
