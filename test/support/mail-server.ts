import type { AddressInfo } from 'node:net';
import { simpleParser, type ParsedMail } from 'mailparser';
import { SMTPServer, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';

export interface ReceivedMail {
  /** The recipients of the envelope, in lower case: where it was really sent. */
  to: string[];
  from: string;
  raw: string;
  parsed: ParsedMail;
  at: Date;
}

/** One question of a client, asked at RCPT for each recipient and again after the message itself. */
export interface SmtpRequest {
  stage: 'RCPT' | 'DATA';
  from: string;
  to: string[];
  /** Only with DATA. */
  raw: string;
  /** How often this stage has been asked for these recipients, this time included. */
  attempt: number;
}

/**
 * - `accept`
 * - a refusal, temporary (4xx) or for good (5xx)
 * - `close`: the server has the mail, but the client never hears of it
 */
export type SmtpReply = 'accept' | 'close' | { code: number; text: string };

export type Respond = (request: SmtpRequest) => SmtpReply | Promise<SmtpReply>;

export interface MailServer {
  url: string;
  port: number;
  /** All that the server has taken, in order of arrival. */
  messages: ReceivedMail[];
  /** How each MAIL FROM came, also one that was refused. */
  sessions: { encrypted: boolean; user: string | null }[];
  /** Every answer given, in order. */
  replies: { stage: SmtpRequest['stage']; to: string[]; reply: SmtpReply; at: Date }[];
  /** Decides every answer from now on; delay by awaiting. */
  respond: Respond;
  /** What every MAIL FROM is answered, where it is refused. */
  refuseSenders: { code: number; text: string } | null;
  /** The mails to this address, as soon as there are `count`. */
  waitForMail(to: string, count?: number, timeoutMs?: number): Promise<ReceivedMail[]>;
  stop(): Promise<void>;
  /** After `stop`, on the same port. */
  start(): Promise<void>;
}

export interface MailServerOptions {
  /** PEM: STARTTLS is offered, or with `smtps` all is encrypted from the first byte on. */
  tls?: { key: string; cert: string };
  smtps?: boolean;
  /** Takes mails only from who signs in so. */
  login?: { user: string; pass: string };
}

/** A real SMTP server on a free port that answers as the test says. */
export async function startMailServer({ tls, smtps = false, login }: MailServerOptions = {}): Promise<MailServer> {
  let smtp: SMTPServer | null = null;
  const waiting = new Set<() => void>();
  const attempts = new Map<string, number>();
  const sessions: MailServer['sessions'] = [];

  const ask = async (stage: SmtpRequest['stage'], session: SMTPServerSession, to: string[], raw: string) => {
    const { mailFrom } = session.envelope;
    const key = `${stage} ${to.join()}`;
    const attempt = (attempts.get(key) ?? 0) + 1;
    attempts.set(key, attempt);
    const reply = await server.respond({ stage, from: mailFrom ? mailFrom.address : '', to, raw, attempt });
    server.replies.push({ stage, to, reply, at: new Date() });
    return reply;
  };

  const tell = (reply: SmtpReply, session: SMTPServerSession, callback: (error?: Error | null) => void) => {
    if (reply === 'accept') callback();
    else if (reply === 'close') closeConnection(smtp, session);
    else callback(Object.assign(new Error(reply.text), { responseCode: reply.code }));
  };

  const create = () =>
    new SMTPServer({
      authOptional: login === undefined,
      disabledCommands: [...(login ? [] : ['AUTH']), ...(tls && !smtps ? [] : ['STARTTLS'])],
      // In the clear, too: whether it is encrypted is what the client under test has to see to.
      allowInsecureAuth: true,
      secure: smtps,
      ...tls,
      onAuth({ username, password }, _session, callback) {
        if (username === login?.user && password === login?.pass) callback(null, { user: username });
        else callback(Object.assign(new Error('Invalid username or password'), { responseCode: 535 }));
      },
      onMailFrom(_address, session, callback) {
        sessions.push({ encrypted: session.secure, user: session.user ?? null });
        callback(
          server.refuseSenders &&
            Object.assign(new Error(server.refuseSenders.text), { responseCode: server.refuseSenders.code }),
        );
      },
      disableReverseLookup: true,
      closeTimeout: 100,
      logger: false,
      onRcptTo(address, session, callback) {
        ask('RCPT', session, [address.address.toLowerCase()], '').then(
          (reply) => tell(reply, session, callback),
          (error: Error) => callback(error),
        );
      },
      onData(stream, session, callback) {
        const handle = async () => {
          const raw = await readAll(stream);
          const to = session.envelope.rcptTo.map(({ address }) => address.toLowerCase());
          const reply = await ask('DATA', session, to, raw);
          if (reply === 'accept' || reply === 'close') {
            const { mailFrom } = session.envelope;
            const from = mailFrom ? mailFrom.address : '';
            server.messages.push({ to, from, raw, parsed: await simpleParser(raw), at: new Date() });
            waiting.forEach((check) => check());
          }
          tell(reply, session, callback);
        };
        handle().catch((error: Error) => callback(error));
      },
    });

  const listen = async (port: number): Promise<number> => {
    const fresh = create();
    smtp = fresh;
    const actual = await new Promise<number>((resolve, reject) => {
      fresh.once('error', reject);
      const listener = fresh.listen(port, '127.0.0.1', () => resolve((listener.address() as AddressInfo).port));
    });
    // Clients that are killed in the middle of a mail are part of the tests.
    fresh.on('error', () => undefined);
    return actual;
  };

  const port = await listen(0);
  const server: MailServer = {
    sessions,
    refuseSenders: null,
    url: `${smtps ? 'smtps' : 'smtp'}://${login ? `${login.user}:${login.pass}@` : ''}127.0.0.1:${port}`,
    port,
    messages: [],
    replies: [],
    respond: () => 'accept',
    waitForMail(to, count = 1, timeoutMs = 150_000) {
      const found = () => server.messages.filter((message) => message.to.includes(to.toLowerCase()));
      return new Promise((resolve, reject) => {
        const check = () => {
          if (found().length < count) return;
          clearTimeout(timer);
          waiting.delete(check);
          resolve(found());
        };
        const timer = setTimeout(() => {
          waiting.delete(check);
          const others = server.messages.map((message) => message.to.join()).join(', ') || 'none';
          reject(new Error(`${found().length} of ${count} mails to ${to} after ${timeoutMs} ms; all mails: ${others}`));
        }, timeoutMs);
        waiting.add(check);
        check();
      });
    },
    async stop() {
      const current = smtp;
      smtp = null;
      if (current) await new Promise<void>((resolve) => current.close(resolve));
    },
    async start() {
      if (!smtp) await listen(port);
    },
  };
  return server;
}

function closeConnection(smtp: SMTPServer | null, session: SMTPServerSession): void {
  for (const connection of smtp?.connections ?? []) {
    if (connection.id === session.id) connection._socket.destroy();
  }
}

async function readAll(stream: SMTPServerDataStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
