import type { HolderMail } from '../../activities/email/mail-types';
import { renderHolderMail } from '../../activities/email/render';
import { renderNews } from '../../activities/email/render-news';
import { renderReport } from '../../activities/email/render-report';
import type { NewsItem } from '../../db/queries/gather-news';
import type { SecurityReport } from '../../db/queries/find-security-report';
import { noticeEvents, noticeMails } from '../../domain/inviter-notice';
import { type Locale, locales } from '../../i18n';

const at = new Date('2026-12-21T13:05:00Z');
const timeZone = 'Europe/Berlin';
const hostile = 'Ben\r\nBcc: x@y.test <script>alert(1)</script> {{link}} \u202e';
const item: NewsItem = {
  event: 'accepted',
  detail: null,
  at,
  invitationId: '6f1f4b9e-2c8e-4f0e-9a57-3c1d1a3d4e5f',
  firstName: 'Ada',
  lastName: 'Lovelace',
  email: 'ada@example.com',
};
const holder = (locale: Locale): Omit<HolderMail, 'type'> => ({
  locale,
  firstName: 'Mara',
  lastName: 'Lindqvist',
  username: null,
  newAddress: null,
  organizationName: 'Nordlicht Energie',
  personName: null,
  joins: null,
  account: null,
  link: null,
  code: null,
  expiresAt: at,
  timeZone,
  senderAddress: 'no-reply@usher.test',
});

describe.each(locales)('in %s', (locale) => {
  test.each(noticeEvents)('F11: a single notice names the person and the organization: %s', (event) => {
    const news = { items: [{ ...item, event, detail: event === 'accepted' ? null : hostile }], counts: {}, total: 1 };
    const told = renderNews(news, locale, timeZone);
    // Only a decline and a server say something.
    const detail = event === 'declined' || event === 'undeliverable' ? told.detail : null;
    const mail = renderHolderMail({ ...holder(locale), type: noticeMails[event], ...told, detail: detail ?? null });
    for (const part of [mail.text, mail.html]) {
      expect(part).toContain('Ada Lovelace (ada@example.com)');
      expect(part).toContain('Nordlicht Energie');
      expect(part).not.toContain('\u202e');
    }
    expect(mail.subject).not.toMatch(/[\r\n]/);
    expect(mail.html).not.toContain('<script>');
    if (detail) expect(mail.text).toContain('<script>alert(1)</script> {{link}}');
  });

  test('F11: a digest has a table for each kind of event, and says how many it leaves out', () => {
    const items = [item, { ...item, event: 'declined' as const, firstName: hostile, detail: 'No' }];
    const told = renderNews({ items, counts: { accepted: 70, declined: 1 }, total: 71 }, locale, timeZone);
    const mail = renderHolderMail({ ...holder(locale), type: 'invitation-news', ...told });
    expect(mail.subject).toContain('71');
    for (const part of [mail.text, mail.html]) {
      expect(part).toMatch(/(Accepted|Angenommen): 70/);
      expect(part).toMatch(/(Declined|Abgelehnt): 1/);
      expect(part).toContain('69');
    }
    expect(mail.html).not.toContain('<script>');
  });

  test.each([true, false])('C8: a report is aligned as text and a table in HTML; of its own user: %s', (home) => {
    const signIn = { at, result: 'wrong-password', ip: '192.0.2.1', userAgent: hostile } as const;
    const report: SecurityReport = {
      now: at,
      user: {
        id: '6f1f4b9e-2c8e-4f0e-9a57-3c1d1a3d4e5f',
        email: 'ada@example.com',
        username: 'ada',
        firstName: hostile,
        lastName: 'Lovelace',
        kind: home ? 'member' : 'guest',
        status: 'suspended',
        role: 'administrator',
        groupIds: [],
        invitation: null,
        reactivationDeadline: null,
        accessEndsAt: at,
        externalId: null,
        createdAt: at,
      },
      joinedAt: at,
      userType: 'Teacher',
      permissions: ['guests.invite'],
      groups: [{ name: 'Pilots', role: 'administrator', permissions: ['drive.read'] }],
      invitations: [],
      account: home
        ? {
            createdAt: at,
            activatedAt: at,
            lastSignInAt: null,
            factor: 'app',
            recoveryCodes: 9,
            signIns: [{ ...signIn, result: 'signed-in' }],
            failedSignIns: [signIn, { ...signIn, result: 'wrong-code' }, { ...signIn, result: 'not-active' }],
            sessions: [],
          }
        : null,
    };
    const sections = renderReport(report, locale, timeZone);
    const mail = renderHolderMail({ ...holder(locale), type: 'security-report', sections });
    const rows = mail.text.split('\n');
    const column = (label: RegExp, value: string) => rows.find((row) => label.test(row))?.indexOf(value) ?? -1;
    const place = column(/^(Username|Benutzername) /, 'ada');
    expect(place).toBeGreaterThan(8);
    expect(column(/^ID /, report.user.id)).toBe(place);
    expect(mail.html).not.toContain('<script>');
    expect(mail.html.length).toBeLessThan(100_000);
    expect(mail.text.includes('192.0.2.1')).toBe(home);
    expect(rows.some((row) => row.startsWith('Bcc:'))).toBe(false);
  });
});
