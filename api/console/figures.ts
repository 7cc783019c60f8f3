import type { z } from 'zod';
import type { figures } from '../schemas/figures';
import type { Screens } from './index';
import { consoleView } from './views';

interface FiguresData {
  now: string;
  open: number;
  dueToday: number;
  queued: number;
  oldestQueuedAt: string | null;
  failed: number;
  waiting: number;
  oldestWaitingAt: string | null;
  /** null: Temporal did not answer. */
  schedule: { lastRunAt: string | null; nextRunAt: string | null; paused: boolean } | null;
}

const view = consoleView<FiguresData>('figures');

/** How the organization stands at this moment, for its administrators. */
export function figuresScreens({ get }: Screens): void {
  get('/console/figures', async (page) => {
    const { at, invitations, mails, outbox, schedule } = await page.ask<z.infer<typeof figures>>('GET O/figures');
    page.show(view, {
      now: at,
      open: invitations.open,
      dueToday: invitations.dueToday,
      queued: mails.queued,
      oldestQueuedAt: mails.oldestQueuedAt,
      failed: mails.failedLast24Hours,
      waiting: outbox.waiting,
      oldestWaitingAt: outbox.oldestAt,
      schedule,
    });
  });
}
