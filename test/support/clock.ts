import type { TestUsher } from './usher';

/** Stops the database's clock at an instant, for borders to the millisecond; null: it goes right again. */
export async function setClock(usher: TestUsher, at: Date | null): Promise<void> {
  const now = at ? `timestamptz '${at.toISOString()}'` : 'clock_timestamp()';
  await usher.owner.raw(
    `create or replace function usher_now() returns timestamptz language sql volatile as $$ select (${now})::timestamptz(3) $$`,
  );
}

/** Moves the database's clock to an instant and lets it go on from there, for what waits and tries again. */
export async function moveClock(usher: TestUsher, to: Date): Promise<void> {
  const seconds = (to.getTime() - Date.now()) / 1_000;
  await usher.owner.raw(
    `create or replace function usher_now() returns timestamptz language sql volatile as
     $$ select (clock_timestamp() + interval '${seconds} seconds')::timestamptz(3) $$`,
  );
}

/** An instant moved by milliseconds. */
export const moved = (instant: string | Date, ms: number): Date => new Date(new Date(instant).getTime() + ms);

export const dayMs = 86_400_000;
