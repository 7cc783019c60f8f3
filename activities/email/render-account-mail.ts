import type { AccountMailContents } from '../../db/commands/account-mail';
import type { AccountMailType } from '../../db/models/account-mail';
import { displayName } from '../../domain/account';
import { senderAddress } from '../../domain/email-address';
import { type Locale, pickLocale } from '../../i18n';
import { type RenderedMail, renderHolderMail } from './render';

/** Those that open something; the others only tell. */
const withLink: AccountMailType[] = ['password-reset', 'email-confirmation'];

/** From a row to the mail that goes with it, in the person's language, else their organization's. */
export function renderAccountMail(
  { account, mail, organization, person }: AccountMailContents,
  { link, code }: { link: string; code: string },
  sender: string,
): RenderedMail & { locale: Locale } {
  const locale = pickLocale(account.locale, organization?.locale);
  const rendered = renderHolderMail({
    type: mail.type,
    locale,
    firstName: account.firstName,
    lastName: account.lastName,
    username: account.username,
    // The notice goes to the old address and names the new one, so that its owner knows what is going on.
    newAddress: account.pendingEmail,
    organizationName: organization?.name ?? null,
    personName: person && displayName(person),
    joins: mail.type === 'password-reset' && account.activatedAt === null ? (organization?.name ?? null) : null,
    account:
      mail.type === 'email-confirmation' ? { username: account.username, home: organization?.name ?? null } : null,
    link: withLink.includes(mail.type) ? link : null,
    code: mail.type === 'two-factor-code' ? code : null,
    expiresAt: mail.deadline,
    timeZone: organization?.timeZone ?? 'UTC',
    senderAddress: senderAddress(sender),
  });
  return { ...rendered, locale };
}
