import { copyMail } from '../../db/commands/copy-mail';
import { releaseAddress } from '../../db/commands/suppress-address';
import { SuppressedAddress } from '../../db/models/suppressed-address';
import { findMail, listMails, type MailFilter } from '../../db/queries/list-mails';
import { listSuppressedAddresses } from '../../db/queries/find-suppression';
import type { PageRequest } from '../../db/queries/page';
import { notFound } from '../../domain/problem';
import { byLanguage, wordsFor } from '../mail-words';
import type { Context, RouteSpec } from '../route';
import { id, organizationParams } from '../schemas/common';
import {
  email,
  emailPage,
  emailWithContents,
  mailQuery,
  suppressedAddressPage,
  suppressedAddressQuery,
  toEmail,
  toEmailWithContents,
  toSuppressedAddress,
} from '../schemas/emails';

const base = '/v1/organizations/{organizationId}';
const shared = { tag: 'Mail log', access: 'organization' } as const;
const one = organizationParams.extend({ id });
const idOf = (context: Context): string => context.params.id ?? '';
const locateMail = (context: Context) => context.read((trx) => findMail(trx, context.organizationId, idOf(context)));

export const emailRoutes: RouteSpec[] = [
  {
    ...shared,
    method: 'get',
    path: `${base}/emails`,
    summary: 'List the mails of an organization, newest first',
    action: 'logs.read',
    params: organizationParams,
    query: mailQuery,
    answers: { 200: { description: 'A page of mails', schema: emailPage } },
    async handle({ read, organizationId, query, request }) {
      const page = await read((trx) => listMails(trx, organizationId, query as MailFilter));
      const inWords = wordsFor(request);
      const items = page.items.map((mail) => toEmail(mail, inWords));
      return { status: 200, body: { ...page, items }, headers: byLanguage };
    },
  },
  {
    ...shared,
    method: 'get',
    path: `${base}/emails/{id}`,
    summary: 'Read a mail, with what it says; links and codes are masked',
    action: 'logs.read',
    params: one,
    answers: { 200: { description: 'The mail', schema: emailWithContents } },
    async handle(context) {
      const { mail, contents } = await locateMail(context);
      const body = toEmailWithContents(mail, contents, wordsFor(context.request));
      return { status: 200, body, headers: byLanguage };
    },
  },
  {
    ...shared,
    method: 'post',
    path: `${base}/emails/{id}/resend`,
    summary: 'Send a copy of an invitation’s mail: the same content, link and address, within its term',
    action: 'invitations.manage',
    params: one,
    idempotent: true,
    locate: locateMail,
    answers: { 202: { description: 'The copy, which is on its way', schema: email } },
    problems: [
      'MAIL_NOT_COPYABLE',
      'MAIL_QUEUED',
      'MAIL_SUPERSEDED',
      'DEADLINE_PASSED',
      'INVITATION_CLOSED',
      'ADDRESS_SUPPRESSED',
    ],
    async handle(context) {
      const { organizationId, limits, services } = context;
      let copy: string | null = null;
      const answer = await context.command(async (trx) => {
        copy = await copyMail(trx, organizationId, idOf(context), context);
        const { mail } = await findMail(trx, organizationId, copy);
        await limits.forInvitationMail(trx, organizationId, mail.recipient);
        return { status: 202, body: toEmail(mail, wordsFor(context.request)) };
      });
      if (copy) services.mails.announce(copy);
      return answer;
    },
  },
  {
    ...shared,
    method: 'get',
    path: `${base}/suppressed-addresses`,
    summary: 'List the addresses that this organization does not mail any more, newest first',
    action: 'logs.read',
    params: organizationParams,
    query: suppressedAddressQuery,
    answers: { 200: { description: 'A page of addresses', schema: suppressedAddressPage } },
    async handle({ read, organizationId, query }) {
      const page = await read((trx) => listSuppressedAddresses(trx, organizationId, query as PageRequest));
      return { status: 200, body: { ...page, items: page.items.map(toSuppressedAddress) } };
    },
  },
  {
    ...shared,
    method: 'delete',
    path: `${base}/suppressed-addresses/{id}`,
    summary: 'Release an address: it is mailed again',
    action: 'settings.manage',
    params: one,
    async locate(context) {
      const { organizationId } = context;
      const found = await context.read(async (trx) =>
        SuppressedAddress.query(trx).findOne({ id: idOf(context), organizationId }),
      );
      if (!found) throw notFound('suppressed address');
    },
    answers: { 204: { description: 'Released' } },
    handle: (context) =>
      context.command(async (trx) => {
        await releaseAddress(trx, context.organizationId, idOf(context), context.actor);
        return { status: 204, body: null };
      }),
  },
];
