/**
 * The reasons of our own that stand in the mail log where a mail server's words would. The log keeps them in English, as it
 * keeps those words; people read them in their language: the keys are those of the catalogue below `mail.reasons`.
 */
const reasons: [pattern: RegExp, key: string][] = [
  [/^suppressed: bounced on (?<day>\d{4}-\d{2}-\d{2})$/, 'suppressedBounce'],
  [/^suppressed: complaint on (?<day>\d{4}-\d{2}-\d{2})$/, 'suppressedComplaint'],
  [/^Not sent before the deadline\.$/, 'deadline'],
  [/^The recipient has reported it as unwanted\.$/, 'unwanted'],
  [/^Not sent: the invitation has a newer link\.$/, 'newerLink'],
  [/^Not sent: the invitation was (accepted|declined|expired|cancelled)\.$/, 'closed'],
  [/^Not sent: the term has changed\.$/, 'termChanged'],
  [/^Not sent: this recipient has been sent too many mails within an hour\.$/, 'tooManyMails'],
  [/^Not sent: it is not for this recipient any more\.$/, 'otherRecipient'],
  // Why a copy did not go out: what the API would have said.
  [/^Not sent: The deadline of this invitation has passed: its link opens nothing any more\.$/, 'deadline'],
  [/^Not sent: This invitation is (draft|accepted|declined|expired|cancelled)\.$/, 'closed'],
  [/^Not sent: The invitation has another address by now, and this link is dead\.$/, 'otherAddress'],
  [/^Not sent: The invitation has a newer link, and this one is dead\.$/, 'newerLink'],
  [
    /^Not sent: This address is not mailed any more \(suppressed: bounced on (?<day>[\d-]{10})\): correct it, or have it released\.$/,
    'suppressedBounce',
  ],
  [
    /^Not sent: This address is not mailed any more \(suppressed: complaint on (?<day>[\d-]{10})\): correct it, or have it released\.$/,
    'suppressedComplaint',
  ],
  // What happened to the connection.
  [/^The mail server did not answer in time\.$/, 'noAnswer'],
  [/^The mail server has the mail, but did not answer in time: it may have arrived\.$/, 'noLastAnswer'],
  // Of releases that took this for a try.
  [/^All connections to the mail server are busy\.$/, 'busy'],
  [/^The mail server takes no mails at the moment \((?<code>\d{3})\)\.$/, 'takesNone'],
  [/^The mail server could not be reached \((?<code>\w+)\)\.$/, 'unreachable'],
  [/^The report gives no reason\.$/, 'noReason'],
  [/^Delayed: (?<words>.*)$/s, 'delayed'],
  [/^Bounced: (?<words>.*)$/s, 'bounced'],
];

/** Which of our reasons this is, or null for words of somebody else. */
export function knownReason(detail: string): { key: string; values: Record<string, string> } | null {
  for (const [pattern, key] of reasons) {
    const match = pattern.exec(detail);
    if (match) return { key, values: { ...match.groups } };
  }
  return null;
}
