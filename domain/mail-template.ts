import { randomBytes } from 'node:crypto';
import Handlebars from 'handlebars';
import { masks } from './mail-mask';
import {
  exampleOf,
  type MailParts,
  type MailTemplateName,
  type TemplateLocale,
  templateType,
  variable,
  type VariableName,
} from './mail-templates';
import type { TemplateFault, TemplateFaultCode, TemplateFaultValues } from './template-fault';
import { anyToken, cleanHtml, type Mark, shownTokens } from './template-html';

/**
 * Templates that organizations write are read as a small language: `{{variable}}`, `{{lines variable}}`,
 * `{{#if variable}}…{{else}}…{{/if}}` and `{{#unless}}`. Only strings are parsed, every node is looked at, and nothing is
 * known but the variables of the type, so that a template can neither run code nor reach anything. // decision 20
 */
export const templateLimits = { subject: 300, html: 100 * 1024, text: 100 * 1024, nodes: 1_000, depth: 20 };

/** What a filled-in part may have; mail programs cut long before. */
const largestPart = 1024 * 1024;
/** As long as a personal text or a report may be, and everything else. */
const longestValue = (name: VariableName): number => (name === 'message' || name === 'items' ? 5_000 : 300);

export type TemplatePart = keyof MailParts;
/** Of every variable of the type: '' where there is nothing to say. */
export type TemplateValues = Readonly<Record<string, string>>;

interface Loc {
  start: { line: number; column: number };
}

type Node = { loc: Loc } & (
  | { type: 'ContentStatement'; original: string }
  | { type: 'CommentStatement' }
  | { type: 'MustacheStatement'; path: Path; params: Path[]; hash?: unknown; escaped: boolean; strip: Strip }
  | {
      type: 'BlockStatement';
      path: Path;
      params: Path[];
      hash?: unknown;
      program?: Program;
      inverse?: Program;
      openStrip: Strip;
      inverseStrip?: Strip;
      closeStrip: Strip;
    }
  | { type: 'PartialStatement' | 'PartialBlockStatement' | 'Decorator' | 'DecoratorBlock' }
);

interface Program {
  body: Node[];
  blockParams?: string[];
  chained?: boolean;
}

interface Path {
  type: string;
  original: unknown;
  parts?: unknown[];
  data?: boolean;
  depth?: number;
  loc: Loc;
}

interface Strip {
  open: boolean;
  close: boolean;
}

/** Thrown by whatever reads a part, at the first thing that is wrong with it. */
class Refused extends Error {
  constructor(
    readonly code: TemplateFaultCode,
    readonly values: TemplateFaultValues,
    readonly line: number,
    readonly column: number,
  ) {
    super(code);
  }
}

class TooLarge extends Error {
  constructor(readonly part: 'html' | 'text') {
    super();
  }
}

/** Columns are counted from 1, as editors do. */
const refusedAt = ({ start }: Loc, code: TemplateFaultCode, values: TemplateFaultValues = {}): Refused =>
  new Refused(code, values, start.line, start.column + 1);

/** As it would be written. */
const written = (inside: string): string => `{{${inside}}}`;

export type FillTemplate = (values: TemplateValues) => MailParts;

export interface JudgedTemplate {
  faults: TemplateFault[];
  /** What fills it in; null: it has faults. */
  fill: FillTemplate | null;
}

const everyPart = ['subject', 'html', 'text'] as const;

/** Everything that is wrong with a template; nothing: it can be sent. Each part is read, and its HTML cleaned, once. // E3 */
export function judgeTemplate(name: MailTemplateName, parts: MailParts): JudgedTemplate {
  const prepared: Partial<Record<TemplatePart, Prepared>> = {};
  const faults = everyPart.flatMap((part) => {
    try {
      const read = preparePart(name, part, parts[part]);
      prepared[part] = read;
      return missingIn(name, part, read);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const { code, values, line, column } = error;
      return [{ part, code, values, line, column }];
    }
  });
  const { subject, html, text } = prepared;
  if (faults.length > 0 || !subject || !html || !text) return { faults, fill: null };
  const fill = fillingIn(name, { subject: subject.source, html: html.source, text: text.source });
  const failed = trialFault(name, fill);
  return failed ? { faults: [failed], fill: null } : { faults: [], fill };
}

