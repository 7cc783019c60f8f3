import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { invitationToken, parseKeyRing, verifyInvitationToken } from '../../domain/token';

const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const secret = (): string => randomBytes(32).toString('base64');
const first = secret();
const second = secret();
const ring = parseKeyRing(`one:${first}`);

const claim = fc.record({ invitationId: fc.uuid(), generation: fc.integer({ min: 0, max: 0xffffffff }) });
/** Key ids have 1 to 16 characters, so the length of a token differs, and with it how its last character is filled. */
const keyId = fc.stringMatching(/^[A-Za-z0-9-]{1,16}$/);

describe('a token', () => {
  test('says what was put into it, with a key id of any length, and is fit for a URL', () => {
    fc.assert(
      fc.property(claim, keyId, (said, id) => {
        const keys = parseKeyRing(`${id}:${first}`);
        const token = invitationToken(keys, said);
        expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(verifyInvitationToken(keys, token)).toEqual(said);
      }),
    );
  });

  test('of the same generation is the same, of another generation or invitation another', () => {
    fc.assert(
      fc.property(claim, claim, (one, other) => {
        fc.pre(one.invitationId !== other.invitationId || one.generation !== other.generation);
        expect(invitationToken(ring, one)).toBe(invitationToken(ring, { ...one }));
        expect(invitationToken(ring, one)).not.toBe(invitationToken(ring, other));
      }),
    );
  });

  test('with any one character changed is worth nothing', () => {
    fc.assert(
      fc.property(claim, keyId, fc.nat(), fc.integer({ min: 1, max: 63 }), (said, id, where, by) => {
        const keys = parseKeyRing(`${id}:${first}`);
        const token = invitationToken(keys, said);
        const at = where % token.length;
        const changed = base64url[(base64url.indexOf(token[at] ?? '') + by) % 64] ?? '';
        expect(verifyInvitationToken(keys, token.slice(0, at) + changed + token.slice(at + 1))).toBeNull();
      }),
      { numRuns: 1_000 },
    );
    // And every place of one token, with every character.
    const token = invitationToken(ring, { invitationId: '0b9f5cf4-8f0b-4c7f-9d53-6f1b7bd0a001', generation: 7 });
    for (let at = 0; at < token.length; at += 1)
      for (const letter of base64url)
        if (letter !== token[at])
          expect(verifyInvitationToken(ring, token.slice(0, at) + letter + token.slice(at + 1))).toBeNull();
  });

  test('cut, lengthened, padded or wrapped is worth nothing', () => {
    fc.assert(
      fc.property(claim, fc.stringMatching(/^[A-Za-z0-9_=+/ \n-]{1,8}$/), (said, more) => {
        const token = invitationToken(ring, said);
        for (let length = 0; length < token.length; length += 1) {
          expect(verifyInvitationToken(ring, token.slice(0, length))).toBeNull();
          expect(verifyInvitationToken(ring, token.slice(token.length - length))).toBeNull();
        }
        expect(verifyInvitationToken(ring, token + more)).toBeNull();
        expect(verifyInvitationToken(ring, more + token)).toBeNull();
      }),
      { numRuns: 50 },
    );
  });

  test('of a key that is not ours is worth nothing, also under the same key id', () => {
    fc.assert(
      fc.property(claim, (said) => {
        expect(verifyInvitationToken(ring, invitationToken(parseKeyRing(`one:${second}`), said))).toBeNull();
        expect(verifyInvitationToken(ring, invitationToken(parseKeyRing(`two:${first}`), said))).toBeNull();
      }),
    );
  });

  test('cannot be guessed: no text that is not one of ours verifies', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[A-Za-z0-9_-]{71,96}$/)), (text) => {
        expect(verifyInvitationToken(ring, text)).toBeNull();
      }),
    );
  });
});

describe('when the keys rotate', () => {
  const rotated = parseKeyRing(`two:${second},one:${first}`);

  test('links of the older key still open, until it is taken away', () => {
    fc.assert(
      fc.property(claim, (said) => {
        const old = invitationToken(ring, said);
        expect(verifyInvitationToken(rotated, old)).toEqual(said);
        expect(verifyInvitationToken(parseKeyRing(`two:${second}`), old)).toBeNull();
      }),
    );
  });

  test('new links are made with the newest key', () => {
    fc.assert(
      fc.property(claim, (said) => {
        const fresh = invitationToken(rotated, said);
        expect(fresh).toBe(invitationToken(parseKeyRing(`two:${second}`), said));
        expect(verifyInvitationToken(ring, fresh)).toBeNull();
      }),
    );
  });
});

test.each([
  ['', 'must be id:base64key'],
  ['justakey', 'must be id:base64key'],
  ['one:', 'must be id:base64key'],
  [`:${first}`, 'must be id:base64key'],
  [`one:${first},`, 'must be id:base64key'],
  [`one two:${first}`, 'must be id:base64key'],
  [`${'x'.repeat(17)}:${first}`, 'must be id:base64key'],
  [`one:${randomBytes(31).toString('base64')}`, 'shorter than 32 bytes'],
  [`one:${first},one:${second}`, 'there twice'],
])('a key ring %j is refused, without a word of the secret', (text, says) => {
  let refusal = '';
  try {
    parseKeyRing(text);
  } catch (error) {
    refusal = (error as Error).message;
  }
  expect(refusal).toContain(says);
  expect(refusal).not.toContain(first.slice(0, 10));
});
