import express, { type Request, type Response, Router } from 'express';
import { acceptSignedIn, declineInvitation } from '../../db/commands/accept-invitation';
import { hearsOf, isTold } from '../../db/commands/notice-inviter';
import { requestNewLink } from '../../db/commands/request-new-link';
import { wayBackBehind } from '../../db/commands/reset-password';
import { inOrganization, readClock } from '../../db/database';
import { listInvitationEvents, type OpenedLink } from '../../db/queries/find-invitation';
import { displayName } from '../../domain/account';
import type { DeadLink } from '../../domain/invitation';
import { Problem } from '../../domain/problem';
import { verifyInvitationToken } from '../../domain/token';
import { listNames, type Locale, locales, pickLocale, translator } from '../../i18n';
import {
  acceptLink,
  assertAlive,
  type HeldLink,
  holdLink,
  inviterNameOf,
  lookBehind,
  unmetRules,
} from '../answer-invitation';
import { actorOf, findPerson, findReadyPerson, inviteeActor } from '../caller';
import type { Services } from '../context';
import type { RateLimits } from '../middleware/rate-limits';
import { line, paragraphs, username as usernameSchema } from '../schemas/common';
import { brandOf } from './brand';
import { pageProblems } from './problem-page';
import {
  browserLocale,
  languagesOf,
  longFormLimit,
  preferredLanguage,
  readCookie,
  typedField,
  typedText,
  withLanguage,
} from './request';
import { rememberBrand } from './remembered-brand';
import { sealLink, unsealLink } from './reopened';
import { address, home, isConsolePath, localeOf as localeOfPerson } from './signed-in';
import { passwordRuleItems, renderPage, type ViewData } from './render';
import { assertSameOrigin } from '../same-origin';

const cookieName = 'usher_link';
/** How long a page may stay open before its link must be followed again. */
const cookieMs = 60 * 60 * 1000;
const cleanPath = (invitationId: string): string => `/invitations/open/${invitationId}`;

type FieldErrors = ViewData['registration']['errors'];

