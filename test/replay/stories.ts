import type { WorkflowHandle } from '@temporalio/client';
import type { InvitationStatus } from '../../domain/invitation';
import { cancel, changed, resend } from '../../workflows/messages';
import { eventually, goodPassword, type TestOrganization, type TestUsher } from '../support/usher';

/** What is said of the people in the stories; none of it may be in a history. */
export const person = { firstName: 'Zebulon', lastName: 'Quirinus', message: 'Bring your own lantern.' };
export const mailDomain = 'people.example.com';
export const serverWords = 'Mailbox of Zebulon is full';
export const personalWords: readonly string[] = [
  ...Object.values(person),
  mailDomain,
  serverWords,
  goodPassword,
  'Lighthouse Keepers',
];

export interface Story {
  ends: InvitationStatus | 'gone';
  /** Lives through it in its own organization. @returns the workflow, which has ended or is about to */
  play: (this: void, stage: Stage) => Promise<WorkflowHandle>;
}

interface Stage {
  usher: TestUsher;
  email: string;
  organization: (this: void, preset: string, policy?: Record<string, unknown>) => Promise<TestOrganization>;
}

/** Answers as the stories want it: by the address. */
export function directMailServer({ mail }: TestUsher): void {
  mail.respond = ({ stage, to: [to = ''], attempt }) => {
    if (to.startsWith('refused')) return { code: 550, text: serverWords };
    if (to.startsWith('late') && stage === 'RCPT' && attempt === 2) return { code: 451, text: serverWords };
    if (to.startsWith('deferred') && stage === 'RCPT' && attempt === 1) return { code: 451, text: serverWords };
    return 'accept';
  };
}

export async function play(usher: TestUsher, name: string, story: Story): Promise<WorkflowHandle> {
  return story.play({
    usher,
    email: `${name}@${mailDomain}`,
    organization: (preset, policy) => usher.createOrganization({ name: 'Lighthouse Keepers', preset }, policy),
  });
}

