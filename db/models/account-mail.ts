import type { NoticeMail } from '../../domain/inviter-notice';
import { BaseModel } from './base-model';
import type { DeliveryAttempt } from './email';

export type AccountMailType =
  | 'password-reset'
  | 'email-confirmation'
  | 'email-change-notice'
  | 'two-factor-code'
  | 'two-factor-changed'
  | 'guest-access-ending'
  | 'guest-access-ending-host'
  | 'template-test'
  | 'account-inactive'
  | 'security-report'
  | NoticeMail;

/** A mail to the holder of an account. The link or code in its parts is masked, as in the mail log of invitations. */
export class AccountMail extends BaseModel {
  static override tableName = 'account_mails';
  static override jsonAttributes = ['attempts'];

  declare id: string;
  declare type: AccountMailType;
  declare recipient: string;
  /** null: whoever has this address when it is sent. */
  declare accountId: string | null;
  /** The organization that it is about, where that is not the person's home. */
  declare aboutOrganizationId: string | null;
  /** Whom it is about, where that is not the person who gets it. */
  declare aboutAccountId: string | null;
  /** In whose mail log it is; null until it is known, and for somebody who has no home. */
  declare organizationId: string | null;
  /** The invitation that it is about. */
  declare invitationId: string | null;
  /** The mail of an invitation that this is a copy of: same content, same link, same address. // E6 */
  declare copyOf: string | null;
  /** Of a copy: which generation of the link it carries. */
  declare generation: number | null;
  declare replyTo: string | null;
  /** Until then its link opens something; afterwards it is not sent any more. */
  declare deadline: Date;
  declare status: 'queued' | 'sent' | 'failed' | 'bounced';
  declare locale: string | null;
  /** What it was made from; fallback: the built-in, in place of an own template that failed. */
  declare template: 'built-in' | 'own' | 'fallback';
  declare sender: string | null;
  declare subject: string | null;
  declare html: string | null;
  declare text: string | null;
  declare messageId: string | null;
  declare attempts: DeliveryAttempt[];
  declare detail: string | null;
  declare dueAt: Date;
  declare leaseUntil: Date | null;
  /** Who, by a name made up for this try. */
  declare leaseOwner: string | null;
  /** When Temporal is to be told (again); null: there is nothing left to do. */
  declare tellAt: Date | null;
  declare createdAt: Date;
  declare sentAt: Date | null;
}