/** The page behind the link in the mail, and what a person does there. Looking changes nothing; only their POST does. // F10 */
export function pagesRouter(services: Services, limits: RateLimits): Router {
  const router = Router();
  const form = express.urlencoded({ extended: false, limit: '64kb', parameterLimit: 20 });
  // A reason that is too long is shown again, however long it is.
  const longForm = express.urlencoded({ extended: false, limit: longFormLimit, parameterLimit: 20 });
  router.use(async (request, response, next) => {
    await limits.forAddress(request);
    response.set('Cache-Control', 'no-store');
    next();
  });

  router.get('/', async (request, response) => {
    const languageLinks = locales.map((locale) => ({ locale, href: `/?lang=${locale}` }));
    const signInUrl = withLanguage('/sign-in', request);
    const found = await findPerson(services, request);
    const nextUrl = found ? await home(services, request, found) : '';
    const person = found && {
      name: displayName(found.account),
      toConsole: isConsolePath(nextUrl),
      nextUrl,
      signOutUrl: withLanguage('/sign-out', request),
    };
    response.send(renderPage('home', localeOfPerson(request, found), { languageLinks, signInUrl, person }));
  });

  // The token leaves the address bar, the history and the Referer before anything is shown.
  router.get('/invitations/:token', async (request, response) => {
    response.locals.route = '/invitations/{token}';
    const token = request.params.token;
    const claim = verifyInvitationToken(services.keys, token);
    if (!claim || !(await holdOrNull(token))) return showUnknown(request, response);
    keepLink(response, claim.invitationId, token);
    response.redirect(303, withLanguage(cleanPath(claim.invitationId), request));
  });

  router.use('/invitations/open/:id', async (request, response, next) => {
    response.locals.route = `/invitations/open/{id}`;
    // No secret in this address any more; browsers then send the Origin that POSTs are checked by.
    response.set('Referrer-Policy', 'same-origin');
    if (request.method === 'POST') {
      await limits.forAnswer(request);
      assertSameOrigin(request, services.baseUrl);
    }
    next();
  });

  router.get('/invitations/open/:id', async (request, response) => {
    const opened = await open(request, response);
    if (!opened) return;
    if (opened.link.accountExists) await showToAccountHolder(request, response, opened);
    else response.send(renderPage('registration', opened.locale, registration(request, opened)));
  });

  router.post('/invitations/open/:id/accept', form, async (request, response) => {
    const accepted = withLanguage(`${cleanPath(request.params.id)}/accepted`, request);
    if (await acceptedLink(request)) return response.redirect(303, accepted);
    const opened = await open(request, response);
    if (!opened) return;
    const { held, link, locale } = opened;
    if (link.accountExists) {
      const person = await findReadyPerson(services, request);
      const ready = person !== null && person.id === link.holderId && !opened.reopened;
      if (!ready) return showToAccountHolder(request, response, opened);
      const { organizationId, claim } = held;
      const done = await inOrganization(services.database, organizationId, (trx) =>
        acceptSignedIn(trx, organizationId, claim.invitationId, claim, person.id, actorOf(person, request)),
      );
      await services.announcer.announce(done.changes);
      response.redirect(303, withLanguage(`${cleanPath(claim.invitationId)}/accepted`, request));
      return;
    }
    const typed = readForm(request);
    if (opened.reopened)
      return void response.status(400).send(renderPage('registration', locale, registration(request, opened, typed)));
    const { values, errors, unmet } = judge(link, typed, locale);
    if (errors.length === 0) {
      try {
        await acceptLink(services, held, link, values, inviteeActor(request), unmet ?? undefined);
        return response.redirect(303, accepted);
      } catch (error) {
        const code = error instanceof Problem && error.code;
        // The other of two submissions at once has won meanwhile.
        if (code === 'INVITATION_ANSWERED' && (await acceptedLink(request))) return response.redirect(303, accepted);
        if (code !== 'USERNAME_TAKEN') throw error;
        errors.push({ field: 'username', message: translator(locale)('fields.username.taken') });
      }
    }
    response.status(400).send(renderPage('registration', locale, registration(request, opened, typed, errors, unmet)));
  });

  router.get('/invitations/open/:id/accepted', async (request, response) => {
    const link = await acceptedLink(request);
    if (!link) {
      response.redirect(303, cleanPath(request.params.id));
      return;
    }
    const { invitation } = link;
    const locale = localeOf(request, link);
    response.send(
      renderPage('accepted', locale, {
        organizationName: namesOf(link, locale),
        brand: brandOf(link.organization),
        continueUrl: invitation.redirectUrl,
        signInUrl: withLanguage('/sign-in', request),
        signedIn: (await findReadyPerson(services, request))?.id === invitation.accountId,
        ...languagesOf(request),
      }),
    );
  });

  router.get('/invitations/open/:id/decline', async (request, response) => {
    const opened = await open(request, response);
    if (opened) showDecline(request, response, opened);
  });

  router.post('/invitations/open/:id/decline', longForm, async (request, response) => {
    const before = await holdCookie(request);
    const answered = before && (await lookBehind(services, before)).invitation;
    // Sent twice: whoever has declined by this link has what they wished.
    if (answered?.status === 'declined' && answered.generation === before?.claim.generation)
      return response.redirect(303, withLanguage(`${cleanPath(request.params.id)}/declined`, request));
    const opened = await open(request, response);
    if (!opened) return;
    const { held, locale } = opened;
    const typed = readForm(request);
    const shown = { reason: typed.reason, confirmed: typed.confirm === 'yes' };
    if (opened.reopened) return showDecline(request, response, opened, shown);
    const t = translator(locale);
    const errors: ViewData['decline']['errors'] = [];
    const reason = paragraphs(1_000).safeParse(typed.reason);
    if (!reason.success) {
      const fault = [...typed.reason].length > 1_000 ? 'tooLong' : 'invalid';
      errors.push({ field: 'reason', message: t(`fields.reason.${fault}`, { maxLength: 1_000 }) });
    }
    // A scanner that presses buttons leaves the box alone.
    if (typed.confirm !== 'yes') errors.push({ field: 'confirm', message: t('fields.confirmDecline.required') });
    if (errors.length > 0) return showDecline(request, response, opened, { ...shown, errors });
    const done = await inOrganization(services.database, held.organizationId, (trx) =>
      declineInvitation(trx, held.organizationId, held.claim, typed.reason || null, inviteeActor(request)),
    );
    await services.announcer.announce(done.changes);
    response.redirect(303, withLanguage(`${cleanPath(held.claim.invitationId)}/declined`, request));
  });

  router.get('/invitations/open/:id/declined', async (request, response) => {
    const held = await holdCookie(request);
    const link = held && (await lookBehind(services, held));
    if (link?.invitation.status !== 'declined') {
      response.redirect(303, cleanPath(request.params.id));
      return;
    }
    response.send(
      renderPage('declined', localeOf(request, link), {
        organizationName: namesOf(link, localeOf(request, link)),
        brand: brandOf(link.organization),
        ...languagesOf(request),
      }),
    );
  });

  router.post('/invitations/open/:id/request-new', form, async (request, response) => {
    const held = (await holdCookie(request)) ?? (await holdForm(request, response));
    if (!held) {
      response.status(400).send(renderPage('open-again', browserLocale(request), {}));
      return;
    }
    await inOrganization(services.database, held.organizationId, (trx) =>
      requestNewLink(trx, held.organizationId, held.claim, inviteeActor(request)),
    );
    response.redirect(303, withLanguage(`${cleanPath(held.claim.invitationId)}/requested`, request));
  });

  router.get('/invitations/open/:id/requested', async (request, response) => {
    const held = await holdCookie(request);
    if (!held) {
      response.status(400).send(renderPage('open-again', browserLocale(request), {}));
      return;
    }
    if (!(await hasRequested(held))) {
      response.redirect(303, withLanguage(cleanPath(held.claim.invitationId), request));
      return;
    }
    const link = await lookBehind(services, held);
    const { organization, invitation } = link;
    const told = await inOrganization(services.database, organization.id, (trx) =>
      isTold(trx, invitation, 'new-link-requested', held.claim.generation),
    );
    response.send(
      renderPage('request-sent', localeOf(request, link), {
        organizationName: organization.name,
        told,
        brand: brandOf(organization),
        ...languagesOf(request),
      }),
    );
  });

  router.use(pageProblems(services.logger, (request) => browserLocale(request)));
  return router;

  /** Who has an account signs in, and accepts by pressing a button: nothing needs to be typed again. // A4 */
  async function showToAccountHolder(request: Request, response: Response, opened: OpenPage): Promise<void> {
    const { link, locale, held, reopened } = opened;
    const person = await findReadyPerson(services, request);
    const next = withLanguage(cleanPath(link.invitation.id), request);
    rememberBrand(services, response, link.organization.id, `invitation ${link.invitation.id}`);
    const data = { ...about(link, locale), ...paths(request), ...languages(request) };
    response.status(reopened && person ? 400 : 200).send(
      person
        ? renderPage('accept-signed-in', locale, {
            ...data,
            held: held.sealed,
            reopened,
            message: link.invitation.message,
            name: displayName(person.account),
            rightAccount: person.id === link.holderId,
            signOutAction: withLanguage('/sign-out', request),
            next,
          })
        : renderPage('sign-in-required', locale, { ...data, signInUrl: address('/sign-in', request, { next }) }),
    );
  }

  /** The link that this browser has followed, if it is the one of this address. */
  async function holdCookie(request: Request): Promise<TokenLink | null> {
    const token = readCookie(request, cookieName);
    return token ? holdToken(request, token) : null;
  }

  async function holdToken(request: Request, token: string): Promise<TokenLink | null> {
    const held = await holdOrNull(token);
    return held && held.claim.invitationId === request.params.id ? { ...held, token } : null;
  }

  /** The link by which the form that was sent had been shown, once its cookie has run out: the browser gets it again. */
  async function holdForm(request: Request, response: Response): Promise<TokenLink | null> {
    const sealed = unsealLink(services.keys, String(request.params.id), request);
    const held = sealed && (await holdToken(request, sealed.token));
    if (!held || (await readClock(services.database)) >= sealed.until) return null;
    keepLink(response, held.claim.invitationId, held.token);
    return held;
  }

  function keepLink(response: Response, invitationId: string, token: string): void {
    response.cookie(cookieName, token, {
      path: cleanPath(invitationId),
      httpOnly: true,
      sameSite: 'lax',
      secure: services.baseUrl.startsWith('https:'),
      maxAge: cookieMs,
    });
  }

  /** The link of this browser, if it is the one by which its invitation was accepted. */
  async function acceptedLink(request: Request): Promise<OpenedLink | null> {
    const held = await holdCookie(request);
    const link = held && (await lookBehind(services, held));
    const accepted = link?.invitation.status === 'accepted' && held?.claim.generation === link.invitation.generation;
    return accepted ? link : null;
  }

  /** Whether a new invitation was asked for by this very link. */
  async function hasRequested({ organizationId, claim }: HeldLink): Promise<boolean> {
    const events = await inOrganization(services.database, organizationId, (trx) =>
      listInvitationEvents(trx, organizationId, claim.invitationId),
    );
    return events.some(
      ({ type, data }) => type === 'invitation.new-link-requested' && data['generation'] === claim.generation,
    );
  }

  function holdOrNull(token: string): Promise<HeldLink | null> {
    return holdLink(services, token).catch((error: unknown) => {
      if (error instanceof Problem) return null;
      throw error;
    });
  }

  /** Shows why nothing can be done here, and answers null then. */
  async function open(request: Request, response: Response): Promise<OpenPage | null> {
    const kept = await holdCookie(request);
    const held = kept ?? (await holdForm(request, response));
    if (!held) {
      response.status(400).send(renderPage('open-again', browserLocale(request), {}));
      return null;
    }
    const link = await lookBehind(services, held);
    const locale = localeOf(request, link);
    const sealed = sealLink(services.keys, held.claim.invitationId, held.token, link.now);
    try {
      assertAlive(link);
    } catch (error) {
      if (!(error instanceof Problem) || !link.dead) throw error;
      await showDead(services, request, response, { link, locale, held: { ...held, sealed } }, link.dead);
      return null;
    }
    return { held: { ...held, sealed }, link, locale, reopened: kept === null };
  }
}

