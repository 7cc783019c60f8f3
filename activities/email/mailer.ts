import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTransport } from 'nodemailer';
import type { Logger } from 'pino';
import { parseEmailAddress, senderAddress } from '../../domain/email-address';
import { mailReason } from '../../domain/mail-reason';
import type { DeliveryOutcome } from '../../db/commands/record-delivery';

/** A mail as the log has it, with the real link in its parts. */
export interface OutgoingMail {
  id: string;
  messageId: string;
  sender: string;
  recipient: string;
  subject: string;
  html: string;
  text: string;
  date: Date;
  /** Where answers go, if not to the sender. */
  replyTo?: string | null;
  /** Of a copy: the Message-ID of the mail that it repeats, and that one's id, so that it has the same body. */
  copyOf?: { messageId: string; id: string };
}

/** How mails are signed (RFC 6376). */
export interface DkimKey {
  domainName: string;
  keySelector: string;
  /** PEM. */
  privateKey: string;
}

export interface SendOutcome extends DeliveryOutcome {
  /** The reply code or the kind of network error: fit for a history that strangers can read. */
  code: string;
}

/**
 * For a server that has the whole mail and thinks about it (RFC 5321, 4.5.3.2.6: ten minutes). What is cut off then may have
 * arrived all the same, and goes out a second time.
 */
export interface Patience {
  /** Waited on for so long at a time … */
  stepMs: number;
  /** … and no longer than this, counted from the last byte. */
  mostMs: number;
  /** Asked before each step: whether the mail stays with this sender for it, and some seconds more. */
  extend(): Promise<boolean>;
}

/** A connection for one mail, which has it for itself. */
export interface MailLine {
  /**
   * Never throws: what happened is the answer. By `limitMs` the connection is cut, and nothing more goes out over it; with
   * patience only later, where the server has the whole mail by then. The line is given back at the end.
   */
  send(mail: OutgoingMail, limitMs: number, patience?: Patience): Promise<SendOutcome>;
  /** Gives back a line over which nothing was sent; else nothing happens. */
  release(): void;
}

export interface Mailer {
  /** `Name <address>` or an address, as in USHER_MAIL_FROM. */
  sender: string;
  /** Domain of our Message-IDs. */
  host: string;
  /** A line, taken before the mail is: that all are busy is nothing that its server has said. Null: none gets free in time. */
  line(waitMs: number, signal?: AbortSignal): Promise<MailLine | null>;
  verify(): Promise<void>;
  /** When the server last answered a mail, whatever it said, by this process's clock. */
  lastAnswerAt(): number;
  close(): void;
}

export interface MailerOptions {
  url: string;
  from: string;
  /** Connections at most, beside those on which nothing is left but to wait for a server that has the mail. */
  connections?: number;
  /** The envelope sender of a mail: where what comes back goes. The sender's own address unless given. */
  returnPath?: (mailId: string) => string;
  dkim?: DkimKey | undefined;
  /** Rather no mail than one in the clear: where the server offers no STARTTLS, mails wait. */
  requireTls?: boolean;
  /** Hears in full what a mail waits for. */
  logger?: Logger;
}

/** One connection, kept open between mails; a mail has it for itself, so cutting it hurts no other. */
interface Line {
  transport: ReturnType<typeof createTransport>;
  socket: Socket | null;
  /** When the server had the last byte of the present mail. */
  handedOverAt: number | null;
  /** Its mail is waited for, and another line has its place. */
  aside: boolean;
}

/** For each connection, so many more may stand aside: some servers count them all. */
const mostAside = 4;
/** And so many may wait for one: whoever comes then tries again later, and holds up nothing else in its worker. */
const mostWaiting = 5;

