import type { ErrorRequestHandler, Request, Response } from 'express';
import type { Logger } from 'pino';
import type { MailParts } from '../../domain/mail-templates';
import type { Problem } from '../../domain/problem';
import { hasText, type Locale, translator } from '../../i18n';
import { toProblem } from '../middleware/problems';
import { browserLocale } from '../pages/request';
import { frameView } from './views';

/**
 * A mail within a screen. It may load nothing but the logo, run nothing and lead nowhere; its own styles are within it. One
 * that stands beside its text is written into a frame of its own (`srcdoc`), which has this policy, too. // decision 26
 */
const framePolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-src about:; sandbox; frame-ancestors 'self'";

/** What screens show within a frame ends so. Whatever is answered there must be something that can be framed. */
const isFrame = (request: Request): boolean => /\/preview$/.test(request.baseUrl + request.path);

export function allowFraming(request: Request, response: Response): void {
  if (isFrame(request)) response.set('Content-Security-Policy', framePolicy);
}

interface FrameData {
  title: string;
  text: string;
  faults: { part: string; message: string }[];
}

const view = frameView<FrameData>('frame-refused');

/** Why nobody is shown anything: the session has ended, an app must be set up, or they are elsewhere by now. */
type Reason = 'ended' | 'setUp' | 'elsewhere';
const statuses: Record<Reason, number> = { ended: 401, setUp: 403, elsewhere: 403 };

export function refuseFrame(response: Response, locale: Locale, reason: Reason): void {
  const t = translator(locale);
  const words = (part: string): string => t(`console.frames.${reason}.${part}`);
  response.status(statuses[reason]).send(view(locale, { title: words('title'), text: words('text'), faults: [] }));
}

/** Its links would open new windows, which a sandbox has none of: nobody is led on within the frame by a click. */
const leadingNowhere = (html: string): string =>
  html.replace(/^(<!doctype[^>]*>\s*)?/i, (doctype) => `${doctype}<base target="_blank">\n`);

/** The HTML of a mail alone; its subject and its text are said beside the frame. */
export const showHtml = (response: Response, html: string): void => void response.send(leadingNowhere(html));

const mailView = frameView<{ subject: string; html: string; text: string; language: string }>('frame-mail');

/** A whole mail: its subject and both of its parts. */
export function showMailParts(
  response: Response,
  locale: Locale,
  { subject, html, text }: MailParts,
  language: string,
): void {
  response.send(mailView(locale, { subject, html: leadingNowhere(html), text, language }));
}

/** What has to be put right before there is anything to show. */
export function showFaults(response: Response, locale: Locale, faults: FrameData['faults']): void {
  const t = translator(locale);
  response.send(view(locale, { title: t('console.templates.faults'), text: t('console.frames.faults'), faults }));
}

export function showFrameProblem(response: Response, locale: Locale, { code, status, options }: Problem): void {
  const t = translator(locale);
  const help = `console.help.${code}`;
  const text = t(hasText(locale, help) ? help : 'console.frames.refused');
  if (options.retryAfter !== undefined) response.set('Retry-After', String(options.retryAfter));
  response.status(status).send(view(locale, { title: t(`errors.${code}`), text, faults: [] }));
}

/** Whatever went wrong in a frame is said in it. */
export function frameProblems(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (!isFrame(request) || response.headersSent) return next(error);
    const problem = toProblem(error);
    if (problem.status >= 500) logger.error({ err: error, requestId: request.id as string }, problem.title);
    showFrameProblem(response, browserLocale(request), problem);
  };
}
