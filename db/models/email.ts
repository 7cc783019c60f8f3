import { BaseModel } from './base-model';

export interface DeliveryAttempt {
  at: string;
  response: string;
}

/** A row of the mail log. The link in its parts is masked; only the moment of sending puts the real one in. */
export class Email extends BaseModel {
  static override tableName = 'emails';
  static override jsonAttributes = ['attempts'];

  declare id: string;
  declare organizationId: string;
  declare invitationId: string;
  declare type: string;
  declare generation: number;
  /** Of several of this type and generation: reminders are counted from 1. */
  declare ordinal: number;
  declare locale: string;
  /** What it was made from; fallback: the built-in, in place of an own template that failed. */
  declare template: 'built-in' | 'own' | 'fallback';
  declare sender: string;
  declare recipient: string;
  declare subject: string;
  declare html: string;
  declare text: string;
  declare messageId: string;
  /** The inviter's proved address, where a person has invited. */
  declare replyTo: string | null;
  declare status: 'queued' | 'sent' | 'failed' | 'bounced';
  declare attempts: DeliveryAttempt[];
  /** Why the mail is what it is, where no answer of the mail server says so; what a bounce said. */
  declare detail: string | null;
  /** When a mail that was put off is tried again. */
  declare nextTryAt: Date | null;
  /** Since then it is not known any more what the mail said. */
  declare contentsRemovedAt: Date | null;
  /** Until then somebody is sending it. */
  declare leaseUntil: Date | null;
  /** Who, by a name made up for this try. */
  declare leaseOwner: string | null;
  declare createdAt: Date;
  declare sentAt: Date | null;
}
