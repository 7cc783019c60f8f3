import { dayMs, moveClock, moved } from '../support/clock';
import { dsn } from '../support/dsn';
import type { Respond } from '../support/mail-server';
import { signedInPerson } from '../support/people';
import { expectProblem } from '../support/problem';
import { eventually, goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

/* eslint-disable @typescript-eslint/no-explicit-any */
const dsnKey = 'the-key-of-the-mail-provider-'.repeat(2);
let usher: TestUsher;
let organization: TestOrganization;
const answers = new Map<string, Respond>();

beforeAll(async () => {
  usher = await startUsher({ env: { USHER_DSN_KEY: dsnKey } });
  usher.mail.respond = (request) => answers.get(request.to[0] ?? '')?.(request) ?? 'accept';
  organization = await usher.createOrganization({ preset: '28-days' });
});
afterAll(() => usher.stop());
afterEach(() => moveClock(usher, new Date()));

const logOf = async (filter: string): Promise<any[]> =>
  (await organization.call('GET', `/emails?${filter}`)).body.items as any[];
/** The first mail of an invitation, once it is on record as … */
const logged = async (invitationId: string, status = 'sent'): Promise<any> =>
  (
    await eventually(
      () => logOf(`invitationId=${invitationId}`),
      (items) => items.some((item) => item.status === status),
    )
  ).find((item) => item.status === status);
const copy = (id: string, headers: Record<string, string> = {}) =>
  organization.call('POST', `/emails/${id}/resend`, undefined, { headers });
const report = (raw: string) =>
  fetch(`${usher.url}/v1/provider-events/dsn`, {
    method: 'POST',
    headers: { authorization: `Bearer ${dsnKey}`, 'content-type': 'message/rfc822' },
    body: raw,
  });
const mailsTo = (email: string) => usher.mail.messages.filter(({ to }) => to.includes(email));

describe('E6: the e-mail log, and copies from it', () => {
  test('it says of every mail whether it was sent, when, to which address and what came back; links are masked', async () => {
    const invitation = await organization.invite({ email: 'ada@example.com', firstName: 'Ada' });
    const { token } = await usher.linkFor('ada@example.com');
    const mail = await logged(invitation.id as string);
    const [received] = mailsTo('ada@example.com');
    expect(mail).toMatchObject({
      type: 'user-invitation',
      to: 'ada@example.com',
      status: 'sent',
      subject: received?.parsed.subject,
      messageId: received?.parsed.messageId,
      attempts: [{ at: mail.sentAt, response: expect.stringMatching(/^250 /) }],
      invitationId: invitation.id,
      userId: (await organization.call('GET', '/users?q=ada@example.com')).body.items[0].id,
      workflowId: invitation.workflowId,
      generation: 1,
      locale: 'en',
      copyOf: null,
      nextTryAt: null,
    });
    const one = (await organization.call('GET', `/emails/${mail.id}`)).body;
    expect(one.text).toContain('http://usher.test/invitations/masked-link');
    expect(one.html).toContain('http://usher.test/invitations/masked-link');
    for (const path of ['/emails', `/emails/${mail.id}`])
      expect((await organization.call('GET', path)).text).not.toContain(token);
    const other = await usher.createOrganization();
    expectProblem(await other.call('GET', `/emails/${mail.id}`), 'NOT_FOUND');
    expect((await other.call('GET', '/emails')).body.items).toEqual([]);
  });

  test('within the 28 days a copy goes out: the same mail, to the same address, with the same link', async () => {
    const invitation = await organization.invite({ email: 'copy@example.com', message: 'See you\nsoon' });
    const mail = await logged(invitation.id as string);
    await moveClock(usher, moved(invitation.expiresAt as string, -dayMs));
    const key = { 'Idempotency-Key': 'copy-1' };
    const answer = await copy(mail.id as string, key);
    expect(answer).toMatchObject({ status: 202, body: { copyOf: mail.id, to: 'copy@example.com', generation: 1 } });
    expect((await copy(mail.id as string, key)).body).toEqual(answer.body);
    const [first, second] = await usher.mail.waitForMail('copy@example.com', 2);
    expect(bodyOf(second?.raw)).toBe(bodyOf(first?.raw));
    expect(second?.parsed.subject).toBe(first?.parsed.subject);
    expect(second?.parsed.messageId).not.toBe(first?.parsed.messageId);
    expect(second?.parsed.inReplyTo).toBe(first?.parsed.messageId);
    expect(second?.parsed.references).toBe(first?.parsed.messageId);
    const sent = await eventually(
      () => organization.call('GET', `/emails/${answer.body.id}`),
      ({ body }) => body.status === 'sent',
    );
    expect(sent.body).toMatchObject({
      copyOf: mail.id,
      messageId: second?.parsed.messageId,
      attempts: [{ response: expect.stringMatching(/^250 /) }],
      workflowId: `account-mail:${answer.body.id}`,
    });
    const { token } = await usher.linkFor('copy@example.com', 2);
    expect((await usher.call('GET', `/v1/invitation-tokens/${token}`, undefined, { key: null })).status).toBe(200);
    const after = (await organization.call('GET', `/invitations/${invitation.id}`)).body;
    expect(after).toMatchObject({ generation: 1, expiresAt: invitation.expiresAt, status: 'pending' });
    const events = (await organization.call('GET', `/audit-events?invitationId=${invitation.id}&type=email.copied`))
      .body;
    expect(events.items).toMatchObject([{ data: { emailId: mail.id, copyId: answer.body.id } }]);
    expect(mailsTo('copy@example.com')).toHaveLength(2);
  });

  test('a copy that the server puts off is tried again; once it is not wanted any more it does not go out', async () => {
    const invitation = await organization.invite({ email: 'slow-copy@example.com' });
    const mail = await logged(invitation.id as string);
    answers.set('slow-copy@example.com', () => ({ code: 451, text: 'Later' }));
    const { id } = (await copy(mail.id as string)).body;
    const waiting = await eventually(
      () => organization.call('GET', `/emails/${id}`),
      ({ body }) => body.attempts.length > 0,
    );
    expect(waiting.body).toMatchObject({ status: 'queued', nextTryAt: expect.stringMatching(/Z$/) });
    expectProblem(await copy(mail.id as string), 'MAIL_QUEUED');
    answers.delete('slow-copy@example.com');
    await organization.call('POST', `/invitations/${invitation.id}/cancel`);
    const given = await eventually(
      () => organization.call('GET', `/emails/${id}`),
      ({ body }) => body.status === 'failed',
    );
    expect(given.body.detail).toBe('Not sent: This invitation is cancelled.');
    expect(mailsTo('slow-copy@example.com')).toHaveLength(1);
  });

  test('a copy is refused, with the reason, after the deadline, an answer, a cancel, a newer link and a new address', async () => {
    const invite = async (email: string) => {
      const invitation = await organization.invite({ email });
      return {
        id: invitation.id as string,
        expiresAt: invitation.expiresAt as string,
        mail: await logged(invitation.id as string),
      };
    };
    const cancelled = await invite('cancelled@example.com');
    await organization.call('POST', `/invitations/${cancelled.id}/cancel`);
    expectProblem(await copy(cancelled.mail.id as string), 'INVITATION_CLOSED');

    const accepted = await invite('accepted@example.com');
    const { token } = await usher.linkFor('accepted@example.com');
    await usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password: goodPassword }, { key: null });
    expectProblem(await copy(accepted.mail.id as string), 'INVITATION_CLOSED');

    const resent = await invite('resent@example.com');
    await organization.call('POST', `/invitations/${resent.id}/resend`);
    expectProblem(await copy(resent.mail.id as string), 'MAIL_SUPERSEDED');

    const moved = await invite('old-address@example.com');
    await organization.call('PATCH', `/invitations/${moved.id}`, { email: 'new-address@example.com' });
    expectProblem(await copy(moved.mail.id as string), 'MAIL_SUPERSEDED');

    const late = await invite('late@example.com');
    await moveClock(usher, new Date(late.expiresAt));
    expectProblem(await copy(late.mail.id as string), 'DEADLINE_PASSED');
    for (const email of ['cancelled', 'accepted', 'old-address', 'late'])
      expect(mailsTo(`${email}@example.com`)).toHaveLength(1);
  });

  test('mails to account holders are in the log of their home, with codes and links masked, and are not copied', async () => {
    await usher.call('POST', '/v1/auth/forgot-password', { email: 'accepted@example.com' }, { key: null });
    const [mail] = await eventually(
      () => logOf('type=password-reset&status=sent'),
      (items) => items.length > 0,
    );
    expect(mail).toMatchObject({ to: 'accepted@example.com', invitationId: null });
    expect(mail.workflowId).toBe(`account-mail:${mail.id}`);
    const one = (await organization.call('GET', `/emails/${mail.id}`)).body;
    expect(one.text).toContain('http://usher.test/masked-link');
    expect(one.text).not.toMatch(/reset-password\/./);
    expect((await logOf(`userId=${mail.userId}`)).map(({ type }) => type as string)).toEqual([
      'password-reset',
      'user-invitation',
    ]);
    expectProblem(await copy(mail.id as string), 'MAIL_NOT_COPYABLE');
    const other = await usher.createOrganization();
    expectProblem(await other.call('GET', `/emails/${mail.id}`), 'NOT_FOUND');
  });

  test('what people write never becomes a link or a code, however much it looks like one; neither in a copy', async () => {
    const literal = 'http://usher.test/invitations/masked-link http://usher.test/masked-link ••••••';
    const hostile = await usher.createOrganization({ name: `Org ${literal}` });
    const mask = () =>
      usher.owner('emails').where({ organization_id: hostile.id }).orderBy('created_at', 'desc').first();
    const spoken = ['spoken-1@example.com', 'spoken-2@example.com'];
    await hostile.invite({ email: spoken[0] ?? '' });
    await usher.mail.waitForMail(spoken[0] ?? '');
    // Not even the mask of an earlier mail.
    const earlier = /masked-link-[0-9a-f]{32}/.exec((await mask())?.text as string)?.[0] ?? '';
    expect(earlier).not.toBe('');
    const invitation = await hostile.invite({
      ...{ email: spoken[1] ?? '', firstName: literal, message: `${literal} http://usher.test/invitations/${earlier}` },
    });
    await usher.mail.waitForMail(spoken[1] ?? '');
    const [logged] = await eventually(
      async () => (await hostile.call('GET', `/emails?invitationId=${invitation.id}&status=sent`)).body.items as any[],
      (items) => items.length > 0,
    );
    const one = (await hostile.call('GET', `/emails/${logged.id}`)).body;
    expect(one.text).toContain('http://usher.test/invitations/masked-link\n');
    expect(one.text).not.toMatch(/masked-link-/);
    await hostile.call('POST', `/emails/${logged.id}/resend`);
    const mails = await usher.mail.waitForMail(spoken[1] ?? '', 2);
    for (const { parsed } of mails) {
      const { text = '' } = parsed;
      expect(text).toContain(`Hello ${literal}`);
      expect(text).toContain(`Org ${literal}`);
      expect(text).toContain(`${literal} http://usher.test/invitations/${earlier}`);
      const links = new Set(text.match(/\/invitations\/[\w-]{60,}/g));
      expect(links.size).toBe(1);
      expect(text.match(/\/invitations\/[\w-]{60,}/g)).toHaveLength(1);
      expect(parsed.html).not.toMatch(/confirm-email|reset-password/);
    }
    // The same in a mail to an account holder that has a link, and in one that has none.
    const { token } = await usher.linkFor(spoken[1] ?? '');
    await usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password: goodPassword }, { key: null });
    await usher.call('POST', '/v1/auth/forgot-password', { email: spoken[1] }, { key: null });
    const [reset] = await eventually(
      () => Promise.resolve(mailsTo(spoken[1] ?? '').filter(({ parsed }) => parsed.text?.includes('reset-password'))),
      (found) => found.length > 0,
    );
    expect(reset?.parsed.text).toContain(`Hello ${literal}`);
    expect(reset?.parsed.text?.match(/reset-password\/[\w-]+/g)).toHaveLength(1);
  });

  test('the log is read page by page, newest first, by status, recipient and kind', async () => {
    const all: any[] = [];
    let cursor: string | null = '';
    do {
      const page: any = (await organization.call('GET', `/emails?limit=2${cursor && `&cursor=${cursor}`}`)).body;
      all.push(...page.items);
      cursor = page.nextCursor as string | null;
    } while (cursor);
    const whole = await logOf('limit=200');
    expect(all.map(({ id }) => id as string)).toEqual(whole.map(({ id }) => id as string));
    expect(new Set(all.map(({ id }) => id as string)).size).toBe(all.length);
    const times = all.map(({ createdAt }) => createdAt as string);
    expect([...times].sort().reverse()).toEqual(times);
    expect((await logOf('q=COPY%40example')).map(({ to }) => to as string).sort()).toEqual([
      ...['copy@example.com', 'copy@example.com', 'slow-copy@example.com', 'slow-copy@example.com'],
    ]);
    expect((await logOf('status=failed')).length).toBeGreaterThan(0);
    for (const { status } of await logOf('status=failed')) expect(status).toBe('failed');
    expectProblem(await organization.call('GET', '/emails?status=lost'), 'BAD_INPUT');
    expectProblem(await organization.call('GET', '/emails?cursor=nonsense'), 'BAD_CURSOR');
  });
});

