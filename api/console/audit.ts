import type { z } from 'zod';
import { type NamedUser, nameUsers } from '../../db/queries/name-users';
import { hasText } from '../../i18n';
import type { auditEventPage } from '../schemas/audit-events';
import { shownAddress } from '../pages/device';
import { actorName } from './actors';
import { eventDetails } from './event-details';
import { findPeople } from './find-person';
import type { Screens } from './index';
import { periodOf } from './local-time';
import type { Page } from './page';
import { listed, nextPage, queryOf } from './paging';
import { groupNamesOf, nameOf } from './users';
import { consoleView } from './views';

interface Named {
  name: string;
  href: string | null;
  isGuest: boolean;
}

interface AuditData {
  rows: {
    at: string;
    what: string;
    type: string;
    who: Named;
    whom: Named | null;
    invitation: string | null;
    ip: string | null;
    details: string;
  }[];
  person: string;
  from: string;
  to: string;
  sides: { value: string; label: string; chosen: boolean }[];
  types: { value: string; label: string; chosen: boolean }[];
  /** Why the person that was asked for cannot be shown. */
  trouble: string | null;
  filtered: boolean;
  csv: string;
  next: string | null;
  previous: string | null;
  first: string | null;
}

const auditView = consoleView<AuditData>('audit');

/** What can happen, for choosing; another type is shown by its own name. Words: `console.audit.events.<type>`. */
const eventTypes = [
  ...['created', 'sent', 'delivered', 'refused', 'reminded', 'resent', 'corrected', 'edited', 'linked', 'accepted'].map(
    of('invitation'),
  ),
  ...['declined', 'cancelled', 'expired', 'new-link-requested'].map(of('invitation')),
  ...['changed', 'activated', 'deactivated', 'reactivated', 'password-reset-sent'].map(of('user')),
  ...['two-factor-reset', 'erased', 'security-report-requested'].map(of('user')),
  ...['signed-in', 'password-reset', 'email-changed', 'two-factor-changed', 'recovery-code-used'].map(of('account')),
  ...['recovery-codes-renewed', 'password-changed', 'email-change-requested', 'changed'].map(of('account')),
  ...['session-ended', 'signed-out'].map(of('account')),
  ...['reactivated', 'reactivation-unused'].map(of('account')),
  ...['suspended', 'resumed', 'access-changed', 'access-warned', 'access-ended', 'sponsor-changed'].map(of('guest')),
  ...['created', 'changed', 'deleted', 'member-put', 'member-removed'].map(of('group')),
  ...['created', 'changed', 'switched'].map(of('organization')),
  'policy.changed',
  ...['created', 'revoked'].map(of('api-key')),
  'branding.changed',
  ...['changed', 'reset'].map(of('email-template')),
  ...['copied', 'address-suppressed', 'address-released'].map(of('email')),
];

function of(subject: string) {
  return (what: string): string => `${subject}.${what}`;
}

const eventName = (page: Page, type: string): string => {
  const key = `console.audit.events.${type}`;
  return hasText(page.locale, key) ? page.t(key) : page.t('console.audit.events.unknown');
};

/** What happened, newest first. */
export function auditScreens({ get }: Screens): void {
  get('/console/audit', async (page) => {
    const typed = queryOf(page, 'person', 'side', 'type', 'from', 'to');
    const filter = await filterOf(page);
    const audit =
      'trouble' in filter
        ? { items: [], nextCursor: null }
        : await page.ask<z.infer<typeof auditEventPage>>('GET O/audit-events', {
            query: { ...filter, ...listed(page) },
          });
    const ids = audit.items.flatMap(({ actor, userId, data }) => [
      actor.type === 'user' ? actor.id : null,
      userId,
      typeof data['sponsorId'] === 'string' ? data['sponsorId'] : null,
    ]);
    const names = await page.read((trx) =>
      nameUsers(trx, page.organization.id, [...new Set(ids.filter((id) => id !== null))]),
    );
    const known = {
      people: new Map([...names].map(([id, user]) => [id, nameOf(page, user)])),
      groups: audit.items.some(({ data }) => 'groupId' in data) ? await groupNamesOf(page) : new Map<string, string>(),
    };
    const csv = new URLSearchParams(typed).toString();
    page.show(auditView, {
      rows: audit.items.map(({ at, type, actor, userId, invitationId, ip, data }) => ({
        at,
        what: eventName(page, type),
        type,
        who:
          actor.type === 'user' && actor.id !== null
            ? personOf(page, names.get(actor.id))
            : { name: actorName(page, actor.type, actor.displayName), href: null, isGuest: false },
        whom: userId === null ? null : personOf(page, names.get(userId)),
        invitation: invitationId && `/console/invitations/${invitationId}`,
        ip: shownAddress(ip),
        details: eventDetails(page, type, data, known).join(' · '),
      })),
      person: typed.person ?? '',
      from: typed.from ?? '',
      to: typed.to ?? '',
      sides: ['about', 'by'].map((value) => ({
        value,
        label: page.t(`console.audit.sides.${value}`),
        chosen: value === typed.side,
      })),
      types: eventTypes.map((value) => ({ value, label: eventName(page, value), chosen: value === typed.type })),
      trouble: 'trouble' in filter ? page.t(`console.audit.${filter.trouble}`) : null,
      filtered: Object.keys(typed).length > 0,
      csv: `/console/audit/csv${csv && `?${csv}`}`,
      ...nextPage(page, audit.nextCursor),
    });
  });

  get('/console/audit/csv', async (page) => {
    const filter = await filterOf(page);
    if ('trouble' in filter) return page.go('/console/audit');
    await page.reply('GET O/audit-events', { query: filter, headers: { accept: 'text/csv' } });
    page.response.end();
  });
}

const personOf = (page: Page, user: NamedUser | undefined): Named =>
  user
    ? { name: nameOf(page, user), href: `/console/users/${user.id}`, isGuest: user.kind === 'guest' }
    : { name: page.t('console.audit.gone'), href: null, isGuest: false };

type Filter = Record<string, string> | { trouble: 'personUnknown' | 'personSeveral' };

async function filterOf(page: Page): Promise<Filter> {
  const { person, side, type, from, to } = queryOf(page, 'person', 'side', 'type', 'from', 'to');
  const filter = { ...(type && { type }), ...periodOf(from ?? '', to ?? '', page.timeZone) };
  if (person === undefined) return filter;
  const found = await findPeople(page, person);
  if (found.length !== 1) return { trouble: found.length === 0 ? 'personUnknown' : 'personSeveral' };
  return { ...filter, [side === 'by' ? 'actorId' : 'userId']: found[0]?.id ?? '' };
}
