import type { Request } from 'express';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import type { Database } from '../../db/database';
import { Problem } from '../../domain/problem';

export interface RateLimits {
  /** What anybody may ask, per address, before anything else is done for them. */
  forAddress(request: Request): Promise<void>;
  /** Answers to invitations, per address: the dearest thing that a stranger may ask for. */
  forAnswer(request: Request): Promise<void>;
  forCaller(key: string): Promise<void>;
  /**
   * Counts refused keys per address. Who has guessed too often waits, and none of their keys is looked up meanwhile, not
   * even a good one. On even where request limits are off.
   */
  countingFailures<T>(request: Request, authenticate: () => Promise<T>): Promise<T>;
}

/** Requests a minute. Generous: they are there to keep one caller from taking everybody's turn. */
export const defaultLimits = {
  perAddress: 6_000,
  perCaller: 6_000,
  answersPerAddress: 600,
  /** Refused keys in a quarter of an hour. */
  failuresPerAddress: 1_000,
};

/**
 * Counted in PostgreSQL, so that all API processes count together. That an address may guess no more keys, each process
 * keeps in mind from the first refused key on by which it learns so.
 */
export function createRateLimits(
  database: Database,
  enabled: boolean,
  { perAddress, perCaller, answersPerAddress, failuresPerAddress } = defaultLimits,
): RateLimits {
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
  const answers = limiter('answer', answersPerAddress, 60);
  const callers = limiter('caller', perCaller, 60);
  const failures = limiter('failure', failuresPerAddress, 900);
  const consume = async (by: RateLimiterPostgres, key: string) => {
    try {
      await by.consume(key);
    } catch (reason) {
      throw reason instanceof RateLimiterRes ? tooMany(reason.msBeforeNext) : reason;
    }
  };
  /** By address, in milliseconds; gone from memory with the first request after it. */
  const blockedUntil = new Map<string, number>();
  const countFailure = async (address: string) => {
    const state = await failures.consume(address).catch((reason: unknown) => {
      if (reason instanceof RateLimiterRes) return reason;
      throw reason;
    });
    if (state.remainingPoints <= 0) blockedUntil.set(address, Date.now() + state.msBeforeNext);
    if (state.consumedPoints > failuresPerAddress) throw tooMany(state.msBeforeNext);
  };
  const addressOf = (request: Request) => request.ip ?? 'unknown';
  return {
    async forAddress(request) {
      if (enabled) await consume(addresses, addressOf(request));
    },
    async forAnswer(request) {
      if (enabled) await consume(answers, addressOf(request));
    },
    async forCaller(key) {
      if (enabled) await consume(callers, key);
    },
    async countingFailures(request, authenticate) {
      const address = addressOf(request);
      const waitMs = (blockedUntil.get(address) ?? 0) - Date.now();
      if (waitMs > 0) throw tooMany(waitMs);
      blockedUntil.delete(address);
      try {
        return await authenticate();
      } catch (error) {
        if (error instanceof Problem && error.code === 'UNAUTHENTICATED') await countFailure(address);
        throw error;
      }
    },
  };
}

const tooMany = (waitMs: number): Problem =>
  new Problem('TOO_MANY_REQUESTS', 'Too many requests: slow down, and try again later.', {
    retryAfter: Math.max(1, Math.ceil(waitMs / 1000)),
  });
