import type { WorkflowHandle } from '@temporalio/client';
import { signedInPerson } from '../support/people';
import { eventually, type TestUsher } from '../support/usher';
import { mailDomain, person, serverWords } from './stories';

/** Every way in which the workflows beside `invitation` may go, named like their files. @returns the workflow, which ends by itself */
export const otherStories: Record<string, (this: void, usher: TestUsher) => Promise<WorkflowHandle>> = {
  'account-mail-sent': async (usher) => forgotten(usher, 'mailed', () => 'accept'),
  'account-mail-deferred-then-sent': async (usher) =>
    forgotten(usher, 'later', (n) => (n === 1 ? { code: 451, text: serverWords } : 'accept')),
  'account-mail-refused': async (usher) => forgotten(usher, 'full', () => ({ code: 550, text: serverWords })),

  'guest-access-warned-extended-and-ended': async (usher) => {
    const { id, organization, change } = await guestOf(usher, 'temporary', { guestAccessWarning: 'PT3S' });
    await change(4_500);
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    await change(2_000);
    return usher.temporal.workflow.getHandle(`guest-access:${organization}:${id}`);
  },
  'guest-access-no-end-after-all': async (usher) => {
    const { id, organization, change } = await guestOf(usher, 'unlimited');
    await change(60_000);
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await change(null);
    return usher.temporal.workflow.getHandle(`guest-access:${organization}:${id}`);
  },

  'reset-unused-reactivations': async (usher) => {
    const workflowId = `recorded-${crypto.randomUUID()}`;
    return usher.temporal.workflow.start('resetUnusedReactivations', { workflowId, taskQueue: 'usher' });
  },
};

async function guestOf(usher: TestUsher, name: string, policy: Record<string, unknown> = {}) {
  const home = await usher.createOrganization({ preset: '28-days' });
  const host = await usher.createOrganization({ preset: 'licensed-guests', name: 'Lighthouse Keepers' }, policy);
  const guest = await signedInPerson(usher, home, `${name}@${mailDomain}`, person);
  const invitation = await host.invite({ kind: 'guest', email: guest.email });
  await guest.call('POST', `/v1/me/invitations/${invitation.id}/accept`);
  return {
    id: guest.id,
    organization: host.id,
    change: (ms: number | null) =>
      host.call('PATCH', `/guests/${guest.id}`, {
        accessEndsAt: ms === null ? null : new Date(Date.now() + ms).toISOString(),
      }),
  };
}

type Answer = 'accept' | { code: number; text: string };

/** The run of the mail about a forgotten password; the mail server answers its first, second … try like this. */
async function forgotten(usher: TestUsher, name: string, answer: (n: number) => Answer): Promise<WorkflowHandle> {
  const organization = await usher.createOrganization({ preset: '28-days' });
  const someone = await signedInPerson(usher, organization, `${name}@${mailDomain}`, person);
  const { respond } = usher.mail;
  let tries = 0;
  usher.mail.respond = ({ stage, to }) => {
    if (stage !== 'RCPT' || !to.includes(someone.email)) return 'accept';
    tries += 1;
    return answer(tries);
  };
  await usher.call('POST', '/v1/auth/forgot-password', { email: someone.email }, { key: null });
  const { id } = await usher.owner('account_mails').first('id').where({ recipient: someone.email });
  const handle = usher.temporal.workflow.getHandle(`account-mail:${id}`);
  await eventually(
    () => handle.describe().catch(() => null),
    (found) => found?.status.name === 'COMPLETED',
  );
  usher.mail.respond = respond;
  return handle;
}