export const checkTemplate = (name: MailTemplateName, parts: MailParts): TemplateFault[] =>
  judgeTemplate(name, parts).faults;

/** What the mail is for must be there, whatever the conditions. */
function missingIn(name: MailTemplateName, part: TemplatePart, { shows }: Prepared): TemplateFault[] {
  const { mandatory } = templateType(name);
  if (part === 'subject' || mandatory === null || shows(mandatory)) return [];
  const values = { variable: written(mandatory) };
  return [{ part, code: part === 'html' ? 'missingInHtml' : 'missingInText', values }];
}

/** What would fail is found out now: with all there may be to say, with nothing, and with as much as possible. */
function trialFault(name: MailTemplateName, fill: FillTemplate): TemplateFault | null {
  const { variables } = templateType(name);
  const values = (of: (variable: VariableName) => string) => Object.fromEntries(variables.map((one) => [one, of(one)]));
  const trials = [
    values((one) => exampleOf(name, one, 'en')),
    values((one) => (variable(one).optional ? '' : exampleOf(name, one, 'en'))),
    values((one) => (variable(one).kind === 'text' ? '&'.repeat(longestValue(one)) : exampleOf(name, one, 'en'))),
  ];
  for (const trial of trials) {
    try {
      if (fill(trial).subject === '') return { part: 'subject', code: 'emptySubject', values: {} };
    } catch (error) {
      return error instanceof TooLarge
        ? { part: error.part, code: 'tooLarge', values: {} }
        : { part: 'html', code: 'notFillable', values: {} };
    }
  }
  return null;
}

/**
 * @returns what fills a template in
 * @throws Error where it is none
 */
export const compileTemplate = (name: MailTemplateName, parts: MailParts): FillTemplate =>
  fillingIn(name, {
    subject: preparePart(name, 'subject', parts.subject).source,
    html: preparePart(name, 'html', parts.html).source,
    text: preparePart(name, 'text', parts.text).source,
  });

function fillingIn(name: MailTemplateName, sources: MailParts): FillTemplate {
  const { variables } = templateType(name);
  const compiled = {
    subject: compilePart('subject', sources.subject),
    html: compilePart('html', sources.html),
    text: compilePart('text', sources.text),
  };
  return (values) => {
    const known = Object.create(null) as Record<string, string>;
    for (const one of variables) known[one] = Object.hasOwn(values, one) ? String(values[one]) : '';
    const filled = {
      // A name may hold anything; a header may not.
      subject: oneLine(compiled.subject(known)),
      html: compiled.html(known).trim() + '\n',
      text: compiled.text(known).trim() + '\n',
    };
    for (const part of ['html', 'text'] as const) if (filled[part].length > largestPart) throw new TooLarge(part);
    return filled;
  };
}

/** The same HTML as it goes out, still with its variables: what an editor shows. */
export const cleanTemplate = (name: MailTemplateName, html: string): string => preparePart(name, 'html', html).source;

/** Values of the examples, for a look at a template. */
export const exampleValues = (name: MailTemplateName, locale: TemplateLocale): Record<string, string> =>
  Object.fromEntries(templateType(name).variables.map((one) => [one, exampleOf(name, one, locale)]));

const helpers = { if: true, unless: true, lines: true };
type CompilePart = (values: Record<string, string>) => string;

const environments = { html: environment(true), plain: environment(false) };

/** Nothing but the three helpers: a template that names another one is not even compiled. */
function environment(html: boolean): typeof Handlebars {
  const made = Handlebars.create();
  const { if: ifHelper, unless } = made.helpers;
  for (const name of Object.keys(made.helpers)) made.unregisterHelper(name);
  made.registerHelper({
    if: ifHelper as Handlebars.HelperDelegate,
    unless: unless as Handlebars.HelperDelegate,
    lines: (value: string) =>
      html ? new Handlebars.SafeString(Handlebars.escapeExpression(value).replaceAll('\n', '<br>\n')) : value,
  });
  return made;
}

