/**
 * Whether a status code (RFC 3463) speaks of an address that is of no use any more: 5.1.1 to 5.1.4 and 5.1.6 (no such mailbox,
 * no such domain, no such syntax, ambiguous, moved away), 5.1.10 (its domain takes no mail, RFC 7505), 5.2.1 (disabled). Given
 * up after days of 4xx, with a full mailbox (5.2.2) or for somebody's policy (5.7.x), it may be as good as ever; 5.1.7 and
 * 5.1.8 speak of the sender's, 5.1.9 of a server on the way, 5.1.0 of either. Two codes of routing are used for addresses, too,
 * which only the words tell: 5.4.4 for a domain that there is not (Postfix), 5.4.1 for a recipient (Exchange Online).
 * @param words what the server said
 */
export const isDeadAddress = (status: string | null, words = ''): boolean =>
  /^5\.(?:1\.(?:[1-4]|6|10)|2\.1)$/.test(status ?? '') ||
  (status === '5.4.4' && /\b(?:host or domain name|domain|host) not found\b/i.test(words)) ||
  (status === '5.4.1' && /\brecipient address rejected\b/i.test(words));

/** The status code in the answer of a mail server (RFC 2034): `550 5.1.1 No such user`; null: it gives none. */
export const statusIn = (response: string): string | null =>
  /^5\d\d[ -](5\.\d{1,3}\.\d{1,3})(?!\S)/.exec(response)?.[1] ?? null;