type TokenLink = HeldLink & { token: string };

interface OpenPage {
  held: TokenLink & { sealed: string };
  link: OpenedLink;
  locale: Locale;
  /** By the form that was sent: it is shown again, and nothing is done. */
  reopened: boolean;
}

function showUnknown(request: Request, response: Response): void {
  const data = {
    organizationName: null,
    inviterName: null,
    requestNewAction: null,
    held: null,
    signInUrl: withLanguage('/sign-in', request),
    expiredAt: null,
    timeZone: 'UTC',
  };
  response.status(404).send(renderPage('dead-link', browserLocale(request), { ...data, reason: 'unknown' }));
}

const reasons = {
  NOT_FOUND: 'unknown',
  INVITATION_SUPERSEDED: 'superseded',
  INVITATION_EXPIRED: 'expired',
  INVITATION_CANCELLED: 'cancelled',
  INVITATION_ANSWERED: 'answered',
} as const satisfies Record<DeadLink, ViewData['dead-link']['reason']>;

function reasonOf(dead: Exclude<DeadLink, 'NOT_FOUND'>, { invitation }: OpenedLink): ViewData['dead-link']['reason'] {
  // A link that is handed over comes by no mail.
  if (dead === 'INVITATION_SUPERSEDED' && invitation.byHand) return 'replaced';
  // Who has declined has no account to sign in with.
  if (dead === 'INVITATION_ANSWERED' && invitation.status === 'declined') return 'declined';
  return reasons[dead];
}

