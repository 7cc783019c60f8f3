import { mailReason } from '../../domain/mail-reason';
import { Problem } from '../../domain/problem';
import type { Transaction } from '../database';
import { SuppressedAddress } from '../models/suppressed-address';
import { instantPattern, type Page, type PageRequest, readCursor, toPage, uuidPattern } from './page';

/** Why this organization does not mail an address of its own accord, or undefined while it does. */
export const findSuppression = async (
  trx: Transaction,
  organizationId: string,
  address: string,
): Promise<SuppressedAddress | undefined> =>
  SuppressedAddress.query(trx).findOne({ organizationId }).where('addressHash', hashOf(trx, address));

/** What a command says that is to mail such an address. @throws Problem ADDRESS_SUPPRESSED */
export async function assertMailed(trx: Transaction, organizationId: string, address: string): Promise<void> {
  const suppressed = await findSuppression(trx, organizationId, address);
  if (suppressed) throw addressSuppressed(suppressed);
}

export const addressSuppressed = (suppressed: Suppressed): Problem =>
  new Problem(
    'ADDRESS_SUPPRESSED',
    `This address is not mailed any more (${suppressedWords(suppressed)}): correct it, or have it released.`,
  );

/** By which an address is known, also after its owner has been erased. // decision 25 */
export const hashOf = (trx: Transaction, address: string) => trx.raw<never>('usher_address_hash(?)', [address]);

/** The same in SQL, of a row with these columns: for statements that need the row anyway. */
export const suppressionOf = (organizationColumn: string, addressColumn: string): string =>
  `(select json_build_object('reason', s.reason, 'at', s.at) from suppressed_addresses s
    where s.organization_id = ${organizationColumn} and s.address_hash = usher_address_hash(${addressColumn}))`;

export interface Suppressed {
  reason: SuppressedAddress['reason'];
  at: Date | string;
}

/** What the log says of a mail to such an address. */
export const suppressedWords = ({ reason, at }: Suppressed): string =>
  mailReason(`suppressed-${reason}`, { day: new Date(at).toISOString().slice(0, 10) });

/** Newest first. */
export async function listSuppressedAddresses(
  trx: Transaction,
  organizationId: string,
  { limit, cursor }: PageRequest,
): Promise<Page<SuppressedAddress>> {
  const from = readCursor(cursor, [instantPattern, uuidPattern]);
  const query = SuppressedAddress.query(trx)
    .where({ organizationId })
    .orderBy([
      { column: 'at', order: 'desc' },
      { column: 'id', order: 'desc' },
    ])
    .limit(limit + 1);
  if (from) void query.whereRaw('(at, id) < (?::timestamptz, ?::uuid)', from);
  return toPage(
    await query,
    limit,
    (row) => [row.at.toISOString(), row.id],
    (row) => row,
  );
}
