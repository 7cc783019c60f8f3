import express, { type Request, type Response } from 'express';
import type { z } from 'zod';
import { type FieldError, Problem } from '../domain/problem';

const parseJson = express.json({ limit: '1mb', strict: false, type: 'application/json' });

/**
 * The JSON body, read only now that the caller is known and allowed. @returns undefined where there is none
 * @throws Problem UNSUPPORTED_MEDIA_TYPE, TOO_LARGE, BAD_INPUT
 */
export async function readJson(request: Request, response: Response): Promise<unknown> {
  const hasBody = request.headers['transfer-encoding'] !== undefined || Number(request.get('content-length') ?? 0) > 0;
  if (!hasBody) return undefined;
  if (!request.is('application/json'))
    throw new Problem('UNSUPPORTED_MEDIA_TYPE', 'The body must be application/json.');
  await new Promise<void>((resolve, reject) => {
    parseJson(request, response, (error?: unknown) => (error ? reject(bodyProblem(error)) : resolve()));
  });
  return request.body as unknown;
}

const parseRaw = express.raw({ limit: '1mb', type: () => true });

/** The bytes of a body of one of these types. @throws Problem UNSUPPORTED_MEDIA_TYPE, TOO_LARGE, BAD_INPUT */
export async function readRaw(request: Request, response: Response, types: readonly string[]): Promise<Buffer> {
  if (!request.is([...types])) throw new Problem('UNSUPPORTED_MEDIA_TYPE', `The body must be ${types.join(' or ')}.`);
  await new Promise<void>((resolve, reject) => {
    parseRaw(request, response, (error?: unknown) => (error ? reject(bodyProblem(error)) : resolve()));
  });
  const body = request.body as unknown;
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

/** What body-parser refuses, in our words. */
export function bodyProblem(error: unknown): Error {
  const { status, type } = error as { status?: number; type?: string };
  if (status === 413) return new Problem('TOO_LARGE', 'The body is larger than one megabyte.');
  if (status === 415)
    return new Problem('UNSUPPORTED_MEDIA_TYPE', 'The character set or encoding of the body is not supported.');
  if (type === 'entity.parse.failed')
    return new Problem('BAD_INPUT', 'The body is not valid JSON.', {
      errors: [{ pointer: '', message: 'The body is not valid JSON.' }],
    });
  if (status !== undefined && status < 500) return new Problem('BAD_INPUT', 'The body could not be read.');
  return error as Error;
}

/** @throws Problem BAD_INPUT with a pointer for every fault */
export function validate<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const result = parseBounded(schema, value);
  if (result.success) return result.data;
  const errors = result.error.issues.flatMap(describeIssue);
  throw new Problem(
    'BAD_INPUT',
    `The ${what} is not valid: ${errors
      .map(({ message }) => message)
      .join(' ')
      .slice(0, 1_000)}`,
    {
      errors,
    },
  );
}

/** Nesting that exhausts the stack is bad input, too. */
function parseBounded<T>(schema: z.ZodType<T>, value: unknown): z.ZodSafeParseResult<T> {
  try {
    // The input tells a field that is missing from one of another kind.
    return schema.safeParse(value, { reportInput: true });
  } catch (error) {
    if (error instanceof RangeError) throw new Problem('BAD_INPUT', 'The body is nested too deeply.');
    throw error;
  }
}

function describeIssue(issue: z.core.$ZodIssue): FieldError[] {
  const at = (path: PropertyKey[]) =>
    path.map((part) => `/${String(part).slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
  if (issue.code === 'unrecognized_keys')
    return issue.keys
      .slice(0, 20)
      .map((key) => ({ pointer: at([...issue.path, key]), message: 'This field is not known.' }));
  const missing = issue.code === 'invalid_type' && issue.input === undefined;
  return [{ pointer: at(issue.path), message: missing ? 'This field is missing.' : issue.message }];
}
