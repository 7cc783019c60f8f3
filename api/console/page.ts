import { createHash, randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import type { Request, Response } from 'express';
import { z } from 'zod';
import { type IdempotencyKey, once, settleKey, takeKey } from '../../db/commands/once';
import { countSeats } from '../../db/queries/count-seats';
import { switchSession } from '../../db/queries/list-sessions';
import { inOrganization, type Transaction } from '../../db/database';
import { type AccountOrganization, currentOrganization, listAccountOrganizations } from '../../db/queries/find-account';
import { findOrganization } from '../../db/queries/find-organization';
import type { Organization } from '../../db/models/organization';
import { displayName } from '../../domain/account';
import { type Action, decide, type Resource, theOrganization } from '../../domain/permissions';
import { Problem } from '../../domain/problem';
import type { SeatCount } from '../../domain/seats';
import { hasText, type Locale, type Translate, translator, type Variables } from '../../i18n';
import type { Services } from '../context';
import type { RateLimits } from '../middleware/rate-limits';
import { languagesOf, typedField } from '../pages/request';
import { localeOf } from '../pages/signed-in';
import { callerKey, type Person } from '../caller';
import { askRoute, type RouteInput, type Visit } from '../route';
import { linkOf, type Notice, readNotice, writeNotice } from './notice';
import type { RouteTable } from './routes';
import { sectionGroups, sections } from './sections';
import type { View } from './views';

/** What surrounds every screen: `@frame` in templates. */
export interface Frame {
  locale: Locale;
  timeZone: string;
  organization: { id: string; name: string; initial: string; isGuest: boolean };
  /** All that the person belongs to, for switching. */
  organizations: { id: string; name: string; isGuest: boolean; current: boolean }[];
  person: { id: string; name: string; detail: string | null; initial: string };
  navigation: { label: string; items: { id: string; label: string; path: string; icon: string; current: boolean }[] }[];
  notice: { tone: Notice['tone']; text: string; link: { href: string; label: string } | null } | null;
  /** Of every form: what makes it count once, and for whom and where it was filled in. */
  once: string;
  for: string;
  /** Where forms lead back to. */
  path: string;
  /** The same screen in each language; none where asking for it again would not show it. */
  languages: { locale: Locale; label: string; href: string; current: boolean }[];
}

export interface ConsoleServices {
  services: Services;
  limits: RateLimits;
  routes: RouteTable;
}

const ledSchema = z.object({
  path: z.string(),
  notice: z.string().nullable(),
  values: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
  tone: z.enum(['good', 'info', 'bad']),
});
type Led = z.infer<typeof ledSchema>;

/** How long the second of two submissions waits for the first, which may have been lost with its process. */
const longestRun = 5_000;
const pollMs = 100;

/**
 * One visit to one screen: who looks, where they are, what they may, and what they have typed. Screens decide nothing:
 * they ask the routes of the API, and show the answer or the refusal.
 */
export class Page {
  readonly t: Translate;
  readonly timeZone: string;
  /** Shown again after a refusal, a form keeps its token; everything else gets a new one. */
  private once: string = randomUUID();
  /** Where a form that was taken has led. */
  private led: Led | null = null;
  /** How the seats here were used when somebody was refused one: without whoever was asked for. // D2 */
  refusedSeats: SeatCount | null = null;

  constructor(
    private readonly tools: ConsoleServices,
    readonly request: Request,
    readonly response: Response,
    readonly person: Person,
    readonly organizations: AccountOrganization[],
    readonly standing: AccountOrganization,
    readonly organization: Organization,
    readonly locale: Locale,
  ) {
    this.t = translator(locale);
    this.timeZone = organization.timeZone;
  }

  get services(): Services {
    return this.tools.services;
  }

  /** A part of the path; empty where there is none. */
  param(name: string): string {
    return String(this.request.params[name] ?? '');
  }

  /** A parameter of the address; empty where it is missing or doubled. */
  query(name: string): string {
    const value = this.request.query[name];
    return typeof value === 'string' ? value : '';
  }

  /** A field as typed; empty where it is missing or doubled. */
  field(name: string): string {
    return typedField(this.request, name);
  }

  /** All values of a field that may be there several times. */
  fields(name: string): string[] {
    const value = ((this.request.body ?? {}) as Record<string, unknown>)[name];
    if (typeof value === 'string') return [value];
    return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
  }

  /** Whether the person may do this here; screens show only what the answer is yes to. */
  may(action: Action, resource: Resource = theOrganization): boolean {
    return decide(this.standing, action, resource, this.standing.policy).allowed;
  }

  /** Whether the API has this route: `POST O/users/{id}/security-report`. */
  canAsk(name: string): boolean {
    return this.tools.routes.has(name);
  }

  /** A text that the catalogue may lack. */
  maySay(key: string): string | null {
    return hasText(this.locale, key) ? this.t(key) : null;
  }

  /** What a route of the API answers: `page.ask<UserPage>('GET O/users', {query})`. @throws Problem as the API would */
  async ask<Body>(name: string, input: RouteInput = {}): Promise<Body> {
    return (await this.reply(name, input)).body as Body;
  }

  /** The same with status and ETag. A POST counts once for the form that it comes from. // F6 */
  async reply(name: string, input: RouteInput = {}) {
    const spec = this.tools.routes.find(name);
    const key = spec.idempotent && this.request.method === 'POST' ? this.formKey(name, input) : null;
    // What routes tell in words they tell in the reader's language.
    const own = { 'accept-language': this.locale, ...(key !== null && { 'idempotency-key': key }) };
    const headers = { ...own, ...input.headers };
    try {
      return await askRoute(spec, this.visit, { ...input, headers });
    } catch (error) {
      // One that names a field is about another organization. // C3
      if (error instanceof Problem && error.code === 'NO_SEAT' && !error.options.errors)
        this.refusedSeats = await this.read((trx) => countSeats(trx, this.organization.id));
      throw error;
    }
  }

  /** A transaction of the organization, for what no route tells. */
  read<T>(query: (trx: Transaction) => Promise<T>): Promise<T> {
    return inOrganization(this.services.database, this.organization.id, query);
  }

  /**
   * Whether the form that was sent is sent for the first time, for what no idempotency key may stand for. It counts as sent
   * from now on, whatever becomes of it.
   */
  async useUp(what: string): Promise<boolean> {
    const key = this.typedOnce();
    if (key === null) return false;
    let first = false;
    const name = { caller: callerKey(this.person), route: `console ${what}`, key, bodyHmac: Buffer.alloc(0) };
    await this.read((trx) =>
      once(trx, name, () => {
        first = true;
        return Promise.resolve({ status: 204, body: null });
      }),
    );
    return first;
  }

  /**
   * Runs the screen of a form that was sent. Sent twice, also before the first is done, it runs once, and leads where the
   * first one led; refused, it may be sent again. What it did by keys of its own stays done once in any case.
   */
  async onlyOnce(run: () => Promise<void> | void): Promise<void> {
    const once = this.typedOnce();
    if (once === null) return run();
    const sent = createHash('sha256')
      .update(JSON.stringify([this.request.path, this.request.body]))
      .digest();
    const route = `console form ${sent.toString('base64url')}`;
    const key: IdempotencyKey = { caller: callerKey(this.person), route, key: once, bodyHmac: Buffer.alloc(0) };
    for (let tries = 0; tries < longestRun / pollMs; tries += 1) {
      const taken = await this.read((trx) => takeKey(trx, key));
      if (taken === null) break;
      if (taken !== 'running') {
        const led = ledSchema.parse(taken.body);
        return this.go(led.path, led.notice ?? undefined, led.values, led.tone);
      }
      await setTimeout(pollMs);
    }
    try {
      await run();
    } finally {
      const { led } = this;
      await this.read((trx) => settleKey(trx, key, led && { status: 303, body: led }));
    }
  }

  show<Data extends object>(view: View<Data>, data: Data, status = 200): void {
    this.response.status(status).send(view(this.frame(), data));
  }

  /** Shows a form again with what was typed: sending it once more is still the same wish. */
  showAgain<Data extends object>(view: View<Data>, data: Data, problem: Problem): void {
    if (problem.code !== 'IDEMPOTENCY_KEY_REUSED') this.once = this.typedOnce() ?? this.once;
    if (problem.options.retryAfter !== undefined) this.response.set('Retry-After', String(problem.options.retryAfter));
    this.show(view, data, problem.status);
  }

  /** After a POST: on to a screen, with a sentence about what was done (`console.notices.<name>`). */
  go(path: string, notice?: string, values: Variables = {}, tone: Notice['tone'] = 'good'): void {
    this.led = { path, notice: notice ?? null, values: { ...values } as Led['values'], tone };
    if (notice !== undefined) writeNotice(this.response, this.services.baseUrl, { name: notice, values, tone });
    this.response.redirect(303, path);
  }

  frame(): Frame {
    const { account } = this.person;
    const path = this.request.path;
    const name = displayName(account);
    const notice = readNotice(this.request, this.response);
    return {
      locale: this.locale,
      timeZone: this.timeZone,
      organization: {
        id: this.organization.id,
        name: this.organization.name,
        initial: initial(this.organization.name),
        isGuest: this.standing.kind === 'guest',
      },
      organizations: this.organizations.map(({ id, name: called, kind }) => ({
        id,
        name: called,
        isGuest: kind === 'guest',
        current: id === this.organization.id,
      })),
      person: {
        id: this.person.id,
        name,
        detail: [account.email, account.username].find((text) => text && text !== name) ?? null,
        initial: initial(name),
      },
      navigation: this.navigation(),
      notice: notice && {
        tone: notice.tone,
        text: this.t(`console.notices.${notice.name}`, notice.values),
        link: linkOf(notice),
      },
      once: this.once,
      for: this.formOwner,
      path,
      languages: (languagesOf(this.request).languageLinks ?? []).map(({ locale, href }) => ({
        locale,
        href,
        label: translator(locale)('language'),
        current: locale === this.locale,
      })),
    };
  }

  /** The sections that the person may enter here, by group. */
  navigation(): Frame['navigation'] {
    const { path } = this.request;
    return sectionGroups
      .map((group) => ({
        label: this.t(`console.sectionGroups.${group}`),
        items: sections
          .filter((section) => section.group === group && this.may(section.action))
          .map((section) => ({
            ...section,
            label: this.t(`console.sections.${section.id}`),
            current: path === section.path || path.startsWith(`${section.path}/`),
          })),
      }))
      .filter(({ items }) => items.length > 0);
  }

  /** Whose form it is: what somebody fills in here is not to be done elsewhere, nor in another's name. */
  get formOwner(): string {
    return `${this.person.id}.${this.organization.id}`;
  }

  private get visit(): Visit {
    return {
      services: this.services,
      limits: this.tools.limits,
      request: this.request,
      caller: this.person,
      organizationId: this.organization.id,
      person: this.standing,
      policy: this.standing.policy,
    };
  }

  private typedOnce(): string | null {
    const once = this.field('once');
    return /^[0-9a-f-]{36}$/.test(once) ? once : null;
  }

  /** One form may act on many things: each of them gets a key of its own. */
  private formKey(name: string, { params = {} }: RouteInput): string | null {
    const once = this.typedOnce();
    const about = JSON.stringify([name, ...Object.entries(params).sort()]);
    return once && `${once}.${createHash('sha256').update(about).digest('base64url').slice(0, 22)}`;
  }
}

/** The letter of a tile. */
export const initial = (name: string): string => (/[\p{L}\p{N}]/u.exec(name)?.[0] ?? '·').toLocaleUpperCase();

/**
 * Where a signed-in person is. Whose organization of the session is not theirs any more is taken home, and told so. // A7
 * @returns null: answered already, or nowhere to be
 */
export async function enterConsole(
  tools: ConsoleServices,
  request: Request,
  response: Response,
  person: Person,
): Promise<Page | 'lost' | 'nowhere'> {
  const { services, limits } = tools;
  await limits.forCaller(callerKey(person));
  const organizations = await listAccountOrganizations(services.database, person.id);
  const ofSession = request.session.currentOrganizationId;
  const standing = currentOrganization(person.account, organizations, ofSession);
  if (!standing) return 'nowhere';
  // A session of somebody who is only a guest begins nowhere.
  if (ofSession && standing.id !== ofSession) {
    await switchSession(services.database, request.sessionID, standing.id);
    writeNotice(response, services.baseUrl, {
      name: 'lost',
      values: { organizationName: standing.name },
      tone: 'info',
    });
    return 'lost';
  }
  const organization = await inOrganization(services.database, standing.id, (trx) =>
    findOrganization(trx, standing.id),
  );
  const locale = localeOf(request, person);
  return new Page(tools, request, response, person, organizations, standing, organization, locale);
}
