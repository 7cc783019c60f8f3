import type { Preset } from '../../domain/presets';
import type { Caller, DemoClient, Json } from './demo-client';

/** How somebody gets into the demo, for the table that is printed. */
export interface SignIn {
  who: 'administrator' | 'staff' | 'member' | 'guest';
  organization: string;
  email: string;
  /** The organization asks for a code that it mails. // B3 */
  code: boolean;
}

export interface MadeOrganization {
  id: string;
  name: string;
  preset: Preset;
}

interface Organization extends MadeOrganization {
  domain: string;
  /** As its administrator, signed in. */
  by: Caller;
  /** With a call's path relative to the organization. */
  call(method: string, path: string, body?: unknown): Promise<Json>;
  invite(who: string, fields?: object): Promise<Json>;
  /** Invited and accepted. @returns the user's id */
  join(who: string, fields?: object): Promise<string>;
  /** Invited for a second, and not come in time; then the policy is what it was. // E7, C5 */
  late(who: string, fields?: object): Promise<Json>;
  /** Invited and mailed, and the mail has come back: the address is not mailed any more. // E12, F4 */
  bounced(who: string, fields?: object): Promise<void>;
}

const dayMs = 86_400_000;
/** By the day, so that whoever goes on after an interruption asks for the same. */
const inDays = (days: number): string =>
  `${new Date(Date.now() + days * dayMs).toISOString().slice(0, 10)}T18:00:00.000Z`;

interface Wanted {
  name: string;
  preset: Preset;
  timeZone: string;
  locale: string;
  plan?: 'standard' | 'premium';
  licences?: number;
}

/** Every name is made up, and every address ends where no mail can go: example.com and example.org. */
export const names = {
  portal: { name: 'Lanternfish Studio', preset: 'guest-portal', timeZone: 'Europe/Berlin', locale: 'en' },
  creating: { name: 'Kieselbach & Töchter', preset: 'create-user', timeZone: 'Europe/Berlin', locale: 'de' },
  weeks: { name: 'Copperleaf Logistics', preset: '21-days', timeZone: 'Europe/London', locale: 'en' },
  inactive: { name: 'Institut Morgenrot', preset: '28-days', timeZone: 'Europe/Vienna', locale: 'de' },
  licensed: {
    name: 'Quillfeather Collective',
    preset: 'licensed-guests',
    timeZone: 'Europe/Berlin',
    locale: 'en',
    plan: 'premium',
    licences: 12,
  },
} as const satisfies Record<string, Wanted>;

/** One organization per preset, and somebody in every state in which anybody can be. */
export async function makeOrganizations(
  client: DemoClient,
): Promise<{ organizations: MadeOrganization[]; signIns: SignIn[] }> {
  const [portal, creating, weeks, inactive, licensed] = await Promise.all([
    open(client, names.portal, 'lanternfish.example.com', 'Odalys Brightwater'),
    open(client, names.creating, 'kieselbach.example.org', 'Walburga Kieselbach'),
    open(client, names.weeks, 'copperleaf.example.com', 'Peregrine Ashdown'),
    open(client, names.inactive, 'morgenrot.example.org', 'Thorwald Morgenstern'),
    open(client, names.licensed, 'quillfeather.example.com', 'Wilhelmina Quillfeather'),
  ]);
  await Promise.all([
    fillPortal(client, portal),
    fillCreating(client, creating),
    fillWeeks(client, weeks),
    fillInactive(inactive),
  ]);
  await fillLicensed(client, licensed);
  await severalOrganizations(client, { portal, creating, weeks, inactive, licensed });

  const all = [licensed, portal, creating, weeks, inactive];
  const signIns: SignIn[] = [
    ...all.map((organization): SignIn => ({
      who: 'administrator',
      organization: organization.name,
      email: `admin@${organization.domain}`,
      code: organization === portal || organization === creating,
    })),
    { who: 'staff', organization: licensed.name, email: `staff@${licensed.domain}`, code: false },
    { who: 'member', organization: licensed.name, email: `member@${licensed.domain}`, code: false },
    { who: 'guest', organization: `${licensed.name}, ${weeks.name}, ${inactive.name}`, email: guest, code: false },
  ];
  return { organizations: all.map(({ id, name, preset }) => ({ id, name, preset })), signIns };
}

