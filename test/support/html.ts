import { convert } from 'html-to-text';

export interface HtmlElement {
  name: string;
  attributes: Record<string, string>;
  /** All text inside, entities resolved. */
  text: string;
}

interface Node {
  type: string;
  name?: string;
  data?: string;
  attribs?: Record<string, string>;
  children?: Node[];
}

/** Every element of a page or mail as a parser (not a regular expression) sees it, in document order. */
export function elementsOf(html: string): HtmlElement[] {
  const elements: HtmlElement[] = [];
  const visit = (node: Node): void => {
    if (node.name) elements.push({ name: node.name, attributes: node.attribs ?? {}, text: textOf(node) });
    node.children?.forEach(visit);
  };
  convert(html, {
    baseElements: { selectors: ['html'] },
    formatters: { visit: (element: unknown) => visit(element as Node) },
    selectors: [{ selector: '*', format: 'visit' }],
    limits: { maxInputLength: undefined },
  });
  return elements;
}

function textOf(node: Node): string {
  return node.type === 'text' ? (node.data ?? '') : (node.children ?? []).map(textOf).join('');
}
