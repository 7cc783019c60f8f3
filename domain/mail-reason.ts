/**
 * The reasons of our own that stand in the mail log where a mail server's words would, by code. The log keeps them in English,
 * as it keeps those words, and clients read them there; people read them in their language, by the code: `mail.reasons` in
 * the catalogue.
 */
const phrases = {
  'suppressed-bounce': 'suppressed: bounced on {{day}}',
  'suppressed-complaint': 'suppressed: complaint on {{day}}',
  deadline: 'Not sent before the deadline.',
  unwanted: 'The recipient has reported it as unwanted.',
  'newer-link': 'Not sent: the invitation has a newer link.',
  closed: 'Not sent: the invitation was {{status}}.',
  'term-changed': 'Not sent: the term has changed.',
  'too-many-mails': 'Not sent: this recipient has been sent too many mails within an hour.',
  'other-recipient': 'Not sent: it is not for this recipient any more.',
  'other-address': 'Not sent: The invitation has another address by now, and this link is dead.',
  // What happened to the connection.
  'no-answer': 'The mail server did not answer in time.',
  'no-last-answer': 'The mail server has the mail, but did not answer in time: it may have arrived.',
  unheard: 'The connection ended before the mail server’s answer was heard: the mail may have arrived.',
  // Of releases that took this for a try.
  busy: 'All connections to the mail server are busy.',
  'takes-none': 'The mail server takes no mails at the moment ({{code}}).',
  unreachable: 'The mail server could not be reached ({{code}}).',
  'no-reason': 'The report gives no reason.',
  delayed: 'Delayed: {{words}}',
  bounced: 'Bounced: {{words}}',
} as const;

export type MailReason = keyof typeof phrases;
export const mailReasons = Object.keys(phrases) as MailReason[];

type Named<Phrase extends string> = Phrase extends `${string}{{${infer Name}}}${infer Rest}`
  ? Name | Named<Rest>
  : never;

/** What the log says of a reason; the only way to write one, so that none is without words in every language. */
export const mailReason = <Code extends MailReason>(
  code: Code,
  ...[values]: [Named<(typeof phrases)[Code]>] extends [never]
    ? []
    : [Record<Named<(typeof phrases)[Code]>, string | number>]
): string =>
  phrases[code].replace(/\{\{(\w+)\}\}/g, (_, name: string) => String((values as Record<string, unknown>)[name]));

const valuePatterns: Record<string, string> = { day: String.raw`\d{4}-\d{2}-\d{2}`, code: String.raw`\w+` };

const patternOf = (phrase: string): RegExp =>
  new RegExp(
    `^${phrase
      .replace(/[.*+?^$()|[\]\\]/g, String.raw`\$&`)
      .replace(/\{\{(\w+)\}\}/g, (_, name: string) => `(?<${name}>${valuePatterns[name] ?? '.*'})`)}$`,
    's',
  );

const known: [pattern: RegExp, code: MailReason][] = [
  ...mailReasons.map((code): [RegExp, MailReason] => [patternOf(phrases[code]), code]),
  // Why a copy did not go out: what the API would have said.
  [/^Not sent: The deadline of this invitation has passed: its link opens nothing any more\.$/, 'deadline'],
  [/^Not sent: This invitation is (?<status>draft|accepted|declined|expired|cancelled)\.$/, 'closed'],
  [/^Not sent: The deadline of this invitation has changed, and this mail names another\.$/, 'term-changed'],
  [/^Not sent: The invitation has a newer link, and this one is dead\.$/, 'newer-link'],
  [
    /^Not sent: This address is not mailed any more \(suppressed: bounced on (?<day>[\d-]{10})\): correct it, or have it released\.$/,
    'suppressed-bounce',
  ],
  [
    /^Not sent: This address is not mailed any more \(suppressed: complaint on (?<day>[\d-]{10})\): correct it, or have it released\.$/,
    'suppressed-complaint',
  ],
];

/** Which of our reasons this is, or null for words of somebody else. */
export function knownReason(detail: string): { code: MailReason; values: Record<string, string> } | null {
  for (const [pattern, code] of known) {
    const match = pattern.exec(detail);
    if (match) return { code, values: { ...match.groups } };
  }
  return null;
}

const notTaken: readonly MailReason[] = ['no-answer', 'busy', 'takes-none', 'unreachable'];

/** Whether a server that has put a mail off, in these words, surely has not got it. */
export function wasNotTaken(response: string): boolean {
  const reason = knownReason(response);
  return reason ? notTaken.includes(reason.code) : /^4\d\d\b/.test(response);
}
