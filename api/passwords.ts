import { hash, verify } from '@node-rs/argon2';
import { describePasswordRule, type PasswordRule, unmetPasswordRules } from '../domain/password';
import { Problem } from '../domain/problem';

/** OWASP's recommendation for argon2id: 19 MiB, two passes. */
const cost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

export const hashPassword = (password: string): Promise<string> => hash(password, cost);

/** The hash of nothing anybody knows: verifying against it takes as long as against a real one. */
let decoy: Promise<string> | undefined;

/** @param hashed null, where there is no password: the same work, and the answer is no */
export async function isPassword(hashed: string | null, password: string): Promise<boolean> {
  decoy ??= hashPassword(crypto.randomUUID());
  const right = await verify(hashed ?? (await decoy), password);
  return right && hashed !== null;
}

/** @throws Problem WEAK_PASSWORD naming every unmet rule // C10 */
export function assertStrong(
  password: string,
  policy: { minLength: number },
  personal: (string | null | undefined)[],
): void {
  assertMet(unmetPasswordRules(password, policy, personal), policy);
}

/** @throws Problem WEAK_PASSWORD naming every rule that was found unmet already */
export function assertMet(unmet: PasswordRule[], policy: { minLength: number }): void {
  if (unmet.length === 0) return;
  throw new Problem('WEAK_PASSWORD', unmet.map((rule) => describePasswordRule(rule, policy)).join(' '), {
    errors: unmet.map((rule) => ({ pointer: '/password', message: describePasswordRule(rule, policy) })),
  });
}
