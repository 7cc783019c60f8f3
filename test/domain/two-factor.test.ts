import { randomBytes, randomUUID } from 'node:crypto';
import { newRecoveryCodes, recoveryCodeHash, stepOf, typedCode } from '../../domain/authenticator';
import { isMailCode, mailCode } from '../../domain/mail-code';
import { isSealedByOldKey, seal, unseal } from '../../domain/sealed';
import { parseKeyRing } from '../../domain/token';
import { type FactorState, mayChoose, mustSetUpApp, presentFactor } from '../../domain/two-factor';

const key = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;

describe('which factor a sign-in asks for', () => {
  const person: FactorState = { chosen: null, policies: ['optional'], email: 'ada@example.com' };

  test.each<[string, Partial<FactorState>, string, boolean]>([
    ['nothing chosen, nothing demanded', {}, 'none', false],
    ['nothing chosen, mail demanded', { policies: ['email'] }, 'email', false],
    ['nothing chosen, mail demanded by one of several', { policies: ['optional', 'email'] }, 'email', false],
    ['chosen none, mail demanded', { chosen: 'none', policies: ['email'] }, 'email', false],
    ['chosen mail, nothing demanded', { chosen: 'email' }, 'email', false],
    ['chosen app, mail demanded', { chosen: 'app', policies: ['email'] }, 'app', false],
    ['nothing chosen, app demanded', { policies: ['app'] }, 'none', true],
    ['chosen mail, app demanded', { chosen: 'email', policies: ['app'] }, 'email', true],
    ['nothing chosen, mail demanded here and the app there', { policies: ['app', 'email'] }, 'email', true],
    ['chosen app, app demanded', { chosen: 'app', policies: ['app'] }, 'app', false],
    ['no address, mail demanded', { email: null, policies: ['email'] }, 'none', true],
    ['no address, nothing demanded', { email: null }, 'none', false],
    ['no address, chosen app', { email: null, chosen: 'app', policies: ['email'] }, 'app', false],
    ['no organization any more', { policies: [] }, 'none', false],
  ])('%s', (_case, fields, method, setUp) => {
    const state = { ...person, ...fields };
    expect([presentFactor(state), mustSetUpApp(state)]).toEqual([method, setUp]);
  });

  test('the strictest policy says what may be chosen', () => {
    const choices = (...policies: FactorState['policies']) =>
      (['none', 'email', 'app'] as const).filter((method) => mayChoose(method, policies));
    expect(choices()).toEqual(['none', 'email', 'app']);
    expect(choices('optional')).toEqual(['none', 'email', 'app']);
    expect(choices('optional', 'email')).toEqual(['email', 'app']);
    expect(choices('email', 'app')).toEqual(['app']);
  });
});

describe('a code by mail', () => {
  const [old, fresh] = [key('k1'), key('k2')];
  const ring = parseKeyRing(old);

  test('has six digits, is the same every time, and another for every challenge', () => {
    const ids = Array.from({ length: 1_000 }, () => randomUUID());
    const codes = ids.map((id) => mailCode(ring, id));
    for (const code of codes) expect(code).toMatch(/^\d{6}$/);
    expect(ids.map((id) => mailCode(ring, id))).toEqual(codes);
    expect(new Set(codes).size).toBeGreaterThan(990);
    expect(codes.some((code) => code.startsWith('0'))).toBe(true);
  });

  test('is known again after a new key was put in front, and by no other ring', () => {
    const id = randomUUID();
    const code = mailCode(ring, id);
    expect(isMailCode(parseKeyRing(`${fresh},${old}`), id, code)).toBe(true);
    expect(mailCode(parseKeyRing(fresh), id) === code).toBe(isMailCode(parseKeyRing(fresh), id, code));
    for (const wrong of ['', `${code}0`, code.slice(1), 'abcdef']) expect(isMailCode(ring, id, wrong)).toBe(false);
  });
});

describe('a sealed secret', () => {
  const [old, fresh] = [key('k1'), key('k2')];
  const ring = parseKeyRing(old);
  const secret = randomBytes(20);

  test('opens with its key, wherever in the ring that is, and only for what it was sealed for', () => {
    const text = seal(ring, 'ada', secret);
    expect(unseal(ring, 'ada', text)).toEqual(secret);
    const rotated = parseKeyRing(`${fresh},${old}`);
    expect(unseal(rotated, 'ada', text)).toEqual(secret);
    expect([isSealedByOldKey(ring, text), isSealedByOldKey(rotated, text)]).toEqual([false, true]);
    expect(unseal(ring, 'eve', text)).toBeNull();
    expect(unseal(parseKeyRing(fresh), 'ada', text)).toBeNull();
    expect(seal(ring, 'ada', secret)).not.toBe(text);
  });

  test('does not open once anything in it was changed', () => {
    const [id = '', body = ''] = seal(ring, 'ada', secret).split('.');
    const bytes = Buffer.from(body, 'base64url');
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      expect(unseal(ring, 'ada', `${id}.${changed.toString('base64url')}`)).toBeNull();
    }
    for (const text of ['', id, `${id}.`, `${id}.AAAA`]) expect(unseal(ring, 'ada', text)).toBeNull();
  });
});

describe('codes of an app', () => {
  // RFC 6238, appendix B: the last six of the eight digits.
  const secret = Buffer.from('12345678901234567890');
  test.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_234_567_890, '005924'],
    [20_000_000_000, '353130'],
  ])('at second %i the code is %s', (second, code) => {
    const now = new Date(second * 1_000);
    const step = Math.floor(second / 30);
    expect(stepOf(secret, code, now, null)).toBe(step);
    expect(stepOf(secret, code, now, step - 1)).toBe(step);
    expect(stepOf(secret, code, now, step)).toBeNull();
    expect(stepOf(secret, code, new Date(now.getTime() + 60_000), null)).toBeNull();
  });

  test('ten recovery codes, all different, hashed for one account, however they are typed', () => {
    const codes = newRecoveryCodes();
    expect(new Set(codes).size).toBe(10);
    for (const code of codes) expect(code).toMatch(/^([A-Z2-7]{4}-){3}[A-Z2-7]{4}$/);
    const [code = ''] = codes;
    expect(typedCode(` ${code.toLowerCase().replaceAll('-', ' ')}`)).toBe(code.replaceAll('-', ''));
    expect(recoveryCodeHash('ada', code.toLowerCase())).toEqual(recoveryCodeHash('ada', code));
    expect(recoveryCodeHash('eve', code)).not.toEqual(recoveryCodeHash('ada', code));
  });
});
