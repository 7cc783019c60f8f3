import type { Request } from 'express';
import { z } from 'zod';
import { seal, unseal } from '../../domain/sealed';
import type { KeyRing } from '../../domain/token';
import { typedField } from './request';

/** How long after it was shown a form opens its page again, once the cookie of its link has run out: a working day. */
const longestMs = 12 * 60 * 60 * 1000;

const held = z.tuple([z.string(), z.number()]);
const about = (invitationId: string): string => `page of invitation ${invitationId}`;

/**
 * What a form of an invitation's page brings along, so that nothing typed is lost when the cookie of the link runs out
 * meanwhile. It is sealed, opens nothing but the page it came from, and only by being sent: no address takes it.
 */
export const sealLink = (keys: KeyRing, invitationId: string, token: string, now: Date): string =>
  seal(keys, about(invitationId), Buffer.from(JSON.stringify([token, now.getTime() + longestMs])));

/** The token of the link by which the form was shown, and until when it counts; null: none of ours. */
export function unsealLink(
  keys: KeyRing,
  invitationId: string,
  request: Request,
): { token: string; until: Date } | null {
  const plain = unseal(keys, about(invitationId), typedField(request, 'held'));
  if (!plain) return null;
  const [token, until] = held.parse(JSON.parse(plain.toString()));
  return { token, until: new Date(until) };
}
