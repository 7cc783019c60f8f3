import type { Respond, SmtpReply } from '../support/mail-server';
import { eventually, startUsher, type TestOrganization, type TestUsher } from '../support/usher';
import { startSilentServer } from './processes';

let usher: TestUsher;
let organization: TestOrganization;
/** What the mail server says to whom; everybody else's mail is accepted. */
const answers = new Map<string, Respond>();

beforeAll(async () => {
  usher = await startUsher();
  usher.mail.respond = (request) => answers.get(request.to[0] ?? '')?.(request) ?? 'accept';
  organization = await usher.createOrganization();
});
afterAll(() => usher.stop());

interface EmailRow {
  status: string;
  attempts: { at: string; response: string }[];
  message_id: string;
  generation: number;
}

const mailsTo = (email: string) => usher.mail.messages.filter(({ to }) => to.includes(email));
const emailRows = (invitationId: string): Promise<EmailRow[]> =>
  usher.owner('emails').where({ invitation_id: invitationId }).orderBy('generation');
const delivery = async (id: string) => (await organization.call('GET', `/invitations/${id}`)).body.delivery as unknown;
const delivered = (id: string, status: string) =>
  eventually(
    () => delivery(id),
    (now) => (now as { status: string }).status === status,
    40_000,
  );

describe('a mail server that does not take mails at the moment', () => {
  test('while it is down a mail waits, and once it is back exactly one arrives', async () => {
    await usher.mail.stop();
    const { id } = await organization.invite({ email: 'down@example.com' });
    await eventually(
      () => emailRows(id),
      ([row]) => row?.attempts.length === 1,
    );
    const words = 'The mail server could not be reached (ECONNREFUSED).';
    expect(await delivery(id)).toEqual({ status: 'queued', detail: words });
    await usher.mail.start();
    await delivered(id, 'sent');
    expect(mailsTo('down@example.com')).toHaveLength(1);
    const [row] = await emailRows(id);
    expect(row).toMatchObject({
      status: 'sent',
      attempts: [{ response: words }, { response: expect.stringMatching(/^250 /), at: expect.stringMatching(/Z$/) }],
    });
  });

  test('a server that never says a word is cut off, too, and never asked twice at the same time', async () => {
    await usher.mail.stop();
    const silent = await startSilentServer(usher.mail.port);
    const { id } = await organization.invite({ email: 'silent@example.com' });
    const [row] = await eventually(
      () => emailRows(id),
      ([found]) => found?.attempts.length === 1,
    );
    expect(row?.attempts[0]?.response).toBe('The mail server did not answer in time.');
    // The server's end of the cut connection hears of it, too.
    await silent.stop();
    await usher.mail.start();
    await delivered(id, 'sent');
    expect(silent.most()).toBe(1);
    expect(mailsTo('silent@example.com')).toHaveLength(1);
  });
});

