import { createHmac } from 'node:crypto';
import type { KeyRing } from './token';

/**
 * What a mail opens (its link's token, its code) is kept nowhere. In what is kept of the mail a mask stands for it, which is
 * replaced at every try to send. The mask ends in a number that only our keys make: whatever people write into names, texts
 * and templates stays what it is, also where it looks like a mask. // E6
 */
export const masks = { link: 'masked-link', code: '••••••' } as const;
export type Masked = keyof typeof masks;

/** @param of the mail, or all mails that open the same */
export const maskFor = (ring: KeyRing, masked: Masked, of: string): string => maskBy(ring.current.secret, masked, of);

/**
 * The part of a mail as it goes out.
 * @throws Error where there is no mask: such a mail would be of no use
 */
export function unmasked(ring: KeyRing, masked: Masked, of: string, secret: string, part: string): string {
  // Also by the keys that were current when an earlier try wrote it.
  for (const key of ring.keys.values()) {
    const mask = maskBy(key, masked, of);
    if (part.includes(mask)) return part.replaceAll(mask, () => secret);
  }
  throw new Error(`A mail without its ${masked} is not sent.`);
}

/** The same mail for people who read the log. */
export const readableMasks = (part: string): string => part.replace(/(masked-link|••••••)-[0-9a-f]{32}/g, '$1');

const maskBy = (key: Buffer, masked: Masked, of: string): string => {
  const number = createHmac('sha256', key).update(`mail-mask\0${masked}\0${of}`).digest('hex').slice(0, 32);
  return `${masks[masked]}-${number}`;
};
