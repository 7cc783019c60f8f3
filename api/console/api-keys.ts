import type { z } from 'zod';
import { readClock } from '../../db/database';
import { notFound, type Problem } from '../../domain/problem';
import type { apiKey, apiKeyPage, createdApiKey } from '../schemas/organizations';
import { demand, refusable } from './demand';
import { type FieldSpec, type Form, formOf } from './forms';
import type { Screens } from './index';
import { instantOf } from './local-time';
import type { Page } from './page';
import { nextPage, queryOf } from './paging';
import { consoleView } from './views';

type KeyBody = z.infer<typeof apiKey>;
type KeyPageBody = z.infer<typeof apiKeyPage>;

interface KeysData {
  rows: (KeyBody & { expired: boolean; revoke: string })[];
  next: string | null;
  previous: string | null;
  first: string | null;
}

const keysView = consoleView<KeysData>('api-keys');
const newView = consoleView<{ form: Form }>('api-key-new');
const madeView = consoleView<{ name: string; secret: string; expiresAt: string | null }>('api-key-made');
const madeAlreadyView = consoleView<Record<never, never>>('api-key-made-already');
const revokeView = consoleView<{ name: string; path: string }>('api-key-revoke');

/** Keys for programs; each is shown once. */
export function apiKeysScreens({ get, post }: Screens): void {
  get('/console/api-keys', async (page) => {
    const [keys, now] = await Promise.all([
      page.ask<KeyPageBody>('GET O/api-keys', { query: queryOf(page, 'cursor') }),
      page.read(readClock),
    ]);
    page.show(keysView, {
      rows: keys.items.map((key) => ({
        ...key,
        expired: key.expiresAt !== null && new Date(key.expiresAt) <= now,
        revoke: `/console/api-keys/${key.id}/revoke`,
      })),
      ...nextPage(page, keys.nextCursor),
    });
  });

  get('/console/api-keys/new', (page) => showNew(page));
  post(
    '/console/api-keys',
    (page) =>
      refusable(
        async () => {
          demand(page, 'keys.manage');
          // The route takes no idempotency key, as its answer is a secret: the form itself is good for one key.
          if (!(await page.useUp('api-keys'))) return page.show(madeAlreadyView, {}, 409);
          const expiresAt = page.field('expiresAt').trim();
          const made = await page.ask<z.infer<typeof createdApiKey>>('POST O/api-keys', {
            body: { name: page.field('name'), ...(expiresAt && { expiresAt: instantOf(expiresAt, page.timeZone) }) },
          });
          page.show(madeView, { name: made.name, secret: made.key, expiresAt: made.expiresAt }, 201);
        },
        (problem) => showNew(page, problem),
      ),
    (page) => showNew(page, null, true),
  );

  get('/console/api-keys/:id/revoke', async (page) => {
    const { id, name } = await findKey(page);
    page.show(revokeView, { name, path: `/console/api-keys/${id}/revoke` });
  });
  post('/console/api-keys/:id/revoke', async (page) => {
    const { id, name } = await findKey(page);
    await page.ask('DELETE O/api-keys/{id}', { params: { id } });
    page.go('/console/api-keys', 'keyRevoked', { name });
  });
}

async function findKey(page: Page): Promise<KeyBody> {
  let cursor: string | null = '';
  while (cursor !== null) {
    const keys: KeyPageBody = await page.ask<KeyPageBody>('GET O/api-keys', {
      query: { limit: '200', ...(cursor && { cursor }) },
    });
    const found = keys.items.find(({ id }) => id === page.param('id'));
    if (found) return found;
    cursor = keys.nextCursor;
  }
  throw notFound('API key');
}

function showNew(page: Page, problem: Problem | null = null, again = false): void {
  demand(page, 'keys.manage');
  const specs: FieldSpec[] = (
    [
      { name: 'name', required: true },
      { name: 'expiresAt', kind: 'instant' },
    ] satisfies FieldSpec[]
  ).map((spec) => ({ ...spec, words: `console.keys.fields.${spec.name}` }));
  // Not `showAgain`: a form that was used up gets a new token.
  page.show(newView, { form: formOf(page, specs, again || problem !== null, problem) }, problem?.status ?? 200);
}
