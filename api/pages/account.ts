import express, { type Request, type Response, Router } from 'express';
import { changeOwnAccount, switchOrganization } from '../../db/commands/change-own-account';
import { leaveOrganization } from '../../db/commands/manage-guest';
import { accountEvent } from '../../db/commands/sign-in';
import { inOrganizations } from '../../db/database';
import { currentOrganization, listAccountOrganizations, passwordPolicyFor } from '../../db/queries/find-account';
import { findOrganization } from '../../db/queries/find-organization';
import { listOwnInvitations } from '../../db/queries/list-own-invitations';
import { deleteSession, listSessions, switchSession } from '../../db/queries/list-sessions';
import { countRecoveryCodes } from '../../db/queries/find-two-factor';
import { displayName } from '../../domain/account';
import { unmetPasswordRules } from '../../domain/password';
import { notFound, Problem, type ProblemCode } from '../../domain/problem';
import { mayChoose, presentFactor } from '../../domain/two-factor';
import { listNames, locales, pickLocale, translator } from '../../i18n';
import { actorOf, findPerson } from '../caller';
import type { Services } from '../context';
import type { RateLimits } from '../middleware/rate-limits';
import {
  answerOwnInvitation,
  changeOwnEmail,
  changeOwnPassword,
  ownAnswer,
  type OwnRequest,
  personalWords,
} from '../own-account';
import { inviterNameOf } from '../answer-invitation';
import { assertSameOrigin } from '../same-origin';
import { toSession } from '../schemas/accounts';
import { email as emailSchema, id as uuid, line, paragraphs } from '../schemas/common';
import { endSession } from '../session';
import { signIn } from '../sign-in';
import type { Brand } from './brand';
import { keepForm, keptFormLimit, readKept } from './kept-form';
import { pageProblems } from './problem-page';
import { brandOfNext, rememberedBrand } from './remembered-brand';
import { passwordRuleItems, renderPage, type ViewData } from './render';
import {
  browserLocale,
  chosenLanguage,
  keepLanguage,
  languagesOf,
  longFormLimit,
  typedField,
  typedText,
  withLanguage,
} from './request';
import { address, enterPage, home, isNext, landing, localeOf, nextOf, safeNext, setUpPath } from './signed-in';
import { linkUses, showSignIn } from './sign-in-page';
import { goOn, showCode } from './two-factor';

const notices = [
  'data',
  'email',
  'confirmed',
  'left',
  'password',
  'session',
  'factor',
  'codes',
  'accepted',
  'declined',
  'gone',
  'outside',
] as const;
/** Not what the person has done, but what was done meanwhile. */
const news: readonly string[] = ['gone', 'outside'];
type Notice = (typeof notices)[number];

const goneCodes: readonly ProblemCode[] = [
  'NOT_FOUND',
  'INVITATION_CANCELLED',
  'INVITATION_EXPIRED',
  'INVITATION_ANSWERED',
];

/** The list that somebody looks at may be older than what became of an invitation: they see it as it is now. */
const isGone = (request: Request, error: unknown): boolean =>
  error instanceof Problem && goneCodes.includes(error.code) && uuid.safeParse(request.params['id']).success;

const signInProblems: Partial<Record<ProblemCode, string>> = {
  SIGN_IN_FAILED: 'failed',
  ACCOUNT_NOT_ACTIVE: 'notActive',
  TOO_MANY_REQUESTS: 'tooMany',
};

