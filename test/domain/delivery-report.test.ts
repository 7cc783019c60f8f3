import { simpleParser } from 'mailparser';
import { isDeadAddress, statusIn } from '../../domain/dead-address';
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

  test('of a large mail the first 256 KB, which hold the report', async () => {
    const raw = dsn({ recipient, messageId: '<1@usher.test>' });
    // After what the server has to say to people, in however many languages.
    const words = 'your message could not be delivered.';
    const late = raw.replace(words, `${words}\r\n${`${'x'.repeat(500)}\r\n`.repeat(400)}`);
    const large = late.replace('--BOUND--', `${'x'.repeat(500)}\r\n`.repeat(1_000) + '--BOUND--');
    expect(await parseDeliveryReport(Buffer.from(large))).toMatchObject({
      recipients: [{ status: '5.1.1' }],
      messageId: '<1@usher.test>',
    });
    expect(Math.max(...given())).toBeLessThanOrEqual(262_144);
  });
});

test('an address is dead where there is no such mailbox or domain, or it is disabled (RFC 3463); a full one, or a policy, is not', () => {
  const all = ['5.1.1', '5.1.2', '5.1.3', '5.1.4', '5.1.6', '5.1.10', '5.2.1'];
  expect(all.filter((status) => !isDeadAddress(status))).toEqual([]);
  const others = [
    '5.1.0',
    '5.1.5',
    '5.1.7',
    '5.1.8',
    '5.1.9',
    '5.1.11',
    '5.2.0',
    '5.2.2',
    '5.7.1',
    '5.7.26',
    '5.4.4',
    '4.1.1',
    '',
  ];
  expect([...others, null].filter((status) => isDeadAddress(status))).toEqual([]);
});

test('two codes of routing speak of an address where the words do', () => {
  const unknown = 'Host or domain name not found. Name service error for name=exmaple.test type=A: Host not found';
  const rejected = '550 5.4.1 Recipient address rejected: Access denied. AS(201806281)';
  expect([isDeadAddress('5.4.4', unknown), isDeadAddress('5.4.1', rejected)]).toEqual([true, true]);
  const others = [
    ['5.4.4', 'unable to route: no mail hosts for domain'],
    ['5.4.4', rejected],
    ['5.4.1', 'no answer from host'],
    ['5.4.1', unknown],
    ['4.4.4', unknown],
    ['5.7.1', rejected],
    [null, unknown],
  ] as const;
  expect(others.filter(([status, words]) => isDeadAddress(status, words))).toEqual([]);
});

test('the status code is read from the beginning of an answer, and nowhere else', () => {
  const answers = [
    '550 5.1.1 No such user',
    '550-5.1.1 The account\r\n550 5.1.1 is gone',
    '550 5.2.1',
    '554 5.7.1 <x> 5.1.1',
  ];
  expect(answers.map(statusIn)).toEqual(['5.1.1', '5.1.1', '5.2.1', '5.7.1']);
  const none = ['550 No such user (5.1.1)', '451 4.1.1 Later', '550 5.1.1.2 x', '550 5.1.1111 x', '5.1.1 x', ''];
  expect(none.map(statusIn)).toEqual(none.map(() => null));
});
