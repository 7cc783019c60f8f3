import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerDataStream } from 'smtp-server';
import { MailboxStore } from './mailbox-store';
import { mailboxWeb } from './mailbox-web';
import type { Say } from './progress';

const MAX_MAIL_BYTES = 25 * 1024 * 1024;

export interface MailboxOptions {
  /** 0: any that is free. */
  smtpPort: number;
  webPort: number;
  /** Where the mails are kept. */
  dir: string;
  say: Say;
}

export interface Mailbox {
  smtpUrl: string;
  smtpPort: number;
  url: string;
  stop(): Promise<void>;
}

/** An SMTP server that delivers nothing and shows everything in the browser. On this machine only. */
export async function startMailbox({ smtpPort, webPort, dir, say }: MailboxOptions): Promise<Mailbox> {
  const store = new MailboxStore(dir);
  const smtp = new SMTPServer({
    name: 'usher-mailbox',
    banner: 'Usher mailbox',
    authOptional: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    size: MAX_MAIL_BYTES,
    closeTimeout: 1_000,
    logger: false,
    onRcptTo({ address }, _session, callback) {
      if (!isRefused(address)) callback();
      else callback(Object.assign(new Error('5.1.1 Nobody of this name is here'), { responseCode: 550 }));
    },
    onData(stream, _session, callback) {
      receive(stream, store).then(
        (id) => callback(null, `Stored as ${id}`),
        (error: Error) => callback(error),
      );
    },
  });
  const actualSmtpPort = await new Promise<number>((resolve, reject) => {
    smtp.once('error', reject);
    const server = smtp.listen(smtpPort, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
  // A client that breaks off is its own affair.
  smtp.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') say(`Mailbox: ${error.message}`);
  });

  const web = await new Promise<Server>((resolve, reject) => {
    const server = mailboxWeb(store).listen(webPort, '127.0.0.1', (error?: Error) =>
      error ? reject(error) : resolve(server),
    );
  }).catch(async (error: unknown) => {
    await new Promise<void>((done) => smtp.close(done));
    throw error;
  });
  return {
    smtpUrl: `smtp://127.0.0.1:${actualSmtpPort}`,
    smtpPort: actualSmtpPort,
    url: `http://localhost:${(web.address() as AddressInfo).port}`,
    async stop() {
      await new Promise<void>((done) => smtp.close(done));
      const closed = new Promise<void>((done) => web.close(() => done()));
      web.closeAllConnections();
      await closed;
    },
  };
}

/** What the mailbox refuses for good, so that a mail that cannot be delivered can be seen: `refused@` any domain. // E12 */
const isRefused = (address: string): boolean => /^refused@/i.test(address);

async function receive(stream: SMTPServerDataStream, store: MailboxStore): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    // Read on, but do not keep: the client is told at the end.
    if (!stream.sizeExceeded) chunks.push(chunk as Buffer);
  }
  if (stream.sizeExceeded) {
    throw Object.assign(new Error('The mail is too large for this mailbox'), { responseCode: 552 });
  }
  try {
    return await store.add(Buffer.concat(chunks));
  } catch (error) {
    throw Object.assign(new Error('The mail could not be stored', { cause: error }), { responseCode: 452 });
  }
}
