import type { z } from 'zod';
import { mailTemplateNames } from '../../domain/mail-templates';
import { addressSuppressed, findSuppression } from '../../db/queries/find-suppression';
import { nameUsers } from '../../db/queries/name-users';
import { notFound, type Problem } from '../../domain/problem';
import { toProblem } from '../middleware/problems';
import type { email, emailPage, emailWithContents, suppressedAddressPage } from '../schemas/emails';
import type { invitation } from '../schemas/invitations';
import { refusable } from './demand';
import { showHtml } from './frames';
import type { Screens } from './index';
import { mailName } from './mail-names';
import type { Page } from './page';
import { listed, nextPage, queryOf } from './paging';
import { type Refusal, refusalWords } from './refusal';
import { nameOf } from './users';
import { consoleView } from './views';
import { workflowHref } from './workflow-link';

type MailBody = z.infer<typeof email>;

const statuses = ['queued', 'sent', 'failed', 'bounced'] as const;

/** How a mail fares: a word, a tone and a symbol. // F4 */
const tones: Record<MailBody['status'], { tone: string; glyph: string }> = {
  queued: { tone: 'wait', glyph: 'pending' },
  sent: { tone: 'good', glyph: 'check' },
  failed: { tone: 'bad', glyph: 'cross' },
  bounced: { tone: 'warn', glyph: 'warn' },
};

interface MailRow {
  href: string;
  subject: string;
  type: string;
  to: string;
  status: { word: string; tone: string; glyph: string };
  createdAt: string;
  sentAt: string | null;
  isCopy: boolean;
}

const rowOf = (page: Page, mail: MailBody): MailRow => ({
  href: `/console/emails/${mail.id}`,
  subject: mail.subject || mailName(page, mail.type),
  type: mailName(page, mail.type),
  to: mail.to,
  status: { word: page.t(`console.emails.statuses.${mail.status}`), ...tones[mail.status] },
  createdAt: mail.createdAt,
  sentAt: mail.sentAt,
  isCopy: mail.copyOf !== null,
});

interface MailsData {
  rows: MailRow[];
  q: string;
  filtered: boolean;
  /** Whose mails they are, where one has come from there; it stays when other filters change. */
  only: { name: string; value: string; text: string; without: string }[];
  statuses: { value: string; label: string; chosen: boolean }[];
  types: { value: string; label: string; chosen: boolean }[];
  next: string | null;
  previous: string | null;
  first: string | null;
}

const mailsView = consoleView<MailsData>('emails');

interface MailData {
  mail: MailRow;
  path: string;
  attempts: { at: string; response: string }[];
  nextTryAt: string | null;
  detail: string | null;
  subject: string;
  language: string;
  text: string | null;
  sender: string;
  senderAddress: string;
  messageId: string;
  workflowId: string;
  workflowHref: string | null;
  template: string;
  fellBack: boolean;
  invitation: string | null;
  original: string | null;
  mayCopy: boolean;
  /** Why a copy would certainly be refused; null: it would not be for that. */
  suppressed: Refusal | null;
  refused: (Refusal & { errors: [] }) | null;
}

const mailView = consoleView<MailData>('email');

interface SuppressedData {
  rows: { id: string; address: string; reason: string; detail: string | null; at: string; mail: string | null }[];
  mayRelease: boolean;
  next: string | null;
  previous: string | null;
  first: string | null;
}

const suppressedView = consoleView<SuppressedData>('suppressed-addresses');

