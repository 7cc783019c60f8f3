import type { Request } from 'express';
import { z } from 'zod';
import { type Locale, locales, pickLocale } from '../../i18n';

export const chosenLanguage = (request: Request): string | undefined =>
  z.enum(locales).safeParse((request.query as { lang?: unknown }).lang).data;

export const withLanguage = (path: string, request: Request): string => {
  const chosen = chosenLanguage(request);
  return chosen ? `${path}?lang=${chosen}` : path;
};

export const browserLocale = (request: Request): Locale =>
  pickLocale(chosenLanguage(request), request.get('accept-language'));

export function readCookie(request: Request, name: string): string | null {
  for (const part of (request.get('cookie') ?? '').split(';')) {
    const [key, value] = part.trim().split('=', 2);
    if (key === name && value) return value;
  }
  return null;
}

/** Fields as typed; one that is missing or doubled counts as empty. */
export function typedField(request: Request, name: string): string {
  const value = ((request.body ?? {}) as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : '';
}
