import { createHmac, timingSafeEqual } from 'node:crypto';
import type { KeyRing } from './token';

/** The largest multiple of a million below 2^32: numbers beyond it would make small codes likelier than others. */
const fairBelow = 4_294_000_000;

/**
 * The code of six digits that is mailed for a challenge. Like the token of a link it is computed whenever it is needed
 * and stored nowhere.
 */
export const mailCode = (ring: KeyRing, challengeId: string): string => codeOf(ring.current.secret, challengeId);

/** Whether one of our keys made this code for this challenge. */
export function isMailCode(ring: KeyRing, challengeId: string, code: string): boolean {
  const given = Buffer.from(code);
  return [...ring.keys.values()]
    .map((secret) => Buffer.from(codeOf(secret, challengeId)))
    .some((right) => right.length === given.length && timingSafeEqual(right, given));
}

function codeOf(secret: Buffer, challengeId: string): string {
  for (let round = 0; ; round += 1) {
    const number = createHmac('sha256', secret)
      .update(`two-factor-code\0${challengeId}\0${round}`)
      .digest()
      .readUInt32BE();
    if (number < fairBelow) return String(number % 1_000_000).padStart(6, '0');
  }
}
