import { domainToASCII } from 'node:url';

const atext = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const localPart = new RegExp(`^${atext}(\\.${atext})*$`);
const domainLabel = /^(?!-)[a-z0-9-]{1,63}(?<!-)$/;

/**
 * One plain address as mail servers take it, or what is wrong with it. Nothing is trimmed or repaired; quoted local
 * parts, display names, lists and line breaks are refused. An internationalized domain becomes its ASCII form.
 */
export function parseEmailAddress(text: string): { address: string } | { fault: string } {
  if (text.length > 254) return { fault: 'The e-mail address is longer than 254 characters.' };
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u0020\u007f-\u00a0\u2028\u2029]/.test(text))
    return { fault: 'The e-mail address contains spaces, line breaks or control characters.' };
  const at = text.lastIndexOf('@');
  if (at < 1 || text.indexOf('@') !== at)
    return { fault: 'This is not one plain e-mail address like name@example.com.' };
  const local = text.slice(0, at);
  if (local.length > 64 || !localPart.test(local))
    return { fault: 'This is not one plain e-mail address like name@example.com.' };
  const domain = asciiDomain(text.slice(at + 1));
  if (!domain) return { fault: 'The part after the @ is not a domain name.' };
  const address = `${local}@${domain}`;
  return address.length > 254 ? { fault: 'The e-mail address is longer than 254 characters.' } : { address };
}

/** Two spellings of one mailbox are one account: compare by this. */
export const addressKey = (address: string): string => address.toLowerCase();

/** Where dots in the local part tell no mailboxes apart, by both of its names. */
const dotless = /@(?:gmail|googlemail)\.com$/;

/**
 * What comes after a `+` is the recipient's own note, and for some providers dots are nothing: whoever writes to many of these
 * writes to one mailbox. Only to count by.
 */
export function mailboxKey(address: string): string {
  const key = addressKey(address).replace(/^([^+@]+)\+[^@]*(?=@)/, '$1');
  return dotless.test(key) ? `${key.replace(dotless, '').replaceAll('.', '')}@gmail.com` : key;
}

/** The plain address of `Usher <usher@example.com>`. @throws Error where there is none */
export function senderAddress(from: string): string {
  const match = /^(?:[^<>\r\n]*<([^<>\r\n]+)>|([^<>\s]+))$/.exec(from);
  const parsed = parseEmailAddress(match?.[1] ?? match?.[2] ?? '');
  if (!('address' in parsed)) throw new Error('must be an address, or a name with an address in angle brackets');
  return parsed.address;
}

function asciiDomain(text: string): string | null {
  // domainToASCII also repairs (percent signs, full-width dots, paths); only letters, digits, hyphens and dots may come in.
  if (!/^[\p{L}\p{M}\p{N}.-]+$/u.test(text)) return null;
  const ascii = domainToASCII(text);
  if (!ascii || ascii.length > 253) return null;
  const labels = ascii.split('.');
  if (labels.length < 2 || !labels.every((label) => domainLabel.test(label))) return null;
  return /^\d+$/.test(labels.at(-1) ?? '') ? null : ascii;
}
