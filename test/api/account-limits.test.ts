import { randomUUID } from 'node:crypto';
import { signedInPerson, visitor } from '../support/people';
import { eventually, goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let organization: TestOrganization;
beforeAll(async () => {
  usher = await startUsher({ env: { USHER_RATE_LIMITS: 'on' } });
  organization = await usher.createOrganization({ preset: '28-days' });
});
afterAll(() => usher.stop());

const forgot = (email: string) => usher.call('POST', '/v1/auth/forgot-password', { email }, { key: null });

test('many forgotten passwords at once take no connections that others wait for', async () => {
  const asked = Array.from({ length: 40 }, (_, index) => forgot(`many-${index}@once.test`));
  const other = await organization.call('GET', '');
  expect(other.status).toBe(200);
  expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(Array<number>(40).fill(202));
});

/** Mails to the address, once none is waiting any more; one whose answer came too late, and that came again, is one mail. */
async function mailsTo(email: string): Promise<number> {
  await eventually(
    () => usher.owner('account_mails').where({ status: 'queued' }),
    (mails) => mails.length === 0,
  );
  const theirs = usher.mail.messages.filter(({ to }) => to.includes(email));
  return new Set(theirs.map(({ parsed }) => parsed.messageId)).size;
}

describe('guesses at the names of one account', () => {
  const guess = async (login: string, password = 'wrong') => (await visitor(usher).signIn(login, password)).status;
  const probe = async (email: string, username: string) => {
    for (let count = 0; count < 10; count += 1) await guess(email);
    return [await guess(email), await guess(username)];
  };

  test('are stopped by the name that was typed, so that nobody learns which names are one account’s, or anybody’s', async () => {
    await signedInPerson(usher, organization, 'alice@names.test', { username: 'alice.names' });
    const known = await probe('alice@names.test', 'alice.names');
    expect(await probe('bob@names.test', 'bob.names')).toEqual(known);
    expect(known).toEqual([429, 401]);
  });

  test('do not get more by using both: beyond the limit every further one is wrong', async () => {
    const person = await signedInPerson(usher, organization, 'carol@names.test', { username: 'carol.names' });
    for (let count = 0; count < 5; count += 1) await guess('carol@names.test');
    for (let count = 0; count < 5; count += 1) await guess('carol.names');
    expect(await guess('carol.names', goodPassword)).toBe(401);
    expect(await guess('carol@names.test', goodPassword)).toBe(401);
    expect((await person.call('GET', '/v1/me')).status).toBe(200);
    // From elsewhere, as the counters see it, the owner comes in.
    await usher
      .owner('rate_limits')
      .where('key', 'like', 'guess-pair%')
      .update({ key: usher.owner.raw(`key || 'x'`) });
    expect(await guess('carol.names', goodPassword)).toBe(200);
  });
});

test('one mailbox gets five mails an hour that strangers ask for, in whatever spelling', async () => {
  await signedInPerson(usher, organization, 'spelled@limits.test');
  const before = await mailsTo('spelled@limits.test');
  for (let index = 0; index < 12; index += 1) {
    const spelling = [...'spelled'].map((letter, bit) => ((index >> bit) & 1 ? letter.toUpperCase() : letter)).join('');
    expect((await forgot(`${spelling}@limits.test`)).status).toBe(202);
  }
  expect((await mailsTo('spelled@limits.test')) - before).toBe(5);
});

test('an organization floods nobody with mails, and is told when to go on', async () => {
  const person = await signedInPerson(usher, organization, 'managed@limits.test');
  const path = `/users/${person.id}`;
  const replies = [];
  for (let index = 0; index < 12; index += 1)
    replies.push(await organization.call('PATCH', path, { email: 'target@limits.test' }));
  expect(replies.map(({ status }) => status)).toEqual([...Array<number>(10).fill(200), 429, 429]);
  expect(replies.at(-1)?.body.code).toBe('TOO_MANY_REQUESTS');
  expect(Number(replies.at(-1)?.headers['retry-after'])).toBeGreaterThan(0);
  expect(await mailsTo('target@limits.test')).toBe(10);
  // The notices to the old address count as well; what sends nothing does not.
  expect((await organization.call('POST', `${path}/reset-password`)).status).toBe(429);
  expect((await organization.call('PATCH', path, { email: 'managed@limits.test', firstName: 'Eve' })).status).toBe(200);
});

test('a stranger cannot use up the mails that a person needs to change their own address', async () => {
  const person = await signedInPerson(usher, organization, 'mover@limits.test');
  for (let index = 0; index < 6; index += 1) await forgot('moved@limits.test');
  const change = () =>
    person.call('PUT', '/v1/me/email', { currentPassword: goodPassword, email: 'moved@limits.test' });
  expect((await change()).status).toBe(202);
  expect(await mailsTo('moved@limits.test')).toBe(1);
  for (let index = 0; index < 4; index += 1) await change();
  expect((await change()).body.code).toBe('TOO_MANY_REQUESTS');
});

test('who calls without a key has guessed none', async () => {
  await usher.owner('rate_limits').where('key', 'like', 'failure:%').delete();
  const failures = () => usher.owner('rate_limits').where('key', 'like', 'failure:%');
  expect((await usher.call('GET', '/v1/me', undefined, { key: null })).status).toBe(401);
  expect(await failures()).toEqual([]);
  expect((await usher.call('GET', '/v1/me', undefined, { key: 'a-key-that-nobody-has' })).status).toBe(401);
  expect(await failures()).toMatchObject([{ points: 1 }]);
});

describe('mails that organizations cause otherwise', () => {
  const ofOrganization = async ({ id }: { id: string }) =>
    Number(
      (
        await usher
          .owner('rate_limits')
          .where({ key: `mail-organization:${id}` })
          .first()
      )?.points ?? 0,
    );

  test('an operator’s resend counts as one by the API does, and is refused beyond the limits: nothing has changed then', async () => {
    const ours = await usher.createOrganization({ preset: '28-days' });
    const email = 'signalled@limits.test';
    const { id, workflowId } = await ours.invite({ email });
    await usher.mail.waitForMail(email);
    const run = usher.temporal.workflow.getHandle(workflowId as string);
    const generation = async () => (await ours.call('GET', `/invitations/${id}`)).body.generation as number;
    expect(await ofOrganization(ours)).toBe(1);
    const ofRecipients = async () =>
      Number((await usher.owner('rate_limits').where('key', 'like', 'mail-invitation:%').sum('points as sum'))[0]?.sum);
    const recipients = await ofRecipients();
    await run.signal('resend');
    await usher.mail.waitForMail(email, 2);
    expect(await ofOrganization(ours)).toBe(2);
    expect(await ofRecipients()).toBe(recipients + 1);

    const key = { key: `mail-organization:${ours.id}` };
    await usher.owner('rate_limits').where(key).update({ points: 2_000 });
    const steps = async () =>
      ((await run.fetchHistory()).events ?? []).filter(({ markerRecordedEventAttributes: marker }) => marker).length;
    const before = await steps();
    await run.signal('resend');
    // It has been carried out, and refused.
    await eventually(steps, (now) => now > before);
    expect(await generation()).toBe(2);
    expect(await ofOrganization(ours)).toBe(2_000);
    await usher.owner('rate_limits').where(key).update({ points: 5 });
    await run.signal('resend');
    await usher.mail.waitForMail(email, 3);
    expect(await generation()).toBe(3);

    // Refused likewise where the address is not mailed any more.
    await usher
      .owner('suppressed_addresses')
      .insert({ id: randomUUID(), organization_id: ours.id, address: email, reason: 'complaint' });
    const later = await steps();
    await run.signal('resend');
    await eventually(steps, (now) => now > later);
    expect(await generation()).toBe(3);
  });

  test('new passwords and changed addresses that it asks for count for it; a new address also for whoever has that', async () => {
    const ours = await usher.createOrganization({ preset: '28-days' });
    const person = await signedInPerson(usher, ours, 'counted@limits.test');
    const before = await ofOrganization(ours);
    expect((await ours.call('POST', `/users/${person.id}/reset-password`)).status).toBe(200);
    expect(await ofOrganization(ours)).toBe(before + 1);
    const others = () => usher.owner('rate_limits').where('key', 'like', 'mail-invitation:%').pluck('key');
    const known = new Set(await others());
    expect((await ours.call('PATCH', `/users/${person.id}`, { email: 'counted-2@limits.test' })).status).toBe(200);
    // To the new address, and a notice to the old one.
    expect(await ofOrganization(ours)).toBe(before + 3);
    expect((await others()).filter((key: string) => !known.has(key))).toHaveLength(1);
    await usher
      .owner('rate_limits')
      .where({ key: `mail-organization:${ours.id}` })
      .update({ points: 2_000 });
    const refused = await ours.call('POST', `/users/${person.id}/reset-password`);
    expect(refused).toMatchObject({ status: 429, body: { code: 'TOO_MANY_REQUESTS' } });
    expect((await ours.call('PATCH', `/users/${person.id}`, { firstName: 'Eve' })).status).toBe(200);
  });
});

test('a request that is refused or answered again has spent no mail that an organization may ask for', async () => {
  const ours = await usher.createOrganization({ preset: '28-days' });
  const editor = await signedInPerson(usher, ours, 'editor@limits.test', { role: 'administrator' });
  const spent = async () =>
    (await usher.owner('rate_limits').where('key', 'like', 'mail-managed:%').sum('points as sum'))[0]?.sum as string;
  const before = Number(await spent());
  const path = '/v1/organizations/current/email-templates/user-invitation/en/test';
  const headers = { 'idempotency-key': 'one-test' };
  const test = (body: object) => editor.call('POST', path, body, { headers });
  expect((await test({})).status).toBe(202);
  expect(Number(await spent())).toBe(before + 1);
  expect((await test({})).status).toBe(202);
  const draft = { subject: 'Hi', html: '<a href="{{link}}">{{link}}</a>', text: '{{link}}' };
  expect((await test(draft)).body.code).toBe('IDEMPOTENCY_KEY_REUSED');
  expect(Number(await spent())).toBe(before + 1);
  // Nor does a command of the console and API that says no.
  const person = await signedInPerson(usher, ours, 'let-go@limits.test');
  expect((await ours.call('POST', `/users/${person.id}/deactivate`)).status).toBe(200);
  const refused = await ours.call('POST', `/users/${person.id}/reset-password`);
  expect(refused.status).toBe(409);
  expect(Number(await spent())).toBe(before + 1);
});

describe('a recipient who has had ten mails within an hour that they did not ask for', () => {
  const flooded = () => usher.owner('rate_limits').where('key', 'like', 'mail-invitation:%');

  test('F3: is not reminded; the log says why, and the next reminder takes its turn', async () => {
    const email = 'flooded@limit.test';
    const short = await usher.createOrganization(
      {},
      { invitationLifetime: 'PT1H', reminders: ['PT59M55S', 'PT59M50S'] },
    );
    await flooded().delete();
    const { id } = await short.invite({ email });
    await flooded().update({ points: 10 });
    const log = async () => (await short.call('GET', `/emails?invitationId=${id}`)).body.items as { status: string }[];
    const [skipped] = await eventually(log, (mails) => mails.length === 2);
    expect(skipped).toMatchObject({
      type: 'invitation-reminder',
      status: 'failed',
      detail: 'Not sent: this recipient has been sent too many mails within an hour.',
    });
    // It counts once, however often it is looked at.
    expect(await flooded()).toMatchObject([{ points: 11 }]);
    await flooded().delete();
    await usher.mail.waitForMail(email, 2);
    const invitation = (await short.call('GET', `/invitations/${id}`)).body;
    expect(invitation).toMatchObject({ status: 'pending', delivery: { status: 'sent' } });
    expect(await flooded()).toMatchObject([{ points: 1 }]);
  });

  test('is not asked to confirm an address either, whoever wishes', async () => {
    const person = await signedInPerson(usher, organization, 'asker@limit.test');
    const change = (email: string) => person.call('PUT', '/v1/me/email', { currentPassword: goodPassword, email });
    await flooded().delete();
    expect((await change('target@limit.test')).status).toBe(202);
    await flooded().update({ points: 10 });
    const refused = await change('target@limit.test');
    expect(refused).toMatchObject({ status: 429, body: { code: 'TOO_MANY_REQUESTS' } });
    expect((await change('somebody@limit.test')).status).toBe(202);
    expect(await flooded().orderBy('points')).toMatchObject([{ points: 1 }, { points: 10 }]);
  });
});
