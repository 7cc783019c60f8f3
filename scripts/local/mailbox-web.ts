import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler } from 'express';
import type { ParsedMail } from 'mailparser';
import { mailPage, mailList, mailboxScript, mailboxStyle, type View } from './mailbox-page';
import type { MailboxStore, MailSummary } from './mailbox-store';

const LISTED = 200;

/**
 * The mailbox in the browser, and the part of Mailpit's API that its clients use. Every mail is hostile: Handlebars
 * escapes all of it, and its HTML is shown in a sandbox where it can neither run nor load anything.
 */
export function mailboxWeb(store: MailboxStore): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', 'strong');
  app.use(onlyFromHere);

  app.get('/mailbox.css', (_request, response) => void response.type('css').send(mailboxStyle));
  app.get('/mailbox.js', (_request, response) => void response.type('js').send(mailboxScript));

  app.get(['/', '/mails/:id'], async (request, response) => {
    const id = param(request, 'id');
    if (id && !store.has(id)) return void response.redirect('/');
    const summary = id ? await store.summary(id) : null;
    response.send(
      mailPage({ ...(await listed(store, id)), mail: summary ? await shown(store, summary, request) : null }),
    );
  });
  // What the page asks for every two seconds; the selected mail comes back selected.
  app.get('/list', async (request, response) => {
    response.send(mailList(await listed(store, query(request, 'selected'))));
  });
  app.get('/mails/:id/html', async (request, response) => {
    const id = param(request, 'id');
    if (!store.has(id)) return void response.sendStatus(404);
    const mail = await store.parsed(id);
    response.set(
      'Content-Security-Policy',
      "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; frame-ancestors 'self'; form-action 'none'",
    );
    // In front of the mail's own document: the first base element wins, so every link opens a new tab.
    response.send(`<!doctype html><meta charset="utf-8"><base target="_blank">${mail.html || ''}`);
  });
  app.post('/delete', async (_request, response) => {
    await store.removeAll();
    response.redirect(303, '/');
  });

  app.use('/api/v1', mailpitApi(store));
  app.use((_request, response) => void response.status(404).type('text').send('Not found'));
  app.use(failed);
  return app;
}

function mailpitApi(store: MailboxStore): express.Router {
  const api = express.Router();
  api.get('/messages', async (request, response) => {
    const { start, limit } = page(request);
    response.json(answer(await store.list(start, limit), store.total, store.total, start));
  });
  api.get('/search', async (request, response) => {
    const { start, limit } = page(request);
    const found = await store.search(matcher(query(request, 'query')));
    response.json(answer(found.slice(start, start + limit), store.total, found.length, start));
  });
  api.delete('/messages', express.json({ type: () => true }), async (request, response) => {
    const { IDs } = (request.body ?? {}) as { IDs?: unknown };
    if (Array.isArray(IDs) && IDs.length > 0)
      await store.remove(IDs.filter((id) => typeof id === 'string' && store.has(id)));
    else await store.removeAll();
    response.type('text').send('ok');
  });
  api.get('/message/:id', async (request, response) => {
    const id = messageId(store, request);
    const summary = id && (await store.summary(id));
    if (!summary) return void response.status(404).json({ Error: 'message not found' });
    const mail = await store.parsed(summary.ID);
    response.json({
      ...summary,
      Date: (mail.date ?? new Date(summary.Created)).toISOString(),
      Text: mail.text ?? '',
      HTML: mail.html || '',
      Attachments: mail.attachments.map(({ filename, contentType, size }) => ({
        FileName: filename ?? '',
        ContentType: contentType,
        Size: size,
      })),
    });
  });
  api.get('/message/:id/raw', async (request, response) => {
    const id = messageId(store, request);
    if (!id) return void response.status(404).type('text').send('message not found');
    response.type('text/plain; charset=utf-8').send(await store.raw(id));
  });
  return api;
}

