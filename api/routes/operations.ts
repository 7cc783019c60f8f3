import { dirname, join } from 'node:path';
import { Router } from 'express';
import { pendingMigrations } from '../../db/migrate';
import { mailState } from '../../db/system/heartbeats';
import type { Services } from '../context';
import { openApiDocument } from '../openapi';
import type { RouteSpec } from '../route';

/** How long a dependency may take to answer `/readyz`. */
const patienceMs = 3_000;

async function withPatience<T>(check: () => Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('late')), patienceMs);
  });
  return Promise.race([check(), late]).finally(() => clearTimeout(timer));
}

const state = (check: () => Promise<unknown>): Promise<'ok' | 'failing'> =>
  withPatience(check).then(
    () => 'ok' as const,
    () => 'failing' as const,
  );

/** `/healthz`, `/readyz`, `/openapi.json`, `/docs`: for machines and developers; nothing of any organization. */
export function operationsRouter(services: Services, routes: RouteSpec[]): Router {
  const router = Router();
  router.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' });
  });
  router.get('/readyz', async (_request, response) => {
    const [database, migrations, temporal, mail] = await Promise.all([
      state(() => services.database.raw('select 1')),
      state(async () => {
        const pending = await pendingMigrations(services.database);
        if (pending.length > 0) throw new Error('pending migrations');
      }),
      state(services.checkTemporal),
      // What the workers say. Invitations are taken and kept while mails wait, so this makes nobody unready.
      withPatience(() => mailState(services.database)).catch(() => 'unknown' as const),
    ]);
    const ready = database === 'ok' && migrations === 'ok' && temporal === 'ok';
    if (!ready) response.set('Retry-After', '5');
    response
      .status(ready ? 200 : 503)
      .json({ status: ready ? 'ok' : 'failing', checks: { database, migrations, temporal, mail } });
  });
  let document: object | undefined;
  router.get('/openapi.json', (_request, response) => {
    // Made when it is asked for: it takes longer than all the rest of a start.
    document ??= openApiDocument(routes, services.baseUrl, services.version);
    response.json(document);
  });
  const swagger = dirname(require.resolve('swagger-ui-dist/package.json'));
  router.use('/docs', (_request, response, next) => {
    // Swagger UI styles its own elements; nothing here shows anybody's data. // decision 26
    response.set(
      'Content-Security-Policy',
      "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-src 'none'; object-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    );
    next();
  });
  router.get('/docs', (_request, response) => {
    response.sendFile(join(__dirname, '..', 'views', 'docs.html'));
  });
  for (const file of ['swagger-ui.css', 'swagger-ui-bundle.js'])
    router.get(`/docs/${file}`, (_request, response) => {
      response.sendFile(join(swagger, file), { maxAge: '1d' });
    });
  return router;
}
