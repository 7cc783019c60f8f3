import type { z } from 'zod';
import { nameUsers } from '../../db/queries/name-users';
import type { guestLogPage } from '../schemas/guests';
import { actorName } from './actors';
import type { Screens } from './index';
import { periodOf } from './local-time';
import type { Page } from './page';
import { listed, nextPage, queryOf } from './paging';
import { consoleView } from './views';

interface GuestLogData {
  rows: {
    name: string;
    href: string | null;
    at: string;
    event: { word: string; tone: string; glyph: string };
    reason: string;
    invitedBy: string | null;
  }[];
  q: string;
  from: string;
  to: string;
  filtered: boolean;
  csv: string;
  next: string | null;
  previous: string | null;
  first: string | null;
}

const guestLogView = consoleView<GuestLogData>('guest-log');

const filterOf = (page: Page): Record<string, string> => {
  const { q, from, to } = queryOf(page, 'q', 'from', 'to');
  return { ...(q && { q }), ...periodOf(from ?? '', to ?? '', page.timeZone) };
};

/** Every entry and exit of guests. // A8 */
export function guestLogScreens({ get }: Screens): void {
  get('/console/guest-log', async (page) => {
    const log = await page.ask<z.infer<typeof guestLogPage>>('GET O/guest-log', {
      query: { ...filterOf(page), ...listed(page) },
    });
    const ids = [...new Set(log.items.map(({ userId }) => userId))];
    const here = await page.read((trx) => nameUsers(trx, page.organization.id, ids));
    const typed = queryOf(page, 'q', 'from', 'to');
    const csv = new URLSearchParams(typed).toString();
    page.show(guestLogView, {
      rows: log.items.map(({ userId, displayName, event, reason, at, invitedBy }) => ({
        // What the API adds for host products stands beside it here, in the person's language.
        name: displayName.replace(/ \(guest\)$/, ''),
        // Who has left has no page here any more.
        href: here.has(userId) ? `/console/users/${userId}` : null,
        at,
        event: {
          word: page.t(`console.guestLog.events.${event}`),
          tone: event === 'entry' ? 'good' : 'quiet',
          glyph: event === 'entry' ? 'check' : 'out',
        },
        reason: page.t(`console.guestLog.reasons.${reason}`),
        invitedBy: invitedBy && actorName(page, invitedBy.type, invitedBy.displayName),
      })),
      q: typed.q ?? '',
      from: typed.from ?? '',
      to: typed.to ?? '',
      filtered: Object.keys(typed).length > 0,
      csv: `/console/guest-log/csv${csv && `?${csv}`}`,
      ...nextPage(page, log.nextCursor),
    });
  });

  get('/console/guest-log/csv', async (page) => {
    await page.reply('GET O/guest-log', { query: filterOf(page), headers: { accept: 'text/csv' } });
    page.response.end();
  });
}
