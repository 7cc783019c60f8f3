import { type Request, type Response, Router } from 'express';
import { currentOrganization, listAccountOrganizations } from '../../db/queries/find-account';
import { isSessionOpen } from '../../db/queries/list-sessions';
import type { Happening } from '../../db/queries/latest-events';
import { notFound, Problem } from '../../domain/problem';
import { callerKey, findReadyPerson, personOf, type SignedInSession } from '../caller';
import type { Services } from '../context';
import type { Listener } from '../live/hub';
import { type Listening, mayHear, mayHearIds, topicsOf } from '../live/topics';
import type { RateLimits } from '../middleware/rate-limits';
import { assertSameOrigin } from '../same-origin';
import { id as uuid } from '../schemas/common';

/** Somebody who does not read what they are sent is not waited for. */
const mostUnread = 64 * 1024;
const longestAgeMs = 24 * 3_600_000;

/**
 * What open pages listen to, as server-sent events: that something has happened, by topic, and with the ids for those who may read
 * them in the audit log. The pages then ask for themselves anew, so what anybody sees is decided where it always is.
 */
export function livePages(services: Services, limits: RateLimits): Router {
  const router = Router();

  router.get('/console/live', async (request, response) => {
    response.locals.route = '/console/live';
    if (request.get('sec-fetch-site') !== undefined) assertSameOrigin(request, services.baseUrl);
    await limits.forAddress(request);
    const person = await findReadyPerson(services, request);
    if (!person) throw new Problem('UNAUTHENTICATED', 'Sign in first.');
    await limits.forCaller(callerKey(person));
    const organizations = await listAccountOrganizations(services.database, person.id);
    const named = request.query.organization;
    const organization =
      named === undefined
        ? currentOrganization(person.account, organizations, request.session.currentOrganizationId)
        : organizations.find(({ id }) => id === uuid.safeParse(named).data);
    if (!organization) throw notFound('organization');
    const { epoch } = request.session;
    const stream = openStream(response);
    const listener = listen(stream, {
      organizationId: organization.id,
      standing: { person: organization, policy: organization.policy },
      sid: request.sessionID,
      session: { accountId: person.id, signedInAt: person.signedInAt.toISOString(), epoch },
    });
    const end = await services.live.listen(listener, ageOf(request));
    response.once('close', end);
    if (response.destroyed) end();
    // An open page is no use of the session: watching keeps nobody signed in, and its end writes nothing.
    request.session = undefined as never;
    stream.open();
  });
  return router;

  /** What a listener hears of, by what they may see at the last check. */
  function listen(
    stream: Stream,
    {
      organizationId,
      standing,
      sid,
      session,
    }: { organizationId: string; standing: Listening; sid: string; session: SignedInSession },
  ): Listener {
    let now = standing;
    return {
      organizationId,
      accountId: session.accountId,
      hear(events) {
        const change = changeOf(events, now);
        if (change.topics.length > 0) stream.send('change', change);
      },
      async check() {
        const [open, person] = await Promise.all([isSessionOpen(services.database, sid), personOf(services, session)]);
        if (!open || !person || person.mustSetUpApp) return false;
        const organizations = await listAccountOrganizations(services.database, person.id);
        const organization = organizations.find(({ id }) => id === organizationId);
        if (organization) now = { person: organization, policy: organization.policy };
        return organization !== undefined;
      },
      beat: () => stream.beat(),
      close: (why) => stream.close(why),
    };
  }
}

function changeOf(events: Happening[], listening: Listening): { topics: string[]; ids: string[] } {
  const topics = new Set(events.flatMap(({ type }) => topicsOf(type)).filter((topic) => mayHear(listening, topic)));
  const ids = new Set(events.flatMap(({ invitationId, accountId }) => [invitationId, accountId]));
  return {
    topics: [...topics],
    ids: mayHearIds(listening) ? [...ids].filter((id) => id !== null) : [],
  };
}

/** How old what the page shows is, in milliseconds; so nothing is missed between showing and listening. */
function ageOf(request: Request): number {
  const age = Number(request.query.age ?? 0);
  return Number.isFinite(age) && age > 0 ? Math.min(age, longestAgeMs) : 0;
}

interface Stream {
  open(): void;
  send(event: string, data: unknown): void;
  beat(): void;
  close(why: string): void;
}

function openStream(response: Response): Stream {
  let waiting = 'retry: 2000\n\n';
  let opened = false;
  let closed = false;
  const write = (text: string) => {
    if (!opened) waiting += text;
    else if (response.writableLength > mostUnread) response.destroy();
    else response.write(text);
  };
  return {
    open() {
      response.locals.isStream = true;
      response.writeHead(200, {
        'Content-Type': 'text/event-stream; charset=utf-8',
        'Cache-Control': 'no-store',
        // nginx would collect the events otherwise.
        'X-Accel-Buffering': 'no',
      });
      opened = true;
      response.write(waiting);
      if (closed) response.end();
    },
    send: (event, data) => write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`),
    beat: () => write(': still here\n\n'),
    close(why) {
      write(`event: over\ndata: ${JSON.stringify({ why })}\n\n`);
      closed = true;
      if (opened) response.end();
    },
  };
}
