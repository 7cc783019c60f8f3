import { createTransport } from 'nodemailer';

export interface DsnFields {
  /** Whom the report says it is about. */
  recipient: string;
  action?: 'failed' | 'delayed' | 'delivered';
  status?: string;
  diagnostic?: string;
  /** Of the returned mail; left out: the report returns no header. */
  messageId?: string;
  /** Where the report is sent to: the bounce address. */
  to?: string;
}

/** A delivery status notification as mail servers write them (RFC 3464). */
export function dsn({ recipient, messageId, to = 'usher@usher.test', ...fields }: DsnFields): string {
  const { action = 'failed', status = '5.1.1', diagnostic = `550 ${status} No such user here` } = fields;
  return lines(
    'From: Mail Delivery System <MAILER-DAEMON@mx.test>',
    `To: ${to}`,
    'Subject: Undelivered Mail Returned to Sender',
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status; boundary="BOUND"',
    'Message-ID: <20261125@mx.test>',
    '',
    '--BOUND',
    'Content-Type: text/plain; charset=us-ascii',
    '',
    'I am sorry to have to inform you that your message could not be delivered.',
    '',
    '--BOUND',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.test',
    'Arrival-Date: Wed, 25 Nov 2026 12:00:00 +0000',
    '',
    `Final-Recipient: rfc822; ${recipient}`,
    `Original-Recipient: rfc822;${recipient}`,
    `Action: ${action}`,
    `Status: ${status}`,
    'Remote-MTA: dns; mx.example.com',
    // Folded, as they come.
    `Diagnostic-Code: smtp;`,
    ` ${diagnostic}`,
    '',
    ...(messageId
      ? ['--BOUND', 'Content-Type: text/rfc822-headers', '', `Message-ID: ${messageId}`, `To: ${recipient}`, '']
      : []),
    '--BOUND--',
  );
}

/** A complaint as mail providers pass them on (RFC 5965). */
export const complaint = ({ recipient, messageId, from }: { recipient: string; messageId: string; from: string }) =>
  lines(
    'From: <feedback@provider.test>',
    'To: <abuse@usher.test>',
    'Subject: FW: an invitation',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=feedback-report; boundary="BOUND"',
    '',
    '--BOUND',
    'Content-Type: text/plain',
    '',
    'This is an email abuse report.',
    '',
    '--BOUND',
    'Content-Type: message/feedback-report',
    '',
    'Feedback-Type: abuse',
    'User-Agent: Provider/1.0',
    'Version: 1',
    `Original-Mail-From: <${from}>`,
    `Original-Rcpt-To: <${recipient}>`,
    '',
    '--BOUND',
    'Content-Type: message/rfc822',
    '',
    `Message-ID: ${messageId}`,
    `To: ${recipient}`,
    'Subject: An invitation',
    '',
    'Hello',
    '',
    '--BOUND--',
  );

const lines = (...text: string[]): string => text.join('\r\n') + '\r\n';

/**
 * Hands a report to an SMTP server, with the empty envelope sender that reports have. @throws what the server refuses
 * @returns of several recipients those that were refused
 * @param ca given: only over TLS, with the certificate that this vouches for
 */
export async function deliver(port: number, to: string | string[], raw: string, ca?: string): Promise<string[]> {
  const how = ca ? { requireTLS: true, tls: { ca, servername: 'localhost' } } : { ignoreTLS: true };
  const transport = createTransport({ host: '127.0.0.1', port, secure: false, ...how });
  try {
    const { rejected } = (await transport.sendMail({ envelope: { from: '', to }, raw })) as { rejected: string[] };
    return rejected;
  } finally {
    transport.close();
  }
}
