import type { AccountMailType } from '../../db/models/account-mail';
import type { MailParts } from '../../domain/mail-templates';
import type { Locale } from '../../i18n';

/** A template that an organization has worded itself. */
export interface OwnTemplate extends MailParts {
  /** Of this very version, which never changes; null: a draft. */
  key: string | null;
}

/** What an organization's mails look like. */
export interface MailBranding {
  /** Where its logo is served; null: none. */
  logo: string | null;
  colour: string | null;
}

/** What an invitation mail says. Everything but `link` is text from people and is shown literally. */
export interface InvitationMail {
  type: 'user-invitation' | 'guest-invitation' | 'invitation-reminder';
  /** Whom the invitation makes a guest is told so by a reminder, too. */
  asGuest?: boolean;
  locale: Locale;
  organizationName: string;
  inviterName: string | null;
  firstName: string | null;
  lastName: string | null;
  message: string | null;
  link: string;
  expiresAt: Date;
  timeZone: string;
  senderAddress: string;
  branding?: MailBranding | null;
  own?: OwnTemplate | null;
}

/** A new kind of mail joins this union with the data it needs … */
export type Mail = InvitationMail;
export type MailType = Mail['type'];

/**
 * … and this table: the body template it uses (`templates/<body>.html.hbs` and `.text.hbs`, inside the shared layout).
 * Its words are in i18n under `mail.<type>`: `subject`, `preheader`, `heading`, `intro`, `button`. Nothing else changes.
 */
export const mailTypes: Record<MailType, { body: string }> = {
  'user-invitation': { body: 'invitation' },
  'guest-invitation': { body: 'invitation' },
  'invitation-reminder': { body: 'invitation' },
};

/** A table of a mail; every row has as many cells. */
export interface MailSection {
  title: string;
  rows: string[][];
  /** What the first cell of each row opens; null: nothing. Of HTML alone: as text there is the link of the mail. */
  links?: (string | null)[];
  /** What people or servers have said, behind the last cell of each row; null: nothing. It may run the other way than our words. */
  details?: (string | null)[];
}

/** What a mail to the holder of an account says. Its words are in i18n under `mail.account.<type>`. */
export interface HolderMail {
  type: AccountMailType;
  locale: Locale;
  firstName: string | null;
  lastName: string | null;
  username: string | null;
  newAddress: string | null;
  organizationName: string | null;
  /** Whom it is about, where that is not who gets it. */
  personName: string | null;
  /** The same with their address. */
  person?: string | null;
  /** How many things have happened. */
  count?: number;
  /** Text from people or servers, shown as it is below the words `detail` of the type. */
  detail?: string | null;
  /** Words of their own below those of the type, where a mail could not be delivered for good: there is no such address, or nobody wants it. */
  cause?: 'dead' | 'unwanted' | null;
  /** Tables, in the order in which they are shown. */
  sections?: MailSection[];
  /** What follows the tables. */
  more?: string | null;
  /** The organization whose invitation a new password accepts. */
  joins: string | null;
  /** Whose account it is: the mail may have come to somebody who does not know it. */
  account: { username: string | null; home: string | null } | null;
  /** null: there is nothing to open. */
  link: string | null;
  /** Whether the link opens something for good, and not until a day. */
  lasting?: boolean;
  /** null: there is nothing to type in. */
  code: string | null;
  expiresAt: Date;
  timeZone: string;
  senderAddress: string;
  branding?: MailBranding | null;
  own?: OwnTemplate | null;
}
