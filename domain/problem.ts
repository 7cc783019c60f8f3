/** Every refusal a caller can meet: its stable code, HTTP status and title. One table, one class. */
export const problems = {
  BAD_INPUT: [400, 'What was entered cannot be used'],
  BAD_CURSOR: [400, 'This page of the list is not there'],
  WEAK_PASSWORD: [400, 'The password does not meet the rules'],
  UNAUTHENTICATED: [401, 'A sign-in is needed'],
  SIGN_IN_FAILED: [401, 'Name or password is wrong'],
  ACCOUNT_NOT_ACTIVE: [401, 'The account is not active'],
  WRONG_CODE: [401, 'The code is wrong'],
  FORBIDDEN: [403, 'Not allowed'],
  FOREIGN_ORIGIN: [403, 'The request came from another site'],
  WRONG_ACCOUNT: [403, 'The invitation is for another account'],
  WRONG_PASSWORD: [403, 'The current password is wrong'],
  REAUTHENTICATION_REQUIRED: [403, 'A newer sign-in is needed'],
  TWO_FACTOR_SETUP_REQUIRED: [403, 'An authenticator app must be set up first'],
  NOT_FOUND: [404, 'Not found'],
  INVITATION_PENDING: [409, 'This address has an open invitation already'],
  ALREADY_MEMBER: [409, 'This person belongs to the organization already'],
  USERNAME_TAKEN: [409, 'The username is taken'],
  GROUP_NAME_TAKEN: [409, 'There is a group of this name already'],
  GUEST_GROUP: [409, 'The group of guests stays as it is'],
  GROUP_NEEDED: [409, 'There are guests who have no other group'],
  GUEST_NOT_ADMINISTRATOR: [409, 'A guest administers no group'],
  LAST_ADMINISTRATOR: [409, 'The last administrator stays'],
  STATUS_CONFLICT: [409, 'The status does not allow this'],
  EMAIL_TAKEN: [409, 'The e-mail address is taken'],
  TWO_FACTOR_REQUIRED: [409, 'The organization requires a second factor'],
  ACCOUNT_INACTIVE: [409, 'This address belongs to an inactive account'],
  NO_SEAT: [409, 'No licence is free'],
  LICENCES_IN_USE: [409, 'More licences are in use'],
  SIGN_IN_REQUIRED: [409, 'Sign in to answer this invitation'],
  NO_EMAIL: [409, 'The invitation has no e-mail address'],
  NO_MAILBOX: [409, 'There is no address to send this to'],
  INVITATION_NOT_DRAFT: [409, 'The invitation has been sent already'],
  INVITATION_DRAFT: [409, 'The invitation has not been sent yet'],
  INVITATION_CLOSED: [409, 'The invitation has ended'],
  DEADLINE_PASSED: [409, 'The deadline of the invitation has passed'],
  RESEND_NOT_ALLOWED: [409, 'Expired invitations cannot be resent here'],
  MAIL_NOT_COPYABLE: [409, 'This mail cannot be sent again'],
  MAIL_QUEUED: [409, 'The mail is still on its way'],
  MAIL_SUPERSEDED: [409, 'A newer mail replaces this one'],
  ADDRESS_SUPPRESSED: [409, 'This address is not mailed any more'],
  INVITATION_SUPERSEDED: [410, 'A newer link replaces this one'],
  INVITATION_EXPIRED: [410, 'The invitation has expired'],
  INVITATION_CANCELLED: [410, 'The invitation was cancelled'],
  INVITATION_ANSWERED: [410, 'The invitation was answered already'],
  LINK_DEAD: [410, 'The link is not valid any more'],
  PRECONDITION_FAILED: [412, 'It has been changed meanwhile'],
  TOO_LARGE: [413, 'The request is too large'],
  UNSUPPORTED_MEDIA_TYPE: [415, 'This kind of content is not accepted'],
  IDEMPOTENCY_KEY_REUSED: [422, 'This was sent before, with other contents'],
  TOO_MANY_REQUESTS: [429, 'Too many requests'],
  INTERNAL: [500, 'Something went wrong'],
  UNAVAILABLE: [503, 'Temporarily unavailable'],
} as const satisfies Record<string, readonly [number, string]>;

export type ProblemCode = keyof typeof problems;

/** One fault in the input: a JSON pointer into the body (`/email`) and a sentence about it. */
export interface FieldError {
  pointer: string;
  message: string;
  /** Where in a text of several lines, counted from 1. */
  line?: number;
  column?: number;
}

/** A refusal that a caller is told. Whatever else is thrown becomes a 500 without a word from inside. */
export class Problem extends Error {
  readonly status: number;

  /**
   * @param detail one sentence for the caller: no other organization's data, no SQL, no stack
   * @param options errors: faults per input field · retryAfter: seconds, for 429 and 503
   */
  constructor(
    readonly code: ProblemCode,
    detail: string,
    readonly options: { errors?: FieldError[]; retryAfter?: number } = {},
  ) {
    super(detail);
    this.name = 'Problem';
    this.status = problems[code][0];
  }

  get title(): string {
    return problems[this.code][1];
  }
}

export const notFound = (what = 'resource'): Problem => new Problem('NOT_FOUND', `There is no such ${what}.`);

export const badInput = (...errors: FieldError[]): Problem =>
  new Problem('BAD_INPUT', errors.map((error) => error.message).join(' '), { errors });
