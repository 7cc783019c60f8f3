import { SMTPServer } from 'smtp-server';
import type { AddressInfo } from 'node:net';

/** A mail server in a process of its own that takes everything and remembers little. */
let count = 0;
const newest = new Map<string, string>();

const server = new SMTPServer({
  authOptional: true,
  disabledCommands: ['AUTH', 'STARTTLS'],
  disableReverseLookup: true,
  logger: false,
  onData(stream, session, done) {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      count += 1;
      const recipient = session.envelope.rcptTo[0]?.address ?? '';
      newest.set(recipient, Buffer.concat(chunks).toString());
      if (newest.size > 5_000) newest.delete(newest.keys().next().value ?? '');
      done();
    });
  },
});
const listener = server.listen(0, '127.0.0.1', () => process.send?.((listener.address() as AddressInfo).port));

process.on('message', ({ id, what, address }: { id: string; what: string; address?: string }) => {
  process.send?.({ id, answer: what === 'count' ? count : (newest.get(address ?? '') ?? '') });
});
process.on('disconnect', () => process.exit(0));
