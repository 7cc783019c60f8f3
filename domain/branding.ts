/** What an organization's mails and pages look like without a template of its own. */
export interface Branding {
  /** `#rrggbb` */
  colour: string | null;
  /** The organization's name in the sender of its mails. */
  senderName: string | null;
  /** Names the picture by its content; null: none. */
  logoVersion: string | null;
}

export const defaultColour = '#4f46e5';

export const largestLogo = { bytes: 100 * 1024, pixels: 2_000 };

export interface Logo {
  type: 'image/png' | 'image/jpeg';
  data: Buffer;
  width: number;
  height: number;
}

/**
 * The picture in a data URL, judged by its bytes and not by what it is called. SVG can hold scripts, and is none of the two.
 * @returns a sentence about what is wrong with it, else the picture
 */
export function parseLogo(dataUrl: string): Logo | { fault: string } {
  const match = /^data:image\/(?:png|jpeg);base64,([A-Za-z0-9+/]+={0,2})$/.exec(dataUrl);
  if (!match?.[1]) return { fault: 'Must be a data URL with a PNG or JPEG in Base64.' };
  const data = Buffer.from(match[1], 'base64');
  if (data.length > largestLogo.bytes) return { fault: 'May have at most 100 KB.' };
  const png = sizeOfPng(data);
  const size = png ?? sizeOfJpeg(data);
  if (!size) return { fault: 'Is neither a PNG nor a JPEG.' };
  if (Math.max(size.width, size.height) > largestLogo.pixels || Math.min(size.width, size.height) < 1)
    return { fault: `May have at most ${largestLogo.pixels} pixels in width and in height.` };
  return { type: png ? 'image/png' : 'image/jpeg', data, ...size };
}

const pngStart = Buffer.from('\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'latin1');
const pngEnd = Buffer.from('IEND\xaeB`\x82', 'latin1');

function sizeOfPng(data: Buffer): { width: number; height: number } | null {
  if (data.length < 45 || !data.subarray(0, 16).equals(pngStart) || !data.subarray(-8).equals(pngEnd)) return null;
  return { width: data.readUInt32BE(16), height: data.readUInt32BE(20) };
}

/** The frame header says how large it is; whatever precedes it says how long it is itself. */
function sizeOfJpeg(data: Buffer): { width: number; height: number } | null {
  if (data.length < 4 || data.readUInt16BE(0) !== 0xffd8 || data.readUInt16BE(data.length - 2) !== 0xffd9) return null;
  let at = 2;
  while (at + 9 < data.length && data[at] === 0xff) {
    const marker = data[at + 1] ?? 0;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { height: data.readUInt16BE(at + 5), width: data.readUInt16BE(at + 7) };
    at += 2 + data.readUInt16BE(at + 2);
  }
  return null;
}

/** Relative luminance by WCAG 2. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const share = parseInt(colour.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** The contrast of two colours by WCAG 2: from 1 to 21. */
export function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** White or black, whichever stands out more from the colour: at least 4.5 to 1 from every one. */
export function textColourOn(colour: string): '#ffffff' | '#000000' {
  return contrast('#ffffff', colour) >= contrast('#000000', colour) ? '#ffffff' : '#000000';
}

/** No quotes, brackets or at signs: it must neither end the name nor look like another address. */
export const senderNamePattern = /^[^"\\<>@()[\]:;\p{Cc}\p{Cf}\u2028\u2029]+$/u;

/**
 * The sender of an organization's mails: its name before ours, never another address.
 * @param from `Usher <usher@example.com>` or an address, as in USHER_MAIL_FROM
 * @param address the plain address of `from`
 */
export function brandedSender(from: string, address: string, senderName: string | null): string {
  if (senderName === null || !senderNamePattern.test(senderName)) return from;
  const own = /^\s*"?([^"<>\r\n]*?)"?\s*<[^<>]*>\s*$/.exec(from)?.[1]?.trim() ?? '';
  const name = own ? `${senderName} via ${own}` : senderName;
  return `"${name.replace(/["\\\r\n]/g, '')}" <${address}>`;
}
