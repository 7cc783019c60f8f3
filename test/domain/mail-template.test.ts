import sanitizeHtml from 'sanitize-html';
import {
  checkTemplate,
  cleanTemplate,
  compileTemplate,
  exampleValues,
  judgeTemplate,
  readPart,
  surely,
} from '../../domain/mail-template';
import {
  type MailParts,
  mailTemplateNames,
  type MailTemplateName,
  templateType,
  templateVariables,
} from '../../domain/mail-templates';
import type { TemplateFaultCode } from '../../domain/template-fault';
import { elementsOf } from '../support/html';

// As it is, and counted.
jest.mock('sanitize-html', () => jest.fn(jest.requireActual<typeof sanitizeHtml>('sanitize-html')));

const good: MailParts = {
  subject: 'Welcome to {{organizationName}}, {{firstName}}',
  html: '<p>Hello {{firstName}}</p><p><a href="{{link}}">Open</a></p>',
  text: 'Hello {{firstName}}\n\n{{link}}',
};
const check = (parts: Partial<MailParts>, name: MailTemplateName = 'user-invitation') =>
  checkTemplate(name, { ...good, ...parts });
const link = 'https://usher.test/invitations/abc';
const render = (
  parts: Partial<MailParts>,
  values: Record<string, string> = {},
  name: MailTemplateName = 'user-invitation',
) => compileTemplate(name, { ...good, ...parts })({ ...exampleValues(name, 'en'), link, ...values });

test('what there is to report is an example of its own where there is something to report', () => {
  const items = (name: MailTemplateName) => exampleValues(name, 'en')['items'];
  expect(items('security-report')).toMatch(/^Account\n/);
  expect(items('delivery-problem')).toMatch(/^550 /);
  expect(items('invitation-accepted')).toBe('');
  expect(items('user-invitation')).toBeUndefined();
});

test('no variable is called like a helper', () => {
  expect(['if', 'unless', 'lines'].filter((name) => name in templateVariables)).toEqual([]);
});

test.each(mailTemplateNames)('%s: a template with every variable is taken', (name) => {
  const { variables, mandatory } = templateType(name);
  const all = variables.map((one) => `{{${one}}}`).join('\n');
  const parts = { subject: 'News', html: `<p>${all}</p>`, text: all };
  expect(checkTemplate(name, parts)).toEqual([]);
  if (mandatory) {
    const without = { ...parts, text: parts.text.replace(`{{${mandatory}}}`, '') };
    expect(checkTemplate(name, without)).toMatchObject([
      { part: 'text', code: 'missingInText', values: { variable: `{{${mandatory}}}` } },
    ]);
  }
});

