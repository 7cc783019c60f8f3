import pino, { type Logger } from 'pino';

/** What of an error a log may hold: what kind, where, and which rule of the database. Messages may quote people's data. */
function describeError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code, constraint, table, severity } = error as Error & Record<string, unknown>;
  return {
    type: error.name,
    // PostgreSQL's errors quote values ("Key (email)=(…)"); code and constraint say as much.
    message: severity === undefined ? error.message : `PostgreSQL ${String(code)}`,
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
