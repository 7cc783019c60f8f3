import express, { type Request, type Response, Router } from 'express';
import { Problem } from '../../domain/problem';
import { readAccountToken } from '../../domain/token';
import { pickLocale, translator } from '../../i18n';
import type { Services } from '../context';
import type { RateLimits } from '../middleware/rate-limits';
import {
  forgotPassword,
  homeOfExpired,
  openConfirmation,
  openResetLink,
  useConfirmationLink,
  useResetLink,
} from '../reset-password';
import { assertSameOrigin } from '../same-origin';
import { email as emailSchema } from '../schemas/common';
import { brandOf } from './brand';
import { pageProblems } from './problem-page';
import { brandOfNext, rememberBrand, rememberedBrand } from './remembered-brand';
import { passwordRuleItems, renderPage } from './render';
import {
  browserLocale,
  chosenLanguage,
  languagesOf,
  preferredLanguage,
  readCookie,
  typedField,
  withLanguage,
} from './request';

import { address, isInvitation, safeNext } from './signed-in';

const cookieMs = 60 * 60 * 1000;

/** The pages behind the links that account holders are mailed, and the one where they ask for one. */
export function accountLinkPages(services: Services, limits: RateLimits): Router {
  const router = Router();
  const form = express.urlencoded({ extended: false, limit: '64kb', parameterLimit: 20 });
  router.use(['/forgot-password', '/reset-password', '/confirm-email'], (request, response, next) => {
    response.locals.route = request.baseUrl;
    if (request.method === 'POST') assertSameOrigin(request, services.baseUrl);
    next();
  });

  const askPage = async (
    request: Request,
    email = '',
    sent = false,
    errors: { field: 'email'; message: string }[] = [],
  ) => {
    const next = safeNext(request.query.next);
    const back: Record<string, string> = isInvitation(next) ? { next } : {};
    const brand = await brandOfNext(services, request, next);
    return renderPage('forgot-password', browserLocale(request), {
      email,
      sent,
      errors,
      ...(brand && { brand }),
      action: address('/forgot-password', request, back),
      signInUrl: address('/sign-in', request, back),
      ...languagesOf(request),
    });
  };

  // Browsers say where a form comes from only where they may: also when it is shown again after a slip.
  router.use('/forgot-password', (_request, response, next) => {
    response.set('Referrer-Policy', 'same-origin');
    next();
  });

  router.get('/forgot-password', async (request, response) => {
    response.send(await askPage(request));
  });

  router.post('/forgot-password', form, async (request, response) => {
    const typed = typedField(request, 'email').trim();
    const email = emailSchema.safeParse(typed);
    if (email.success) {
      if (await limits.allowMail(request, email.data))
        services.mails.announce(await forgotPassword(services.database, email.data));
      response.status(202).send(await askPage(request, '', true));
      return;
    }
    const message = translator(browserLocale(request))('fields.email.invalid');
    response.status(400).send(await askPage(request, typed, false, [{ field: 'email', message }]));
  });

  // As with invitations, the token leaves the address bar, the history and the Referer before anything is shown.
  const kept = { 'reset-password': 'usher_reset', 'confirm-email': 'usher_confirm' } as const;
  for (const page of ['reset-password', 'confirm-email'] as const) {
    router.get(`/${page}/:token`, (request, response, next) => {
      const { token } = request.params;
      if (token === 'open') {
        next();
        return;
      }
      response.cookie(kept[page], token.slice(0, 200), {
        path: `/${page}/open`,
        httpOnly: true,
        sameSite: 'lax',
        secure: services.baseUrl.startsWith('https:'),
        maxAge: cookieMs,
      });
      response.redirect(303, withLanguage(`/${page}/open`, request));
    });
    router.use(`/${page}/open`, (_request, response, next) => {
      response.set('Referrer-Policy', 'same-origin');
      next();
    });
  }
  const purposes = { 'reset-password': 'password-reset', 'confirm-email': 'email-confirmation' } as const;
  const tokenOf = (request: Request, page: keyof typeof kept) => readCookie(request, kept[page]) ?? '';

  router.get('/reset-password/open', async (request, response) => {
    await orDead(request, response, 'reset-password', '/forgot-password', () => showReset(request, response));
  });

  router.post('/reset-password/open', form, async (request, response) => {
    const password = typedField(request, 'password');
    await orDead(request, response, 'reset-password', '/forgot-password', async () => {
      try {
        await useResetLink(services, request, tokenOf(request, 'reset-password'), password);
        response.clearCookie(kept['reset-password'], { path: '/reset-password/open' });
        response.redirect(303, signInWith(request, 'reset'));
      } catch (error) {
        if (!(error instanceof Problem) || error.code !== 'WEAK_PASSWORD') throw error;
        await showReset(request, response, password);
      }
    });
  });

  router.get('/confirm-email/open', async (request, response) => {
    const opened = await openConfirmation(services, request, tokenOf(request, 'confirm-email'));
    const locale = browserLocale(request);
    if (opened === null) return showDead(request, response, 'confirm-email', null);
    const { home, ...shown } = opened;
    if (home) rememberBrand(services, response, home.id, `account ${opened.accountId}`);
    response.send(
      renderPage('confirm-email', locale, {
        ...shown,
        home: home && home.name,
        ...(home && { brand: brandOf(home) }),
        action: withLanguage('/confirm-email/open', request),
        ...languagesOf(request),
      }),
    );
  });

  router.post('/confirm-email/open', form, async (request, response) => {
    await orDead(request, response, 'confirm-email', null, async () => {
      const resetToken = await useConfirmationLink(services, request, tokenOf(request, 'confirm-email'));
      response.clearCookie(kept['confirm-email'], { path: '/confirm-email/open' });
      if (resetToken === null) response.redirect(303, signInWith(request, 'confirmed'));
      else response.redirect(303, withLanguage(`/reset-password/${resetToken}`, request));
    });
  });

  router.use(pageProblems(services.logger, (request) => browserLocale(request)));
  return router;

  async function showReset(request: Request, response: Response, typed?: string): Promise<void> {
    const { account, policy, joins, home, unmet } = await openResetLink(services, tokenOf(request, 'reset-password'));
    if (home) rememberBrand(services, response, home.id, `account ${account.id}`);
    const locale = pickLocale(preferredLanguage(request), account.locale, request.get('accept-language'));
    const minLength = Math.max(policy.minLength, 8);
    response.status(typed === undefined ? 200 : 400).send(
      renderPage('reset-password', locale, {
        login: account.username ?? account.email ?? '',
        joins,
        ...(home && { brand: brandOf(home) }),
        action: withLanguage('/reset-password/open', request),
        minLength,
        passwordRules: passwordRuleItems(locale, minLength, typed === undefined ? null : unmet(typed)),
        errors: typed === undefined ? [] : [{ field: 'password', message: translator(locale)('fields.password.weak') }],
        ...languagesOf(request),
      }),
    );
  }

  async function orDead(
    request: Request,
    response: Response,
    page: keyof typeof kept,
    again: string | null,
    show: () => Promise<void>,
  ): Promise<void> {
    try {
      await show();
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'LINK_DEAD') throw error;
      await showDead(request, response, page, again);
    }
  }

  /** A link that was used, or was never ours, has nobody's look, unless this browser had opened it while it was alive. */
  async function showDead(request: Request, response: Response, page: keyof typeof kept, again: string | null) {
    const token = tokenOf(request, page);
    const accountId = readAccountToken(token)?.accountId;
    const home = await homeOfExpired(services, purposes[page], token);
    const brand = home
      ? brandOf(home)
      : await rememberedBrand(services, request, (led) =>
          token === '' ? led.startsWith('account ') : led === `account ${accountId}`,
        );
    const againUrl = again && withLanguage(again, request);
    response.status(410).send(
      renderPage('account-link-dead', browserLocale(request), {
        againUrl,
        profileUrl: withLanguage('/profile', request),
        ...(brand && { brand }),
        ...languagesOf(request),
      }),
    );
  }
}

const signInWith = (request: Request, done: 'reset' | 'confirmed'): string => {
  const language = chosenLanguage(request);
  return `/sign-in?done=${done}${language ? `&lang=${language}` : ''}`;
};