describe('what is refused when it is saved, with line and column', () => {
  test.each<[string, string, number, number, TemplateFaultCode]>([
    ['an unknown variable', 'Hi\n {{fristName}} {{link}}', 2, 4, 'unknownVariable'],
    ['a variable of another type', '{{code}} {{link}}', 1, 3, 'unknownVariable'],
    ['an unknown helper', '{{link}}\n{{upper firstName}}', 2, 1, 'unknownHelper'],
    ['the helper lookup', '{{link}}{{lookup this "constructor"}}', 1, 9, 'unknownHelper'],
    ['the helper log', '{{link}}{{log link}}', 1, 9, 'unknownHelper'],
    ['each', '{{link}}{{#each message}}{{this}}{{/each}}', 1, 9, 'unknownBlock'],
    ['with', '{{link}}{{#with link}}x{{/with}}', 1, 9, 'unknownBlock'],
    ['an unknown block', '{{link}}{{#link}}x{{/link}}', 1, 9, 'unknownBlock'],
    ['a helper in a helper', '{{link}}{{lines (lines message)}}', 1, 17, 'noVariable'],
    ['an argument with a name', '{{link}}{{lines message a=1}}', 1, 9, 'linesArgument'],
    ['two conditions', '{{link}}{{#if link message}}x{{/if}}', 1, 9, 'blockArgument'],
    ['block parameters', '{{link}}{{#if link as |x|}}{{x}}{{/if}}', 1, 28, 'blockParameters'],
    ['this', '{{link}}{{this}}', 1, 11, 'unknownVariable'],
    ['this.link', '{{this.link}}{{link}}', 1, 3, 'unknownVariable'],
    ['constructor', '{{link}}{{constructor}}', 1, 11, 'unknownVariable'],
    ['__proto__', '{{link}}{{__proto__}}', 1, 11, 'unknownVariable'],
    ['a path', '{{link}}{{link.constructor.constructor}}', 1, 11, 'unknownVariable'],
    ['a path with slashes', '{{link}}{{../link}}', 1, 11, 'unknownVariable'],
    ['data', '{{link}}{{@root}}', 1, 11, 'unknownVariable'],
    ['a literal', '{{link}}{{"firstName"}}', 1, 11, 'unknownVariable'],
    ['three braces', '{{link}}{{{message}}}', 1, 9, 'unescaped'],
    ['an ampersand', '{{link}}{{&message}}', 1, 9, 'unescaped'],
    ['a partial', '{{link}}{{> layout}}', 1, 9, 'partial'],
    ['a partial block', '{{link}}{{#> layout}}x{{/layout}}', 1, 9, 'partial'],
    ['an inline partial', '{{link}}{{#*inline "x"}}x{{/inline}}', 1, 9, 'unknownTag'],
    ['a decorator', '{{link}}{{* x}}', 1, 9, 'unknownTag'],
    ['a raw block', '{{link}}{{{{raw}}}}x{{{{/raw}}}}', 1, 9, 'unknownBlock'],
    ['a block that is not closed', 'a\n{{link}}{{#if message}}', 2, 24, 'unfinished'],
    ['a block closed by another', '{{link}}\n  {{#if message}}x{{/unless}}', 2, 6, 'closedByAnother'],
    ['braces that are not closed', 'a\n{{link}}{{firstName', 2, 11, 'notUnderstood'],
    ['braces with two words of nothing', 'a\n{{link}} {{firstName =}}\nb', 2, 22, 'notUnderstood'],
  ])('%s', (_, text, line, column, code) => {
    const [fault, ...more] = check({ text });
    expect(more).toEqual([]);
    expect(fault).toMatchObject({ part: 'text', code, line, column });
    expect(check({ html: text.replaceAll('\t', '') })[0]).toMatchObject({ part: 'html', code, line, column });
  });

  test.each([
    ['a masked link', 'https://usher.test/invitations/masked-link', 35],
    ['a masked code', '<img src="https://evil.test/?••••••">', 33],
  ])('%s', (_, literal, column) => {
    for (const [part, before] of [
      ['subject', 'Hi '],
      ['html', '<p>{{link}}</p>\n   '],
      ['text', '{{link}}\r\n   '],
    ] as const)
      expect(check({ [part]: before + literal })).toMatchObject([{ part, line: part === 'subject' ? 1 : 2, column }]);
  });

  test('the link and the code in a subject', () => {
    expect(check({ subject: 'Open {{link}}' })).toMatchObject([{ part: 'subject', line: 1, column: 6 }]);
    expect(
      checkTemplate('two-factor-code', { subject: '{{code}} is it', html: '<p>{{code}}</p>', text: '{{code}}' }),
    ).toMatchObject([{ part: 'subject', line: 1, column: 1 }]);
  });

  test('nesting without end, and too much of anything', () => {
    const deep = (count: number) => '{{#if message}}'.repeat(count) + 'x' + '{{/if}}'.repeat(count);
    expect(check({ text: `{{link}}${deep(20)}` })).toEqual([]);
    expect(check({ text: `{{link}}${deep(21)}` })[0]?.code).toBe('tooDeep');
    expect(check({ text: `{{link}}${deep(4_000)}` })[0]?.code).toBe('tooManyNodes');
    expect(check({ text: '{{'.repeat(50_000) })[0]?.code).toBe('tooManyNodes');
    expect(check({ html: `${'<div>'.repeat(15_000)}{{link}}` })).toEqual([]);
    expect(check({ text: `{{link}}${'x'.repeat(100 * 1024)}` })[0]?.code).toBe('tooLong');
    expect(check({ text: `{{link}}${'{{message}}'.repeat(900)}` })).toMatchObject([{ part: 'text', code: 'tooLarge' }]);
    expect(check({ subject: 'x'.repeat(301) })).toMatchObject([{ part: 'subject', code: 'subjectTooLong' }]);
    expect(check({ subject: ' ' })).toMatchObject([{ part: 'subject', code: 'empty' }]);
    expect(check({ subject: '{{inviterName}}' })[0]?.code).toBe('emptySubject');
  });

  test('all parts are told of at once', () => {
    expect(check({ subject: '{{x}}', html: '{{y}}', text: 'no link' }).map(({ part }) => part)).toEqual([
      'subject',
      'html',
      'text',
    ]);
  });

  test('a template that is no string', () => {
    const tree = { type: 'Program', body: [] } as unknown as string;
    expect(check({ html: tree })).toMatchObject([{ part: 'html', code: 'noText' }]);
  });
});

