import fc from 'fast-check';
import {
  describePasswordRule,
  longestEstimate,
  longestPassword,
  passwordRules,
  unmetPasswordRules,
} from '../../domain/password';

const floor = { minLength: 8 };
const unmet = (password: string, policy = floor, personal: (string | null | undefined)[] = []) =>
  unmetPasswordRules(password, policy, personal);

describe('C10: each unmet rule is named, and only those', () => {
  test.each([
    ['Vk7!qTz9#mWp', []],
    ['Vk7!qTz', ['length']],
    ['vk7!qtz9#mwp', ['upper']],
    ['VK7!QTZ9#MWP', ['lower']],
    ['Vkx!qTzy#mWp', ['digit']],
    ['Vk7sqTz9xmWp', ['special']],
    ['vkxsqtzyxmwp', ['upper', 'digit', 'special']],
    ['', ['length', 'upper', 'lower', 'digit', 'special']],
    // What counts is the kind of character, in any script, and the number of characters, not of code units.
    ['Ärger-über-7-Öfen', []],
    ['Щука7!рыба-кит', []],
    ['Ab1!🦊🦊🦊', ['length']],
    // A space is a special character, too.
    ['Vk7 qTz9 mWp', []],
  ] as const)('%j: %j', (password, rules) => {
    expect(unmet(password)).toEqual(rules);
  });
});

test.each([
  'Password1!',
  'Passw0rd!',
  'P@ssw0rd1',
  'Qwerty123!',
  'Abcd1234!',
  'Welcome1!',
  'Hallo123!',
  'Iloveyou1!',
  'Passwort1!',
  'Berlin2024!',
  'Sommer2026!',
])('the common password %s is refused although it has one of each', (password) => {
  expect(unmet(password)).toEqual(['common']);
});

test('what everyone knows about a person is easily guessed', () => {
  expect(unmet('Quirinus7!')).toEqual([]);
  expect(unmet('Quirinus7!', floor, [null, undefined, 'zebulon.quirinus@example.com'])).toEqual(['common']);
});

describe('an organization', () => {
  test('may ask for more', () => {
    expect(unmet('Vk7!qTz9#mWp', { minLength: 12 })).toEqual([]);
    expect(unmet('Vk7!qTz9#mWp', { minLength: 13 })).toEqual(['length']);
    expect(describePasswordRule('length', { minLength: 13 })).toContain('13');
  });

  test('never for less than eight', () => {
    expect(unmet('Vk7!qTz', { minLength: 1 })).toEqual(['length']);
    expect(describePasswordRule('length', { minLength: 1 })).toContain('8');
  });
});

test('a password of more than 200 characters is refused at once, one of 200 is judged', () => {
  const strong = 'Vk7!qTz9#mWp'.repeat(20);
  expect(unmet(strong.slice(0, longestPassword))).not.toContain('tooLong');
  expect(unmet(strong.slice(0, longestPassword + 1))).toEqual(['tooLong']);
  expect(unmet('x'.repeat(1_000_000))).toEqual(['tooLong']);
});

describe('a long password', () => {
  test.each(['p@$$w0rd1!'.repeat(7), 'Aa1!'.repeat(50), '1l|!'.repeat(50), 'x'.repeat(200)])(
    'is estimated in a few short pieces: %s',
    (password) => {
      const asked: string[] = [];
      unmetPasswordRules(password, floor, [], (text) => asked.push(text));
      expect(asked.length).toBeLessThanOrEqual(4);
      for (const text of asked) expect(text.length).toBeLessThanOrEqual(longestEstimate);
    },
  );

  test('is weak where it is weak at both ends, as a repeated word is', () => {
    expect(unmet('Passw0rd!'.repeat(5))).toEqual(['common']);
    expect(unmet(`${'P@$$w0rd1!'.repeat(5)}P@$$`)).toEqual(['common']);
    expect(unmet(`${'a'.repeat(30)}${'b'.repeat(30)}`)).toContain('common');
    expect(unmet(`${'a'.repeat(40)}Vk7!qTz9#mWp`)).toEqual([]);
    expect(unmet(`Vk7!qTz9#mWp${'a'.repeat(40)}`)).toEqual([]);
  });
});

test('whatever is typed, the length and the kinds of characters are judged rightly', () => {
  const password = fc.oneof(fc.string({ maxLength: 30 }), fc.string({ unit: 'grapheme', maxLength: 20 }));
  fc.assert(
    fc.property(password, fc.integer({ min: 8, max: 20 }), (text, minLength) => {
      const rules = unmet(text, { minLength });
      expect(rules.includes('length')).toBe(Array.from(text).length < minLength);
      if (/^[\x20-\x7e]*$/.test(text)) {
        expect(rules.includes('upper')).toBe(!/[A-Z]/.test(text));
        expect(rules.includes('lower')).toBe(!/[a-z]/.test(text));
        expect(rules.includes('digit')).toBe(!/[0-9]/.test(text));
        expect(rules.includes('special')).toBe(!/[^A-Za-z0-9]/.test(text));
      }
    }),
    { numRuns: 150 },
  );
});

test('every rule has a sentence of its own', () => {
  const sentences = passwordRules.map((rule) => describePasswordRule(rule, floor));
  expect(new Set(sentences).size).toBe(passwordRules.length);
  for (const sentence of sentences) expect(sentence).toMatch(/^The password .+\.$/);
});
