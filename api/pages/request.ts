import type { Request, RequestHandler, Response } from 'express';
import { z } from 'zod';
import { type Locale, locales, pickLocale } from '../../i18n';

const known = (text: unknown): Locale | undefined => z.enum(locales).safeParse(text).data;

/** Of this address: links and forms of the page hand it on. */
export const chosenLanguage = (request: Request): Locale | undefined =>
  known((request.query as { lang?: unknown }).lang);

const cookie = 'usher_language';
const aYear = 365 * 24 * 60 * 60 * 1000;

/** What somebody has chosen, here or at an earlier page: it counts more than what others have set for them. */
export const preferredLanguage = (request: Request): Locale | undefined =>
  chosenLanguage(request) ?? known(readCookie(request, cookie));

export function keepLanguage(response: Response, baseUrl: string, locale: Locale): void {
  const secure = baseUrl.startsWith('https:');
  response.cookie(cookie, locale, { path: '/', httpOnly: true, sameSite: 'lax', secure, maxAge: aYear });
}

/** Whoever switches the language finds every later page in it. The address says it too, so no script is needed. */
export const rememberLanguage =
  (baseUrl: string): RequestHandler =>
  (request, response, next) => {
    const chosen = request.method === 'GET' ? chosenLanguage(request) : undefined;
    if (chosen !== undefined && chosen !== known(readCookie(request, cookie))) keepLanguage(response, baseUrl, chosen);
    next();
  };

export const withLanguage = (path: string, request: Request): string => {
  const chosen = chosenLanguage(request);
  return chosen ? `${path}?lang=${chosen}` : path;
};

/**
 * The page of this address in each language, for its footer; none where it is the answer to a form, which a link would not
 * show again.
 */
export function languagesOf(request: Request): { languageLinks?: { locale: Locale; href: string }[] } {
  if (request.method !== 'GET') return {};
  const [path = '', query] = request.originalUrl.split('?', 2);
  const parameters = new URLSearchParams(query);
  const languageLinks = locales.map((locale) => {
    parameters.set('lang', locale);
    return { locale, href: `${path}?${parameters.toString()}` };
  });
  return { languageLinks };
}

export const browserLocale = (request: Request): Locale =>
  pickLocale(preferredLanguage(request), request.get('accept-language'));

export function readCookie(request: Request, name: string): string | null {
  for (const part of (request.get('cookie') ?? '').split(';')) {
    const [key, value] = part.trim().split('=', 2);
    if (key === name && value) return value;
  }
  return null;
}

/** For forms with a text of several lines. */
export const longFormLimit = '1mb';

/** A text of several lines, as it counts everywhere else: browsers send two characters for the end of a line. */
export const typedText = (request: Request, name: string): string =>
  typedField(request, name).replaceAll('\r\n', '\n').trim();

/** Fields as typed; one that is missing or doubled counts as empty. */
export function typedField(request: Request, name: string): string {
  const value = ((request.body ?? {}) as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : '';
}
