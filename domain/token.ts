import { createHmac, timingSafeEqual } from 'node:crypto';

/** A ring of keys from `USHER_SECRET`: the first signs, all of them verify. */
export interface KeyRing {
  current: Key;
  keys: ReadonlyMap<string, Buffer>;
}
interface Key {
  id: string;
  secret: Buffer;
}

/** @throws Error that says what is wrong, without the secret */
export function parseKeyRing(text: string): KeyRing {
  const keys = new Map<string, Buffer>();
  let current: Key | undefined;
  for (const part of text.split(',')) {
    const match = /^([A-Za-z0-9-]{1,16}):([A-Za-z0-9+/_-]+={0,2})$/.exec(part.trim());
    if (!match?.[1] || !match[2]) throw new Error('must be id:base64key, older keys after a comma');
    const secret = Buffer.from(match[2], 'base64');
    if (secret.length < 32) throw new Error(`key ${match[1]} is shorter than 32 bytes`);
    if (keys.has(match[1])) throw new Error(`key id ${match[1]} is there twice`);
    keys.set(match[1], secret);
    current ??= { id: match[1], secret };
  }
  if (!current) throw new Error('must be id:base64key, older keys after a comma');
  return { current, keys };
}

/** What a link says: which invitation, and which generation of its link. Only the newest generation opens anything. */
export interface LinkClaim {
  invitationId: string;
  generation: number;
}

/** What all mails with this link have in common: that the same stands behind their masks. */
export const linkClaimName = ({ invitationId, generation }: LinkClaim): string => `${invitationId} ${generation}`;

const uuidBytes = 16;
const macBytes = 32;

/**
 * The token of an invitation's link: base64url of invitation id · generation · HMAC-SHA256 · key id. It is computed
 * whenever it is needed and stored nowhere; the same generation always has the same token as long as its key is current.
 */
export function invitationToken(ring: KeyRing, claim: LinkClaim): string {
  const payload = encodeClaim(claim);
  return Buffer.concat([payload, mac(ring.current.secret, payload), Buffer.from(ring.current.id)]).toString(
    'base64url',
  );
}

/** The claim of a token that one of our keys made, else null: forged, cut, foreign. Constant time in the MAC. */
export function verifyInvitationToken(ring: KeyRing, token: string): LinkClaim | null {
  if (!/^[A-Za-z0-9_-]{71,96}$/.test(token)) return null;
  const bytes = Buffer.from(token, 'base64url');
  if (bytes.toString('base64url') !== token) return null;
  const payload = bytes.subarray(0, uuidBytes + 4);
  const given = bytes.subarray(uuidBytes + 4, uuidBytes + 4 + macBytes);
  const secret = ring.keys.get(bytes.subarray(uuidBytes + 4 + macBytes).toString('latin1'));
  if (!secret || given.length !== macBytes || !timingSafeEqual(given, mac(secret, payload))) return null;
  const invitationId = uuidText(payload.toString('hex', 0, uuidBytes));
  return { invitationId, generation: payload.readUInt32BE(uuidBytes) };
}

/** What a link sent to an account is for; a token of one purpose opens nothing of another. */
export type AccountPurpose = 'password-reset' | 'email-confirmation';

export interface AccountClaim {
  accountId: string;
  expiresAt: Date;
}

const expiryBytes = 6;

/**
 * The token of a link for an account: base64url of account id · expiry · HMAC-SHA256 · key id. `binding` is what the use
 * of the link changes (password hash, address, epoch of sessions): by being used it becomes void.
 */
export function accountToken(ring: KeyRing, purpose: AccountPurpose, claim: AccountClaim, binding: unknown): string {
  const payload = Buffer.alloc(uuidBytes + expiryBytes);
  payload.write(claim.accountId.replaceAll('-', ''), 'hex');
  payload.writeUIntBE(claim.expiresAt.getTime(), uuidBytes, expiryBytes);
  const signed = boundMac(ring.current.secret, purpose, payload, binding);
  return Buffer.concat([payload, signed, Buffer.from(ring.current.id)]).toString('base64url');
}

/** Whose token this claims to be; nothing is proven before `verifyAccountToken`. */
export function readAccountToken(token: string): AccountClaim | null {
  if (!/^[A-Za-z0-9_-]{73,98}$/.test(token)) return null;
  const bytes = Buffer.from(token, 'base64url');
  if (bytes.toString('base64url') !== token) return null;
  return {
    accountId: uuidText(bytes.toString('hex', 0, uuidBytes)),
    expiresAt: new Date(bytes.readUIntBE(uuidBytes, expiryBytes)),
  };
}

/** Whether one of our keys made this token for this purpose and for an account in this very state. */
export function verifyAccountToken(ring: KeyRing, purpose: AccountPurpose, token: string, binding: unknown): boolean {
  if (!readAccountToken(token)) return false;
  const bytes = Buffer.from(token, 'base64url');
  const end = uuidBytes + expiryBytes;
  const given = bytes.subarray(end, end + macBytes);
  const secret = ring.keys.get(bytes.subarray(end + macBytes).toString('latin1'));
  if (!secret || given.length !== macBytes) return false;
  return timingSafeEqual(given, boundMac(secret, purpose, bytes.subarray(0, end), binding));
}

const boundMac = (secret: Buffer, purpose: AccountPurpose, payload: Buffer, binding: unknown): Buffer =>
  createHmac('sha256', secret).update(`${purpose}\0`).update(payload).update(JSON.stringify(binding)).digest();

const uuidText = (hex: string): string => hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

function encodeClaim({ invitationId, generation }: LinkClaim): Buffer {
  const payload = Buffer.alloc(uuidBytes + 4);
  payload.write(invitationId.replaceAll('-', ''), 'hex');
  payload.writeUInt32BE(generation, uuidBytes);
  return payload;
}

const mac = (secret: Buffer, payload: Buffer): Buffer =>
  createHmac('sha256', secret).update('invitation-link\0').update(payload).digest();
