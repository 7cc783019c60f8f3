import {
  createMailer,
  type MailerOptions,
  type OutgoingMail,
  type Patience,
  type SendOutcome,
} from '../../activities/email/mailer';
import { certificate } from '../support/certificate';
import { type MailServer, type MailServerOptions, type SmtpReply, startMailServer } from '../support/mail-server';

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
  limits: [limitMs: number, patience?: Patience] = [10_000],
): Promise<SendOutcome & { server: MailServer }> {
  const server = await startMailServer(kind);
  arrange(server);
  const mailer = createMailer({ url: address(server.url), from: mail.sender, ...options });
  try {
    const outcome = await (await mailer.line(0))?.send(mail, ...limits);
    if (!outcome) throw new Error('no line was free');
    return { ...outcome, server };
  } finally {
    mailer.close();
    await server.stop();
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

describe('a server that does not answer', () => {
  const silentAt = (stage: 'RCPT' | 'DATA') => (server: MailServer) => {
    server.respond = (request) => (request.stage === stage ? new Promise<never>(() => undefined) : 'accept');
  };
  const asking = (answers: boolean[]) => {
    const asked: boolean[] = [];
    const extend = () => {
      asked.push(true);
      return Promise.resolve(answers.shift() ?? true);
    };
    return { asked, patience: { stepMs: 100, mostMs: 1_000, extend } };
  };
  const cutOff = { result: 'deferred', code: 'ETIMEDOUT' };
  const doubt = 'The mail server has the mail, but did not answer in time: it may have arrived.';

  test('with the mail in its hands is waited for as long as the mail stays ours, and no longer than the standard says', async () => {
    const most = asking([]);
    const sent = await send({}, {}, undefined, silentAt('DATA'), [500, most.patience]);
    expect(sent).toMatchObject({ ...cutOff, response: doubt });
    expect(most.asked.length).toBeGreaterThan(2);
    const lost = asking([true, false]);
    expect(await send({}, {}, undefined, silentAt('DATA'), [500, lost.patience])).toMatchObject(cutOff);
    expect(lost.asked).toHaveLength(2);
    const never = { ...lost.patience, extend: () => Promise.reject(new Error('no database')) };
    expect(await send({}, {}, undefined, silentAt('DATA'), [500, never])).toMatchObject(cutOff);
  });

  test('before it has the mail is cut off at the limit', async () => {
    const { asked, patience } = asking([]);
    expect(await send({}, {}, undefined, silentAt('RCPT'), [500, patience])).toMatchObject({
      ...cutOff,
      response: 'The mail server did not answer in time.',
    });
    expect(asked).toEqual([]);
  });
});

describe('with few lines', () => {
  test('one whose mail the server has leaves its place to others, but not without end', async () => {
    const server = await startMailServer();
    const answers: (() => void)[] = [];
    server.respond = async ({ stage }): Promise<SmtpReply> => {
      if (stage === 'DATA') await new Promise<void>((resolve) => answers.push(resolve));
      return 'accept';
    };
    const mailer = createMailer({ url: server.url, from: mail.sender, connections: 1 });
    try {
      const sent: Promise<SendOutcome>[] = [];
      for (let index = 0; index < 5; index += 1) {
        const line = await mailer.line(20_000);
        const patience = { stepMs: 50, mostMs: 60_000, extend: () => Promise.resolve(true) };
        // Long enough for a busy machine to hand the mail over.
        sent.push(line?.send({ ...mail, id: `${index}` }, 1_000, patience) ?? Promise.reject(new Error('no line')));
      }
      // One, and four beside it: a server counts them all.
      expect(await mailer.line(1_500)).toBeNull();
      answers.splice(0).forEach((answer) => answer());
      expect((await Promise.all(sent)).map(({ code }) => code)).toEqual(Array(5).fill('250'));

      const free = await mailer.line(0);
      expect(free).not.toBeNull();
      expect(await mailer.line(0)).toBeNull();
      free?.release();
      free?.release();
      expect(await mailer.line(0)).not.toBeNull();
      expect(await mailer.line(0)).toBeNull();
      const left = new AbortController();
      const waiting = mailer.line(60_000, left.signal);
      left.abort();
      expect(await waiting).toBeNull();
    } finally {
      mailer.close();
      await server.stop();
    }
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