describe('mails that are tried at the same time', () => {
  const ids = new Map<string, string>();
  let underWay = 0;
  let most = 0;
  beforeAll(async () => {
    answers.set('greylisted@example.com', ({ stage, attempt }): SmtpReply =>
      stage === 'RCPT' && attempt <= 2 ? { code: 451, text: 'Greylisted, come back later' } : 'accept',
    );
    answers.set('unheard@example.com', ({ stage, attempt }): SmtpReply =>
      stage === 'DATA' && attempt === 1 ? 'close' : 'accept',
    );
    answers.set('hanging@example.com', async ({ stage }): Promise<SmtpReply> => {
      if (stage === 'RCPT') return 'accept';
      underWay += 1;
      most = Math.max(most, underWay);
      // Nothing is said until the first lease, of eleven seconds, has been prolonged.
      await eventually(
        () => usher.owner('emails').where({ recipient: 'hanging@example.com' }).first('lease_until', 'created_at'),
        ({ lease_until: until, created_at: since }: { lease_until: Date; created_at: Date }) =>
          until.getTime() - since.getTime() > 20_000,
      );
      underWay -= 1;
      return 'accept';
    });
    for (const name of ['greylisted', 'unheard', 'hanging']) {
      const { id } = await organization.invite({ email: `${name}@example.com` });
      ids.set(name, id as string);
    }
  });
  const idOf = (name: string) => ids.get(name) ?? '';

  test('a server that takes the mail and hangs up before saying so gets the same mail again, byte for byte', async () => {
    const id = idOf('unheard');
    await delivered(id, 'sent');
    const [first, second, ...more] = mailsTo('unheard@example.com');
    expect(more).toEqual([]);
    expect(second?.raw).toBe(first?.raw);
    expect(second?.parsed.messageId).toBe(first?.parsed.messageId);
    const [row] = await emailRows(id);
    expect(row).toMatchObject({ message_id: first?.parsed.messageId, attempts: [{}, {}] });
    const { token } = await usher.linkFor('unheard@example.com', 2);
    expect((await usher.call('GET', `/v1/invitation-tokens/${token}`, undefined, { key: null })).status).toBe(200);
  });

  test('a server that hangs with the mail in its hands is waited for, and no second try goes out beside the first', async () => {
    const id = idOf('hanging');
    await delivered(id, 'sent');
    expect(most).toBe(1);
    expect(mailsTo('hanging@example.com')).toHaveLength(1);
    const [row] = await emailRows(id);
    expect(row?.attempts.map(({ response }) => response)).toEqual([expect.stringMatching(/^250 /)]);
  });

  test('a corrected address does not wait for the backoff of the wrong one', async () => {
    answers.set('busy@example.com', () => ({ code: 450, text: 'Mailbox busy' }));
    const { id } = await organization.invite({ email: 'busy@example.com' });
    // Two refusals: the next try would come a quarter of a minute later.
    await eventually(
      () => emailRows(id),
      ([row]) => row?.attempts.length === 2,
    );
    const [before] = await usher.owner('invitations').where({ id }).select('delivery_due_at');
    await organization.call('PATCH', `/invitations/${id}`, { email: 'free@example.com' });
    await delivered(id, 'sent');
    expect(mailsTo('free@example.com')).toHaveLength(1);
    expect(await emailRows(id)).toMatchObject([
      { generation: 1, attempts: [{}, {}] },
      { generation: 2, attempts: [{}] },
    ]);
    const [, corrected] = await usher.owner('emails').where({ invitation_id: id }).orderBy('generation');
    expect(corrected.sent_at.getTime()).toBeLessThan(before.delivery_due_at.getTime());
  });

  test('a 451 is tried again until the server takes the mail, and its words are in the mail log', async () => {
    const id = idOf('greylisted');
    await delivered(id, 'sent');
    expect(mailsTo('greylisted@example.com')).toHaveLength(1);
    const [row] = await emailRows(id);
    expect(row?.attempts.map(({ response }) => response)).toEqual([
      '451 Greylisted, come back later',
      '451 Greylisted, come back later',
      expect.stringMatching(/^250 /),
    ]);
  });
});

describe('what is changed while a mail waits', () => {
  const text = (mail?: { parsed: { text?: string } }) => mail?.parsed.text ?? '';
  const change = async (id: unknown, ours: TestOrganization) => {
    const policy = { invitationLifetime: 'P2D', applyToPending: true };
    expect((await ours.call('PATCH', '/policy', policy)).status).toBe(200);
    const patch = { message: 'SECOND TEXT', firstName: 'Grace' };
    expect((await ours.call('PATCH', `/invitations/${id}`, patch)).status).toBe(200);
  };
  const sentBy = (ours: TestOrganization, id: unknown) =>
    eventually(
      () => ours.call('GET', `/invitations/${id}`),
      ({ body }) => body.delivery.status === 'sent',
      40_000,
    );
  const dayOf = (instant: string) =>
    new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'long', timeZone: 'UTC' }).format(new Date(instant));

  test('is in the mail that goes out: deadline, names and text, under the same Message-ID', async () => {
    const ours = await usher.createOrganization({ timeZone: 'UTC' });
    const email = 'waiting@example.com';
    answers.set(email, () => ({ code: 451, text: 'Later' }));
    const { id, expiresAt: before } = await ours.invite({ email, firstName: 'Ada', message: 'FIRST TEXT' });
    const [first] = await eventually(
      () => emailRows(id as string),
      ([row]) => (row?.attempts.length ?? 0) > 0,
    );
    await change(id, ours);
    answers.delete(email);
    const { body } = await sentBy(ours, id);
    const [mail, ...more] = mailsTo(email);
    expect(more).toEqual([]);
    for (const said of ['Hello Grace', 'SECOND TEXT', dayOf(body.expiresAt as string)])
      expect(text(mail)).toContain(said);
    for (const old of ['Ada', 'FIRST TEXT', dayOf(before as string)]) expect(text(mail)).not.toContain(old);
    expect(mail?.parsed.messageId).toBe(first?.message_id);
    const logged = (await ours.call('GET', `/emails?invitationId=${id}`)).body.items[0];
    expect((await ours.call('GET', `/emails/${logged.id}`)).body.text).toContain('SECOND TEXT');
    // It says what holds: a copy may go out.
    expect((await ours.call('POST', `/emails/${logged.id}/resend`)).status).toBe(202);
  });

  test('leaves a mail alone that may have arrived, and one that has is not copied with a deadline that is none any more', async () => {
    const ours = await usher.createOrganization({ timeZone: 'UTC' });
    const email = 'perhaps@example.com';
    answers.set(email, ({ stage, attempt }): SmtpReply => {
      if (stage === 'RCPT') return attempt === 2 ? { code: 451, text: 'Later' } : 'accept';
      return attempt === 1 ? 'close' : 'accept';
    });
    const { id } = await ours.invite({ email, firstName: 'Ada', message: 'FIRST TEXT' });
    await usher.mail.waitForMail(email);
    await change(id, ours);
    await sentBy(ours, id);
    const [first, second, ...more] = mailsTo(email);
    expect(more).toEqual([]);
    expect(text(first)).toContain('FIRST TEXT');
    expect(second?.raw).toBe(first?.raw);
    const [row] = await emailRows(id as string);
    const doubt = 'The connection ended before the mail server’s answer was heard: the mail may have arrived.';
    expect(row?.attempts.map(({ response }) => response)).toEqual([doubt, '451 Later', expect.stringMatching(/^250 /)]);
    const { items } = (await ours.call('GET', `/emails?invitationId=${id}`)).body;
    const copy = await ours.call('POST', `/emails/${items[0].id}/resend`);
    expect(copy).toMatchObject({ status: 409, body: { code: 'MAIL_SUPERSEDED' } });
  });
});

