/**
 * Who does something. `invitee`: whoever holds the link; `operator`: somebody in the Temporal UI; `system`: the passing
 * of time and the mail server's answers.
 */
export interface Actor {
  type: 'user' | 'api-key' | 'platform' | 'invitee' | 'operator' | 'system';
  id: string | null;
  /** A key's name, or what a person is called at this moment: invitations remember it, audit events only keys'. */
  name: string | null;
  ip?: string | null;
  userAgent?: string | null;
}

export const systemActor: Actor = { type: 'system', id: null, name: null };
export const operatorActor: Actor = { type: 'operator', id: null, name: null };

/** How an invitation remembers who created it. */
export function inviterOf(actor: Actor): {
  invitedByType: 'user' | 'api-key' | 'platform';
  invitedById: string | null;
  invitedByName: string | null;
} {
  const type = actor.type === 'user' || actor.type === 'api-key' ? actor.type : 'platform';
  return { invitedByType: type, invitedById: actor.id, invitedByName: actor.name };
}
