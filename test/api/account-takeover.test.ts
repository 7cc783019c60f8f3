import { signedInPerson, visitor } from '../support/people';
import { eventually, goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let organization: TestOrganization;
/** Mailboxes whose server says for now that it will take the mail later. */
const busy = new Set<string>();
beforeAll(async () => {
  usher = await startUsher();
  usher.mail.respond = ({ to, stage }) =>
    stage === 'RCPT' && to.some((address) => busy.has(address)) ? { code: 451, text: 'come back later' } : 'accept';
  organization = await usher.createOrganization({ preset: '28-days' });
});
afterAll(() => usher.stop());

const newPassword = 'Spring-Is-Here-9';
const forgot = (email: string) => usher.call('POST', '/v1/auth/forgot-password', { email }, { key: null });
const reset = (token: string) =>
  usher.call('POST', '/v1/auth/reset-password', { token, password: newPassword }, { key: null });
const confirm = (token: string) => usher.call('POST', '/v1/auth/confirm-email', { token }, { key: null });

/** All tokens of this kind that were mailed to the address, once there are as many. */
const tokensFor = (email: string, page: 'reset-password' | 'confirm-email', count = 1) =>
  eventually(
    () => Promise.resolve(mailed(email, page)),
    (tokens) => tokens.length >= count,
  );
const mailed = (email: string, page: string): string[] =>
  usher.mail.messages
    .filter(({ to }) => to.includes(email))
    .flatMap(({ parsed }) => new RegExp(`${page}/([A-Za-z0-9_-]+)`).exec(parsed.text ?? '')?.[1] ?? []);

const mailsTo = (recipient: string) => usher.owner('account_mails').where({ recipient });
const tried = (recipient: string) => eventually(() => mailsTo(recipient), tries);
const tries = (mails: { attempts: unknown[] }[]) => mails.some(({ attempts }) => attempts.length > 0);
/** The address takes mail again, and whatever was waiting for it is decided. */
async function takesMailAgain(email: string): Promise<void> {
  busy.delete(email);
  await eventually(
    () => mailsTo(email),
    (mails) => mails.every(({ status }) => status !== 'queued'),
    40_000,
  );
}

test('a mail for a new password that could not be delivered at first opens nothing once the address was corrected', async () => {
  const { id } = await organization.invite({ email: 'wrong@typo.test' });
  await usher.linkFor('wrong@typo.test');
  busy.add('wrong@typo.test');
  await forgot('wrong@typo.test');
  await tried('wrong@typo.test');
  expect((await organization.call('PATCH', `/invitations/${id}`, { email: 'right@typo.test' })).status).toBe(200);
  await takesMailAgain('wrong@typo.test');
  expect(mailed('wrong@typo.test', 'reset-password')).toEqual([]);
  // It has been tried, so the log keeps it and says why it was given up.
  const detail = 'Not sent: it is not for this recipient any more.';
  const [kept] = await mailsTo('wrong@typo.test');
  expect(kept).toMatchObject({ status: 'failed', detail });
  expect(kept.attempts).toMatchObject([{ response: expect.stringContaining('451') }, { response: detail }]);
  expect((await organization.call('GET', `/invitations/${id}`)).body.status).toBe('pending');
});

test('nor once the person has confirmed another address of theirs', async () => {
  const person = await signedInPerson(usher, organization, 'old@moved.test');
  busy.add('old@moved.test');
  await forgot('old@moved.test');
  await tried('old@moved.test');
  await person.call('PUT', '/v1/me/email', { currentPassword: goodPassword, email: 'new@moved.test' });
  const [token = ''] = await tokensFor('new@moved.test', 'confirm-email');
  expect((await confirm(token)).status).toBe(204);
  await takesMailAgain('old@moved.test');
  expect(mailed('old@moved.test', 'reset-password')).toEqual([]);
});

test('it is delivered late all the same to who still has the address', async () => {
  await signedInPerson(usher, organization, 'Patient@moved.test');
  busy.add('patient@moved.test');
  await forgot('patient@moved.test');
  await tried('Patient@moved.test');
  busy.delete('patient@moved.test');
  const [token = ''] = await tokensFor('patient@moved.test', 'reset-password');
  expect((await reset(token)).status).toBe(204);
});

test('whatever ends all sessions gives up an address that somebody at an open session has asked for', async () => {
  const byPassword = await signedInPerson(usher, organization, 'changed@thief.test');
  const byReset = await signedInPerson(usher, organization, 'reset@thief.test');
  const byStatus = await signedInPerson(usher, organization, 'paused@thief.test');
  const ask = async (person: typeof byReset, email: string) => {
    busy.add(email);
    await person.call('PUT', '/v1/me/email', { currentPassword: goodPassword, email });
    await tried(email);
  };
  await ask(byPassword, 'evil-1@thief.test');
  await ask(byReset, 'evil-2@thief.test');
  await ask(byStatus, 'evil-3@thief.test');
  await byPassword.call('PUT', '/v1/me/password', { currentPassword: goodPassword, password: newPassword });
  await forgot('reset@thief.test');
  const [token = ''] = await tokensFor('reset@thief.test', 'reset-password');
  expect((await reset(token)).status).toBe(204);
  await organization.call('POST', `/users/${byStatus.id}/deactivate`);
  await organization.call('POST', `/users/${byStatus.id}/activate`);
  for (const email of ['evil-1@thief.test', 'evil-2@thief.test', 'evil-3@thief.test']) {
    await takesMailAgain(email);
    expect(mailed(email, 'confirm-email')).toEqual([]);
  }
});

test('staff reach no role above their own by the invitation of an administrator', async () => {
  const staff = await signedInPerson(usher, organization, 'staff@roles.test', { staff: true });
  const base = '/v1/organizations/current/invitations';
  const administrator = { email: 'boss@roles.test', role: 'administrator' };
  const pending = await organization.invite(administrator);
  const draft = await organization.invite({ ...administrator, email: 'draft@roles.test', send: false });
  for (const refused of [
    await staff.call('PATCH', `${base}/${pending.id}`, { email: 'mine@roles.test' }),
    await staff.call('PATCH', `${base}/${pending.id}`, { message: 'Hello.' }),
    await staff.call('POST', `${base}/${pending.id}/link`),
    await staff.call('POST', `${base}/${pending.id}/resend`),
    await staff.call('POST', `${base}/${pending.id}/cancel`),
    await staff.call('POST', `${base}/${draft.id}/link`),
    await staff.call('POST', `${base}/${draft.id}/send`),
  ])
    expect(refused).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
  const after = (await organization.call('GET', `/invitations/${pending.id}`)).body;
  expect(after).toMatchObject({ status: 'pending', generation: 1, email: 'boss@roles.test' });
});

test('it is the role planned now that counts, not the one the invitation began with', async () => {
  const staff = await signedInPerson(usher, organization, 'staff@planned.test', { staff: true });
  const base = '/v1/organizations/current/invitations';
  const userOf = async (email: string) =>
    (await organization.call('GET', `/users?q=${email}`)).body.items[0].id as string;
  const raised = await organization.invite({ email: 'raised@planned.test' });
  const lowered = await organization.invite({ email: 'lowered@planned.test', role: 'administrator' });
  const change = async (email: string, role: string) =>
    expect((await organization.call('PATCH', `/users/${await userOf(email)}`, { role })).status).toBe(200);
  await change('raised@planned.test', 'administrator');
  expect((await staff.call('POST', `${base}/${raised.id}/link`)).status).toBe(403);
  const boss = await signedInPerson(usher, organization, 'boss@planned.test', { role: 'administrator' });
  await change('lowered@planned.test', 'staff');
  expect((await staff.call('POST', `${base}/${lowered.id}/resend`)).status).toBe(200);
  expect((await boss.call('POST', `${base}/${raised.id}/resend`)).status).toBe(200);
  expect((await visitor(usher).call('POST', `${base}/${raised.id}/resend`)).status).toBe(401);
});
