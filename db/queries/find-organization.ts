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

/** The same with the database's clock, for commands that lock nothing before they decide. */
export async function findOrganizationAndClock(
  trx: Transaction,
  id: string,
): Promise<{ organization: Organization; now: Date }> {
  const found = await Organization.query(trx).findById(id).select('organizations.*', trx.raw('usher_now() as now'));
  if (!found) throw notFound('organization');
  const { now, ...organization } = found as Organization & { now: Date };
  return { organization: organization as unknown as Organization, now };
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
