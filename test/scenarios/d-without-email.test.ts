import { visitor } from '../support/people';
import { goodPassword, startUsher, type TestOrganization, type TestUsher } from '../support/usher';

let usher: TestUsher;
let organization: TestOrganization;
beforeAll(async () => {
  usher = await startUsher();
  organization = await usher.createOrganization({ preset: 'licensed-guests', name: 'Host' });
});
afterAll(() => usher.stop());

const tokenIn = (url: string) => new URL(url).pathname.split('/').at(-1) ?? '';

test('D10: a guest is invited without an address, by a link with a QR code that is handed over', async () => {
  const draft = await organization.invite({ kind: 'guest', firstName: 'Ada', lastName: 'Lovelace' });
  expect(draft).toMatchObject({ email: null, status: 'draft', delivery: { status: 'none' }, expiresAt: null });
  const link = await organization.call('POST', `/invitations/${draft.id}/link`);
  expect(link.status).toBe(200);
  const { url, qrCode } = link.body as { url: string; qrCode: { png: string; svg: string } };
  const png = Buffer.from(/^data:image\/png;base64,(.+)$/.exec(qrCode.png)?.[1] ?? '', 'base64');
  expect(png.subarray(1, 4).toString()).toBe('PNG');
  expect(png.length).toBeGreaterThan(500);
  expect(qrCode.svg).toMatch(/^<svg/);
  const pending = (await organization.call('GET', `/invitations/${draft.id}`)).body;
  expect(pending).toMatchObject({ status: 'pending', delivery: { status: 'none' } });
  expect(usher.mail.messages).toHaveLength(0);

  // A later link replaces the one before and keeps the term.
  const again = (await organization.call('POST', `/invitations/${draft.id}/link`)).body.url as string;
  expect((await organization.call('GET', `/invitations/${draft.id}`)).body.expiresAt).toBe(pending.expiresAt);
  const accept = (token: string, body: object) =>
    usher.call('POST', `/v1/invitation-tokens/${token}/accept`, body, { key: null });
  expect((await accept(tokenIn(url), { password: goodPassword, username: 'ada.l' })).status).toBe(410);
  const unnamed = await accept(tokenIn(again), { password: goodPassword });
  expect(unnamed).toMatchObject({ status: 400, body: { errors: [{ pointer: '/username' }] } });
  expect((await accept(tokenIn(again), { password: goodPassword, username: 'ada.l' })).status).toBe(200);
  // One use.
  expect((await accept(tokenIn(again), { password: goodPassword, username: 'ada.2' })).status).toBe(410);

  const ada = visitor(usher);
  expect((await ada.signIn('ADA.L')).status).toBe(200);
  const [listed] = (await organization.call('GET', '/guests')).body.items;
  expect(listed).toMatchObject({
    email: null,
    username: 'ada.l',
    displayName: 'Ada Lovelace (guest)',
    status: 'active',
  });

  // An address can be added later, and counts once it is confirmed there.
  const asked = await ada.call('PUT', '/v1/me/email', { currentPassword: goodPassword, email: 'ada.l@example.com' });
  expect(asked.status).toBe(202);
  expect((await ada.call('GET', '/v1/me')).body).toMatchObject({ email: null, pendingEmail: 'ada.l@example.com' });
  const [mail] = await usher.mail.waitForMail('ada.l@example.com');
  const token = /confirm-email\/([A-Za-z0-9_-]+)/.exec(mail?.parsed.text ?? '')?.[1];
  // Signed in as that very person: who is not has to choose a new password then.
  expect((await ada.call('POST', '/v1/auth/confirm-email', { token })).status).toBe(204);
  expect((await visitor(usher).signIn('ada.l@example.com')).status).toBe(200);
});

test('D10: a link by hand says nothing about an address: another person’s account is not taken by it', async () => {
  const draft = await organization.invite({ kind: 'guest', email: 'owner@example.com', send: false });
  const { url } = (await organization.call('POST', `/invitations/${draft.id}/link`)).body as { url: string };
  const accepted = await usher.call(
    'POST',
    `/v1/invitation-tokens/${tokenIn(url)}/accept`,
    { password: goodPassword, firstName: 'Not', lastName: 'Owner' },
    { key: null },
  );
  expect(accepted.status).toBe(200);
  expect((await visitor(usher).signIn('owner@example.com')).status).toBe(401);
});