describe('E11: a wrong address', () => {
  test('a corrected address gets a mail of its own, the old link is dead, and the log shows both', async () => {
    answers.set('wrong@example.com', ({ stage }) =>
      stage === 'RCPT' ? { code: 550, text: '5.1.1 No such user here' } : 'accept',
    );
    const invitation = await organization.invite({ email: 'wrong@example.com' });
    const failed = await logged(invitation.id as string, 'failed');
    expect(failed.attempts).toMatchObject([{ response: '550 5.1.1 No such user here' }]);
    await organization.call('PATCH', `/invitations/${invitation.id}`, { email: 'right@example.com' });
    await usher.linkFor('right@example.com');
    await logged(invitation.id as string);
    expect(await logOf(`invitationId=${invitation.id}`)).toMatchObject([
      { to: 'right@example.com', generation: 2, status: 'sent' },
      { to: 'wrong@example.com', generation: 1, status: 'failed' },
    ]);
    expectProblem(await copy(failed.id as string), 'MAIL_SUPERSEDED');
  });
});

describe('E12: a mail that was not received', () => {
  test('the log tells sent, refused with the server’s answer, and bounced; each item names the address to allow-list', async () => {
    answers.set('refused@example.com', ({ stage }) =>
      stage === 'DATA' ? { code: 554, text: '5.7.1 Message rejected as spam' } : 'accept',
    );
    const ids: string[] = [];
    for (const name of ['arrived', 'refused', 'returned'])
      ids.push((await organization.invite({ email: `${name}@example.com` })).id as string);
    const [arrived = '', refused = '', returned = ''] = ids;
    expect(await logged(arrived)).toMatchObject({ status: 'sent', detail: null });
    expect(await logged(refused, 'failed')).toMatchObject({
      attempts: [{ response: '554 5.7.1 Message rejected as spam' }],
      sentAt: null,
    });
    const { messageId } = await logged(returned);
    expect((await report(dsn({ recipient: 'returned@example.com', messageId }))).status).toBe(202);
    expect(await logged(returned, 'bounced')).toMatchObject({
      detail: '550 5.1.1 No such user here',
      attempts: [{ response: expect.stringMatching(/^250 /) }, { response: 'Bounced: 550 5.1.1 No such user here' }],
    });
    for (const item of await logOf('limit=200'))
      expect(item).toMatchObject({ sender: 'Usher <usher@usher.test>', senderAddress: 'usher@usher.test' });
  });
});