/** Who is guest of three organizations and invited into a fourth. // A7 */
const guest = 'guest@example.org';

/** Makes it with the key of the platform; from then on its administrator acts, signed in. */
async function open(client: DemoClient, wanted: Wanted, domain: string, person: string): Promise<Organization> {
  const { call, platform } = client;
  const email = `admin@${domain}`;
  const { id } = await call(platform, 'POST', '/v1/organizations', {
    ...wanted,
    administrator: { email, ...nameOf(person) },
  });
  const path = `/v1/organizations/${id}`;
  const { items } = await call(platform, 'GET', `${path}/invitations?q=${email}`);
  const [invited] = items;
  if (invited?.status === 'pending') await client.accept(invited, nameOf(person));
  // Where reminders are part of the picture, open invitations show when the next one goes out. // F3
  await call(platform, 'PATCH', `${path}/policy`, { reminders: ['P7D', 'P1D'] });
  const by = await client.signIn(email);
  const organization: Organization = {
    id,
    name: wanted.name,
    preset: wanted.preset,
    domain,
    by,
    call: (method, rest, body) => call(by, method, `${path}${rest}`, body),
    invite: (who, fields = {}) =>
      organization.call('POST', '/invitations', { email: addressOf(who, domain), ...nameOf(who), ...fields }),
    join: async (who, fields) => client.accept(await organization.invite(who, fields), nameOf(who)),
    late: async (who, fields) => {
      const policy = await organization.call('GET', '/policy');
      await organization.call('PATCH', '/policy', { invitationLifetime: 'PT1S' });
      try {
        return await organization.invite(who, fields);
      } finally {
        await organization.call('PATCH', '/policy', { invitationLifetime: policy.invitationLifetime });
      }
    },
    bounced: async (who, fields) => {
      const invited = await organization.invite(who, fields);
      const mail = await eventually(async () => {
        const { items } = await organization.call('GET', `/emails?invitationId=${invited.id}`);
        return items.find(({ status }) => status === 'sent' || status === 'bounced');
      });
      await client.reportBounce(mail.id, invited.email);
    },
  };
  return organization;
}

/** For a program of theirs. What it is goes nowhere: whoever wants to use one makes another. */
async function makeKey(organization: Organization, name: string, fields: object = {}): Promise<void> {
  // Keys are made without an idempotency key, as their answer is a secret.
  const { items } = await organization.call('GET', '/api-keys');
  if (!items.some((key) => key.name === name)) await organization.call('POST', '/api-keys', { name, ...fields });
}

/** Guests who come from elsewhere, and go. // A */
async function fillPortal(client: DemoClient, portal: Organization): Promise<void> {
  const guests = { kind: 'guest' };
  await portal.join('Ferran Saltmarsh', { role: 'staff' });
  await portal.join('Isolde Penhaligon');
  const reviewers = await portal.call('POST', '/groups', { name: 'Reviewers', membersMayPublish: true });
  await portal.join('Caspian Thistlewood', { ...guests, groupIds: [reviewers.id] });
  await portal.join('Mirabel Ondine', guests);
  await portal.invite('Evander Nightingale', {
    ...guests,
    message: 'We would love to hear what you think of the spring issue.',
  });
  await portal.invite('Lorelei Hawksmoor', { ...guests, send: false });
  await client.decline(await portal.invite('Barnaby Wolfenden', guests), 'I have changed teams.');
  const wrong = await portal.invite('Sunniva Blackwood', guests);
  await portal.call('POST', `/invitations/${wrong.id}/cancel`);
  await portal.late('Leopold Frostwick', guests);
  const gone = await portal.join('Rosalind Featherstone', guests);
  await portal.call('DELETE', `/guests/${gone}`);
  await portal.bounced('Thessaly Moorcroft', guests);
  await makeKey(portal, 'Reading room');
}

