import type { OtherPlace } from '../db/commands/create-invitation';
import type { Standings } from '../db/commands/redirect-invitation';
import type { Transaction } from '../db/database';
import type { Invitation } from '../db/models/invitation';
import { listAccountOrganizations } from '../db/queries/find-account';
import { keyPerson } from '../domain/permissions';
import { Problem } from '../domain/problem';
import type { Context } from './route';

type Asking = Pick<Context, 'caller' | 'organizationId'>;

/** What the caller is in every organization: a key in its own only, the platform everywhere. // C3 */
export async function standingsOf(trx: Transaction, { caller }: Asking): Promise<Standings> {
  if (caller?.type === 'platform') return () => keyPerson;
  if (caller?.type === 'api-key') return (id) => (id === caller.organizationId ? keyPerson : undefined);
  const own = caller ? await listAccountOrganizations(trx, caller.id) : [];
  return (organizationId) => own.find(({ id }) => id === organizationId);
}

/**
 * Where else the caller wants to invite. Naming one twice, or that of the path, changes nothing.
 * @throws Problem FORBIDDEN for a key that names another organization, whether there is one or not
 */
export async function otherPlaces(trx: Transaction, asking: Asking, named: string[]): Promise<OtherPlace[]> {
  const places = named
    .map((organizationId, index) => ({ organizationId, pointer: `/additionalOrganizationIds/${index}` }))
    .filter(
      ({ organizationId }, index) =>
        organizationId !== asking.organizationId && named.indexOf(organizationId) === index,
    );
  if (places.length === 0) return [];
  const { pointer } = places[0] ?? {};
  if (asking.caller?.type === 'api-key') {
    const message = 'A key of an organization invites into that one only.';
    throw new Problem('FORBIDDEN', message, { errors: [{ pointer: pointer ?? '', message }] });
  }
  const standingIn = await standingsOf(trx, asking);
  return places.map((place) => ({ ...place, person: standingIn(place.organizationId) }));
}

/** The rows with only those other organizations that exist for the caller. */
export async function withKnownOrganizations(
  trx: Transaction,
  asking: Asking,
  rows: Invitation[],
): Promise<Invitation[]> {
  if (rows.every(({ additionalOrganizationIds }) => additionalOrganizationIds.length === 0)) return rows;
  const standingIn = await standingsOf(trx, asking);
  return rows.map((row) => ({
    ...row,
    additionalOrganizationIds: row.additionalOrganizationIds.filter((id) => standingIn(id)),
  })) as Invitation[];
}
