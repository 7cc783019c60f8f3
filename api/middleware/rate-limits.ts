import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Request } from 'express';
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible';
import {
  counterKey,
  countingMails,
  countOfOrganization,
  countOneMore,
  defaultMailsPerOrganization,
} from '../../db/commands/count-mail';
import type { Database, Transaction } from '../../db/database';
import { addressKey } from '../../domain/email-address';
import { Problem } from '../../domain/problem';

export interface RateLimits {
  /** What anybody may ask, per address, before anything else is done for them. */
  forAddress(request: Request): Promise<void>;
  /** Answers to invitations, per address: the dearest thing that a stranger may ask for. */
  forAnswer(request: Request): Promise<void>;
  forCaller(key: string): Promise<void>;
  /**
   * Counts refused keys per address; who sends none is refused, too, but has guessed nothing. Who has guessed too often waits, and none of their keys is looked up meanwhile, not
   * even a good one. On even where request limits are off.
   */
  countingFailures<T>(request: Request, authenticate: () => Promise<T>): Promise<T>;
  /**
   * A guess at a password or code. Every guess is counted before it is judged, so that many at once are no way around
   * the limit; a right one is given back. Who guesses at one account from one address is stopped soon, and so is an
   * address that tries many accounts; an account that is tried from everywhere is only slowed down, because a stranger
   * must not be able to lock its owner out. On even where request limits are off.
   *
   * Who is stopped or slowed down can see it, so that goes by what was typed alone. An account has several names; that
   * two of them are one account's must not show, so the guesses at all its names together are counted silently: beyond
   * the limit every guess is wrong, for the same work.
   * @param typed the name as it was typed, or the account's id where the person is known
   * @param accountId whose name it is; null: nobody's
   * @returns what the guess returned; null: it was wrong
   */
  guess<T>(
    request: Request,
    typed: string,
    judge: () => Promise<T | null>,
    accountId?: string | null,
  ): Promise<T | null>;
  /** Mails that a stranger may ask for, per address of the caller and of the recipient. @returns whether one more may go */
  allowMail(request: Request, recipient: string): Promise<boolean>;
  /** Codes by mail to an account whose password was given: counted apart, so that no stranger can use them up. */
  forCodeMail(accountId: string): Promise<void>;
  /** Mails about their address that a signed-in person may ask for: counted apart, so that no stranger can use them up. */
  forOwnMail(accountId: string): Promise<void>;
  /**
   * A mail to an address that has not asked for it, by all organizations and persons together, so that nobody can be
   * flooded; reminders count there, too. In the command's transaction: nothing is counted that sends nothing.
   */
  forUnaskedMail(trx: Transaction, recipient: string): Promise<void>;
  /** The same of an invitation, whose organization has a limit of its own. */
  forInvitationMail(trx: Transaction, organizationId: string, recipient: string): Promise<void>;
  /**
   * A mail to a person of its own that an organization asks for: by the organization's limit, and by one of the person for all
   * organizations together, counted apart for the same reason. In the command's transaction, at its end.
   */
  forManagedMail(trx: Transaction, organizationId: string, recipient: string): Promise<void>;
}

/** Requests a minute. Generous: they are there to keep one caller from taking everybody's turn. */
export const defaultLimits = {
  perAddress: 6_000,
  perCaller: 6_000,
  answersPerAddress: 600,
  /** Refused keys in a quarter of an hour. */
  failuresPerAddress: 1_000,
  /** Mails of invitations an hour. */
  mailsPerOrganization: defaultMailsPerOrganization,
};

/** Wrong passwords and codes in a quarter of an hour: at one account from one address, from one address at all. */
const guessesPerPair = 10;
const guessesPerAddress = 300;
/** Wrong guesses an hour at one account from everywhere; every further one waits longer, up to two seconds. */
const guessesBeforeDelay = 50;
const longestDelayMs = 2_000;
/** Mails an hour to one recipient, and asked for by one address. */
const mailsPerRecipient = 5;
const mailsPerAddress = 60;
const codeMailsPerAccount = 20;
/** Changes of the own address an hour. */
const ownMails = 5;
/** Mails an hour to one recipient that administrators and staff have asked for. */
const managedMailsPerRecipient = 10;

type Limits = Omit<typeof defaultLimits, 'mailsPerOrganization'> & { mailsPerOrganization?: number };

/**
 * Counted in PostgreSQL, so that all API processes count together. That an address may guess no more keys, each process
 * keeps in mind from the first refused key on by which it learns so.
 * @param secret hides who is counted: no name and no address of a mailbox gets into the table
 */
