import { maskFor, masks, readableMasks, unmasked } from '../../domain/mail-mask';
import { parseKeyRing } from '../../domain/token';

const key = (letter: string) => `${letter}:${Buffer.alloc(32, letter).toString('base64')}`;
const ring = parseKeyRing(key('a'));
const mask = maskFor(ring, 'link', 'this mail');

test('only the mask of this very mail is replaced', () => {
  const others = [masks.link, masks.code, maskFor(ring, 'code', 'this mail'), maskFor(ring, 'link', 'another mail')];
  const part = `${others.join(' ')} https://elsewhere.test/${masks.link} ${maskFor(parseKeyRing(key('b')), 'link', 'this mail')}`;
  expect(unmasked(ring, 'link', 'this mail', '$& token', `${part} ${mask} ${mask}`)).toBe(`${part} $& token $& token`);
});

test('a mail without its mask is not sent', () => {
  expect(() => unmasked(ring, 'link', 'this mail', 'token', `Hello ${masks.link}`)).toThrow('without its link');
});

test('what an older key has written is sent after the keys have changed', () => {
  const rotated = parseKeyRing(`${key('b')},${key('a')}`);
  expect(maskFor(rotated, 'link', 'this mail')).not.toBe(mask);
  expect(unmasked(rotated, 'link', 'this mail', 'token', `x/${mask}`)).toBe('x/token');
});

test('the log shows masks without their numbers', () => {
  expect(readableMasks(`https://a.test/${mask} ${maskFor(ring, 'code', 'x')}.`)).toBe(
    'https://a.test/masked-link ••••••.',
  );
});
