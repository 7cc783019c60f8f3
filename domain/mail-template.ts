import { randomBytes } from 'node:crypto';
import Handlebars from 'handlebars';
import {
  exampleOf,
  type MailParts,
  type MailTemplateName,
  type TemplateLocale,
  templateType,
  variable,
  type VariableName,
} from './mail-templates';
import type { FieldError } from './problem';
import { cleanHtml, type Mark } from './template-html';

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

class TemplateFault extends Error {
  constructor(
    message: string,
    readonly line: number,
    readonly column: number,
  ) {
    super(message);
  }
}

/** Columns are counted from 1, as editors do. */
const faultAt = (message: string, { start }: Loc): TemplateFault =>
  new TemplateFault(message, start.line, start.column + 1);

/** Everything that is wrong with a template; nothing: it can be sent. // E3 */
export function checkTemplate(name: MailTemplateName, parts: MailParts): FieldError[] {
  const faults = (['subject', 'html', 'text'] as const).flatMap((part) => {
    try {
      const { contains } = preparePart(name, part, parts[part]);
      const { mandatory } = templateType(name);
      if (part === 'subject' || mandatory === null || contains(mandatory)) return [];
      return [{ pointer: `/${part}`, message: `Must contain {{${mandatory}}}, whatever the conditions.` }];
    } catch (error) {
      if (!(error instanceof TemplateFault)) throw error;
      const { line, column } = error;
      return [{ pointer: `/${part}`, message: `Line ${line}, column ${column}: ${error.message}`, line, column }];
    }
  });
  return faults.length > 0 ? faults : trialFaults(name, parts);
}

/** What would fail is found out now: with all there may be to say, with nothing, and with as much as possible. */
function trialFaults(name: MailTemplateName, parts: MailParts): FieldError[] {
  const { variables } = templateType(name);
  const values = (of: (variable: VariableName) => string) => Object.fromEntries(variables.map((one) => [one, of(one)]));
  const trials = [
    values((one) => exampleOf(one, 'en')),
    values((one) => (variable(one).optional ? '' : exampleOf(one, 'en'))),
    values((one) => (variable(one).kind === 'text' ? '&'.repeat(longestValue(one)) : exampleOf(one, 'en'))),
  ];
  const render = compileTemplate(name, parts);
  for (const trial of trials) {
    try {
      const { subject } = render(trial);
      if (subject === '') return [{ pointer: '/subject', message: 'Would be empty where a name is not known.' }];
    } catch (error) {
      return [{ pointer: '/html', message: error instanceof Error ? error.message : 'Cannot be filled in.' }];
    }
  }
  return [];
}

/**
 * @returns what fills a template in
 * @throws Error where it is none
 */
export function compileTemplate(name: MailTemplateName, parts: MailParts): (values: TemplateValues) => MailParts {
  const { variables } = templateType(name);
  const compiled = {
    subject: compilePart('subject', preparePart(name, 'subject', parts.subject).source),
    html: compilePart('html', preparePart(name, 'html', parts.html).source),
    text: compilePart('text', preparePart(name, 'text', parts.text).source),
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
    if (filled.html.length > largestPart || filled.text.length > largestPart)
      throw new Error('Would be larger than a megabyte: use long variables less often.');
    return filled;
  };
}

/** The same HTML as it goes out, still with its variables: what an editor shows. */
export const cleanTemplate = (name: MailTemplateName, html: string): string => preparePart(name, 'html', html).source;

/** Values of the examples, for a look at a template. */
export const exampleValues = (name: MailTemplateName, locale: TemplateLocale): Record<string, string> =>
  Object.fromEntries(templateType(name).variables.map((one) => [one, exampleOf(one, locale)]));

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
  /** Whether a variable is filled in, whatever the conditions turn out to be. */
  contains: (name: VariableName) => boolean;
}

/** What is filled in, as far as that matters: a variable, or what a block holds in either case. */
type Filled = { name: VariableName; token: string } | { either: [Filled[], Filled[]] };

const surely = (filled: Filled[], name: VariableName, isThere: (token: string) => boolean): boolean =>
  filled.some((one) =>
    'either' in one
      ? one.either.every((branch) => surely(branch, name, isThere))
      : one.name === name && isThere(one.token),
  );

/** @throws TemplateFault with line and column */
function preparePart(name: MailTemplateName, part: TemplatePart, source: string): Prepared {
  // Also for rows that were written past the API: what is no string is no template.
  if (typeof source !== 'string') throw new TemplateFault('Must be a text.', 1, 1);
  const limit = templateLimits[part];
  if (Buffer.byteLength(source) > limit)
    throw new TemplateFault(part === 'subject' ? `May have at most ${limit} bytes.` : 'May have at most 100 KB.', 1, 1);
  if (source.trim() === '') throw new TemplateFault('Must not be empty.', 1, 1);
  // Before anything walks it: what is nested without end has as many beginnings.
  if (source.split('{{').length > templateLimits.nodes + 1)
    throw new TemplateFault(`May have at most ${templateLimits.nodes} variables and blocks.`, 1, 1);
  const program = parse(source);
  const walk = new Walk(name, part);
  const filled = walk.program(program, 0);
  if (part !== 'html') return { source, contains: (one) => surely(filled, one, () => true) };
  const { html, misplaced } = cleanHtml(walk.marked.join(''), walk.marks);
  const [first] = misplaced;
  if (first) throw new TemplateFault(first.message, first.mark.loc.line, first.mark.loc.column + 1);
  return {
    source: `<!doctype html>\n${withMarksReplaced(html, walk.marks)}`,
    // A link inside a comment or a script has gone with it.
    contains: (one) => surely(filled, one, (token) => html.includes(token)),
  };
}