function answer(messages: MailSummary[], total: number, matching: number, start: number) {
  return { total, unread: 0, count: messages.length, messages_count: matching, start, tags: [], messages };
}

/** Mailpit's words: `to:`, `from:`, `subject:` and plain words, all of which must match. */
function matcher(search: string): (summary: MailSummary) => boolean {
  const terms = [...search.matchAll(/(?:(to|from|subject|addressed):)?(?:"([^"]*)"|(\S+))/gi)].map((match) => ({
    field: match[1]?.toLowerCase(),
    text: (match[2] ?? match[3] ?? '').toLowerCase(),
  }));
  return (summary) =>
    terms.every(({ field, text }) => {
      const from = [summary.From];
      const to = [...summary.To, ...summary.Cc, ...summary.Bcc];
      const people = field === 'from' ? from : field === 'to' ? summary.To : [...from, ...to];
      const words = people.flatMap(({ Name, Address }) => [Name, Address]);
      if (field === 'subject') return summary.Subject.toLowerCase().includes(text);
      if (!field) words.push(summary.Subject, summary.Snippet);
      return words.some((word) => word.toLowerCase().includes(text));
    });
}

/** Mailpit takes `latest` for the newest. */
function messageId(store: MailboxStore, request: Request): string | null {
  const id = param(request, 'id');
  const wanted = id === 'latest' ? (store.newestId ?? '') : id;
  return store.has(wanted) ? wanted : null;
}

function page(request: Request): { start: number; limit: number } {
  const number = (name: string, fallback: number) => {
    const value = Number(query(request, name) || fallback);
    return Number.isInteger(value) && value >= 0 ? value : fallback;
  };
  return { start: number('start', 0), limit: number('limit', 50) };
}

async function listed(store: MailboxStore, selected: string) {
  return { total: store.total, selected, mails: await store.list(0, LISTED) };
}

async function shown(store: MailboxStore, summary: MailSummary, request: Request) {
  const mail: ParsedMail = await store.parsed(summary.ID);
  const wanted = query(request, 'view');
  const view: View = wanted === 'text' || wanted === 'source' ? wanted : mail.html ? 'html' : 'text';
  return {
    ...summary,
    view,
    hasHtml: Boolean(mail.html),
    text: mail.text ?? '',
    source: view === 'source' ? (await store.raw(summary.ID)).toString('utf8') : '',
  };
}

function param(request: Request, name: string): string {
  const value = request.params[name];
  return typeof value === 'string' ? value : '';
}

function query(request: Request, name: string): string {
  const value = request.query[name];
  return typeof value === 'string' ? value : '';
}

/**
 * The mails hold links that open accounts. A page from elsewhere can reach this port through the browser of whoever
 * runs it, either directly or under a name that it makes point here: neither may read or delete anything.
 */
const onlyFromHere: RequestHandler = (request, response, next) => {
  response.set({
    'Content-Security-Policy':
      "default-src 'none'; img-src data:; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    // Not no-referrer: browsers then say "Origin: null" with our own form.
    'Referrer-Policy': 'same-origin',
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Cache-Control': 'no-cache',
  });
  const host = request.hostname;
  const known = ['localhost', '127.0.0.1', '::1', '[::1]'].includes(host) || host.endsWith('.localhost');
  const origin = request.get('origin');
  const foreign = origin !== undefined && origin !== `${request.protocol}://${request.get('host')}`;
  const reads = request.method === 'GET' || request.method === 'HEAD';
  if (known && (reads || !foreign)) next();
  else response.status(403).type('text').send('This mailbox answers on localhost only.');
};

const failed: ErrorRequestHandler = (error: Error & { status?: number; code?: string }, _request, response, _next) => {
  const status = error.code === 'ENOENT' ? 404 : (error.status ?? 500);
  response
    .status(status)
    .type('text')
    .send(status === 500 ? 'The mailbox could not show this.' : error.message);
};
