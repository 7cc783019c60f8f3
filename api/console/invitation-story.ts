import { listInvitationEvents } from '../../db/queries/find-invitation';
import type { AuditEvent } from '../../db/models/audit-event';
import { actorName } from './actors';
import type { Page } from './page';

export interface StoryEvent {
  word: string;
  glyph: string;
  tone: string;
  actor: string;
  at: string;
}

/** How what happened to an invitation looks. Words: `console.events.<name>`. */
const looks = {
  created: { glyph: 'plus', tone: 'quiet' },
  sent: { glyph: 'mail', tone: 'wait' },
  delivered: { glyph: 'check', tone: 'good' },
  refused: { glyph: 'warn', tone: 'bad' },
  bounced: { glyph: 'warn', tone: 'bad' },
  reminded: { glyph: 'mail', tone: 'wait' },
  resent: { glyph: 'mail', tone: 'wait' },
  copied: { glyph: 'mail', tone: 'wait' },
  linked: { glyph: 'link', tone: 'wait' },
  relinked: { glyph: 'link', tone: 'wait' },
  corrected: { glyph: 'draft', tone: 'quiet' },
  edited: { glyph: 'draft', tone: 'quiet' },
  'new-link-requested': { glyph: 'info', tone: 'warn' },
  complained: { glyph: 'warn', tone: 'bad' },
  suppressed: { glyph: 'warn', tone: 'bad' },
  accepted: { glyph: 'check', tone: 'good' },
  declined: { glyph: 'cross', tone: 'bad' },
  cancelled: { glyph: 'off', tone: 'quiet' },
  expired: { glyph: 'expired', tone: 'warn' },
} as const;

type Told = keyof typeof looks;

/** null: nothing that people look for in a timeline. */
function toldOf({ type, data }: AuditEvent): Told | null {
  if (type === 'email.copied') return 'copied';
  if (type === 'email.address-suppressed') return data['reason'] === 'complaint' ? 'complained' : 'suppressed';
  if (type === 'invitation.refused' && data['bounced'] === true) return 'bounced';
  // A link by hand is no mail. // D10
  if (data['byHand'] === true && type === 'invitation.sent') return 'linked';
  if (data['byHand'] === true && type === 'invitation.resent') return 'relinked';
  const [subject, name = ''] = type.split('.');
  return subject === 'invitation' && name in looks ? (name as Told) : null;
}

/**
 * Everything that happened to an invitation, with who did it, oldest first: also what the API's timeline, whose events are
 * named in the contract, has no name for. // F2
 * @param id of an invitation that the person may see
 */
export async function storyOf(page: Page, id: string): Promise<StoryEvent[]> {
  const events = await page.read((trx) => listInvitationEvents(trx, page.organization.id, id));
  return events.flatMap((event) => {
    const told = toldOf(event);
    if (told === null) return [];
    const { actorType, actorName: name } = event;
    // What stands there for whoever has no name of their own is English.
    const actor = actorName(page, actorType, ['user', 'api-key'].includes(actorType) ? name : null);
    return [{ word: page.t(`console.events.${told}`), ...looks[told], actor, at: event.at.toISOString() }];
  });
}
