import type { Request } from 'express';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import type { Database } from '../../db/database';
import { Problem } from '../../domain/problem';

export interface RateLimits {
  /** Per address of the caller, before anything else is done for them. */
  beforeAuthentication(request: Request): Promise<void>;
  forCaller(key: string): Promise<void>;
  /** Counts refused keys per address; who has guessed too often waits. On even where request limits are off. */
  countingFailures<T>(request: Request, authenticate: () => Promise<T>): Promise<T>;
}

/** Requests a minute. Generous: they are there to keep one caller from taking everybody's turn. */
const perAddress = 6_000;
const perCaller = 6_000;
/** Refused keys in a quarter of an hour. */
const failuresPerAddress = 300;

/** Counted in PostgreSQL, so that all API processes count together. */
export function createRateLimits(database: Database, enabled: boolean): RateLimits {
  const limiter = (keyPrefix: string, points: number, duration: number) =>
    new RateLimiterPostgres({
      storeClient: database,
      storeType: 'knex',
      tableName: 'rate_limits',
      tableCreated: true,
      clearExpiredByTimeout: false,
      keyPrefix,
      points,
      duration,
      // Who is over the limit is turned away without asking the database again.
      inMemoryBlockOnConsumed: points,
    });
  const addresses = limiter('address', perAddress, 60);
  const callers = limiter('caller', perCaller, 60);
  const failures = limiter('failure', failuresPerAddress, 900);
  const consume = async (by: RateLimiterPostgres, key: string) => {
    try {
      await by.consume(key);
    } catch (reason) {
      throw reason instanceof RateLimiterRes ? tooMany(reason) : reason;
    }
  };
  const addressOf = (request: Request) => request.ip ?? 'unknown';
  return {
    async beforeAuthentication(request) {
      if (enabled && request.get('authorization') === undefined) await consume(addresses, addressOf(request));
    },
    async forCaller(key) {
      if (enabled) await consume(callers, key);
    },
    async countingFailures(request, authenticate) {
      try {
        return await authenticate();
      } catch (error) {
        if (error instanceof Problem && error.code === 'UNAUTHENTICATED') await consume(failures, addressOf(request));
        throw error;
      }
    },
  };
}

const tooMany = (state: RateLimiterRes): Problem =>
  new Problem('TOO_MANY_REQUESTS', 'Too many requests: slow down, and try again later.', {
    retryAfter: Math.max(1, Math.ceil(state.msBeforeNext / 1000)),
  });
