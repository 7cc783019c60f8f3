import { createHash, createVerify, generateKeyPairSync, randomUUID } from 'node:crypto';
import { startBounceServer } from '../../activities/email/bounce-server';
import { sweep } from '../../relay/outbox-relay';
import { openDatabase } from '../../db/database';
import { bounceAddress, readBounceAddress } from '../../domain/bounce-address';
import { parseKeyRing } from '../../domain/token';
import { freePort } from '../../scripts/local/ports';
import { certificate } from '../support/certificate';
import { dayMs, moveClock, moved } from '../support/clock';
import { complaint, deliver, dsn } from '../support/dsn';
import { dump } from '../support/dump';
import { signedInPerson } from '../support/people';
import { expectProblem } from '../support/problem';
import { eventually, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

/* eslint-disable @typescript-eslint/no-explicit-any */
const dsnKey = 'the-key-of-the-mail-provider-'.repeat(2);
const tls = certificate();
const dkim = generateKeyPairSync('rsa', { modulusLength: 2048 });
let usher: TestUsher;
let organization: TestOrganization;
let bouncePort: number;

beforeAll(async () => {
  bouncePort = await freePort();
  usher = await startUsher({
    env: {
      USHER_DSN_KEY: dsnKey,
      USHER_BOUNCE_DOMAIN: 'bounces.usher.test',
      USHER_BOUNCE_PORT: String(bouncePort),
      USHER_BOUNCE_TLS_CERT: Buffer.from(tls.cert).toString('base64'),
      USHER_BOUNCE_TLS_KEY: tls.key,
      USHER_DKIM_DOMAIN: 'usher.test',
      USHER_DKIM_SELECTOR: 'mail',
      USHER_DKIM_PRIVATE_KEY: Buffer.from(dkim.privateKey.export({ type: 'pkcs8', format: 'pem' })).toString('base64'),
    },
    heartbeatMs: 300,
  });
  organization = await usher.createOrganization({ preset: '28-days' });
});
afterAll(() => usher.stop());

const report = (raw: string | Buffer, headers: Record<string, string> = {}) =>
  fetch(`${usher.url}/v1/provider-events/dsn`, {
    method: 'POST',
    headers: { authorization: `Bearer ${dsnKey}`, 'content-type': 'message/rfc822', ...headers },
    body: raw,
  });
interface Sent {
  id: string;
  email: string;
  /** Of the mail in the log. */
  mailId: string;
  messageId: string;
  /** Its envelope sender. */
  from: string;
}

async function invited(email: string): Promise<Sent> {
  const { id } = await organization.invite({ email });
  const [mail] = await usher.mail.waitForMail(email);
  const [row] = await eventually(
    async () => (await organization.call('GET', `/emails?invitationId=${id}`)).body.items as any[],
    (items) => items[0]?.status === 'sent',
  );
  return { id, email, mailId: row.id, messageId: row.messageId, from: mail?.from ?? '' };
}
const mailOf = async ({ mailId }: Sent) => (await organization.call('GET', `/emails/${mailId}`)).body;
const deliveryOf = async ({ id }: Sent) => (await organization.call('GET', `/invitations/${id}`)).body.delivery;
/** Everything that reports could change; heartbeats and limits go on by themselves. */
const state = () => dump(usher, { without: ['rate_limits', 'worker_heartbeats', 'invitation_outbox', 'sessions'] });

describe('at the SMTP address of Usher’s own', () => {
  test('a bounce reaches the mail by its envelope sender, even where the report returns nothing of it', async () => {
    const sent = await invited('verp@example.com');
    expect(sent.from).toMatch(/^bounce\+[0-9a-f]{32}\.[0-9a-f]{24}@bounces\.usher\.test$/);
    await deliver(bouncePort, sent.from, dsn({ recipient: 'forwarded@elsewhere.test', to: sent.from }));
    expect(await deliveryOf(sent)).toEqual({ status: 'bounced', detail: '550 5.1.1 No such user here' });
    expect(await mailOf(sent)).toMatchObject({ status: 'bounced', detail: '550 5.1.1 No such user here' });
    // In whatever case the address came back.
    expect(readBounceAddress(parseKeyRing(usher.env['USHER_SECRET'] ?? ''), sent.from.toUpperCase())).toEqual({
      kind: 'mail',
      mailId: sent.mailId,
    });
  });

  test('with a certificate and its key it is told over STARTTLS, and shows that certificate', async () => {
    const sent = await invited('starttls@example.com');
    const raw = dsn({ recipient: sent.email, to: sent.from });
    await expect(deliver(bouncePort, sent.from, raw, certificate().cert)).rejects.toThrow(/certificate/);
    expect((await deliveryOf(sent)).status).toBe('sent');
    await deliver(bouncePort, sent.from, raw, tls.cert);
    expect((await deliveryOf(sent)).status).toBe('bounced');
  });

  test('an address that no key of ours has made is refused at once, and so is every other', async () => {
    const sent = await invited('forged@example.com');
    const foreign = bounceAddress(parseKeyRing(`x:${'A'.repeat(43)}=`), sent.mailId, 'bounces.usher.test');
    const elsewhere = sent.from.replace('@bounces.usher.test', '@usher.test');
    const others = [
      foreign,
      elsewhere,
      sent.from.replace(/.@/, (end) => (end === '0@' ? '1@' : '0@')),
      'root@bounces.usher.test',
    ];
    for (const address of others)
      await expect(
        deliver(bouncePort, address, dsn({ recipient: sent.email, messageId: sent.messageId })),
      ).rejects.toMatchObject({ responseCode: 550 });
    expect((await deliveryOf(sent)).status).toBe('sent');
  });

  test('what is sent to many at once is taken for ten, and a mail counts once, however its address is spelled', async () => {
    const keys = parseKeyRing(usher.env['USHER_SECRET'] ?? '');
    const heard: { result?: string; mailId?: string }[] = [];
    const logger = { info: (line: object) => heard.push(line), error: (line: object) => heard.push(line) } as never;
    const database = openDatabase(usher.database.url, { poolSize: 2 });
    const domain = 'Bounces.Usher.Test';
    const server = await startBounceServer({ port: 0, domain, database, keys, logger });
    try {
      const sent = await invited('spelled@example.com');
      const raw = dsn({ recipient: sent.email });
      expect(await deliver(server.port, [sent.from, sent.from.toUpperCase()], raw)).toEqual([]);
      expect(heard).toEqual([{ result: 'bounced', mailId: sent.mailId }]);
      const many = Array.from({ length: 12 }, () => bounceAddress(keys, randomUUID(), 'bounces.usher.test'));
      expect(await deliver(server.port, many, raw)).toEqual(many.slice(10));
      expect(heard.slice(1)).toEqual(Array(10).fill({ result: 'unknown', mailId: null }));
    } finally {
      await server.stop();
      await database.destroy();
    }
  });

  test('somebody’s answer from their holiday is taken and means nothing; what is too large is refused', async () => {
    const sent = await invited('holiday@example.com');
    const before = await state();
    await deliver(bouncePort, sent.from, 'From: ada@example.com\r\nSubject: Out of office\r\n\r\nBack on Monday\r\n');
    await deliver(bouncePort, sent.from, 'no mail at all');
    const large = (bytes: number) => deliver(bouncePort, sent.from, `Subject: x\r\n\r\n${'x'.repeat(bytes)}`);
    await expect(large(1_200_000)).rejects.toMatchObject({ responseCode: 552 });
    await expect(large(300_000)).rejects.toMatchObject({ response: expect.stringContaining('first 256 KB') });
    await large(200_000);
    expect(await state()).toEqual(before);
  });
});

describe('reports of the provider', () => {
  test('need the key, and a message', async () => {
    expectProblem(await asReply(report('x', { authorization: 'Bearer wrong-key-wrong-key' })), 'UNAUTHENTICATED');
    expectProblem(await asReply(report('x', { authorization: `Bearer ${usher.platformKey}` })), 'UNAUTHENTICATED');
    expectProblem(await asReply(report('{}', { 'content-type': 'application/json' })), 'UNSUPPORTED_MEDIA_TYPE');
    expectProblem(await asReply(report('x'.repeat(1_100_000))), 'TOO_LARGE');
    // Taken whole, and yet without a report in what is read of it.
    const long = await asReply(report('x'.repeat(300_000)));
    expectProblem(long, 'TOO_LARGE');
    expect(long.body.detail).toContain('first 256 KB');
    expect((await report('x'.repeat(200_000))).status).toBe(202);
  });

  test('about an unknown, foreign or forged message change nothing, nor does what is no report', async () => {
    const sent = await invited('untouched@example.com');
    const ring = parseKeyRing(usher.env['USHER_SECRET'] ?? '');
    const { email: recipient, messageId } = sent;
    const before = await state();
    for (const raw of [
      // Unknown: no mail of ours has this id.
      dsn({ recipient, messageId: `<${randomUUID()}@usher.test>` }),
      dsn({ recipient, messageId: '<somebody@elsewhere.test>' }),
      dsn({ recipient }),
      dsn({ recipient, to: bounceAddress(ring, randomUUID(), 'bounces.usher.test') }),
      // Foreign: of somebody else, or with another's Message-ID.
      dsn({ recipient: 'other@example.com', messageId }),
      dsn({ recipient, messageId: messageId.replace('@usher.test', '@elsewhere.test') }),
      // Forged: a bounce address that we have not made, with a Message-ID that would do.
      dsn({ recipient, messageId, to: bounceAddress(parseKeyRing(`x:${'A'.repeat(43)}=`), sent.mailId, 'b.test') }),
      dsn({ recipient, messageId, action: 'delivered', status: '2.0.0' }),
      dsn({ recipient, messageId }).replace('Action: failed', 'Action: exploded'),
      '',
      'Subject: hello\r\n\r\nhello',
      `Content-Type: multipart/report; boundary=x\r\n\r\n${'--x\r\n'.repeat(10_000)}`,
      '\0'.repeat(10_000),
    ])
      expect((await report(raw)).status).toBe(202);
    expect(await state()).toEqual(before);
  });

  test('a delay is on record and changes nothing else; a storm of bounces counts once', async () => {
    const sent = await invited('storm@example.com');
    const { email: recipient, messageId } = sent;
    for (const diagnostic of ['451 Later', '451 Later', '451 Not yet'])
      await report(dsn({ recipient, messageId, action: 'delayed', status: '4.4.1', diagnostic }));
    expect(await mailOf(sent)).toMatchObject({ status: 'sent', attempts: [{}, { response: 'Delayed: 451 Not yet' }] });
    expect((await deliveryOf(sent)).status).toBe('sent');
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        index % 2 ? dsn({ recipient, messageId }) : dsn({ recipient, messageId, to: sent.from }),
      ).map((raw) => report(raw)),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    expect((await mailOf(sent)).attempts).toHaveLength(3);
    const events = (await organization.call('GET', `/audit-events?invitationId=${sent.id}`)).body.items as any[];
    expect(events.filter(({ type }) => type === 'invitation.refused')).toHaveLength(1);
    expect(events.filter(({ type }) => type === 'email.address-suppressed')).toHaveLength(1);
  });

  test('given up after days, with a full mailbox or for a policy, a mail is bounced, but the address may be tried again', async () => {
    for (const status of ['4.4.7', '5.2.2', '5.7.1', '5.1.8']) {
      const sent = await invited(`slow-${status}@example.com`);
      const { email: recipient, messageId } = sent;
      await report(dsn({ recipient, messageId, status, diagnostic: 'delivery time expired' }));
      expect(await deliveryOf(sent)).toEqual({ status: 'bounced', detail: 'delivery time expired' });
      // A copy that arrives is what the inviter sees from then on.
      await organization.call('POST', `/emails/${sent.mailId}/resend`);
      await usher.mail.waitForMail(recipient, 2);
      await eventually(
        () => deliveryOf(sent),
        (delivery) => delivery.status === 'sent',
      );
    }
    const { items } = (await organization.call('GET', '/suppressed-addresses')).body;
    expect(items.filter(({ address }: any) => /^slow-/.test(address))).toEqual([]);
  });

  test('a report that says only that it failed is judged by the server’s words; one about somebody else suppresses nobody', async () => {
    const reported = [
      ['vague-dead@example.com', '550 5.1.1 No such user here', null],
      ['vague@example.com', '550 No', null],
      ['forwarding@example.com', '550 5.1.1 No such user here', 'elsewhere@example.net'],
    ] as const;
    for (const [email, diagnostic, other] of reported) {
      const sent = await invited(email);
      const status = other === null ? '5.0.0' : '5.1.1';
      const { from, messageId } = sent;
      await deliver(bouncePort, from, dsn({ recipient: other ?? email, messageId, status, diagnostic, to: from }));
      expect(await deliveryOf(sent)).toEqual({ status: 'bounced', detail: diagnostic });
    }
    const { items } = (await organization.call('GET', '/suppressed-addresses?limit=200')).body;
    const found = items
      .map(({ address }: any) => address)
      .filter((one: string) => reported.some(([email]) => email === one));
    expect(found).toEqual(['vague-dead@example.com']);
  });

  test('a bounce of an older mail leaves the delivery of the newer one alone', async () => {
    const sent = await invited('older@example.com');
    await organization.call('POST', `/invitations/${sent.id}/resend`);
    await usher.mail.waitForMail('older@example.com', 2);
    await eventually(
      () => deliveryOf(sent),
      ({ status }) => status === 'sent',
    );
    await report(dsn({ recipient: sent.email, messageId: sent.messageId, status: '4.4.7' }));
    expect(await mailOf(sent)).toMatchObject({ status: 'bounced', generation: 1 });
    expect((await deliveryOf(sent)).status).toBe('sent');
  });

  test('a complaint stops further mails to the address; the one that was sent stays sent', async () => {
    const sent = await invited('annoyed@example.com');
    const { email: recipient, messageId, from } = sent;
    await report(complaint({ recipient, messageId, from: from.replace(/.@/, (end) => (end === '0@' ? '1@' : '0@')) }));
    expect((await mailOf(sent)).detail).toBeNull();
    for (let index = 0; index < 2; index++) await report(complaint({ recipient, messageId, from }));
    expect(await mailOf(sent)).toMatchObject({ status: 'sent', detail: 'The recipient has reported it as unwanted.' });
    const { items } = (await organization.call('GET', '/suppressed-addresses')).body;
    expect(items.filter(({ address }: any) => address === recipient)).toMatchObject([{ reason: 'complaint' }]);
    expectProblem(await organization.call('POST', `/emails/${sent.mailId}/resend`), 'ADDRESS_SUPPRESSED');
  });

  test('a complaint is told to the inviter as a bounce is, once, and nobody is reminded any more', async () => {
    const ours = await usher.createOrganization({ preset: '28-days' }, { reminders: ['P7D'] });
    const inviter = await signedInPerson(usher, ours, 'complained-of@example.com', {
      ...{ role: 'administrator', firstName: 'Mara', lastName: 'Lindqvist' },
    });
    const path = `/v1/organizations/${ours.id}/invitations`;
    const email = 'unwilling@example.com';
    const { id } = (await inviter.call('POST', path, { email, firstName: 'Ada', lastName: 'Lovelace' })).body;
    const read = async () => (await ours.call('GET', `/invitations/${id}`)).body;
    const [mail] = await eventually(
      async () => (await ours.call('GET', `/emails?invitationId=${id}&status=sent`)).body.items as any[],
      (items) => items.length > 0,
    );
    const reminded = (await read()).nextStep;
    expect(reminded.action).toBe('remind');
    const raw = complaint({
      recipient: email,
      messageId: mail.messageId,
      from: usher.mail.messages.find(({ to }) => to.includes(email))?.from ?? '',
    });
    for (let index = 0; index < 2; index++) await report(raw);
    const expire = { action: 'expire', at: (await read()).expiresAt };
    expect(await read()).toMatchObject({ status: 'pending', delivery: { status: 'sent' }, nextStep: expire });
    expect((await ours.call('GET', `/invitations/${id}/timeline`)).body.nextStep).toEqual(expire);
    const problem = 'Ada Lovelace does not want your invitation';
    const told = () =>
      usher.mail.messages.filter(({ to, parsed }) => to.includes(inviter.email) && parsed.subject === problem);
    const [notice] = await eventually(
      () => Promise.resolve(told()),
      (mails) => mails.length > 0,
    );
    expect(notice?.parsed.text).toContain('The recipient has reported the mail as unwanted.');
    expect(notice?.parsed.text).not.toMatch(/did not arrive|again later/);
    // Its workflow has heard of it, too.
    const run = usher.temporal.workflow.getHandle((await read()).workflowId as string);
    await eventually(
      async () => (await run.query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails,
      (details) => details.includes('next: **expire**'),
    );
    expect(told()).toHaveLength(1);
    expect(await usher.owner('inviter_notices').where({ inviter_id: inviter.id, invitation_id: id })).toHaveLength(1);
    // A better address gets a mail of its own, and the reminders that are left of the term.
    await ours.call('PATCH', `/invitations/${id}`, { email: 'willing@example.com' });
    await eventually(read, ({ nextStep }) => nextStep.action === 'remind');
    expect((await read()).nextStep).toEqual(reminded);
  });

  test('people whose mails came back still get the codes and links that they ask for', async () => {
    const person = await signedInPerson(usher, organization, 'bounced-member@example.com');
    const [invitation] = (await organization.call('GET', '/emails?q=bounced-member')).body.items;
    await report(dsn({ recipient: person.email, messageId: invitation.messageId }));
    await usher.call('POST', '/v1/auth/forgot-password', { email: person.email }, { key: null });
    await usher.mail.waitForMail(person.email, 2);
  });
});

describe('mails that give no cause for complaint', () => {
  test('are signed by the key of the domain, and the signature holds', async () => {
    await invited('dkim@example.com');
    const raw = usher.mail.messages.find(({ to }) => to.includes('dkim@example.com'))?.raw ?? '';
    const { signature, data, bodyHash } = dkimOf(raw);
    expect(signature).toMatchObject({ d: 'usher.test', s: 'mail', a: 'rsa-sha256', bh: bodyHash });
    expect(
      createVerify('RSA-SHA256')
        .update(data)
        .verify(dkim.publicKey, signature['b'] ?? '', 'base64'),
    ).toBe(true);
    const changed = createVerify('RSA-SHA256').update(data.replace('dkim@', 'other@'));
    expect(changed.verify(dkim.publicKey, signature['b'] ?? '', 'base64')).toBe(false);
  });

  test('say that they are automatic, and that answers go to the person who invites, where one does', async () => {
    await invited('by-key@example.com');
    const inviter = await signedInPerson(usher, organization, 'inviter@example.com', { role: 'administrator' });
    await inviter.call('POST', `/v1/organizations/${organization.id}/invitations`, { email: 'by-person@example.com' });
    const [byKey] = await usher.mail.waitForMail('by-key@example.com');
    const [byPerson] = await usher.mail.waitForMail('by-person@example.com');
    expect(byKey?.parsed.replyTo).toBeUndefined();
    expect(byPerson?.parsed.replyTo?.value).toEqual([{ address: 'inviter@example.com', name: '' }]);
    for (const mail of [byKey, byPerson]) {
      expect(mail?.parsed.headers.get('auto-submitted')).toBe('auto-generated');
      expect(mail?.parsed.messageId).toMatch(/^<[0-9a-f-]{36}@usher\.test>$/);
      expect(mail?.parsed.headers.has('list')).toBe(false);
    }
  });

  test('have the headers that they should and no other, whatever is in the fields that reach one', async () => {
    const evil = 'Ada\r\nBcc: victim@example.com\r\n\r\nHello';
    const fields = { email: 'header@example.com', firstName: 'Ada', lastName: 'Lovelace', message: 'Hi' };
    for (const field of ['email', 'firstName', 'lastName', 'username', 'locale', 'redirectUrl'])
      expectProblem(await organization.call('POST', '/invitations', { ...fields, [field]: evil }), 'BAD_INPUT');
    expectProblem(await organization.call('PATCH', '', { name: evil }, { key: usher.platformKey }), 'BAD_INPUT');
    // As if all that had come in on another way.
    const other = await usher.createOrganization();
    await usher.owner('organizations').where({ id: other.id }).update({ name: evil });
    await usher.stopWorker();
    const { id } = await other.invite(fields);
    await usher
      .owner('invitations')
      .where({ id })
      .update({
        ...{ first_name: evil, last_name: evil, message: evil, invited_by_type: 'user', invited_by_name: evil },
        invited_by_id: (await usher.owner('accounts').where({ email: 'inviter@example.com' }).first('id')).id,
      });
    await usher.owner('accounts').where({ email: 'inviter@example.com' }).update({ email: evil });
    await usher.startWorker();
    const [mail] = await usher.mail.waitForMail('header@example.com');
    await usher.owner('accounts').where({ email: evil }).update({ email: 'inviter@example.com' });
    expect(mail?.to).toEqual(['header@example.com']);
    const names = (mail?.raw.split('\r\n\r\n')[0] ?? '').match(/^[\w-]+(?=:)/gm)?.map((name) => name.toLowerCase());
    const known = ['dkim-signature', 'from', 'reply-to', 'to', 'subject', 'message-id', 'date', 'mime-version'];
    const ours = ['auto-submitted', 'x-auto-response-suppress', 'content-type'];
    expect(names?.filter((name) => ![...known, ...ours].includes(name))).toEqual([]);
    expect(usher.mail.messages.some(({ to }) => to.includes('victim@example.com'))).toBe(false);
  });
});

describe('what workers say of the mail server', () => {
  test('is in /readyz, and makes nobody unready', async () => {
    const ready = () => usher.call('GET', '/readyz', undefined, { key: null });
    const says = (mail: string) =>
      eventually(ready, ({ body }) => body.checks.mail === mail).then(({ status }) => status);
    expect(await says('ok')).toBe(200);
    await usher.mail.stop();
    expect(await says('failing')).toBe(200);
    await usher.mail.start();
    expect(await says('ok')).toBe(200);
    await usher.stopWorker();
    expect(await says('unknown')).toBe(200);
    await usher.startWorker();
  });
});

describe('what is kept', () => {
  test('after the retention it is forgotten what mails said, but not of the newest mail of an open invitation', async () => {
    const year = await usher.createOrganization({}, { invitationLifetime: 'P365D' });
    const open = (await year.invite({ email: 'open-long@example.com' })).id as string;
    const closed = (await year.invite({ email: 'closed-long@example.com' })).id as string;
    const logOf = async (id: string) => (await year.call('GET', `/emails?invitationId=${id}`)).body.items[0];
    for (const id of [open, closed])
      await eventually(
        () => logOf(id),
        (mail) => mail?.status === 'sent',
      );
    await year.call('POST', `/invitations/${closed}/cancel`);
    await usher.stopWorker();
    const database = openDatabase(usher.database.url);
    try {
      const options = { database, logger: { warn: () => undefined }, mailRetentionDays: 30 } as any;
      await moveClock(usher, moved(new Date(), 29 * dayMs));
      await sweep(options);
      const contents = async (id: string) => (await year.call('GET', `/emails/${(await logOf(id)).id}`)).body.text;
      expect(await contents(closed)).toContain('masked-link');
      await moveClock(usher, moved(new Date(), 31 * dayMs));
      await sweep(options);
      expect(await contents(closed)).toBeNull();
      expect(await logOf(closed)).toMatchObject({ to: 'closed-long@example.com', status: 'sent' });
      expect(await contents(open)).toContain('masked-link');
    } finally {
      await database.destroy();
      await moveClock(usher, new Date());
      await usher.startWorker();
    }
  });

  test('of mails to account holders, too: their rows stay in the log, without what they said', async () => {
    const home = await usher.createOrganization({ preset: '28-days' });
    const person = await signedInPerson(usher, home, 'kept-row@example.com');
    await usher.call('POST', '/v1/auth/forgot-password', { email: person.email }, { key: null });
    const logOf = async () => (await home.call('GET', '/emails?type=password-reset')).body.items[0];
    const mail = await eventually(logOf, (found) => found?.status === 'sent');
    // Of somebody who has no home, in no log.
    await usher.owner.raw(
      `insert into account_mails (id, type, recipient, deadline, status, html, created_at)
       select gen_random_uuid(), type, recipient, deadline, status, html, created_at from account_mails where id = ?`,
      [mail.id],
    );
    await usher.stopWorker();
    const database = openDatabase(usher.database.url);
    try {
      await moveClock(usher, moved(new Date(), 31 * dayMs));
      await sweep({ database, logger: { warn: () => undefined }, mailRetentionDays: 30 } as any);
      expect(await logOf()).toEqual({ ...mail, subject: '' });
      expect((await home.call('GET', `/emails/${mail.id}`)).body).toMatchObject({ html: null, text: null });
      const kept = await usher.owner('account_mails').where({ recipient: person.email });
      expect(kept.map(({ id, html, text, reply_to }) => [id, html, text, reply_to])).toEqual([
        [mail.id, null, null, null],
      ]);
    } finally {
      await database.destroy();
      await moveClock(usher, new Date());
      await usher.startWorker();
    }
  });

  test('that mails to an address come back outlives its user, as a hash, until an administrator releases it', async () => {
    const ours = await usher.createOrganization({ preset: '28-days' });
    const email = 'dead-for-good@example.com';
    const invite = async (fields = {}) => (await ours.invite({ email, ...fields })).id as string;
    const failed = (id: string) =>
      eventually(
        () => ours.call('GET', `/invitations/${id}`),
        ({ body }) => body.delivery.status === 'failed',
      );
    const suppressed = async () => (await ours.call('GET', '/suppressed-addresses')).body.items as any[];
    const first = await invite();
    const [{ messageId }] = await eventually(
      async () => (await ours.call('GET', `/emails?invitationId=${first}&status=sent`)).body.items as any[],
      (items) => items.length > 0,
    );
    await report(dsn({ recipient: email, messageId }));
    const [entry] = await suppressed();
    expect(entry).toMatchObject({ address: email, reason: 'bounce' });

    const [user] = (await ours.call('GET', `/users?q=${email}`)).body.items;
    expect((await ours.call('DELETE', `/users/${user.id}`)).status).toBe(204);
    expect(JSON.stringify(await dump(usher))).not.toContain(email);
    const nameless = { ...entry, address: null, detail: null, emailId: null };
    expect(await suppressed()).toEqual([nameless]);

    // Invited anew it is known by its hash, and told with its name again: it can be released.
    const second = await invite();
    expect((await failed(second)).body.delivery.detail).toMatch(/^suppressed: bounced on /);
    expect(await suppressed()).toEqual([{ ...nameless, address: email }]);
    // Overwritten likewise, in whatever case it is written.
    await usher
      .owner('invitations')
      .where({ id: second })
      .update({ expires_at: moved(new Date(), -1) });
    const third = await ours.invite({ email: email.toUpperCase(), overwrite: true });
    await failed(third.id as string);
    expect(usher.mail.messages.filter(({ to }) => to.includes(email))).toHaveLength(1);
    expect((await suppressed()).map(({ id }) => id as string)).toEqual([entry.id]);

    expect((await ours.call('DELETE', `/suppressed-addresses/${entry.id}`)).status).toBe(204);
    await ours.call('POST', `/invitations/${third.id}/resend`);
    await usher.mail.waitForMail(email, 2);
  });

  test('nothing of an erased person stays in the log, copies and bounces included', async () => {
    const sent = await invited('erased@example.com');
    const copy = await organization.call('POST', `/emails/${sent.mailId}/resend`);
    await usher.mail.waitForMail('erased@example.com', 2);
    await report(dsn({ recipient: sent.email, messageId: sent.messageId }));
    const { items } = (await organization.call('GET', '/users?q=erased@example.com')).body;
    expect((await organization.call('DELETE', `/users/${items[0].id}`)).status).toBe(204);
    for (const id of [sent.mailId, copy.body.id])
      expectProblem(await organization.call('GET', `/emails/${id}`), 'NOT_FOUND');
    expect(JSON.stringify(await dump(usher))).not.toContain('erased@example.com');
  });
});

async function asReply(answer: Promise<Response>) {
  const response = await answer;
  const text = await response.text();
  return {
    status: response.status,
    text,
    body: JSON.parse(text),
    headers: Object.fromEntries(response.headers.entries()),
  };
}

/** What was signed (RFC 6376, relaxed header and body), made anew from the mail as it arrived. */
function dkimOf(raw: string) {
  const end = raw.indexOf('\r\n\r\n');
  const headers = raw
    .slice(0, end)
    .replace(/\r\n[ \t]+/g, ' ')
    .split('\r\n');
  const relaxed = (line: string) => {
    const [name = '', ...value] = line.split(':');
    return `${name.toLowerCase().trim()}:${value.join(':').replace(/\s+/g, ' ').trim()}`;
  };
  const header = (name: string) =>
    headers.find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`)) ?? '';
  const own = header('dkim-signature');
  const signature = Object.fromEntries(
    own
      .slice(own.indexOf(':') + 1)
      .split(';')
      .map((part) => part.trim().split(/=(.*)/s))
      .map(([name = '', value = '']) => [name, name === 'b' || name === 'bh' ? value.replace(/\s/g, '') : value]),
  ) as Record<string, string>;
  const body = raw
    .slice(end + 4)
    .replace(/[ \t]+(?=\r\n)/g, '')
    .replace(/[ \t]+/g, ' ')
    .replace(/(\r\n)*$/, '\r\n');
  const signed = (signature['h'] ?? '').split(':').map((name) => relaxed(header(name.trim())));
  const unsigned = relaxed(own).replace(/(;\s*b=)[^;]*/, '$1');
  return {
    signature,
    bodyHash: createHash('sha256').update(body).digest('base64'),
    data: [...signed, unsigned].join('\r\n'),
  };
}
