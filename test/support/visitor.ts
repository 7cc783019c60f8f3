import { elementsOf } from './html';
import type { TestUsher } from './usher';

/** A page as a person has it before them after all redirects. */
export interface Page {
  status: number;
  /** Path and query of the address bar. */
  path: string;
  html: string;
  heading: string;
  /** All text of the page, white space collapsed. */
  text: string;
  headers: Headers;
  /** Where the form of the page posts to. @throws where there is none */
  action: () => string;
  /** What a field shows. */
  value: (id: string) => string | undefined;
}

export interface Visitor {
  get(path: string): Promise<Page>;
  post(path: string, fields?: Record<string, string>): Promise<Page>;
  /** The names of the cookies that this browser has kept. */
  cookieNames(): string[];
}

/** What browsers ask for when a person goes to an address. */
export const browserAccept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

const mostRedirects = 5;

/** A browser without JavaScript: keeps cookies by path and follows redirects. Takes the links of mails as they are. */
export function visit(usher: TestUsher, headers: Record<string, string> = {}): Visitor {
  const cookies: { name: string; value: string; path: string }[] = [];
  const go = async (path: string, method: 'GET' | 'POST', body: string | null, redirects = 0): Promise<Page> => {
    const url = new URL(path.replace(usher.env['USHER_BASE_URL'] ?? '', ''), usher.url);
    const sent = cookies.filter(
      ({ path: at }) => url.pathname === at || url.pathname.startsWith(at.replace(/\/?$/, '/')),
    );
    const response = await fetch(url, {
      method,
      redirect: 'manual',
      body,
      headers: {
        Accept: browserAccept,
        ...headers,
        ...(sent.length > 0 && { Cookie: sent.map(({ name, value }) => `${name}=${value}`).join('; ') }),
        ...(body !== null && { 'Content-Type': 'application/x-www-form-urlencoded' }),
      },
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
      const [name = '', value = ''] = pair.split('=');
      const at = attributes.find((attribute) => /^path=/i.test(attribute))?.slice(5) ?? '/';
      const known = cookies.findIndex((cookie) => cookie.name === name && cookie.path === at);
      if (known >= 0) cookies.splice(known, 1);
      // Without a value it is taken back.
      if (value !== '') cookies.unshift({ name, value, path: at });
    }
    const location = response.headers.get('location');
    if (location && redirects < mostRedirects) return go(new URL(location, url).href, 'GET', null, redirects + 1);
    return toPage(response, url, await response.text());
  };
  return {
    get: (path) => go(path, 'GET', null),
    post: (path, fields = {}) => go(path, 'POST', new URLSearchParams(fields).toString()),
    cookieNames: () => cookies.map(({ name }) => name),
  };
}

function toPage(response: Response, url: URL, html: string): Page {
  const elements = elementsOf(html);
  const text = (name: string) =>
    (elements.find((element) => element.name === name)?.text ?? '').replace(/\s+/g, ' ').trim();
  return {
    status: response.status,
    path: url.pathname + url.search,
    html,
    heading: text('h1'),
    text: text('main'),
    headers: response.headers,
    action() {
      const action = elements.find(({ name }) => name === 'form')?.attributes['action'];
      if (!action) throw new Error(`no form on ${url.pathname}: ${text('main')}`);
      return action;
    },
    value: (id) => elements.find(({ attributes }) => attributes['id'] === id)?.attributes['value'],
  };
}
