import { notFound } from '../../domain/problem';
import type { Transaction } from '../database';
import { ApiKey } from '../models/api-key';
import { Organization } from '../models/organization';
import { instantPattern, type Page, type PageRequest, readCursor, toPage, uuidPattern } from './page';

/** @throws Problem NOT_FOUND */
export async function findOrganization(trx: Transaction, id: string): Promise<Organization> {
  const organization = await Organization.query(trx).findById(id);
  if (!organization) throw notFound('organization');
  return organization;
}

/** Keys that have not been revoked, oldest first. */
export async function listApiKeys(
  trx: Transaction,
  organizationId: string,
  request: PageRequest,
): Promise<Page<ApiKey>> {
  const from = readCursor(request.cursor, [instantPattern, uuidPattern]);
  const query = ApiKey.query(trx)
    .where({ organizationId })
    .whereNull('revokedAt')
    .orderBy(['createdAt', 'id'])
    .limit(request.limit + 1);
  if (from) void query.whereRaw('(created_at, id) > (?::timestamptz, ?::uuid)', from);
  return toPage(
    await query,
    request.limit,
    (row) => [row.createdAt.toISOString(), row.id],
    (row) => row,
  );
}