/**
 * What somebody with the newest link can still do once its time has run out. An earlier one may have gone to another
 * address: it opens nothing, and tells nothing. // E8, F11
 */
async function waysOn(
  { database }: Services,
  request: Request,
  { invitation, organization, now }: OpenedLink,
  { generation }: HeldLink['claim'],
  dead: DeadLink,
): Promise<Pick<ViewData['dead-link'], 'requestNewAction' | 'inviterHears' | 'wayBack'>> {
  if (dead !== 'INVITATION_EXPIRED' || generation !== invitation.generation) return { requestNewAction: null };
  return inOrganization(database, organization.id, async (trx) => {
    const back = await wayBackBehind(trx, invitation, now);
    return {
      requestNewAction: withLanguage(`${cleanPath(invitation.id)}/request-new`, request),
      inviterHears: await hearsOf(trx, invitation),
      wayBack: back && { ...back, action: withLanguage('/forgot-password', request) },
    };
  });
}

async function showDead(
  services: Services,
  request: Request,
  response: Response,
  { link, locale, held }: Omit<OpenPage, 'reopened'>,
  dead: DeadLink,
): Promise<void> {
  if (dead === 'NOT_FOUND') return showUnknown(request, response);
  response.status(410).send(
    renderPage('dead-link', locale, {
      ...(await waysOn(services, request, link, held.claim, dead)),
      reason: reasonOf(dead, link),
      brand: brandOf(link.organization),
      organizationName: link.organization.name,
      inviterName: inviterName(link),
      held: held.sealed,
      signInUrl: withLanguage('/sign-in', request),
      expiredAt: link.invitation.expiresAt,
      timeZone: link.organization.timeZone,
      ...(request.method === 'GET' && languages(request)),
    }),
  );
}