function withMarksReplaced(html: string, marks: readonly Mark[]): string {
  // What looks like a variable by now was text, and stays text; a backslash before a variable would disarm it.
  let literal = html.replaceAll('{{', '&#123;&#123;').replaceAll('\\', '&#92;');
  for (const { token, source } of marks) literal = literal.replaceAll(token, () => source);
  return literal;
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
      throw faultAt(`Blocks may be nested ${templateLimits.depth} deep at most.`, body[0].loc);
    if (blockParams && blockParams.length > 0 && body[0])
      throw faultAt('Blocks have no parameters of their own.', body[0].loc);
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
        return [this.block(node, depth)];
      case 'PartialStatement':
      case 'PartialBlockStatement':
        throw faultAt('Templates include no others.', node.loc);
      default:
        throw faultAt('Only variables, {{#if}} and {{#unless}} are known.', node.loc);
    }
  }

  private mustache(node: Node & { type: 'MustacheStatement' }): Filled {
    if (!node.escaped) throw faultAt('Write {{name}} with two braces: nothing is filled in as HTML.', node.loc);
    const [argument, ...more] = node.params;
    if (argument || node.hash !== undefined) {
      const helper = String(node.path.original);
      if (helper !== 'lines') throw faultAt(`There is no helper ${helper.slice(0, 50)}: only lines.`, node.loc);
      if (!argument || more.length > 0 || node.hash !== undefined)
        throw faultAt('lines takes one variable: {{lines message}}.', node.loc);
      if (this.part === 'subject') throw faultAt('A subject has one line.', node.loc);
    }
    const name = this.variable(argument ?? node.path);
    const { open, close } = node.strip;
    const source = `{{${open ? '~' : ''}${argument ? 'lines ' : ''}${name}${close ? '~' : ''}}}`;
    // Line breaks become elements, which an attribute cannot have.
    return { name, token: this.mark(source, node.loc, argument ? 'block' : variable(name).kind) };
  }

  private block(node: Node & { type: 'BlockStatement' }, depth: number): Filled {
    const helper = String(node.path.original);
    if (helper !== 'if' && helper !== 'unless')
      throw faultAt(`There is no block ${helper.slice(0, 50)}: only #if and #unless.`, node.loc);
    const [condition, ...more] = node.params;
    if (!condition || more.length > 0 || node.hash !== undefined)
      throw faultAt(`#${helper} takes one variable: {{#${helper} message}}.`, node.loc);
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
    return { either: helper === 'if' && !variable(name).optional ? [then, then] : [then, otherwise] };
  }

  private variable(path: Path): VariableName {
    const { parts = [], data, depth, original } = path;
    const plain = path.type === 'PathExpression' && !data && depth === 0 && parts.length === 1 && parts[0] === original;
    const { variables } = templateType(this.name);
    const name = plain && variables.find((one) => one === original);
    if (name) return name;
    const shown = typeof original === 'string' ? original.slice(0, 50) : 'of that kind';
    throw faultAt(`There is no variable ${shown} here. Known are: ${variables.join(', ')}.`, path.loc);
  }

  private mark(source: string, { start }: Loc, kind: Mark['kind']): string {
    const token = `${this.nonce}${this.marks.length}z`;
    this.marks.push({ token, kind, source, loc: start });
    this.marked.push(token);
    return token;
  }
}

/** @throws TemplateFault */
function parse(source: string): Program {
  try {
    // Not `parse`: that has moved white space already, and compiling does so once more.
    return Handlebars.parseWithoutProcessing(source) as unknown as Program;
  } catch (error) {
    throw syntaxFault(source, error as Error & { lineNumber?: number; column?: number });
  }
}

/** In our words: those of the parser name its own tokens. */
function syntaxFault(source: string, error: Error & { lineNumber?: number; column?: number }): TemplateFault {
  if (error.lineNumber !== undefined && error.column !== undefined)
    return new TemplateFault(error.message.replace(/ - \d+:\d+$/, '.'), error.lineNumber, error.column + 1);
  const [first = '', shown = '', pointer = ''] = error.message.split('\n');
  const line = Number(/line (\d+)/.exec(first)?.[1] ?? 1);
  const before = shown.slice(0, pointer.length - 1).replace(/^\.\.\./, '');
  const after = shown.slice(pointer.length - 1).replace(/\.\.\.$/, '');
  const unfinished = /got 'EOF'/.test(error.message);
  const message = unfinished ? 'Something is not closed before the end.' : 'Is not understood here.';
  return new TemplateFault(
    message,
    line,
    unfinished ? lastColumn(source, line) : columnOf(source, line, before, after),
  );
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
