import { join } from 'node:path';
import Handlebars from 'handlebars';
import { formatShort, type Locale } from '../../i18n';
import { compileOptions, registerWith, templateSources, viewsFolder } from '../pages/render';
import { glyph, glyphSheet } from './glyphs';
import type { Frame } from './page';

/** A screen of the console as a function of what it shows. Values are plain text: the template escapes them all. */
export type View<Data extends object> = (frame: Frame, data: Data) => string;

type HelperOptions = Omit<Handlebars.HelperOptions, 'data'> & { data: { locale: Locale; frame: Frame } };

const helpers = {
  /** `{{when instant}}`: an instant as people of the organization read it; nothing for null. */
  when: (value: Date | string | null, options: HelperOptions): Handlebars.SafeString | string => {
    if (value === null) return '';
    const date = new Date(value);
    const text = formatShort(date, options.data.locale, options.data.frame.timeZone);
    // Both parts are made of digits and names of months.
    return new Handlebars.SafeString(
      `<time datetime="${date.toISOString()}">${Handlebars.escapeExpression(text)}</time>`,
    );
  },
  glyph: (shape: string): Handlebars.SafeString => new Handlebars.SafeString(glyph(shape)),
  glyphSheet: (): Handlebars.SafeString => new Handlebars.SafeString(glyphSheet),
  or: (...parts: unknown[]): unknown => parts.slice(0, -1).find(Boolean) ?? null,
  not: (value: unknown): boolean => !value,
  has: (list: readonly unknown[], value: unknown): boolean => list.includes(value),
};

const folder = join(viewsFolder, 'console');
const environment = Handlebars.create();
registerWith(environment);
environment.registerHelper(helpers);
for (const [name, source] of templateSources(join(folder, 'partials'))) environment.registerPartial(name, source);
const sources = new Map(templateSources(folder));
const options = {
  ...compileOptions,
  knownHelpers: {
    ...compileOptions.knownHelpers,
    ...Object.fromEntries(Object.keys(helpers).map((name) => [name, true])),
  },
};

/** The view of `views/console/<name>.hbs`. Templates are strict: a field that they read must be there, if only as null. */
export function consoleView<Data extends object>(name: string): View<Data> {
  const template = compile<Data>(name);
  const refreshesItself = sources.get(name)?.includes('data-live=') ?? false;
  return (frame, data) => template(data, { data: { locale: frame.locale, frame, refreshesItself } });
}

/** One that stands within a screen, and may be shown to somebody who sees no screen any more: nothing surrounds it. */
export function frameView<Data extends object>(name: string): (locale: Locale, data: Data) => string {
  const template = compile<Data>(name);
  return (locale, data) => template(data, { data: { locale } });
}

function compile<Data extends object>(name: string): Handlebars.TemplateDelegate<Data> {
  const source = sources.get(name);
  if (source === undefined) throw new Error(`The template of the view ${name} is missing in ${folder}.`);
  return environment.compile<Data>(source, options);
}
