import { startUsher, type TestOrganization, type TestUsher } from '../support/usher';

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