export function createMailer({
  url,
  from,
  connections = 10,
  returnPath,
  dkim,
  requireTls = false,
  logger,
}: MailerOptions): Mailer {
  const sender = senderAddress(from);
  const idle: Line[] = [];
  const waiting: ((line: Line) => void)[] = [];
  let open = 0;
  let aside = 0;
  let lastAnswerAt = 0;

  /** @param silenceMs the longest silence of the server at any time; that before its last answer is `send`'s to end */
  function newLine(silenceMs = longestAnswerMs): Line {
    const line = { socket: null, handedOverAt: null, aside: false } as Line;
    line.transport = createTransport({
      url,
      pool: true,
      maxConnections: 1,
      maxMessages: 1_000,
      connectionTimeout: 30_000,
      greetingTimeout: 30_000,
      socketTimeout: silenceMs,
      // Not kept until nobody on the way remembers it.
      idleTimeout: 60_000,
      logger: heardBy(line),
      disableFileAccess: true,
      disableUrlAccess: true,
      ...(requireTls && { requireTLS: true }),
      ...(dkim && { dkim }),
      getSocket: (options: { host?: string; port?: number }, done: (error: Error | null, socket?: unknown) => void) => {
        const secure = new URL(url).protocol === 'smtps:';
        const socket = createConnection({
          host: options.host ?? 'localhost',
          port: options.port ?? (secure ? 465 : 25),
        });
        line.socket = socket;
        socket.setTimeout(30_000, () => socket.destroy(new Error('connection timeout')));
        socket.once('error', done);
        socket.once('connect', () => {
          socket.removeListener('error', done);
          socket.setTimeout(0);
          done(null, { connection: socket });
        });
      },
    } as Parameters<typeof createTransport>[0]);
    return line;
  }

  /** A free line, or null where none gets free in time. */
  async function take(waitMs: number, signal?: AbortSignal): Promise<Line | null> {
    const line = idle.pop();
    if (line) return line;
    if (open < connections) {
      open += 1;
      return newLine();
    }
    if (waiting.length >= mostWaiting * connections || signal?.aborted) return null;
    return new Promise((resolve) => {
      const leave = () => {
        waiting.splice(waiting.indexOf(taken), 1);
        taken(null);
      };
      const taken = (free: Line | null) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', leave);
        resolve(free);
      };
      const timer = setTimeout(leave, waitMs);
      signal?.addEventListener('abort', leave);
      waiting.push(taken);
    });
  }

  /** Leaves its place to another one, while places beside them all are left. */
  function setAside(line: Line): void {
    if (line.aside || aside >= mostAside * connections) return;
    line.aside = true;
    aside += 1;
    const waiter = waiting.shift();
    if (waiter) waiter(newLine());
    else open -= 1;
  }

  function giveBack(line: Line, usable: boolean): void {
    const close = () => {
      line.transport.close();
      line.socket?.destroy();
    };
    if (line.aside) {
      line.aside = false;
      aside -= 1;
      if (open >= connections) return close();
      open += 1;
    }
    if (!usable) close();
    const next = usable ? line : newLine();
    const waiter = waiting.shift();
    if (waiter) waiter(next);
    else idle.push(next);
  }

  async function sendOver(line: Line, mail: OutgoingMail, limitMs: number, patience?: Patience): Promise<SendOutcome> {
    const recipient = parseEmailAddress(mail.recipient);
    if (!('address' in recipient)) {
      giveBack(line, true);
      return { result: 'refused', response: recipient.fault, code: 'address' };
    }
    line.handedOverAt = null;
    let cut: string | null = null;
    let over = false;
    const atLimit = async () => {
      const now = Date.now();
      const more = patience && line.handedOverAt !== null && now - line.handedOverAt < patience.mostMs;
      const extended = more && (await soon(patience.extend()));
      if (over) return;
      if (extended) {
        setAside(line);
        timer = setTimeout(() => void atLimit(), patience.stepMs - (Date.now() - now));
        return;
      }
      cut = mailReason(line.handedOverAt === null ? 'no-answer' : 'no-last-answer');
      line.socket?.destroy(new Error(cut));
      line.transport.close();
    };
    // All that is left: what is cut while the server thinks about it goes out a second time.
    let timer = setTimeout(() => void atLimit(), limitMs);
    try {
      const info = (await line.transport.sendMail({
        from: mail.sender,
        to: recipient.address,
        envelope: { from: returnPath?.(mail.id) ?? sender, to: [recipient.address] },
        ...(mail.replyTo && { replyTo: { name: '', address: mail.replyTo } }),
        ...(mail.copyOf && { inReplyTo: mail.copyOf.messageId, references: [mail.copyOf.messageId] }),
        messageId: mail.messageId,
        date: mail.date,
        subject: mail.subject,
        html: mail.html,
        text: mail.text,
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
        // The same mail is the same bytes, also when it has to go out a second time.
        baseBoundary: mail.copyOf?.id ?? mail.id,
      })) as { response?: string };
      lastAnswerAt = Date.now();
      return { result: 'accepted', response: info.response ?? '250', code: '250' };
    } catch (error) {
      const outcome = outcomeOf(error as SmtpError, cut, line.handedOverAt !== null);
      const { message, code, command, responseCode } = error as SmtpError;
      // A server that refuses us altogether has answered no mail.
      if (responseCode && /^(RCPT TO|DATA)/.test(command ?? '')) lastAnswerAt = Date.now();
      // What is said of a recipient is in the mail log; of the rest, whatever looks like an address is nobody's here.
      const words = /^(RCPT TO|DATA)/.test(command ?? '') ? undefined : message.replace(/[^\s<>]*@[^\s<>]*/g, '…');
      if (outcome.result === 'deferred')
        logger?.warn({ mailId: mail.id, code, command, responseCode, words }, 'a mail waits');
      return outcome;
    } finally {
      over = true;
      clearTimeout(timer);
      giveBack(line, cut === null);
    }
  }

  return {
    sender: from,
    host: sender.slice(sender.lastIndexOf('@') + 1),

    async line(waitMs, signal) {
      const line = await take(waitMs, signal);
      if (!line) return null;
      let used = false;
      return {
        send(...mail) {
          used = true;
          return sendOver(line, ...mail);
        },
        release() {
          if (!used) giveBack(line, true);
          used = true;
        },
      };
    },

    lastAnswerAt: () => lastAnswerAt,

    async verify() {
      const line = newLine(60_000);
      try {
        await line.transport.verify();
      } finally {
        line.transport.close();
        line.socket?.destroy();
      }
    },

    close() {
      for (const line of idle.splice(0)) line.transport.close();
    },
  };
}

