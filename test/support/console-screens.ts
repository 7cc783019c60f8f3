import type { BrowserContextOptions, Page } from 'playwright-core';
import { accessibilityFaults, type TestBrowser } from './browser';
import { elementsOf } from './html';
import { turnsOf } from './long';
import type { Person } from './people';
import type { Reply } from './usher';

const base = 'http://usher.test';
const heaviest = 100 * 1024;

export const desktop = { viewport: { width: 1280, height: 900 } } satisfies BrowserContextOptions;
/** The smallest phone that the console is for. */
export const phone: BrowserContextOptions = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

/** A browser window in which the person is signed in. */
export async function windowOf(
  browser: TestBrowser,
  person: Person,
  options: BrowserContextOptions = desktop,
): Promise<Page> {
  const page = await browser.person(options);
  const value = person.cookies.get('usher_session') ?? '';
  await page.context().addCookies([{ name: 'usher_session', value, url: base }]);
  return page;
}

/** Opens a screen. @returns what is wrong with it: a bad answer, weight, overflow, accessibility */
export async function open(page: Page, path: string, axe = true): Promise<string[]> {
  const response = await page.goto(base + path);
  const weight = (await response?.body())?.length ?? 0;
  const faults = await look(page, axe);
  if (response?.status() !== 200) faults.push(`status ${response?.status()}`);
  if (weight > heaviest) faults.push(`${weight} bytes`);
  return faults.map((fault) => `${path}: ${fault}`);
}

/** A screen with its styles and scripts, in bytes and as they are before any compression. */
export async function weigh(person: Person, path: string): Promise<number> {
  const { status, text } = await person.call('GET', path);
  if (status !== 200) throw new Error(`${path}: ${status}`);
  const files = elementsOf(text).flatMap(({ name, attributes: { rel, href, src } }) =>
    name === 'script' && src ? [src] : name === 'link' && rel === 'stylesheet' && href ? [href] : [],
  );
  const parts = await Promise.all(files.map(async (file) => (await person.call('GET', file)).text));
  return [text, ...parts].reduce((sum, part) => sum + Buffer.byteLength(part), 0);
}

/** The same for the screen that is before somebody now. */
export async function look(page: Page, axe = true): Promise<string[]> {
  const faults = axe ? await accessibilityFaults(page) : [];
  // On a phone the layout viewport grows with what is too wide: only what the window was given does not.
  const given = page.viewportSize()?.width ?? desktop.viewport.width;
  const [tooWide, sticksOut, missing] = await page.evaluate<[number, number, string | null]>(
    `[Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - ${given},
      Math.max(0, ...Array.from(document.querySelectorAll('.table-box'), (box) => box.scrollWidth - box.clientWidth)),
      document.querySelector('main').innerText.match(/\\b(console|errors|users|pages)(\\.[a-zA-Z-]+){2,}/)?.[0] ?? null]`,
  );
  if (tooWide > 0) faults.push(`${tooWide} px too wide`);
  if (sticksOut > 0) faults.push(`a table sticks out by ${sticksOut} px`);
  if (missing) faults.push(`no words for ${missing}`);
  return faults;
}

/** How screens are looked at: with which browser, in which language, and whether axe can run there. */
export const variants: [BrowserContextOptions, 'en' | 'de', boolean][] = [
  [desktop, 'en', true],
  [{ ...phone, colorScheme: 'dark' }, 'de', true],
  [{ ...phone, javaScriptEnabled: false }, 'en', false],
];

/** Opens screens in these ways; a desktop and a phone take turns, but in long tests. */
export async function inspect(browser: TestBrowser, person: Person, paths: string[]): Promise<string[]> {
  const faults: string[] = [];
  for (const [index, [options, lang, axe]] of variants.entries()) {
    const page = await windowOf(browser, person, options);
    for (const path of axe ? turnsOf(paths, index, 2) : paths)
      faults.push(...(await open(page, `${path}${path.includes('?') ? '&' : '?'}lang=${lang}`, axe)));
    await page.context().close();
  }
  return faults;
}

type Send = (fields?: Record<string, string | string[]>) => Promise<Reply>;

/** A form of a page without a browser: its fields as they stand, to be sent as often as one likes. */
export const formOn = async (person: Person, path: string, action: string): Promise<Send> =>
  formIn(person, await person.call('GET', path), action);