export function createRateLimits(
  database: Database,
  enabled: boolean,
  {
    perAddress,
    perCaller,
    answersPerAddress,
    failuresPerAddress,
    mailsPerOrganization = defaultLimits.mailsPerOrganization,
  }: Limits = defaultLimits,
  secret: Buffer = randomBytes(32),
): RateLimits {
  const limiter = (keyPrefix: string, points: number, duration: number, blockInMemory = true) =>
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
      ...(blockInMemory && { inMemoryBlockOnConsumed: points }),
    });
  const addresses = limiter('address', perAddress, 60);
  const answers = limiter('answer', answersPerAddress, 60);
  const callers = limiter('caller', perCaller, 60);
  const failures = limiter('failure', failuresPerAddress, 900);
  const pairGuesses = limiter('guess-pair', guessesPerPair, 900, false);
  const accountPairGuesses = limiter('guess-pair-account', guessesPerPair, 900, false);
  const addressGuesses = limiter('guess-address', guessesPerAddress, 900, false);
  const accountGuesses = limiter('guess-account', Number.MAX_SAFE_INTEGER, 3_600, false);
  const recipientMails = limiter('mail-recipient', mailsPerRecipient, 3_600, false);
  const addressMails = limiter('mail-address', mailsPerAddress, 3_600, false);
  const codeMails = limiter('code-mail', codeMailsPerAccount, 3_600, false);
  const ownChanges = limiter('mail-own', ownMails, 3_600, false);
  const countMail = countingMails(secret, enabled, mailsPerOrganization);
  const keyed = (text: string) => counterKey(secret, text);
  const countUnasked = async (trx: Transaction, recipient: string, organizationId?: string) => {
    const wait = await countMail(trx, recipient, organizationId);
    if (wait !== null) throw tooMany(wait);
  };
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
        const withKey = request.get('authorization') !== undefined;
        if (withKey && error instanceof Problem && error.code === 'UNAUTHENTICATED') await countFailure(address);
        throw error;
      }
    },
    async guess(request, typed, judge, accountId = null) {
      const address = addressOf(request);
      const name = keyed(typed);
      const pair = `${name}:${address}`;
      const accountPair = `${keyed(accountId ?? typed)}:${address}`;
      await consume(pairGuesses, pair);
      await consume(addressGuesses, address);
      const used = await countedAnyway(accountPairGuesses, accountPair);
      const { consumedPoints } = await accountGuesses.consume(name);
      const delay = Math.min((consumedPoints - guessesBeforeDelay) * 100, longestDelayMs);
      if (delay > 0) await sleep(delay);
      const right = await judge();
      if (right === null || used > guessesPerPair) return null;
      await Promise.all([
        pairGuesses.delete(pair),
        accountPairGuesses.delete(accountPair),
        addressGuesses.reward(address, 1),
        accountGuesses.reward(name, 1),
      ]);
      return right;
    },
    async forCodeMail(accountId) {
      if (enabled) await consume(codeMails, keyed(accountId));
    },
    async allowMail(request, recipient) {
      if (!enabled) return true;
      try {
        await addressMails.consume(addressOf(request));
        await recipientMails.consume(keyed(addressKey(recipient)));
        return true;
      } catch (reason) {
        if (reason instanceof RateLimiterRes) return false;
        throw reason;
      }
    },
    async forOwnMail(accountId) {
      if (enabled) await consume(ownChanges, keyed(accountId));
    },
    forUnaskedMail: (trx, recipient) => countUnasked(trx, recipient),
    forInvitationMail: (trx, organizationId, recipient) => countUnasked(trx, recipient, organizationId),
    async forManagedMail(trx, organizationId, recipient) {
      if (!enabled) return;
      const key = `mail-managed:${keyed(addressKey(recipient))}`;
      const wait =
        (await countOfOrganization(trx, organizationId, mailsPerOrganization)) ??
        (await countOneMore(trx, key, managedMailsPerRecipient));
      if (wait !== null) throw tooMany(wait);
    },
  };
}

/** Counts without refusing. @returns how many there have been, this one included */
async function countedAnyway(by: RateLimiterPostgres, key: string): Promise<number> {
  try {
    return (await by.consume(key)).consumedPoints;
  } catch (reason) {
    if (reason instanceof RateLimiterRes) return reason.consumedPoints;
    throw reason;
  }
}

const tooMany = (waitMs: number): Problem =>
  new Problem('TOO_MANY_REQUESTS', 'Too many requests: slow down, and try again later.', {
    retryAfter: Math.max(1, Math.ceil(waitMs / 1000)),
  });
