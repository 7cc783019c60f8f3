import type { AuditFilter } from '../../db/queries/list-audit-events';
import { listAuditEvents } from '../../db/queries/list-audit-events';
import { findUser, listUsers, type UserFilter } from '../../db/queries/list-users';
import type { RouteSpec } from '../route';
import { auditEventPage, auditEventQuery, toAuditEvent } from '../schemas/audit-events';
import { id, organizationParams } from '../schemas/common';
import { toUser, user, userPage, userQuery } from '../schemas/users';

const base = '/v1/organizations/{organizationId}';

export const userRoutes: RouteSpec[] = [
  {
    method: 'get',
    path: `${base}/users`,
    summary: 'List the users of an organization, invited ones included, newest first',
    tag: 'Users',
    access: 'organization',
    params: organizationParams,
    query: userQuery,
    answers: { 200: { description: 'A page of users', schema: userPage } },
    async handle({ read, organizationId, query }) {
      const page = await read((trx) => listUsers(trx, organizationId, query as UserFilter));
      return { status: 200, body: { ...page, items: page.items.map(toUser) } };
    },
  },
  {
    method: 'get',
    path: `${base}/users/{id}`,
    summary: 'Read a user',
    tag: 'Users',
    access: 'organization',
    params: organizationParams.extend({ id }),
    answers: { 200: { description: 'The user', schema: user } },
    async handle({ read, organizationId, params }) {
      const found = await read((trx) => findUser(trx, organizationId, params.id ?? ''));
      return { status: 200, body: toUser(found) };
    },
  },
];

export const auditRoutes: RouteSpec[] = [
  {
    method: 'get',
    path: `${base}/audit-events`,
    summary: 'What happened in an organization, newest first',
    tag: 'Audit',
    access: 'organization',
    params: organizationParams,
    query: auditEventQuery,
    answers: { 200: { description: 'A page of events', schema: auditEventPage } },
    async handle({ read, organizationId, query }) {
      const page = await read((trx) => listAuditEvents(trx, organizationId, query as AuditFilter));
      return { status: 200, body: { ...page, items: page.items.map(toAuditEvent) } };
    },
  },
];
