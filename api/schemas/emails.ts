import { z } from 'zod';
import type { SuppressedAddress } from '../../db/models/suppressed-address';
import { suppressionReasons } from '../../db/models/suppressed-address';
import type { LoggedMail, MailContents } from '../../db/queries/list-mails';
import { senderAddress } from '../../domain/email-address';
import { knownReason, mailReasons } from '../../domain/mail-reason';
import { accountMailWorkflowId, invitationWorkflowId } from '../../workflows/messages';
import { id, pageOf, pageQuery, searchText, time } from './common';

/** F4: as an invitation's delivery. */
const mailStatuses = ['queued', 'sent', 'failed', 'bounced'] as const;

export const mailQuery = z.strictObject({
  ...pageQuery,
  status: z.enum(mailStatuses).optional(),
  invitationId: id.optional(),
  userId: id.optional().describe('Whom it went to'),
  type: searchText(100).optional(),
  q: searchText(200).optional().describe('A part of the recipient’s address'),
});

const reason = z.enum(mailReasons).nullable();
const reasonOf = (words: string | null) => (words === null ? null : (knownReason(words)?.code ?? null));

const fields = {
  id,
  type: z.string(),
  to: z.string(),
  status: z.enum(mailStatuses),
  detail: z.string().nullable().describe('What came back later, or why it was not sent'),
  reason: reason.describe('The detail as a code, where it is a reason of Usher’s own; null: words of somebody else'),
  messageId: z.string(),
  attempts: z
    .array(z.object({ at: time, response: z.string(), reason: reason.describe('As of the detail') }))
    .describe('What the mail server said, or what happened to the connection; the newest hundred'),
  nextTryAt: time.nullable().describe('When a mail that was put off is tried again'),
  invitationId: id.nullable(),
  userId: id.nullable(),
  generation: z.int().nullable().describe('Of the invitation’s link that it carries'),
  locale: z.string(),
  subject: z.string().describe('Empty: not kept any more'),
  sender: z.string(),
  senderAddress: z.string().describe('The address to allow-list where mails do not arrive'),
  createdAt: time,
  sentAt: time.nullable(),
  copyOf: id.nullable().describe('The mail that this one repeats'),
  template: z
    .enum(['built-in', 'own', 'fallback'])
    .describe('What it was made from; fallback: the built-in, as the own template failed'),
  workflowId: z.string(),
};

export const email = z.object(fields).meta({ id: 'Email' });
export const emailPage = pageOf(email).meta({ id: 'EmailPage' });
export const emailWithContents = z
  .object({
    ...fields,
    html: z.string().nullable().describe('Links and codes masked; null: not kept any more'),
    text: z.string().nullable(),
  })
  .meta({ id: 'EmailWithContents' });

/** @param inWords reasons of our own in the reader's language */
export const toEmail = (mail: LoggedMail, inWords: (reason: string) => string): z.infer<typeof email> => ({
  id: mail.id,
  type: mail.type,
  to: mail.recipient,
  status: mail.status,
  detail: mail.detail && inWords(mail.detail),
  reason: reasonOf(mail.detail),
  messageId: mail.messageId,
  attempts: mail.attempts.map(({ at, response }) => ({ at, response: inWords(response), reason: reasonOf(response) })),
  nextTryAt: mail.nextTryAt?.toISOString() ?? null,
  invitationId: mail.invitationId,
  userId: mail.accountId,
  generation: mail.generation,
  locale: mail.locale,
  subject: mail.subject,
  sender: mail.sender,
  senderAddress: senderAddress(mail.sender),
  createdAt: mail.createdAt.toISOString(),
  sentAt: mail.sentAt?.toISOString() ?? null,
  copyOf: mail.copyOf,
  template: mail.template,
  workflowId:
    mail.source === 'invitation' && mail.invitationId
      ? invitationWorkflowId(mail.invitationId)
      : accountMailWorkflowId(mail.id),
});

export const toEmailWithContents = (
  mail: LoggedMail,
  contents: MailContents | null,
  inWords: (reason: string) => string,
): z.infer<typeof emailWithContents> => ({
  ...toEmail(mail, inWords),
  html: contents?.html ?? null,
  text: contents?.text ?? null,
});

export const suppressedAddress = z
  .object({
    id,
    address: z.string().nullable().describe('null: its owner has been erased; told again once it is invited again'),
    reason: z.enum(suppressionReasons),
    detail: z.string().nullable(),
    emailId: id.nullable().describe('The mail that came back'),
    at: time,
  })
  .meta({ id: 'SuppressedAddress' });

export const suppressedAddressPage = pageOf(suppressedAddress).meta({ id: 'SuppressedAddressPage' });
export const suppressedAddressQuery = z.strictObject(pageQuery);

export const toSuppressedAddress = (row: SuppressedAddress): z.infer<typeof suppressedAddress> => ({
  id: row.id,
  address: row.address,
  reason: row.reason,
  detail: row.detail,
  emailId: row.mailId,
  at: row.at.toISOString(),
});