/** The same of a page that is there already. */
export function formIn(person: Person, { text }: Reply, action: string): Send {
  const form = [...text.matchAll(/<form\b[^>]*>[\s\S]*?<\/form>/g)]
    .map(([found]) => found)
    .find((found) => {
      const attributes = elementsOf(`<html>${found}</html>`).find(({ name }) => name === 'form')?.attributes;
      return attributes?.['method'] === 'post' && attributes['action'] === action;
    });
  if (!form) throw new Error(`no form for ${action}`);
  const standing = elementsOf(`<html>${form}</html>`).flatMap(
    ({ name, attributes, text: inside }): [string, string][] => {
      const named = attributes['name'];
      if (!named) return [];
      if (name === 'textarea') return [[named, inside]];
      if (name === 'select') return [[named, chosenIn(form, named)]];
      if (name !== 'input') return [];
      const box = ['checkbox', 'radio'].includes(attributes['type'] ?? '');
      return box && attributes['checked'] === undefined ? [] : [[named, attributes['value'] ?? '']];
    },
  );
  return (fields = {}) => {
    const body = new URLSearchParams(standing.filter(([name]) => !(name in fields)));
    for (const [name, value] of Object.entries(fields)) for (const one of [value].flat()) body.append(name, one);
    return person.call('POST', action, body.toString(), {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
  };
}

/** What a list to choose from sends as it stands. */
function chosenIn(form: string, name: string): string {
  const list = [...form.matchAll(/<select\b[\s\S]*?<\/select>/g)].find(([found]) => found.includes(` name="${name}"`));
  const options = elementsOf(`<html>${list?.[0] ?? ''}</html>`).filter((element) => element.name === 'option');
  return (options.find(({ attributes }) => 'selected' in attributes) ?? options[0])?.attributes['value'] ?? '';
}

/** 200 texts that would be active anywhere, if anything that shows them forgot to escape. */
export const hostileTexts = (): string[] =>
  Array.from({ length: 200 }, (_, index) => {
    const shape = shapes[index % shapes.length] ?? '';
    return `${ways[Math.floor(index / shapes.length)] ?? ''}${shape}${index}`;
  });

/** Out of whatever a text may stand in. */
const ways = ['', '"', "'", '>', '</a>', '-->', '</textarea>', '</option></select>', '</title></head>', '`]]>\r\n'];

const shapes = [
  '<script>window.hacked=1</script>',
  '<img src=x onerror="window.hacked=1">',
  '"><svg onload="window.hacked=1">',
  "' autofocus onfocus='window.hacked=1' x='",
  '{{constructor.constructor("window.hacked=1")()}}',
  '{{{this}}}{{#each .}}',
  'javascript:window.hacked=1//',
  '</title><script>window.hacked=1</script>',
  '</textarea><script>window.hacked=1</script>',
  '--><script>window.hacked=1</script><!--',
  '&lt;script&gt;window.hacked=1&lt;/script&gt;',
  '${window.hacked=1} `window.hacked=1`',
  '\u202Egnp.exe <b onmouseover=window.hacked=1>',
  '<iframe srcdoc="<script>parent.hacked=1</script>">',
  '<a href="javascript:window.hacked=1">',
  '<style>*{display:none}</style>',
  '<base href="//evil.test/"><form action=//evil.test>',
  '<meta http-equiv=refresh content="0;url=//evil.test">',
  ']]><![CDATA[<script>window.hacked=1</script>',
  '$t(language) $& %s \\" <!-- -->',
];

/** Elements and attributes that come from a hostile text, if a page has any. */
export function activeParts(reply: Reply): string[] {
  return elementsOf(reply.text).flatMap(({ name, attributes }) => [
    ...(['iframe', 'style', 'base'].includes(name) ? [name] : []),
    ...(name === 'script' && !/^\/assets\//.test(attributes['src'] ?? '') ? ['script'] : []),
    ...(name === 'meta' && attributes['http-equiv'] ? ['meta'] : []),
    ...Object.entries(attributes).flatMap(([key, value]) =>
      /^on/i.test(key) || (/^(href|action|formaction|src)$/.test(key) && !/^(\/|#)/.test(value))
        ? [`${key}=${value}`]
        : [],
    ),
  ]);
}

export const textOf = (reply: Reply, element: string): string =>
  (elementsOf(reply.text).find(({ name }) => name === element)?.text ?? '').replace(/\s+/g, ' ').trim();

/** What one sees after a form was taken: the screen that it leads to. */
export async function after(person: Person, reply: Reply): Promise<Reply> {
  if (reply.status !== 303) throw new Error(`not taken: ${reply.status} ${textOf(reply, 'main')}`);
  return person.call('GET', reply.headers['location'] ?? '');
}
