import type { Request, Response } from 'express';
import { z } from 'zod';
import { readCookie } from '../pages/request';

/** A sentence that is shown once, on the next screen: `console.notices.<name>` with values. */
const noticeSchema = z.object({
  name: z.string().regex(/^[a-zA-Z]{1,40}$/),
  values: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
  tone: z.enum(['good', 'info', 'bad']),
});
export type Notice = Omit<z.infer<typeof noticeSchema>, 'values'> & {
  values: Record<string, string | number | null | undefined>;
};

const cookie = 'usher_notice';
const options = { path: '/console', httpOnly: true, sameSite: 'lax' } as const;

/** A cookie holds it, so that its values stand in no address, and a page that is loaded again does not repeat it. */
export function writeNotice(response: Response, baseUrl: string, notice: Notice): void {
  const values = Object.fromEntries(
    Object.entries(notice.values).map(([name, value]) => [
      name,
      typeof value === 'string' ? value.slice(0, 200) : (value ?? null),
    ]),
  );
  const text = Buffer.from(JSON.stringify({ ...notice, values })).toString('base64url');
  response.cookie(cookie, text, { ...options, secure: baseUrl.startsWith('https:'), maxAge: 60_000 });
}

export function readNotice(request: Request, response: Response): Notice | null {
  const text = readCookie(request, cookie);
  if (text === null) return null;
  response.clearCookie(cookie, options);
  try {
    return noticeSchema.safeParse(JSON.parse(Buffer.from(text, 'base64url').toString())).data ?? null;
  } catch {
    return null;
  }
}

/** Where to do something about it: `href` and `label` of the values. A cookie may say anything, so it leads to screens of ours only. */
export function linkOf({ values: { href, label } }: Notice): { href: string; label: string } | null {
  if (typeof href !== 'string' || typeof label !== 'string') return null;
  return /^\/console\/[\w/-]+$/.test(href) ? { href, label } : null;
}