/** Signing in and out, and what a person does about themselves. The rules are the JSON routes'. */
export function accountPages(services: Services, limits: RateLimits): Router {
  const router = Router();
  const form = express.urlencoded({ extended: false, limit: '64kb', parameterLimit: 20 });
  // A form that was kept comes along, written as JSON within a form.
  const signInForm = express.urlencoded({ extended: false, limit: keptFormLimit, parameterLimit: 20 });
  // A reason that is too long is shown again, however long it is.
  const longForm = express.urlencoded({ extended: false, limit: longFormLimit, parameterLimit: 20 });
  const enter = async (request: Request, response: Response): Promise<OwnRequest | null> => {
    const kept = request.method === 'POST' ? readKept(keepForm(request) ?? '') : null;
    if (!kept || (await findPerson(services, request))) return enterPage(services, limits, request, response);
    showSignIn(request, response.status(401), '/profile', { kept });
    return null;
  };
  router.use(['/sign-in', '/sign-out', '/profile'], (request, response, next) => {
    response.locals.route = request.baseUrl;
    response.set('Referrer-Policy', 'same-origin');
    if (request.method === 'POST') assertSameOrigin(request, services.baseUrl);
    next();
  });

  router.get('/sign-in', async (request, response) => {
    const next = safeNext(request.query.next);
    const person = request.query.again === 'yes' ? null : await findPerson(services, request);
    if (person?.mustSetUpApp) response.redirect(303, address(setUpPath, request));
    else if (person && request.query.done === 'confirmed') done(request, response, 'confirmed');
    else if (person) response.redirect(303, next || (await home(services, request, person)));
    else showSignIn(request, response, next, { brand: await brandOfSignIn(request, next) });
  });

  router.post('/sign-in', signInForm, async (request, response) => {
    const next = safeNext(typedField(request, 'next'));
    const login = typedField(request, 'login').trim();
    try {
      if (login === '' || login.length > 254) throw new Problem('SIGN_IN_FAILED', 'There is no such name.');
      const status = await signIn(services, limits, request, login, typedField(request, 'password').slice(0, 1_000));
      const kept = readKept(typedField(request, 'kept'));
      if (status === 'signed-in') goOn(request, response, await landing(services, request, next), kept);
      // What was typed stands in no address: the page for the code comes as the answer.
      else if (kept) await showCode(services, request, response, next, { kept });
      else response.redirect(303, address('/sign-in/code', request, nextOf(next)));
    } catch (error) {
      const reason = error instanceof Problem ? signInProblems[error.code] : undefined;
      if (!reason || !(error instanceof Problem)) throw error;
      response.status(error.status);
      if (error.options.retryAfter !== undefined) response.set('Retry-After', String(error.options.retryAfter));
      const kept = readKept(typedField(request, 'kept'));
      showSignIn(request, response, next, { login, reason, kept, brand: await brandOfSignIn(request, next) });
    }
  });

  router.get('/sign-out', async (request, response) => {
    const person = await findPerson(services, request);
    response.send(
      renderPage('sign-out', localeOf(request, person), {
        name: person && displayName(person.account),
        action: withLanguage('/sign-out', request),
        signInUrl: withLanguage('/sign-in', request),
        ...languagesOf(request),
      }),
    );
  });

  router.post('/sign-out', form, async (request, response) => {
    const person = await findPerson(services, request);
    if (person)
      await accountEvent(services.database, person.account, 'account.signed-out', actorOf(person, request), () =>
        Promise.resolve(),
      );
    await endSession(request);
    const next = typedField(request, 'next');
    if (isNext(next)) response.redirect(303, address('/sign-in', request, { next }));
    else response.redirect(303, withLanguage('/sign-out', request));
  });

  router.get('/profile', async (request, response) => {
    const own = await enter(request, response);
    if (own) await showProfile(own, response);
  });

  router.post('/profile', form, async (request, response) => {
    const own = await enter(request, response);
    if (!own) return;
    const { account } = own.person;
    const t = translator(localeOf(request, own.person));
    const names = {
      firstName: typedField(request, 'firstName').trim(),
      lastName: typedField(request, 'lastName').trim(),
    };
    const chosen = locales.find((locale) => locale === typedField(request, 'locale'));
    // The session had ended while the form was open: it is shown again, and nothing is done.
    if (typedField(request, 'redisplay')) return showProfile(own, response, { ...names, locale: chosen });
    const errors: ViewData['profile']['errors'] = [];
    for (const field of ['firstName', 'lastName'] as const) {
      if (names[field] === '') errors.push({ field, message: t(`fields.${field}.required`) });
      else if (!line(100).safeParse(names[field]).success)
        errors.push({ field, message: t(`fields.${field}.invalid`) });
    }
    if (errors.length > 0) return showProfile(own, response, { ...names, errors });
    await accountEvent(services.database, account, 'account.changed', own.actor, (trx) =>
      changeOwnAccount(trx, account.id, { ...names, ...(chosen && { locale: chosen }) }),
    );
    if (!chosen || chosen === account.locale) return done(request, response, 'data');
    // Chosen anew: from now on it counts, whatever this browser has been told before.
    keepLanguage(response, services.baseUrl, chosen);
    response.redirect(303, '/profile?done=data');
  });

  router.post('/profile/password', form, async (request, response) => {
    const own = await enter(request, response);
    if (!own) return;
    const t = translator(localeOf(request, own.person));
    const password = typedField(request, 'password');
    try {
      await changeOwnPassword(own, typedField(request, 'currentPassword').slice(0, 1_000), password);
      done(request, response, 'password');
    } catch (error) {
      if (!(error instanceof Problem) || !['WRONG_PASSWORD', 'WEAK_PASSWORD'].includes(error.code)) throw error;
      const wrong = error.code === 'WRONG_PASSWORD';
      await showProfile(own, response, {
        errors: wrong
          ? [{ field: 'currentPassword', message: t('fields.currentPassword.wrong') }]
          : [{ field: 'password', message: t('fields.password.weak') }],
        ...(!wrong && { password }),
      });
    }
  });

  router.post('/profile/email', form, async (request, response) => {
    const own = await enter(request, response);
    if (!own) return;
    const t = translator(localeOf(request, own.person));
    const newEmail = typedField(request, 'email').trim();
    const email = emailSchema.safeParse(newEmail);
    if (typedField(request, 'redisplay')) return showProfile(own, response, { newEmail });
    if (!email.success)
      return showProfile(own, response, { newEmail, errors: [{ field: 'email', message: t('fields.email.invalid') }] });
    try {
      await changeOwnEmail(own, typedField(request, 'emailPassword').slice(0, 1_000), email.data);
      done(request, response, 'email');
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.code === 'REAUTHENTICATION_REQUIRED')
        return response.redirect(
          303,
          address('/sign-in', request, { again: 'yes', next: address('/profile', request) }),
        );
      if (error.code !== 'WRONG_PASSWORD') throw error;
      const message = t('fields.currentPassword.wrong');
      await showProfile(own, response, { newEmail, errors: [{ field: 'emailPassword', message }] });
    }
  });

  router.post('/profile/organizations/:id/switch', form, async (request, response) => {
    const own = await enter(request, response);
    if (!own) return;
    const found = await joined(request, own);
    if (!found) return done(request, response, 'outside');
    const { id } = found;
    await inOrganizations(services.database, [id], (trx) => switchOrganization(trx, own.person.id, id, own.actor));
    await switchSession(services.database, request.sessionID, id);
    response.redirect(303, address('/console', request));
  });

  router.get('/profile/organizations/:id/leave', async (request, response) => {
    const own = await enter(request, response);
    if (!own) return;
    const found = await joined(request, own);
    if (!found) return done(request, response, 'outside');
    const { id, name } = found;
    response.send(
      renderPage('leave', localeOf(request, own.person), {
        organizationName: name,
        action: withLanguage(`/profile/organizations/${id}/leave`, request),
        backUrl: withLanguage('/profile', request),
        ...languagesOf(request),
      }),
    );
  });

  router.post('/profile/organizations/:id/leave', form, async (request, response) => {
    const own = await enter(request, response);
    if (!own) return;
    const found = await joined(request, own);
    // Sent twice: whoever has left is out.
    if (!found) return done(request, response, 'left');
    const { id } = found;
    await inOrganizations(services.database, [id], (trx) => leaveOrganization(trx, id, own.person.id, own.actor));
    if (request.session.currentOrganizationId === id) {
      const left = await listAccountOrganizations(services.database, own.person.id);
      const next = currentOrganization(own.person.account, left, id);
      if (next) await switchSession(services.database, request.sessionID, next.id);
    }
    done(request, response, 'left');
  });

  router.post('/profile/sessions/:id/end', form, async (request, response) => {
    const own = await enter(request, response);
    if (!own) return;
    const id = uuid.safeParse(request.params.id);
    if (id.success) await deleteSession(services.database, own.person.id, id.data);
    done(request, response, 'session');
  });

  router.get('/profile/invitations/:id/decline', async (request, response) => {
    const own = await enter(request, response);
    if (!own) return;
    try {
      await showDecline(own, response);
    } catch (error) {
      if (!isGone(request, error)) throw error;
      done(request, response, 'gone');
    }
  });

  for (const answer of ['accept', 'decline'] as const)
    router.post(
      `/profile/invitations/:id/${answer}`,
      answer === 'decline' ? longForm : form,
      async (request, response) => {
        const own = await enter(request, response);
        if (!own) return;
        const id = uuid.safeParse(request.params.id);
        if (!id.success) throw notFound('invitation');
        const answered = answer === 'accept' ? 'accepted' : 'declined';
        const reason = typedText(request, 'reason');
        // The session had ended while the page was open: it is shown again, and nothing is done.
        if (answer === 'decline' && typedField(request, 'redisplay')) return showDecline(own, response, { reason });
        try {
          if (answer === 'decline') {
            const t = translator(localeOf(request, own.person));
            const errors: ViewData['decline']['errors'] = [];
            if (!paragraphs(1_000).safeParse(reason).success) {
              const fault = [...reason].length > 1_000 ? 'tooLong' : 'invalid';
              errors.push({ field: 'reason', message: t(`fields.reason.${fault}`, { maxLength: 1_000 }) });
            }
            if (typedField(request, 'confirm') !== 'yes')
              errors.push({ field: 'confirm', message: t('fields.confirmDecline.required') });
            if (errors.length > 0)
              return await showDecline(own, response, {
                reason,
                confirmed: typedField(request, 'confirm') === 'yes',
                errors,
              });
          }
          await answerOwnInvitation(own, id.data, answer, reason || null);
        } catch (error) {
          // The other of two submissions has won: what it answered is what was wished.
          const twice = error instanceof Problem && error.code === 'INVITATION_ANSWERED';
          if (!twice || (await ownAnswer(own, id.data)) !== answered) {
            if (isGone(request, error)) return done(request, response, 'gone');
            throw error;
          }
        }
        done(request, response, answered);
      },
    );

  router.use(pageProblems(services.logger, (request) => browserLocale(request)));
  return router;

  /** Of the link that has led here: an invitation to come back to, or an account's link that was just used. */
  function brandOfSignIn(request: Request, next: string): Promise<Brand | undefined> {
    const used = request.method === 'GET' && linkUses.some((what) => what === request.query.done);
    return used
      ? rememberedBrand(services, request, (led) => led.startsWith('account '))
      : brandOfNext(services, request, next);
  }

  /** The organization of the path; undefined: the person does not belong to it, or not any more. */
  async function joined(request: Request, { person }: OwnRequest) {
    if (!uuid.safeParse(request.params.id).success) throw notFound('organization');
    const all = await listAccountOrganizations(services.database, person.id);
    return all.find(({ id }) => id === request.params.id);
  }

  /** @throws Problem NOT_FOUND for an invitation that is not open to this person */
  async function showDecline(
    { request, person }: OwnRequest,
    response: Response,
    typed: Pick<ViewData['decline'], 'reason' | 'confirmed'> & { errors?: ViewData['decline']['errors'] } = {},
  ): Promise<void> {
    const own = await listOwnInvitations(services.database, person.account.email);
    const found = own.find(({ invitation }) => invitation.id === request.params.id);
    if (!found) throw notFound('invitation');
    const { invitation, organization, others } = found;
    const locale = localeOf(request, person);
    response.status(typed.errors ? 400 : 200).send(
      renderPage('decline', locale, {
        errors: [],
        held: null,
        organizationName: listNames(locale, [organization, ...others]),
        inviterName: inviterNameOf(invitation),
        action: withLanguage(`/profile/invitations/${invitation.id}/decline`, request),
        backUrl: withLanguage('/profile', request),
        ...typed,
        ...languagesOf(request),
      }),
    );
  }

  async function showProfile(
    { request, person }: OwnRequest,
    response: Response,
    typed: Partial<Pick<ViewData['profile'], 'firstName' | 'lastName' | 'newEmail' | 'errors'>> & {
      password?: string;
      locale?: ViewData['profile']['locale'] | undefined;
    } = {},
  ): Promise<void> {
    const { database } = services;
    const { account } = person;
    const locale = localeOf(request, person);
    const { factor } = person;
    const method = presentFactor(factor);
    const [invitations, organizations, open, codesLeft] = await Promise.all([
      listOwnInvitations(database, account.email),
      listAccountOrganizations(database, account.id),
      listSessions(database, { accountId: account.id, epoch: account.sessionEpoch }, { limit: 50, cursor: undefined }),
      countRecoveryCodes(database, account.id),
    ]);
    const homeId = account.homeOrganizationId;
    const home = homeId && (await inOrganizations(database, [homeId], (trx) => findOrganization(trx, homeId)));
    const { minLength } = passwordPolicyFor(organizations);
    const unmet =
      typed.password === undefined
        ? null
        : unmetPasswordRules(typed.password, { minLength }, personalWords(account, organizations));
    const current = currentOrganization(account, organizations, request.session.currentOrganizationId);
    const notice = notices.find((name) => name === request.query.done);
    const path = (suffix: string) => withLanguage(`/profile${suffix}`, request);
    response.status(typed.errors?.length ? 400 : 200).send(
      renderPage('profile', locale, {
        name: displayName(account),
        email: account.email,
        username: account.username,
        firstName: typed.firstName ?? account.firstName ?? '',
        lastName: typed.lastName ?? account.lastName ?? '',
        timeZone: home ? home.timeZone : 'UTC',
        isNews: notice !== undefined && news.includes(notice),
        notice: notice && !typed.errors ? translator(locale)(`pages.profile.done.${notice}`) : null,
        invitations: invitations.map(({ invitation, organization, others }) => ({
          organizationName: listNames(locale, [organization, ...others]),
          kind: invitation.kind,
          inviterName: inviterNameOf(invitation),
          message: invitation.message,
          expiresAt: invitation.expiresAt ?? person.now,
          timeZone: organization.timeZone,
          accept: path(`/invitations/${invitation.id}/accept`),
          decline: path(`/invitations/${invitation.id}/decline`),
        })),
        organizations: organizations.map(({ id, name, kind }) => ({
          organizationName: name,
          kind,
          current: id === current?.id,
          leave: id === homeId ? null : path(`/organizations/${id}/leave`),
          switchTo: path(`/organizations/${id}/switch`),
        })),
        locale: typed.locale ?? (account.locale === null ? null : pickLocale(account.locale)),
        newEmail: typed.newEmail ?? '',
        pendingEmail: account.pendingEmail,
        consoleUrl: current ? address('/console', request) : null,
        sessions: open.items.map((row) => {
          const { id, ip, userAgent, current, lastSeenAt } = toSession(row, request.sessionID);
          return { ip, userAgent, current, lastSeenAt: new Date(lastSeenAt), end: path(`/sessions/${id}/end`) };
        }),
        passwordRules: passwordRuleItems(locale, Math.max(minLength, 8), unmet),
        minLength: Math.max(minLength, 8),
        errors: typed.errors ?? [],
        factor: {
          method,
          codesLeft,
          hasAddress: factor.email !== null,
          required: !mayChoose('none', factor.policies),
          requiredApp: !mayChoose('email', factor.policies),
          mayUseEmail: method !== 'email' && factor.email !== null && mayChoose('email', factor.policies),
          maySwitchOff: method !== 'none' && mayChoose('none', factor.policies),
          epoch: account.sessionEpoch,
        },
        paths: {
          data: path(''),
          email: path('/email'),
          password: path('/password'),
          signOut: withLanguage('/sign-out', request),
          twoFactor: path('/two-factor'),
          setUpApp: path('/two-factor/app'),
          recoveryCodes: path('/two-factor/recovery-codes'),
        },
        ...(request.method === 'GET' && languageLinks('/profile')),
      }),
    );
  }
}

function done(request: Request, response: Response, notice: Notice): void {
  const language = chosenLanguage(request);
  response.redirect(303, `/profile?done=${notice}${language ? `&lang=${language}` : ''}`);
}

const languageLinks = (path: string, rest = '') => ({
  languageLinks: locales.map((locale) => ({ locale, href: `${path}?lang=${locale}${rest}` })),
});
