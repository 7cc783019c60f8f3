import type { HolderMail } from '../../activities/email/mail-types';
import { renderHolderMail } from '../../activities/email/render';
import { linkOfNews, nameIn, nameWords, renderNews } from '../../activities/email/render-news';
import { renderReport } from '../../activities/email/render-report';
import type { NewsItem } from '../../db/queries/gather-news';
import type { SecurityReport } from '../../db/queries/find-security-report';
import { displayName } from '../../domain/account';
import { longestDigest, noticeEvents, noticeMails } from '../../domain/inviter-notice';
import { type Locale, locales } from '../../i18n';
import { elementsOf } from '../support/html';

const at = new Date('2026-12-21T13:05:00Z');
const timeZone = 'Europe/Berlin';
const baseUrl = 'https://usher.test';
const hostile = 'Ben\r\nBcc: x@y.test <script>alert(1)</script> {{link}} \u202e';
const item: NewsItem = {
  event: 'accepted',
  detail: null,
  at,
  invitationId: '6f1f4b9e-2c8e-4f0e-9a57-3c1d1a3d4e5f',
  firstName: 'Ada',
  lastName: 'Lovelace',
  email: 'ada@example.com',
  suppressed: null,
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

test('F11: in a German mail nothing of our own is English; what others have said stays as it is', () => {
  const nobody = { ...item, event: 'undeliverable' as const, firstName: null, lastName: null, email: null };
  const mailOf = (items: NewsItem[]) =>
    renderHolderMail({
      ...holder('de'),
      ...{ type: items.length === 1 ? 'delivery-problem' : 'invitation-news' },
      ...renderNews({ items, counts: { undeliverable: items.length }, total: items.length }, 'de', timeZone, baseUrl),
    });
  const reasons: [string, RegExp][] = [
    ['suppressed: bounced on 2026-11-25', /Am 25. November 2026 kam eine Mail zurück/],
    ['suppressed: complaint on 2026-11-25', /Am 25. November 2026 wurde eine Mail als unerwünscht gemeldet/],
    // As a mail server far away might write.
    ['Bounced: suppressed: bounced on 2026-99-99', /Am 2026-99-99 kam/],
    ['Not sent before the deadline.', /Bis zum Ende der Frist/],
    ['The recipient has reported it as unwanted.', /als unerwünscht gemeldet/],
    ['Not sent: the invitation has a newer link.', /neueren Link/],
    ['Not sent: the invitation was cancelled.', /nicht mehr offen/],
    ['Delayed: 451 4.3.0 Not now', /Verzögert: 451 4\.3\.0 Not now/],
    ['Not sent: the term has changed.', /Frist der Einladung hat sich geändert/],
    ['Not sent: this recipient has been sent too many mails within an hour.', /zu viele Mails/],
    ['Not sent: it is not for this recipient any more.', /nicht mehr für diese Adresse/],
    ['Not sent: This invitation is cancelled.', /nicht mehr offen/],
    ['Not sent: The invitation has another address by now, and this link is dead.', /andere Adresse/],
    ['Not sent: The invitation has a newer link, and this one is dead.', /neueren Link/],
    [
      'Not sent: The deadline of this invitation has passed: its link opens nothing any more.',
      /Bis zum Ende der Frist/,
    ],
    [
      'Not sent: This address is not mailed any more (suppressed: bounced on 2026-11-25): correct it, or have it released.',
      /Am 25. November 2026 kam eine Mail zurück/,
    ],
    [
      'Not sent: This address is not mailed any more (suppressed: complaint on 2026-11-25): correct it, or have it released.',
      /Am 25. November 2026 wurde eine Mail als unerwünscht gemeldet/,
    ],
    ['The mail server did not answer in time.', /nicht rechtzeitig geantwortet/],
    ['The mail server has the mail, but did not answer in time: it may have arrived.', /kann angekommen sein/],
    ['All connections to the mail server are busy.', /belegt/],
    ['The mail server takes no mails at the moment (530).', /nimmt zurzeit keine Mails an \(530\)/],
    ['The mail server could not be reached (ECONNREFUSED).', /nicht erreichbar \(ECONNREFUSED\)/],
    ['Bounced: The report gives no reason.', /Zurückgekommen: Der Bericht nennt keinen Grund/],
    ['Bounced: 550 5.1.1 No such user', /Zurückgekommen: 550 5\.1\.1 No such user/],
    ['550 5.1.1 No such user', /550 5\.1\.1 No such user/],
  ];
  const ours = /Unnamed|suppressed|bounced|Not sent|The recipient|Delayed|Bounced|mail server/;
  for (const [detail, expected] of reasons) {
    const { subject, html, text } = mailOf([{ ...nobody, detail }]);
    for (const part of [html, text]) expect(part).toMatch(expected);
    for (const part of [subject, html, text]) expect(part).not.toMatch(ours);
    expect(text).toContain('Person ohne Namen');
    expect(mailOf([{ ...nobody, detail }, nobody]).text).toMatch(expected);
  }
  // Somebody's own words are not ours, whatever they are.
  const declined = { ...item, event: 'declined' as const, detail: 'Not sent before the deadline.' };
  expect(renderNews({ items: [declined], counts: {}, total: 1 }, 'de', timeZone, baseUrl).detail).toBe(declined.detail);
  const guest = { firstName: 'Ada', lastName: null, kind: 'guest' as const };
  expect(['Unnamed person', 'Ada (guest)', 'Ada'].map((name) => nameIn('de', name))).toEqual([
    ...['Person ohne Namen', 'Ada (Gast)', 'Ada'],
  ]);
  expect([displayName(guest, nameWords('de')), displayName(guest)]).toEqual(['Ada (Gast)', 'Ada (guest)']);
});

describe.each(locales)('in %s', (locale) => {
  test.each(noticeEvents)('F11: a single notice names the person and the organization: %s', (event) => {
    const news = { items: [{ ...item, event, detail: event === 'accepted' ? null : hostile }], counts: {}, total: 1 };
    const told = renderNews(news, locale, timeZone, baseUrl);
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

  test('F11: a single notice leads to its invitation, a digest to the list, and each of its lines to its own', () => {
    const mailOf = (items: NewsItem[], total: number) => {
      const news = { items, counts: { [item.event]: total }, total };
      const told = renderNews(news, locale, timeZone, baseUrl);
      const type = total === 1 ? noticeMails[item.event] : 'invitation-news';
      return renderHolderMail({ ...holder(locale), ...told, type, link: linkOfNews(news, baseUrl), lasting: true });
    };
    const opens = ({ html }: { html: string }) =>
      elementsOf(html.replace(/<!doctype html>/i, ''))
        .filter(({ name }) => name === 'a')
        .map(({ attributes }) => attributes['href']);
    const list = `${baseUrl}/console/invitations`;
    const single = mailOf([item], 1);
    expect(opens(single)).toEqual([`${list}/${item.invitationId}`, `${list}/${item.invitationId}`]);
    expect(single.text.split('\n')).toContain(`${list}/${item.invitationId}`);
    const other = { ...item, firstName: hostile, invitationId: '0d9b7c7e-9d39-4f43-8a55-1f6a5b0c2a11' };
    const digest = mailOf([item, other], 60);
    expect(opens(digest)).toEqual([`${list}/${item.invitationId}`, `${list}/${other.invitationId}`, list, list]);
    expect(digest.text.split('\n')).toContain(list);
    for (const { text, html } of [single, digest]) {
      expect(text).not.toMatch(/valid until|Der Link gilt/);
      expect(html).not.toContain('<script>');
    }
    const longest = mailOf(
      Array.from({ length: longestDigest }, () => ({ ...other, detail: 'x'.repeat(500) })),
      500,
    );
    expect(Buffer.byteLength(longest.html)).toBeLessThan(100 * 1024);
  });

  test('F11: what was said may run from right to left, and turns nothing of ours around', () => {
    const declined = { ...item, event: 'declined' as const, detail: 'לא, תודה.' };
    const mailOf = (items: NewsItem[]) => {
      const counts = { declined: items.length };
      const told = renderNews({ items, counts, total: items.length }, locale, timeZone, baseUrl);
      const type = items.length === 1 ? 'invitation-declined' : 'invitation-news';
      return renderHolderMail({ ...holder(locale), type, ...told });
    };
    for (const { html, text } of [mailOf([declined]), mailOf([declined, declined])]) {
      const said = elementsOf(html.replace(/<!doctype html>/i, '')).filter(
        ({ name, text: words }) => (name === 'p' || name === 'bdi') && words.trim() === declined.detail,
      );
      expect(said.length).toBeGreaterThan(0);
      for (const { attributes } of said) expect(attributes['dir']).toBe('auto');
      expect(text).toContain(declined.detail);
    }
  });

  test('F11: what an inviter can do about a mail that was not delivered goes by the reason', () => {
    const told = (detail: string, suppressed: NewsItem['suppressed']) => {
      const items = [{ ...item, event: 'undeliverable' as const, detail, suppressed }];
      const news = renderNews({ items, counts: {}, total: 1 }, locale, timeZone, baseUrl);
      const { subject, html, text } = renderHolderMail({ ...holder(locale), type: 'delivery-problem', ...news });
      const both = text + html;
      return {
        again: /send the invitation again later|senden Sie die Einladung später erneut/.test(both),
        released: /ask an administrator to release it|sie freizugeben/.test(both),
        undelivered: /not be delivered|not arrive|nicht zugestellt|nicht angekommen/.test(subject + both),
        unwanted: /does not want your invitation|wünscht Ihre Einladung nicht/.test(subject),
      };
    };
    const bounce = { reason: 'bounce', at } as const;
    const complaint = { reason: 'complaint', at } as const;
    const generic = { again: true, released: false, undelivered: true, unwanted: false };
    const dead = { again: false, released: true, undelivered: true, unwanted: false };
    const unwanted = { again: false, released: false, undelivered: false, unwanted: true };
    expect(told('550 5.7.1 Rejected by policy', null)).toEqual(generic);
    // Released meanwhile.
    expect(told('550 5.1.1 No such user', null)).toEqual(generic);
    expect(told('550 No such user', bounce)).toEqual(dead);
    expect(told('suppressed: bounced on 2026-11-25', null)).toEqual(dead);
    expect(told('suppressed: complaint on 2026-11-25', complaint)).toEqual(unwanted);
    expect(told('The recipient has reported it as unwanted.', bounce)).toEqual(unwanted);
  });

  test('F11: a digest has a table for each kind of event, and says how many it leaves out', () => {
    const items = [item, { ...item, event: 'declined' as const, firstName: hostile, detail: 'No' }];
    const told = renderNews({ items, counts: { accepted: 70, declined: 1 }, total: 71 }, locale, timeZone, baseUrl);
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
    // The first column is as wide in every table, and what stands alone in a row is no name of anything.
    const cells = elementsOf(mail.html.replace(/<!doctype html>/i, '')).filter(
      ({ name, attributes }) => name === 'td' && attributes['class']?.startsWith('cell'),
    );
    const named = sections.flatMap(({ rows: all }) => all).filter((row) => row.length > 1);
    expect(cells.filter(({ attributes }) => attributes['width'] === '42%')).toHaveLength(named.length);
    expect(cells.filter(({ attributes }) => attributes['class'] === 'cell text rule')).toHaveLength(
      sections.flatMap(({ rows: all }) => all).length,
    );
  });
});