describe('E12: an address that there is not', () => {
  const refusedBy = async (name: string, text: string, code = 550) => {
    const email = `${name}@example.com`;
    answers.set(email, ({ stage }) => (stage === 'RCPT' ? { code, text } : 'accept'));
    const { id } = await organization.invite({ email });
    return { id: id as string, email, mail: await logged(id as string, 'failed') };
  };
  const suppressed = async (email: string) =>
    ((await organization.call('GET', '/suppressed-addresses')).body.items as any[]).filter(
      ({ address }) => address === email,
    );

  test('told at once by its status code counts as one that came back: it is not mailed until it is corrected or released', async () => {
    const { id, email, mail } = await refusedBy('no-mailbox', '5.1.1 No such user here');
    expect(await suppressed(email)).toMatchObject([
      { reason: 'bounce', detail: '550 5.1.1 No such user here', emailId: mail.id },
    ]);
    const events = (await organization.call('GET', `/audit-events?invitationId=${id}&type=email.address-suppressed`))
      .body;
    expect(events.items).toMatchObject([{ data: { reason: 'bounce', mailId: mail.id } }]);
    expectProblem(await copy(mail.id as string), 'ADDRESS_SUPPRESSED');
    answers.delete(email);
    expectProblem(await organization.call('POST', `/invitations/${id}/resend`), 'ADDRESS_SUPPRESSED');
    expect(mailsTo(email)).toEqual([]);

    await organization.call('PATCH', `/invitations/${id}`, { email: 'some-mailbox@example.com' });
    await usher.mail.waitForMail('some-mailbox@example.com');
    const [entry] = await suppressed(email);
    expect((await organization.call('DELETE', `/suppressed-addresses/${entry.id}`)).status).toBe(204);
    await organization.invite({ email });
    await usher.mail.waitForMail(email);
  });

  test('so does a copy that is refused: the invitation says so, nobody is reminded, and the inviter hears of it', async () => {
    const ours = await usher.createOrganization({ preset: '28-days' }, { reminders: ['P7D'] });
    const inviter = await signedInPerson(usher, ours, 'inviter-of-copies@example.com', { role: 'administrator' });
    const email = 'gone-by-now@example.com';
    const { id } = (await inviter.call('POST', `/v1/organizations/${ours.id}/invitations`, { email })).body;
    const [mail] = await eventually(
      async () => (await ours.call('GET', `/emails?invitationId=${id}&status=sent`)).body.items as any[],
      (items) => items.length > 0,
    );
    const read = async () => (await ours.call('GET', `/invitations/${id}`)).body;
    expect((await read()).nextStep.action).toBe('remind');
    answers.set(email, ({ stage }) => (stage === 'RCPT' ? { code: 550, text: '5.1.1 No such user here' } : 'accept'));
    const copied = (await ours.call('POST', `/emails/${mail.id}/resend`)).body;
    const told = await usher.mail.waitForMail(inviter.email, 2);
    expect(told.at(-1)?.parsed.subject).toBe(`Your invitation to ${email} could not be delivered`);
    expect(told.at(-1)?.parsed.text).toContain('550 5.1.1 No such user here');
    expect(told.at(-1)?.parsed.text).toContain('ask an administrator to release it');
    expect(await read()).toMatchObject({
      status: 'pending',
      delivery: { status: 'failed', detail: '550 5.1.1 No such user here' },
      nextStep: { action: 'expire' },
    });
    const events = (await ours.call('GET', `/audit-events?invitationId=${id}&type=invitation.refused`)).body.items;
    expect(events.map(({ data }: any) => data)).toEqual([{ generation: 1, emailId: copied.id }]);
    const timeline = (await ours.call('GET', `/invitations/${id}/timeline`)).body.items as any[];
    expect(timeline.map(({ event }) => event as string)).toEqual(['created', 'sent', 'delivered', 'refused']);
    // Its workflow has heard of it, too.
    const run = usher.temporal.workflow.getHandle((await read()).workflowId as string);
    await eventually(
      async () => (await run.query<{ currentDetails: string }>('__temporal_workflow_metadata')).currentDetails,
      (details) => details.includes('next: **expire**'),
    );
  });

  test('a domain that there is not, as Postfix reports it, is not mailed again either', async () => {
    const email = 'ada@exmaple.test';
    const { id } = await organization.invite({ email });
    const { messageId } = await logged(id as string);
    const diagnostic = `Host or domain name not found. Name service error for name=exmaple.test type=A: Host not found`;
    await report(dsn({ recipient: email, messageId, status: '5.4.4', diagnostic }));
    expect(await suppressed(email)).toMatchObject([{ reason: 'bounce', detail: diagnostic }]);
    expectProblem(await organization.call('POST', `/invitations/${id}/resend`), 'ADDRESS_SUPPRESSED');
  });

  test('a disabled one likewise; a policy, a full mailbox and a refusal without a code say nothing of the address', async () => {
    const { email } = await refusedBy('disabled', '5.2.1 Mailbox disabled');
    expect(await suppressed(email)).toHaveLength(1);
    const others: [string, string, number][] = [
      ['policy', '5.7.1 Rejected by policy', 550],
      ['content', '5.7.26 Not authenticated', 550],
      ['full', '5.2.2 Mailbox full', 552],
      ['wordless', 'No such user', 550],
    ];
    for (const [name, text, code] of others) {
      const refused = await refusedBy(name, text, code);
      expect(await suppressed(refused.email)).toEqual([]);
      answers.delete(refused.email);
      expect((await copy(refused.mail.id as string)).status).toBe(202);
      await usher.mail.waitForMail(refused.email);
    }
  });

  test('why a mail did not go out is told in the caller’s language; what servers said, as they said it', async () => {
    const german = { headers: { 'Accept-Language': 'de-AT,de;q=0.9' } };
    const { id: first, email, mail } = await refusedBy('sprache', '5.1.1 No such user here');
    await organization.call('POST', `/invitations/${first}/cancel`);
    const id = (await organization.invite({ email })).id as string;
    const again = await logged(id, 'failed');
    const words = /^An diese Adresse wird nichts mehr gesendet: Am \d{1,2}\. [A-Z]\S+ \d{4} kam eine Mail zurück\.$/;
    const one = await organization.call('GET', `/emails/${again.id}`, undefined, german);
    // By its code, too, for programs.
    const reason = 'suppressed-bounce';
    expect(one.body).toMatchObject({
      ...{ detail: expect.stringMatching(words), reason },
      attempts: [{ response: one.body.detail, reason }],
    });
    expect(one.headers['vary']).toContain('Accept-Language');
    const list = await organization.call('GET', `/emails?invitationId=${id}`, undefined, german);
    expect(list.body.items[0]).toMatchObject({ id: again.id, detail: one.body.detail });
    for (const path of ['/invitations/' + id, '/invitations?q=sprache'])
      expect((await organization.call('GET', path, undefined, german)).text).toContain(one.body.detail);
    // The console asks for it in the language of whoever reads.
    const reader = await signedInPerson(usher, organization, 'leserin@example.com', { role: 'administrator' });
    const page = await reader.call('GET', `/console/emails/${again.id}`, undefined, german);
    expect(page.text).toContain(one.body.detail);
    const refused = (await organization.call('GET', `/emails/${mail.id}`, undefined, german)).body;
    expect(refused.attempts).toMatchObject([{ response: '550 5.1.1 No such user here', reason: null }]);
    expect((await organization.call('GET', `/emails/${again.id}`)).body.detail).toMatch(/^suppressed: bounced on /);
    // What came later, too: our word in front, theirs behind it.
    const sent = await organization.invite({ email: 'sprache-2@example.com' });
    const { messageId } = await logged(sent.id as string);
    await report(dsn({ recipient: 'sprache-2@example.com', messageId: messageId as string }));
    const [bounced] = (await organization.call('GET', `/emails?invitationId=${sent.id}`, undefined, german)).body.items;
    expect(bounced.attempts.at(-1)).toMatchObject({
      response: 'Zurückgekommen: 550 5.1.1 No such user here',
      reason: 'bounced',
    });
  });
});

