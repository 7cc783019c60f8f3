import fc from 'fast-check';
import { addressKey, mailboxKey, parseEmailAddress } from '../../domain/email-address';

const plain = 'This is not one plain e-mail address like name@example.com.';
const notADomain = 'The part after the @ is not a domain name.';
const tooLong = 'The e-mail address is longer than 254 characters.';
const spaces = 'The e-mail address contains spaces, line breaks or control characters.';

/** With a local part of 60 characters it has the 254 that an address may have. */
const longest = (local: string) => `${local}@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(62)}.de`;

test.each([
  ['nothing', '', plain],
  ['no @', 'ada.example.com', plain],
  ['no local part', '@example.com', plain],
  ['no domain', 'ada@', notADomain],
  ['only an @', '@', plain],
  ['two addresses', 'ada@example.com,bob@example.com', plain],
  ['two addresses with a semicolon', 'ada@example.com;bob@example.com', plain],
  ['two addresses with a space', 'ada@example.com bob@example.com', spaces],
  ['two @', 'ada@home@example.com', plain],
  ['a display name', 'Ada Lovelace <ada@example.com>', spaces],
  ['a display name without spaces', 'Ada<ada@example.com>', plain],
  ['angle brackets', '<ada@example.com>', plain],
  ['a scheme', 'mailto:ada@example.com', plain],
  ['a group', 'friends:ada@example.com;', plain],
  ['a comment', 'ada(work)@example.com', plain],
  ['a source route', '@relay.example,@other.example:ada@example.com', plain],
  ['a line break', 'ada@example.com\n', spaces],
  ['a header after a line break', 'ada@example.com\r\nBcc: eve@example.com', spaces],
  ['a line break in the local part', 'ada\r\n@example.com', spaces],
  ['a Unicode line separator', 'ada\u2028@example.com', spaces],
  ['a zero character', 'ada\u0000@example.com', spaces],
  ['a space before', ' ada@example.com', spaces],
  ['a space after', 'ada@example.com ', spaces],
  ['a tab', 'ada@example.com\t', spaces],
  ['a no-break space', 'ada\u00a0@example.com', spaces],
  ['a quoted local part', '"ada"@example.com', plain],
  ['a quoted local part with a space', '"ada lovelace"@example.com', spaces],
  ['a quoted @', '"a@b"@example.com', plain],
  ['an escaped character', 'a\\@da@example.com', plain],
  ['a local part beyond ASCII', 'ädä@example.com', plain],
  ['a dot at the beginning', '.ada@example.com', plain],
  ['a dot at the end', 'ada.@example.com', plain],
  ['two dots in a row', 'ada..lovelace@example.com', plain],
  ['a local part of 65 characters', `${'a'.repeat(65)}@example.com`, plain],
  [
    '300 characters',
    `${'a'.repeat(50)}@${'b'.repeat(60)}.${'c'.repeat(60)}.${'d'.repeat(60)}.${'e'.repeat(62)}.com`,
    tooLong,
  ],
  ['255 characters', longest('a'.repeat(61)), tooLong],
  ['a domain of one label', 'ada@localhost', notADomain],
  ['an IP address', 'ada@192.0.2.1', notADomain],
  ['an IP address in brackets', 'ada@[192.0.2.1]', notADomain],
  ['an IPv6 address', 'ada@[IPv6:2001:db8::1]', notADomain],
  ['an IP address in disguise', 'ada@0x7f.1', notADomain],
  ['a domain that ends in a number', 'ada@example.42', notADomain],
  ['a domain with a dot at the beginning', 'ada@.example.com', notADomain],
  ['a domain with a dot at the end', 'ada@example.com.', notADomain],
  ['a domain with two dots', 'ada@example..com', notADomain],
  ['a label that begins with a hyphen', 'ada@-example.com', notADomain],
  ['a label that ends with a hyphen', 'ada@example-.com', notADomain],
  ['a label of 64 characters', `ada@${'b'.repeat(64)}.com`, notADomain],
  ['an underscore in the domain', 'ada@exa_mple.com', notADomain],
  ['a port', 'ada@example.com:25', notADomain],
  ['a path', 'ada@example.com/x', notADomain],
  ['a percent sign in the domain', 'ada@ex%61mple.com', notADomain],
  ['a full-width dot, which some would read as a dot', 'ada@example\uff0ecom', notADomain],
])('%s is refused: %j', (_, text, fault) => {
  expect(parseEmailAddress(text)).toEqual({ fault });
});