/** Beyond every patience. */
const longestAnswerMs = 900_000;
/** What cannot be written down by then does not count: the mail may be somebody else's soon. */
const extendMs = 3_000;

const soon = (asked: Promise<boolean>): Promise<boolean> =>
  Promise.race([asked.catch(() => false), sleep(extendMs, false, { ref: false })]);

/** Nodemailer tells nobody but its log when all of a mail has gone out. */
function heardBy(line: Line) {
  const nothing = () => undefined;
  const info = ({ tnx }: { tnx?: string }) => {
    if (tnx === 'message') line.handedOverAt = Date.now();
  };
  return { level: nothing, trace: nothing, debug: nothing, info, warn: nothing, error: nothing, fatal: nothing };
}

interface SmtpError extends Error {
  code?: string;
  responseCode?: number;
  response?: string;
  command?: string;
}

/**
 * Only an answer to this very mail refuses it for good. A server that takes no mail at all, not from this sender, not with
 * this password or not without TLS, is for the operator to mend, and tried again; what it says is not for tenants to read.
 */
function outcomeOf(error: SmtpError, cut: string | null, handedOver: boolean): SendOutcome {
  const aboutMail = /^(RCPT TO|DATA)/.test(error.command ?? '');
  const refused = (error.responseCode ?? 0) >= 500 && aboutMail;
  const kind = /\bE[A-Z]{4,}\b/.exec(error.message)?.[0] ?? error.code ?? 'error';
  const words = aboutMail ? error.response : undefined;
  const response = error.responseCode
    ? mailReason('takes-none', { code: error.responseCode })
    : handedOver
      ? mailReason('unheard')
      : mailReason('unreachable', { code: kind });
  return {
    result: refused ? 'refused' : 'deferred',
    response: cut ?? words?.slice(0, 1_000) ?? response,
    code: String(error.responseCode ?? (cut ? 'ETIMEDOUT' : kind)),
  };
}
