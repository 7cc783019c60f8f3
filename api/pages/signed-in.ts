import type { Request, Response } from 'express';
import { currentOrganization, listAccountOrganizations } from '../../db/queries/find-account';
import { pickLocale } from '../../i18n';
import { actorOf, findPerson, type Person } from '../caller';
import type { Services } from '../context';
import type { RateLimits } from '../middleware/rate-limits';
import type { OwnRequest } from '../own-account';
import { chosenLanguage, preferredLanguage } from './request';

export const setUpPath = '/profile/two-factor/app';

/** Where a sign-in may lead: our own pages, and nothing that another site could put into the link. */
const nextPattern = /^\/(profile|profile\/two-factor\/app|invitations\/open\/[0-9a-f-]{36})(\?lang=(en|de))?$/;
const consolePattern = /^\/console(\/[\w-]+)*(\?[\w=&%.+@~-]*)?$/;
/** A screen of ours, whatever a form or a link says. */
export const isConsolePath = (text: string): boolean => consolePattern.test(text);
export const isNext = (text: string): boolean => nextPattern.test(text) || isConsolePath(text);
/** Whether it leads back to an invitation whose link was opened. */
export const isInvitation = (next: string): boolean => next.startsWith('/invitations/open/');
/** Empty where nothing was asked for that may be: then signing in leads home. */
export const safeNext = (text: unknown): string => (typeof text === 'string' && isNext(text) ? text : '');
/** As a parameter of an address. */
export const nextOf = (next: string): Record<string, string> => (next ? { next } : {});

/** Where somebody belongs who has asked for nothing else: whoever runs an organization in its console. */
export async function home({ database }: Services, request: Request, { account }: Person): Promise<string> {
  const organizations = await listAccountOrganizations(database, account.id);
  const current = currentOrganization(account, organizations, request.session.currentOrganizationId);
  return address(current?.kind === 'member' && current.role !== 'member' ? '/console' : '/profile', request);
}

/** Where signing in leads, once it is done. */
export async function landing(services: Services, request: Request, next: string): Promise<string> {
  const person = next ? null : await findPerson(services, request);
  return person ? home(services, request, person) : next || '/profile';
}

/** An address with the language that was chosen and further parameters. */
export function address(path: string, request: Request, parameters: Record<string, string> = {}): string {
  const language = chosenLanguage(request);
  const query = new URLSearchParams({ ...(language && { lang: language }), ...parameters }).toString();
  return query ? `${path}?${query}` : path;
}

export const localeOf = (request: Request, person: Person | null) =>
  pickLocale(preferredLanguage(request), person?.account.locale, request.get('accept-language'));

/** The signed-in person; who is not is sent to sign in, who must set up an app first to that, and both answer null. */
export async function enterPage(
  services: Services,
  limits: RateLimits,
  request: Request,
  response: Response,
  { path = '/profile', beforeSetUp = false } = {},
): Promise<OwnRequest | null> {
  const person = await findPerson(services, request);
  const ended: Record<string, string> = request.method === 'POST' ? { done: 'ended' } : {};
  if (!person) response.redirect(303, address('/sign-in', request, { next: address(path, request), ...ended }));
  else if (person.mustSetUpApp && !beforeSetUp) response.redirect(303, address(setUpPath, request));
  else return { services, limits, request, person, actor: actorOf(person, request) };
  return null;
}