test.each([
  ['ada@example.com', 'ada@example.com'],
  ['Ada.Lovelace+usher@Example.COM', 'Ada.Lovelace+usher@example.com'],
  ["o'brien_1-2=x@mail.example.co.uk", "o'brien_1-2=x@mail.example.co.uk"],
  ["!#$%&'*+/=?^_`{|}~-@example.com", "!#$%&'*+/=?^_`{|}~-@example.com"],
  ['a@1und1.de', 'a@1und1.de'],
  ['joerg@müller.example', 'joerg@xn--mller-kva.example'],
  ['ada@bücher.example', 'ada@xn--bcher-kva.example'],
  ['ada@例え.テスト', 'ada@xn--r8jz45g.xn--zckzah'],
  ['ada@xn--bcher-kva.example', 'ada@xn--bcher-kva.example'],
  [`${'a'.repeat(64)}@example.com`, `${'a'.repeat(64)}@example.com`],
  [longest('a'.repeat(60)), longest('a'.repeat(60))],
])('%j is taken, as %j', (text, address) => {
  expect(parseEmailAddress(text)).toEqual({ address });
});

test('what is taken is one address in ASCII for mail servers, without a character that could add another', () => {
  const piece = fc.oneof(
    { weight: 3, arbitrary: fc.stringMatching(/^[a-z0-9.@-]{0,12}$/) },
    fc.constantFrom(
      '@',
      '.',
      ',',
      ';',
      '<',
      '>',
      '"',
      '\\',
      ' ',
      '\r\n',
      '\u0000',
      ':',
      '(',
      ')',
      '[',
      ']',
      'ö',
      '例',
      '%40',
      '\u3002',
      '\uff20',
    ),
    fc.string({ unit: 'binary', maxLength: 5 }),
  );
  const text = fc.oneof(
    fc.array(piece, { maxLength: 8 }).map((parts) => parts.join('')),
    fc.emailAddress(),
  );
  let taken = 0;
  fc.assert(
    fc.property(text, (address) => {
      const parsed = parseEmailAddress(address);
      if (!('address' in parsed)) return;
      taken += 1;
      expect(parsed.address).toMatch(/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@([a-z0-9-]{1,63}\.)+[a-z0-9-]{1,63}$/);
      // Parsed again it is itself: what is stored can be checked before each sending.
      expect(parseEmailAddress(parsed.address)).toEqual(parsed);
      expect(parsed.address.slice(0, parsed.address.indexOf('@'))).toBe(address.slice(0, address.indexOf('@')));
    }),
    { numRuns: 3_000 },
  );
  expect(taken).toBeGreaterThan(100);
});

test('two spellings of one mailbox have one key', () => {
  expect(addressKey('Ada@Example.com')).toBe(addressKey('ada@EXAMPLE.com'));
  expect(addressKey('ada@example.com')).not.toBe(addressKey('ada@example.org'));
});

test.each([
  ['Ada+notes@example.com', 'ada@example.com'],
  ['a.da@example.com', 'a.da@example.com'],
  ['J.o.h.n.Smith+x.y@gmail.com', 'johnsmith@gmail.com'],
  ['john.smith@GoogleMail.com', 'johnsmith@gmail.com'],
  ['john.smith@gmail.com.example', 'john.smith@gmail.com.example'],
  ['john.smith@notgmail.com', 'john.smith@notgmail.com'],
])('%s is counted as %s', (address, counted) => {
  expect(mailboxKey(address)).toBe(counted);
});
