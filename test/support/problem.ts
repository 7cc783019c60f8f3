import { type ProblemCode, problems } from '../../domain/problem';
import type { Reply } from './usher';

const inside = /\bat .+:\d+:\d+|node_modules|\bselect\b.+\bfrom\b|insert into|violates|constraint|knex|ECONN/i;

/**
 * That an answer is this refusal, in the form that every refusal has: RFC 9457, without a word from inside.
 * @param pointers exactly the fields that are to be named, in any order
 */
export function expectProblem(reply: Reply, code: ProblemCode, pointers?: string[]): void {
  const [status, title] = problems[code];
  expect({ status: reply.status, code: reply.body.code as unknown }).toEqual({ status, code });
  expect(reply.headers['content-type']).toBe('application/problem+json; charset=utf-8');
  expect(reply.body).toMatchObject({ title, status, code });
  expect(reply.body.type).toBe(`urn:usher:problem:${code.toLowerCase().replaceAll('_', '-')}`);
  expect(reply.body.detail).toMatch(/\S/);
  expect(reply.text).not.toMatch(inside);
  const known = ['type', 'title', 'status', 'detail', 'code', 'errors', 'requestId'];
  expect(Object.keys(reply.body as object).filter((field) => !known.includes(field))).toEqual([]);
  const errors = (reply.body.errors ?? []) as { pointer: string; message: string; line?: number; column?: number }[];
  for (const { line, column, ...error } of errors) {
    expect(error).toEqual({ pointer: error.pointer, message: expect.stringMatching(/\S/) });
    // Both or neither.
    expect(Number.isInteger(line)).toBe(Number.isInteger(column));
  }
  if (pointers) expect([...new Set(errors.map(({ pointer }) => pointer))].sort()).toEqual([...pointers].sort());
}
