import { changeGuest, type GuestPatch, removeGuest, resumeGuest, suspendGuest } from '../../db/commands/manage-guest';
import { type GuestLogFilter, listGuestLog } from '../../db/queries/list-guest-log';
import { countSeats } from '../../db/queries/count-seats';
import type { PageRequest } from '../../db/queries/page';
import { findUser, type UserFilter } from '../../db/queries/list-users';
import { notFound } from '../../domain/problem';
import { listKnownUsers } from '../known-groups';
import { type Context, ifMatch, type RouteSpec } from '../route';
import { id, organizationParams } from '../schemas/common';
import {
  guestLogColumns,
  guestLogPage,
  guestLogQuery,
  guestPatch,
  guestQuery,
  toGuestLogRow,
  toGuestVisit,
} from '../schemas/guests';
import { licenceUse, toLicenceUse } from '../schemas/licences';
import { toUser, user, userPage, userVersion } from '../schemas/users';
import { allRows, sendCsv, wantsCsv } from '../send-csv';
import { manage, userAction } from './users';

const base = '/v1/organizations/{organizationId}';
const shared = { tag: 'Guests', access: 'organization' } as const;
const one = organizationParams.extend({ userId: id });
const idOf = (context: Context): string => context.params.userId ?? '';

/** A member is no guest. */
const locate = async (context: Context): Promise<void> => {
  const found = await context.read((trx) => findUser(trx, context.organizationId, idOf(context)));
  if (found.kind !== 'guest') throw notFound('guest');
};

export const guestRoutes: RouteSpec[] = [
  {
    method: 'get',
    path: `${base}/licences`,
    summary: 'How many licences there are, and who uses them',
    tag: 'Licences',
    access: 'organization',
    action: 'users.manage',
    params: organizationParams,
    answers: { 200: { description: 'The licences', schema: licenceUse } },
    async handle({ read, organizationId }) {
      return { status: 200, body: toLicenceUse(await read((trx) => countSeats(trx, organizationId))) };
    },
  },
  {
    ...shared,
    method: 'get',
    path: `${base}/guests`,
    summary: 'List the guests of an organization, active and inactive, invited ones included, newest first',
    action: 'guests.manage',
    params: organizationParams,
    query: guestQuery,
    answers: { 200: { description: 'A page of guests', schema: userPage } },
    async handle(context) {
      const page = await listKnownUsers(context, { ...(context.query as UserFilter), kind: 'guest' });
      return { status: 200, body: { ...page, items: page.items.map(toUser) } };
    },
  },
  {
    ...shared,
    method: 'patch',
    path: `${base}/guests/{userId}`,
    summary: 'Change a guest’s groups and sponsor, and when their access ends where the policy allows it',
    action: 'guests.manage',
    params: one,
    locate,
    body: guestPatch,
    versioned: true,
    answers: { 200: { description: 'The guest', schema: user } },
    problems: ['FORBIDDEN', 'STATUS_CONFLICT', 'NO_SEAT', 'GROUP_NEEDED'],
    handle: (context) => {
      const matches = ifMatch(context.request);
      return manage(context, idOf(context), (trx, manager) => {
        const check = async () => matches(userVersion(await findUser(trx, context.organizationId, idOf(context))));
        return changeGuest(trx, context.organizationId, idOf(context), context.body as GuestPatch, manager, check);
      });
    },
  },
  {
    ...shared,
    method: 'delete',
    path: `${base}/guests/{userId}`,
    summary: 'Remove a guest: no access from the next request on, and out of every group',
    action: 'guests.manage',
    params: one,
    locate,
    answers: { 204: { description: 'Removed' } },
    async handle(context) {
      return context.command(async (trx) => {
        const { changes } = await removeGuest(trx, context.organizationId, idOf(context), context);
        return { status: 204, body: null, changes };
      });
    },
  },
  {
    ...userAction('suspend', 'No access for this guest from the next request on, until resumed', suspendGuest),
    action: 'guests.manage',
  },
  { ...userAction('resume', 'A suspended guest has access again', resumeGuest), action: 'guests.manage' },
  {
    ...shared,
    method: 'get',
    path: `${base}/guest-log`,
    summary: 'Every entry and exit of guests, newest first; with `Accept: text/csv` all of it as a table',
    action: 'logs.read',
    params: organizationParams,
    query: guestLogQuery,
    answers: { 200: { description: 'A page of the log', schema: guestLogPage } },
    async handle({ request, read, organizationId, query }) {
      const list = (page: PageRequest) =>
        read((trx) => listGuestLog(trx, organizationId, { ...(query as GuestLogFilter), ...page }));
      if (wantsCsv(request)) return sendCsv(request, 'guest-log', guestLogColumns, allRows(list, toGuestLogRow));
      const page = await list(query as PageRequest);
      return { status: 200, headers: { Vary: 'Accept' }, body: { ...page, items: page.items.map(toGuestVisit) } };
    },
  },
];