/** What was mailed, and what came back. // E6, E12 */
export function emailsScreens({ get, post, frame }: Screens): void {
  get('/console/emails', async (page) => {
    const filter = queryOf(page, 'q', 'status', 'type', 'invitationId', 'userId');
    const mails = await page.ask<z.infer<typeof emailPage>>('GET O/emails', {
      query: { ...filter, ...listed(page) },
    });
    page.show(mailsView, {
      rows: mails.items.map((mail) => rowOf(page, mail)),
      q: filter.q ?? '',
      filtered: Object.keys(filter).length > 0,
      only: await onlyOf(page, filter),
      statuses: statuses.map((value) => ({
        value,
        label: page.t(`console.emails.statuses.${value}`),
        chosen: value === filter.status,
      })),
      types: [...mailTemplateNames, 'template-test'].map((value) => ({
        value,
        label: mailName(page, value),
        chosen: value === filter.type,
      })),
      ...nextPage(page, mails.nextCursor),
    });
  });

  get('/console/emails/:id', (page) => showMail(page));
  frame('get', '/console/emails/:id/preview', async (page) => {
    const { html } = await findMail(page);
    if (html === null) throw notFound('part of the mail');
    showHtml(page.response, html);
  });
  post(
    '/console/emails/:id/copy',
    (page) =>
      refusable(
        async () => {
          const copy = await page.ask<MailBody>('POST O/emails/{id}/resend', { params: { id: page.param('id') } });
          page.go(`/console/emails/${copy.id}`, 'mailCopied', { to: copy.to });
        },
        (problem) => showMail(page, problem),
      ),
    (page) => showMail(page),
  );

  get('/console/suppressed-addresses', async (page) => {
    const addresses = await page.ask<z.infer<typeof suppressedAddressPage>>('GET O/suppressed-addresses', {
      query: listed(page),
    });
    page.show(suppressedView, {
      rows: addresses.items.map(({ id, address, reason, detail, emailId, at }) => ({
        id,
        address: address ?? page.t('console.emails.erasedAddress'),
        reason: page.t(`console.emails.reasons.${reason}`),
        detail,
        at,
        mail: emailId && `/console/emails/${emailId}`,
      })),
      mayRelease: page.may('settings.manage'),
      ...nextPage(page, addresses.nextCursor),
    });
  });
  post('/console/suppressed-addresses', async (page) => {
    await page.ask('DELETE O/suppressed-addresses/{id}', { params: { id: page.field('id') } });
    page.go('/console/suppressed-addresses', 'addressReleased');
  });
}

type Filter = Partial<Record<'q' | 'status' | 'type' | 'invitationId' | 'userId', string>>;

const narrowing = { invitationId: invitationName, userId: userName };

/** What the list is narrowed to by whatever led here: the form has no field for it. */
async function onlyOf(page: Page, filter: Filter): Promise<MailsData['only']> {
  const chips = (['invitationId', 'userId'] as const).map(async (name) => {
    const { [name]: value, ...others } = filter;
    if (value === undefined) return [];
    const called = await narrowing[name](page, value);
    const text =
      called === null
        ? page.t(`console.emails.only.unknown.${name}`)
        : page.t(`console.emails.only.${name}`, { name: called });
    const query = new URLSearchParams(others).toString();
    return [{ name, value, text, without: query === '' ? '/console/emails' : `/console/emails?${query}` }];
  });
  return (await Promise.all(chips)).flat();
}

/** null: it is not there, or nothing for whoever reads logs only. */
async function invitationName(page: Page, id: string): Promise<string | null> {
  try {
    return nameOf(page, await page.ask<z.infer<typeof invitation>>('GET O/invitations/{id}', { params: { id } }));
  } catch (error) {
    if (toProblem(error).status >= 500) throw error;
    return null;
  }
}

async function userName(page: Page, id: string): Promise<string | null> {
  const user = (await page.read((trx) => nameUsers(trx, page.organization.id, [id]))).get(id);
  return user ? nameOf(page, user) : null;
}

const findMail = (page: Page) =>
  page.ask<z.infer<typeof emailWithContents>>('GET O/emails/{id}', { params: { id: page.param('id') } });

async function showMail(page: Page, problem: Problem | null = null): Promise<void> {
  const mail = await findMail(page);
  const mayCopy = mail.invitationId !== null && page.may('invitations.manage');
  const suppression = mayCopy && (await page.read((trx) => findSuppression(trx, page.organization.id, mail.to)));
  const data: MailData = {
    mail: rowOf(page, mail),
    path: `/console/emails/${mail.id}`,
    attempts: mail.attempts,
    nextTryAt: mail.status === 'queued' ? mail.nextTryAt : null,
    detail: mail.detail,
    subject: mail.subject,
    language: mail.locale,
    text: mail.text,
    sender: mail.sender,
    senderAddress: mail.senderAddress,
    messageId: mail.messageId,
    workflowId: mail.workflowId,
    workflowHref: workflowHref(page, mail.workflowId),
    template: page.t(`console.emails.templates.${mail.template}`),
    fellBack: mail.template === 'fallback',
    invitation: mail.invitationId && `/console/invitations/${mail.invitationId}`,
    original: mail.copyOf && `/console/emails/${mail.copyOf}`,
    mayCopy,
    suppressed: suppression ? refusalWords(page, addressSuppressed(suppression)) : null,
    refused: problem && { ...refusalWords(page, problem), errors: [] },
  };
  if (problem) page.showAgain(mailView, data, problem);
  else page.show(mailView, data);
}
