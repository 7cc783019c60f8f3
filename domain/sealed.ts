import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { KeyRing } from './token';

const ivBytes = 12;
const tagBytes = 16;

/**
 * A secret that must be read again, encrypted with AES-256-GCM by the ring's first key: key id `.` base64url of
 * iv · ciphertext · tag. It opens only for what it was sealed for.
 * @param about what it belongs to: purpose and owner
 */
export function seal(ring: KeyRing, about: string, plain: Buffer): string {
  const { id, secret } = ring.current;
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', keyOf(secret), iv).setAAD(Buffer.from(about));
  const sealed = Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  return `${id}.${sealed.toString('base64url')}`;
}

/** null: sealed with a key that is not in the ring any more, for something else, or changed. */
export function unseal(ring: KeyRing, about: string, text: string): Buffer | null {
  const [id = '', body = ''] = text.split('.');
  const secret = ring.keys.get(id);
  const bytes = Buffer.from(body, 'base64url');
  if (!secret || bytes.length < ivBytes + tagBytes) return null;
  const decipher = createDecipheriv('aes-256-gcm', keyOf(secret), bytes.subarray(0, ivBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(Buffer.from(about)).setAuthTag(bytes.subarray(-tagBytes));
  try {
    return Buffer.concat([decipher.update(bytes.subarray(ivBytes, -tagBytes)), decipher.final()]);
  } catch {
    return null;
  }
}

/** Whether it would be sealed with another key today. */
export const isSealedByOldKey = (ring: KeyRing, text: string): boolean => !text.startsWith(`${ring.current.id}.`);

/** The ring's keys sign links; what they encrypt with is another key each. */
const keyOf = (secret: Buffer): Buffer => Buffer.from(hkdfSync('sha256', secret, '', 'usher sealed secret', 32));