describe('the link', () => {
  test.each([
    ['nowhere', '<p>Hi</p>'],
    ['only in a comment', '<p>Hi</p><!-- {{link}} -->'],
    ['only in a script', '<p>Hi</p><script>"{{link}}"</script>'],
    ['only in an event handler', '<p onclick="{{link}}">Hi</p>'],
    ['only as a class', '<p class="{{link}}">Hi</p>'],
    ['only as the title of a page', '<title>{{link}}</title><p>Hi</p>'],
    ['only in a meta element', '<meta name="a" content="{{link}}"><p>Hi</p>'],
    ['only where it is hidden', '<div style="color:red; display : none"><p><a href="{{link}}">a</a></p>{{link}}</div>'],
    ['only where it cannot be seen', '<p style="visibility:hidden">{{link}}</p>'],
    ['only outside the page', '<p style="position:absolute;left:-9999px">{{link}}</p>'],
    ['only behind what takes up no room', '<a href="{{link}}">&#8203;</a>'],
    ['only as a picture', '<img src="{{link}}" alt="{{link}}">'],
    ['only in a link without words', '<a href="{{link}}"> </a>'],
    ['never, as there is always a link', '{{#unless link}}{{link}}{{/unless}}'],
    ['only if there is a message', '{{#if message}}{{link}}{{/if}}'],
    ['not without a message', '{{#unless message}}{{link}}{{/unless}}'],
    ['only by two conditions', '{{#if message}}{{#if firstName}}{{link}}{{/if}}{{else}}{{link}}{{/if}}'],
  ])('%s is not enough', (_, html) => {
    expect(check({ html })).toMatchObject([{ part: 'html', code: 'missingInHtml' }]);
  });

  test.each([
    ['in either case', '{{#if message}}<a href="{{link}}">a</a>{{else}}{{link}}{{/if}}'],
    ['by three cases', '{{#if message}}{{link}}{{else if firstName}}{{link}}{{else}}{{link}}{{/if}}'],
    ['if there is a link, which there is', '{{#if link}}{{link}}{{/if}}'],
    ['else, as there is always a link', '{{#unless link}}x{{else}}{{link}}{{/unless}}'],
    ['around a picture', '<a href="{{link}}"><span style="width:0"><img src="{{logo}}"></span></a>'],
    [
      'after something hidden',
      '<div style="display:none">Preview<br>more</div><table><tr><td>{{link}}</td></tr></table>',
    ],
  ])('%s is', (_, html) => {
    expect(check({ html })).toEqual([]);
  });
});

test('of a template nested as deep as may be, every place is asked for once', () => {
  const html = `<p>${'x'.repeat(94_000)}</p>` + '{{#if link}}'.repeat(20) + '<!-- {{link}} -->' + '{{/if}}'.repeat(20);
  const count = (source: string) => {
    let steps = 0;
    const { filled } = readPart('user-invitation', 'html', source);
    surely(filled, 'link', () => {
      steps += 1;
      return false;
    });
    return steps;
  };
  expect(count(html)).toBe(1);
  expect(count(html.replace('{{link}} -->', '{{link}} -->'.repeat(50)))).toBe(50);
  expect(count(`${'{{#if message}}'.repeat(20)}{{link}}${'{{else}}{{link}}{{/if}}'.repeat(20)}`)).toBeLessThan(22);
  expect(check({ html })).toMatchObject([{ part: 'html' }]);
  expect(check({ html: html.replace(/<!-- | -->/g, '') })).toEqual([]);
});

test('HTML is gone through once to be cleaned, and once more for what people see when it is judged', () => {
  const passes = jest.mocked(sanitizeHtml).mock.calls;
  const before = passes.length;
  const { fill } = judgeTemplate('user-invitation', good);
  expect(fill?.({ ...exampleValues('user-invitation', 'en'), link }).html).toContain(link);
  expect(passes.length - before).toBe(2);
  compileTemplate('user-invitation', good);
  expect(passes.length - before).toBe(3);
});

