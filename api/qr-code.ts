import QRCode from 'qrcode';

/** @returns png as a data URL, svg as markup */
export async function qrCodeOf(text: string): Promise<{ png: string; svg: string }> {
  const [png, svg] = await Promise.all([QRCode.toDataURL(text), QRCode.toString(text, { type: 'svg' })]);
  return { png, svg };
}
