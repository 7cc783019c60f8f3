/** 2 to 64 letters, digits, dots, hyphens and underscores, beginning and ending with a letter or digit; no e-mail address. */
export const usernamePattern = /^[\p{L}\p{N}](?:[\p{L}\p{N}._-]{0,62}[\p{L}\p{N}])$/u;

/** A username made of the local part of an address, in lower case; a number is appended while it is taken. // E1 */
export function usernameCandidates(email: string): { base: string; numbered: (n: number) => string } {
  const local = email.slice(0, email.lastIndexOf('@')).toLowerCase().normalize('NFC');
  const base = local
    .replace(/[^a-z0-9._-]+/g, '')
    .replace(/^[._-]+|[._-]+$/g, '')
    .slice(0, 56)
    .replace(/[._-]+$/, '');
  const usable = usernamePattern.test(base) ? base : `user-${base || 'x'}`;
  return { base: usable, numbered: (n) => (n < 2 ? usable : `${usable}${n}`) };
}