describe('the log of many mails', () => {
  test('is searched by an index: a part of an address is found without reading the others', async () => {
    const many = await usher.createOrganization();
    const { id } = await many.invite({ email: 'the-needle@example.com' });
    await usher.mail.waitForMail('the-needle@example.com');
    await usher.owner.raw(
      `insert into emails (id, organization_id, invitation_id, type, generation, ordinal, locale, sender, recipient, subject,
         html, text, message_id, status)
       select gen_random_uuid(), organization_id, invitation_id, type, generation, n, locale, sender,
         'straw-' || n || '@example.com', subject, '', '', message_id || n, 'sent'
       from emails, generate_series(1, 20000) n where invitation_id = ?`,
      [id],
    );
    await usher.owner.raw('vacuum analyze emails');
    const scans = async () =>
      Number((await usher.owner('pg_stat_user_indexes').where({ indexrelname: 'emails_recipient' }).first())?.idx_scan);
    const before = await scans();
    const found = await many.call('GET', '/emails?q=NEEDLE');
    expect(found.body.items.map(({ to }: any) => to as string)).toEqual(['the-needle@example.com']);
    await eventually(scans, (now) => now > before);
    expect((await many.call('GET', '/emails?q=straw-1999')).body.items).toHaveLength(11);
  });
});

