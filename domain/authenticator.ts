import { createHash, randomBytes } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';

/** What every authenticator app understands (RFC 6238): SHA-1, six digits, a new code every 30 seconds. */
const period = 30;
const settings = { algorithm: 'SHA1', digits: 6, period } as const;
/** Codes of the step before and after are taken too: clocks differ, and typing takes time. */
const window = 1;
const secretBytes = 20;

export const newAppSecret = (): Buffer => randomBytes(secretBytes);

const totpOf = (secret: Buffer, label = ''): TOTP =>
  new TOTP({ ...settings, issuer: 'Usher', label, secret: new Secret({ buffer: toArrayBuffer(secret) }) });

/** The address that an app reads from the QR code. @param label how the person knows the account */
export const otpauthUrl = (secret: Buffer, label: string): string => totpOf(secret, label).toString();

/** The secret as people type it into an app that cannot read the QR code. */
export const typedSecret = (secret: Buffer): string => grouped(totpOf(secret).secret.base32);

/**
 * The step (number of half minutes) that a code belongs to, or null where it is wrong or not newer than the last one
 * used: a code works once.
 */
export function stepOf(secret: Buffer, code: string, now: Date, lastStep: number | null): number | null {
  const delta = totpOf(secret).validate({ token: code, timestamp: now.getTime(), window });
  if (delta === null) return null;
  const step = Math.floor(now.getTime() / (period * 1_000)) + delta;
  return lastStep !== null && step <= lastStep ? null : step;
}

const recoveryCodeCount = 10;
/** 80 bits each: nobody finds one by its hash. */
const recoveryCodeBytes = 10;

/** Codes for somebody who has lost the app: `ABCD-EFGH-IJKL-MNOP`, each works once. */
export const newRecoveryCodes = (): string[] =>
  Array.from({ length: recoveryCodeCount }, () =>
    grouped(new Secret({ buffer: toArrayBuffer(randomBytes(recoveryCodeBytes)) }).base32, '-'),
  );

/** What such a code looks like. */
export const recoveryCodePattern = /^([A-Z2-7]{4}-){3}[A-Z2-7]{4}$/;

/** Spaces, hyphens and the case of letters do not matter in what people type. */
export const typedCode = (code: string): string => code.replace(/[\s-]/g, '').toUpperCase();

/** How a recovery code is kept. */
export const recoveryCodeHash = (accountId: string, code: string): Buffer =>
  createHash('sha256')
    .update(`recovery-code\0${accountId}\0${typedCode(code)}`)
    .digest();

const grouped = (text: string, by = ' '): string => text.replace(/(.{4})(?=.)/g, `$1${by}`);

const toArrayBuffer = (bytes: Buffer): ArrayBuffer => new Uint8Array(bytes).buffer;
