import type { RenderedMail } from '../../db/commands/record-delivery';
import type { Transaction } from '../../db/database';
import type { Invitation } from '../../db/models/invitation';
import type { Organization } from '../../db/models/organization';
import { senderAddress } from '../../domain/email-address';
import { listNames, pickLocale } from '../../i18n';
import { findOrganizationsOwn, senderOf } from './own-template';
import { nameIn } from './render-news';
import { renderInvitationMail } from './render';

/** From a row to the mail that goes with it, or to its reminder, in the invitation's language, else the organization's. */
export function renderInvitation(
  sender: string,
  baseUrl: string,
): (
  trx: Transaction,
  invitation: Invitation,
  organization: Organization,
  others: Organization[],
  link: string,
  reminder?: boolean,
) => Promise<Omit<RenderedMail, 'host'>> {
  return async (trx, invitation, organization, others, link, reminder = false) => {
    const asGuest = invitation.kind === 'guest';
    const type = reminder ? 'invitation-reminder' : asGuest ? 'guest-invitation' : 'user-invitation';
    const locale = pickLocale(invitation.locale, organization.locale);
    const mail = renderInvitationMail({
      type,
      asGuest,
      locale,
      organizationName: listNames(locale, [organization, ...others]),
      inviterName:
        invitation.invitedByType === 'user' && invitation.invitedByName
          ? nameIn(locale, invitation.invitedByName)
          : null,
      firstName: invitation.firstName,
      lastName: invitation.lastName,
      message: invitation.message,
      link,
      expiresAt: invitation.expiresAt ?? new Date(),
      timeZone: organization.timeZone,
      senderAddress: senderAddress(sender),
      ...(await findOrganizationsOwn(trx, organization, type, locale, baseUrl)),
    });
    return { type, locale, sender: senderOf(sender, organization), ...mail };
  };
}