describe('F4: delivery is a state of its own', () => {
  test('queued, put off, sent and bounced, while the invitation stays open; its answer counts all the same', async () => {
    answers.set('f4@example.com', ({ stage, attempt }) =>
      stage === 'RCPT' && attempt === 1 ? { code: 451, text: '4.3.0 Not now' } : 'accept',
    );
    const invitation = await organization.invite({ email: 'f4@example.com' });
    const id = invitation.id as string;
    expect(invitation.delivery).toEqual({ status: 'queued' });
    const [putOff] = await eventually(
      () => logOf(`invitationId=${id}`),
      ([item]) => item?.attempts.length === 1,
    );
    expect(putOff).toMatchObject({ status: 'queued', attempts: [{ response: '451 4.3.0 Not now' }] });
    const waitMs = new Date(putOff.nextTryAt as string).getTime() - new Date(putOff.attempts[0].at as string).getTime();
    expect(waitMs).toBe(5_000);
    const mail = await logged(id);
    expect(mail).toMatchObject({ nextTryAt: null, attempts: [{}, {}] });
    const read = async () => (await organization.call('GET', `/invitations/${id}`)).body;
    expect((await read()).delivery.status).toBe('sent');
    await report(dsn({ recipient: 'f4@example.com', messageId: mail.messageId as string }));
    expect(await read()).toMatchObject({
      status: 'pending',
      delivery: { status: 'bounced', detail: '550 5.1.1 No such user here' },
      nextStep: { action: 'expire' },
    });
    const timeline = (await organization.call('GET', `/invitations/${id}/timeline`)).body.items as any[];
    expect(timeline.map(({ event }) => event as string)).toEqual(['created', 'sent', 'delivered', 'refused']);
    const { token } = await usher.linkFor('f4@example.com');
    const answer = await usher.call(
      'POST',
      `/v1/invitation-tokens/${token}/accept`,
      { password: goodPassword },
      { key: null },
    );
    expect(answer.status).toBe(200);
    expect(await read()).toMatchObject({ status: 'accepted', delivery: { status: 'bounced' } });
  });

  test('an address that bounced is not mailed again until it is corrected or released', async () => {
    const invitation = await organization.invite({ email: 'gone@example.com' });
    const { messageId, id } = await logged(invitation.id as string);
    await report(dsn({ recipient: 'gone@example.com', messageId }));
    const suppressed = (await organization.call('GET', '/suppressed-addresses')).body.items as any[];
    const entry = suppressed.find(({ address }) => address === 'gone@example.com');
    expect(entry).toMatchObject({ reason: 'bounce', detail: '550 5.1.1 No such user here', emailId: id });
    expectProblem(await copy(id as string), 'ADDRESS_SUPPRESSED');

    // Nothing is changed by asking: the link in the mail that may have arrived after all opens what it did.
    const path = `/invitations/${invitation.id}`;
    const before = (await organization.call('GET', path)).body;
    const { token } = await usher.linkFor('gone@example.com');
    expectProblem(await organization.call('POST', `${path}/resend`), 'ADDRESS_SUPPRESSED');
    expect((await organization.call('GET', path)).body).toEqual(before);
    expect((await usher.call('GET', `/v1/invitation-tokens/${token}`, undefined, { key: null })).status).toBe(200);
    expect(await logOf(`invitationId=${invitation.id}`)).toHaveLength(1);

    // A correction goes around it, and one back to the address says at once that nothing goes there.
    const words = `suppressed: bounced on ${String(entry.at).slice(0, 10)}`;
    await organization.call('PATCH', path, { email: 'here@example.com' });
    await usher.mail.waitForMail('here@example.com');
    expect((await organization.call('POST', `${path}/resend`)).status).toBe(200);
    await usher.mail.waitForMail('here@example.com', 2);
    const corrected = await organization.call('PATCH', path, { email: 'gone@example.com' });
    expect(corrected.body.delivery.detail).toBe(words);
    const refused = await eventually(
      () => organization.call('GET', path),
      ({ body }) => body.delivery.status === 'failed',
    );
    expect(refused.body).toMatchObject({ status: 'pending', delivery: { detail: words } });
    expect((await logOf(`invitationId=${invitation.id}`))[0]).toMatchObject({
      status: 'failed',
      generation: 4,
      attempts: [{ response: words }],
    });
    expect(mailsTo('gone@example.com')).toHaveLength(1);

    // So says a new invitation; a draft stays one.
    await organization.call('POST', `${path}/cancel`);
    const anew = await organization.invite({ email: 'gone@example.com' });
    expect(anew.delivery).toMatchObject({ detail: words });
    await logged(anew.id as string, 'failed');
    await organization.call('POST', `/invitations/${anew.id}/cancel`);
    const draft = await organization.invite({ email: 'gone@example.com', send: false });
    expectProblem(await organization.call('POST', `/invitations/${draft.id}/send`), 'ADDRESS_SUPPRESSED');
    expect((await organization.call('GET', `/invitations/${draft.id}`)).body).toEqual(draft);

    // What one organization knows of an address another is not told.
    const other = await usher.createOrganization();
    await other.invite({ email: 'gone@example.com' });
    await usher.mail.waitForMail('gone@example.com', 2);
    expect((await other.call('GET', '/suppressed-addresses')).body.items).toEqual([]);
    expectProblem(await other.call('DELETE', `/suppressed-addresses/${entry.id}`), 'NOT_FOUND');

    expect((await organization.call('DELETE', `/suppressed-addresses/${entry.id}`)).status).toBe(204);
    expect((await organization.call('POST', `/invitations/${draft.id}/send`)).status).toBe(200);
    await usher.mail.waitForMail('gone@example.com', 3);
  });
});

/** Everything after the header. */
const bodyOf = (raw = ''): string => raw.slice(raw.indexOf('\r\n\r\n'));
