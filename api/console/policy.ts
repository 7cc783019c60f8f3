import type { Policy } from '../../domain/policy';
import { Problem } from '../../domain/problem';
import { hasText } from '../../i18n';
import { type Conflict, editedForm } from './conflict';
import { refusable } from './demand';
import { durationOf, durationWords } from './durations';
import type { FieldSpec, Form } from './forms';
import type { Screens } from './index';
import type { Page } from './page';
import { lines } from './permissions';
import { changedFields, mergeBoxes } from './shown';
import { consoleView } from './views';

interface PolicyData {
  form: Form;
  version: string;
  was: string;
  conflict: Conflict | null;
  timeZone: string;
  /** Whether accounts become inactive here, which is what reactivation is about. // E8, E9 */
  reactivates: boolean;
}

const policyView = consoleView<PolicyData>('policy');

/** Every field of the policy in plain words, with what follows from it. */
export function policyScreens({ get, post }: Screens): void {
  get('/console/policy', (page) => showPolicy(page));
  post(
    '/console/policy',
    (page) =>
      refusable(
        async () => {
          const applyToPending = page.field('applyToPending') === 'yes';
          const changed = changedPolicy(page, await page.ask<Policy>('GET O/policy'));
          const body = { ...changed, applyToPending };
          if (applyToPending || Object.keys(changed).length > 0)
            await page.ask('PATCH O/policy', { body, headers: { 'if-match': page.field('version') || '*' } });
          page.go('/console/policy', applyToPending ? 'policySavedForAll' : 'policySaved');
        },
        (problem) => showPolicy(page, problem),
      ),
    (page) => showPolicy(page, null, true),
  );
}

const lifetimes = ['P7D', 'P14D', 'P21D', 'P28D', 'P60D', 'P90D'];
const warnings = ['P1D', 'P3D', 'P7D', 'P14D', 'P30D'];
const reminders = ['P14D', 'P7D', 'P3D', 'P2D', 'P1D'];
const requiredFields = ['email', 'firstName', 'lastName'] as const;

const other = 'other';
const none = 'none';

/** Fields of the form that are one field of the policy. */
const together = [
  ['invitationLifetime', 'invitationLifetimeOther'],
  ['guestAccessWarning', 'guestAccessWarningOther'],
  ['quietHours', 'quietFrom', 'quietTo'],
];

/** What was changed in the form, as the API has it. */
function changedPolicy(page: Page, now: Policy): Record<string, unknown> {
  const changed = changedFields(page, fieldsOf(page, now), together);
  if (changed.has('otherReminders')) changed.add('reminders');
  return Object.fromEntries(Object.entries(typedPolicy(page, now)).filter(([name]) => changed.has(name)));
}

/** The policy as it stands in the form. */
function typedPolicy(page: Page, now: Policy): Record<string, unknown> {
  const duration = (name: string) => {
    const chosen = page.field(name);
    return chosen === other ? durationOf(page.field(`${name}Other`)) : chosen;
  };
  const warning = duration('guestAccessWarning');
  const domains = lines(page.field('allowedEmailDomains'));
  const length = page.field('password').trim();
  const is = (name: string) => page.field(name) === 'yes';
  return {
    invitationLifetime: duration('invitationLifetime'),
    resendAfterExpiry: is('resendAfterExpiry'),
    onExpiry: page.field('onExpiry'),
    requiredFields: mergeBoxes(page, 'requiredFields', now.requiredFields),
    deriveUsername: is('deriveUsername'),
    reminders: typedReminders(page, now).map(({ duration }) => duration),
    quietHours: is('quietHours') ? { from: page.field('quietFrom'), to: page.field('quietTo') } : null,
    membersMayInviteGuests: is('membersMayInviteGuests'),
    password: { minLength: /^\d{1,4}$/.test(length) ? Number(length) : length },
    twoFactor: page.field('twoFactor'),
    guestAccessWarning: warning === none ? null : warning,
    guestSuspensionAndEndDate: is('guestSuspensionAndEndDate'),
    allowedEmailDomains: domains.length > 0 ? domains : null,
    notifyInviter: is('notifyInviter'),
    redirectOrigins: lines(page.field('redirectOrigins')),
  };
}

const known = (reminder: string) => reminders.includes(reminder);

/** Each once, with the field that it stands in. */
function typedReminders(page: Page, now: Policy): { duration: string; field: string }[] {
  const boxes = mergeBoxes(page, 'reminders', now.reminders.filter(known));
  const ticked = boxes.map((duration) => ({ duration, field: 'reminders' }));
  const others = changedFields(page, fieldsOf(page, now)).has('otherReminders')
    ? lines(page.field('otherReminders')).map(durationOf)
    : now.reminders.filter((reminder) => !known(reminder));
  const written = others.map((duration) => ({ duration, field: 'otherReminders' }));
  const all = [...ticked, ...written];
  return all.filter(({ duration }, index) => all.findIndex((each) => each.duration === duration) === index);
}

