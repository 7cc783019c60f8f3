import { elementsOf } from './html';
import type { Visitor } from './people';
import type { Reply } from './usher';

type Fields = Record<string, string | string[]>;

/** Hidden fields of a page's forms: what makes them count once, whose they are, what they were opened with. */
export function hiddenFields(html: string): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { name, attributes } of elementsOf(html)) {
    if (name !== 'input' || attributes['type'] !== 'hidden') continue;
    const values = (found[attributes['name'] ?? ''] ??= []);
    const value = attributes['value'] ?? '';
    if (!values.includes(value)) values.push(value);
  }
  return found;
}

const encode = (fields: Fields): string =>
  new URLSearchParams(
    Object.entries(fields).flatMap(([name, value]) => [value].flat().map((text) => [name, text] as [string, string])),
  ).toString();

const headers = { 'content-type': 'application/x-www-form-urlencoded' };

export const postForm = (person: Visitor, path: string, fields: Fields): Promise<Reply> =>
  person.call('POST', path, encode(fields), { headers });

/** The hidden fields of a screen, as its forms send them. */
export function keptOn({ text }: Reply) {
  const { once = [], for: owner = [], version = [], was = [], has = [], hasGroups = [] } = hiddenFields(text);
  return {
    once: once[0] ?? '',
    for: owner[0] ?? '',
    version: version[0] ?? '',
    was: was[0] ?? '',
    has,
    hasGroups: hasGroups[0] ?? '',
  };
}

/** Opens a screen and sends one of its forms, with its hidden fields. */
export async function submit(person: Visitor, at: string, fields: Fields, action = at): Promise<Reply> {
  const page = await person.call('GET', at);
  if (page.status !== 200) throw new Error(`${at}: ${page.status} ${page.text.slice(0, 500)}`);
  return postForm(person, action, { ...keptOn(page), ...fields });
}

export const heading = (reply: Reply): string =>
  (elementsOf(reply.text).find(({ name }) => name === 'h1')?.text ?? '').replace(/\s+/g, ' ').trim();

export const mainText = (reply: Reply): string =>
  (elementsOf(reply.text).find(({ name }) => name === 'main')?.text ?? '').replace(/\s+/g, ' ').trim();
