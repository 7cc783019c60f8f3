import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import i18next from 'i18next';
import { mailTypes } from '../../activities/email/mail-types';
import { templateVariables } from '../../domain/mail-templates';
import { knownReason, mailReason, type MailReason, mailReasons } from '../../domain/mail-reason';
import { problems } from '../../domain/problem';
import { templateFaultCodes } from '../../domain/template-fault';
import { formatInstant, hasText, locales, pickLocale, translator } from '../../i18n';
import de from '../../i18n/de.json';
import en from '../../i18n/en.json';

const catalogues = { en: flatten(en), de: flatten(de) };
const root = join(__dirname, '..', '..');

describe('the catalogue', () => {
  it('has the same keys in every language', () => {
    expect([...catalogues.de.keys()].sort()).toEqual([...catalogues.en.keys()].sort());
  });

  it.each(locales)('has no empty text in %s', (locale) => {
    const empty = [...catalogues[locale]].filter(([, text]) => text.trim() === '' || text !== text.trim());
    // The one text that ends in a space is put in front of another.
    expect(empty.map(([key]) => key)).toEqual(['common.errorPrefix']);
  });

  it('uses the same variables in every language', () => {
    for (const [key, text] of catalogues.en) {
      expect({ key, variables: variables(catalogues.de.get(key) ?? '') }).toEqual({ key, variables: variables(text) });
    }
  });

  it('has every text that a template names', () => {
    const missing = templates().flatMap(({ file, source }) =>
      [...source.matchAll(/[{(]t "([^"]+)"/g)].map(([, key]) => `${file}: ${key}`).filter((use) => !known(use)),
    );
    expect(missing).toEqual([]);
    function known(use: string): boolean {
      const key = use.split(': ')[1] ?? '';
      return locales.every((locale) => hasText(locale, key));
    }
  });

  it('has texts below every key that a template puts together', () => {
    const prefixes = templates().flatMap(({ source }) =>
      [...source.matchAll(/\(key "([^"]+)"/g)].map(([, key]) => key ?? ''),
    );
    expect(prefixes).not.toHaveLength(0);
    const keys = [...catalogues.en.keys()];
    expect(prefixes.filter((prefix) => !keys.some((key) => key.startsWith(`${prefix}.`)))).toEqual([]);
  });

  it('has the words of every type of mail', () => {
    const words = [
      'subject.named',
      'subject.anonymous',
      'preheader',
      'heading',
      'intro.named',
      'intro.anonymous',
      'button',
    ];
    const missing = Object.keys(mailTypes).flatMap((type) =>
      words.map((word) => `mail.${type}.${word}`).filter((key) => !hasText('en', key)),
    );
    expect(missing).toEqual([]);
  });

  it('has words for every reason of our own in the mail log, which knows them again', () => {
    expect(mailReasons.filter((code) => !hasText('en', `mail.reasons.${code}`))).toEqual([]);
    const values = { day: '2026-11-25', code: 'ECONNRESET', status: 'cancelled', words: '451 (4.3.0) Later?' };
    const written = (code: MailReason) => mailReason(...([code, values] as unknown as ['deadline']));
    for (const code of mailReasons) expect(knownReason(written(code))).toMatchObject({ code });
    expect(knownReason(written('delayed'))?.values).toEqual({ words: values.words });
    expect(knownReason(`550 ${written('deadline')}`)).toBeNull();
  });

  it('tells people what was refused, and what to do, without words of programmers', () => {
    const jargon =
      /\b(e-?tag|idempoten\w*|scopes?|locales?|cursor|payload|endpoint|json|uuid|iso 8601|http|header|P\d+[DW]|PT\d+[HMS]|Datensatz|Blättermarke|Idempotenz\w*)\b/i;
    const found = Object.entries(catalogues).flatMap(([locale, texts]) =>
      [...texts]
        .filter(([key, text]) => /^(errors|fields|pages|console)\./.test(key) && jargon.test(text))
        .map(([key, text]) => `${locale} ${key}: ${text}`),
    );
    expect(found).toEqual([]);
  });

  it('says what to do about everything that a form of the console can be refused for', () => {
    const asked = ['BAD_INPUT', 'FORBIDDEN', 'NOT_FOUND', 'NO_SEAT', 'PRECONDITION_FAILED', 'TOO_LARGE', 'BAD_CURSOR'];
    const of409 = Object.entries(problems).flatMap(([code, [status]]) => (status === 409 ? [code] : []));
    expect([...asked, ...of409].filter((code) => !hasText('en', `console.help.${code}`))).toEqual([]);
  });

  it('has the words of everything that can be wrong with a template, and of everything that one may say', () => {
    const keys = [
      ...templateFaultCodes.map((code) => `templateFaults.${code}`),
      ...Object.keys(templateVariables).map((name) => `console.templates.meanings.${name}`),
    ];
    expect(keys.filter((key) => !hasText('en', key))).toEqual([]);
    expect(Object.keys(en.templateFaults).sort()).toEqual(['at', 'detail', ...templateFaultCodes].sort());
  });

  it('has a title for every problem, in English the one that the API answers', () => {
    const titles = Object.fromEntries(Object.entries(problems).map(([code, [, title]]) => [code, title]));
    expect(en.errors).toEqual(titles);
  });
});

describe('translator', () => {
  it('shows values literally: no markup is escaped, no code in them runs', () => {
    const hostile = '{{inviterName}} $t(language) $& <b>&amp;</b>';
    const text = translator('en')('pages.registration.title', { organizationName: hostile, inviterName: 'x' });
    expect(text).toBe(`Join ${hostile}`);
  });

  it('says to the letter what the library would say', () => {
    const library = i18next.createInstance();
    void library.init({
      ...{ initAsync: false, supportedLngs: locales, fallbackLng: 'en', nsSeparator: false },
      resources: { en: { translation: en }, de: { translation: de } },
      interpolation: { escapeValue: false, skipOnVariables: true },
    });
    const values = [
      'Ada',
      '',
      '{{link}} {{organizationName}} {{{name}}} $t(language) $& $1 $$ \\ <b>&amp;\n\u202e',
      3,
      0,
      null,
      undefined,
    ];
    const wrong = locales.flatMap((locale) =>
      [...catalogues[locale]].flatMap(([key, text]) =>
        [...values, 'mixed', 'none'].flatMap((value) => {
          const names = value === 'none' ? [] : variables(text).map((name) => name.replace(/[{}\s]/g, ''));
          const given = Object.fromEntries(
            names.map((name, index) => [name, value === 'mixed' ? values[index % values.length] : value]),
          );
          const expected = library.t(key, { lng: locale, replace: given, nest: false });
          return translator(locale)(key, given) === expected ? [] : [{ locale, key, value }];
        }),
      ),
    );
    expect(wrong).toEqual([]);
  });

  it('answers an unknown key with itself, but no test gets past one', () => {
    expect(() => translator('de')('pages.nothing.here')).toThrow('pages.nothing.here');
    process.env.NODE_ENV = 'production';
    try {
      expect(translator('de')('pages.nothing.here')).toBe('pages.nothing.here');
    } finally {
      process.env.NODE_ENV = 'test';
    }
  });

  it('is not confused by variables named like options of the library', () => {
    expect(translator('en')('language', { lng: 'de', context: 'x', defaultValue: 'y' })).toBe('English');
  });
});

describe('pickLocale', () => {
  it.each([
    [['de-AT'], 'de'],
    [['DE_ch'], 'de'],
    [[null, undefined, '', 'de'], 'de'],
    [['fr', 'de'], 'de'],
    [['fr-FR,de;q=0.8,en;q=0.9'], 'en'],
    [['en;q=0, de'], 'de'],
    [['*'], 'en'],
    [['../../etc'], 'en'],
    [[], 'en'],
  ] as const)('picks from %j the language %s', (candidates, expected) => {
    expect(pickLocale(...candidates)).toBe(expected);
  });
});

describe('formatInstant', () => {
  const winter = new Date('2026-12-21T13:05:00Z');
  const summer = new Date('2026-07-01T22:30:00Z');

  it.each([
    [winter, 'en', 'Europe/Berlin', '21 December 2026 at 14:05 (Europe/Berlin, GMT+1)'],
    [winter, 'de', 'Europe/Berlin', '21. Dezember 2026 um 14:05 Uhr (Europe/Berlin, GMT+1)'],
    [summer, 'en', 'Europe/Berlin', '2 July 2026 at 00:30 (Europe/Berlin, GMT+2)'],
    [summer, 'en', 'Asia/Kolkata', '2 July 2026 at 04:00 (Asia/Kolkata, GMT+5:30)'],
    [winter, 'en', 'Europe/London', '21 December 2026 at 13:05 (Europe/London, GMT)'],
    [winter, 'en', 'UTC', '21 December 2026 at 13:05 (UTC)'],
    [winter, 'de', 'Atlantis/Capital', '21. Dezember 2026 um 13:05 Uhr (UTC)'],
  ] as const)('tells %s in %s and %s as "%s"', (date, locale, timeZone, expected) => {
    expect(formatInstant(date, locale, timeZone)).toBe(expected);
  });
});

function flatten(node: object, path: string[] = []): Map<string, string> {
  return new Map(
    Object.entries(node).flatMap(([name, value]: [string, unknown]) =>
      typeof value === 'string'
        ? [[[...path, name].join('.'), value] as [string, string]]
        : [...flatten(value as object, [...path, name])],
    ),
  );
}

function variables(text: string): string[] {
  return [...new Set([...text.matchAll(/\{\{\s*([^}\s]+)\s*\}\}/g)].map(([, name]) => name ?? ''))].sort();
}

function templates(): { file: string; source: string }[] {
  const folders = [
    'api/views',
    'api/views/partials',
    'api/views/console',
    'api/views/console/partials',
    'activities/email/templates',
  ];
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((file) => file.endsWith('.hbs'))
      .map((file) => ({ file: join(folder, file), source: readFileSync(join(root, folder, file), 'utf8') })),
  );
}