function showDecline(
  request: Request,
  response: Response,
  { link, locale, held, reopened }: OpenPage,
  typed: Pick<ViewData['decline'], 'reason' | 'confirmed'> & { errors?: ViewData['decline']['errors'] } = {},
): void {
  const path = cleanPath(link.invitation.id);
  response.status(typed.errors || reopened ? 400 : 200).send(
    renderPage('decline', locale, {
      errors: [],
      held: held.sealed,
      reopened,
      brand: brandOf(link.organization),
      organizationName: namesOf(link, locale),
      inviterName: inviterName(link),
      action: withLanguage(`${path}/decline`, request),
      backUrl: withLanguage(path, request),
      ...typed,
      ...(request.method === 'GET' && languages(request, '/decline')),
    }),
  );
}

const inviterName = ({ invitation }: OpenedLink): string | null => inviterNameOf(invitation);

/** Of all organizations that the link leads to. // C3 */
const namesOf = ({ organization, others }: OpenedLink, locale: Locale): string =>
  listNames(locale, [organization, ...others]);

const about = (link: OpenedLink, locale: Locale) => ({
  brand: brandOf(link.organization),
  organizationName: namesOf(link, locale),
  inviterName: inviterName(link),
  kind: link.invitation.kind,
  email: link.invitation.email,
  expiresAt: link.invitation.expiresAt ?? link.now,
  timeZone: link.organization.timeZone,
});

const paths = (request: Request) => ({
  action: withLanguage(`${cleanPath(String(request.params.id))}/accept`, request),
  declineUrl: withLanguage(`${cleanPath(String(request.params.id))}/decline`, request),
});

const languages = (request: Request, page = '') => ({
  languageLinks: locales.map((locale) => ({
    locale,
    href: `${cleanPath(String(request.params.id))}${page}?lang=${locale}`,
  })),
});

interface Typed {
  firstName: string;
  lastName: string;
  username: string;
  password: string;
  reason: string;
  confirm: string;
}

function readForm(request: Request): Typed {
  const field = (name: string) => typedField(request, name);
  return {
    firstName: field('firstName').trim(),
    lastName: field('lastName').trim(),
    username: field('username').trim(),
    password: field('password'),
    reason: typedText(request, 'reason'),
    confirm: field('confirm'),
  };
}

/** The rules of the JSON route, in the person's language and by field. // C9, C10 */
function judge(link: OpenedLink, typed: Typed, locale: Locale) {
  const t = translator(locale);
  const errors: FieldErrors = [];
  for (const field of ['firstName', 'lastName'] as const) {
    if (typed[field] === '') errors.push({ field, message: t(`fields.${field}.required`) });
    else if (!line(100).safeParse(typed[field]).success)
      errors.push({
        field,
        message: t(`fields.${field}.${[...typed[field]].length > 100 ? 'tooLong' : 'invalid'}`, { maxLength: 100 }),
      });
  }
  const asked = link.fixedUsername === null;
  if (asked && typed.username === '' && link.invitation.email === null)
    errors.push({ field: 'username', message: t('fields.username.required') });
  if (asked && typed.username !== '' && !usernameSchema.safeParse(typed.username).success)
    errors.push({ field: 'username', message: t('fields.username.invalid') });
  const values = {
    firstName: typed.firstName,
    lastName: typed.lastName,
    ...(asked && typed.username !== '' && { username: typed.username }),
    password: typed.password,
  };
  const unmet = typed.password === '' ? null : unmetRules(link, values);
  if (unmet === null) errors.push({ field: 'password', message: t('fields.password.required') });
  else if (unmet.includes('tooLong'))
    errors.push({ field: 'password', message: t('fields.password.tooLong', { maxLength: 200 }) });
  else if (unmet.length > 0) errors.push({ field: 'password', message: t('fields.password.weak') });
  return { values, errors, unmet };
}

function registration(
  request: Request,
  { link, locale, held, reopened }: OpenPage,
  typed?: Typed,
  errors: FieldErrors = [],
  unmet: readonly string[] | null = null,
): ViewData['registration'] {
  const { minLength } = link;
  return {
    held: held.sealed,
    reopened,
    ...about(link, locale),
    ...paths(request),
    ...(request.method === 'GET' && languages(request)),
    firstName: typed?.firstName ?? link.invitation.firstName ?? '',
    lastName: typed?.lastName ?? link.invitation.lastName ?? '',
    username: typed?.username ?? '',
    askUsername: link.fixedUsername === null,
    usernameRequired: link.invitation.email === null,
    fixedUsername: link.fixedUsername,
    message: link.invitation.message,
    passwordRules: passwordRuleItems(locale, minLength, unmet),
    minLength,
    errors,
  };
}

const localeOf = (request: Request, { invitation, organization }: OpenedLink): Locale =>
  pickLocale(preferredLanguage(request), invitation.locale, organization.locale);
