import { temporal } from '@temporalio/proto';

const { History } = temporal.api.history.v1;
export type RunHistory = temporal.api.history.v1.IHistory;

/**
 * A history as readable JSON, in the fields of its protocol. Not the SDK's own conversion: that needs a single copy of
 * protobufjs among all packages.
 */
export const historyToJson = (history: RunHistory): string =>
  `${JSON.stringify(History.toObject(History.fromObject(history), { longs: String, enums: String, bytes: String }), null, 1)}\n`;

export const historyFromJson = (json: string): RunHistory =>
  History.fromObject(JSON.parse(json) as Record<string, unknown>);

/** What the run answered, if it has completed. */
export function resultOf(history: RunHistory): unknown {
  const completed = history.events?.at(-1)?.workflowExecutionCompletedEventAttributes;
  const data = completed?.result?.payloads?.[0]?.data;
  return data ? JSON.parse(Buffer.from(data).toString('utf8')) : undefined;
}

/** Every text in a history, one per line: names and values, and the payloads in it decoded. */
export function textOf(value: unknown): string {
  const found: string[] = [];
  const visit = (part: unknown): void => {
    if (typeof part === 'string') found.push(part);
    else if (part instanceof Uint8Array) found.push(Buffer.from(part).toString('utf8'));
    else if (Array.isArray(part)) part.forEach(visit);
    else if (part && typeof part === 'object') {
      for (const [name, inner] of Object.entries(part)) {
        found.push(name);
        visit(inner);
      }
    }
  };
  visit(value);
  return found.join('\n');
}

/** Those of the words that can be read in a history, in any case of letters. */
export function leaksIn(value: unknown, words: readonly string[]): string[] {
  const text = textOf(value).toLowerCase();
  return words.filter((word) => text.includes(word.toLowerCase()));
}
