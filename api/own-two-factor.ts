import {
  beginApp,
  type ChangedFactor,
  confirmApp,
  type FactorOwner,
  findPendingSecret,
  renewRecoveryCodes,
  switchFactor,
} from '../db/commands/change-two-factor';
import type { Account } from '../db/models/account';
import { otpauthUrl, typedSecret } from '../domain/authenticator';
import { type FactorMethod, presentFactor } from '../domain/two-factor';
import type { OwnRequest } from './own-account';
import { qrCodeOf } from './qr-code';
import { startSession } from './session';

/** What a person needs to set up an app; to be shown to nobody else, and kept by no cache. */
export interface AppSetUp {
  otpauthUrl: string;
  qrCode: { png: string; svg: string };
  /** The secret, for an app that cannot read the QR code. */
  key: string;
}

/** @throws Problem REAUTHENTICATION_REQUIRED */
export async function beginOwnApp(own: OwnRequest): Promise<AppSetUp> {
  const { database, keys } = own.services;
  return toSetUp(own.person.account, await beginApp(database, keys, ownerOf(own)));
}

/** The set-up that the person has begun, as it was shown to them; null: none. */
export async function pendingOwnApp({ services, person }: OwnRequest): Promise<AppSetUp | null> {
  const secret = await findPendingSecret(services.database, services.keys, person.id);
  return secret && toSetUp(person.account, secret);
}

/**
 * From now on the app is asked for. Every other session ends; this one goes on under a new id.
 * @returns the recovery codes, which can be read only now
 * @throws Problem REAUTHENTICATION_REQUIRED, STATUS_CONFLICT, BAD_INPUT
 */
export async function confirmOwnApp(own: OwnRequest, code: string): Promise<string[]> {
  const { database, keys } = own.services;
  const { recoveryCodes, ...changed } = await confirmApp(database, keys, ownerOf(own), code);
  await goOn(own, changed, 'done');
  return recoveryCodes;
}

/**
 * In place of those that were used up or lost. Every other session ends, as with any change of the factor.
 * @param epoch of the account's sessions when this was asked for: what makes codes ends it, so nobody gets them twice by
 *   sending one form again
 * @returns the codes, which can be read only now
 * @throws Problem REAUTHENTICATION_REQUIRED, STATUS_CONFLICT
 */
export async function renewOwnRecoveryCodes(
  own: OwnRequest,
  epoch = own.person.account.sessionEpoch,
): Promise<string[]> {
  const owner = ownerOf(own);
  const { recoveryCodes, ...changed } = await renewRecoveryCodes(own.services.database, {
    ...owner,
    account: { id: own.person.id, homeOrganizationId: own.person.account.homeOrganizationId, sessionEpoch: epoch },
  });
  await goOn(own, changed, own.request.session.secondFactor ?? 'none');
  return recoveryCodes;
}

/** @throws Problem REAUTHENTICATION_REQUIRED, TWO_FACTOR_REQUIRED, STATUS_CONFLICT */
export async function switchOwnFactor(own: OwnRequest, method: 'none' | 'email'): Promise<FactorMethod> {
  const changed = await switchFactor(own.services.database, ownerOf(own), method);
  if (!changed) return presentFactor(own.person.factor);
  await goOn(own, changed, own.request.session.secondFactor ?? 'none');
  return method;
}

const ownerOf = ({ person, actor }: OwnRequest): FactorOwner => ({
  account: person.account,
  signedInAt: person.signedInAt,
  actor,
});

async function goOn(
  { services, request, person }: OwnRequest,
  { account, mails }: ChangedFactor,
  secondFactor: 'none' | 'pending' | 'done',
): Promise<void> {
  const { signedInAt } = person;
  await startSession(request, { accountId: account.id, epoch: account.sessionEpoch, secondFactor, signedInAt });
  for (const mail of mails) services.mails.announce(mail);
}

async function toSetUp(account: Account, secret: Buffer): Promise<AppSetUp> {
  const url = otpauthUrl(secret, account.email ?? account.username ?? account.id);
  return { otpauthUrl: url, qrCode: await qrCodeOf(url), key: typedSecret(secret) };
}
