import { type ParsedMail, simpleParser } from 'mailparser';

/** What a report says of one recipient (RFC 3464). */
export interface ReportedRecipient {
  /** As the sender wrote it, where the report says so. */
  original: string | null;
  /** Where it ended, after forwarding. */
  final: string | null;
  action: 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded';
  /** `5.1.1`; null: none that could be read. */
  status: string | null;
  /** The words of the server that refused. */
  diagnostic: string | null;
}

export interface DeliveryReport {
  kind: 'delivery' | 'complaint';
  /** Of a complaint, the addresses it is about. */
  recipients: ReportedRecipient[];
  /** Where the report came to, and whom it names as sender: one of them may be the bounce address of the mail. */
  addresses: string[];
  /** Of the mail that it is about, where the report returns its header. */
  messageId: string | null;
}

/** What is read of a report: it comes before what is returned, and whoever sends more wants something else. */
export const mostReadBytes = 262_144;
/** For whoever has sent more, and no report in it. */
export const noReportInTime = 'There is no report in the first 256 KB, and more is not read';
const longestField = 1_000;
/** Of all parts together: lists of addresses are dear to take apart. */
const mostAddressFields = 20;
const addressField = /^(?:to|from|cc|bcc|sender|reply-to|delivered-to|return-path|disposition-notification-to)[ \t]*:/i;
/** One about the message, and one for each recipient; ours have one. */
const mostGroups = 20;

/**
 * Reads a delivery status notification (RFC 3464) or a complaint (RFC 5965); null: it is neither, like an answer of
 * somebody's holiday. Nothing in it is proven: whoever sent it may have made it up.
 */
export async function parseDeliveryReport(raw: Buffer): Promise<DeliveryReport | null> {
  const mail = await parse(raw);
  const part = (type: string) => mail.attachments.find(({ contentType }) => contentType === type)?.content;
  const returned = part('message/rfc822') ?? part('text/rfc822-headers') ?? part('message/rfc822-headers');
  const about = returned ? await parse(headerOf(returned)) : null;
  const messageId = about?.messageId ?? null;
  const addresses = [...addressesIn(mail, 'to', 'delivered-to', 'x-original-to')];
  if (about) addresses.push(...addressesIn(about, 'return-path'));
  const status = part('message/delivery-status');
  if (status) {
    // One group of fields about the message, then one for each recipient; empty lines between them.
    const groups = status.toString('latin1').split(/(?:\r?\n){2,}/, mostGroups);
    const recipients: ReportedRecipient[] = [];
    for (const group of groups) {
      const recipient = await readRecipient(group);
      if (recipient) recipients.push(recipient);
    }
    return recipients.length > 0 ? { kind: 'delivery', recipients, addresses, messageId } : null;
  }
  const feedback = part('message/feedback-report');
  if (!feedback) return null;
  const fields = await parse(feedback);
  // "not-spam" takes a complaint back; others, like `virus` or `auth-failure`, are none.
  if (text(fields, 'feedback-type') !== 'abuse') return null;
  addresses.push(...addressesIn(fields, 'original-mail-from'));
  const recipients = addressesIn(fields, 'original-rcpt-to').map((original) => ({
    original,
    final: null,
    action: 'failed' as const,
    status: null,
    diagnostic: null,
  }));
  return { kind: 'complaint', recipients, addresses, messageId };
}

const parse = (source: Buffer): Promise<ParsedMail> =>
  simpleParser(bounded(source), {
    keepDeliveryStatus: true,
    skipHtmlToText: true,
    skipTextToHtml: true,
    skipImageLinks: true,
  });

/**
 * The beginning of a mail, fields unfolded and cut, in parts as well: as much as a stranger may have us work for. A longer
 * list of groups in groups would exhaust the stack of the parser, where nobody catches it.
 */
function bounded(source: Buffer): Buffer {
  let addressFields = 0;
  const lines = source
    .subarray(0, mostReadBytes)
    .toString('latin1')
    .replace(/\r?\n[ \t]+/g, ' ')
    .split(/\r?\n/)
    .map((line) => line.slice(0, longestField))
    .filter((line) => !addressField.test(line) || ++addressFields <= mostAddressFields);
  return Buffer.from(lines.join('\r\n'), 'latin1');
}

/** Only the header is wanted; what follows may be anything. */
function headerOf(mail: Buffer): Buffer {
  const end = /\r?\n\r?\n/.exec(mail.toString('latin1'));
  return end ? mail.subarray(0, end.index + end[0].length) : Buffer.concat([mail, Buffer.from('\r\n\r\n')]);
}

const actions: readonly string[] = ['failed', 'delayed', 'delivered', 'relayed', 'expanded'];

async function readRecipient(group: string): Promise<ReportedRecipient | null> {
  const fields = await parse(Buffer.from(`${group}\r\n\r\n`, 'latin1'));
  const action = text(fields, 'action')?.toLowerCase() ?? '';
  if (!actions.includes(action)) return null;
  return {
    original: typed(text(fields, 'original-recipient')),
    final: typed(text(fields, 'final-recipient')),
    action: action as ReportedRecipient['action'],
    status: /\b[245]\.\d{1,3}\.\d{1,3}\b/.exec(text(fields, 'status') ?? '')?.[0] ?? null,
    diagnostic: typed(text(fields, 'diagnostic-code'))?.slice(0, 500) ?? null,
  };
}

/** `rfc822; ada@example.com` without its type. */
const typed = (value: string | null): string | null => value?.replace(/^[\w.-]+\s*;\s*/, '').trim() || null;

/** A field in one line, white space collapsed; the first one where there are several. */
function text(mail: ParsedMail, name: string): string | null {
  const value = mail.headers.get(name);
  const first: unknown = Array.isArray(value) ? value[0] : value;
  return typeof first === 'string' ? first.replace(/\s+/g, ' ').trim() : null;
}

/** Every address in these fields, however the parser understood them. */
const addressesIn = (mail: ParsedMail, ...names: string[]): string[] =>
  names.flatMap((name) => plainAddresses(JSON.stringify(mail.headers.get(name) ?? '')));

/** Cut at what no address of ours holds: looking for the @ from every letter on would take the square of the length. */
const plainAddresses = (text: string): string[] => text.split(/[\s<>;,"']+/).filter((word) => /^[^@]+@/.test(word));
