import { createHmac, timingSafeEqual } from 'node:crypto';
import type { KeyRing } from './token';

const macLength = 24;

/**
 * The envelope sender of one mail (VERP): what comes back to it is about that mail, and only who got the mail knows it.
 * Lower case and hexadecimal, because some servers change the case of what is before the @; with 64 characters it is as
 * long as that part may be.
 */
export const bounceAddress = (ring: KeyRing, mailId: string, domain: string): string => {
  const id = mailId.replaceAll('-', '');
  return `bounce+${id}.${mac(ring.current.secret, id)}@${domain}`;
};

export type BounceClaim =
  /** None of ours has this form. */
  | { kind: 'other' }
  /** It has the form, but no key of ours made it. */
  | { kind: 'forged' }
  | { kind: 'mail'; mailId: string };

/** Which mail an address stands for. What was forged is told apart from what means something else. */
export function readBounceAddress(ring: KeyRing, address: string): BounceClaim {
  const [, id, given] = /^bounce\+([0-9a-f]{32})\.([0-9a-f]{24})@[^@]+$/i.exec(address)?.map(lower) ?? [];
  if (!id || !given) return { kind: 'other' };
  const known = [...ring.keys.values()].some((secret) =>
    timingSafeEqual(Buffer.from(mac(secret, id)), Buffer.from(given)),
  );
  if (!known) return { kind: 'forged' };
  return { kind: 'mail', mailId: id.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') };
}

const lower = (text: string): string => text.toLowerCase();

const mac = (secret: Buffer, id: string): string =>
  createHmac('sha256', secret).update(`bounce\0${id}`).digest('hex').slice(0, macLength);
