import { expectProblem } from '../support/problem';
import { tokenOf } from '../support/token';
import { goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let good: TestOrganization;
let bad: TestOrganization;
beforeAll(async () => {
  usher = await startUsher({ worker: false });
  good = await usher.createOrganization({ preset: 'licensed-guests', name: 'Good' });
  bad = await usher.createOrganization({ preset: 'licensed-guests', name: 'Bad' });
});
afterAll(() => usher.stop());

const accept = (token: string, body: object = {}) =>
  usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password: goodPassword, ...body }, { key: null });
const look = (token: string) => usher.call('GET', `/v1/invitation-tokens/${token}`, undefined, { key: null });
const byHand = async (organization: TestOrganization, id: string) =>
  ((await organization.call('POST', `/invitations/${id}/link`)).body.url as string).split('/').at(-1) ?? '';
const userIds = async (organization: TestOrganization) =>
  (await organization.call('GET', '/users')).body.items.map(({ id }: { id: string }) => id) as string[];

/** Somebody who has an account already, in the good organization. */
async function known(email: string, fields: object = {}): Promise<void> {
  const invitation = await good.invite({ email, ...fields });
  expect((await accept(tokenOf(usher, invitation))).status).toBe(200);
}

test('a link by hand proves no address: the owner of the address still gets their own account', async () => {
  const taken = await bad.invite({ email: 'ceo@victim.test', send: false });
  const token = await byHand(bad, taken.id as string);
  expect((await accept(token)).status).toBe(200);
  const invitation = await good.invite({ email: 'ceo@victim.test' });
  expect((await look(tokenOf(usher, invitation))).body.signInRequired).toBe(false);
  expect((await accept(tokenOf(usher, invitation))).status).toBe(200);
  expect((await bad.call('GET', '/users?q=ceo')).body.items).toMatchObject([{ status: 'active' }]);
  expect((await good.call('GET', '/users?q=ceo')).body.items).toMatchObject([{ status: 'active' }]);
});

test('an older invitation cannot be opened again once a later one has taken its place', async () => {
  const here = await usher.createOrganization({ preset: '21-days' }, { requiredFields: ['email'] });
  const first = await here.invite({ email: 'wrong@corrected.test' });
  await usher
    .owner('invitations')
    .where({ id: first.id as string })
    .update({ expires_at: new Date(Date.now() - 1_000) });
  const second = await here.invite({ email: 'wrong@corrected.test' });
  const corrected = await here.call('PATCH', `/invitations/${second.id}`, { email: 'right@corrected.test' });
  expect(corrected.status).toBe(200);
  expectProblem(await here.call('POST', `/invitations/${first.id}/resend`), 'INVITATION_CLOSED');
  expect((await accept(tokenOf(usher, corrected.body))).status).toBe(200);
  expect((await here.call('GET', '/users')).body.items).toMatchObject([
    { email: 'right@corrected.test', status: 'active' },
  ]);
});

describe('whether an address is known elsewhere does not show', () => {
  beforeAll(() => known('known@elsewhere.test', { username: 'known.name' }));

  test.each(['known@elsewhere.test', 'unknown@elsewhere.test'])('by correcting to %s', async (email) => {
    const here = await usher.createOrganization({ preset: '28-days' });
    const draft = await here.invite({ email: 'somebody@elsewhere.test', send: false });
    const before = await userIds(here);
    expect((await here.call('PATCH', `/invitations/${draft.id}`, { email })).status).toBe(200);
    expect(await userIds(here)).toEqual(before);
    const token = await byHand(here, draft.id as string);
    expect((await look(token)).body.signInRequired).toBe(false);
  });

  test.each(['known@elsewhere.test', 'unknown@elsewhere.test'])('by overwriting %s', async (email) => {
    const here = await usher.createOrganization({ preset: '28-days' });
    const first = await here.invite({ email });
    const [before] = await userIds(here);
    await usher
      .owner('invitations')
      .where({ id: first.id as string })
      .update({ expires_at: new Date(Date.now() - 1_000) });
    expectProblem(await here.call('POST', '/invitations', { email }), 'ACCOUNT_INACTIVE');
    await here.invite({ email, overwrite: true });
    expect(await userIds(here)).not.toContain(before);
  });

  test.each(['known@elsewhere.test', 'unknown@elsewhere.test'])('by the username that %s may have', async (email) => {
    const here = await usher.createOrganization({ preset: '28-days' });
    expectProblem(await here.call('POST', '/invitations', { email, username: 'Known.Name' }), 'USERNAME_TAKEN');
  });
});

test('what one organization writes about a person never reaches another', async () => {
  const ours = await good.invite({ email: 'shared@person.test' });
  await bad.invite({
    email: 'shared@person.test',
    send: false,
    username: 'b-wrote-this',
    firstName: 'SecretB',
    lastName: 'NameB',
  });
  const opened = await look(tokenOf(usher, ours));
  expect(opened.body).toMatchObject({ username: null, firstName: null, lastName: null });
  expect((await accept(tokenOf(usher, ours), { username: 'my-own-choice' })).status).toBe(200);
  const [user] = (await good.call('GET', '/users?q=shared@person')).body.items;
  expect(user).toMatchObject({ username: 'my-own-choice', firstName: null, lastName: null });
  const account = await usher.owner('accounts').first('home_organization_id').where({ email: 'shared@person.test' });
  expect(account).toEqual({ home_organization_id: good.id });
});

test('commands in each other’s way answer with a result, never with 503', async () => {
  const here = await usher.createOrganization({ preset: '28-days' });
  const invitations = [];
  for (let index = 0; index < 8; index += 1) invitations.push(await here.invite({ email: `swap-${index}@race.test` }));
  const ids = invitations.map(({ id }) => id as string);
  const statuses: number[] = [];
  for (let round = 0; round < 4; round += 1) {
    const answers = await Promise.all([
      here.call('PATCH', '/policy', { invitationLifetime: `P${10 + round}D`, applyToPending: true }),
      ...ids.map((id, index) => here.call('PATCH', `/invitations/${id}`, { message: `round ${round} of ${index}` })),
      here.call('PATCH', `/invitations/${ids[0]}`, { email: 'swap-1@race.test' }),
      here.call('PATCH', `/invitations/${ids[1]}`, { email: 'swap-0@race.test' }),
    ]);
    statuses.push(...answers.map(({ status }) => status));
  }
  expect(new Set(statuses)).toEqual(new Set([200, 409]));
});

test('resending, overwriting and inviting anew at once: one open invitation is left, and nobody is told to come back', async () => {
  const here = await usher.createOrganization({ preset: 'guest-portal' });
  for (let round = 0; round < 4; round += 1) {
    const email = `crowd-${round}@race.test`;
    const old = await here.invite({ email });
    await usher
      .owner('invitations')
      .where({ id: old.id as string })
      .update({ expires_at: new Date(Date.now() - 1_000) });
    const answers = await Promise.all([
      here.call('POST', `/invitations/${old.id}/resend`),
      here.call('POST', '/invitations', { email, overwrite: true }),
      here.call('POST', '/invitations', { email, overwrite: true }),
    ]);
    expect(answers.map(({ status }) => status)).not.toContain(503);
    expect(answers.filter(({ status }) => status < 300)).toHaveLength(1);
    const open = await here.call('GET', `/invitations?status=pending&q=${email}`);
    expect(open.body.items).toHaveLength(1);
  }
});
