import type { ErrorRequestHandler, Request } from 'express';
import type { Logger } from 'pino';
import { type Locale, translator } from '../../i18n';
import { toProblem } from '../middleware/problems';
import { renderPage } from './render';

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
    if (problem.options.retryAfter !== undefined) response.set('Retry-After', String(problem.options.retryAfter));
    response
      .status(problem.status)
      .send(renderPage('problem', locale, { status: problem.status, title, detail: null, requestId }));
  };
}
