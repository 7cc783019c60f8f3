import type { ReceivedMail } from './mail-server';
import { browserAccept } from './visitor';
import { type CallOptions, eventually, goodPassword, type Reply, type TestOrganization, type TestUsher } from './usher';

/** A browser as far as the API can tell: it keeps its cookies. */
export interface Visitor {
  call(method: string, path: string, body?: unknown, options?: CallOptions): Promise<Reply>;
  /** The password alone: where a second factor is on, this is half of it. */
  signIn(login: string, password?: string): Promise<Reply>;
  /** The other half. */
  giveCode(code: string): Promise<Reply>;
  cookies: Map<string, string>;
}

export function visitor(usher: TestUsher): Visitor {
  const cookies = new Map<string, string>();
  const call: Visitor['call'] = async (method, path, body, { headers = {} } = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const reply = await usher.call(method, path, body, {
      key: null,
      // Whatever is not the API's is a page, which browsers ask for in their way.
      headers: { ...(!path.startsWith('/v1/') && { accept: browserAccept }), ...(cookie && { cookie }), ...headers },
    });
    for (const line of (reply.headers['set-cookie'] as unknown as string[] | undefined) ?? []) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    return reply;
  };
  return {
    call,
    cookies,
    signIn: (login, password = goodPassword) => call('POST', '/v1/auth/sign-in', { login, password }),
    giveCode: (code) => call('POST', '/v1/auth/two-factor', { code }),
  };
}

/** A person who has accepted an invitation into the organization. */
export interface Person extends Visitor {
  id: string;
  email: string;
}

/** The newest code mailed to this address, once `count` have been. */
export async function mailedCode(usher: TestUsher, email: string, count = 1): Promise<string> {
  const mails = await eventually(
    () => Promise.resolve(usher.mail.messages.filter(({ to }) => to.includes(email.toLowerCase())).flatMap(codeIn)),
    (codes) => codes.length >= count,
  );
  return mails.at(-1) ?? '';
}

const codeIn = ({ parsed }: ReceivedMail): string[] => /^\d{6}$/m.exec(parsed.text ?? '') ?? [];

/** Invites, accepts with `goodPassword`, and signs in, with the code that is mailed where the policy asks for one. */
export async function signedInPerson(
  usher: TestUsher,
  organization: TestOrganization,
  email: string,
  fields: Record<string, unknown> = {},
): Promise<Person> {
  await organization.invite({ email, firstName: 'Ada', lastName: 'Lovelace', ...fields });
  const { token } = await usher.linkFor(email);
  const accepted = await usher.call(
    'POST',
    `/v1/invitation-tokens/${token}/accept`,
    { password: goodPassword },
    { key: null },
  );
  if (accepted.status !== 200) throw new Error(`not accepted: ${accepted.text}`);
  const person = visitor(usher);
  const signedIn = await person.signIn(email);
  if (signedIn.status !== 200) throw new Error(`not signed in: ${signedIn.text}`);
  if (signedIn.body.status === 'two-factor-required') {
    const given = await person.giveCode(await mailedCode(usher, email));
    if (given.status !== 200) throw new Error(`no second factor: ${given.text}`);
  }
  return { ...person, id: accepted.body.userId as string, email };
}