describe('HTML is cleaned, and the rest stays', () => {
  const dirty = [
    '<script>alert(1)</script>',
    '<img src=x onerror=alert(1)>',
    '<svg onload=alert(1)><script>alert(1)</script></svg>',
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" jAvA&#10;script:alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<iframe src="https://evil.test"></iframe>',
    '<form action="https://evil.test"><input name=password><button formaction="javascript:1">x</button></form>',
    '<object data="x"></object><embed src="x"><base href="https://evil.test/">',
    '<link rel=stylesheet href="https://evil.test/x.css">',
    '<style>@import url(https://evil.test/x.css); p { color: red }</style>',
    '<style>p { background: url(https://evil.test/x) }</style>',
    '<style>p{}</style/><script>alert(1)</script>',
    '<p style="color:red;background:url(javascript:alert(1));width:expression(alert(1))">x</p>',
    '<p style="background:u\\72l(x)">x</p>',
    '<meta http-equiv="refresh" content="0;url=https://evil.test">',
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>',
    '<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>',
    '<!--[if mso]><script>alert(1)</script><![endif]-->',
    '<title><img src=x onerror=alert(1)></title>',
    '<xmp><img src=x onerror=alert(1)></xmp><plaintext>',
  ];

  test.each(dirty)('%s', (html) => {
    const parts = { html: `<p>{{link}}</p>${html}` };
    expect(check(parts)).toEqual([]);
    const sent = render(parts).html;
    for (const { name, attributes } of elementsOf(sent.replace('<!doctype html>', '<html>'))) {
      expect([
        'script',
        'iframe',
        'form',
        'input',
        'button',
        'object',
        'embed',
        'base',
        'link',
        'svg',
        'math',
      ]).not.toContain(name);
      for (const [attribute, value] of Object.entries(attributes)) {
        expect(attribute).not.toMatch(/^on|^formaction$|^http-equiv$/i);
        expect(value).not.toMatch(/javascript:|expression|url\(|data:/i);
      }
      if (name === 'style') expect(sent).not.toMatch(/@import|url\(/);
    }
  });

  test('tables, styles, a safe style sheet, pictures and the link stay', () => {
    const html =
      '<html lang="en"><head><meta charset="utf-8"><style>@media (prefers-color-scheme: dark) { .a > b { color: #fff !important; } }</style></head>' +
      '<body style="margin:0"><table role="presentation" width="100%" cellpadding="0" bgcolor="{{brandColour}}"><tr><td class="a" style="color:{{brandTextColour}};padding:4px">' +
      '<a href="{{link}}" target="_blank">Open</a><img src="{{logo}}" alt="{{organizationName}}" width="40"></td></tr></table></body></html>';
    expect(check({ html })).toEqual([]);
    const sent = render(
      { html },
      { logo: 'https://usher.test/logo', brandColour: '#123456', brandTextColour: '#ffffff' },
    ).html;
    expect(sent).toMatch(/^<!doctype html>\n<html lang="en"><head><meta charset="utf-8" \/><style>@media/);
    expect(sent).toContain('.a > b { color: #fff !important; }');
    expect(sent).toContain('style="color:#ffffff;padding:4px"');
    expect(sent).toContain('bgcolor="#123456"');
    expect(sent).toContain(`<a href="${link}" target="_blank">Open</a>`);
    expect(sent).toContain('<img src="https://usher.test/logo" alt="Nordlicht Energie" width="40" />');
  });

  test.each([
    ['a name as an address', '<a href="{{firstName}}">x</a>{{link}}', 10],
    ['a name as a part of a scheme', '<a href="java{{firstName}}">x</a>{{link}}', 14],
    ['the link inside another address', '<img src="https://evil.test/?{{link}}">{{link}}', 30],
    ['a name in a style', '<p style="color:{{firstName}}">x</p>{{link}}', 17],
    ['a colour in a style sheet', '<style>p{color:{{brandColour}} }</style>{{link}}', 16],
    ['a block in an attribute', '<p title="{{#if message}}x{{/if}}">x</p>{{link}}', 11],
    ['a block around an attribute', '<p {{#if message}}title="x"{{/if}}>x</p>{{link}}', 4],
    ['a block in a comment', '<!-- {{#if message}} -->x{{/if}}{{link}}', 6],
    ['lines in an attribute', '<p title="{{lines message}}">x</p>{{link}}', 11],
  ])('%s is refused with its place', (_, html, column) => {
    expect(check({ html })).toMatchObject([{ part: 'html', line: 1, column }]);
  });

  test('pieces of blocks cannot be put together to something else', () => {
    const html = '{{#if message}}<a title="{{else}}" onclick="alert(1)">{{/if}}{{link}}';
    expect(check({ html })).toMatchObject([{ part: 'html' }]);
  });

  const triple = [
    '<p>&#123;{{message}}&#125;</p>',
    '<p>&lbrace;{{message}}&rbrace;</p>',
    '<p>&#x7b;{{lines message}}&#x7d;</p>',
    '<p>&#123;&#123;{{message}}&#125;&#125;</p>',
    '<p title="&#123;{{message}}&#125;">x</p>',
    '<p>&#123;{{#if message}}{{message}}{{/if}}&#125;</p>',
    '<p>{<!-- x -->{{message}}<!-- x -->}</p>',
    '<p>&#123;<i onclick="x"></i>{{~message~}} &#125;</p>',
    '<style>p{</style>{{message}}<style>}</style>',
    '<p>&#92;{{message}} \\\\{{message}}</p>',
    '<p>&amp;#123;{{message}}&amp;#125;</p>',
  ];
  test.each(triple)('braces that are text become no part of a variable: %s', (html) => {
    const parts = { html: `${html}<p>{{link}}</p>` };
    expect(check(parts)).toEqual([]);
    const sent = render(parts, { message: '<script>alert(1)</script><img src=x onerror=alert(1)>' }).html;
    expect(sent).not.toMatch(/<script|<img/);
    expect(sent).toContain('&lt;script&gt;');
  });

  test('cleaning twice changes nothing more', () => {
    const html =
      '<p a=1>\\{{link}} &#123;&#123;x}} {{~#if message~}} <b>{{lines message}}</b> {{~else~}} & {{/if}}</p>{{link}}';
    const once = cleanTemplate('user-invitation', html);
    expect(cleanTemplate('user-invitation', once.replace('<!doctype html>\n', ''))).toBe(once);
  });
});

describe('what is filled in', () => {
  const hostile = '<script>alert(1)</script> {{link}} {{{x}}} "quoted" \'single\' & $& $1 \\{{y}}';

  test('is shown literally, in every part', () => {
    const { subject, html, text } = render(
      {
        subject: 'Hi {{firstName}}',
        html: '<p title="{{firstName}}">{{firstName}}</p>{{link}}',
        text: '{{firstName}} {{link}}',
      },
      { firstName: hostile },
    );
    expect(subject).toBe(`Hi ${hostile}`);
    expect(text).toBe(`${hostile} ${link}\n`);
    const [, p, ...more] = elementsOf(html.replace('<!doctype html>', '<html>'));
    expect(p).toEqual({ name: 'p', attributes: { title: hostile }, text: hostile });
    expect(more).toEqual([]);
  });

  test('keeps its line breaks with lines', () => {
    const { html, text } = render(
      { html: '<p>{{lines message}}</p>{{link}}', text: '{{lines message}} {{link}}' },
      { message: 'a <b>\n\nc' },
    );
    expect(html).toContain('<p>a &lt;b&gt;<br>\n<br>\nc</p>');
    expect(text).toContain('a <b>\n\nc');
  });

  test('text of the template that looks like a variable or an escape stays text', () => {
    const { html, text } = render({
      html: '<p>&#123;&#123;firstName}} \\ C:\\{{firstName}} {{link}}</p>',
      text: '\\{{firstName}} {{link}}',
    });
    expect(elementsOf(html.replace('<!doctype html>', '<html>'))[1]?.text).toBe(
      `{{firstName}} \\ C:{{firstName}} ${link}`,
    );
    expect(text).toBe(`{{firstName}} ${link}\n`);
  });

  test('is empty where there is nothing, and conditions say so', () => {
    const parts = { text: '{{#if message}}{{message}}{{else if firstName}}no text{{else}}nobody{{/if}} {{link}}' };
    expect(render(parts, { message: '' }).text).toBe(`no text ${link}\n`);
    expect(render(parts, { message: '', firstName: '' }).text).toBe(`nobody ${link}\n`);
    expect(
      render({ text: '{{#unless message}}none{{/unless}}{{^if message}}!{{/if}} {{link}}' }, { message: '' }).text,
    ).toBe(`none! ${link}\n`);
  });

  test('is the own property of that name, and no inherited one', () => {
    const values = Object.create({ firstName: 'inherited' }) as Record<string, string>;
    const { text } = compileTemplate('user-invitation', good)(Object.assign(values, { link }));
    expect(text).toBe(`Hello \n\n${link}\n`);
  });
});

test('a subject is one line, whatever is in a name', () => {
  expect(render({ subject: 'Hi\n{{firstName}}' }, { firstName: 'Eve\r\nBcc: x@evil.test\u202e' }).subject).toBe(
    'Hi Eve Bcc: x@evil.test',
  );
});
