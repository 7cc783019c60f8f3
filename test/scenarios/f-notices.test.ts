import { type Person, signedInPerson } from '../support/people';
import { tokenOf } from '../support/token';
import { eventually, goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
beforeAll(async () => {
  usher = await startUsher();
});
afterAll(() => usher.stop());
afterEach(() => {
  usher.mail.respond = () => 'accept';
});

/* eslint-disable @typescript-eslint/no-explicit-any */
const mailsTo = (email: string) => usher.mail.messages.filter(({ to }) => to.includes(email));
const subjectsTo = (email: string) => mailsTo(email).map(({ parsed }) => parsed.subject ?? '');
/** The mail with this subject, once it has come. */
async function mailed(email: string, subject: string) {
  await eventually(
    () => Promise.resolve(subjectsTo(email)),
    (subjects) => subjects.includes(subject),
  );
  const found = mailsTo(email).find(({ parsed }) => parsed.subject === subject);
  return { text: found?.parsed.text ?? '', html: found?.parsed.html || '' };
}
const path = (organization: TestOrganization, rest: string) => `/v1/organizations/${organization.id}${rest}`;

interface Scene {
  organization: TestOrganization;
  inviter: Person;
  invite: (email: string, fields?: Record<string, unknown>) => Promise<any>;
  /** As if the last mail to the inviter had gone out long ago. */
  later: () => Promise<void>;
}

let scenes = 0;
async function scene(policy: Record<string, unknown> = {}, locale = 'en'): Promise<Scene> {
  scenes += 1;
  const organization = await usher.createOrganization({ preset: '21-days', name: 'Harbour', locale }, policy);
  const inviter = await signedInPerson(usher, organization, `inviter-${scenes}@notices.test`, {
    role: 'administrator',
    firstName: 'Mara',
    lastName: 'Lindqvist',
  });
  return {
    organization,
    inviter,
    async invite(email, fields = {}) {
      const body = { email, firstName: 'Ada', lastName: 'Lovelace', ...fields };
      const answer = await inviter.call('POST', path(organization, '/invitations'), body);
      if (answer.status !== 201) throw new Error(answer.text);
      return answer.body;
    },
    async later() {
      await eventually(
        () => usher.owner('account_mails').where({ account_id: inviter.id, status: 'queued' }),
        (rows) => rows.length === 0,
      );
      const long = usher.owner.raw(`interval '11 minutes'`);
      await usher
        .owner('account_mails')
        .where({ account_id: inviter.id })
        .update({
          sent_at: usher.owner.raw('sent_at - ?', [long]),
          due_at: usher.owner.raw('due_at - ?', [long]),
        });
    },
  };
}

const answer = (invitation: { id: string; generation: number }, what: string, body: object = {}) =>
  usher.call('POST', `/v1/invitation-tokens/${tokenOf(usher, invitation)}/${what}`, body, { key: null });
const status = (it: Scene, invitation: { id: string }, wanted: string) =>
  eventually(
    () => it.organization.call('GET', `/invitations/${invitation.id}`),
    ({ body }) => body.status === wanted || body.delivery.status === wanted,
  );

test('F2, F3: a reminder is in the timeline, before it happens and after', async () => {
  const it = await scene({ reminders: ['PT5S', 'P30D'] });
  const expiresAt = new Date(Date.now() + 12_000).toISOString();
  const invitation = await it.invite('reminded@notices.test', { expiresAt });
  await status(it, invitation, 'sent');
  const timeline = async () =>
    (await it.organization.call('GET', `/invitations/${invitation.id}/timeline`)).body as {
      items: { event: string; actor: { type: string; displayName: string } }[];
      nextStep: { action: string; at: string } | null;
    };
  const remindAt = new Date(Date.parse(expiresAt) - 5_000).toISOString();
  expect((await timeline()).nextStep).toEqual({ action: 'remind', at: remindAt });
  const shown = (await it.organization.call('GET', `/invitations/${invitation.id}`)).body;
  expect(shown.nextStep).toEqual({ action: 'remind', at: remindAt });

  const reminder = await mailed('reminded@notices.test', 'Reminder: Mara Lindqvist invites you to join Harbour');
  expect(reminder.text).toContain(`http://usher.test/invitations/${tokenOf(usher, invitation)}`);
  const after = await eventually(
    timeline,
    ({ items, nextStep }) => items.some(({ event }) => event === 'reminded') && nextStep?.action === 'expire',
  );
  expect(after.nextStep).toEqual({ action: 'expire', at: expiresAt });
  expect(after.items.map(({ event, actor }) => [event, actor.type])).toEqual([
    ['created', 'user'],
    ['sent', 'user'],
    ['delivered', 'system'],
    ['reminded', 'system'],
  ]);
  await status(it, invitation, 'expired');
  const end = await eventually(timeline, ({ nextStep }) => nextStep === null);
  expect([end.items.at(-1)?.event, end.nextStep]).toEqual(['expired', null]);
  expect(mailsTo('reminded@notices.test')).toHaveLength(2);
  const run = usher.temporal.workflow.getHandle(invitation.workflowId as string);
  expect(JSON.stringify(await run.fetchHistory())).not.toContain('notices.test');
});

test('F3: reminders of guests say what they are invited as, in their language', async () => {
  const it = await scene({ reminders: ['PT3S'] }, 'de');
  const expiresAt = new Date(Date.now() + 6_000).toISOString();
  await it.invite('gast@notices.test', { kind: 'guest', expiresAt });
  await mailed('gast@notices.test', 'Erinnerung: Mara Lindqvist lädt Sie als Gast zu Harbour ein');
});

test('F11: the inviter hears of an acceptance at once; what follows shortly is collected into one mail', async () => {
  const it = await scene();
  const first = await it.invite('first@notices.test');
  expect((await answer(first, 'accept', { password: goodPassword })).status).toBe(200);
  const { text, html } = await mailed(it.inviter.email, 'Ada Lovelace has accepted your invitation');
  expect(text).toContain('Ada Lovelace (first@notices.test) has accepted your invitation to Harbour.');
  expect(html).toContain('first@notices.test');
  const page = `http://usher.test/console/invitations/${first.id}`;
  expect(text.split('\n')).toContain(page);
  expect(html).toContain(`href="${page}"`);
  // It opens nothing without a sign-in, and so is kept as it is.
  const [log] = await usher.owner('account_mails').where({ account_id: it.inviter.id, type: 'invitation-accepted' });
  expect(log.text).toContain(page);

  // A reason is shown as it is, whatever it says.
  const reason = '<b>No</b> time {{link}}\nSorry';
  const second = await it.invite('second@notices.test', { firstName: 'Ben' });
  const third = await it.invite('third@notices.test', { firstName: 'Cem' });
  expect((await answer(second, 'decline', { reason })).status).toBe(200);
  expect((await answer(third, 'accept', { password: goodPassword })).status).toBe(200);
  const waiting = await eventually(
    () => usher.owner('account_mails').where({ account_id: it.inviter.id, type: 'invitation-news', status: 'queued' }),
    (rows) => rows.length === 1,
  );
  const [last] = await usher.owner('account_mails').where({ account_id: it.inviter.id, type: 'invitation-accepted' });
  expect(Number(waiting[0].due_at) - Number(last.sent_at)).toBe(600_000);
  await eventually(
    () => usher.owner('inviter_notices').where({ inviter_id: it.inviter.id, mail_id: waiting[0].id }),
    (rows) => rows.length === 2,
  );
  expect(subjectsTo(it.inviter.email).filter((subject) => subject.includes('updates'))).toEqual([]);
  await usher.owner('account_mails').where({ id: waiting[0].id }).update({ due_at: new Date(), tell_at: new Date() });
  const digest = await mailed(it.inviter.email, '2 updates on your invitations to Harbour');
  expect(digest.text).toContain('Accepted: 1');
  expect(digest.text).toContain('Declined: 1');
  expect(digest.text).toContain('Ben Lovelace (second@notices.test)');
  expect(digest.text).toContain('<b>No</b> time {{link}} Sorry');
  expect(digest.text.split('\n')).toContain('http://usher.test/console/invitations');
  for (const { id } of [second, third])
    expect(digest.html).toContain(`href="http://usher.test/console/invitations/${id}"`);
  expect(digest.html).not.toContain('<b>No</b>');
  expect(mailsTo(it.inviter.email).filter(({ parsed }) => /updates|accepted/.test(parsed.subject ?? ''))).toHaveLength(
    2,
  );
});

test('F11: an invitation that is accepted by a forgotten password is told like any other', async () => {
  const it = await scene();
  await it.invite('forgot@notices.test', { firstName: 'Fay' });
  await usher.linkFor('forgot@notices.test');
  await usher.call('POST', '/v1/auth/forgot-password', { email: 'forgot@notices.test' }, { key: null });
  const { text } = await mailed('forgot@notices.test', 'Choose a new password');
  const token = /reset-password\/([\w-]+)/.exec(text)?.[1];
  const reset = await usher.call('POST', '/v1/auth/reset-password', { token, password: goodPassword }, { key: null });
  expect(reset.status).toBe(204);
  await mailed(it.inviter.email, 'Fay Lovelace has accepted your invitation');
});

test('F11: a decline says the reason', async () => {
  const it = await scene({}, 'de');
  const invitation = await it.invite('nein@notices.test');
  await answer(invitation, 'decline', { reason: 'Ich habe <i>keine</i> Zeit.' });
  const { text, html } = await mailed(it.inviter.email, 'Ada Lovelace hat Ihre Einladung abgelehnt');
  expect(text).toContain('Ich habe <i>keine</i> Zeit.');
  expect(html).toContain('Ich habe &lt;i&gt;keine&lt;/i&gt; Zeit.');
});

test('F11: mail that cannot be delivered is told with the words of the server, and what to do', async () => {
  const it = await scene();
  usher.mail.respond = ({ to }) =>
    to.includes('nowhere@notices.test') ? { code: 550, text: 'No such user' } : 'accept';
  const invitation = await it.invite('nowhere@notices.test');
  const { text } = await mailed(it.inviter.email, 'Your invitation to Ada Lovelace could not be delivered');
  expect(text).toContain('No such user');
  expect(text).toContain('Correct the address');
  expect((await it.organization.call('GET', `/invitations/${invitation.id}`)).body.status).toBe('pending');
});

test('C4, F11: an expiry is told, and so is that somebody asks for a new link, once for each', async () => {
  const it = await scene();
  const invitation = await it.invite('late@notices.test', { expiresAt: new Date(Date.now() + 1_500).toISOString() });
  await status(it, invitation, 'expired');
  await mailed(it.inviter.email, 'Your invitation to Ada Lovelace has expired');
  await it.later();
  const asked = await Promise.all([1, 2, 3].map(() => answer(invitation, 'request-new')));
  expect(asked.map((reply) => reply.status)).toEqual([202, 202, 202]);
  expect((await answer(invitation, 'request-new')).status).toBe(202);
  const { text } = await mailed(it.inviter.email, 'Ada Lovelace asks for a new link');
  expect(text).toContain('late@notices.test');
  const notices = await usher.owner('inviter_notices').where({ inviter_id: it.inviter.id }).orderBy('id');
  expect(notices.map(({ event }: { event: string }) => event)).toEqual(['expired', 'new-link-requested']);
  // A new generation may be asked about again.
  const again = (await it.organization.call('POST', `/invitations/${invitation.id}/resend`)).body;
  expect(again.generation).toBe(2);
  expect((await answer(again, 'request-new')).status).toBe(202);
  expect(await usher.owner('inviter_notices').where({ inviter_id: it.inviter.id })).toHaveLength(2);
});

test('F11: many that expire together make one digest, which names fifty and counts all', async () => {
  const it = await scene();
  const expiresAt = new Date(Date.now() + 8_000).toISOString();
  const invitations = [];
  for (let n = 0; n < 6; n += 1) invitations.push(await it.invite(`many-${n}@notices.test`, { expiresAt }));
  // Fifty more, as if the first of them had expired as often.
  await eventually(
    () => usher.owner('inviter_notices').where({ inviter_id: it.inviter.id }),
    (rows) => rows.length > 0,
    40_000,
  );
  await usher.owner.raw(
    `insert into inviter_notices (organization_id, inviter_id, invitation_id, generation, event)
     select ?, ?, ?, n, 'expired' from generate_series(101, 150) as n`,
    [it.organization.id, it.inviter.id, invitations[0].id],
  );
  const { text } = await mailed(it.inviter.email, '56 updates on your invitations to Harbour');
  expect(text).toContain('Expired: 56');
  expect(text).toContain('Not listed here: 6 more.');
  expect(text.match(/many-\d+@/g)).toHaveLength(50);
  expect(mailsTo(it.inviter.email).filter(({ parsed }) => /update|expired/.test(parsed.subject ?? ''))).toHaveLength(1);
});

test('F11: nobody hears where the policy says so, of what they did themselves, or after they have left; keys have no mailbox', async () => {
  const silent = await scene({ notifyInviter: false });
  await answer(await silent.invite('silent@notices.test'), 'accept', { password: goodPassword });

  const it = await scene();
  const byKey = await it.organization.invite({ email: 'key@notices.test', firstName: 'K', lastName: 'L' });
  await answer(byKey, 'accept', { password: goodPassword });
  // Their own: an invitation elsewhere that they sent to themselves.
  const other = await usher.createOrganization({ preset: '21-days', name: 'Other' });
  const gone = await signedInPerson(usher, it.organization, 'gone@notices.test', { role: 'staff' });
  const theirs = await gone.call('POST', path(it.organization, '/invitations'), {
    email: 'last@notices.test',
    firstName: 'L',
    lastName: 'M',
  });
  await it.organization.call('DELETE', `/users/${gone.id}`);
  await answer(theirs.body as { id: string; generation: number }, 'accept', { password: goodPassword });
  const both = await signedInPerson(usher, other, 'both@notices.test', { role: 'administrator' });
  const invited = await it.organization.invite({ kind: 'guest', email: both.email, firstName: 'B', lastName: 'B' });
  await usher
    .owner('invitations')
    .where({ id: invited.id })
    .update({ invited_by_type: 'user', invited_by_id: both.id });
  expect((await both.call('POST', `/v1/me/invitations/${invited.id}/accept`)).status).toBe(200);
  for (const person of [silent.inviter, it.inviter, gone, both])
    expect(await usher.owner('inviter_notices').where({ inviter_id: person.id })).toEqual([]);
});

test('F11: a notice is never lost: not by a worker that was away, nor by a mail that was refused at first', async () => {
  const it = await scene();
  const invitation = await it.invite('patient@notices.test');
  await status(it, invitation, 'sent');
  await usher.stopWorker();
  await answer(invitation, 'accept', { password: goodPassword });
  usher.mail.respond = ({ to, stage, attempt }) =>
    stage === 'DATA' && to.includes(it.inviter.email) && attempt <= 2 ? { code: 451, text: 'Later' } : 'accept';
  await usher.startWorker();
  await mailed(it.inviter.email, 'Ada Lovelace has accepted your invitation');
  expect(subjectsTo(it.inviter.email).filter((subject) => subject.includes('accepted'))).toHaveLength(1);
});

test('E7: who becomes inactive is told how to come back, where the policy wants it', async () => {
  const policy = { invitationLifetime: 'PT2S', notifyInactive: true };
  const organization = await usher.createOrganization({ preset: '28-days', name: 'Harbour' }, policy);
  await organization.invite({ email: 'inactive@notices.test' });
  const { text, html } = await mailed('inactive@notices.test', 'Your account is inactive');
  expect(text).toContain('http://usher.test/forgot-password');
  expect(html).toContain('href="http://usher.test/forgot-password"');
  expect(text).not.toContain('valid until');

  await usher.call('POST', '/v1/auth/forgot-password', { email: 'inactive@notices.test' }, { key: null });
  await mailed('inactive@notices.test', 'Choose a new password');

  const quiet = await usher.createOrganization({ preset: '28-days' }, { invitationLifetime: 'PT1S' });
  const other = await quiet.invite({ email: 'quiet@notices.test' });
  await eventually(
    () => quiet.call('GET', `/invitations/${other.id}`),
    ({ body }) => body.nextStep === null,
  );
  expect(await usher.owner('account_mails').where({ recipient: 'quiet@notices.test' })).toEqual([]);
});

test('F11, E7: an invitation whose mail never left is told of so, and its invitee, who knows of nothing, hears nothing', async () => {
  const it = await scene({ onExpiry: 'inactive', notifyInactive: true });
  usher.mail.respond = ({ to }) => (to.includes('never@notices.test') ? { code: 451, text: 'Greylisted' } : 'accept');
  const invitation = await it.invite('never@notices.test', { expiresAt: new Date(Date.now() + 8_000).toISOString() });
  await status(it, invitation, 'expired');
  usher.mail.respond = () => 'accept';
  const subject = 'Your invitation to Ada Lovelace was never delivered and has expired';
  const { text } = await mailed(it.inviter.email, subject);
  expect(text).toContain('451 Greylisted');
  expect(text).not.toContain('not answered');
  expect(subjectsTo(it.inviter.email)).not.toContain('Your invitation to Ada Lovelace has expired');
  const { items } = (await it.organization.call('GET', `/invitations/${invitation.id}/timeline`)).body;
  expect(items.map(({ event }: any) => event)).toEqual(['created', 'sent', 'refused', 'expired']);
  expect(await usher.owner('account_mails').where({ recipient: 'never@notices.test' })).toEqual([]);
  expect(mailsTo('never@notices.test')).toEqual([]);
});

test('E9: who was reactivated by hand and did not come in is told of the other way', async () => {
  const policy = { invitationLifetime: 'PT1S', notifyInactive: true };
  const organization = await usher.createOrganization({ preset: '28-days', name: 'Pier' }, policy);
  const invitation = await organization.invite({ email: 'unused@notices.test' });
  await mailed('unused@notices.test', 'Your account is inactive');
  const [user] = (await organization.call('GET', '/users?q=unused')).body.items;
  expect((await organization.call('POST', `/users/${user.id}/activate`)).status).toBe(200);
  await usher.owner('accounts').where({ id: user.id }).update({ reactivation_deadline: new Date() });
  await usher.temporal.schedule.getHandle('reset-unused-reactivations').trigger();
  const mails = await eventually(
    () => Promise.resolve(mailsTo('unused@notices.test').filter(({ parsed }) => parsed.subject?.includes('inactive'))),
    (found) => found.length === 2,
  );
  expect(mails[1]?.parsed.text).toContain('Your account at Pier');
  expect((await organization.call('GET', `/invitations/${invitation.id}`)).body.status).toBe('expired');
});

describe('C8: the security report', () => {
  const ask = (it: Scene, id: string, person: Person = it.inviter, headers = {}) =>
    person.call('POST', path(it.organization, `/users/${id}/security-report`), undefined, { headers });

  test('C8: is mailed to the person who asks, with all that the home organization may know', async () => {
    const it = await scene();
    const group = (await it.organization.call('POST', '/groups', { name: 'Pilots', visibility: 'open' })).body;
    const ben = await signedInPerson(usher, it.organization, 'ben@notices.test', {
      firstName: 'Ben',
      lastName: '<b>Bold</b>',
      role: 'staff',
      permissions: ['guests.invite'],
      groupIds: [group.id],
    });
    expect((await ben.signIn(ben.email, 'Wrong-Password-1')).status).toBe(401);
    const headers = { 'Idempotency-Key': 'report-1' };
    const first = await ask(it, ben.id, it.inviter, headers);
    expect(first).toMatchObject({ status: 200, body: { id: ben.id } });
    expect((await ask(it, ben.id, it.inviter, headers)).body).toEqual(first.body);

    const subject = 'Security report: Ben <b>Bold</b>';
    const { text, html } = await mailed(it.inviter.email, subject);
    for (const fact of [
      /Email address +ben@notices\.test/,
      /Role +Staff/,
      /guests\.invite/,
      /Pilots +Member/,
      /Method +None/,
    ])
      expect(text).toMatch(fact);
    for (const part of [
      'Last sign-ins',
      'Signed in · ',
      'Failed sign-ins',
      'Wrong password · ',
      'Open sessions',
      'Open invitations',
    ])
      expect(text).toContain(part);
    expect(html).toContain('&lt;b&gt;Bold&lt;/b&gt;');
    expect(html).not.toContain('<b>Bold');
    expect(html).toContain('<table');
    expect(subjectsTo(it.inviter.email).filter((one) => one === subject)).toHaveLength(1);
    expect(mailsTo(ben.email).filter(({ parsed }) => parsed.subject?.includes('report'))).toEqual([]);
    // What was gathered for one reader is kept by nobody.
    const [row] = await eventually(
      () => usher.owner('account_mails').where({ type: 'security-report', about_account_id: ben.id }),
      ([mail]) => mail.status === 'sent',
    );
    expect(row).toMatchObject({ html: null, text: null });
    const events = (await it.organization.call('GET', '/audit-events?type=user.security-report-requested')).body.items;
    expect(events).toMatchObject([{ actor: { type: 'user', id: it.inviter.id } }]);
  });

  test('C8: of a guest it says only what this organization may know', async () => {
    const it = await scene();
    const home = await usher.createOrganization({ preset: '21-days', name: 'Home' });
    const guest = await signedInPerson(usher, home, 'guest@notices.test', { firstName: 'Gil', lastName: 'Guest' });
    const invitation = await it.invite(guest.email, { kind: 'guest' });
    await guest.call('POST', `/v1/me/invitations/${invitation.id}/accept`);
    expect((await ask(it, guest.id)).status).toBe(200);
    const { text } = await mailed(it.inviter.email, 'Security report: Gil Guest');
    expect(text).toContain('Known to the home organization only');
    for (const foreign of ['Last sign-ins', 'Open sessions', 'Failed', 'Method', 'Last sign-in', 'Home'])
      expect(text).not.toContain(foreign);
  });

  test('C8: keys are told to sign in, and nobody reports on those who stand above them', async () => {
    const it = await scene();
    const refused = await it.organization.call('POST', `/users/${it.inviter.id}/security-report`);
    expect(refused).toMatchObject({ status: 409, body: { code: 'STATUS_CONFLICT' } });
    expect(refused.body.detail).toContain('key has no address');
    const staff = await signedInPerson(usher, it.organization, 'staff@notices.test', { role: 'staff' });
    expect((await ask(it, it.inviter.id, staff)).status).toBe(403);
    const member = await signedInPerson(usher, it.organization, 'member@notices.test');
    expect((await ask(it, staff.id, member)).status).toBe(403);
    expect(await usher.owner('account_mails').where({ type: 'security-report', about_account_id: staff.id })).toEqual(
      [],
    );
  });

  test('C8: who may not see it any more when it goes out gets nothing', async () => {
    const it = await scene();
    const staff = await signedInPerson(usher, it.organization, 'demoted@notices.test', { role: 'staff' });
    const member = await signedInPerson(usher, it.organization, 'subject@notices.test');
    await usher.stopWorker();
    expect((await ask(it, member.id, staff)).status).toBe(200);
    await it.organization.call('PATCH', `/users/${staff.id}`, { role: 'member' });
    await usher.startWorker();
    await eventually(
      () => usher.owner('account_mails').where({ type: 'security-report', account_id: staff.id }),
      (rows) => rows.length === 0,
    );
    expect(mailsTo(staff.email).filter(({ parsed }) => parsed.subject?.includes('report'))).toEqual([]);
  });
});
