import { simpleParser } from 'mailparser';
import { parseDeliveryReport } from '../../domain/delivery-report';
import { dsn } from '../support/dsn';

let underWay = 0;
let most = 0;
// The parser itself, counted: what it is given and how often at a time is the work that a stranger causes.
jest.mock('mailparser', () => {
  const real = jest.requireActual<{ simpleParser: typeof simpleParser }>('mailparser');
  const counting = async (...all: Parameters<typeof simpleParser>) => {
    most = Math.max(most, ++underWay);
    try {
      return await real.simpleParser(...all);
    } finally {
      underWay -= 1;
    }
  };
  return { ...real, simpleParser: jest.fn(counting) };
});
const parsing = jest.mocked(simpleParser);
beforeEach(() => parsing.mockClear());

/** What the parser was given, by bytes. */
const given = (): number[] => parsing.mock.calls.map(([source]) => (source as Buffer).length);

const recipient = 'ada@example.com';
const report = (fields: string, header = '') =>
  Buffer.from(
    `${header}Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n\r\n` +
      `--x\r\nContent-Type: message/delivery-status\r\n\r\n${fields}\r\n--x--\r\n`,
  );

test('an ordinary report is read with its recipients, addresses and Message-ID', async () => {
  const raw = dsn({ recipient, messageId: '<1@usher.test>', to: 'Usher <bounce+1.2@bounces.usher.test>' });
  expect(await parseDeliveryReport(Buffer.from(raw))).toMatchObject({
    kind: 'delivery',
    recipients: [{ original: recipient, final: recipient, action: 'failed', status: '5.1.1' }],
    addresses: expect.arrayContaining(['bounce+1.2@bounces.usher.test']),
    messageId: '<1@usher.test>',
  });
});

describe('what strangers send is read up to a bound', () => {
  test('of many groups the first ones, one after another', async () => {
    const group = `Final-Recipient: rfc822; ${recipient}\nAction: failed\nStatus: 5.1.1\n\n`;
    const read = await parseDeliveryReport(report(group.repeat(500)));
    expect(read?.recipients).toHaveLength(20);
    expect(given()).toHaveLength(21);
    expect(await parseDeliveryReport(report('a\n\n'.repeat(20_000)))).toBeNull();
    expect(given()).toHaveLength(42);
    expect(most).toBe(1);
  });

  test('of a long field the beginning, folded or not, and of lists of addresses the first ones', async () => {
    const failed = `Final-Recipient: rfc822; ${recipient}\r\nAction: failed`;
    const header = (value: string) => `X-Original-To: bounce@usher.test ${value}\r\n`;
    for (const value of ['a'.repeat(60_000), `${'a'.repeat(70)}\r\n `.repeat(850).trimEnd()]) {
      const read = await parseDeliveryReport(report(failed, header(value)));
      expect(read?.addresses).toEqual(['bounce@usher.test']);
      expect(read?.recipients).toHaveLength(1);
      // The field of 60 KB never gets to the parser.
      expect(Math.max(...given())).toBeLessThan(2_000);
      parsing.mockClear();
    }
    // In the header of a part, too; this one would exhaust the stack.
    const part = `--x\r\nTo: ${'a:'.repeat(30_000)}\r\n\r\n--x--\r\n`;
    expect(
      await parseDeliveryReport(Buffer.from(`Content-Type: multipart/report; boundary=x\r\n\r\n${part}`)),
    ).toBeNull();
    expect(await parseDeliveryReport(Buffer.from(`To: ${'a@b.test,'.repeat(100)}\r\n`.repeat(70)))).toBeNull();
    expect(Math.max(...given())).toBeLessThan(20_000);
  });

  test('of a large mail the first 64 KB, which hold the report', async () => {
    const raw = dsn({ recipient, messageId: '<1@usher.test>' });
    const large = raw.replace('--BOUND--', `${'x'.repeat(500)}\r\n`.repeat(1_000) + '--BOUND--');
    expect(await parseDeliveryReport(Buffer.from(large))).toMatchObject({
      recipients: [{ status: '5.1.1' }],
      messageId: '<1@usher.test>',
    });
    expect(Math.max(...given())).toBeLessThanOrEqual(65_536);
  });
});
