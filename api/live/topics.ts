import { type Action, decide, type DecisionContext, type Person, theOrganization } from '../../domain/permissions';

/** What a person may see is what they may hear of: each topic with the action that its screen takes. */
const hearing = {
  users: 'users.read',
  groups: 'groups.read',
  invitations: 'invitations.manage',
  guests: 'guests.manage',
  licences: 'users.manage',
  emails: 'logs.read',
  audit: 'logs.read',
  imports: 'invitations.manage',
  figures: 'settings.manage',
  settings: 'settings.manage',
  templates: 'templates.manage',
  webhooks: 'webhooks.manage',
  keys: 'keys.manage',
} as const satisfies Record<string, Action>;

export type Topic = keyof typeof hearing;
export const topics = Object.keys(hearing) as Topic[];

/** By what an audit event's type begins with: the screens that may look different after it. */
const concerned: Record<string, readonly Topic[]> = {
  invitation: ['invitations', 'users', 'guests', 'licences', 'emails', 'figures'],
  account: ['users', 'guests', 'licences', 'emails'],
  user: ['users', 'guests', 'licences', 'invitations', 'emails', 'figures'],
  guest: ['guests', 'users', 'licences', 'emails'],
  group: ['groups', 'users', 'guests', 'licences'],
  organization: ['settings', 'licences'],
  policy: ['settings', 'invitations'],
  'api-key': ['keys'],
};

/** Everything, for a type that is not known here: to look once too often does no harm. */
export const topicsOf = (type: string): readonly Topic[] => [
  ...(concerned[type.split('.', 1)[0] ?? ''] ?? topics),
  'audit',
];

export interface Listening {
  person: Person;
  policy: DecisionContext;
}

export const mayHear = ({ person, policy }: Listening, topic: Topic): boolean =>
  decide(person, hearing[topic], theOrganization, policy).allowed;

/** Whose ids an event names are told to those who may read them in the audit log, and to nobody else. */
export const mayHearIds = ({ person, policy }: Listening): boolean =>
  decide(person, 'logs.read', theOrganization, policy).allowed;
