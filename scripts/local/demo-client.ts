import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { bounceAddress } from '../../domain/bounce-address';
import { invitationToken, type KeyRing } from '../../domain/token';

/** What the demo knows of this Usher; all of it is done through the API, as any client would. */
export interface DemoAccess {
  url: string;
  platformKey: string;
  keys: KeyRing;
  mailboxUrl: string;
  /** With which a mail provider reports what has come back. */
  dsnKey: string;
  /** Of everybody who is made here. */
  password: string;
  /** Names this attempt: what was done before an interruption is not done twice. // F6 */
  run: string;
}

/** Of an answer, what the demo reads: of an invitation, a user, a group, a mail, a key, a policy, or a page of them. */
export interface Json {
  id: string;
  name: string;
  email: string;
  userId: string;
  status: string;
  generation: number;
  expiresAt: string | null;
  delivery: { status: string };
  nextStep: { at: string } | null;
  items: Json[];
  invitationLifetime: string;
  reminders: string[];
}

/** Somebody who calls: with the key of the platform, signed in, or as a stranger. */
export type Caller = { key: string } | { cookie: string } | null;

export interface DemoClient {
  platform: Caller;
  /** @throws Error with what the API said */
  call: (caller: Caller, method: string, path: string, body?: unknown) => Promise<Json>;
  /** Follows the link of an invitation, which is computed as the mail's was, and accepts. @returns the user's id */
  accept(invitation: Json, names?: { firstName: string; lastName: string }): Promise<string>;
  decline(invitation: Json, reason: string): Promise<void>;
  signIn(login: string): Promise<Caller>;
  /** What a mail server reports when nobody of that name is there. // E12 */
  reportBounce(mailId: string, recipient: string): Promise<void>;
}

export function createDemoClient(access: DemoAccess): DemoClient {
  const { url, platformKey, keys, mailboxUrl, dsnKey, password, run } = access;

  async function send(caller: Caller, method: string, path: string, body?: unknown): Promise<Response> {
    return fetch(`${url}${path}`, {
      method,
      headers: {
        ...(caller && 'key' in caller && { Authorization: `Bearer ${caller.key}` }),
        ...(caller && 'cookie' in caller && { Cookie: caller.cookie }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
        ...(method === 'POST' && { 'Idempotency-Key': keyOf(run, path, body) }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  }

  async function call(caller: Caller, method: string, path: string, body?: unknown): Promise<Json> {
    const response = await send(caller, method, path, body);
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path.replace(/[\w-]{71,}/, '…')}: ${response.status} ${text}`);
    return (text === '' ? {} : JSON.parse(text)) as Json;
  }

  const path = ({ id, generation }: Json, answer: string) =>
    `/v1/invitation-tokens/${invitationToken(keys, { invitationId: id, generation })}/${answer}`;

  /** The newest code in the mailbox that came after the sign-in had begun. */
  async function mailedCode(address: string, since: number): Promise<string> {
    for (let attempt = 0; attempt < 150; attempt += 1) {
      const query = new URLSearchParams({ query: `to:${address}` });
      const found = await (await fetch(`${mailboxUrl}/api/v1/search?${query}`)).json();
      for (const { ID, Created } of (found as { messages: { ID: string; Created: string }[] }).messages) {
        if (Date.parse(Created) < since) break;
        const { Text } = (await (await fetch(`${mailboxUrl}/api/v1/message/${ID}`)).json()) as { Text: string };
        const code = /^\d{6}$/m.exec(Text)?.[0];
        if (code) return code;
      }
      await sleep(100);
    }
    throw new Error(`No code came for ${address}.`);
  }

  return {
    platform: { key: platformKey },
    call,
    async accept(invitation, names) {
      const accepted = await call(null, 'POST', path(invitation, 'accept'), { password, ...names });
      return accepted.userId;
    },
    async decline(invitation, reason) {
      await call(null, 'POST', path(invitation, 'decline'), { reason });
    },
    async signIn(login) {
      const since = Date.now();
      const first = await send(null, 'POST', '/v1/auth/sign-in', { login, password });
      if (!first.ok) throw new Error(`${login} cannot sign in: ${first.status} ${await first.text()}`);
      const half = { cookie: cookieOf(first) };
      if (((await first.json()) as { status: string }).status === 'signed-in') return half;
      const second = await send(half, 'POST', '/v1/auth/two-factor', { code: await mailedCode(login, since) });
      if (!second.ok) throw new Error(`${login} cannot sign in: ${second.status} ${await second.text()}`);
      return { cookie: cookieOf(second) };
    },
    async reportBounce(mailId, recipient) {
      const { ok, status } = await fetch(`${url}/v1/provider-events/dsn`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${dsnKey}`, 'Content-Type': 'message/rfc822' },
        body: bounceReport(bounceAddress(keys, mailId, 'bounces.example.com'), recipient),
      });
      if (!ok) throw new Error(`The report about a mail was refused: ${status}`);
    },
  };
}

/** As mail servers write it (RFC 3464): the address that it comes to says which mail it is about. */
const bounceReport = (to: string, recipient: string): string =>
  [
    'From: Mail Delivery System <mailer-daemon@mx.example.com>',
    `To: ${to}`,
    'Subject: Undelivered Mail Returned to Sender',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status; boundary="part"',
    '',
    '--part',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.example.com',
    '',
    `Final-Recipient: rfc822; ${recipient}`,
    'Action: failed',
    'Status: 5.1.1',
    `Diagnostic-Code: smtp; 550 5.1.1 <${recipient}>: no such mailbox`,
    '',
    '--part--',
    '',
  ].join('\r\n');

/** The same for the same request, so that an interrupted demo goes on where it was. */
function keyOf(run: string, path: string, body: unknown): string {
  const request = createHash('sha256').update(`${path}\0${JSON.stringify(body ?? null)}`);
  return `demo:${run}:${request.digest('base64url')}`;
}

const cookieOf = (response: Response): string =>
  response.headers
    .getSetCookie()
    .map((line) => line.split(';', 1)[0])
    .join('; ');
