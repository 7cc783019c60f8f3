import { type TOTP, URI } from 'otpauth';
import type { Person } from './people';

/** An authenticator app of a person, as it reads the QR code. */
export interface Authenticator {
  /** What the app shows at this instant. */
  codeAt(at: Date): string;
  recoveryCodes: string[];
}

export const readOtpauth = (url: string): TOTP => URI.parse(url) as TOTP;

/** Sets the app up as the API has it: secret, then a code of now. @param at by the database's clock */
export async function setUpApp(person: Person, at: Date): Promise<Authenticator> {
  const begun = await person.call('POST', '/v1/me/two-factor/app');
  if (begun.status !== 200) throw new Error(`no secret: ${begun.text}`);
  const totp = readOtpauth(begun.body.otpauthUrl as string);
  const codeAt = (when: Date) => totp.generate({ timestamp: when.getTime() });
  const confirmed = await person.call('POST', '/v1/me/two-factor/app/confirm', { code: codeAt(at) });
  if (confirmed.status !== 200) throw new Error(`not confirmed: ${confirmed.text}`);
  return { codeAt, recoveryCodes: confirmed.body.recoveryCodes as string[] };
}
