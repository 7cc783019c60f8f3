import type { Logger } from 'pino';
import { SMTPServer, type SMTPServerDataStream } from 'smtp-server';
import type { Database } from '../../db/database';
import { recordReport } from '../../db/commands/record-report';
import { readBounceAddress } from '../../domain/bounce-address';
import { mostReadBytes, noReportInTime, parseDeliveryReport } from '../../domain/delivery-report';
import type { KeyRing } from '../../domain/token';

export interface BounceServerOptions {
  /** 0: any free one. */
  port: number;
  /** Of the addresses that it takes mail for. */
  domain: string;
  database: Database;
  keys: KeyRing;
  logger: Logger;
  /** PEM: STARTTLS is offered to whoever speaks it. */
  tls?: { cert: string; key: string } | undefined;
}

export interface BounceServer {
  port: number;
  stop(): Promise<void>;
}

const mostBytes = 1_048_576;
/** Who delivers many bounces queues; ours are not urgent. */
const mostClients = 50;
/** A report is about one mail; a server that has several for us comes with each. */
const mostRecipients = 10;

const refusal = (responseCode: number, words: string) => Object.assign(new Error(words), { responseCode });

/**
 * A mail server of Usher's own that takes what comes back (VERP): mail to a bounce address that one of our keys has made, and
 * nothing else. Whatever it takes is answered 250, report or not; only when it could not be written down the sender has to
 * come again. // decision 22
 */
export async function startBounceServer({
  port,
  domain,
  database,
  keys,
  logger,
  tls,
}: BounceServerOptions): Promise<BounceServer> {
  const mailIdOf = (address: string): string | null => {
    if (address.slice(address.lastIndexOf('@') + 1).toLowerCase() !== domain.toLowerCase()) return null;
    const claim = readBounceAddress(keys, address);
    return claim.kind === 'mail' ? claim.mailId : null;
  };

  async function take(stream: SMTPServerDataStream, addresses: string[]): Promise<void> {
    const chunks: Buffer[] = [];
    let size = 0;
    // Read to its end in any case: the sender does not hear us before.
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size <= mostBytes) chunks.push(chunk);
    }
    if (size > mostBytes) throw refusal(552, '5.3.4 The message is too large');
    const report = await parseDeliveryReport(Buffer.concat(chunks)).catch(() => null);
    if (!report && size > mostReadBytes) throw refusal(552, `5.3.4 ${noReportInTime}`);
    if (!report) {
      logger.info('a mail to a bounce address was no report');
      return;
    }
    // Two spellings of an address are one mail.
    for (const id of new Set(addresses.map(mailIdOf))) {
      const { result, mailId } = await recordReport(database, keys, report, id ?? undefined);
      logger.info({ result, mailId }, 'a report about a mail came in');
    }
  }

  const server = new SMTPServer({
    authOptional: true,
    // Without a certificate of its own it would show one that everybody has.
    disabledCommands: ['AUTH', ...(tls ? [] : ['STARTTLS'])],
    ...tls,
    disableReverseLookup: true,
    logger: false,
    size: mostBytes,
    maxClients: mostClients,
    onRcptTo({ address }, { envelope }, callback) {
      if (!mailIdOf(address)) callback(refusal(550, '5.1.1 No such address'));
      // For now: the rest may come with the next mail (RFC 5321, 4.5.3.1.10).
      else if (envelope.rcptTo.length >= mostRecipients) callback(refusal(452, '4.5.3 Too many recipients'));
      else callback();
    },
    onData(stream, session, callback) {
      take(
        stream,
        session.envelope.rcptTo.map(({ address }) => address),
      ).then(
        () => callback(),
        (error: Error & { responseCode?: number }) => {
          if (!error.responseCode) logger.error({ err: error }, 'a report about a mail could not be written down');
          callback(error.responseCode ? error : refusal(451, '4.3.0 Try again later'));
        },
      );
    },
  });
  const listening = await new Promise<number>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`Port ${port} (USHER_BOUNCE_PORT) is in use already: set USHER_BOUNCE_PORT to a free one.`)
          : error,
      ),
    );
    const listener = server.listen(port, () => {
      const address = listener.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
  server.on('error', (error) => logger.info({ err: error }, 'a connection of the bounce server failed'));
  return {
    port: listening,
    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}
