import type { RenderedMail } from '../../db/commands/record-delivery';
import type { Invitation } from '../../db/models/invitation';
import type { Organization } from '../../db/models/organization';
import { listNames, pickLocale } from '../../i18n';
import { renderInvitationMail } from './render';
import { senderAddress } from './mailer';

/** From a row to the mail that goes with it, or to its reminder, in the invitation's language, else the organization's. */
export function renderInvitation(
  sender: string,
): (
  invitation: Invitation,
  organization: Organization,
  others: Organization[],
  link: string,
  reminder?: boolean,
) => Omit<RenderedMail, 'host' | 'sender'> {
  return (invitation, organization, others, link, reminder = false) => {
    const asGuest = invitation.kind === 'guest';
    const type = reminder ? 'invitation-reminder' : asGuest ? 'guest-invitation' : 'user-invitation';
    const locale = pickLocale(invitation.locale, organization.locale);
    const mail = renderInvitationMail({
      type,
      asGuest,
      locale,
      organizationName: listNames(locale, [organization, ...others]),
      inviterName: invitation.invitedByType === 'user' ? invitation.invitedByName : null,
      firstName: invitation.firstName,
      lastName: invitation.lastName,
      message: invitation.message,
      link,
      expiresAt: invitation.expiresAt ?? new Date(),
      timeZone: organization.timeZone,
      senderAddress: senderAddress(sender),
    });
    return { type, locale, ...mail };
  };
}