describe('a mail server that refuses a mail for good', () => {
  test('its words are shown, nothing is tried again, and the corrected address gets the mail', async () => {
    answers.set('gone@example.com', ({ stage }): SmtpReply =>
      stage === 'RCPT' ? { code: 550, text: '5.1.1 No such user here' } : 'accept',
    );
    const { id } = await organization.invite({ email: 'gone@example.com' });
    expect(await delivered(id, 'failed')).toEqual({ status: 'failed', detail: '550 5.1.1 No such user here' });
    const refused = (await organization.call('GET', `/invitations/${id}`)).body;
    expect(refused).toMatchObject({ status: 'pending', nextStep: { action: 'expire' } });
    const timeline = (await organization.call('GET', `/invitations/${id}/timeline`)).body.items as { event: string }[];
    expect(timeline.map(({ event }) => event)).toContain('refused');

    const corrected = await organization.call('PATCH', `/invitations/${id}`, { email: 'found@example.com' });
    expect(corrected.status).toBe(200);
    await delivered(id, 'sent');
    expect(mailsTo('found@example.com')).toHaveLength(1);
    const asked = usher.mail.replies.filter(({ to }) => to.includes('gone@example.com'));
    expect(asked).toHaveLength(1);
    expect(await emailRows(id)).toMatchObject([
      { generation: 1, status: 'failed', attempts: [{ response: '550 5.1.1 No such user here' }] },
      { generation: 2, status: 'sent', attempts: [{}] },
    ]);
  });

  test('so is a mail to an account holder refused, once, and its address is not mailed any more', async () => {
    const email = 'gone-holder@example.com';
    await organization.invite({ email });
    const { token } = await usher.linkFor(email);
    const password = 'Winter-Is-Over-7';
    await usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password }, { key: null });
    answers.set(email, () => ({ code: 550, text: '5.1.1 No such user here' }));
    await usher.call('POST', '/v1/auth/forgot-password', { email }, { key: null });
    const [mail] = await eventually(
      () => usher.owner('account_mails').where({ recipient: email }).select('status', 'attempts'),
      ([row]) => row?.status === 'failed',
    );
    expect(mail.attempts).toMatchObject([{ response: '550 5.1.1 No such user here' }]);
    const { items } = (await organization.call('GET', '/suppressed-addresses')).body;
    expect(items).toContainEqual(expect.objectContaining({ address: email, reason: 'bounce' }));
    expect(usher.mail.replies.filter(({ to, reply }) => to.includes(email) && reply !== 'accept')).toHaveLength(1);
  });

  test('a refusal after the message itself counts as much as one of the recipient', async () => {
    answers.set('spam@example.com', ({ stage }): SmtpReply =>
      stage === 'DATA' ? { code: 554, text: '5.7.1 Message rejected as spam' } : 'accept',
    );
    const { id } = await organization.invite({ email: 'spam@example.com' });
    expect(await delivered(id, 'failed')).toEqual({ status: 'failed', detail: '554 5.7.1 Message rejected as spam' });
    expect(mailsTo('spam@example.com')).toEqual([]);
  });
});
