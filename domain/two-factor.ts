import type { Policy } from './policy';

/** What a sign-in asks for besides the password. */
export const factorMethods = ['none', 'email', 'app'] as const;
export type FactorMethod = (typeof factorMethods)[number];
export type FactorPolicy = Policy['twoFactor'];

/** What decides about a person's second factor. // B3 */
export interface FactorState {
  /** What they have chosen, or have been using since their first sign-in; null: nothing yet. */
  chosen: FactorMethod | null;
  /** The policies of all organizations that they belong to, as member or as guest: the strictest counts. */
  policies: FactorPolicy[];
  /** The proved address; without one there are no mail codes. */
  email: string | null;
}

/**
 * The factor that a sign-in asks for. Where the policy demands a factor, nobody has chosen to be without. Under `app`,
 * somebody who has no app yet gives the factor that they had until then, if any.
 */
export function presentFactor({ chosen, policies, email }: FactorState): FactorMethod {
  if (chosen === 'app') return 'app';
  if (email !== null && (chosen === 'email' || policies.includes('email'))) return 'email';
  return 'none';
}

/** Whether an app must be set up before anything else: it is demanded, or is the only factor that the person can have. */
export const mustSetUpApp = ({ chosen, policies, email }: FactorState): boolean =>
  chosen !== 'app' && (policies.includes('app') || (policies.includes('email') && email === null));

/** Whether the policies leave this method open to a person. */
export const mayChoose = (method: FactorMethod, policies: FactorPolicy[]): boolean =>
  method === 'app' || !policies.some((policy) => policy === 'app' || (policy === 'email' && method === 'none'));

/** A change of the factor needs a sign-in with all factors not older than this. */
export const freshSignInMs = 600_000;

/** How long a code by mail is taken. */
export const mailCodeLifetimeMs = 600_000;

/**
 * So many wrong codes may be given for one account, by whatever means and in however many sessions; after them none is
 * taken, not even a right one, until the time since the first of them has passed. Only who knows the password gets to
 * guess at codes, so no stranger can lock anybody out by this.
 */
export const wrongCodesAllowed = 5;
export const wrongCodesWindowMs = 3_600_000;

/** How long somebody may stay half signed in: long enough to ask for another code by mail. */
export const halfSignedInMs = 1_800_000;
