import sanitizeHtml from 'sanitize-html';
import type { TemplateFaultCode } from './template-fault';

/** What stands for a variable or for one end of a block while HTML is cleaned. */
export interface Mark {
  /** How it looks in the HTML: letters and digits that nothing else has. */
  token: string;
  kind: 'text' | 'address' | 'colour' | 'block';
  /** Where it stood in the template. */
  loc: { line: number; column: number };
  source: string;
}

/** Every mark of every template. */
export const anyToken = /u[0-9a-f]{16}x\d+z/g;

export interface Misplaced {
  mark: Mark;
  code: TemplateFaultCode;
}

const tables = ['table', 'caption', 'colgroup', 'col', 'thead', 'tbody', 'tfoot', 'tr', 'td', 'th'];
const blocks = [
  ...['html', 'head', 'body', 'meta', 'title', 'style', 'div', 'p', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'br'],
  ...['blockquote', 'pre', 'ul', 'ol', 'li', 'dl', 'dt', 'dd', 'center', 'article', 'section', 'header', 'footer'],
  ...['main', 'figure', 'figcaption', 'address'],
];
const inline = [
  ...['a', 'img', 'span', 'b', 'strong', 'i', 'em', 'u', 's', 'small', 'sub', 'sup', 'code', 'mark', 'abbr', 'q'],
  ...['cite', 'time', 'font', 'bdi', 'bdo', 'wbr', 'del', 'ins'],
];

/** Also what hides such a thing from a reader: escapes and comments. */
const unsafeCss =
  /url\s*\(|image-set|expression|@import|@charset|@namespace|behaviou?r\s*:|-moz-binding|javascript:|\\|\/\*|</i;

const withoutUnsafe = (style: string): string =>
  style
    .split(';')
    .filter((declaration) => !unsafeCss.test(declaration))
    .join(';');

/**
 * HTML as mail programs may safely show it: no scripts, event handlers, forms, frames or comments, no addresses but web,
 * mail and telephone ones, nothing loaded by a style. Marks may stand in text; in an attribute, only what is harmless there
 * whatever its value turns out to be.
 */
export function cleanHtml(html: string, marks: readonly Mark[]): { html: string; misplaced: Misplaced[] } {
  const misplaced: Misplaced[] = [];
  const known = new Map(marks.map((mark) => [mark.token, mark]));
  const within = (value: string) => tokensIn(value).flatMap((token) => known.get(token) ?? []);

  const judgeAttribute = (name: string, value: string): void => {
    for (const mark of within(value)) {
      const code = faultIn(name, value, mark);
      if (code) misplaced.push({ mark, code });
    }
  };
  const clean = sanitizeHtml(html, {
    allowedTags: [...blocks, ...tables, ...inline],
    allowVulnerableTags: true,
    allowedAttributes: {
      '*': [
        ...['style', 'class', 'id', 'lang', 'dir', 'title', 'role', 'aria-*', 'align', 'valign', 'width', 'height'],
        ...['bgcolor', 'border', 'cellpadding', 'cellspacing', 'color'],
      ],
      a: ['href', 'target', 'rel', 'name'],
      img: ['src', 'alt', 'width', 'height'],
      td: ['colspan', 'rowspan', 'nowrap', 'scope'],
      th: ['colspan', 'rowspan', 'nowrap', 'scope'],
      col: ['span'],
      colgroup: ['span'],
      ol: ['start', 'type'],
      font: ['face', 'size'],
      time: ['datetime'],
      html: ['xmlns'],
      // Not http-equiv: it can lead elsewhere.
      meta: ['name', 'content', 'charset'],
      style: ['type', 'media'],
    },
    allowedSchemes: ['https', 'http', 'mailto', 'tel'],
    allowedSchemesByTag: { img: ['https', 'http', 'cid'] },
    allowedSchemesAppliedToAttributes: ['href', 'src'],
    allowProtocolRelative: false,
    parseStyleAttributes: false,
    nestingLimit: 200,
    transformTags: {
      '*': (tagName, attributes) => {
        for (const [name, value] of Object.entries(attributes)) judgeAttribute(name, value);
        const { style } = attributes;
        const attribs = style === undefined ? attributes : { ...attributes, style: withoutUnsafe(style) };
        return { tagName, attribs };
      },
    },
    exclusiveFilter: ({ tag, text, attribs }) => {
      // What is left of http-equiv.
      if (tag === 'meta') return attribs.name === undefined && attribs.charset === undefined;
      if (tag !== 'style') return false;
      for (const mark of within(text)) misplaced.push({ mark, code: 'inStyleSheet' });
      return unsafeCss.test(text);
    },
  });
  return { html: clean, misplaced: [...misplaced, ...torn(clean, marks)] };
}

const tokensIn = (value: string): string[] => [...value.matchAll(anyToken)].map(([token]) => token);

const hiding =
  /display\s*:\s*none|visibility\s*:\s*(hidden|collapse)|mso-hide\s*:\s*all|(opacity|max-height)\s*:\s*(0|\.0+|0\.0+)(px|%)?\s*(!|;|$)|(left|top|text-indent)\s*:\s*-\d{3,}/i;

/** Takes up no room. */
const unseen = /[\u00ad\u200b-\u200f\u2060-\u2064\ufeff]/g;

/**
 * The marks that people see or can open in HTML that is clean: in text, and as the address of a link that shows something.
 * What a style sheet hides is not looked for.
 */
export function shownTokens(clean: string, marks: readonly Mark[]): Set<string> {
  // A picture inside a link is something to click on.
  const shown = sanitizeHtml(clean.replace(/<img\b[^>]*>/g, '•'), {
    allowedTags: ['a'],
    allowedAttributes: { a: ['href'] },
    // Marks stand for addresses here, and look like none.
    allowedSchemesAppliedToAttributes: [],
    nonTextTags: ['title', 'style'],
    transformTags: {
      '*': (tagName, attribs) => ({ tagName: hiding.test(attribs.style ?? '') ? 'style' : tagName, attribs }),
    },
    exclusiveFilter: ({ tag, text }) => tag === 'a' && text.replace(unseen, '').trim() === '',
  });
  const known = new Set(marks.map(({ token }) => token));
  return new Set(tokensIn(shown).filter((token) => known.has(token)));
}

/** What a mark may not do in an attribute; null: it may. */
function faultIn(name: string, value: string, { kind, token }: Mark): TemplateFaultCode | null {
  if (kind === 'block') return 'blockInTag';
  if (name === 'style' || name === 'bgcolor' || name === 'color') return kind === 'colour' ? null : 'onlyColour';
  if (name === 'href' || name === 'src') return kind === 'address' && value.trim() === token ? null : 'onlyAddress';
  return null;
}

/** Blocks of which one end has gone with what was taken out. */
function torn(clean: string, marks: readonly Mark[]): Misplaced[] {
  const ends = marks.filter(({ kind }) => kind === 'block');
  const there = new Set(tokensIn(clean));
  const lost = ends.filter(({ token }) => !there.has(token));
  return lost.map((mark) => ({ mark, code: 'tornBlock' }));
}
