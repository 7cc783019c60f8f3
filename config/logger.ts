import pino, { type Logger } from 'pino';

/** Knex puts the statement, which may hold values, in front of what went wrong; Objection and db-errors keep both. */
const statement =
  /^\s*(with|select|insert|update|delete|begin|commit|rollback|savepoint|release|set|lock|alter|create)\b.* - /is;

/** What of an error a log may hold: what kind, where, and which rule of the database. Messages may quote people's data. */
export function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const native = (error as { nativeError?: unknown }).nativeError;
  const { code, constraint, table, severity } = { ...error, ...(native instanceof Error && native) } as Record<
    string,
    unknown
  >;
  // PostgreSQL's errors quote values ("Key (email)=(…)"); code and constraint say as much.
  const ofDatabase = native !== undefined || severity !== undefined || statement.test(error.message);
  return {
    type: error.name,
    ...(!ofDatabase && { message: error.message }),
    code,
    constraint,
    table,
    stack: error.stack
      ?.split('\n')
      .filter((line) => /^\s+at /.test(line))
      .slice(0, 12),
    ...(error.cause === undefined ? {} : { cause: describeError(error.cause) }),
  };
}

/** Structured logs to standard output. Secrets and personal data are not logged; what could slip in is redacted. */
export function createLogger(name: string, level: string): Logger {
  return pino({
    name,
    level,
    serializers: { err: describeError },
    redact: {
      paths: ['*.authorization', '*.cookie', '*.password', '*.token', '*.email', 'headers', '*.headers'],
      censor: '[redacted]',
    },
  });
}
