import express, { type Request, type Response, Router } from 'express';
import { Problem } from '../../domain/problem';
import { findPerson } from '../caller';
import type { Services } from '../context';
import { toProblem } from '../middleware/problems';
import type { RateLimits } from '../middleware/rate-limits';
import { pageProblems } from '../pages/problem-page';
import { keepForm, keptFormLimit, readKept } from '../pages/kept-form';
import { browserLocale } from '../pages/request';
import { showSignIn } from '../pages/sign-in-page';
import { address, localeOf, safeNext, setUpPath } from '../pages/signed-in';
import { goOn } from '../pages/two-factor';
import type { RouteSpec } from '../route';
import { assertSameOrigin } from '../same-origin';
import { id as uuid } from '../schemas/common';
import { apiKeysScreens } from './api-keys';
import { auditScreens } from './audit';
import { brandingScreens } from './branding';
import { emailTemplatesScreens } from './email-templates';
import { emailsScreens } from './emails';
import { allowFraming, frameProblems, refuseFrame, showFrameProblem } from './frames';
import { groupsScreens } from './groups';
import { guestLogScreens } from './guest-log';
import { guestsScreens } from './guests';
import { figuresScreens } from './figures';
import { invitationScreens } from './invitations';
import { inviteScreens } from './invite';
import { licencesScreens } from './licences';
import { multipart } from './multipart';
import { enterConsole, type Page } from './page';
import { policyScreens } from './policy';
import { showRefusal, type SwitchBack } from './refusal';
import { RouteTable } from './routes';
import { settingsScreens } from './settings';
import { userScreens } from './user';
import { usersScreens } from './users';

export type Screen = (page: Page) => Promise<void> | void;

/** How screens are mounted. */
export interface Screens {
  get: (path: string, screen: Screen) => void;
  /**
   * @param again shows the form with what was typed, and does nothing: when the session had ended, or the person has
   *   switched meanwhile. Without one they are led to `/console`.
   * @param limit of the body, where a form may hold more than others
   */
  post: (path: string, screen: Screen, again?: Screen, limit?: string) => void;
  /** What is shown in a frame of a screen, at an address that ends in `/preview`: it changes nothing, and is no form. */
  frame: (method: 'get' | 'post', path: string, screen: Screen, limit?: string) => void;
}

const screens: ((on: Screens) => void)[] = [
  usersScreens,
  userScreens,
  inviteScreens,
  invitationScreens,
  groupsScreens,
  guestsScreens,
  guestLogScreens,
  licencesScreens,
  auditScreens,
  settingsScreens,
  policyScreens,
  apiKeysScreens,
  emailTemplatesScreens,
  brandingScreens,
  emailsScreens,
  figuresScreens,
];

