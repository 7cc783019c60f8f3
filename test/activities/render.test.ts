import { renderInvitationMail, type InvitationMail } from '../../activities/email/render';
import { mailTypes, type MailType } from '../../activities/email/mail-types';
import { contrast } from '../../domain/branding';
import { locales, type Locale } from '../../i18n';
import { elementsOf } from '../support/html';

const link = 'https://usher.test/invitations/k1.AbC-_123?x=1&y=2';
const mail: InvitationMail = {
  type: 'user-invitation',
  locale: 'en',
  organizationName: 'Nordlicht Energie',
  inviterName: 'Mara Lindqvist',
  firstName: 'Jonas',
  lastName: 'Berger',
  message: null,
  link,
  expiresAt: new Date('2026-12-21T13:05:00Z'),
  timeZone: 'Europe/Berlin',
  senderAddress: 'no-reply@usher.test',
};

const textOf = (html: string): string => elementsOf(html)[0]?.text ?? '';
const cases = (Object.keys(mailTypes) as MailType[]).flatMap((type) =>
  locales.map((locale) => [type, locale] as [MailType, Locale]),
);

describe.each(cases)('the mail %s in %s', (type, locale) => {
  const { subject, html, text } = renderInvitationMail({ ...mail, type, locale, message: 'Welcome' });

  it('says who invites to which organization', () => {
    for (const part of [subject, textOf(html), text]) {
      expect(part).toContain('Mara Lindqvist');
      expect(part).toContain('Nordlicht Energie');
    }
  });

  it('has every text', () => {
    for (const part of [subject, html, text]) {
      expect(part).not.toMatch(/\bmail\.[a-z-]+/);
      expect(part).not.toContain('{{');
    }
  });

  it('carries the link in both parts, as a button and to copy', () => {
    const anchors = elementsOf(html).filter(({ name }) => name === 'a');
    expect(anchors.map(({ attributes }) => attributes['href'])).toEqual([link, link]);
    expect(anchors[1]?.text).toBe(link);
    expect(text.split('\n')).toContain(link);
  });

  it('names the end of its term with the time zone', () => {
    const until = {
      en: '21 December 2026 at 14:05 (Europe/Berlin, GMT+1)',
      de: '21. Dezember 2026 um 14:05 Uhr (Europe/Berlin, GMT+1)',
    }[locale];
    expect(textOf(html)).toContain(until);
    expect(text).toContain(until);
  });

  it('says that it can be ignored, and who sent it', () => {
    const ignored = { en: 'you can ignore it', de: 'können Sie sie ignorieren' }[locale];
    for (const part of [textOf(html), text]) {
      expect(part).toContain(ignored);
      expect(part).toContain('no-reply@usher.test');
    }
  });

  it('says its language', () => {
    expect(elementsOf(html)[0]?.attributes['lang']).toBe(locale);
  });

  it('can do without a name of inviter and invitee', () => {
    const bare = renderInvitationMail({ ...mail, type, locale, inviterName: null, firstName: null, lastName: null });
    expect(`${bare.subject}${bare.html}${bare.text}`).not.toMatch(/null|undefined|\bmail\.[a-z-]+/);
    expect(bare.text).toMatch(/^(Hello|Guten Tag),\n/);
    expect(bare.subject).toContain('Nordlicht Energie');
  });

  it('stays below the size at which mail programs cut', () => {
    const long = renderInvitationMail({ ...mail, type, locale, message: '<&">'.repeat(500) });
    expect(Buffer.byteLength(long.html)).toBeLessThan(100 * 1024);
  });
});

