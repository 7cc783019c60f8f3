// Invites a person and accepts for them, against a running `npm start`:
//
//     node examples/invite-and-accept.mjs
//
// USHER, MAILBOX and PLATFORM_KEY name another one than that of the default ports and data folder.
/* global fetch */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const usher = process.env.USHER ?? 'http://localhost:3000';
const mailbox = process.env.MAILBOX ?? 'http://localhost:8025';
const platformKey = process.env.PLATFORM_KEY ?? readFileSync('.usher/platform-key', 'utf8').trim();

async function call(method, path, { key, body, headers } = {}) {
  const response = await fetch(`${usher}/v1${path}`, {
    method,
    headers: {
      ...(key && { Authorization: `Bearer ${key}` }),
      ...(body && { 'Content-Type': 'application/json' }),
      ...headers,
    },
    body: body && JSON.stringify(body),
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(`${method} ${path}: ${answer.status} ${answer.code}: ${answer.detail}`);
  return answer;
}

/** Mail takes a moment; asking again is all it needs. */
async function tokenMailedTo(address) {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const found = await fetch(`${mailbox}/api/v1/search?query=${encodeURIComponent(`to:${address}`)}`);
    const [newest] = (await found.json()).messages;
    if (newest) {
      const mail = await (await fetch(`${mailbox}/api/v1/message/${newest.ID}`)).json();
      return /\/invitations\/([\w-]+)/.exec(mail.Text)[1];
    }
    await sleep(200);
  }
  throw new Error(`No mail to ${address} has arrived.`);
}

const organization = await call('POST', '/organizations', {
  key: platformKey,
  body: { name: 'Lighthouse Books', preset: '28-days', timeZone: 'Europe/Berlin', locale: 'en' },
});
console.log(`organization ${organization.id}, links are valid for ${organization.policy.invitationLifetime}`);
const { key } = await call('POST', `/organizations/${organization.id}/api-keys`, {
  key: platformKey,
  body: { name: 'example' },
});

const email = `ada-${Date.now()}@example.com`;
const invitation = await call('POST', '/organizations/current/invitations', {
  key,
  body: { email, firstName: 'Ada', lastName: 'Lovelace' },
  headers: { 'Idempotency-Key': email },
});
console.log(`invitation ${invitation.id} is ${invitation.status}, valid until ${invitation.expiresAt}`);

const token = await tokenMailedTo(email);
const opened = await call('GET', `/invitation-tokens/${token}`);
console.log(`the link shows: ${opened.firstName} ${opened.lastName} is invited to ${opened.organization.name}`);
const accepted = await call('POST', `/invitation-tokens/${token}/accept`, { body: { password: 'Quiet-Harbour-7' } });
console.log(`invitation is ${accepted.status}`);

const user = await call('GET', `/organizations/current/users/${accepted.userId}`, { key });
console.log(`user ${user.displayName} is ${user.status}`);
const { items } = await call('GET', `/organizations/current/invitations/${invitation.id}/timeline`, { key });
for (const { at, event, actor } of items) console.log(`  ${at}  ${event.padEnd(9)}  ${actor.displayName}`);