function compilePart(part: TemplatePart, source: string): CompilePart {
  const of = part === 'html' ? environments.html : environments.plain;
  return of.compile(source, {
    strict: true,
    noEscape: part !== 'html',
    knownHelpersOnly: true,
    knownHelpers: helpers,
  });
}

interface Prepared {
  source: string;
  /** Whether people see a variable, whatever the conditions turn out to be. */
  shows: (name: VariableName) => boolean;
}

/** What is filled in, as far as that matters: a variable, or what a block holds in either case. */
export type Filled = { name: VariableName; token: string } | { either: [Filled[], Filled[]] };

/** Whether a variable is filled in whatever the conditions turn out to be. Asks of every place once at most. */
export const surely = (filled: Filled[], name: VariableName, isThere: (token: string) => boolean): boolean =>
  filled.some((one) =>
    'either' in one
      ? one.either.every((branch) => surely(branch, name, isThere))
      : one.name === name && isThere(one.token),
  );

/** @throws Refused with line and column */
function preparePart(name: MailTemplateName, part: TemplatePart, source: string): Prepared {
  const { walk, filled } = readPart(name, part, source);
  if (part !== 'html') return { source, shows: (one) => surely(filled, one, () => true) };
  const { html, misplaced } = cleanHtml(walk.marked.join(''), walk.marks);
  const [first] = misplaced;
  if (first) throw refusedAt({ start: first.mark.loc }, first.code);
  const cleaned = `<!doctype html>\n${withMarksReplaced(html, walk.marks)}`;
  assertSame(name, cleaned, walk.marks, html);
  // Only who judges a template asks; who fills it in need not look for what people see.
  let shown: ReadonlySet<string> | null = null;
  const isShown = (token: string): boolean => (shown ??= shownTokens(html, walk.marks)).has(token);
  // A link inside a comment or a script has gone with it.
  return { source: cleaned, shows: (one) => surely(filled, one, isShown) };
}

/** @throws Refused with line and column */
export function readPart(name: MailTemplateName, part: TemplatePart, source: string): { walk: Walk; filled: Filled[] } {
  // Also for rows that were written past the API: what is no string is no template.
  if (typeof source !== 'string') throw new Refused('noText', {}, 1, 1);
  const limit = templateLimits[part];
  if (Buffer.byteLength(source) > limit)
    throw part === 'subject'
      ? new Refused('subjectTooLong', { limit }, 1, 1)
      : new Refused('tooLong', { limit: limit / 1024 }, 1, 1);
  if (source.trim() === '') throw new Refused('empty', {}, 1, 1);
  // Before anything walks it: what is nested without end has as many beginnings.
  if (source.split('{{').length > templateLimits.nodes + 1)
    throw new Refused('tooManyNodes', { limit: templateLimits.nodes }, 1, 1);
  for (const mask of Object.values(masks)) {
    const before = source.split(mask, 2)[0] ?? '';
    if (before.length < source.length) throw literalFault(before, mask);
  }
  const walk = new Walk(name, part);
  const filled = walk.program(parse(source), 0);
  return { walk, filled };
}

/** In the mail log it would look like what is secret. */
function literalFault(before: string, mask: string): Refused {
  const lines = before.split(/\r\n?|\n/);
  const column = (lines.at(-1) ?? '').length + 1;
  return new Refused('mask', { mask }, lines.length, column);
}

const styleSheets = /(<style\b[^>]*>[^<]*<\/style>)/i;

