import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createMailer, type MailerOptions, type OutgoingMail, type SendOutcome } from '../../activities/email/mailer';
import { type MailServer, type MailServerOptions, startMailServer } from '../support/mail-server';

const mail: OutgoingMail = {
  ...{ id: '1', messageId: '<1@usher.test>', sender: 'Usher <usher@usher.test>', recipient: 'ada@example.com' },
  ...{ subject: 'Hello', html: '<p>Hello</p>', text: 'Hello', date: new Date(0) },
};
const login = { user: 'usher', pass: 'a-good-password' };

/** Sends the mail to a server of this kind; `address` makes its URL another one. */
async function send(
  kind: MailServerOptions,
  options: Partial<MailerOptions> = {},
  address = (url: string) => url,
  arrange: (server: MailServer) => void = () => undefined,
): Promise<SendOutcome & { server: MailServer }> {
  const server = await startMailServer(kind);
  arrange(server);
  const mailer = createMailer({ url: address(server.url), from: mail.sender, ...options });
  try {
    return { ...(await mailer.send(mail, 10_000)), server };
  } finally {
    mailer.close();
    await server.stop();
  }
}

/** Made for this run by openssl, trusted by nobody. */
function certificate(): { key: string; cert: string } {
  const folder = mkdtempSync(join(tmpdir(), 'usher-tls-'));
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const made = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert];
    execFileSync('openssl', ['req', '-x509', '-days', '2', ...subject, ...made], { stdio: 'ignore' });
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const trusting = (url: string) => `${url}/?tls.rejectUnauthorized=false`;

describe('what a server refuses before it knows the mail', () => {
  test('is no refusal of the mail, and its words are for the log', async () => {
    const senders = await send({}, {}, undefined, (server) => {
      server.refuseSenders = { code: 530, text: '5.7.0 usher at 10.0.0.5 must sign in' };
    });
    expect(senders).toMatchObject({
      result: 'deferred',
      response: 'The mail server takes no mails at the moment (530).',
      code: '530',
    });
    const wrong = await send({ login }, {}, (url) => url.replace(login.pass, 'wrong'));
    expect(wrong).toMatchObject({
      result: 'deferred',
      response: 'The mail server takes no mails at the moment (535).',
    });
    expect(wrong.server.sessions).toEqual([]);
  });

  test('a recipient or a message that is refused is refused for good, in the words of the server', async () => {
    for (const refused of ['RCPT', 'DATA'])
      expect(
        await send({}, {}, undefined, (server) => {
          server.respond = ({ stage }) => (stage === refused ? { code: 554, text: '5.7.1 No' } : 'accept');
        }),
      ).toMatchObject({ result: 'refused', response: '554 5.7.1 No' });
  });

  test('a server that is not there is told of without its address', async () => {
    const heard: unknown[] = [];
    const logger = { warn: (line: unknown) => heard.push(line) } as never;
    const nowhere = await send({}, { logger }, () => 'smtp://127.0.0.1:1');
    expect(nowhere).toMatchObject({
      result: 'deferred',
      response: 'The mail server could not be reached (ECONNREFUSED).',
      code: 'ECONNREFUSED',
    });
    expect(heard).toMatchObject([{ mailId: '1', words: expect.stringContaining('127.0.0.1:1') }]);
  });
});

describe('a server with TLS and a login', () => {
  const tls = certificate();

  test('STARTTLS and login are used where they are offered and asked for', async () => {
    const sent = await send({ tls, login }, { requireTls: true }, trusting);
    expect(sent).toMatchObject({ result: 'accepted', server: { sessions: [{ encrypted: true, user: 'usher' }] } });
  });

  test('where TLS is required and not offered, nothing goes out in the clear', async () => {
    const open = await send({}, {});
    expect(open).toMatchObject({ result: 'accepted', server: { sessions: [{ encrypted: false, user: null }] } });
    const waits = await send({ login }, { requireTls: true });
    expect(waits).toMatchObject({ result: 'deferred', server: { sessions: [], messages: [] } });
  });

  test('smtps is encrypted from the first byte on', async () => {
    const sent = await send({ tls, smtps: true, login }, {}, trusting);
    expect(sent).toMatchObject({ result: 'accepted', server: { sessions: [{ encrypted: true, user: 'usher' }] } });
  });

  test('a certificate that nobody vouches for is not trusted, by either way', async () => {
    for (const smtps of [false, true]) {
      const waits = await send({ tls, smtps, login }, { requireTls: true });
      expect(waits).toMatchObject({ result: 'deferred', server: { sessions: [], messages: [] } });
    }
  });
});
