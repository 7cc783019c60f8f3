import type { LocalPostgres } from '../../scripts/local/postgres';
import type { LocalTemporal } from '../../scripts/local/temporal';

/** What global-setup has started and global-teardown stops; both run in the process of Jest itself. */
export interface TestServices {
  folder: string;
  postgres?: LocalPostgres;
  temporal?: LocalTemporal;
  /** For what global-setup made in a PostgreSQL that is not ours. */
  cleanUp: (() => Promise<void>)[];
}

const key = Symbol.for('usher.test.services');
const store = globalThis as typeof globalThis & { [key]?: TestServices };

export function keepServices(services: TestServices): void {
  store[key] = services;
}

export function keptServices(): TestServices | undefined {
  return store[key];
}