function withMarksReplaced(html: string, marks: readonly Mark[]): string {
  // Braces that are left were text, and stay text: none may come to stand beside a variable and change what it is. Style
  // sheets, which know no such escapes, hold no variables. A backslash before a variable would disarm it.
  const literal = html
    .split(styleSheets)
    .map((piece, index) =>
      index % 2 === 1
        ? piece.replace(/\{(?=\{)/g, '{ ')
        : piece.replaceAll('{', '&#123;').replaceAll('}', '&#125;').replaceAll('\\', '&#92;'),
    )
    .join('');
  const sources = new Map(marks.map(({ token, source }) => [token, source]));
  return literal.replace(anyToken, (token) => sources.get(token) ?? token);
}

/** What is compiled is read once more: it must be made of what was looked at, and of nothing else. */
function assertSame(name: MailTemplateName, cleaned: string, marks: readonly Mark[], html: string): void {
  const known = new Map(marks.map((mark) => [mark.token, mark]));
  const expected = [...html.matchAll(anyToken)].flatMap(([token]) => known.get(token) ?? []);
  let found: readonly Mark[] | null = null;
  try {
    const walk = new Walk(name, 'html');
    walk.program(parse(cleaned), 0);
    found = walk.marks;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
  }
  const wrong = expected.findIndex(({ source }, index) => source !== found?.[index]?.source);
  if (wrong === -1 && expected.length === found?.length) return;
  const { loc } = expected[Math.max(wrong, 0)] ?? { loc: { line: 1, column: 0 } };
  throw refusedAt({ start: loc }, 'ambiguous');
}

/** Looks at every node: what is not on the list is refused. Notes where what stands, for the HTML to be cleaned around it. */
class Walk {
  readonly marked: string[] = [];
  readonly marks: Mark[] = [];
  private readonly nonce = `u${randomBytes(8).toString('hex')}x`;

  constructor(
    private readonly name: MailTemplateName,
    private readonly part: TemplatePart,
  ) {}

  program({ body, blockParams }: Program, depth: number): Filled[] {
    if (depth > templateLimits.depth && body[0])
      throw refusedAt(body[0].loc, 'tooDeep', { limit: templateLimits.depth });
    if (blockParams && blockParams.length > 0 && body[0]) throw refusedAt(body[0].loc, 'blockParameters');
    return body.flatMap((node) => this.node(node, depth));
  }

  private node(node: Node, depth: number): Filled[] {
    switch (node.type) {
      case 'ContentStatement':
        this.marked.push(node.original);
        return [];
      case 'CommentStatement':
        return [];
      case 'MustacheStatement':
        return [this.mustache(node)];
      case 'BlockStatement':
        return this.block(node, depth);
      case 'PartialStatement':
      case 'PartialBlockStatement':
        throw refusedAt(node.loc, 'partial');
      default:
        throw refusedAt(node.loc, 'unknownTag', { if: written('#if'), unless: written('#unless') });
    }
  }

  private mustache(node: Node & { type: 'MustacheStatement' }): Filled {
    if (!node.escaped) throw refusedAt(node.loc, 'unescaped', { example: written('name') });
    const [argument, ...more] = node.params;
    if (argument || node.hash !== undefined) {
      const helper = String(node.path.original);
      if (helper !== 'lines') throw refusedAt(node.loc, 'unknownHelper', { helper: helper.slice(0, 50) });
      if (!argument || more.length > 0 || node.hash !== undefined)
        throw refusedAt(node.loc, 'linesArgument', { example: written('lines message') });
      if (this.part === 'subject') throw refusedAt(node.loc, 'linesInSubject');
    }
    const name = this.variable(argument ?? node.path);
    if (this.part === 'subject' && (name === 'link' || name === 'code')) throw refusedAt(node.loc, 'secretInSubject');
    const { open, close } = node.strip;
    const source = `{{${open ? '~' : ''}${argument ? 'lines ' : ''}${name}${close ? '~' : ''}}}`;
    // Line breaks become elements, which an attribute cannot have.
    return { name, token: this.mark(source, node.loc, argument ? 'block' : variable(name).kind) };
  }

  private block(node: Node & { type: 'BlockStatement' }, depth: number): Filled[] {
    const helper = String(node.path.original);
    if (helper !== 'if' && helper !== 'unless')
      throw refusedAt(node.loc, 'unknownBlock', { block: helper.slice(0, 50) });
    const [condition, ...more] = node.params;
    if (!condition || more.length > 0 || node.hash !== undefined)
      throw refusedAt(node.loc, 'blockArgument', { block: helper, example: written(`#${helper} message`) });
    const name = this.variable(condition);
    const braces = (strip: Strip | undefined, inner: string) =>
      `{{${strip?.open ? '~' : ''}${inner}${strip?.close ? '~' : ''}}}`;
    this.mark(braces(node.openStrip, `#${helper} ${name}`), node.loc, 'block');
    const then = node.program ? this.program(node.program, depth + 1) : [];
    let otherwise: Filled[] = [];
    if (node.inverse) {
      this.mark(braces(node.inverse.chained ? undefined : node.inverseStrip, 'else'), node.loc, 'block');
      otherwise = this.program(node.inverse, depth + 1);
    }
    this.mark(braces(node.closeStrip, `/${helper}`), node.loc, 'block');
    // What is never empty is no condition.
    if (!variable(name).optional) return helper === 'if' ? then : otherwise;
    return [{ either: [then, otherwise] }];
  }

  private variable(path: Path): VariableName {
    const { parts = [], data, depth, original } = path;
    const plain = path.type === 'PathExpression' && !data && depth === 0 && parts.length === 1 && parts[0] === original;
    const { variables } = templateType(this.name);
    const name = plain && variables.find((one) => one === original);
    if (name) return name;
    const known = variables.join(', ');
    if (typeof original !== 'string') throw refusedAt(path.loc, 'noVariable', { known });
    throw refusedAt(path.loc, 'unknownVariable', { variable: original.slice(0, 50), known });
  }

  private mark(source: string, { start }: Loc, kind: Mark['kind']): string {
    const token = `${this.nonce}${this.marks.length}z`;
    this.marks.push({ token, kind, source, loc: start });
    this.marked.push(token);
    return token;
  }
}

/** @throws Refused */
function parse(source: string): Program {
  try {
    // Not `parse`: that has moved white space already, and compiling does so once more.
    return Handlebars.parseWithoutProcessing(source) as unknown as Program;
  } catch (error) {
    throw syntaxFault(source, error as Error & { lineNumber?: number; column?: number });
  }
}

/** In our words: those of the parser name its own tokens. */
function syntaxFault(source: string, error: Error & { lineNumber?: number; column?: number }): Refused {
  if (error.lineNumber !== undefined && error.column !== undefined) {
    const [, open, close] = /^(\S+) doesn't match (\S+)/.exec(error.message) ?? [];
    const at = { start: { line: error.lineNumber, column: error.column } };
    if (open === undefined || close === undefined) return refusedAt(at, 'notUnderstood');
    const values = { open: written(`#${open.slice(0, 50)}`), close: written(`/${close.slice(0, 50)}`) };
    return refusedAt(at, 'closedByAnother', values);
  }
  const [first = '', shown = '', pointer = ''] = error.message.split('\n');
  const line = Number(/line (\d+)/.exec(first)?.[1] ?? 1);
  const before = shown.slice(0, pointer.length - 1).replace(/^\.\.\./, '');
  const after = shown.slice(pointer.length - 1).replace(/\.\.\.$/, '');
  return /got 'EOF'/.test(error.message)
    ? new Refused('unfinished', {}, line, lastColumn(source, line))
    : new Refused('notUnderstood', {}, line, columnOf(source, line, before, after));
}

const lineOf = (source: string, line: number): string => source.split(/\r\n?|\n/)[line - 1] ?? '';

const lastColumn = (source: string, line: number): number => lineOf(source, line).length + 1;

/** The parser shows what is around the fault without its line breaks, and says the line only. */
function columnOf(source: string, line: number, before: string, after: string): number {
  const text = lineOf(source, line);
  for (let at = 0; at <= text.length; at += 1) {
    const [left, right] = [text.slice(0, at), text.slice(at)];
    const leftFits = before.endsWith(left) || left.endsWith(before);
    const rightFits = after.startsWith(right) || right.startsWith(after);
    if (leftFits && rightFits) return at + 1;
  }
  return 1;
}

// Marks that turn the direction of text could make a name read as another sentence; U+2028/9 break lines in some readers.
const hostileMarks = /[\u202a-\u202e\u2066-\u2069]/g;

/** One line: control characters and line breaks become spaces. */
export function oneLine(value: string | null): string {
  return (value ?? '')
    .replace(hostileMarks, '')
    .replace(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .trim();
}

/** Text with its line breaks (as `\n`) and without other control characters. */
export function paragraphs(value: string | null): string {
  return (value ?? '')
    .replace(hostileMarks, '')
    .replace(/\r\n?|[\u2028\u2029]/g, '\n')
    .replace(/[^\P{Cc}\n]+/gu, ' ')
    .trim();
}
