import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { keptServices } from './services';

export default async function globalTeardown(): Promise<void> {
  const services = keptServices();
  if (!services) return;
  const { folder, postgres, temporal, cleanUp } = services;
  await Promise.all(cleanUp.map((task) => task()));
  await Promise.all([postgres?.stop(), temporal?.stop()]);
  delete services.postgres;
  delete services.temporal;
  // Where the database's user cannot enter the folder, its data are outside.
  if (postgres && !postgres.clusterDir.startsWith(folder)) {
    rmSync(dirname(postgres.clusterDir), { recursive: true, force: true });
  }
  rmSync(folder, { recursive: true, force: true });
}
