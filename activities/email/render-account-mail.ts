import type { AccountMailContents } from '../../db/commands/account-mail';
import type { AccountMailType } from '../../db/models/account-mail';
import { displayName } from '../../domain/account';
import { type Locale, pickLocale } from '../../i18n';
import { senderAddress } from './mailer';
import { renderNews } from './render-news';
import { renderReport } from './render-report';
import { type RenderedMail, renderHolderMail } from './render';

/** Those that open something; the others only tell. */
const withLink: AccountMailType[] = ['password-reset', 'email-confirmation', 'account-inactive'];

/** From a row to the mail that goes with it, in the person's language, else their organization's. */
export function renderAccountMail(
  { account, mail, organization, person, news, report }: AccountMailContents,
  { link, code }: { link: string; code: string },
  sender: string,
): RenderedMail & { locale: Locale } {
  const locale = pickLocale(account.locale, organization?.locale);
  const timeZone = organization?.timeZone ?? 'UTC';
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
    ...(news && renderNews(news, locale, timeZone)),
    ...(report && { sections: renderReport(report, locale, timeZone) }),
    joins: mail.type === 'password-reset' && account.activatedAt === null ? (organization?.name ?? null) : null,
    account:
      mail.type === 'email-confirmation' ? { username: account.username, home: organization?.name ?? null } : null,
    link: withLink.includes(mail.type) ? link : null,
    lasting: mail.type === 'account-inactive',
    code: mail.type === 'two-factor-code' ? code : null,
    expiresAt: report?.now ?? mail.deadline,
    timeZone,
    senderAddress: senderAddress(sender),
  });
  return { ...rendered, locale };
}