/** Users who are made now and told later, and an address that takes no mail. // B, E12 */
async function fillCreating(client: DemoClient, creating: Organization): Promise<void> {
  await creating.join('Gundula Eisvogel', { role: 'staff' });
  await creating.join('Balthasar Lindenblatt');
  await creating.invite('Roswitha Nebelhorn', { send: false });
  await creating.invite('Kunibert Federkiel', { message: 'Schön, dass Sie bald bei uns sind!' });
  await creating.invite('Adelgunde Sturmfels', { email: `refused@${creating.domain}` });
  await creating.late('Lothar Spätling');
  const left = await creating.join('Hartmut Wanderfalk');
  await creating.call('POST', `/users/${left}/deactivate`);
  const guests = { kind: 'guest' };
  await creating.join('Apollonia Flussgras', guests);
  const gone = await creating.join('Veit Sommerkleid', guests);
  await creating.call('DELETE', `/guests/${gone}`);
  await client.decline(await creating.invite('Ludmilla Heiderose', guests), 'Ich bin nicht mehr zuständig.');
  await creating.bounced('Gottlieb Irrlauf');
  await makeKey(creating, 'Personalverwaltung');
}

/** Who did not come in time stays invited, and is sent another link. // C */
async function fillWeeks(client: DemoClient, weeks: Organization): Promise<void> {
  await weeks.join('Marigold Underhill', { role: 'staff' });
  await weeks.join('Ambrose Fairweather', { permissions: ['members.invite'] });
  await weeks.invite('Cordelia Winterbourne', { message: 'See you on Monday.\nBring comfortable shoes.' });
  await weeks.late('Horatio Slowcombe');
  const again = await weeks.invite('Philippa Marchbanks');
  await weeks.call('POST', `/invitations/${again.id}/resend`);
  const wrong = await weeks.invite('Tobias Driftwood');
  await weeks.call('POST', `/invitations/${wrong.id}/cancel`);
  await client.decline(await weeks.invite('Ottoline Greaves'), 'I never worked there.');
  const left = await weeks.join('Jasper Holloway');
  await weeks.call('POST', `/users/${left}/deactivate`);
  await reminded(weeks, 'Clementine Oakenshaw');
  await client.decline(await weeks.invite('Rufus Pennington', { kind: 'guest' }), 'Please ask my colleague.');
  await weeks.bounced('Emmeline Hartgrave');
  await makeKey(weeks, 'Shift planner', { expiresAt: inDays(180) });
}

/** The reminder is due two seconds after the sending. // F3 */
async function reminded(weeks: Organization, who: string): Promise<void> {
  const { invitationLifetime, reminders } = await weeks.call('GET', '/policy');
  await weeks.call('PATCH', '/policy', { invitationLifetime: 'PT504H', reminders: ['PT503H59M58S'] });
  try {
    await weeks.invite(who);
  } finally {
    await weeks.call('PATCH', '/policy', { invitationLifetime, reminders });
  }
}

/** Who did not come in time is inactive; one of them has been let in again by hand, until midnight. // E */
async function fillInactive(inactive: Organization): Promise<void> {
  await inactive.join('Siegrun Abendroth', { staff: true, username: 's.abendroth', userType: 'Lehrende' });
  await inactive.join('Ottokar Zwielicht', { username: 'o.zwielicht', userType: 'Studierende' });
  await inactive.invite('Hedwig Sonnentau', { username: 'h.sonnentau', userType: 'Studierende' });
  await inactive.late('Eberhard Schlafmütz', { userType: 'Studierende' });
  const byHand = await inactive.late('Friedolin Murmeltier', { userType: 'Studierende' });
  const corrected = await inactive.invite('Irmgard Morgentau', { email: `irmgrad@${inactive.domain}` });
  await inactive.call('PATCH', `/invitations/${corrected.id}`, { email: `irmgard@${inactive.domain}` });
  const user = await eventually(async () => {
    const { items } = await inactive.call('GET', `/users?q=${byHand.email}&status=inactive`);
    return items[0];
  });
  await inactive.call('POST', `/users/${user.id}/activate`);
  await inactive.late('Balduin Nachtfalter', { kind: 'guest' });
  await inactive.bounced('Wendelin Quellmoos', { userType: 'Studierende' });
  await makeKey(inactive, 'Lernplattform');
}

