import express, { type Request, type Response, Router } from 'express';
import { inOrganizations } from '../../db/database';
import type { Account } from '../../db/models/account';
import { findOrganization } from '../../db/queries/find-organization';
import { recoveryCodePattern } from '../../domain/authenticator';
import { notFound, Problem } from '../../domain/problem';
import { presentFactor } from '../../domain/two-factor';
import { locales, pickLocale, translator } from '../../i18n';
import { findPerson } from '../caller';
import type { Services } from '../context';
import type { RateLimits } from '../middleware/rate-limits';
import type { OwnRequest } from '../own-account';
import {
  type AppSetUp,
  beginOwnApp,
  confirmOwnApp,
  pendingOwnApp,
  renewOwnRecoveryCodes,
  switchOwnFactor,
} from '../own-two-factor';
import { findHalfSignedIn, giveSecondFactor, sendNewCode } from '../sign-in';
import { goOnData, type KeptForm, keptFormLimit, readKept } from './kept-form';
import { pageProblems } from './problem-page';
import { brandOfNext } from './remembered-brand';
import { renderPage } from './render';
import { browserLocale, languagesOf, preferredLanguage, typedField } from './request';
import { showSignIn } from './sign-in-page';
import { address, enterPage, landing, localeOf, nextOf, safeNext, setUpPath } from './signed-in';

const longestCode = 100;
const recoveryCodesPath = '/profile/two-factor/recovery-codes';

