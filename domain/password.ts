import { ZxcvbnFactory } from '@zxcvbn-ts/core';
import { adjacencyGraphs, dictionary as common } from '@zxcvbn-ts/language-common';
import { dictionary as german } from '@zxcvbn-ts/language-de';
import { dictionary as english } from '@zxcvbn-ts/language-en';

export const shortestPassword = 8;
/** Longer ones are refused: hashing and estimating them costs time that a stranger could ask for. */
export const longestPassword = 200;

export const passwordRules = ['length', 'upper', 'lower', 'digit', 'special', 'common', 'tooLong'] as const;
export type PasswordRule = (typeof passwordRules)[number];

const easilyGuessed = 1e6;
const aWordOfTheLists = 1e4;

let estimator: ZxcvbnFactory | undefined;

/**
 * The rules that a password leaves unmet: C10's floor, an organization's longer minimum, and whether it is common,
 * breached or easily guessed (offline lists; a guess within a million tries). // C10
 * @param personal what an attacker would try first: names, address, organization
 */
export function unmetPasswordRules(
  password: string,
  policy: { minLength: number },
  personal: (string | null | undefined)[] = [],
): PasswordRule[] {
  const length = [...password].length;
  if (length > longestPassword) return ['tooLong'];
  const unmet: PasswordRule[] = [];
  if (length < Math.max(policy.minLength, shortestPassword)) unmet.push('length');
  if (!/\p{Lu}/u.test(password)) unmet.push('upper');
  if (!/\p{Ll}/u.test(password)) unmet.push('lower');
  if (!/\p{Nd}/u.test(password)) unmet.push('digit');
  if (!/[^\p{L}\p{N}]/u.test(password)) unmet.push('special');
  if (password.length > 0 && isCommon(password, personal)) unmet.push('common');
  return unmet;
}

function isCommon(password: string, personal: (string | null | undefined)[]): boolean {
  estimator ??= new ZxcvbnFactory({ dictionary: { ...common, ...english, ...german }, graphs: adjacencyGraphs });
  const known = personal.flatMap((text) => (text ? [text, ...text.split(/[^\p{L}\p{N}]+/u)] : [])).filter(Boolean);
  const weak = (text: string, guesses: number) =>
    (estimator as ZxcvbnFactory).check(text.slice(0, 72), known).guesses < guesses;
  // "Berlin2024!" is the word Berlin to everybody who guesses passwords.
  const core = password.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '');
  return (
    weak(password, easilyGuessed) || (core.length >= 4 && core.length < password.length && weak(core, aWordOfTheLists))
  );
}

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
