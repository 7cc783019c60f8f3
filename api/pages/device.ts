import Bowser from 'bowser';
import type { Translate } from '../../i18n';

/** "Chrome on Windows", by what a browser says of itself; null where it says nothing that has a name. */
export function deviceName(t: Translate, userAgent: string | null): string | null {
  if (userAgent === null || userAgent.trim() === '') return null;
  const { browser, os } = Bowser.parse(userAgent);
  return browser.name && os.name
    ? t('common.device', { browser: browser.name, system: os.name })
    : browser.name || os.name || null;
}

/** An address as people know it: that of IPv4 without what stands before it where it came in by IPv6. */
export const shownAddress = (ip: string | null): string | null =>
  ip === null ? null : ip.replace(/^::ffff:(?=\d{1,3}(\.\d{1,3}){3}$)/i, '');
