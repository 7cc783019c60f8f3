import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Database } from '../../db/database';
import { type Happening, latestEvents } from '../../db/queries/latest-events';
import { Problem } from '../../domain/problem';

/** Somebody who watches one organization. */
export interface Listener {
  organizationId: string;
  accountId: string;
  /** In the order of writing. */
  hear(events: Happening[]): void;
  /** Asks again whether they still may. @returns false: it is over */
  check(): Promise<boolean>;
  /** Nothing to tell for a while: so that no proxy takes the line for dead. */
  beat(): void;
  /** `access`: they may not listen any longer; `stop`: this process ends. */
  close(why: 'access' | 'stop'): void;
}

export interface LiveHub {
  /**
   * Listens from now on, and hears at once of whatever is younger than `ageMs`: what the listener has seen so far is so old.
   * @returns what ends it
   * @throws Problem TOO_MANY_REQUESTS, UNAVAILABLE
   */
  listen(listener: Listener, ageMs: number): Promise<() => void>;
  /** Closes all at once. */
  stop(): void;
}

export interface LiveOptions {
  pollMs?: number;
  /** How often everybody is asked again whether they still may. */
  checkMs?: number;
  beatMs?: number;
  perPerson?: number;
  inAll?: number;
}

/** Events looked at for each organization in a round: where there are more, everybody looks again anyway. */
const eventsAtOnce = 200;
/** Each organization in scope costs row-level security a comparison per row. */
const organizationsAtOnce = 50;
/** An event may be committed after one with a higher id, but never so much later: statements end before. */
const settledMs = 60_000;
/** What was read while an event was being committed may or may not have shown it. */
const slackMs = 1_000;
const checksAtOnce = 4;

interface Watch {
  /** Everything up to this id has been told. */
  after: string;
  /** Told, too, beyond that; null until it is known what has been there before. */
  told: Set<string> | null;
  listeners: Set<Listener>;
}

/**
 * Reads, once a second and only while somebody watches, the newest audit events of the organizations that are being watched, and
 * passes on that there are some. Every process does so for itself, so it does not matter which one a command ran in; commands
 * know nothing of it and pay nothing for it.
 */
export function createLiveHub(database: Database, logger: Logger, options: LiveOptions = {}): LiveHub {
  const { pollMs = 1_000, checkMs = 3_000, beatMs = 20_000, perPerson = 10, inAll = 2_000 } = options;
  const watches = new Map<string, Watch>();
  /** Everybody, and when they were last checked. */
  const checkedAt = new Map<Listener, number>();
  const stopping = new AbortController();
  let running = false;
  let failing = false;
  let beatenAt = Date.now();

  function leave(listener: Listener): void {
    checkedAt.delete(listener);
    const watch = watches.get(listener.organizationId);
    watch?.listeners.delete(listener);
    if (watch?.listeners.size === 0) watches.delete(listener.organizationId);
  }

  async function check(listeners: Listener[]): Promise<void> {
    const waiting = [...listeners];
    const one = async () => {
      for (let listener = waiting.pop(); listener; listener = waiting.pop()) {
        const still = await listener.check();
        if (!checkedAt.has(listener)) continue;
        if (still) checkedAt.set(listener, Date.now());
        else {
          leave(listener);
          listener.close('access');
        }
      }
    };
    await Promise.all(Array.from({ length: checksAtOnce }, one));
  }

  /** What is new of what was read, oldest first; remembers that it has been told. */
  function news(watch: Watch, events: Happening[]): Happening[] {
    const { told } = watch;
    if (!told) return [];
    const fresh = events.filter(({ id }) => !told.has(id));
    remember(watch, events);
    return fresh.reverse();
  }

  async function look(): Promise<void> {
    const watched = [...watches].filter(([, { told }]) => told);
    for (let from = 0; from < watched.length; from += organizationsAtOnce) {
      const some = watched.slice(from, from + organizationsAtOnce);
      const asked = some.map(([organizationId, { after }]) => ({ organizationId, after }));
      const read = await latestEvents(database, asked, eventsAtOnce);
      for (const [organizationId, watch] of some) {
        const events = news(
          watch,
          read.filter((event) => event.organizationId === organizationId),
        );
        if (events.length === 0) continue;
        // Whom it is about may have lost what they had.
        const about = new Set(events.map(({ accountId }) => accountId));
        await check([...watch.listeners].filter(({ accountId }) => about.has(accountId)));
        for (const listener of watch.listeners) listener.hear(events);
      }
    }
  }

  async function round(): Promise<void> {
    const due = Date.now() - checkMs;
    await check([...checkedAt].filter(([, at]) => at <= due).map(([listener]) => listener));
    await look();
    if (Date.now() - beatenAt < beatMs) return;
    beatenAt = Date.now();
    for (const listener of checkedAt.keys()) listener.beat();
  }

  async function run(): Promise<void> {
    if (running) return;
    running = true;
    while (checkedAt.size > 0 && !stopping.signal.aborted) {
      await sleep(pollMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      if (stopping.signal.aborted) break;
      try {
        await round();
        failing = false;
      } catch (error) {
        // Said once: the next rounds make up for it, and nobody hears anything meanwhile.
        if (!failing)
          logger.warn({ err: error }, 'the news for open pages could not be read; tried again every second');
        failing = true;
      }
    }
    running = false;
  }

  return {
    async listen(listener, ageMs) {
      const unavailable = () => new Problem('UNAVAILABLE', 'This process is ending.', { retryAfter: 1 });
      if (stopping.signal.aborted) throw unavailable();
      const ofPerson = [...checkedAt.keys()].filter(({ accountId }) => accountId === listener.accountId).length;
      if (ofPerson >= perPerson || checkedAt.size >= inAll)
        throw new Problem('TOO_MANY_REQUESTS', 'Too many pages are open at once.', { retryAfter: 30 });
      const { organizationId } = listener;
      const watch = watches.get(organizationId) ?? { after: '0', told: null, listeners: new Set() };
      watches.set(organizationId, watch);
      watch.listeners.add(listener);
      checkedAt.set(listener, Date.now());
      try {
        const events = await latestEvents(database, [{ organizationId, after: '0' }], eventsAtOnce);
        // Whoever was first has begun; what is new since is told to all of them in the next round.
        if (!watch.told) remember(watch, events);
        const missed = events.filter((event) => event.ageMs <= ageMs + slackMs);
        if (stopping.signal.aborted) throw unavailable();
        if (missed.length > 0) listener.hear(missed.reverse());
      } catch (error) {
        leave(listener);
        throw error;
      }
      void run();
      return () => leave(listener);
    },
    stop() {
      stopping.abort();
      const all = [...checkedAt.keys()];
      all.forEach(leave);
      for (const listener of all) listener.close('stop');
    },
  };
}

/** The newest that are old enough to have no later ones below them are the new beginning; the others are kept by name. */
function remember(watch: Watch, events: Happening[]): void {
  const settled = events.find(({ ageMs }) => ageMs > settledMs);
  if (settled) watch.after = settled.id;
  const end = settled ? events.indexOf(settled) : events.length;
  watch.told = new Set(events.slice(0, end).map(({ id }) => id));
}