/** Groups of every visibility, both kinds of guest, and access that ends. // D */
async function fillLicensed(client: DemoClient, licensed: Organization): Promise<void> {
  // Its mails and the pages behind their links are in its own colour. // E3
  await licensed.call('PUT', '/branding', { logo: null, colour: '#0f766e', senderName: licensed.name });
  const group = (fields: object) => licensed.call('POST', '/groups', fields);
  const market = await group({ name: 'Marketplace', membersMayPublish: true, membersMayInviteGuests: true });
  const finance = await group({ name: 'Finance circle', visibility: 'private' });
  const moonlight = await group({ name: 'Project Moonlight', visibility: 'secret' });
  await licensed.join('Staff Rowan Larkspur', {
    email: `staff@${licensed.domain}`,
    role: 'staff',
    groupIds: [market.id],
  });
  const host = await licensed.join('Member Tamsin Elderflower', {
    email: `member@${licensed.domain}`,
    groupIds: [market.id, moonlight.id],
  });
  const guests = { kind: 'guest', groupIds: [market.id] };
  await licensed.join('Guest Juniper Vale', { ...guests, email: guest, guestType: 'partner' });
  await licensed.join('Evadne Starling', { ...guests, groupIds: [market.id, finance.id], guestType: 'freelancer' });
  await licensed.join('Lysander Merriweather', {
    ...guests,
    guestType: 'customer',
    accessEndsAt: inDays(21),
    sponsorId: host,
  });
  const resting = await licensed.join('Cyprian Hazelgrove', { ...guests, guestType: 'coworker' });
  await licensed.call('POST', `/users/${resting}/suspend`);
  await licensed.invite('Seraphina Goldcrest', { ...guests, guestType: 'customer' });
  await client.decline(await licensed.invite('Ignatius Pomfret', guests), 'Not my cup of tea.');
  await licensed.late('Dorothea Lingerlong', guests);
  // Nothing but a name: the link is handed over. // D10
  const byHand = await licensed.call('POST', '/invitations', { ...guests, ...nameOf('Alaric Stonebridge') });
  await licensed.call('POST', `/invitations/${byHand.id}/link`);
  await licensed.call('POST', '/invitations', { ...guests, ...nameOf('Undine Marshmallow') });
  await licensed.bounced('Florian Ashgrove', guests);
  await makeKey(licensed, 'Newsroom');
  await makeKey(licensed, 'Member directory', { expiresAt: inDays(90) });
}

/** One person in several organizations, and one invitation into two. // A7, C3 */
async function severalOrganizations(
  client: DemoClient,
  {
    portal,
    weeks,
    inactive,
    licensed,
  }: Record<'portal' | 'creating' | 'weeks' | 'inactive' | 'licensed', Organization>,
): Promise<void> {
  const person = await client.signIn(guest);
  for (const organization of [weeks, inactive]) {
    const { id } = await organization.call('POST', '/invitations', {
      kind: 'guest',
      email: guest,
      ...nameOf('Juniper Vale'),
    });
    await client.call(person, 'POST', `/v1/me/invitations/${id}/accept`);
  }
  await portal.invite('Juniper Vale', { kind: 'guest', email: guest });
  await client.call(client.platform, 'POST', `/v1/organizations/${weeks.id}/invitations`, {
    email: addressOf('Gwendolyn Bridgewater', weeks.domain),
    ...nameOf('Gwendolyn Bridgewater'),
    additionalOrganizationIds: [licensed.id],
  });
}

/** Every mail has gone out or been refused, and everybody who is late is too late, or reminded: what the screens show stays so. */
export async function untilSettled(client: DemoClient, organizations: MadeOrganization[]): Promise<void> {
  for (const { id } of organizations)
    await eventually(async () => {
      const { items } = await client.call(client.platform, 'GET', `/v1/organizations/${id}/invitations?limit=200`);
      const soon = (at: string | undefined): boolean => Date.parse(at ?? '') < Date.now() + 60_000;
      const waiting = items.some(
        ({ status, delivery, nextStep }) =>
          delivery.status === 'queued' || (status === 'pending' && soon(nextStep?.at)),
      );
      return waiting ? undefined : true;
    });
}

async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('The demo data did not come to rest within half a minute.');
}

function nameOf(person: string): { firstName: string; lastName: string } {
  const [firstName = '', lastName = ''] = person.split(' ').slice(-2);
  return { firstName, lastName };
}

/** `odalys@…`, in letters that every mail server takes; nobody shares a first name with somebody else of the same organization. */
function addressOf(person: string, domain: string): string {
  const local = person.toLowerCase().replace(/ä/g, 'ae').replace(/ö/g, 'oe').replace(/ü/g, 'ue').replace(/ß/g, 'ss');
  return `${local.split(' ').at(-2)}@${domain}`;
}
