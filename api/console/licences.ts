import { countSeats } from '../../db/queries/count-seats';
import { listSeatHolders } from '../../db/queries/list-seat-holders';
import { type Pool, poolOf } from '../../domain/seats';
import { toLicenceUse } from '../schemas/licences';
import { demand } from './demand';
import type { Screens } from './index';
import { initial } from './page';
import { nextPage, queryOf, rowsPerPage } from './paging';
import { nameOf } from './users';
import { consoleView } from './views';

interface Meter {
  used: number;
  limit: number | null;
  free: number | null;
  full: boolean;
}

interface LicencesData {
  plan: string;
  licences: Meter & { members: number; multiGroupGuests: number };
  singleGroupGuests: Meter;
  invited: number;
  rows: {
    name: string;
    initial: string;
    href: string;
    detail: string | null;
    isGuest: boolean;
    invited: boolean;
    pool: string;
  }[];
  pools: { value: string; label: string; chosen: boolean }[];
  filtered: boolean;
  next: string | null;
  previous: string | null;
  first: string | null;
}

const licencesView = consoleView<LicencesData>('licences');

const pools: readonly Pool[] = ['licence', 'single-group'];

const meter = (used: number, limit: number | null): Meter => ({
  used,
  limit,
  free: limit === null ? null : Math.max(0, limit - used),
  full: limit !== null && used >= limit,
});

/** How many licences there are, and who holds them. // D1, D2 */
export function licencesScreens({ get }: Screens): void {
  get('/console/licences', async (page) => {
    demand(page, 'users.manage');
    const pool = pools.find((one) => one === page.query('pool'));
    const cursor = queryOf(page, 'cursor').cursor;
    const [seats, holders] = await Promise.all([
      page.read((trx) => countSeats(trx, page.organization.id)),
      page.read((trx) => listSeatHolders(trx, page.organization.id, { pool, limit: rowsPerPage, cursor })),
    ]);
    const use = toLicenceUse(seats);
    page.show(licencesView, {
      plan: page.t(`console.licences.plans.${page.organization.plan}`),
      licences: { ...meter(use.used.members + use.used.multiGroupGuests, use.licences), ...use.used },
      singleGroupGuests: meter(use.singleGroupGuests.used, use.singleGroupGuests.limit),
      invited: seats.invited,
      rows: holders.items.map((holder) => {
        const name = nameOf(page, holder);
        return {
          name,
          initial: initial(name),
          href: `/console/users/${holder.id}`,
          detail: holder.email === name ? null : holder.email,
          isGuest: holder.kind === 'guest',
          invited: holder.invited,
          pool: page.t(`console.licences.pools.${poolOf(holder)}`),
        };
      }),
      pools: pools.map((value) => ({
        value,
        label: page.t(`console.licences.pools.${value}`),
        chosen: value === pool,
      })),
      filtered: pool !== undefined,
      ...nextPage(page, holders.nextCursor),
    });
  });
}
