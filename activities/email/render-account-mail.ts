import type { AccountMailContents } from '../../db/commands/account-mail';
import type { Transaction } from '../../db/database';
import type { AccountMailType } from '../../db/models/account-mail';
import { displayName } from '../../domain/account';
import { noticeMailTypes } from '../../domain/inviter-notice';
import { senderAddress } from '../../domain/email-address';
import { type Locale, pickLocale } from '../../i18n';
import { findOrganizationsOwn, senderOf } from './own-template';
import { linkOfNews, nameWords, renderNews } from './render-news';
import { renderReport } from './render-report';
import { type RenderedMail, renderHolderMail } from './render';

/** Those that open something; the others only tell. */
const withLink: readonly AccountMailType[] = [
  ...(['password-reset', 'email-confirmation', 'account-inactive'] as const),
  ...noticeMailTypes,
];
/** No secret, and nothing that ends: the first is where everybody may ask, the others want a sign-in. */
const withLastingLink: readonly AccountMailType[] = ['account-inactive', ...noticeMailTypes];

/** From a row to the mail that goes with it, in the person's language, else their organization's. */
export async function renderAccountMail(
  trx: Transaction,
  { account, mail, organization, person, news, report }: AccountMailContents,
  { link, code, baseUrl }: { link: string; code: string; baseUrl: string },
  from: string,
): Promise<RenderedMail & { locale: Locale; sender: string }> {
  const sender = senderOf(from, organization);
  // What was asked for with its words: the draft of a template.
  const { subject, html, text } = mail;
  const locale = pickLocale(mail.locale, account.locale, organization?.locale);
  if (subject !== null && html !== null && text !== null)
    return { subject, html, text, locale, sender, template: mail.template };
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
    personName: person && displayName(person, nameWords(locale)),
    ...(news && renderNews(news, locale, timeZone, baseUrl)),
    ...(report && { sections: renderReport(report, locale, timeZone) }),
    joins: mail.type === 'password-reset' && account.activatedAt === null ? (organization?.name ?? null) : null,
    account:
      mail.type === 'email-confirmation' ? { username: account.username, home: organization?.name ?? null } : null,
    link: withLink.includes(mail.type) ? (news ? linkOfNews(news, baseUrl) : link) : null,
    lasting: withLastingLink.includes(mail.type),
    code: mail.type === 'two-factor-code' ? code : null,
    expiresAt: report?.now ?? mail.deadline,
    timeZone,
    senderAddress: senderAddress(from),
    ...(await findOrganizationsOwn(trx, organization, mail.type, locale, baseUrl)),
  });
  return { ...rendered, locale, sender };
}