/** One for every way an invitation may end, and for what may happen before; named like their files. */
export const stories: Record<string, Story> = {
  accepted: {
    ends: 'accepted',
    async play({ usher, email, organization }) {
      const { handle } = await invite(usher, await organization('28-days'), email);
      await accept(usher, email);
      return handle;
    },
  },
  declined: {
    ends: 'declined',
    async play({ usher, email, organization }) {
      const { handle } = await invite(usher, await organization('28-days'), email);
      const { token } = await usher.linkFor(email);
      await done(usher.call('POST', `/v1/invitation-tokens/${token}/decline`, {}, { key: null }));
      return handle;
    },
  },
  cancelled: {
    ends: 'cancelled',
    async play({ usher, email, organization }) {
      const acme = await organization('28-days');
      const { handle, id } = await invite(usher, acme, email);
      await done(acme.call('POST', `/invitations/${id}/cancel`));
      return handle;
    },
  },
  'cancelled-by-operator': {
    ends: 'cancelled',
    async play({ usher, email, organization }) {
      const { handle } = await invite(usher, await organization('28-days'), email);
      await handle.signal(cancel);
      return handle;
    },
  },
  'cancelled-in-temporal-ui': {
    ends: 'cancelled',
    async play({ usher, email, organization }) {
      const { handle } = await invite(usher, await organization('28-days'), email);
      await handle.cancel();
      return handle;
    },
  },
  expired: {
    ends: 'expired',
    async play({ usher, email, organization }) {
      return (await invite(usher, await organization('28-days', { invitationLifetime: 'PT3S' }), email)).handle;
    },
  },
  'refused-mail-then-expired': {
    ends: 'expired',
    async play({ usher, organization }) {
      const acme = await organization('28-days', { invitationLifetime: 'PT4S' });
      return (await invite(usher, acme, `refused@${mailDomain}`, 'failed')).handle;
    },
  },
  'resent-then-accepted': {
    ends: 'accepted',
    async play({ usher, email, organization }) {
      const acme = await organization('21-days');
      const { handle, id } = await invite(usher, acme, email);
      await done(acme.call('POST', `/invitations/${id}/resend`));
      await accept(usher, email, 2);
      return handle;
    },
  },
  'resent-by-operator-then-accepted': {
    ends: 'accepted',
    async play({ usher, email, organization }) {
      const { handle } = await invite(usher, await organization('21-days'), email);
      await handle.signal(resend);
      await accept(usher, email, 2);
      return handle;
    },
  },
  'expired-resent-then-accepted': {
    ends: 'accepted',
    async play({ usher, email, organization }) {
      const acme = await organization('21-days', { invitationLifetime: 'PT2S' });
      const { handle, id } = await invite(usher, acme, email);
      await handle.result();
      await done(usher.call('PATCH', `/v1/organizations/${acme.id}/policy`, { invitationLifetime: 'P21D' }));
      await done(acme.call('POST', `/invitations/${id}/resend`));
      await accept(usher, email, 2);
      return usher.temporal.workflow.getHandle(handle.workflowId);
    },
  },
  'corrected-then-accepted': {
    ends: 'accepted',
    async play({ usher, email, organization }) {
      const acme = await organization('28-days');
      const { handle, id } = await invite(usher, acme, `wrong-${email}`);
      await done(acme.call('PATCH', `/invitations/${id}`, { email }));
      await accept(usher, email);
      return handle;
    },
  },
  'link-by-hand-then-accepted': {
    ends: 'accepted',
    async play({ usher, organization }) {
      const acme = await organization('licensed-guests');
      const invitation = await acme.invite({ kind: 'guest', ...person });
      const { body } = await done(acme.call('POST', `/invitations/${invitation.id}/link`));
      const token = (body.url as string).split('/').at(-1) ?? '';
      const username = 'lantern-bearer';
      const answer = { username, password: goodPassword };
      const handle = usher.temporal.workflow.getHandle(invitation.workflowId as string);
      await eventually(
        () => handle.fetchHistory().catch(() => ({ events: [] })),
        (history) => (history.events ?? []).some(({ timerStartedEventAttributes: timer }) => timer),
      );
      await done(usher.call('POST', `/v1/invitation-tokens/${token}/accept`, answer, { key: null }));
      return handle;
    },
  },
  'deferred-mail-then-accepted': {
    ends: 'accepted',
    async play({ usher, organization }) {
      const email = `deferred@${mailDomain}`;
      const { handle } = await invite(usher, await organization('28-days'), email);
      await accept(usher, email);
      return handle;
    },
  },
  'reminded-then-accepted': {
    ends: 'accepted',
    async play({ usher, email, organization }) {
      const acme = await organization('28-days', { invitationLifetime: 'PT60S', reminders: ['PT52S'] });
      const { handle } = await invite(usher, acme, email);
      await accept(usher, email, 2);
      return handle;
    },
  },
  'reminded-late-then-expired': {
    ends: 'expired',
    async play({ usher, organization }) {
      const acme = await organization('28-days', { invitationLifetime: 'PT12S', reminders: ['PT9S'] });
      return (await invite(usher, acme, `late@${mailDomain}`)).handle;
    },
  },
  gone: {
    ends: 'gone',
    async play({ usher, email, organization }) {
      const { handle, id } = await invite(usher, await organization('28-days'), email);
      await usher.owner('invitations').where({ id }).delete();
      await handle.signal(changed);
      return handle;
    },
  },
};

/** Invited, mailed and on record, so that the run waits. */
async function invite(usher: TestUsher, organization: TestOrganization, email: string, delivery = 'sent') {
  const { id, workflowId } = await organization.invite({ email, ...person });
  await eventually(
    () => organization.call('GET', `/invitations/${id}`),
    ({ body }) => body.delivery.status === delivery,
  );
  return { id: id as string, handle: usher.temporal.workflow.getHandle(workflowId as string) };
}

async function accept(usher: TestUsher, email: string, count = 1): Promise<void> {
  const { token } = await usher.linkFor(email, count);
  await done(usher.call('POST', `/v1/invitation-tokens/${token}/accept`, { password: goodPassword }, { key: null }));
}

async function done(call: ReturnType<TestUsher['call']>) {
  const reply = await call;
  if (reply.status >= 300) throw new Error(`${reply.status}: ${reply.text}`);
  return reply;
}
