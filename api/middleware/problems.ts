import type { ErrorRequestHandler, RequestHandler } from 'express';
import type { Logger } from 'pino';
import { notFound, Problem } from '../../domain/problem';
import { groupNameTaken } from '../../db/commands/change-group';
import { usernameTaken } from '../../db/commands/invitee';
import { invitationPending } from '../../db/commands/create-invitation';
import { pickLocale, translator } from '../../i18n';
import { bodyProblem } from '../input';

/** Rules that PostgreSQL itself upholds when two commands meet: what the loser is told. */
const constraints: Record<string, () => Problem> = {
  invitations_one_open: invitationPending,
  accounts_username: usernameTaken,
  groups_name: groupNameTaken,
  accounts_email: () =>
    new Problem('SIGN_IN_REQUIRED', 'There is an account for this address already: sign in to accept.'),
};

const unreachable = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT', 'EPIPE', 'EAI_AGAIN']);

/** Classes 08 (connection), 53 (resources), 57P (shutdown); a pool that gives no connection in time. */
function isDatabaseDown(error: Error & { code?: string }): boolean {
  return (
    unreachable.has(error.code ?? '') ||
    /^(08|53|57P)/.test(error.code ?? '') ||
    error.name === 'KnexTimeoutError' ||
    /Connection terminated|timeout expired/.test(error.message)
  );
}

/** Whatever was thrown, as a refusal a caller may see. Deadlocks and lost races are for the caller to try again. */
export function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (!(error instanceof Error)) return internal();
  const known = error as Error & { constraint?: string; code?: string; nativeError?: Error };
  const native = (known.nativeError ?? known) as Error & { constraint?: string; code?: string };
  const race = native.constraint === undefined ? undefined : constraints[native.constraint];
  if (race) return race();
  if (isDatabaseDown(native)) {
    return new Problem('UNAVAILABLE', 'The database cannot be reached at the moment: try again in a few seconds.', {
      retryAfter: 5,
    });
  }
  if (native.code === '40P01' || native.code === '40001' || native.code === '23505')
    return new Problem('UNAVAILABLE', 'Another request was in the way: try again.', { retryAfter: 1 });
  const body = bodyProblem(error);
  return body instanceof Problem ? body : internal();
}

const internal = (): Problem => new Problem('INTERNAL', 'An unexpected error; the request id leads to it in the log.');

export const unknownRoute: RequestHandler = (_request, _response, next) => next(notFound('page or route'));

/** RFC 9457, for everything that is not a page. The title is in the caller's language; the detail is for developers, in English. */
export function problemHandler(logger: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const problem = toProblem(error);
    const requestId = request.id as string;
    if (problem.status >= 500)
      logger.error({ err: error, requestId, route: response.locals.route as unknown }, problem.title);
    if (response.headersSent) {
      next(error);
      return;
    }
    if (problem.options.retryAfter !== undefined) response.set('Retry-After', String(problem.options.retryAfter));
    if (problem.status === 401) response.set('WWW-Authenticate', 'Bearer');
    const locale = pickLocale(request.get('accept-language'));
    response.vary('Accept-Language').set('Content-Language', locale);
    response.status(problem.status).set('Content-Type', 'application/problem+json; charset=utf-8');
    response.end(
      JSON.stringify({
        type: `urn:usher:problem:${problem.code.toLowerCase().replaceAll('_', '-')}`,
        title: locale === 'en' ? problem.title : translator(locale)(`errors.${problem.code}`),
        status: problem.status,
        detail: problem.message,
        code: problem.code,
        ...(problem.options.errors && { errors: problem.options.errors }),
        requestId,
      }),
    );
  };
}
