import { createMailTemplates } from '../../activities/email/mail-templates';
import { renderExample } from '../../activities/email/render';
import { checkTemplate, compileTemplate, exampleValues } from '../../domain/mail-template';
import {
  type MailTemplateName,
  templateLocales,
  type TemplateLocale,
  templateType,
  variable,
  type VariableName,
} from '../../domain/mail-templates';
import { locales } from '../../i18n';
import { elementsOf } from '../support/html';

const templates = createMailTemplates('https://usher.test');
const cases = templates.types.flatMap((type) =>
  locales.map((locale) => [type, locale] as [MailTemplateName, TemplateLocale]),
);
const words = (html: string) => {
  const [, ...elements] = elementsOf(html.replace(/<!doctype html>/i, ''));
  const body = elements.find(({ name }) => name === 'body');
  return (body?.text ?? '').replace(/\s+/g, ' ').trim();
};

test('there are templates for the languages that we speak', () => {
  expect([...templateLocales]).toEqual([...locales]);
  expect(templates.types.length).toBeGreaterThanOrEqual(9);
});

describe.each(cases)('the built-in %s in %s', (type, locale) => {
  const builtIn = templates.builtIn(type, locale);
  const full = exampleValues(type, locale);
  const without = Object.fromEntries(
    Object.entries(full).map(([name, value]) => [name, variable(name as VariableName).optional ? '' : value]),
  );

  test('is a template that could be saved', () => {
    expect(checkTemplate(type, builtIn)).toEqual([]);
  });

  test.each([
    ['all there is to say', { ...full, ...(full['items'] !== undefined && { items: 'One thing.\nAnother one.' }) }],
    [
      'nothing that may be missing',
      { ...without, organizationName: 'Acme', personName: 'Grace', newAddress: 'a@b.test' },
    ],
  ])('says the same saved as it is, with %s', (_, values) => {
    const original = renderExample(type, locale, null, values);
    const copy = compileTemplate(type, builtIn)(values);
    expect({ ...copy, html: words(copy.html) }).toEqual({ ...original, html: words(original.html) });
    expect(words(original.html).length).toBeGreaterThan(100);
    for (const part of Object.values(original)) expect(part).not.toMatch(/\{\{|\bmail\.[a-z-]+|undefined|null/);
  });

  test('is written in one hand', () => {
    for (const values of [full, without]) {
      const { subject, text } = renderExample(type, locale, null, values);
      expect(text).not.toMatch(/\n{3}/);
      expect(`${subject}\n${text}`).not.toMatch(locale === 'de' ? /(?<!-)\bMails?\b/ : /\bmails?\b|at \d+ [A-Z]/);
    }
  });

  test('stays below the size at which mail programs cut', () => {
    expect(Buffer.byteLength(renderExample(type, locale, null, full).html)).toBeLessThan(100 * 1024);
  });

  test('carries what the mail is for in both parts', () => {
    const { mandatory, variables } = templateType(type);
    const { html, text } = renderExample(type, locale, null, full);
    if (mandatory) for (const part of [html, text]) expect(part).toContain(full[mandatory]);
    else if (!variables.includes('link')) expect(html).not.toContain('class="button"');
    else for (const part of [html, text]) expect(part).toContain(full['link']);
  });
});