/** The API speaks of the policy; the form has two fields for some of it, and marks the one that was used. */
function atForm(page: Page, now: Policy, problem: Problem): Problem {
  const typed = typedReminders(page, now);
  const errors = problem.options.errors?.map((error) => {
    const [, name = '', rest = ''] = error.pointer.split('/');
    // The whole list is refused where there are too many.
    const reminder = rest === '' ? typed.at(-1) : typed[Number(rest)];
    const fields: Record<string, string | undefined> = {
      invitationLifetime: page.field(name) === other ? `${name}Other` : name,
      guestAccessWarning: page.field(name) === other ? `${name}Other` : name,
      reminders: reminder?.field,
      quietHours: { from: 'quietFrom', to: 'quietTo' }[rest],
    };
    return { ...error, pointer: `/${fields[name] ?? name}` };
  });
  return new Problem(problem.code, problem.message, { ...problem.options, ...(errors && { errors }) });
}

/** A duration in words, or what there is besides one. */
const durationName = (page: Page, choice: string): string =>
  choice === other || choice === none
    ? page.t(`console.policy.durations.${choice}`)
    : durationWords(page.locale, choice);

function fieldsOf(page: Page, policy: Policy): FieldSpec[] {
  const yes = (on: boolean) => (on ? 'yes' : '');
  const duration = (name: 'invitationLifetime' | 'guestAccessWarning', choices: string[]): FieldSpec[] => {
    const value = policy[name] ?? none;
    const listed = choices.includes(value);
    return [
      {
        name,
        kind: 'select',
        choices: [...choices, other].map((choice) => ({ value: choice, label: durationName(page, choice) })),
        value: listed ? value : other,
      },
      { name: `${name}Other`, value: listed ? '' : durationWords(page.locale, value) },
    ];
  };
  const options = (name: string, values: readonly string[]) =>
    values.map((value) => ({
      value,
      label: page.t(`console.policy.${name}.${value}`),
      hint: hasText(page.locale, `console.policy.${name}.${value}Hint`)
        ? page.t(`console.policy.${name}.${value}Hint`)
        : null,
    }));
  const specs: FieldSpec[] = [
    ...duration('invitationLifetime', lifetimes),
    { name: 'resendAfterExpiry', kind: 'checkbox', value: yes(policy.resendAfterExpiry) },
    {
      name: 'onExpiry',
      kind: 'radios',
      choices: options('onExpiry', ['inactive', 'keep-invited']),
      value: policy.onExpiry,
    },
    {
      name: 'requiredFields',
      kind: 'checkboxes',
      choices: options('requiredFields', requiredFields),
      value: policy.requiredFields,
    },
    { name: 'deriveUsername', kind: 'checkbox', value: yes(policy.deriveUsername) },
    { name: 'notifyInviter', kind: 'checkbox', value: yes(policy.notifyInviter) },
    {
      name: 'reminders',
      kind: 'checkboxes',
      choices: reminders.map((value) => ({
        value,
        label: page.t('console.policy.before', { duration: durationName(page, value) }),
      })),
      value: policy.reminders.filter(known),
    },
    {
      name: 'otherReminders',
      kind: 'textarea',
      rows: 2,
      value: policy.reminders
        .filter((reminder) => !known(reminder))
        .map((reminder) => durationWords(page.locale, reminder))
        .join('\n'),
    },
    { name: 'quietHours', kind: 'checkbox', value: yes(policy.quietHours !== null) },
    { name: 'quietFrom', kind: 'time', value: policy.quietHours?.from ?? '22:00' },
    { name: 'quietTo', kind: 'time', value: policy.quietHours?.to ?? '07:00' },
    { name: 'membersMayInviteGuests', kind: 'checkbox', value: yes(policy.membersMayInviteGuests) },
    { name: 'guestSuspensionAndEndDate', kind: 'checkbox', value: yes(policy.guestSuspensionAndEndDate) },
    ...duration('guestAccessWarning', [none, ...warnings]),
    { name: 'password', kind: 'number', required: true, value: String(policy.password.minLength) },
    {
      name: 'twoFactor',
      kind: 'radios',
      choices: options('twoFactor', ['optional', 'email', 'app']),
      value: policy.twoFactor,
    },
    { name: 'allowedEmailDomains', kind: 'textarea', rows: 3, value: (policy.allowedEmailDomains ?? []).join('\n') },
    { name: 'redirectOrigins', kind: 'textarea', rows: 3, value: policy.redirectOrigins.join('\n') },
    { name: 'applyToPending', kind: 'checkbox', value: '' },
  ];
  return specs.map((spec) => ({ ...spec, words: `console.policy.fields.${spec.name}` }));
}

async function showPolicy(page: Page, problem: Problem | null = null, again = false): Promise<void> {
  const { body, etag = '' } = await page.reply('GET O/policy');
  const policy = body as Policy;
  const specs = fieldsOf(page, policy);
  const edited = editedForm(page, specs, {
    etag,
    reload: '/console/policy',
    problem,
    again,
    // Whether a change is to reach open invitations is asked anew each time; it is no part of the policy.
    asked: ['applyToPending'],
    together,
    atForm: (refused) => atForm(page, policy, refused),
  });
  const data: PolicyData = {
    ...edited,
    timeZone: page.timeZone,
    reactivates: policy.onExpiry === 'inactive',
  };
  if (problem) page.showAgain(policyView, data, problem);
  else page.show(policyView, data);
}
