import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary as common } from '@zxcvbn-ts/language-common';
import { dictionary as german } from '@zxcvbn-ts/language-de';
import { dictionary as english } from '@zxcvbn-ts/language-en';

export const shortestPassword = 8;
/** Longer ones are refused: hashing and estimating them costs time that a stranger could ask for. */
export const longestPassword = 200;

export const passwordRules = ['length', 'upper', 'lower', 'digit', 'special', 'common', 'tooLong'] as const;
export type PasswordRule = (typeof passwordRules)[number];

/** What the estimator is given of one text at most: its time grows much faster than the text, for leet-speak most of all. */
export const longestEstimate = 24;

/** In how many ways leet-speak is read; the library's 100 cost most of a second for one password. */
const mostLeetReadings = 8;

/** In how many tries an attacker who knows `personal` guesses a text. */
export type Guesses = (text: string, personal: string[]) => number;

const easilyGuessed = 1e6;
const aWordOfTheLists = 1e4;

/**
 * The rules that a password leaves unmet: C10's floor, an organization's longer minimum, and whether it is common,
 * breached or easily guessed (offline lists; a guess within a million tries). // C10
 * @param personal what an attacker would try first: names, address, organization
 */
export function unmetPasswordRules(
  password: string,
  policy: { minLength: number },
  personal: (string | null | undefined)[] = [],
  guesses: Guesses = estimate,
): PasswordRule[] {
  const length = [...password].length;
  if (length > longestPassword) return ['tooLong'];
  const unmet: PasswordRule[] = [];
  if (length < Math.max(policy.minLength, shortestPassword)) unmet.push('length');
  if (!/\p{Lu}/u.test(password)) unmet.push('upper');
  if (!/\p{Ll}/u.test(password)) unmet.push('lower');
  if (!/\p{Nd}/u.test(password)) unmet.push('digit');
  if (!/[^\p{L}\p{N}]/u.test(password)) unmet.push('special');
  if (password.length > 0 && isCommon(password, personal, guesses)) unmet.push('common');
  return unmet;
}

function isCommon(password: string, personal: (string | null | undefined)[], guesses: Guesses): boolean {
  const known = personal.flatMap((text) => (text ? [text, ...text.split(/[^\p{L}\p{N}]+/u)] : [])).filter(Boolean);
  // A repeated text is as strong as the text; any other long one as the stronger of its ends.
  const weak = (whole: string, limit: number) => {
    const text = repeated(whole) ?? whole;
    return (
      guesses(text.slice(0, longestEstimate), known) < limit &&
      (text.length <= longestEstimate || guesses(text.slice(-longestEstimate), known) < limit)
    );
  };
  // "Berlin2024!" is the word Berlin to everybody who guesses passwords.
  const core = password.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '');
  return (
    weak(password, easilyGuessed) || (core.length >= 4 && core.length < password.length && weak(core, aWordOfTheLists))
  );
}

/** The short text that this one consists of, twice or more and perhaps cut off at its end. */
function repeated(text: string): string | null {
  for (let period = 1; period <= Math.min(longestEstimate, text.length / 2); period++)
    if (text.startsWith(text.slice(period))) return text.slice(0, period);
  return null;
}

let estimator: ZxcvbnFactory | undefined;

const estimate: Guesses = (text, personal) => {
  estimator ??= new ZxcvbnFactory({
    dictionary: { ...common, ...english, ...german },
    graphs: adjacencyGraphs,
    l33tMaxSubstitutions: mostLeetReadings,
  });
  return estimator.check(text, personal).guesses;
};

/** A sentence for each unmet rule, for callers of the API; pages have their own words per language. */
export function describePasswordRule(rule: PasswordRule, policy: { minLength: number }): string {
  switch (rule) {
    case 'length':
      return `The password needs at least ${Math.max(policy.minLength, shortestPassword)} characters.`;
    case 'upper':
      return 'The password needs an upper case letter.';
    case 'lower':
      return 'The password needs a lower case letter.';
    case 'digit':
      return 'The password needs a digit.';
    case 'special':
      return 'The password needs a special character.';
    case 'common':
      return 'The password is common, breached or easily guessed.';
    case 'tooLong':
      return `The password may have at most ${longestPassword} characters.`;
  }
}
