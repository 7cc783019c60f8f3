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