/** The second half of signing in, and what a person does about their second factor. The rules are the JSON routes'. // B3 */
export function twoFactorPages(services: Services, limits: RateLimits): Router {
  const router = Router();
  const form = express.urlencoded({ extended: false, limit: '64kb', parameterLimit: 20 });
  const signInForm = express.urlencoded({ extended: false, limit: keptFormLimit, parameterLimit: 20 });
  const enter = (request: Request, response: Response) =>
    enterPage(services, limits, request, response, { path: setUpPath, beforeSetUp: true });

  router.get('/sign-in/code', async (request, response) => {
    const next = safeNext(request.query.next);
    const sent = request.query.done === 'sent';
    if (!(await showCode(services, request, response, next, { sent })))
      response.redirect(303, address('/sign-in', request, nextOf(next)));
  });

  router.post('/sign-in/code', signInForm, async (request, response) => {
    const next = safeNext(typedField(request, 'next'));
    const kept = readKept(typedField(request, 'kept'));
    try {
      await giveSecondFactor(services, request, typedField(request, 'code').slice(0, longestCode));
      goOn(request, response, await landing(services, request, next), kept);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.code === 'UNAUTHENTICATED') return beginAgain(request, response, next, kept);
      if (error.options.retryAfter !== undefined) response.set('Retry-After', String(error.options.retryAfter));
      const reason = { WRONG_CODE: 'wrong', TOO_MANY_REQUESTS: 'tooMany' }[error.code as string];
      if (!reason) throw error;
      response.status(error.status);
      if (!(await showCode(services, request, response, next, { reason, kept })))
        await beginAgain(request, response, next, kept);
    }
  });

  router.post('/sign-in/code/new', signInForm, async (request, response) => {
    const next = safeNext(typedField(request, 'next'));
    const kept = readKept(typedField(request, 'kept'));
    try {
      await sendNewCode(services, limits, request);
      if (!kept) return response.redirect(303, address('/sign-in/code', request, { ...nextOf(next), done: 'sent' }));
      if (!(await showCode(services, request, response, next, { kept, sent: true })))
        await beginAgain(request, response, next, kept);
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'UNAUTHENTICATED') throw error;
      await beginAgain(request, response, next, kept);
    }
  });

  // A link could not bring along what was typed.
  router.post('/sign-in/code/other', signInForm, async (request, response) => {
    const kept = readKept(typedField(request, 'kept'));
    await beginAgain(request, response, safeNext(typedField(request, 'next')), kept, 200);
  });

  router.get(setUpPath, async (request, response) => {
    const own = await enter(request, response);
    if (own) showSetUp(own, response, null);
  });

  router.post(setUpPath, form, async (request, response) => {
    const own = await enter(request, response);
    if (!own) return;
    await orSignInAgain(request, response, async () => showSetUp(own, response, await beginOwnApp(own)));
  });

  router.post(`${setUpPath}/confirm`, form, async (request, response) => {
    const own = await enter(request, response);
    if (!own) return;
    await orSignInAgain(request, response, async () => {
      try {
        const recoveryCodes = await confirmOwnApp(own, typedField(request, 'code').slice(0, longestCode));
        await showRecoveryCodes(own, response, recoveryCodes, false);
      } catch (error) {
        if (!(error instanceof Problem) || !['BAD_INPUT', 'STATUS_CONFLICT'].includes(error.code)) throw error;
        // Sent once more after it was taken: the app is on, and its codes were shown.
        if (error.code === 'STATUS_CONFLICT' && presentFactor(own.person.factor) === 'app')
          return showCodesShown(own, response);
        response.status(error.status);
        showSetUp(own, response, await pendingOwnApp(own), error.code === 'BAD_INPUT');
      }
    });
  });

  router.post('/profile/two-factor', form, async (request, response) => {
    const own = await enterPage(services, limits, request, response);
    if (!own) return;
    await orSignInAgain(request, response, async () => {
      await switchOwnFactor(own, typedField(request, 'method') === 'email' ? 'email' : 'none');
      response.redirect(303, address('/profile', request, { done: 'factor' }));
    });
  });

  router.post(recoveryCodesPath, form, async (request, response) => {
    const own = await enterPage(services, limits, request, response);
    if (!own) return;
    await orSignInAgain(request, response, async () => {
      const epoch = typedField(request, 'epoch');
      try {
        const recoveryCodes = await renewOwnRecoveryCodes(own, /^\d{1,9}$/.test(epoch) ? Number(epoch) : -1);
        await showRecoveryCodes(own, response, recoveryCodes, true);
      } catch (error) {
        const again = error instanceof Problem && error.code === 'STATUS_CONFLICT';
        if (!again || presentFactor(own.person.factor) !== 'app') throw error;
        showCodesShown(own, response);
      }
    });
  });

  // The page sends back what it shows, and gets it as a file: without JavaScript, and with the codes in no address.
  router.post(`${recoveryCodesPath}/download`, form, async (request, response) => {
    const codes = typedField(request, 'codes').split(' ');
    if (codes.length > 20 || !codes.every((code) => recoveryCodePattern.test(code))) throw notFound('page');
    const person = await findPerson(services, request);
    const t = translator(localeOf(request, person));
    const lines = [t('pages.twoFactor.codesTitle'), ...(person ? [displayLogin(person.account)] : []), '', ...codes];
    response
      .set({
        'Cache-Control': 'no-store',
        'Content-Type': 'text/plain; charset=utf-8',
        'Content-Disposition': 'attachment; filename="usher-recovery-codes.txt"',
        'X-Content-Type-Options': 'nosniff',
      })
      .send([...lines, '', t('pages.twoFactor.codesFileUse'), ''].join('\r\n'));
  });

  router.use(pageProblems(services.logger, (request) => browserLocale(request)));
  return router;

  /** Name and password once more. What was typed stands in no address: the page comes as the answer. */
  async function beginAgain(
    request: Request,
    response: Response,
    next: string,
    kept: KeptForm | null,
    status = 401,
  ): Promise<void> {
    if (!kept) return response.redirect(303, address('/sign-in', request, nextOf(next)));
    const brand = await brandOfNext(services, request, next);
    showSignIn(request, response.status(status), next, { kept, brand });
  }
}

/** On to where signing in leads: back to the form that was kept, else to a page. */
export function goOn(request: Request, response: Response, next: string, kept: KeptForm | null): void {
  if (kept) response.send(renderPage('go-on', browserLocale(request), goOnData(kept)));
  else response.redirect(303, next);
}

