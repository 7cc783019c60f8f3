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
  const hex = payload.toString('hex', 0, uuidBytes);
  const invitationId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return { invitationId, generation: payload.readUInt32BE(uuidBytes) };
}

function encodeClaim({ invitationId, generation }: LinkClaim): Buffer {
  const payload = Buffer.alloc(uuidBytes + 4);
  payload.write(invitationId.replaceAll('-', ''), 'hex');
  payload.writeUInt32BE(generation, uuidBytes);
  return payload;
}

const mac = (secret: Buffer, payload: Buffer): Buffer =>
  createHmac('sha256', secret).update('invitation-link\0').update(payload).digest();