/** The web console: the same commands, permissions and refusals as the API, for people. */
export function consolePages(services: Services, limits: RateLimits, routes: readonly RouteSpec[]): Router {
  const router = Router();
  const tools = { services, limits, routes: new RouteTable(routes) };

  router.use('/console', (request, response, next) => {
    response.locals.route = '/console';
    response.set('Referrer-Policy', 'same-origin').set('Cache-Control', 'no-store');
    allowFraming(request, response);
    if (request.method === 'POST') assertSameOrigin(request, services.baseUrl);
    next();
  });

  const enter = async (request: Request, response: Response): Promise<Page | null> => {
    const person = await findPerson(services, request);
    if (!person) {
      const next = request.method === 'GET' ? request.originalUrl : '/console';
      const kept = request.method === 'POST' ? readKept(keepForm(request) ?? '') : null;
      if (kept) showSignIn(request, response.status(401), next, { kept });
      else response.redirect(303, address('/sign-in', request, { next: safeNext(next) || '/console' }));
      return null;
    }
    if (person.mustSetUpApp) {
      response.redirect(303, address(setUpPath, request));
      return null;
    }
    const entered = await enterConsole(tools, request, response, person);
    if (entered === 'lost') response.redirect(303, '/console');
    else if (entered === 'nowhere') response.redirect(303, address('/profile', request));
    else return entered;
    return null;
  };

  const run = (path: string, screen: Screen) => async (request: Request, response: Response) => {
    response.locals.route = path;
    const page = await enter(request, response);
    if (!page) return;
    try {
      await screen(page);
    } catch (error) {
      const problem = toProblem(error);
      if (problem.status >= 500) throw error;
      showRefusal(page, problem);
    }
  };

  // A frame that leads to signing in, or shows another screen, would be blank: it says in words what is the matter.
  const runFrame = (path: string, screen: Screen) => async (request: Request, response: Response) => {
    response.locals.route = path;
    const person = await findPerson(services, request);
    if (!person) return refuseFrame(response, browserLocale(request), 'ended');
    const locale = localeOf(request, person);
    if (person.mustSetUpApp) return refuseFrame(response, locale, 'setUp');
    const page = await enterConsole(tools, request, response, person);
    if (page === 'lost' || page === 'nowhere') return refuseFrame(response, locale, 'elsewhere');
    if (request.method === 'POST' && page.field('for') !== page.formOwner)
      return refuseFrame(response, locale, 'elsewhere');
    try {
      await screen(page);
    } catch (error) {
      const problem = toProblem(error);
      if (problem.status >= 500) throw error;
      showFrameProblem(response, locale, problem);
    }
  };

  const on: Screens = {
    get: (path, screen) => router.get(path, run(path, screen)),
    frame: (method, path, screen, limit = keptFormLimit) =>
      router[method](
        path,
        express.urlencoded({ extended: false, limit, parameterLimit: 1_000 }),
        runFrame(path, screen),
      ),
    post: (path, screen, again = (page) => page.go('/console'), limit = keptFormLimit) =>
      router.post(
        path,
        express.urlencoded({ extended: false, limit, parameterLimit: 1_000 }),
        multipart,
        run(path, (page) => {
          if (page.field('for') !== page.formOwner) {
            const problem = new Problem('STATUS_CONFLICT', 'The form belongs to another organization.');
            return showRefusal(page, problem, otherPlace(page));
          }
          return page.field('redisplay') ? again(page) : page.onlyOnce(() => screen(page));
        }),
      ),
  };

  on.get('/console', (page) => {
    const first = page.navigation()[0]?.items[0];
    page.response.redirect(303, first ? first.path : '/profile');
  });

  // Wherever the person is by now: they say where to.
  router.post(
    '/console/switch',
    express.urlencoded({ extended: false, limit: keptFormLimit, parameterLimit: 20 }),
    run('/console/switch', async (page) => {
      const id = uuid.safeParse(page.field('organizationId'));
      if (!id.success) throw new Problem('NOT_FOUND', 'There is no such organization.');
      await page.ask('PUT /me/current-organization', { body: { organizationId: id.data } });
      const kept = readKept(page.field('kept'));
      if (kept) goOn(page.request, page.response, '/console', kept);
      else page.go('/console', 'switched', { organizationName: nameOf(page, id.data) });
    }),
  );

  for (const mount of screens) mount(on);

  on.get('/console/*rest', (page) => showRefusal(page, new Problem('NOT_FOUND', 'There is no such page.')));
  router.use('/console', frameProblems(services.logger));
  router.use(
    '/console',
    pageProblems(services.logger, (request) => browserLocale(request)),
  );
  return router;
}

/** Where the form of another organization can still be gone on with, by the person who opened it. */
function otherPlace(page: Page): SwitchBack {
  const [personId, organizationId] = page.field('for').split('.');
  const place = page.organizations.find(({ id }) => id === organizationId);
  const kept = keepForm(page.request);
  return { back: place && kept && personId === page.person.id ? { id: place.id, name: place.name, kept } : null };
}

const nameOf = (page: Page, id: string): string =>
  page.organizations.find((organization) => organization.id === id)?.name ?? '';
