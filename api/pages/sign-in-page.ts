import type { Request, Response } from 'express';
import { locales, translator } from '../../i18n';
import type { Brand } from './brand';
import type { KeptForm } from './kept-form';
import { renderPage } from './render';
import { browserLocale, withLanguage } from './request';
import { address, isInvitation, nextOf } from './signed-in';

/** What a link that was mailed to an account holder has done before it led to signing in. */
export const linkUses = ['reset', 'confirmed'] as const;

/** @param kept a form whose session had ended: it goes along, and is shown again afterwards */
export function showSignIn(
  request: Request,
  response: Response,
  next: string,
  {
    login = '',
    reason,
    kept = null,
    brand,
  }: { login?: string; reason?: string; kept?: KeptForm | null; brand?: Brand | undefined } = {},
): void {
  const locale = browserLocale(request);
  const done = kept
    ? 'ended'
    : request.query.again === 'yes'
      ? 'again'
      : request.query.done === 'ended'
        ? 'endedEmpty'
        : linkUses.find((what) => what === request.query.done);
  response.send(
    renderPage('sign-in', locale, {
      login,
      next,
      kept: kept && JSON.stringify(kept),
      action: withLanguage('/sign-in', request),
      forgotUrl: address('/forgot-password', request, isInvitation(next) ? { next } : {}),
      ...(brand && { brand, invitedTo: isInvitation(next) ? brand.organizationName : null }),
      notice: !reason && done ? translator(locale)(`pages.signIn.${done}`) : null,
      errors: reason ? [{ field: 'login', message: translator(locale)(`fields.login.${reason}`) }] : [],
      ...(request.method === 'GET' && languageLinks(next)),
    }),
  );
}

const languageLinks = (next: string) => ({
  languageLinks: locales.map((lang) => ({
    locale: lang,
    href: `/sign-in?${new URLSearchParams({ lang, ...nextOf(next) }).toString()}`,
  })),
});