/** @returns whether somebody is half signed in */
export async function showCode(
  services: Services,
  request: Request,
  response: Response,
  next: string,
  { reason, sent = false, kept = null }: { reason?: string; sent?: boolean; kept?: KeptForm | null } = {},
): Promise<boolean> {
  const half = await findHalfSignedIn(services, request);
  if (!half) return false;
  const locale = pickLocale(preferredLanguage(request), half.account.locale, request.get('accept-language'));
  const t = translator(locale);
  const brand = await brandOfNext(services, request, next);
  response.send(
    renderPage('sign-in-code', locale, {
      ...(brand && { brand }),
      byMail: half.mailCodeId !== null,
      next,
      kept: kept && JSON.stringify(kept),
      notice: sent && !reason ? t('pages.signInCode.sent') : null,
      action: address('/sign-in/code', request),
      againAction: address('/sign-in/code/new', request),
      otherAction: address('/sign-in/code/other', request),
      signInUrl: address('/sign-in', request, nextOf(next)),
      errors: reason ? [{ field: 'code', message: t(`fields.code.${reason}`) }] : [],
      ...(request.method === 'GET' && languageLinks('/sign-in/code', next)),
    }),
  );
  return true;
}

const displayLogin = ({ email, username }: Pick<Account, 'email' | 'username'>): string => email ?? username ?? '';

async function showRecoveryCodes(own: OwnRequest, response: Response, codes: string[], renewed: boolean) {
  const { request, person } = own;
  const { database } = own.services;
  const homeId = person.account.homeOrganizationId;
  const home = homeId && (await inOrganizations(database, [homeId], (trx) => findOrganization(trx, homeId)));
  response.set('Cache-Control', 'no-store').send(
    renderPage('recovery-codes', localeOf(request, person), {
      recoveryCodes: codes,
      renewed,
      login: displayLogin(person.account),
      madeAt: person.now,
      timeZone: home ? home.timeZone : 'UTC',
      downloadAction: address(`${recoveryCodesPath}/download`, request),
      nextUrl: address('/profile', request, { done: renewed ? 'codes' : 'factor' }),
    }),
  );
}

/** A form that has made its codes makes no others: whoever has not kept them asks anew. */
function showCodesShown({ request, person }: OwnRequest, response: Response): void {
  response.status(409).send(
    renderPage('recovery-codes-shown', localeOf(request, person), {
      renewAction: address(recoveryCodesPath, request),
      epoch: person.account.sessionEpoch,
      nextUrl: address('/profile', request),
    }),
  );
}

function showSetUp({ request, person }: OwnRequest, response: Response, setUp: AppSetUp | null, wrong = false): void {
  const locale = localeOf(request, person);
  response.send(
    renderPage('set-up-app', locale, {
      mustSetUp: person.mustSetUpApp,
      setUp: setUp && { otpauthUrl: setUp.otpauthUrl, qrCode: setUp.qrCode.png, key: setUp.key },
      beginAction: address(setUpPath, request),
      confirmAction: address(`${setUpPath}/confirm`, request),
      cancelUrl: address('/profile', request),
      signOutAction: address('/sign-out', request),
      errors: wrong ? [{ field: 'code', message: translator(locale)('fields.code.wrongApp') }] : [],
      ...languagesOf(request),
    }),
  );
}

/** A change needs a fresh sign-in: the person is sent there, and comes back. */
async function orSignInAgain(request: Request, response: Response, change: () => Promise<unknown>): Promise<void> {
  try {
    await change();
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'REAUTHENTICATION_REQUIRED') throw error;
    const next = address(request.path.startsWith(setUpPath) ? setUpPath : '/profile', request);
    response.redirect(303, address('/sign-in', request, { again: 'yes', next }));
  }
}

const languageLinks = (path: string, next: string) => ({
  languageLinks: locales.map((lang) => ({
    locale: lang,
    href: `${path}?${new URLSearchParams({ lang, ...nextOf(next) }).toString()}`,
  })),
});
