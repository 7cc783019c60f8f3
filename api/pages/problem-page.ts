import { type ErrorRequestHandler, type Request, Router } from 'express';
import type { Logger } from 'pino';
import { notFound } from '../../domain/problem';
import { hasText, type Locale, translator } from '../../i18n';
import { toProblem } from '../middleware/problems';
import { renderPage } from './render';
import { browserLocale } from './request';

/** The same refusals as the API's, as a page for people. */
export function pageProblems(logger: Logger, localeOf: (request: Request) => Locale): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const problem = toProblem(error);
    const requestId = request.id as string;
    if (problem.status >= 500) logger.error({ err: error, requestId }, problem.title);
    if (response.headersSent) {
      next(error);
      return;
    }
    const locale = localeOf(request);
    const title = translator(locale)(`errors.${problem.code}`);
    // What to do about it, where there is something.
    const advice = `pages.problem.next.${problem.code}`;
    const detail = hasText(locale, advice) ? translator(locale)(advice) : null;
    if (problem.options.retryAfter !== undefined) response.set('Retry-After', String(problem.options.retryAfter));
    response
      .status(problem.status)
      .send(renderPage('problem', locale, { status: problem.status, title, detail, requestId }));
  };
}

/**
 * After all pages: people get a page for an address that leads nowhere; programs get what every route of theirs answers.
 */
export function unknownPages(logger: Logger): Router {
  const router = Router();
  router.use((request, _response, next) => next(wantsPage(request) ? notFound('page') : undefined));
  router.use(pageProblems(logger, browserLocale));
  return router;
}

/** A browser that goes to an address of people's; what is below /v1 is for programs, whatever they accept. */
const wantsPage = (request: Request): boolean =>
  !/^\/v1(\/|$)/.test(request.path) && (request.get('accept') ?? '').includes('text/html');
