import { invitationToken, parseKeyRing } from '../../domain/token';
import type { TestUsher } from './usher';

/** The token of a link as the worker computes it, for tests that need no mail. */
export const tokenOf = (
  usher: TestUsher,
  { id, generation }: { id: string; generation: number },
  secret = usher.env['USHER_SECRET'] ?? '',
): string => invitationToken(parseKeyRing(secret), { invitationId: id, generation });
