import fc from 'fast-check';
import { usernameCandidates, usernamePattern } from '../../domain/username';

const localPart = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}$/),
  fc.emailAddress().map((address) => address.split('@')[0] ?? ''),
);

test.each([
  ['ada@example.com', 'ada'],
  ['Ada.Lovelace@example.com', 'ada.lovelace'],
  ['ada+usher@example.com', 'adausher'],
  ['_ada_@example.com', 'ada'],
  ['-._@example.com', 'user-x'],
  ['a@example.com', 'user-a'],
  ["o'brien@example.com", 'obrien'],
  [`${'a'.repeat(64)}@example.com`, 'a'.repeat(56)],
  [`${'a'.repeat(55)}.${'b'.repeat(8)}@example.com`, 'a'.repeat(55)],
])('%s becomes %s', (email, username) => {
  expect(usernameCandidates(email).base).toBe(username);
});

test('of every address there comes a username that the rules allow, and so does each numbered one', () => {
  fc.assert(
    fc.property(localPart, fc.integer({ min: 1, max: 99_999 }), (local, n) => {
      const { base, numbered } = usernameCandidates(`${local}@example.com`);
      expect(base).toMatch(usernamePattern);
      expect(base).toBe(base.toLowerCase());
      expect(numbered(n)).toMatch(usernamePattern);
    }),
    { numRuns: 1_000 },
  );
});

test('the first is the name itself, and no number gives a name twice', () => {
  fc.assert(
    fc.property(localPart, (local) => {
      const { base, numbered } = usernameCandidates(`${local}@example.com`);
      const names = Array.from({ length: 200 }, (_, index) => numbered(index + 1));
      expect(names[0]).toBe(base);
      expect(new Set(names).size).toBe(names.length);
    }),
    { numRuns: 50 },
  );
});

test.each([
  'a',
  '.ada',
  'ada.',
  '-ada',
  'ada_',
  'ada lovelace',
  'ada@example.com',
  'ada\n',
  '',
  'x'.repeat(65),
  'ada/x',
])('%j is no username', (text) => {
  expect(usernamePattern.test(text)).toBe(false);
});

test.each(['ab', 'ada', 'Ada-Lovelace_1.5', 'jürgen', '田中', 'x'.repeat(64)])('%j is a username', (text) => {
  expect(usernamePattern.test(text)).toBe(true);
});
