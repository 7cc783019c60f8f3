const firstRetriesMs = [5_000, 15_000, 45_000] as const;
const longestMs = 3_600_000;

/**
 * How long to wait after the given number of failed tries: 5, 15 and 45 seconds, then doubling up to an hour.
 * @param attempts failed tries so far, 1 or more
 * @returns milliseconds
 */
export function mailBackoff(attempts: number): number {
  const first = firstRetriesMs[attempts - 1];
  if (first !== undefined) return first;
  return Math.min(45_000 * 2 ** Math.min(attempts - firstRetriesMs.length, 20), longestMs);
}
