import { countingMails } from '../../db/commands/count-mail';
import { claimAccountMail, recordAccountMail } from '../../db/commands/account-mail';
import { createInvitation, type NewInvitation } from '../../db/commands/create-invitation';
import { changeGuest, removeGuest } from '../../db/commands/manage-guest';
import { recordReport } from '../../db/commands/record-report';
import { lockSeats, takeSeat } from '../../db/commands/take-seat';
import { inOrganization, openDatabase, readClock } from '../../db/database';
import * as severalOrganizations from '../../db/migrations/0008-several-organizations';
import { Organization } from '../../db/models/organization';
import { findSecurityReport } from '../../db/queries/find-security-report';
import type { Actor } from '../../domain/actor';
import { keyPerson } from '../../domain/permissions';
import { moved, setClock } from '../support/clock';
import { type Person, signedInPerson } from '../support/people';
import { tokenOf } from '../support/token';
import { eventually, goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

const renderedAlready = () => Promise.reject(new Error('rendered already'));
const uncounted = countingMails(Buffer.alloc(32), false);

let usher: TestUsher;
let db: ReturnType<typeof openDatabase>;
beforeAll(async () => {
  usher = await startUsher();
  db = openDatabase(usher.database.url);
});
afterEach(async () => {
  usher.mail.respond = () => 'accept';
  await setClock(usher, null);
});
afterAll(async () => {
  await db.destroy();
  await usher.stop();
});

const organization = (name: string, fields: Record<string, unknown> = {}) =>
  usher.createOrganization({ preset: 'licensed-guests', name, ...fields });
const at = ({ id }: TestOrganization, path: string) => `/v1/organizations/${id}${path}`;
const platform: Actor = { type: 'platform', id: null, name: null };
const accept = (invitation: { id: string; generation: number }, fields: Record<string, unknown> = {}) =>
  usher.call(
    'POST',
    `/v1/invitation-tokens/${tokenOf(usher, invitation)}/accept`,
    { password: goodPassword, ...fields },
    { key: null },
  );

/** Somebody who is at home elsewhere comes in by their profile. */
async function join(person: Person, there: TestOrganization, fields: Record<string, unknown> = {}): Promise<void> {
  const { id } = await there.invite({ email: person.email, ...fields });
  expect((await person.call('POST', `/v1/me/invitations/${id}/accept`)).status).toBe(200);
}

async function group(there: TestOrganization, fields: Record<string, unknown>): Promise<string> {
  const made = await there.call('POST', '/groups', fields);
  expect(made.status).toBe(201);
  return made.body.id as string;
}

async function userAt(there: TestOrganization, email: string): Promise<string> {
  const { items } = (await there.call('GET', `/users?q=${encodeURIComponent(email)}`)).body;
  expect(items).toHaveLength(1);
  return items[0].id as string;
}

const mailOf = async (invitationId: string, status: string) => {
  const rows = await eventually(
    () => usher.owner('emails').where({ invitation_id: invitationId, status }),
    (found) => found.length > 0,
  );
  return rows[0] as { id: string; message_id: string; recipient: string };
};
const bounced = (mail: { id: string; message_id: string; recipient: string }, status = '5.1.1') =>
  recordReport(
    db,
    {} as never,
    {
      kind: 'delivery',
      addresses: [],
      messageId: mail.message_id,
      recipients: [{ original: mail.recipient, final: null, action: 'failed', status, diagnostic: 'unknown here' }],
    },
    mail.id,
  );
const refuse = (address: string, code: number) => {
  usher.mail.respond = ({ to }) => (to.includes(address) ? { code, text: 'no' } : 'accept');
};

describe('whoever has an invitation sent elsewhere, or takes its link', () => {
  test('gets nothing that another organization has planned since and that is not theirs to give there', async () => {
    const [a, b] = [await organization('Here'), await organization('There')];
    const mel = await signedInPerson(usher, a, 'mel@example.com', { role: 'administrator' });
    await join(mel, b, { permissions: ['members.invite'] });
    const closed = await group(b, { name: 'Closed', visibility: 'private' });
    const plans: [string, (userId: string) => Promise<{ status: number }>][] = [
      ['as-it-was', () => Promise.resolve({ status: 200 })],
      ['administrator', (id) => b.call('PATCH', `/users/${id}`, { role: 'administrator' })],
      ['permissions', (id) => b.call('PATCH', `/users/${id}`, { permissions: ['logs.read'] })],
      ['groups', (id) => b.call('PUT', `/groups/${closed}/members/${id}`)],
    ];
    const tried: Record<string, number[]> = {};
    for (const [name, plan] of plans) {
      const email = `planned-${name}@example.com`;
      const made = await mel.call('POST', at(a, '/invitations'), {
        email,
        kind: 'member',
        additionalOrganizationIds: [b.id],
      });
      expect(made.status).toBe(201);
      expect((await plan(await userAt(b, email))).status).toBe(200);
      const path = at(a, `/invitations/${made.body.id}`);
      tried[name] = [
        (await mel.call('POST', `${path}/link`)).status,
        (await mel.call('PATCH', path, { email: `mine-${name}@example.com` })).status,
      ];
    }
    expect(tried).toEqual({
      'as-it-was': [200, 200],
      administrator: [403, 403],
      permissions: [403, 403],
      groups: [403, 403],
    });
  });

  test('may invite into each of its groups, and is not told which one is in the way', async () => {
    const a = await usher.createOrganization({ name: 'Groups' });
    const secret = await group(a, { name: 'Nightfall', visibility: 'secret' });
    const closed = await group(a, { name: 'Daybreak', visibility: 'private' });
    const mia = await signedInPerson(usher, a, 'mia@example.com', { permissions: ['invitations.manage'] });
    const uma = await signedInPerson(usher, a, 'uma@example.com', {
      permissions: ['users.manage', 'invitations.manage'],
    });
    const sam = await signedInPerson(usher, a, 'sam@example.com', { role: 'staff' });
    const gus = await signedInPerson(usher, a, 'gus@example.com', { permissions: ['invitations.manage'] });
    for (const id of [secret, closed])
      expect((await a.call('PUT', `/groups/${id}/members/${gus.id}`, { role: 'administrator' })).status).toBe(200);
    let count = 0;
    for (const groupId of [secret, closed])
      for (const kind of ['guest', 'member']) {
        count += 1;
        const email = `grouped-${count}@example.com`;
        const { id } = await a.invite({ kind, email, groupIds: [groupId] });
        const path = at(a, `/invitations/${id}`);
        for (const person of [mia, uma, sam]) {
          const refused = [
            await person.call('POST', `${path}/link`),
            await person.call('PATCH', path, { email: 'mine@example.com' }),
          ];
          for (const reply of refused) {
            expect(reply).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
            expect(reply.text).not.toMatch(new RegExp(`Nightfall|Daybreak|${groupId}`));
          }
        }
        const user = at(a, `/users/${await userAt(a, email)}`);
        expect((await uma.call('PATCH', user, { email: 'mine@example.com' })).status).toBe(403);
        // What leaves the address alone is theirs as before.
        expect((await mia.call('PATCH', path, { firstName: 'Ina' })).status).toBe(200);
        expect((await gus.call('PATCH', path, { email: `right-${count}@example.com` })).status).toBe(200);
        expect((await gus.call('POST', `${path}/link`)).status).toBe(200);
        expect((await a.call('POST', `/invitations/${id}/link`)).status).toBe(200);
      }
  });

  test('nor does a new password open the way, once the invitation has expired', async () => {
    const a = await usher.createOrganization({ name: 'Late' });
    const secret = await group(a, { name: 'Nightfall', visibility: 'secret' });
    const uma = await signedInPerson(usher, a, 'uma-expired@example.com', { permissions: ['users.manage'] });
    const { id } = await a.invite({ email: 'lapsed@example.com', groupIds: [secret] });
    await mailOf(id, 'sent');
    await usher
      .owner('invitations')
      .where({ id })
      .update({ expires_at: new Date(Date.now() - 1_000) });
    const user = `/users/${await userAt(a, 'lapsed@example.com')}`;
    const redirected = await uma.call('PATCH', at(a, user), { email: 'mine-late@example.com' });
    expect(redirected).toMatchObject({ status: 403, body: { code: 'FORBIDDEN' } });
    expect((await a.call('PATCH', user, { email: 'right-late@example.com' })).status).toBe(200);
  });
});

test('a security report is never read in the log: not while it waits, and not after it failed', async () => {
  const a = await organization('Reports');
  const reader = await signedInPerson(usher, a, 'reader@example.com', { role: 'administrator' });
  const who = await signedInPerson(usher, a, 'watched@example.com');
  refuse('reader@example.com', 451);
  expect((await reader.call('POST', at(a, `/users/${who.id}/security-report`))).status).toBe(200);
  const [mail] = (await eventually(
    () => usher.owner('account_mails').where({ account_id: reader.id, type: 'security-report' }),
    (rows) => rows.length > 0 && rows[0].attempts.length > 0,
  )) as [{ id: string }];
  const kept = () => usher.owner('account_mails').where({ id: mail.id }).first('status', 'html', 'text');
  expect(await kept()).toMatchObject({ status: 'queued', text: expect.stringContaining('watched@example.com') });
  const read = async () => (await a.call('GET', `/emails/${mail.id}`)).body;
  expect(await read()).toMatchObject({ status: 'queued', html: null, text: null });
  const suppressed = { organization_id: a.id, address: 'reader@example.com', reason: 'complaint' };
  await usher.owner('suppressed_addresses').insert({ id: usher.owner.raw('gen_random_uuid()'), ...suppressed });
  await usher
    .owner('account_mails')
    .where({ id: mail.id })
    .update({ due_at: new Date(0), lease_until: null });
  expect(await claimAccountMail(db, mail.id, 1_000, renderedAlready, uncounted)).toEqual({
    claimed: false,
    status: 'failed',
  });
  expect(await kept()).toEqual({ status: 'failed', html: null, text: null });
  expect(await read()).toMatchObject({ status: 'failed', html: null, text: null });
});

test('a security report is dropped without what it says once it is too late, and once it has come back', async () => {
  const a = await organization('Late reports');
  const reader = await signedInPerson(usher, a, 'late-reader@example.com', { role: 'administrator' });
  const who = await signedInPerson(usher, a, 'late-watched@example.com');
  refuse('late-reader@example.com', 451);
  const request = async (count: number) => {
    expect((await reader.call('POST', at(a, `/users/${who.id}/security-report`))).status).toBe(200);
    const rows = await eventually(
      () =>
        usher.owner('account_mails').where({ account_id: reader.id, type: 'security-report' }).orderBy('created_at'),
      (found) => found.length === count && found.every(({ attempts }) => attempts.length > 0),
    );
    return rows.at(-1) as { id: string; message_id: string; recipient: string };
  };
  const late = await request(1);
  const over = { due_at: new Date(0), lease_until: null, deadline: new Date(0) };
  await usher.owner('account_mails').where({ id: late.id }).update(over);
  await claimAccountMail(db, late.id, 1_000, renderedAlready, uncounted);
  const back = await request(2);
  expect((await bounced(back)).result).toBe('bounced');
  const rows = await usher.owner('account_mails').whereIn('id', [late.id, back.id]).orderBy('created_at');
  expect(rows.map(({ status, html, text }) => [status, html, text])).toEqual([
    ['failed', null, null],
    ['bounced', null, null],
  ]);
});

test('an erasure takes every address that has ever bounced along, and leaves hashes', async () => {
  const a = await organization('Erasing');
  const { id } = await a.invite({ email: 'wrong-one@example.com' });
  expect((await bounced(await mailOf(id, 'sent'))).result).toBe('bounced');
  expect((await a.call('PATCH', `/invitations/${id}`, { email: 'right-one@example.com' })).status).toBe(200);
  const moving = await signedInPerson(usher, a, 'old-address@example.com');
  await usher.owner('accounts').where({ id: moving.id }).update({ email: 'new-address@example.com' });
  for (const address of ['old-address@example.com', 'new-address@example.com'])
    await usher
      .owner('suppressed_addresses')
      .insert({ id: usher.owner.raw('gen_random_uuid()'), organization_id: a.id, address, reason: 'bounce' });
  const suppressed = () => usher.owner('suppressed_addresses').where({ organization_id: a.id }).pluck('address');
  expect(await suppressed()).toHaveLength(3);
  expect((await a.call('DELETE', `/users/${await userAt(a, 'right-one@')}`)).status).toBe(204);
  expect((await a.call('DELETE', `/users/${moving.id}`)).status).toBe(204);
  expect(await suppressed()).toEqual([null, null, null]);
});

test('answers do not go to an inviter who has left, and nothing keeps the address of one who is erased', async () => {
  const [a, b] = [await organization('Home of Zoe'), await organization('Guest of Zoe')];
  const zoe = await signedInPerson(usher, a, 'zoe@example.com', { role: 'staff' });
  await join(zoe, b, { permissions: ['guests.invite', 'invitations.manage'] });
  const invite = async (there: TestOrganization, email: string) => {
    const made = await zoe.call('POST', at(there, '/invitations'), { kind: 'guest', email });
    expect(made.status).toBe(201);
    return made.body.id as string;
  };
  const inB = await invite(b, 'guest-of-zoe@example.com');
  const inA = await invite(a, 'guest-at-home@example.com');
  const first = await mailOf(inA, 'sent');
  await mailOf(inB, 'sent');
  const replyTo = (table: string, there: TestOrganization) =>
    usher.owner(table).where({ organization_id: there.id }).whereNotNull('reply_to').pluck('reply_to');
  expect(await replyTo('emails', b)).toEqual([zoe.email]);
  expect((await a.call('POST', `/emails/${first.id}/resend`)).status).toBe(202);
  expect(await replyTo('account_mails', a)).toEqual([zoe.email]);

  expect((await zoe.call('DELETE', `/v1/me/organizations/${b.id}`)).status).toBe(204);
  expect(await replyTo('emails', b)).toEqual([]);
  expect((await b.call('POST', `/invitations/${inB}/resend`)).status).toBe(200);
  const [, again] = await usher.mail.waitForMail('guest-of-zoe@example.com', 2);
  expect(again?.parsed.replyTo).toBeUndefined();

  // As a mail that an older release had written would be.
  await usher.owner('emails').where({ invitation_id: inB }).update({ reply_to: zoe.email });
  const seen = () =>
    usher
      .owner('audit_events')
      .where({ actor_id: zoe.id })
      .where((some) => some.whereNotNull('ip').orWhereNotNull('user_agent'));
  expect((await seen()).length).toBeGreaterThan(0);
  expect((await a.call('DELETE', `/users/${zoe.id}`)).status).toBe(204);
  for (const [table, there] of [
    ['emails', a],
    ['emails', b],
    ['account_mails', a],
  ] as const)
    expect(await replyTo(table, there)).toEqual([]);
  expect(await seen()).toEqual([]);
});

test('whoever erases themselves leaves no address in the audit log either', async () => {
  const a = await organization('Farewell');
  const ann = await signedInPerson(usher, a, 'ann@example.com', { role: 'administrator' });
  await signedInPerson(usher, a, 'stays@example.com', { role: 'administrator' });
  expect((await ann.call('DELETE', at(a, `/users/${ann.id}`))).status).toBe(204);
  const events = await usher.owner('audit_events').where({ actor_id: ann.id }).select('type', 'ip', 'user_agent');
  expect(events.map(({ type }) => type)).toContain('user.erased');
  expect(events.filter(({ ip, user_agent: agent }) => ip !== null || agent !== null)).toEqual([]);
});

const wish = (email: string): NewInvitation => ({
  ...{ kind: 'member', email, username: null, firstName: null, lastName: null, groupIds: undefined, role: 'member' },
  ...{ permissions: [], userType: null, guestType: null, message: null, locale: null, send: true, expiresAt: null },
  ...{ accessEndsAt: null, sponsorId: null, externalId: null, metadata: null, redirectUrl: null, overwrite: false },
});

test('an inviter who is erased while they invite is named nowhere; afterwards they invite nobody', async () => {
  const a = await organization('Meanwhile');
  const zed = await signedInPerson(usher, a, 'zed@example.com', { role: 'staff' });
  const actor: Actor = { type: 'user', id: zed.id, name: 'Ada Lovelace' };
  const invite = (email: string, during: () => void) =>
    inOrganization(db, a.id, async (trx) => {
      const there = await Organization.query(trx).findById(a.id).throwIfNotFound();
      const made = await createInvitation(trx, there, wish(email), actor, await readClock(trx), keyPerson);
      during();
      // The erasure reaches the lock, or is done, while this is not committed.
      await new Promise((resolve) => setTimeout(resolve, 700));
      return made.invitation.id;
    });
  let erased: Promise<{ status: number }> | undefined;
  const id = await invite('meanwhile@example.com', () => {
    erased = a.call('DELETE', `/users/${zed.id}`);
    erased.catch(() => {});
  });
  expect((await erased)?.status).toBe(204);
  expect((await usher.owner('invitations').where({ id }).first('invited_by_name')).invited_by_name).toBeNull();
  await expect(invite('afterwards@example.com', () => {})).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});

test('once a copy has arrived, no reminder that was due before goes out', async () => {
  const a = await organization('Reminding');
  refuse('remind@example.com', 550);
  const { id } = await a.invite({ email: 'remind@example.com' });
  const mail = await mailOf(id, 'failed');
  usher.mail.respond = () => 'accept';
  const due = usher.owner.raw(`array[usher_now() - interval '1 hour', usher_now() + interval '1 day']`);
  await usher.owner('invitations').where({ id }).update({ reminder_at: due });
  expect((await a.call('POST', `/emails/${mail.id}/resend`)).status).toBe(202);
  const row = await eventually(
    () => usher.owner('invitations').where({ id }).first('delivery_status', 'reminder_at'),
    ({ delivery_status: status }) => status === 'sent',
  );
  expect(row.reminder_at).toHaveLength(1);
  expect(row.reminder_at[0].getTime()).toBeGreaterThan(Date.now());
});

test('what an inviter is to hear follows them to their new address', async () => {
  const a = await organization('News');
  const ina = await signedInPerson(usher, a, 'ina@example.com', { role: 'staff' });
  const made = (await ina.call('POST', at(a, '/invitations'), { email: 'news@example.com' })).body;
  await mailOf(made.id, 'sent');
  usher.mail.respond = () => ({ code: 451, text: 'no' });
  expect((await accept(made)).status).toBe(200);
  const [mail] = (await eventually(
    () => usher.owner('account_mails').where({ account_id: ina.id, type: 'invitation-accepted' }),
    (rows) => rows.length > 0 && rows[0].attempts.length > 0,
  )) as [{ id: string }];
  await usher.owner('accounts').where({ id: ina.id }).update({ email: 'ina-new@example.com' });
  const claim = await eventually(
    async () => {
      // The worker may take it first; it is refused again, then.
      await usher
        .owner('account_mails')
        .where({ id: mail.id })
        .update({ due_at: new Date(0), lease_until: null });
      return claimAccountMail(db, mail.id, 60_000, renderedAlready, uncounted);
    },
    ({ claimed }) => claimed,
  );
  expect(claim).toMatchObject({ claimed: true, mail: { recipient: 'ina-new@example.com' } });
  const logged = await usher.owner('account_mails').where({ id: mail.id }).first('recipient', 'status');
  expect(logged).toEqual({ recipient: 'ina-new@example.com', status: 'queued' });
  if (claim.claimed) await recordAccountMail(db, claim.mail, { result: 'accepted', response: '250 OK' });
});

describe('a mail that comes back', () => {
  const notices = (invitationId: string) =>
    usher.owner('inviter_notices').where({ invitation_id: invitationId }).orderBy('id').pluck('event');

  test('is no news of an invitation that was answered', async () => {
    const a = await organization('Late bounce');
    const ida = await signedInPerson(usher, a, 'ida@example.com', { role: 'staff' });
    const made = (await ida.call('POST', at(a, '/invitations'), { email: 'late-bounce@example.com' })).body;
    const mail = await mailOf(made.id, 'sent');
    expect((await accept(made)).status).toBe(200);
    expect((await bounced(mail, '4.4.7')).result).toBe('bounced');
    expect(await notices(made.id)).toEqual(['accepted']);
    const { items } = (await a.call('GET', `/invitations/${made.id}/timeline`)).body as { items: { event: string }[] };
    expect(items.map(({ event }) => event)).not.toContain('refused');
  });

  test('is news a second time where a copy had arrived in between', async () => {
    const a = await organization('Twice');
    const ivy = await signedInPerson(usher, a, 'ivy@example.com', { role: 'staff' });
    refuse('twice@example.com', 550);
    const { id } = (await ivy.call('POST', at(a, '/invitations'), { email: 'twice@example.com' })).body;
    const mail = await mailOf(id, 'failed');
    expect(await notices(id)).toEqual(['undeliverable']);
    usher.mail.respond = () => 'accept';
    expect((await a.call('POST', `/emails/${mail.id}/resend`)).status).toBe(202);
    const [copy] = await eventually(
      () => usher.owner('account_mails').where({ copy_of: mail.id, status: 'sent' }),
      (rows) => rows.length > 0,
    );
    expect((await bounced(copy, '5.2.1')).result).toBe('bounced');
    expect(await notices(id)).toEqual(['undeliverable', 'undeliverable']);
    // However often it is reported.
    await bounced(copy, '5.2.1');
    expect(await notices(id)).toHaveLength(2);
  });
});

test('a security report weighs what somebody has by their groups, and guests by the right to manage guests', async () => {
  const a = await organization('Weighing');
  const strong = await group(a, { name: 'Strong', permissions: ['logs.read'] });
  const ron = await signedInPerson(usher, a, 'ron@example.com', { permissions: ['users.manage'] });
  const gwen = await signedInPerson(usher, a, 'gwen@example.com', { permissions: ['guests.manage'] });
  const will = await signedInPerson(usher, a, 'will@example.com');
  const guest = await signedInPerson(usher, a, 'weighed-guest@example.com', { kind: 'guest' });
  const reads = (reader: Person, about: Person) =>
    inOrganization(db, a.id, async (trx) => (await findSecurityReport(trx, a.id, about.id, reader.id)) !== null);
  expect([await reads(ron, will), await reads(gwen, will)]).toEqual([true, false]);
  expect([await reads(ron, guest), await reads(gwen, guest)]).toEqual([true, true]);
  expect((await a.call('PUT', `/groups/${strong}/members/${will.id}`)).status).toBe(200);
  expect(await reads(ron, will)).toBe(false);
});

test('eight who wait while a limit of seats is set do not wait for each other', async () => {
  const a = await organization('Limit');
  await a.invite({ email: 'limit-first@example.com' });
  // A deadlock is seen in the numbers only: the command that it ends simply goes a second time.
  const deadlocks = async () => {
    const { rows } = await usher.owner.raw<{ rows: [{ count: string }] }>(
      'select deadlocks as count from pg_stat_database where datname = current_database()',
    );
    return Number(rows[0].count);
  };
  const before = await deadlocks();
  const eight = openDatabase(usher.database.url);
  const waiting = await inOrganization(db, a.id, async (trx) => {
    // Nothing but the lock is in their way: all of them have reached it when the limit is there.
    await lockSeats(trx, a.id);
    await trx('organizations').where({ id: a.id }).update({ licences: 6 });
    const calls = Array.from({ length: 8 }, () =>
      inOrganization(eight, a.id, (other) => takeSeat(other, a.id, 'licence')),
    );
    calls.forEach((call) => void call.catch(() => {}));
    await eventually(
      () => usher.owner.raw<{ rows: unknown[] }>(`select from pg_locks where locktype = 'advisory' and not granted`),
      ({ rows }) => rows.length === 8,
    );
    return { calls };
  });
  const ends = (await Promise.allSettled(waiting.calls)).map(({ status }) => status);
  expect(ends).toEqual(Array.from({ length: 8 }, () => 'fulfilled'));
  // A connection that ends has counted.
  await eight.destroy();
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect((await deadlocks()) - before).toBe(0);
});

test('an overdue invitation that changing or removing its guest has ended is told to its run', async () => {
  const a = await organization('Overdue');
  const other = await group(a, { name: 'Other', visibility: 'open' });
  const manager = { actor: platform, person: keyPerson };
  for (const [email, run] of [
    [
      'overdue-1@example.com',
      (id: string) => inOrganization(db, a.id, (trx) => changeGuest(trx, a.id, id, { groupIds: [other] }, manager)),
    ],
    ['overdue-2@example.com', (id: string) => inOrganization(db, a.id, (trx) => removeGuest(trx, a.id, id, manager))],
  ] as const) {
    const { id } = await a.invite({ kind: 'guest', email });
    await mailOf(id, 'sent');
    const userId = await userAt(a, email);
    await usher
      .owner('invitations')
      .where({ id })
      .update({ expires_at: new Date(Date.now() - 1_000) });
    const { changes } = await run(userId);
    expect(changes.map(({ invitationId, status }) => [invitationId, status])).toContainEqual([id, 'expired']);
  }
});

test('going back before several organizations removes open parts, also where the owner of the tables is no superuser', async () => {
  const [a, b] = [await organization('Whole'), await organization('Part')];
  const fields = { email: 'part@example.com', kind: 'member', additionalOrganizationIds: [b.id] };
  expect((await usher.call('POST', at(a, '/invitations'), fields)).status).toBe(201);
  const trx = await usher.owner.transaction();
  try {
    const parts = () => trx('invitations').where({ organization_id: b.id });
    expect(await parts()).toHaveLength(1);
    await trx.raw(`
      create role review_owner;
      grant usher_system to review_owner;
      grant create on schema public to usher_system;
      alter table invitations owner to review_owner;
      alter table memberships owner to review_owner;
      set local role review_owner`);
    await severalOrganizations.down(trx);
    await trx.raw('reset role');
    expect(await parts()).toEqual([]);
    expect(await trx('memberships').where({ organization_id: b.id })).toEqual([]);
  } finally {
    await trx.rollback();
  }
});

describe('what the program refuses at its edges', () => {
  test('the last administrator does not leave from the profile', async () => {
    const [a, b] = [await organization('Home'), await organization('Away')];
    const last = await signedInPerson(usher, a, 'last@example.com');
    await join(last, b, { role: 'administrator' });
    const leave = () => last.call('DELETE', `/v1/me/organizations/${b.id}`);
    expect(await leave()).toMatchObject({ status: 409, body: { code: 'LAST_ADMINISTRATOR' } });
    await signedInPerson(usher, b, 'next@example.com', { role: 'administrator' });
    expect((await leave()).status).toBe(204);
  });

  test('an invitation that was declined from the profile is not accepted there any more', async () => {
    const [a, b] = [await organization('Home'), await organization('Away')];
    const dora = await signedInPerson(usher, a, 'dora@example.com');
    const { id } = await b.invite({ email: dora.email });
    const answer = (what: string) => dora.call('POST', `/v1/me/invitations/${id}/${what}`);
    expect((await answer('decline')).status).toBe(200);
    expect(await answer('accept')).toMatchObject({ status: 410, body: { code: 'INVITATION_ANSWERED' } });
    expect((await b.call('GET', `/invitations/${id}`)).body.status).toBe('declined');
    expect((await dora.call('GET', '/v1/me/organizations')).text).not.toContain(b.id);
  });

  test('access is not extended once its run has removed the guest', async () => {
    const b = await organization('Host', {});
    await usher.call('PATCH', `/v1/organizations/${b.id}/policy`, { guestSuspensionAndEndDate: true });
    const guest = await signedInPerson(usher, b, 'over@example.com', { kind: 'guest' });
    const end = (ms: number) =>
      b.call('PATCH', `/guests/${guest.id}`, { accessEndsAt: moved(new Date(), ms).toISOString() });
    expect((await end(2_000)).status).toBe(200);
    await eventually(
      () => usher.owner('memberships').where({ organization_id: b.id, account_id: guest.id }),
      (rows) => rows.length === 0,
    );
    expect(await end(3_600_000)).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } });
  });

  test('a draft has no seat: once others have them all, neither link nor mail lets anybody in', async () => {
    const a = await organization('Seats', { licences: 2 });
    const draft = await a.invite({ email: 'seatless@example.com', send: false });
    await signedInPerson(usher, a, 'seated@example.com');
    expect((await usher.call('PATCH', `/v1/organizations/${a.id}`, { licences: 1 })).status).toBe(200);
    for (const way of ['send', 'link'])
      expect(await a.call('POST', `/invitations/${draft.id}/${way}`)).toMatchObject({
        status: 409,
        body: { code: 'NO_SEAT' },
      });
    expect((await a.call('GET', `/invitations/${draft.id}`)).body.status).toBe('draft');
    expect((await usher.call('PATCH', `/v1/organizations/${a.id}`, { licences: 2 })).status).toBe(200);
    expect((await a.call('POST', `/invitations/${draft.id}/link`)).status).toBe(200);
    const opened = (await a.call('GET', `/invitations/${draft.id}`)).body;
    expect((await accept(opened, { username: 'seatless' })).status).toBe(200);
  });
});
