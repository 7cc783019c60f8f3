import type { ErrorRequestHandler, Request, Response } from 'express';
import type { Logger } from 'pino';
import type { Problem } from '../../domain/problem';
import { hasText, type Locale, translator } from '../../i18n';
import { toProblem } from '../middleware/problems';
import { browserLocale } from '../pages/request';
import { frameView } from './views';

/** A mail within a screen. It may load nothing but the logo, run nothing and lead nowhere; its own styles are within it. // decision 26 */
const framePolicy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; sandbox; frame-ancestors 'self'";

/** What screens show within a frame ends so. Whatever is answered there must be something that can be framed. */
const isFrame = (request: Request): boolean => /\/preview$/.test(request.baseUrl + request.path);

export function allowFraming(request: Request, response: Response): void {
  if (isFrame(request)) response.set('Content-Security-Policy', framePolicy);
}

interface FrameData {
  title: string;
  text: string;
  faults: { place: string; message: string }[];
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