describe('a personal text', () => {
  const message = 'Hi {{link}} {{{inviterName}}} <b>bold</b> & "so" $t(language)\n\n{{> layout.html}}\r\nlast line';
  const { html, text } = renderInvitationMail({ ...mail, message });

  it('is shown literally in both parts, line breaks kept', () => {
    const literal = message.replace('\r\n', '\n');
    expect(text).toContain(literal);
    expect(textOf(html)).toContain(literal);
    expect(html).toContain('<br>\nlast line');
  });

  it('adds no element but its line breaks', () => {
    const shape = (all: string): string[] => elementsOf(all).flatMap(({ name }) => (name === 'br' ? [] : [name]));
    expect(shape(html)).toEqual(shape(renderInvitationMail({ ...mail, message: 'plain' }).html));
  });

  it('may run from right to left, line by line, and turns nothing of ours around', () => {
    const arabic = renderInvitationMail({ ...mail, message: 'مرحبا!\nHello!' });
    const [said] = elementsOf(arabic.html).filter(({ name, text: words }) => name === 'p' && words.startsWith('مرحبا'));
    expect(said?.attributes['dir']).toBe('auto');
    expect(said?.attributes['style']).toContain('unicode-bidi:plaintext');
    expect(elementsOf(arabic.html)[0]?.attributes['dir']).toBe('ltr');
  });

  it('is left out, heading included, where there is none', () => {
    const none = renderInvitationMail({ ...mail, message: null });
    expect(none.text).not.toContain('Message from');
    expect(none.html).not.toContain('Message from');
    expect(none.text).not.toMatch(/\n{3}/);
  });
});

describe('hostile names', () => {
  it.each([
    'Evil\r\nBcc: victim@example.test',
    'Evil\nSubject: other',
    'Evil\u0000\u0007\u0085\u2028\u2029Name',
    '\u202eEvil',
    '<script>alert(1)</script>',
    '--><img src=x onerror=alert(1)>',
    '<![endif]--><script>',
  ])('leave the subject one line and the mail without new elements: %j', (name) => {
    const plain = renderInvitationMail(mail);
    const hostile = renderInvitationMail({ ...mail, organizationName: name, inviterName: name, firstName: name });
    // eslint-disable-next-line no-control-regex
    expect(hostile.subject).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/);
    expect(hostile.text.split('\n')).toHaveLength(plain.text.split('\n').length);
    expect(elementsOf(hostile.html).map(({ name: tag }) => tag)).toEqual(
      elementsOf(plain.html).map(({ name: tag }) => tag),
    );
  });

  it('are not escaped where nothing is HTML', () => {
    const { subject, text } = renderInvitationMail({ ...mail, organizationName: "R&D <O'Neil>" });
    expect(subject).toContain("R&D <O'Neil>");
    expect(text).toContain("R&D <O'Neil>");
  });
});

describe('the link', () => {
  it.each([
    'javascript:alert(1)',
    'data:text/html,x',
    '//usher.test/x',
    '/invitations/x',
    '',
    'https://',
    'https://usher.test/x y',
    'https://usher.test/"onclick=',
    'https://usher.test/\r\nx',
    ' https://usher.test/x',
  ])('is refused unless it is a plain http(s) address: %j', (bad) => {
    expect(() => renderInvitationMail({ ...mail, link: bad })).toThrow('http');
  });
});

describe('the button', () => {
  const channels = (colour: string) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

  it.each(['#141414', '#000000', '#191a1f', '#4f46e5', '#ffffff', '#2b2b55'])(
    'stands out from its card in dark mode, whatever the brand colour: %s',
    (colour) => {
      const { html } = renderInvitationMail({ ...mail, branding: { logo: null, colour } });
      const [, dark = ''] = html.split('@media (prefers-color-scheme: dark)');
      const card = /\.card \{ background-color: (#[0-9a-f]{6})/.exec(dark)?.[1] ?? '';
      const share = Number(/\.button \{ border-color: rgba\(255, 255, 255, ([\d.]+)\) !important/.exec(dark)?.[1]);
      // The edge lies upon the button's own colour.
      const edge = channels(colour).map((channel) => Math.round(channel + (255 - channel) * share));
      const edgeColour = `#${edge.map((channel) => channel.toString(16).padStart(2, '0')).join('')}`;
      expect(contrast(edgeColour, card)).toBeGreaterThanOrEqual(3);
    },
  );
});
