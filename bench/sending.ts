import { fork } from 'node:child_process';
import { join } from 'node:path';
import { parseKeyRing } from '../domain/token';
import { bounceAddress } from '../domain/bounce-address';
import { createTransport } from 'nodemailer';
import { randomUUID } from 'node:crypto';
import { createMailer, type OutgoingMail } from '../activities/email/mailer';
import { renderInvitationMail } from '../activities/email/render';
import { inParallel, median } from './stage';

const mails = 5_000;
const rounds = 3;
const connections = 10;

/**
 * Mails a second to a mail server on the same machine: Usher's mailer, with everything that a mail has (an envelope sender of
 * its own, Reply-To, a time limit), against Nodemailer's own pool with the same parts. Neither PostgreSQL nor Temporal.
 */
export async function sending(): Promise<object> {
  const sink = fork(join(__dirname, 'mail-sink.js'));
  const port = await new Promise<number>((resolve) => sink.once('message', (found) => resolve(found as number)));
  const url = `smtp://127.0.0.1:${port}`;
  const from = 'Usher <usher@usher.test>';
  const ring = parseKeyRing(`bench:${Buffer.alloc(32, 1).toString('base64')}`);
  const { subject, html, text } = renderInvitationMail({
    ...{ type: 'user-invitation', locale: 'en', organizationName: 'Bench', inviterName: 'Ada Lovelace' },
    ...{ firstName: 'Grace', lastName: 'Hopper', message: 'See you soon', link: 'http://usher.test/invitations/x' },
    ...{ expiresAt: new Date('2027-01-01'), timeZone: 'UTC', senderAddress: 'usher@usher.test' },
  });
  const mailOf = (index: number): OutgoingMail => {
    const id = randomUUID();
    const recipient = `person-${index}@example.com`;
    const messageId = `<${id}@usher.test>`;
    return {
      id,
      messageId,
      sender: from,
      recipient,
      subject,
      html,
      text,
      date: new Date(),
      replyTo: 'ada@example.com',
    };
  };
  const mailer = createMailer({ url, from, connections, returnPath: (id) => bounceAddress(ring, id, 'bounces.test') });
  const bare = createTransport({ url, pool: true, maxConnections: connections, maxMessages: 1_000 } as object);
  const rate = async (send: (index: number) => Promise<unknown>): Promise<number> => {
    const begun = performance.now();
    await inParallel(mails, 4 * connections, async (index) => void (await send(index)));
    return mails / ((performance.now() - begun) / 1_000);
  };
  const usher: number[] = [];
  const nodemailer: number[] = [];
  try {
    // One round of each, uncounted, so that neither pays for the start.
    for (let round = 0; round <= rounds; round += 1) {
      const ours = await rate(async (index) => {
        const line = await mailer.line(60_000);
        const sent = await line?.send(mailOf(index), 60_000);
        if (sent?.result !== 'accepted') throw new Error(sent?.response ?? 'no line was free');
      });
      const theirs = await rate((index) => {
        const { messageId, date, recipient } = mailOf(index);
        return bare.sendMail({ from, to: recipient, messageId, date, subject, html, text, replyTo: 'ada@example.com' });
      });
      if (round === 0) continue;
      usher.push(ours);
      nodemailer.push(theirs);
    }
  } finally {
    mailer.close();
    bare.close();
    sink.kill();
  }
  return {
    'mails a second, Usher’s mailer': usher.map(Math.round),
    'mails a second, Nodemailer’s pool': nodemailer.map(Math.round),
    'ratio of the medians': Number((median(usher) / median(nodemailer)).toFixed(2)),
  };
}
