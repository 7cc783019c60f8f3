import type { Client } from '@temporalio/client';
import { temporal } from '@temporalio/proto';
import type { Logger } from 'pino';
import { searchAttributes } from '../workflows/messages';

const { INDEXED_VALUE_TYPE_KEYWORD, INDEXED_VALUE_TYPE_DATETIME } = temporal.api.enums.v1.IndexedValueType;
const wanted: Record<string, temporal.api.enums.v1.IndexedValueType> = Object.fromEntries(
  Object.values(searchAttributes).map((key) => [
    key.name,
    key.type === 'DATETIME' ? INDEXED_VALUE_TYPE_DATETIME : INDEXED_VALUE_TYPE_KEYWORD,
  ]),
);

const notFound = 5;

/** The namespace of the settings does not exist: no amount of waiting helps. */
export class NamespaceError extends Error {}

/**
 * Makes sure that the server knows our search attributes, adding those it lacks where it lets us.
 * @returns whether runs may use them; a server that does not know them would refuse every start
 * @throws NamespaceError; whatever the client throws when the server cannot be reached
 */
export async function ensureSearchAttributes(client: Client, logger: Logger): Promise<boolean> {
  const namespace = client.options.namespace;
  await client.workflowService.describeNamespace({ namespace }).catch((error: Error & { code?: number }) => {
    if (error.code === notFound)
      throw new NamespaceError(`Temporal has no namespace ${namespace}: set TEMPORAL_NAMESPACE.`);
    throw error;
  });
  const operator = client.connection.operatorService;
  try {
    const known = (await operator.listSearchAttributes({ namespace })).customAttributes ?? {};
    const wrong = Object.keys(wanted).filter((name) => name in known && known[name] !== wanted[name]);
    if (wrong.length > 0) {
      logger.error({ wrong }, 'search attributes of these names have another type: none will be used');
      return false;
    }
    const missing = Object.entries(wanted).filter(([name]) => !(name in known));
    if (missing.length > 0) {
      await operator.addSearchAttributes({ namespace, searchAttributes: Object.fromEntries(missing) });
      await untilSearchable(client);
    }
    return true;
  } catch (error) {
    if (isUnavailable(error)) throw error;
    // Temporal Cloud keeps its operator service to itself: attributes that were made there by hand can be searched for.
    const usable = await isSearchable(client);
    if (!usable)
      logger.warn(
        { err: error },
        'the server has no search attributes of ours and lets us add none: the list cannot be filtered',
      );
    return usable;
  }
}

const isUnavailable = (error: unknown): boolean => [4, 14].includes((error as { code?: number }).code ?? 0);

async function isSearchable(client: Client): Promise<boolean> {
  const query = Object.keys(wanted)
    .map((name) => `${name} is null`)
    .join(' and ');
  return client.workflow.count(query).then(
    () => true,
    () => false,
  );
}

/** New attributes take the server's caches a moment. */
async function untilSearchable(client: Client): Promise<void> {
  for (let attempt = 0; attempt < 60; attempt += 1) {
    if (await isSearchable(client)) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** The answer, asked for once and kept; after a failure the next caller asks again. */
export function searchAttributeSwitch(client: Client, logger: Logger): () => Promise<boolean> {
  let known: Promise<boolean> | undefined;
  return () => {
    known ??= ensureSearchAttributes(client, logger).catch((error: unknown) => {
      known = undefined;
      throw error;
    });
    return known;
  };
}
